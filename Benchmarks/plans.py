"""How PostgreSQL runs the statements of deep queries, on a repository that `writing-bench load` and `operations` made.

    python Benchmarks/plans.py REPOSITORY [EXPOSURE]

For each query the statement as `steward butler explain` shows it, run under EXPLAIN (ANALYZE, BUFFERS), and its time.
For eyes: nothing passes or fails.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, os.pardir, "Interop"))

import postgresql  # noqa: E402
import psycopg  # noqa: E402

ORDER = ["--order-by", "exposure,detector", "--limit", "1000"]


def queries(exposure: int) -> dict[str, list[str]]:
    instrument = "instrument = 'Big'"
    chain, run = (["datasets", "raw", "--collections", place] for place in ("Big/all", "Big/raw/all"))
    return {
        "datasets of an exposure, chain": [*chain, "--where", f"{instrument} AND exposure = {exposure}"],
        "all of a chain": chain,
        "ordered page, run": [*run, "--where", instrument, *ORDER],
        "ordered page, chain": [*chain, "--where", instrument, *ORDER],
        "ordered page behind a key, chain": [*chain, "--where", f"{instrument} AND exposure >= {exposure}", *ORDER],
        "ordered page with records, chain": [*chain, "--where", instrument, "--with-dimension-records", *ORDER],
        "by a field of the exposure, chain": [*chain, "--where", f"{instrument} AND exposure.day_obs = 20300000"],
        "by a time, chain": [
            *chain, "--where", f"{instrument} AND exposure.timespan OVERLAPS (T'2030-03-15', T'2030-03-15T00:10')"],
        "data IDs with datasets": [
            "data-ids", "exposure", "--datasets", "raw", "--collections", "Big/all", "--where", instrument,
            "--limit", "1000"],
    }  # fmt: skip


def main() -> None:
    repository = sys.argv[1]
    exposure = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    steward = os.environ["STEWARD_BIN"]
    with psycopg.connect(postgresql.database_of(repository)) as connection:
        for setting in ("jit = off", "cursor_tuple_fraction = 1", "enable_memoize = off"):
            connection.execute(f"SET {setting}")
        for name, arguments in queries(exposure).items():
            done = subprocess.run(
                [steward, "butler", "explain", repository, *arguments, "--format", "json"],
                capture_output=True, text=True)  # fmt: skip
            if done.returncode:
                raise SystemExit(done.stderr)
            statement = json.loads(done.stdout.splitlines()[0])["sql"]
            print(f"\n== {name}\n{statement}")
            for (line,) in connection.execute(f"EXPLAIN (ANALYZE, BUFFERS) {statement}"):
                print("   ", line)


if __name__ == "__main__":
    main()
