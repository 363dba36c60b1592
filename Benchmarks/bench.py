"""Steward and the Python Butler side by side, in one run: whole commands, single requests over HTTP, queries, writing,
memory.

Prints medians and ratios, and writes them as JSON, as a table (CSV) and as a chart (SVG). Nothing here passes or
fails: it measures.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time

import charts
import load
import queries
import repositories
import scaling
import schemas
import servers
import wire
import writing
from databases import NAMES, Databases

HERE = os.path.dirname(os.path.abspath(__file__))


def time_command(command: list[str], runs: int) -> list[float]:
    """Wall seconds of whole processes, after one warm-up."""
    seconds = []
    for number in range(runs + 1):
        start = time.perf_counter()
        done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        elapsed = time.perf_counter() - start
        if done.returncode != 0:
            raise SystemExit(f"{' '.join(command)} failed: {done.stderr.decode()[-500:]}")
        if number:
            seconds.append(elapsed)
    return seconds


def row(name: str, ours: list[float], theirs: list[float]) -> dict:
    mine, other = statistics.median(ours), statistics.median(theirs)
    return {
        "name": name,
        "steward_ms": round(mine * 1000, 3),
        "python_ms": round(other * 1000, 3),
        "ratio": round(other / mine, 1),
        "steward_min_max_ms": [round(min(ours) * 1000, 3), round(max(ours) * 1000, 3)],
        "python_min_max_ms": [round(min(theirs) * 1000, 3), round(max(theirs) * 1000, 3)],
        "runs": [len(ours), len(theirs)],
    }


def commands(steward: str, repository: str, quick: bool) -> list[dict]:
    butler = os.path.join(os.path.dirname(sys.executable), "butler")
    few, many = (3, 10) if quick else (5, 30)
    results = []
    for name, tail in {
        "query-collections": ["query-collections", repository],
        "query-datasets": ["query-datasets", repository, "calexp_metadata", "--collections", "HSC/runs/RC2"],
    }.items():
        ours = time_command([steward, "butler", *tail], many)
        theirs = time_command([butler, *tail], few)
        results.append(row(f"command {name}", ours, theirs))
    return results


def single_requests(
    steward: str, server_python: str, repository: str, work: str, databases: Databases, quick: bool
) -> tuple[list, dict]:
    """Requests for single things, and the servers' memory."""
    signed = repositories.with_object_store_root(repository, os.path.join(work, "hsc-rc2-s3"))
    label = "bench"
    base = f"/api/butler/repo/{label}/v1"
    probe = repositories.probes(repository, databases)
    requests = {
        "find_dataset (chain)": ("POST", f"{base}/find_dataset", json.dumps(probe["find_dataset"]).encode()),
        "get_file": ("GET", f"{base}/get_file/{probe['dataset_id']}", b""),
        "dataset_type": ("GET", f"{base}/dataset_type/calexp_metadata", b""),
    }
    runs = 200 if quick else 1000
    results = []
    with servers.steward(steward, repository, label) as ours, servers.python(server_python, signed, label) as theirs:
        time.sleep(1)
        idle = ours.memory()
        for name, (method, path, body) in requests.items():
            mine, other = (
                wire.time_requests(server.port, wire.request_bytes(server.port, method, path, body), count, 50)
                for server, count in ((ours, runs), (theirs, max(50, runs // 5)))
            )
            results.append(row(f"HTTP {name}", mine, other))
        memory = {
            "steward_idle_peak_mb": round(idle[1], 1),
            "steward_after_requests_mb": round(ours.memory()[0], 1),
            "python_after_requests_mb": round(theirs.memory()[0], 1),
        }
    return results, memory


def show(results: list[dict]) -> None:
    print(f"{'measurement':36} {'Steward':>12} {'Python':>12} {'ratio':>8}")
    for r in results:
        print(f"{r['name']:36} {r['steward_ms']:>9.2f} ms {r['python_ms']:>9.2f} ms {r['ratio']:>7.1f}x")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--server-python", required=True, help="Python with lsst-daf-butler[server]")
    parser.add_argument("--quick", action="store_true", help="fewer repetitions")
    parser.add_argument("--full", action="store_true", help="also what takes the Python server minutes")
    parser.add_argument("--felis-python", required=True, help="Python with lsst-felis and lsst-sdm-schemas")
    parser.add_argument(
        "--only", choices=["single", "felis", "load", "queries", "writing", "scaling"],
        help="single: commands and single requests",
    )
    parser.add_argument(
        "--database", choices=NAMES, default="sqlite", help="where the repositories of all but scaling are")
    parser.add_argument("--sizes", type=lambda text: [int(part) for part in text.split(",")], help="of scaling")
    parser.add_argument("--big", default=os.environ.get("STEWARD_BIG_REPOSITORY"), help="a repository to query")
    parser.add_argument("--work", default=os.path.join(HERE, "..", "bench-results"))
    arguments = parser.parse_args()
    steward = os.environ["STEWARD_BIN"]
    work = os.path.abspath(arguments.work)
    os.makedirs(work, exist_ok=True)
    start = time.perf_counter()
    databases = Databases(arguments.database)
    report: dict = {
        "machine": scaling.machine(), "database": arguments.database, "load_average": os.getloadavg(), "seconds": {}}
    print(report["machine"])
    try:
        measure(arguments, steward, work, databases, report)
    finally:
        databases.close()
    report["seconds"]["all"] = round(time.perf_counter() - start, 1)
    print(f"{report['seconds']['all']} s in all: {report['seconds']}")
    name = "bench" if arguments.database == "sqlite" else f"bench-{arguments.database}"
    with open(os.path.join(work, f"{name}.json"), "w") as stream:
        json.dump(report, stream, indent=1)
    charts.write(report, os.path.join(work, name))
    return 0


def measure(arguments: argparse.Namespace, steward: str, work: str, databases: Databases, report: dict) -> None:
    """Runs the parts that are asked for, and puts what they find into the report."""
    quick, python = arguments.quick, arguments.server_python
    last = time.perf_counter()

    def is_done(part: str) -> None:
        nonlocal last
        now = time.perf_counter()
        report["seconds"][part], last = round(now - last, 1), now

    repository = None
    if arguments.only in (None, "single", "load"):
        repository = repositories.hsc(work, databases)
        is_done("making of a small repository")

    if arguments.only in (None, "single"):
        results = commands(steward, repository, quick)
        more, memory = single_requests(steward, python, repository, work, databases, quick)
        report |= {"results": results + more, "memory": memory}
        show(report["results"])
        print(f"memory: {memory}")
        is_done("single")
    if arguments.only in (None, "felis"):
        report["felis"] = schemas.run(steward, arguments.felis_python, quick, time_command, row)
        show(report["felis"])
        is_done("felis")
    if arguments.only in (None, "load"):
        report["load"] = load.run(steward, python, repository, work, databases, quick)
        load.show(report["load"])
        is_done("load")
    if arguments.only in (None, "queries"):
        repository = repositories.big(work, arguments.big, databases, quick)
        is_done("making of a big repository")
        bench = queries.Bench(steward, python, repository, databases)
        report["queries"] = bench.run(quick=quick, full=arguments.full)
        queries.show(report["queries"])
        is_done("queries")
    if arguments.only in (None, "writing"):
        report["writing"] = writing.Bench(steward, work, databases, quick).run()
        is_done("writing")
    if arguments.only in (None, "scaling"):
        report["scaling"] = scaling.run(steward, work, work, quick, arguments.sizes)
        is_done("scaling")


if __name__ == "__main__":
    sys.exit(main())
