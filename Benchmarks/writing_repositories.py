"""Repositories, files and tables that the benchmarks of writing start from. All are made anew, in a folder of its own."""

from __future__ import annotations

import os
import shutil
import sqlite3
import time

from databases import Databases
from lsst.daf.butler import Butler, Config, DatasetType

PAYLOAD = "payload"
RUN = "bench/run"
DETECTORS = 100


def base(path: str, datasets: int, databases: Databases) -> str:
    """An empty repository with data IDs for so many datasets, of instrument, exposure and detector. JSON, not YAML, for
    the one dataset type: the slower a format is to write, the less is said about the Butler."""
    if os.path.exists(path):
        return path
    config = Config({
        "registry": {"db": databases.url()},
        "datastore": {"formatters": {PAYLOAD: "lsst.daf.butler.formatters.json.JsonFormatter"}},
    })
    Butler.makeRepo(path, config=config)
    exposures = range((datasets + DETECTORS - 1) // DETECTORS)
    with Butler.from_config(path, writeable=True) as butler:
        butler.registry.registerDatasetType(
            DatasetType(PAYLOAD, ["instrument", "exposure", "detector"], "StructuredDataDict", universe=butler.dimensions)
        )
        butler.collections.register(RUN)
        insert = butler.registry.insertDimensionData
        cam = {"instrument": "Bench"}
        insert("instrument", {"name": "Bench", "class_name": "bench.Bench", "detector_max": DETECTORS})
        insert("detector", *({**cam, "id": i, "full_name": f"D{i:03}", "purpose": "SCIENCE"} for i in range(DETECTORS)))
        insert("physical_filter", {**cam, "name": "r_01", "band": "r"})
        insert("day_obs", {**cam, "id": 20260101})
        insert("group", *({**cam, "name": f"group{i}"} for i in exposures))
        insert(
            "exposure",
            *(
                {
                    **cam, "id": i, "obs_id": f"obs{i}", "physical_filter": "r_01", "day_obs": 20260101,
                    "group": f"group{i}", "exposure_time": 30.0, "seq_num": i,
                }
                for i in exposures
            ),
        )  # fmt: skip
    return path


def files(folder: str, count: int, size: int) -> str:
    """So many files of so many bytes, and the table `table.csv` that says which data IDs they are for."""
    if os.path.exists(os.path.join(folder, "table.csv")):
        return folder
    os.makedirs(folder)
    with open(os.path.join(folder, "table.csv.new"), "w") as table:
        table.write("file,instrument,exposure,detector\n")
        for number in range(count):
            exposure, detector = divmod(number, DETECTORS)
            if detector == 0:
                os.makedirs(os.path.join(folder, str(exposure)))
            name = f"{exposure}/{detector}.json"
            content = b'{"number": %d, "pad": "' % number
            with open(os.path.join(folder, name), "wb") as stream:
                stream.write(content + b"x" * max(0, size - len(content) - 2) + b'"}')
            table.write(f"{name},Bench,{exposure},{detector}\n")
    os.rename(os.path.join(folder, "table.csv.new"), os.path.join(folder, "table.csv"))
    return folder


def stored(repository: str, databases: Databases) -> int:
    """Number of datasets that have a file."""
    return databases.rows(repository, "SELECT count(*) FROM dataset_location")[0][0]


def rows_alone(filled: str, empty: str, path: str) -> tuple[float, float]:
    """Seconds that SQLite alone takes to insert the rows that `filled` has beyond `empty`, in one transaction, and to
    delete them again: no program that keeps the tables and indexes as they are can be faster."""
    source = sqlite3.connect(os.path.join(filled, "gen3.sqlite3"))
    shutil.copy(os.path.join(empty, "gen3.sqlite3"), path)
    target = sqlite3.connect(path, isolation_level=None)
    rows = {}
    for name, text in source.execute("SELECT name, sql FROM sqlite_master WHERE type = 'table'").fetchall():
        if target.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (name,)).fetchone() is None:
            target.execute(text)
            indexes = source.execute("SELECT sql FROM sqlite_master WHERE type = 'index' AND tbl_name = ?", (name,))
            for (index,) in indexes.fetchall():
                if index:
                    target.execute(index)
        if target.execute(f'SELECT 1 FROM "{name}" LIMIT 1').fetchone() is None:
            found = source.execute(f'SELECT * FROM "{name}"').fetchall()
            if found:
                rows[name] = found
    order = sorted(rows, key=lambda name: (name.startswith("dataset_tags"), name != "dataset", name))
    target.execute("PRAGMA foreign_keys = ON")
    target.execute("PRAGMA cache_size = -65536")
    times = []
    for works in (
        [(f'INSERT INTO "{n}" VALUES ({",".join("?" * len(rows[n][0]))})', rows[n]) for n in order],
        [(f'DELETE FROM "{n}"', None) for n in reversed(order)],
    ):
        start = time.perf_counter()
        target.execute("BEGIN IMMEDIATE")
        for sql, many in works:
            if many is None:
                # One by one, as with a condition: without one SQLite drops the pages of the table.
                sql += " WHERE rowid > 0"
                target.execute(sql)
            else:
                target.executemany(sql, many)
        target.execute("COMMIT")
        times.append(time.perf_counter() - start)
    return times[0], times[1]


def rows_alone_on_server(filled: str, empty: str, databases: Databases) -> tuple[float, float]:
    """The same for PostgreSQL: rows come by COPY in binary form, and go by DELETE of whole tables, with the checks that the
    tables ask for."""
    import psycopg

    def tables(connection) -> set[str]:
        names = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        return {n for (n,) in names if connection.execute(f'SELECT EXISTS (SELECT FROM "{n}")').fetchone()[0]}

    server, cluster = databases.cluster.url, databases.cluster
    copy = cluster.copy(databases.of(empty))
    try:
        with psycopg.connect(f"{server}/{databases.of(filled)}") as source, psycopg.connect(f"{server}/{copy}") as target:
            rows = {}
            for name in tables(source) - tables(target):
                with source.cursor().copy(f'COPY "{name}" TO STDOUT (FORMAT binary)') as out:
                    rows[name] = b"".join(out)
            order = sorted(rows, key=lambda name: (name.startswith("dataset_tags"), name != "dataset", name))
            target.commit()
            start = time.perf_counter()
            for name in order:
                with target.cursor().copy(f'COPY "{name}" FROM STDIN (FORMAT binary)') as into:
                    into.write(rows[name])
            target.commit()
            inserted = time.perf_counter()
            for name in reversed(order):
                target.execute(f'DELETE FROM "{name}"')
            target.commit()
            return inserted - start, time.perf_counter() - inserted
    finally:
        cluster.sql(f"DROP DATABASE {copy} WITH (FORCE)")
