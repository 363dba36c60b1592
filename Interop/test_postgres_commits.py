"""A transaction that the server has not finished when its client dies: whoever comes next waits for what becomes of it."""

import os
import subprocess
import time

import postgresql
import pytest

pytest.importorskip("lsst.daf.butler")
psycopg = pytest.importorskip("psycopg", reason="needs psycopg")
from command_line import BINARY, needs_binary  # noqa: E402
from test_emptied_roots import make  # noqa: E402

pytestmark = [
    needs_binary,
    pytest.mark.skipif(postgresql.programs() is None, reason="PostgreSQL's server is not installed"),
]


@pytest.fixture
def cluster():
    made = postgresql.Cluster()
    yield made
    made.remove()


def wait_for_standby(cluster, names):
    """Has commits wait for a standby server of such a name; for none when there is no name."""
    cluster.sql(f"ALTER SYSTEM SET synchronous_standby_names = '{names}'")
    cluster.sql("SELECT pg_reload_conf()")


def value(url, sql):
    with psycopg.connect(url) as connection:
        return connection.execute(sql).fetchone()[0]


@pytest.mark.parametrize("count", [2, 40])
def test_a_purge_whose_client_dies_while_it_is_committed(cluster, tmp_path, count):
    url = f"{cluster.url}/{cluster.database()}"
    root = tmp_path / "repository"
    make(root, count, url)
    wait_for_standby(cluster, "nobody")
    command = [BINARY, "butler", "prune-datasets", str(root), "--purge", "run", "--no-confirm"]
    purge = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
    for _ in range(300):
        if value(url, waiting):
            break
        time.sleep(0.1)
    assert value(url, waiting) == 1
    purge.kill()
    purge.wait()
    # The next writer does not wait for a standby, but must for the transaction.
    local = {**os.environ, "PGOPTIONS": "-c synchronous_commit=local"}
    after = subprocess.Popen(
        [BINARY, "butler", "empty-trash", str(root), "--no-confirm"],
        env=local, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)  # fmt: skip
    time.sleep(2)
    wait_for_standby(cluster, "")
    _, errors = after.communicate(timeout=120)
    assert after.returncode == 0, errors
    for table in ("dataset", "dataset_location", "dataset_location_trash", "file_datastore_records"):
        assert value(url, f"SELECT count(*) FROM {table}") == 0, table
    assert os.listdir(root / "data") == []
