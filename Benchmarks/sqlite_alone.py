"""SQLite by itself: how fast it goes through the rows of a statement that nobody reads."""

from __future__ import annotations

import contextlib
import ctypes
import ctypes.util
import dataclasses
import json
import os
import sqlite3
import subprocess
import time

CACHE_KIBIBYTES = 16_384  # What a connection of Steward has.
READ_ONLY = 1


@dataclasses.dataclass
class Stepped:
    rows: int
    seconds: list[float]
    processor_seconds: float
    """Of one run, on average."""
    plan: list[str]


class Database:
    """A connection of the C library. Python's `sqlite3` would spend its time making objects of the values."""

    def __init__(self, file: str):
        self.library = ctypes.CDLL(ctypes.util.find_library("sqlite3"))
        self.library.sqlite3_errmsg.restype = ctypes.c_char_p
        self.handle = ctypes.c_void_p()
        if self.library.sqlite3_open_v2(os.fsencode(file), ctypes.byref(self.handle), READ_ONLY, None) != 0:
            raise SystemExit(f"{file} can not be opened")
        self.run(f"PRAGMA cache_size = -{CACHE_KIBIBYTES}")

    def close(self) -> None:
        self.library.sqlite3_close(self.handle)

    def run(self, sql: str) -> None:
        """Steps a statement to its end, in C, without a look at the rows."""
        if self.library.sqlite3_exec(self.handle, sql.encode(), None, None, None) != 0:
            raise SystemExit(f"{self.library.sqlite3_errmsg(self.handle).decode()} in: {sql}")


def stepped(file: str, sql: str, runs: int) -> Stepped:
    """Steps a statement to its end, again and again on one connection, after a warm-up."""
    with contextlib.closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as connection:
        plan = [line for *_, line in connection.execute("EXPLAIN QUERY PLAN " + sql)]
        rows = sum(1 for _ in connection.execute(sql))
    seconds = []
    with contextlib.closing(Database(file)) as database:
        database.run(sql)
        before = time.process_time()
        for _ in range(runs):
            start = time.perf_counter()
            database.run(sql)
            seconds.append(time.perf_counter() - start)
        used = time.process_time() - before
    return Stepped(rows, seconds, used / runs, plan)


def explained(steward: str, repository: str, arguments: list[str]) -> dict:
    """What `steward butler explain` says of a query: among others `sql`, and its `rows` and `seconds` when stepped."""
    command = [steward, "butler", "explain", repository, *arguments, "--analyze", "--format", "json"]
    done = subprocess.run(command, capture_output=True)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(command)} failed: {done.stderr.decode()[-500:]}")
    return json.loads(done.stdout)
