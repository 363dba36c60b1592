"""What operations cost as a repository grows, on SQLite and on PostgreSQL, and how fast it can be loaded.

    ./bench --only scaling [--sizes 10000,100000,1000000]

Repositories of each size are made by `writing-bench load`: exposures, detectors, datasets and the records of their
files in one transaction. Then `writing-bench operations` times what users do. Writes a line a measurement to
scaling.csv and a plot of cost against size to scaling.svg. Python loads 100,000 datasets, and is scaled.
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time

from databases import Databases, are_available

COLORS = [
    "#1b6ca8", "#c0392b", "#27864a", "#8e44ad", "#b9770e", "#34495e", "#7f8c8d", "#d35400", "#16a085", "#5d6d7e",
    "#e84393", "#6c5ce7", "#2d3436", "#00897b", "#9c640c", "#a93226", "#1f618d", "#117a65",
]

LOAD_TOGETHER = "load, references together"


def machine() -> str:
    model = next((line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), "?")
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 30
    return f"{model}, {os.cpu_count()} cores, {memory} GB, {platform.system()} {platform.release()}"


def said(command: list[str]) -> dict:
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed: {done.stderr[-800:]}")
    return json.loads(done.stdout.splitlines()[-1])


def make(steward: str, work: str, databases: Databases, together: bool = False) -> str:
    root = tempfile.mkdtemp(dir=work)
    repository = os.path.join(root, "repo")
    seed = databases.seed(root, databases.url(), **({"references_together": True} if together else {}))
    subprocess.run([steward, "butler", "create", "--seed-config", seed, repository], check=True)
    return repository


PYTHON_LOAD = """
import sys, time
from lsst.daf.butler import Butler, DatasetType, Timespan
from astropy.time import Time
root, count, detectors = sys.argv[1], int(sys.argv[2]), 200
with Butler.from_config(root, writeable=True) as butler:
    registry = butler.registry
    registry.registerDatasetType(
        DatasetType("raw", ["exposure", "detector"], "StructuredDataDict", universe=butler.dimensions))
    butler.collections.register("Big/raw/all")
    start = time.perf_counter()
    with butler.transaction():
        registry.insertDimensionData("instrument", {"name": "Big", "detector_max": 200, "class_name": "big.Camera"})
        registry.insertDimensionData("physical_filter", {"instrument": "Big", "name": "r", "band": "r"})
        registry.insertDimensionData(
            "detector", *({"instrument": "Big", "id": n, "full_name": f"D{n}"} for n in range(detectors)))
        exposures = -(-count // detectors)
        registry.insertDimensionData("day_obs", {"instrument": "Big", "id": 20300000})
        registry.insertDimensionData("group", *({"instrument": "Big", "name": f"g{n}"} for n in range(exposures)))
        span = Timespan(Time(60000, format="mjd", scale="tai"), Time(60000.1, format="mjd", scale="tai"))
        registry.insertDimensionData(
            "exposure",
            *({"instrument": "Big", "id": n, "obs_id": f"E{n}", "physical_filter": "r", "group": f"g{n}",
               "day_obs": 20300000, "exposure_time": 30.0, "timespan": span} for n in range(exposures)))
        registry.insertDatasets(
            "raw", [{"instrument": "Big", "exposure": n // detectors, "detector": n % detectors} for n in range(count)],
            run="Big/raw/all")
    print('{"seconds": %f}' % (time.perf_counter() - start))
"""


def measure(
    steward: str, work: str, sizes: list[int], kind: str, python_size: int, together: bool = False
) -> list[dict]:
    """The lines of one kind of database; with `together` of repositories that look references up together."""
    inside = os.path.join(os.path.dirname(steward), "writing-bench")
    databases, rows = Databases(kind), []

    def add(size, operation, seconds, side="steward"):
        rows.append({"side": side, "database": kind, "datasets": size, "operation": operation, "seconds": seconds})
        print(f"{side:8} {kind:10} {size:>10} {operation:34} {seconds * 1000:12.3f} ms", flush=True)

    try:
        for size in sizes:
            repository = make(steward, work, databases, together)
            name = LOAD_TOGETHER if together else "load"
            add(size, name, said([inside, "load", repository, str(size)])["seconds"])
            databases.settle(repository)
            print(f"{kind} {size}: {databases.size(repository) / size:.0f} bytes on disk for each dataset", flush=True)
            for name, seconds in said([inside, "operations", repository, str(size), "15"]).items():
                add(size, name, seconds)
            databases.remove(repository)
        if databases.is_server and not together:
            for name, is_together, writers in (
                ("load, two writers", False, 2), (LOAD_TOGETHER, True, 1), (f"{LOAD_TOGETHER}, two writers", True, 2)
            ):
                repository = make(steward, work, databases, is_together)
                seconds = said([inside, "load", repository, str(sizes[-1]), str(writers)])["seconds"]
                add(sizes[-1], name, seconds)
                databases.remove(repository)
        if python_size:
            repository = make(steward, work, databases)
            seconds = said([sys.executable, "-c", PYTHON_LOAD, repository, str(python_size)])["seconds"]
            add(python_size, "load", seconds, "python")
            databases.remove(repository)
    finally:
        databases.close()
    return rows


def orders(rows: list[dict]) -> list[tuple[str, str, float]]:
    """By database and operation, the exponent of the cost between the smallest and the largest size."""
    found: dict[tuple[str, str], list[dict]] = {}
    for row in rows:
        if row["side"] == "steward":
            found.setdefault((row["database"], row["operation"]), []).append(row)
    result = []
    for (database, operation), points in found.items():
        points.sort(key=lambda row: row["datasets"])
        first, last = points[0], points[-1]
        if last["datasets"] > first["datasets"]:
            order = math.log(last["seconds"] / first["seconds"]) / math.log(last["datasets"] / first["datasets"])
            result.append((database, operation, order))
    return result


def plot(rows: list[dict], note: str) -> str:
    """Cost against size, both on logarithmic axes: a panel for each database."""
    rows = [row for row in rows if row["side"] == "steward"]
    names = sorted({row["database"] for row in rows}, reverse=True)
    sizes = sorted({row["datasets"] for row in rows})
    low = math.floor(math.log10(min(row["seconds"] for row in rows)))
    high = math.ceil(math.log10(max(row["seconds"] for row in rows)))
    width, height, left, top = 360, 320, 70, 40
    first, last = math.log10(sizes[0]), max(math.log10(sizes[-1]), math.log10(sizes[0]) + 1)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{len(names) * (width + left) + 200}" '
        f'height="{height + top + 70}" font-family="sans-serif" font-size="11">',
        '<rect width="100%" height="100%" fill="white"/>',
    ]
    operations = list(dict.fromkeys(row["operation"] for row in rows))
    for panel, name in enumerate(names):
        origin = left + panel * (width + left)

        def x(size):
            return origin + (math.log10(size) - first) / (last - first) * width

        def y(seconds):
            return top + (high - math.log10(seconds)) / (high - low) * height

        parts.append(f'<text x="{origin}" y="24" font-size="14">{name}</text>')
        for power in range(low, high + 1):
            place = y(10**power)
            parts.append(f'<path d="M{origin} {place:.1f}h{width}" stroke="#ddd"/>')
            parts.append(f'<text x="{origin - 6}" y="{place + 4:.1f}" text-anchor="end">{10**power * 1000:g} ms</text>')
        for size in sizes:
            parts.append(f'<text x="{x(size):.1f}" y="{top + height + 16}" text-anchor="middle">{size:,}</text>')
        for operation in operations:
            color = COLORS[operations.index(operation) % len(COLORS)]
            points = [(x(row["datasets"]), y(row["seconds"])) for row in rows
                      if row["database"] == name and row["operation"] == operation]
            line = "L".join(f"{a:.1f} {b:.1f}" for a, b in points)
            parts.append(f'<path d="M{line}" fill="none" stroke="{color}" stroke-width="2"/>')
            parts += [f'<circle cx="{a:.1f}" cy="{b:.1f}" r="3" fill="{color}"/>' for a, b in points]
    for number, operation in enumerate(operations):
        place, beside = top + 14 * number, len(names) * (width + left) + 20
        parts.append(f'<rect x="{beside}" y="{place}" width="10" height="10" fill="{COLORS[number % len(COLORS)]}"/>')
        parts.append(f'<text x="{beside + 15}" y="{place + 9}">{operation}</text>')
    parts.append(f'<text x="{left}" y="{height + top + 50}" fill="#555">{note}; datasets, both axes logarithmic</text>')
    return "\n".join(parts + ["</svg>\n"])


def run(
    steward: str, work: str, output: str, quick: bool, sizes: list[int] | None = None, kinds: list[str] | None = None,
    together: bool = False,
) -> list[dict]:
    """Measures, prints, and writes scaling.csv and scaling.svg; the rows."""
    sizes = sizes or ([1_000, 10_000] if quick else [10_000, 100_000, 1_000_000])
    note = machine()
    print(note)
    start = time.perf_counter()
    python_size = 0 if together else 2_000 if quick else 100_000
    rows = [
        row for kind in kinds or are_available()
        for row in measure(steward, work, sizes, kind, python_size, together)
    ]
    with open(os.path.join(output, "scaling.csv"), "w", newline="") as stream:
        stream.write(f"# {note}\n")
        writer = csv.DictWriter(stream, ["side", "database", "datasets", "operation", "seconds"])
        writer.writeheader()
        writer.writerows(rows)
    with open(os.path.join(output, "scaling.svg"), "w") as stream:
        stream.write(plot(rows, note))
    for database, operation, order in orders(rows):
        print(f"{database:10} {operation:34} grows as n^{order:.2f}")
    for row in rows:
        if row["side"] == "python":
            loads = [r for r in rows if (r["operation"], r["database"]) == ("load", row["database"])]
            if ours := [r for r in loads if r["side"] != "python"]:
                per_ours = ours[-1]["seconds"] / ours[-1]["datasets"]
                per_theirs = row["seconds"] / row["datasets"]
                print(f"{row['database']:10} load: {per_theirs / per_ours:.1f} times Python's speed, by dataset")
    print(f"{time.perf_counter() - start:.0f} s in all")
    return rows


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steward", default=os.environ.get("STEWARD_BIN"))
    parser.add_argument("--output", default="bench-results")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--databases", type=lambda text: text.split(","), help="sqlite, postgresql or both")
    parser.add_argument("--sizes", type=lambda text: [int(part) for part in text.split(",")])
    parser.add_argument(
        "--together", action="store_true", help="repositories with registry.references_together, for large sizes")
    options = parser.parse_args()
    os.makedirs(options.output, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        run(options.steward, folder, options.output, options.quick, options.sizes, options.databases,
            options.together)
