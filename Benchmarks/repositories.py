"""Repositories that the benchmarks run on."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import uuid

from databases import Databases

SHARED = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "shared")


def hsc(work: str, databases: Databases) -> str:
    """The `hsc-rc2` fixture: taken from $STEWARD_FIXTURES, or made by the fixture script beside this checkout."""
    if databases.is_server:
        return hsc_there(os.path.join(work, "hsc-rc2-postgresql"), databases)
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


def hsc_there(target: str, databases: Databases) -> str:
    """The same fixture on the server, made by the same script."""
    scripts = os.path.join(SHARED, "fixtures")
    if not os.path.exists(os.path.join(scripts, "make_repos.py")):
        raise SystemExit(f"The fixture repository is made on PostgreSQL by make_repos.py, which {scripts} has not.")
    shutil.rmtree(target, ignore_errors=True)
    export = os.path.join(SHARED, "data", "daf_butler", "data", "registry", "hsc-rc2-subset.yaml")
    subprocess.run(
        [sys.executable, "-c", HSC_THERE, scripts, target, export, databases.url()],
        check=True, stdout=subprocess.DEVNULL, env={**os.environ, "PYTHONHASHSEED": "0"})  # fmt: skip
    databases.settle(target)
    return target


HSC_THERE = """
import sys
_, scripts, target, export, url = sys.argv
sys.path.insert(0, scripts)
import make_repos
from lsst.daf.butler import Butler
make = Butler.makeRepo
Butler.makeRepo = staticmethod(lambda root: make(root, config={"registry": {"db": url}}))
make_repos.make_hsc(target, export)
"""


def big(work: str, given: str | None, databases: Databases, quick: bool) -> str:
    """A repository of a million datasets, or of a tenth of that: the one given, or one that the script of the test
    harness makes; on SQLite once."""
    size = 100_000 if quick else 1_000_000
    repository = os.path.join(work, f"big-{databases.kind}-{size}")
    if given and not databases.is_server:
        repository = given
    if databases.is_server:
        shutil.rmtree(repository, ignore_errors=True)
    if not os.path.exists(os.path.join(repository, "butler.yaml")):
        script = os.path.join(SHARED, "harness", "differential", "make_big_repo.py")
        if repository == given or not os.path.exists(script):
            raise SystemExit("Set STEWARD_BIG_REPOSITORY to a repository made by make_big_repo.py.")
        # Python takes what follows a dot for the format of a configuration.
        unfinished = os.path.join(work, f"unfinished-{databases.kind}-{size}")
        print(f"Making a repository of {size:,} datasets in {repository}", file=sys.stderr)
        command = [script, unfinished, "--datasets", str(size)]
        if databases.is_server:
            url = databases.url().replace("://", "+psycopg://")
            command = ["-c", BIG_THERE, os.path.dirname(script), unfinished, str(size), url]
        subprocess.run([sys.executable, *command], check=True, stdout=sys.stderr)
        os.rename(unfinished, repository)
        databases.settle(repository)
    return repository


#: The script copies datasets before the summaries that they refer to, which only SQLite lets it.
BIG_THERE = """
import sys
_, scripts, target, size, url = sys.argv
sys.path.insert(0, scripts)
import make_big_repo
class Bulk(make_big_repo.Bulk):
    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.con.execute("SET session_replication_role = replica")
make_big_repo.Bulk = Bulk
make_big_repo.build(target, int(size), 189, "s3://steward-test-bucket/repo", url, True)
"""


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


def probes(repository: str, databases: Databases) -> dict:
    """A data ID to look up and a dataset that has a file."""
    ((dataset_id, table),) = databases.rows(
        repository,
        "SELECT d.id, t.tag_association_table FROM dataset d JOIN dataset_type t ON t.id = d.dataset_type_id "
        "JOIN file_datastore_records f ON f.dataset_id = d.id WHERE t.name = 'calexp_metadata' ORDER BY d.id LIMIT 1",
    )
    identifier = uuid.UUID(str(dataset_id))
    ((instrument, detector, visit), *_) = databases.rows(
        repository, f"SELECT instrument, detector, visit FROM {table} WHERE dataset_id = '{dataset_id}' LIMIT 1")
    return {
        "dataset_id": str(identifier),
        "find_dataset": {
            "dataset_type": "calexp_metadata",
            "data_id": {"instrument": instrument, "detector": detector, "visit": visit},
            "default_data_id": {},
            "collections": ["HSC/runs/RC2"],
            "timespan": None,
            "dimension_records": False,
        },
    }
