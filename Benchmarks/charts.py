"""What a run has measured as a table (`bench.csv`) and as a chart of ratios (`bench.svg`)."""

from __future__ import annotations

import csv
import dataclasses
import html
import math

FIELDS = ["part", "measurement", "unit", "steward", "other", "other_is", "ratio", "goal"]


@dataclasses.dataclass
class Measurement:
    """One line: our figure, the other's, and how many times better ours is."""

    part: str
    measurement: str
    unit: str
    steward: float
    other: float | None = None
    other_is: str = "Python"
    ratio: float | None = None
    goal: float | None = None


def measurements(report: dict) -> list[Measurement]:
    """The lines of a report, as `bench.py` writes it."""
    found: list[Measurement] = []
    for part in ("results", "felis"):
        for row in report.get(part, []):
            found.append(Measurement(
                "single" if part == "results" else part, row["name"], "ms", row["steward_ms"], row["python_ms"],
                ratio=row["ratio"]))
    for name, route in report.get("load", {}).get("routes", {}).items():
        ours, theirs = route["steward"], route["python"]
        found.append(Measurement(
            "load", name, "requests/s", ours["requests_per_second"], theirs["requests_per_second"],
            ratio=route["throughput_ratio"], goal=20))
        found.append(Measurement(
            "load", f"{name}, slowest hundredth", "ms", ours["p99_ms"], theirs["p99_ms"], ratio=route["p99_ratio"],
            goal=20))
    queries = report.get("queries", {})
    for row in queries.get("streams", []):
        theirs = row.get("python", {})
        goal = 60 if "records" in row["name"] else 30
        found.append(Measurement(
            "queries", row["name"], "rows/s", row["steward"]["rows_per_s"], theirs.get("rows_per_s"),
            ratio=row.get("ratio"), goal=goal))
        found.append(Measurement(
            "queries", f"{row['name']}, first page", "ms", row["steward"]["first_page_ms"],
            theirs.get("first_page_ms"), ratio=row.get("first_page_ratio")))
    for row in queries.get("latencies", []):
        found.append(Measurement(
            "queries", row["name"], "ms", row["steward_ms"], row["python_ms"], ratio=row["ratio"]))
    for part, rows in report.get("writing", {}).items():
        for row in rows:
            if "python_s" in row:
                found.append(Measurement(
                    "writing", row["name"], "s", row["steward_s"], row["python_s"], ratio=row["ratio"],
                    goal=row["goal"]))
            elif "cfitsio_s" in row:
                found.append(Measurement(
                    "writing", row["name"], "s", row["steward_s"], row["cfitsio_s"], "cfitsio",
                    round(row["cfitsio_s"] / row["steward_s"], 2)))
            elif part == "memory":
                for count, peak in zip(row["datasets"], row["peak_mb"]):
                    found.append(Measurement("writing", f"memory of {row['name']}, {count}", "MB", peak))
    for row in report.get("scaling", []):
        if row["side"] == "steward":
            name = f"{row['database']}, {row['datasets']:,}: {row['operation']}"
            found.append(Measurement("scaling", name, "s", row["seconds"]))
    return found


def write(report: dict, path: str) -> None:
    """Writes `path`.csv and `path`.svg."""
    found = measurements(report)
    note = f"{report['machine']}; {report['database']}"
    with open(f"{path}.csv", "w", newline="") as stream:
        stream.write(f"# {note}\n")
        writer = csv.writer(stream)
        writer.writerow(FIELDS)
        writer.writerows([getattr(line, field) for field in FIELDS] for line in found)
    with open(f"{path}.svg", "w") as stream:
        stream.write(bars([line for line in found if line.ratio], note))


def bars(lines: list[Measurement], note: str) -> str:
    """How many times better than the other each figure is, on a logarithmic axis; a tick where the goal is."""
    left, width, height = 330, 520, 18
    low = min([0, *(math.floor(math.log10(line.ratio)) for line in lines)])
    high = max([2, *(math.ceil(math.log10(line.ratio)) for line in lines)])

    def x(ratio: float) -> float:
        return left + (math.log10(ratio) - low) / (high - low) * width

    bottom = 40 + height * len(lines)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + width + 90}" height="{bottom + 50}" '
        'font-family="sans-serif" font-size="11">',
        '<rect width="100%" height="100%" fill="white"/>',
        f'<text x="{left}" y="16">times better than Python, or than what is named; a line marks the goal</text>',
    ]
    for power in range(low, high + 1):
        parts.append(f'<path d="M{x(10**power):.1f} 28V{bottom}" stroke="#ddd"/>')
        parts.append(f'<text x="{x(10**power):.1f}" y="{bottom + 14}" text-anchor="middle">{10**power:g}</text>')
    for number, line in enumerate(lines):
        top, start, end = 32 + height * number, x(1), x(line.ratio)
        name = line.measurement if line.other_is == "Python" else f"{line.measurement} ({line.other_is})"
        color = "#1b6ca8" if line.goal is None or line.ratio >= line.goal else "#c0392b"
        parts.append(f'<text x="{left - 8}" y="{top + 11}" text-anchor="end">{html.escape(name)}</text>')
        parts.append(
            f'<rect x="{min(start, end):.1f}" y="{top}" width="{abs(end - start):.1f}" height="{height - 5}" '
            f'fill="{color}"/>')
        parts.append(f'<text x="{max(start, end) + 4:.1f}" y="{top + 11}">{line.ratio:g}</text>')
        if line.goal:
            parts.append(f'<path d="M{x(line.goal):.1f} {top - 2}v{height - 1}" stroke="#000" stroke-width="2"/>')
    parts.append(f'<text x="10" y="{bottom + 38}" fill="#555">{html.escape(note)}</text>')
    return "\n".join(parts + ["</svg>\n"])
