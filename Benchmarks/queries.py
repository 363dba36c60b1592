"""Queries on a repository of a million datasets: Steward and the Python server, alternating, and SQLite alone."""

from __future__ import annotations

import os
import statistics
import time
from typing import Any

import servers
import sqlite_alone
import wire
from databases import Databases
from query_requests import Request, Requests

LABEL = "bench"
MEGABYTE = 1e6


class Bench:
    """The two servers on one repository."""

    def __init__(self, steward: str, server_python: str, repository: str, databases: Databases):
        self.databases = databases
        self.steward = steward
        self.server_python = server_python
        self.repository = repository

    @property
    def database(self) -> str:
        return os.path.join(self.repository, "gen3.sqlite3")

    def run(self, *, quick: bool, full: bool) -> dict:
        load = os.getloadavg()
        with (
            servers.steward(self.steward, self.repository, LABEL) as ours,
            servers.python(self.server_python, self.repository, LABEL) as theirs,
        ):
            time.sleep(1)
            requests = Requests(ours.port, LABEL)
            ceiling = self.ceiling(ours, requests.streams()[0])
            ours_runs, theirs_runs = (3, 1) if quick else (9, 3)
            streams = [self.streamed(ours, theirs, r, ours_runs, theirs_runs) for r in requests.streams()]
            streams += [self.streamed(ours, theirs, r, ours_runs, 1 if full else 0) for r in requests.long_streams()]
            few, many = (5, 50) if quick else (20, 300)
            latencies = [self.latency(ours, theirs, r, many, few) for r in requests.small()]
        return {
            "repository": self.repository,
            "load_average": [load, os.getloadavg()],
            "client_rows_per_s": round(ceiling),
            "streams": streams,
            "latencies": latencies,
            "memory": {
                "steward": self.memory(servers.steward(self.steward, self.repository, LABEL), 1_000_000),
                "python": self.memory(
                    servers.python(self.server_python, self.repository, LABEL), 1_000_000 if full else 100_000
                ),
            },
        }

    def bytes(self, server: servers.Server, request: Request) -> bytes:
        path = f"/api/butler/repo/{LABEL}/v1/{request.path}"
        return wire.request_bytes(server.port, "POST", path, request.body)

    def stream(self, server: servers.Server, request: Request) -> wire.Streamed:
        before = server.processor_seconds()
        streamed = wire.stream(server.port, self.bytes(server, request), request.mark)
        streamed.processor_seconds = server.processor_seconds() - before
        return streamed

    def ceiling(self, server: servers.Server, request: Request) -> float:
        """What the client can take: pages as the server sends them, from a server that does nothing else."""
        with wire.Connection(server.port) as connection:
            _, body = connection.exchange(self.bytes(server, request))
        start = body.index(b"\r\n") + 2
        page = body[start : body.index(b"}\n", start) + 2]
        return wire.client_ceiling(page, request.mark, pages=400, runs=3)

    # Many rows

    def streamed(
        self, ours: servers.Server, theirs: servers.Server, request: Request, ours_runs: int, theirs_runs: int
    ) -> dict:
        self.stream(ours, request)
        mine, other = [], []
        for number in range(ours_runs):
            mine.append(self.stream(ours, request))
            if number * theirs_runs // ours_runs == len(other) < theirs_runs:
                other.append(self.stream(theirs, request))
        counts = {streamed.rows for streamed in mine + other}
        if len(counts) != 1:
            raise SystemExit(f"{request.name}: the servers sent different numbers of rows: {counts}")
        result = {"name": request.name, "rows": counts.pop(), "steward": _rates(mine)}
        if other:
            result["python"] = _rates(other)
            result["ratio"] = round(result["steward"]["rows_per_s"] / result["python"]["rows_per_s"], 1)
            result["processor_ratio"] = round(
                result["steward"]["rows_per_processor_s"] / result["python"]["rows_per_processor_s"], 1)
            result["first_page_ratio"] = round(
                result["python"]["first_page_ms"] / result["steward"]["first_page_ms"], 1)
        return result | self.alone(request, result["steward"])

    def alone(self, request: Request, ours: dict) -> dict:
        """The rate of the database alone; of SQLite the better of two ways to measure it."""
        explained = [sqlite_alone.explained(self.steward, self.repository, request.explain) for _ in range(3)]
        rates = [e["rows"] / e["seconds"] for e in explained]
        if self.databases.is_server:
            return {
                "database_rows_per_s": round(max(rates)), "part_of_database": round(ours["rows_per_s"] / max(rates), 2),
                "sql": explained[0]["sql"],
            }
        stepped = sqlite_alone.stepped(self.database, explained[0]["sql"], 5)
        best = max(*rates, stepped.rows / statistics.median(stepped.seconds))
        return {
            "database_rows_per_s": round(best),
            "database_explain_rows_per_s": round(statistics.median(rates)),
            "part_of_database": round(ours["rows_per_s"] / best, 2),
            "processor_part_of_database": round(ours["rows_per_processor_s"] * stepped.processor_seconds / stepped.rows, 2),
            "sql": explained[0]["sql"],
            "plan": stepped.plan,
        }

    # Few rows

    def latency(self, ours: servers.Server, theirs: servers.Server, request: Request, many: int, few: int) -> dict:
        mine, other = [], []
        for _ in range(4):
            mine += wire.time_requests(ours.port, self.bytes(ours, request), many // 4, 5)
            other += wire.time_requests(theirs.port, self.bytes(theirs, request), max(1, few // 4), 2)
        return {
            "name": request.name,
            "rows": self.stream(ours, request).rows,
            "steward_ms": _milliseconds(mine),
            "python_ms": _milliseconds(other),
            "ratio": round(statistics.median(other) / statistics.median(mine), 1),
        }

    # Memory

    def memory(self, server: servers.Server, most: int) -> list[dict]:
        """Peak memory of a new server, as results grow."""
        with server:
            time.sleep(1)
            requests = Requests(server.port, LABEL)
            sizes = [size for size in (10_000, 100_000, 1_000_000) if size <= most]
            table = []
            for request in [*map(requests.rows, sizes), requests.all_datasets()][: None if most >= 1_000_000 else -1]:
                try:
                    streamed = self.stream(server, request)
                except wire.NotServed:
                    continue
                resident, peak = server.memory()
                table.append(
                    {"rows": streamed.rows, "of": request.name, "resident_mb": round(resident, 1),
                     "peak_mb": round(peak, 1), "rows_per_s": round(streamed.rows_per_second)})
        return table


def _rates(streams: list[wire.Streamed]) -> dict:
    rates = [s.rows_per_second for s in streams]
    return {
        "rows_per_s": round(statistics.median(rates)),
        "rows_per_s_min_max": [round(min(rates)), round(max(rates))],
        # Of a busy machine this tells more.
        "rows_per_processor_s": round(sum(s.rows for s in streams) / max(sum(s.processor_seconds for s in streams), 0.01)),
        "mb_per_s": round(statistics.median(s.size / s.seconds for s in streams) / MEGABYTE, 1),
        "first_page_ms": _milliseconds([s.first_page for s in streams]),
        "runs": len(streams),
    }


def _milliseconds(seconds: list[float]) -> float:
    return round(statistics.median(seconds) * 1000, 2)


def show(result: dict) -> None:
    print(f"\nqueries on {result['repository']}, load average {result['load_average'][0][0]:.2f} before, "
          f"{result['load_average'][1][0]:.2f} after; the client takes {result['client_rows_per_s']:,} rows/s")
    print(f"{'streams':28} {'rows':>9} {'Steward':>11} {'Python':>9} {'ratio':>7} {'database':>10} {'part':>5} {'by CPU':>12} "
          f"{'first page':>11} {'Python':>10}")
    for s in result["streams"]:
        python: dict[str, Any] = s.get("python", {})
        ours = s["steward"]
        print(
            f"{s['name']:28} {s['rows']:>9,} {ours['rows_per_s']:>9,}/s {_cell(python.get('rows_per_s'), ',')}"
            f"{'/s' if python else '  '} {_cell(s.get('ratio'), '.1f', 6)}x {_cell(s.get('database_rows_per_s'), ',', 8)}/s "
            f"{_cell(s.get('part_of_database'), '.2f', 5)} {_cell(s.get('processor_ratio'), '.1f', 6)}x "
            f"{_cell(s.get('processor_part_of_database'), '.2f', 5)} {ours['first_page_ms']:>8.1f} ms "
            f"{_cell(python.get('first_page_ms'), '.1f')} ms")
    print(f"{'small results':28} {'rows':>9} {'Steward':>11} {'Python':>12} {'ratio':>8}")
    for r in result["latencies"]:
        print(f"{r['name']:28} {r['rows']:>9,} {r['steward_ms']:>8.2f} ms {r['python_ms']:>9.2f} ms {r['ratio']:>7.1f}x")
    for name, table in result["memory"].items():
        for m in table:
            print(f"memory of {name:8} after {m['rows']:>9,} rows ({m['of']}): {m['resident_mb']:.1f} MB, "
                  f"peak {m['peak_mb']:.1f} MB; {m['rows_per_s']:,} rows/s")


def _cell(value: float | None, form: str, width: int = 7) -> str:
    return f"{'-' if value is None else format(value, form):>{width}}"
