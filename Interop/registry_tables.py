"""The contents of a repository's database, in a form in which two repositories that say the same are equal."""

import sqlite3
from pathlib import Path

import postgresql


def contents(repository) -> dict[str, list[tuple]]:
    """The rows of each table, sorted. Keys that only number rows are left out."""
    if url := postgresql.database_of(repository):
        return contents_on_server(url)
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


def contents_on_server(url: str) -> dict[str, list[tuple]]:
    import psycopg

    with psycopg.connect(url) as database:
        tables = [name for (name,) in database.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")]
        result = {}
        for table in sorted(tables):
            columns = [
                name for (name,) in database.execute(
                    "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 ORDER BY attnum",
                    (f'"{table}"',))
            ]
            if table.startswith("dataset_calibs_"):
                columns.remove("id")
            listed = ", ".join(f'"{column}"' for column in columns)
            result[table] = sorted(database.execute(f'SELECT {listed} FROM "{table}"'), key=repr)
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
