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
from postgresql_repositories import fill, load, needed, run, seed  # noqa: E402
from query_service import Service  # noqa: E402
from silent_proxy import SilentProxy  # noqa: E402
from test_postgres_operations import names_of  # noqa: E402

pytestmark = needed


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


def test_a_replica_of_another_server_is_not_read(clusters, tmp_path):
    ours, other = clusters(), clusters()
    repository(ours, tmp_path / "root", "is_ours")
    repository(other, tmp_path / "other", "is_other")
    # It has come further than our server.
    other.sql("CREATE TABLE filling AS SELECT generate_series(1, 300000) AS n")
    port = other.replica()
    replicate(tmp_path / "root", port)
    assert all("is_ours" in text for _, text in answers(tmp_path / "root", tmp_path / "log"))
    log = (tmp_path / "log").read_text()
    assert log.count("another cluster") == 1 and f":{port}/" in log


def test_a_replica_with_another_database_is_not_read(clusters, tmp_path):
    cluster = clusters()
    repository(cluster, tmp_path / "root", "is_ours")
    repository(cluster, tmp_path / "other", "is_other")
    configuration = postgresql.configuration(tmp_path / "root")
    name = postgresql.database_of(tmp_path / "other").rsplit("/", 1)[1]
    configuration["registry"]["replicas"] = {
        "databases": [f"postgresql://postgres@127.0.0.1:{cluster.replica()}/{name}"], "staleness": 2}
    (tmp_path / "root" / "butler.yaml").write_text(json.dumps(configuration))
    assert all("is_ours" in text for _, text in answers(tmp_path / "root", tmp_path / "log"))
    assert (tmp_path / "log").read_text().count(f"opened with database '{name}'") == 1


def test_a_replica_from_before_a_restore_is_not_read(clusters, tmp_path):
    cluster = clusters()
    repository(cluster, tmp_path / "root")
    backup = cluster.folder / "backup"
    cluster._run("pg_basebackup", "-c", "fast", "-X", "stream", "-D", backup, "-d", f"{cluster.url}/postgres")
    port = cluster.replica()
    with Butler.from_config(str(tmp_path / "root"), writeable=True) as butler:
        butler.collections.register("before")
    cluster.sql("CREATE TABLE filling AS SELECT generate_series(1, 300000) AS n")
    time.sleep(1)
    cluster.stop()
    shutil.move(cluster.data, cluster.folder / "broken")
    shutil.move(backup, cluster.data)
    cluster.start()
    replicate(tmp_path / "root", port)
    with Butler.from_config(str(tmp_path / "root"), writeable=True) as butler:
        butler.collections.register("after")
    found = answers(tmp_path / "root", tmp_path / "log")
    assert all("after" in text and "before" not in text for _, text in found)
    log = (tmp_path / "log").read_text()
    assert log.count("has more than the primary") == 1 and f":{port}/" in log


@pytest.mark.parametrize("has_temporary_tables", [True, False])
def test_a_server_that_is_not_yet_the_primary_is_an_outage(clusters, tmp_path, has_temporary_tables):
    cluster = clusters()
    port = cluster.replica()
    repository(cluster, tmp_path / "root")
    name = postgresql.database_of(tmp_path / "root").rsplit("/", 1)[1]
    configuration = postgresql.configuration(tmp_path / "root")
    configuration["registry"]["db"] = (
        f"postgresql://postgres@/{name}?host=127.0.0.1,127.0.0.1&port={cluster.port},{port}")
    configuration["registry"]["temporary_tables"] = has_temporary_tables
    (tmp_path / "root" / "butler.yaml").write_text(json.dumps(configuration))
    service = Service(tmp_path / "root", tmp_path / "log")
    try:
        with load(service, 4) as statuses:
            time.sleep(0.5)
            cluster.stop()
            time.sleep(2)
            promote = [f"{cluster.programs}/pg_ctl", "-D", str(cluster.folder / "replica"), "-w", "promote"]
            subprocess.run(["runuser", "-u", "postgres", "--", *promote], check=True, cwd=cluster.folder,
                           stdout=subprocess.DEVNULL)
            promoted = time.monotonic()
            time.sleep(2)
        assert {status for _, status in statuses} == {200, 503}, (tmp_path / "log").read_text()
        assert {status for moment, status in statuses if moment > promoted + 1} == {200}
    finally:
        service.stop()


def test_a_server_that_is_promoted_right_after_it_refused_is_asked_again(clusters, tmp_path):
    cluster = clusters()
    repository(cluster, tmp_path / "root")
    refusals = []

    def refuse(data):
        """Has the server refuse one transaction, as it does while it follows another one."""
        if refusals and b"BEGIN" in data:
            refusals.pop()
            return data.replace(b"BEGIN", b"BEGUN")
        return data

    proxy = SilentProxy(cluster.port, refuse)
    name = postgresql.database_of(tmp_path / "root").rsplit("/", 1)[1]
    configuration = postgresql.configuration(tmp_path / "root")
    configuration["registry"]["db"] = f"postgresql://postgres@127.0.0.1:{proxy.port}/{name}"
    (tmp_path / "root" / "butler.yaml").write_text(json.dumps(configuration))
    service = Service(tmp_path / "root", tmp_path / "log")
    try:
        assert names_of(service)[0] == 200
        refusals.append("one")
        assert names_of(service)[0] == 200
        assert not refusals
    finally:
        service.stop()
        proxy.close()
