"""Repositories that the benchmarks run on."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import uuid

SHARED = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "shared")


def hsc(work: str) -> str:
    """The `hsc-rc2` fixture: taken from $STEWARD_FIXTURES, or made by the fixture script beside this checkout."""
    given = os.environ.get("STEWARD_FIXTURES")
    if given and os.path.exists(os.path.join(given, "hsc-rc2", "butler.yaml")):
        return os.path.join(given, "hsc-rc2")
    target = os.path.join(work, "fixtures")
    repository = os.path.join(target, "hsc-rc2")
    if not os.path.exists(os.path.join(repository, "butler.yaml")):
        script = os.path.join(SHARED, "fixtures", "make_repos.py")
        if not os.path.exists(script):
            raise SystemExit("Set STEWARD_FIXTURES to a directory that holds the fixture repository 'hsc-rc2'.")
        export = os.path.join(SHARED, "data", "daf_butler", "data", "registry", "hsc-rc2-subset.yaml")
        subprocess.run(
            [sys.executable, script, target, "--hsc-yaml", export, "--only", "hsc-rc2"],
            check=True,
            stdout=subprocess.DEVNULL,
        )
    return repository


def big(work: str, given: str | None) -> str:
    """A repository of a million datasets: the one given, or one that the script of the test harness makes once."""
    repository = given or os.path.join(work, "big")
    if not os.path.exists(os.path.join(repository, "butler.yaml")):
        script = os.path.join(SHARED, "harness", "differential", "make_big_repo.py")
        if given or not os.path.exists(script):
            raise SystemExit("Set STEWARD_BIG_REPOSITORY to a repository made by make_big_repo.py.")
        unfinished = f"{repository}.unfinished"
        print(f"Making a repository of a million datasets in {repository}", file=sys.stderr)
        subprocess.run([sys.executable, script, unfinished], check=True, stdout=sys.stderr)
        os.rename(unfinished, repository)
    return repository


def with_object_store_root(repository: str, target: str) -> str:
    """A copy whose files are said to be in an object store, which is the only kind that the Python server can hand
    out; URLs are signed without contacting the store."""
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(repository, target)
    path = os.path.join(target, "butler.yaml")
    with open(path) as stream:
        text = stream.read()
    text = text.replace("  root: <butlerRoot>\n", "  root: s3://bench-bucket/\n  name: FileDatastore@<butlerRoot>\n")
    with open(path, "w") as stream:
        stream.write(text)
    return target


def probes(repository: str) -> dict:
    """A data ID to look up and a dataset that has a file."""
    with sqlite3.connect(f"file:{repository}/gen3.sqlite3?mode=ro", uri=True) as database:
        dataset_id, table, type_id = database.execute(
            "SELECT d.id, t.tag_association_table, t.id FROM dataset d JOIN dataset_type t ON t.id = d.dataset_type_id "
            "JOIN file_datastore_records f ON f.dataset_id = d.id WHERE t.name = 'calexp_metadata' ORDER BY d.id LIMIT 1"
        ).fetchone()
        instrument, detector, visit = database.execute(
            f"SELECT instrument, detector, visit FROM {table} WHERE dataset_id = ? LIMIT 1", (dataset_id,)
        ).fetchone()
    return {
        "dataset_id": str(uuid.UUID(dataset_id)),
        "find_dataset": {
            "dataset_type": "calexp_metadata",
            "data_id": {"instrument": instrument, "detector": detector, "visit": visit},
            "default_data_id": {},
            "collections": ["HSC/runs/RC2"],
            "timespan": None,
            "dimension_records": False,
        },
    }
