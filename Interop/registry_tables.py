"""The contents of a repository's database, in a form in which two repositories that say the same are equal."""

import sqlite3
from pathlib import Path


def contents(repository) -> dict[str, list[tuple]]:
    """The rows of each table, sorted. Keys that only number rows are left out."""
    with sqlite3.connect(f"file:{Path(repository) / 'gen3.sqlite3'}?mode=ro", uri=True) as database:
        tables = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        result = {}
        for table in sorted(tables):
            if table.startswith("sqlite_"):
                continue
            columns = [row[1] for row in database.execute(f'PRAGMA table_info("{table}")')]
            if table.startswith("dataset_calibs_"):
                columns.remove("id")
            listed = ", ".join(f'"{column}"' for column in columns)
            result[table] = sorted(database.execute(f'SELECT {listed} FROM "{table}"'), key=repr)
    database.close()
    return result


def differences(ours: dict, theirs: dict) -> dict:
    """Where they differ: for each table the rows that only one has."""
    found = {}
    for table in sorted(ours.keys() | theirs.keys()):
        mine, other = ours.get(table), theirs.get(table)
        if mine != other:
            found[table] = (
                [row for row in mine or [] if row not in (other or [])],
                [row for row in other or [] if row not in (mine or [])],
                (mine is None, other is None),
            )
    return found
