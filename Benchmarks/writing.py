"""What it takes to write: put, ingest, import, transfer, prune, FITS files; and the memory of each as datasets grow.

Whole commands on equal repositories, the same for both sides, each of which starts from a fresh copy. What Python takes
minutes for it does once.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable

import writing_repositories as repositories
from databases import Databases

HERE = os.path.dirname(os.path.abspath(__file__))
PYTHON = os.path.join(os.path.dirname(sys.executable), "butler")
KIND, RUN = repositories.PAYLOAD, repositories.RUN


def measured(command: list[str]) -> tuple[float, float]:
    """Wall seconds of a process and its peak resident memory in MB. What is to be written from before is written first."""
    os.sync()
    with tempfile.TemporaryDirectory() as folder:
        errors, result = os.path.join(folder, "errors"), os.path.join(folder, "result")
        with open(errors, "wb") as stream:
            subprocess.run(
                [sys.executable, "-S", os.path.join(HERE, "peak.py"), result, shutil.which(command[0]), *command[1:]],
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=stream, check=True,
            )  # fmt: skip
        with open(result) as stream:
            seconds, peak, status = json.load(stream)
        if status:
            with open(errors) as stream:
                raise SystemExit(f"{' '.join(command)} failed with {status}: {stream.read()[-800:]}")
    return seconds, peak


def said(command: list[str]) -> float:
    """The seconds that a program says it has taken, without its start."""
    os.sync()
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed: {done.stderr[-800:]}")
    return json.loads(done.stdout.splitlines()[-1])["seconds"]


class Bench:
    def __init__(self, steward: str, work: str, databases: Databases, quick: bool):
        self.steward = steward
        self.databases = databases
        self.inside = os.path.join(os.path.dirname(steward), "writing-bench")
        self.work = os.path.join(work, "writing")
        self.quick = quick
        self.runs = 1 if quick else 3
        #: Sizes are divided by this.
        self.part = 20 if quick else 1
        self.trials = 0
        shutil.rmtree(self.work, ignore_errors=True)
        os.makedirs(self.work)

    def path(self, *names: str) -> str:
        return os.path.join(self.work, *names)

    def fresh(self) -> str:
        """A path for one trial, which stays until the end: ext4 is slow to make files for a minute after it has deleted
        many, as it passes over the places that have just become free."""
        self.trials += 1
        return self.path(f"trial-{self.trials}")

    def base(self, count: int) -> str:
        path = self.path(f"base-{count}")
        if not os.path.exists(path):
            repositories.base(path, count, self.databases)
            self.databases.settle(path)
        return path

    def files(self, count: int, size: int = 60) -> str:
        return repositories.files(self.path(f"files-{count}-{size}"), count, size)

    def filled(self, count: int, size: int = 60) -> str:
        """A repository with so many datasets in files."""
        target = self.path(f"filled-{count}-{size}")
        if not os.path.exists(target):
            self.databases.copy(self.base(count), target + ".new")
            subprocess.run(
                self.ingest(self.steward, target + ".new", count, "hardlink", size), check=True, capture_output=True
            )
            os.rename(target + ".new", target)
        return target

    # MARK: Commands, the same for both

    @staticmethod
    def butler(program: str) -> list[str]:
        return [program] if program == PYTHON else [program, "butler"]

    def ingest(self, program: str, target: str, count: int, mode: str, size: int = 60) -> list[str]:
        folder = self.files(count, size)
        table = os.path.join(folder, "table.csv")
        return [*self.butler(program), "ingest-files", target, KIND, RUN, table, "--prefix", folder, "-t", mode]

    def prune(self, program: str, target: str) -> list[str]:
        return [*self.butler(program), "prune-datasets", target, "--purge", RUN, "--no-confirm", "--quiet"]

    def take_in(self, program: str, target: str, folder: str) -> list[str]:
        return [*self.butler(program), "import", target, folder, "-t", "hardlink"]

    def transfer(self, program: str, source: str, target: str) -> list[str]:
        options = ["--collections", RUN, "--register-dataset-types", "-t", "copy", "--limit", "0"]
        return [*self.butler(program), "transfer-datasets", source, target, *options]

    def exported(self, count: int) -> str:
        folder = self.path(f"export-{count}")
        if not os.path.exists(folder):
            subprocess.run([self.inside, "export", self.filled(count), KIND, RUN, folder], check=True, capture_output=True)
        return folder

    # MARK: Trials

    def trial(self, command: Callable[[str], list[str]], template: str, left: int) -> tuple[float, float]:
        """Seconds and MB of a command on a copy of a repository, after which so many datasets must be stored."""
        target = self.databases.copy(template, self.fresh())
        result = measured(command(target))
        found = repositories.stored(target, self.databases)
        if found != left:
            raise SystemExit(f"{' '.join(command(target))}: {found} datasets are stored, not {left}")
        return result

    def compare(self, name: str, template: str, left: int, command: Callable[[str, str], list[str]], goal: float) -> dict:
        """A command of both programs: the medians, which may be of one run for Python."""
        both = {}
        for program, runs in ((self.steward, self.runs), (PYTHON, 1)):
            both[program] = [self.trial(lambda to, p=program: command(p, to), template, left) for _ in range(runs)]
        ours, theirs = (statistics.median(s for s, _ in both[p]) for p in (self.steward, PYTHON))
        memory = [max(mb for _, mb in both[p]) for p in (self.steward, PYTHON)]
        row = {
            "name": name, "steward_s": round(ours, 3), "python_s": round(theirs, 3), "ratio": round(theirs / ours, 1),
            "goal": goal, "peak_mb": [round(mb, 1) for mb in memory], "runs": [self.runs, 1],
        }  # fmt: skip
        show_row(row)
        return row

    def puts(self) -> list[dict]:
        count = 2000 // (4 if self.quick else 1)
        rows = []
        for how in ("alone", "together"):
            times = []
            for program in ([self.inside, "put"], [sys.executable, os.path.join(HERE, "python_writing.py"), "put"]):
                seconds = []
                for _ in range(self.runs if program[0] == self.inside else 1):
                    target = self.databases.copy(self.base(2000), self.fresh())
                    seconds.append(said([*program, target, KIND, RUN, str(count), how]))
                    if repositories.stored(target, self.databases) != count:
                        raise SystemExit(f"{program}: not all datasets are stored")
                times.append(statistics.median(seconds))
            ours, theirs = times
            what = "each in its own transaction" if how == "alone" else "in one transaction"
            rows.append(
                {
                    "name": f"put {count}, {what}", "steward_s": round(ours, 3), "python_s": round(theirs, 3),
                    "ratio": round(theirs / ours, 1), "goal": 20, "runs": [self.runs, 1],
                }
            )  # fmt: skip
            show_row(rows[-1])
        return rows

    def commands(self) -> list[dict]:
        many, half = 100_000 // self.part, 50_000 // self.part
        rows = [
            self.compare(
                f"ingest-files {many}, {mode}", self.base(many), many, lambda p, to, m=mode: self.ingest(p, to, many, m), 20
            )
            for mode in ("hardlink", "symlink")
        ]
        folder = self.exported(half)
        rows.append(self.compare(f"import {half}", self.base(half), half, lambda p, to: self.take_in(p, to, folder), 10))
        full = self.filled(many)
        rows.append(self.compare(f"prune-datasets {many}", full, 0, self.prune, 10))
        return [*rows, self.database_alone()]

    def database_alone(self) -> dict:
        """What the rows of datasets cost without us."""
        many = 100_000 // self.part
        full, empty = self.filled(many), self.base(many)
        if self.databases.is_server:
            name = "PostgreSQL"
            insert, delete = repositories.rows_alone_on_server(full, empty, self.databases)
        else:
            name = "SQLite"
            insert, delete = repositories.rows_alone(full, empty, self.path("alone.sqlite3"))
        print(f"    {name} alone inserts the rows of {many} datasets in {insert:.2f} s and deletes them in {delete:.2f} s")
        return {"name": f"{name} alone, rows of {many}", "insert_s": round(insert, 3), "delete_s": round(delete, 3)}

    def copies(self) -> list[dict]:
        """Copying 1 GB in 10,000 files: by us, by Python and by `cp`, which is also told to wait for the disk as we do."""
        count, size = 10_000 // self.part, 100_000
        source, empty = self.filled(count, size), self.base(count)
        row = self.compare(f"transfer-datasets {count}", empty, count, lambda p, to: self.transfer(p, source, to), 1)
        times = {}
        for name, after in (("cp", "true"), ("cp_and_sync", f"sync -f {self.work}")):
            seconds = []
            for _ in range(self.runs):
                copy = f"cp -r {os.path.join(source, RUN)} {self.fresh()} && {after}"
                seconds.append(measured(["sh", "-c", copy])[0])
            times[name] = statistics.median(seconds)
            row[name + "_s"] = round(times[name], 3)
            row["to_" + name] = round(row["steward_s"] / times[name], 2)
        text = ", ".join(f"{row['to_' + name]} of {name.replace('_', ' ')} ({row[name + '_s']} s)" for name in times)
        print(f"    it takes {text}; goal 1.3")
        return [row]

    def memory(self) -> list[dict]:
        """Peak memory of our commands at one size and at ten times that."""
        few, many = 10_000 // self.part, 100_000 // self.part
        works = {
            "ingest-files": lambda n: (lambda to: self.ingest(self.steward, to, n, "hardlink"), self.base(n), n),
            "import": lambda n: (lambda to: self.take_in(self.steward, to, self.exported(n)), self.base(n), n),
            "transfer-datasets": lambda n: (lambda to: self.transfer(self.steward, self.filled(n), to), self.base(n), n),
            "prune-datasets": lambda n: (lambda to: self.prune(self.steward, to), self.filled(n), 0),
        }
        rows = []
        for name, work in works.items():
            peaks = [self.trial(*work(n))[1] for n in (few, many)]
            rows.append({"name": name, "datasets": [few, many], "peak_mb": [round(mb, 1) for mb in peaks]})
            print(f"peak memory of {name:20} {few}: {peaks[0]:7.1f} MB   {many}: {peaks[1]:7.1f} MB")
        return rows

    def fits(self) -> list[dict]:
        alone = self.path("fits_alone")
        flags = subprocess.run(
            ["pkg-config", "--cflags", "--libs", "cfitsio"], capture_output=True, text=True, check=True
        ).stdout.split()
        subprocess.run(["cc", "-O2", os.path.join(HERE, "fits_alone.c"), "-o", alone, *flags], check=True)
        rows, columns, repetitions = (2000, 2000, "5") if self.quick else (4000, 4000, "7")
        results = []
        for compression in ("none", "gzip2", "rice1"):
            for what in ("write", "read"):
                times = []
                for program in ([self.inside, "fits"], [alone]):
                    path = self.path(f"{compression}.fits")
                    times.append(said([*program, what, path, str(rows), str(columns), repetitions, compression]))
                row = {
                    "name": f"FITS {what}, {compression}", "steward_s": times[0], "cfitsio_s": times[1],
                    "to_cfitsio": round(times[0] / times[1], 2), "goal": 1.2,
                }  # fmt: skip
                results.append(row)
                print(
                    f"{row['name']:44} {times[0]:9.3f} s  cfitsio {times[1]:9.3f} s: {row['to_cfitsio']:5.2f} of it; goal 1.2"
                )
        return results

    def run(self, only: list[str] | None = None) -> dict:
        parts = {"put": self.puts, "commands": self.commands, "copies": self.copies, "memory": self.memory}
        # Images have nothing to do with the database.
        if not self.databases.is_server:
            parts["fits"] = self.fits
        try:
            return {name: part() for name, part in parts.items() if not only or name in only}
        finally:
            shutil.rmtree(self.work, ignore_errors=True)


def show_row(row: dict) -> None:
    memory = "   peak MB {} and {}".format(*row["peak_mb"]) if "peak_mb" in row else ""
    print(
        f"{row['name']:44} {row['steward_s']:9.2f} s  Python {row['python_s']:9.2f} s {row['ratio']:7.1f}x, "
        f"goal {row['goal']}x{memory}",
        flush=True,
    )


if __name__ == "__main__":
    # Some parts alone: `writing.py commands --postgresql --quick`.
    parts = [argument for argument in sys.argv[1:] if not argument.startswith("--")]
    databases = Databases("postgresql" if "--postgresql" in sys.argv else "sqlite")
    try:
        with tempfile.TemporaryDirectory() as folder:
            os.chmod(folder, 0o755)
            Bench(os.environ["STEWARD_BIN"], folder, databases, "--quick" in sys.argv).run(parts)
    finally:
        databases.close()
