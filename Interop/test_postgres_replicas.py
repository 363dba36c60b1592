"""Replicas that cannot be read from, and primaries that are none yet."""

import json
import shutil
import subprocess
import time

import postgresql
import pytest

pytest.importorskip("psycopg", reason="needs psycopg")
pytest.importorskip("lsst.daf.butler")
pytest.importorskip("httpx2", reason="needs lsst-daf-butler[remote]")
from lsst.daf.butler import Butler  # noqa: E402
from postgresql_repositories import fill, load, run, seed  # noqa: E402
from query_service import Service  # noqa: E402
from test_postgres_operations import names_of  # noqa: E402
from test_repositories import PROBE, STEWARD  # noqa: E402

pytestmark = [
    pytest.mark.skipif(postgresql.programs() is None, reason="PostgreSQL's server is not installed"),
    pytest.mark.skipif(STEWARD is None or PROBE is None, reason="steward and butler-probe are not built"),
]


@pytest.fixture
def clusters():
    """Makes primaries of their own."""
    made = []

    def make():
        made.append(postgresql.Cluster("-c wal_level=replica", "-c hot_standby=on", "-c max_connections=60"))
        return made[-1]

    yield make
    for cluster in made:
        cluster.remove()


def repository(cluster, folder, *collections):
    run("create", "--seed-config", seed(folder.parent, f"{cluster.url}/{cluster.database()}"), folder)
    with Butler.from_config(str(folder), writeable=True) as butler:
        fill(butler)
        for collection in collections:
            butler.collections.register(collection)


def replicate(root, port, user="postgres"):
    """Has a repository be read from the replica on a port."""
    name = postgresql.database_of(root).rsplit("/", 1)[1]
    configuration = postgresql.configuration(root)
    configuration["registry"]["replicas"] = {
        "databases": [f"postgresql://{user}@127.0.0.1:{port}/{name}"], "staleness": 2}
    (root / "butler.yaml").write_text(json.dumps(configuration))


def answers(root, log, seconds=4):
    """What a server answers for some time."""
    service = Service(root, log)
    try:
        end, found = time.monotonic() + seconds, []
        while time.monotonic() < end:
            found.append(names_of(service))
            time.sleep(0.1)
        return found
    finally:
        service.stop()


def test_what_the_user_of_a_replica_may_not_read_comes_from_the_primary(clusters, tmp_path):
    cluster = clusters()
    repository(cluster, tmp_path / "root")
    cluster.sql("CREATE ROLE poor LOGIN")
    replicate(tmp_path / "root", cluster.replica(), "poor")
    assert {status for status, _ in answers(tmp_path / "root", tmp_path / "log")} == {200}
