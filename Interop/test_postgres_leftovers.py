"""What the killed making of a repository leaves in PostgreSQL, what the next attempt says of it, and several at once."""

import shutil
import subprocess
import time

import postgresql
import pytest

pytest.importorskip("lsst.daf.butler")
psycopg = pytest.importorskip("psycopg", reason="needs psycopg")
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


def test_a_creation_that_fails_leaves_no_schema(tmp_path):
    cluster = postgresql.shared()
    name = cluster.database()
    (tmp_path / "repo" / "butler.yaml").mkdir(parents=True)
    config = seed(tmp_path, f"{cluster.url}/{name}", namespace="fresh")
    clear(run("create", "--override", "--seed-config", config, tmp_path / "repo", check=False), "butler.yaml")
    assert cluster.sql("SELECT nspname FROM pg_namespace WHERE nspname = 'fresh'", name) == []


@pytest.mark.parametrize("schema", [None, "fresh"])
def test_of_several_at_once_one_makes_the_repository(tmp_path, schema):
    cluster = postgresql.shared()
    name = cluster.database()
    config = seed(tmp_path, f"{cluster.url}/{name}", **({"namespace": schema} if schema else {}))
    folders = [tmp_path / str(number) for number in range(4)]
    calls = [
        subprocess.Popen(
            [str(STEWARD), "butler", "create", "--seed-config", config, folder], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True)
        for folder in folders
    ]
    answers = [(call.communicate(timeout=60)[1], call.returncode) for call in calls]
    assert sorted(code for _, code in answers) == [0, 1, 1, 1]
    for text, code in answers:
        assert code == 0 or "pg_" not in text and "already holds the table" in text, text
    (made,) = [folder for folder, (_, code) in zip(folders, answers) if code == 0]
    run("query-collections", made)


def creation_that_waits(config, root, other, name):
    """The making of a repository, which waits for another client of the database."""
    command = subprocess.Popen(
        [str(STEWARD), "butler", "create", "--seed-config", config, root], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True)
    waits = "SELECT 1 FROM pg_locks WHERE NOT granted AND pid IN (SELECT pid FROM pg_stat_activity WHERE datname = %s)"
    while not other.execute(waits, [name]).fetchall():
        assert command.poll() is None, command.stderr.read()
        time.sleep(0.02)
    return command


@pytest.mark.parametrize("schema", [None, "fresh"])
def test_what_a_client_of_another_kind_makes_at_the_same_time_is_found(tmp_path, schema):
    cluster = postgresql.shared()
    name = cluster.database()
    config = seed(tmp_path, f"{cluster.url}/{name}", **({"namespace": schema} if schema else {}))
    with psycopg.connect(f"{cluster.url}/{name}") as other:
        if schema:
            other.execute(f"CREATE SCHEMA {schema}")
        other.execute(f"CREATE TABLE {schema or 'public'}.butler_attributes (name TEXT PRIMARY KEY, value TEXT)")
        command = creation_that_waits(config, tmp_path / "root", other, name)
    text = command.communicate(timeout=60)[1]
    assert command.returncode == 1 and "already holds the table 'butler_attributes'" in text and "pg_" not in text, text


def test_a_table_that_another_client_commits_meanwhile_is_found(tmp_path):
    cluster = postgresql.shared()
    name = cluster.database()
    config = seed(tmp_path, f"{cluster.url}/{name}")
    with psycopg.connect(f"{cluster.url}/{name}") as other:
        other.execute("CREATE TABLE butler_attributes (name TEXT PRIMARY KEY, value TEXT)")
        command = creation_that_waits(config, tmp_path / "root", other, name)
        cluster.sql("CREATE TABLE collection (name TEXT)", name)
        other.rollback()
    text = command.communicate(timeout=60)[1]
    assert command.returncode == 1 and "already holds the table 'collection'" in text, text
