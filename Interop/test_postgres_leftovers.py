"""What the killed making of a repository leaves in PostgreSQL, and what the next attempt says of it."""

import shutil
import subprocess
import time

import postgresql
import pytest

pytest.importorskip("lsst.daf.butler")
pytest.importorskip("psycopg", reason="needs psycopg")
from postgresql_repositories import clear, needed, run, seed  # noqa: E402
from test_repositories import STEWARD  # noqa: E402

pytestmark = needed


@pytest.mark.parametrize("schema", [None, "survey"])
def test_a_killed_demo_is_recognized(tmp_path, schema):
    cluster = postgresql.shared()
    name = cluster.database()
    if schema:
        cluster.sql(f"CREATE SCHEMA {schema}", name)
    place = ["--database", f"{cluster.url}/{name}", *(["--namespace", schema] if schema else [])]
    command = [str(STEWARD), "demo", str(tmp_path / "demo"), *place]
    tables = f"SELECT tablename FROM pg_tables WHERE schemaname = '{schema or 'public'}'"
    killed = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while "butler_attributes" not in cluster.sql(tables, name):
        assert killed.poll() is None
        time.sleep(0.02)
    killed.kill()
    killed.wait()
    (draft,) = tmp_path.glob(".demo.*.partial")
    removal = f'DROP SCHEMA "{schema}" CASCADE' if schema else f'DROP DATABASE "{name}"'
    clear(subprocess.run(command, capture_output=True, text=True), "interrupted", str(draft), removal)
    # The refused attempt leaves nothing, and the other is left for its owner.
    assert list(tmp_path.iterdir()) == [draft]
    # Without the directory it is not as certain.
    shutil.rmtree(draft)
    clear(subprocess.run(command, capture_output=True, text=True), "may be", "no butler.yaml", removal)
    clear(run("create", "--seed-config", seed(tmp_path, place[1], **({"namespace": schema} if schema else {})),
              tmp_path / "new", check=False), "butler_attributes", "interrupted", "no butler.yaml", "drop")
    # What it says helps.
    if schema:
        cluster.sql(f'DROP SCHEMA "{schema}" CASCADE', name)
        cluster.sql(f'CREATE SCHEMA "{schema}"', name)
        subprocess.run(command, check=True, capture_output=True)
        assert (tmp_path / "demo" / "butler.yaml").exists()
