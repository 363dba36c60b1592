"""Many clients at once: requests a second and the slowest hundredth, for both servers; and a soak.

The client is `wrk`, which takes little of the processors that it shares with the servers.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tempfile
import time

import repositories
import servers
from databases import Databases

CLIENTS = 64
SECONDS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0}


class Load:
    """One kind of request, sent by `wrk` over keep-alive connections."""

    def __init__(self, method: str, path: str, body: bytes):
        self.path = path
        self.script = tempfile.NamedTemporaryFile("w", suffix=".lua")
        self.script.write(f"wrk.method = {json.dumps(method)}\n")
        if body:
            self.script.write(f"wrk.body = {json.dumps(body.decode())}\nwrk.headers['Content-Type'] = 'application/json'\n")
        self.script.flush()

    def run(self, port: int, seconds: int) -> dict:
        done = subprocess.run(
            ["wrk", "--latency", "-t2", f"-c{CLIENTS}", f"-d{seconds}s", "--timeout", "30s", "-s", self.script.name,
             f"http://127.0.0.1:{port}{self.path}"],
            capture_output=True, text=True, check=True,
        )
        text = done.stdout

        def time_at(percent: str) -> float:
            found = re.search(rf"^\s+{percent}%\s+([\d.]+)(us|ms|s|m)\s*$", text, re.M)
            if not found:
                raise SystemExit(f"{self.path} got no answers:\n{text}")
            amount, unit = found.groups()
            return float(amount) * SECONDS[unit] * 1000

        failed = re.search(r"Non-2xx or 3xx responses: (\d+)", text)
        errors = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", text)
        return {
            "requests_per_second": float(re.search(r"Requests/sec:\s+([\d.]+)", text)[1]),
            "p50_ms": round(time_at("50"), 2),
            "p99_ms": round(time_at("99"), 2),
            "failed": (int(failed[1]) if failed else 0) + (sum(map(int, errors.groups())) if errors else 0),
        }


def run(
    steward: str, server_python: str, repository: str, work: str, databases: Databases, quick: bool
) -> dict:
    if not shutil.which("wrk"):
        raise SystemExit("The load benchmark needs 'wrk'; on Debian: apt-get install wrk")
    signed = repositories.with_object_store_root(repository, os.path.join(work, "hsc-rc2-s3"))
    label = "bench"
    base = f"/api/butler/repo/{label}/v1"
    probe = repositories.probes(repository, databases)
    loads = {
        "get_file": Load("GET", f"{base}/get_file/{probe['dataset_id']}", b""),
        "find_dataset": Load("POST", f"{base}/find_dataset", json.dumps(probe["find_dataset"]).encode()),
    }
    # In less, the Python server may not answer even once.
    seconds = 8 if quick else 15
    report: dict = {"clients": CLIENTS, "routes": {}}
    # One server after the other, so that neither takes processors from the other.
    figures: dict = {name: {} for name in loads}
    for side, start in (
        ("steward", lambda: servers.steward(steward, repository, label)),
        ("python", lambda: servers.python(server_python, signed, label)),
    ):
        with start() as server:
            for name, load in loads.items():
                load.run(server.port, 2)
                figures[name][side] = load.run(server.port, seconds)
                if not figures[name][side]["requests_per_second"]:
                    raise SystemExit(f"The server of {side} answered no {name} with success; see what it says by itself.")
    for name, sides in figures.items():
        ours, theirs = sides["steward"], sides["python"]
        report["routes"][name] = sides | {
            "throughput_ratio": round(ours["requests_per_second"] / theirs["requests_per_second"], 1),
            "p99_ratio": round(theirs["p99_ms"] / ours["p99_ms"], 1),
        }
    report["soak"] = soak(steward, repository, label, loads, 20 if quick else 180)
    return report


def soak(steward: str, repository: str, label: str, loads: dict[str, Load], seconds: int) -> dict:
    """Full rate for a while, the kinds of requests in turns; memory in between."""
    with servers.steward(steward, repository, label) as server:
        samples, requests, failed = [], 0.0, 0
        end = time.monotonic() + seconds
        slice_seconds = max(2, seconds // 36)
        while time.monotonic() < end:
            for load in loads.values():
                result = load.run(server.port, slice_seconds)
                requests += result["requests_per_second"] * slice_seconds
                failed += result["failed"]
                samples.append(round(server.memory()[0], 1))
        return {"seconds": seconds, "requests": int(requests), "failed": failed, "resident_mb": samples}


def show(report: dict) -> None:
    print(f"{report['clients']} keep-alive clients")
    print(f"{'route':14} {'Steward':>22} {'Python':>22} {'rate':>8} {'p99':>8}")
    for name, r in report["routes"].items():
        ours, theirs = (
            f"{r[side]['requests_per_second']:>8.0f}/s {r[side]['p99_ms']:>8.1f} ms" for side in ("steward", "python")
        )
        print(f"{name:14} {ours:>22} {theirs:>22} {r['throughput_ratio']:>7.1f}x {r['p99_ratio']:>7.1f}x")
    soak = report["soak"]
    print(
        f"soak of {soak['seconds']} s: {soak['requests']} requests, {soak['failed']} failed, resident MB "
        f"{soak['resident_mb']}"
    )
