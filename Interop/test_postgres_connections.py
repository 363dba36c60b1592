"""Servers whose database gives them few connections, for lookups, streams and several repositories."""

import time
import types

import postgresql
import pytest

pytest.importorskip("psycopg", reason="needs psycopg")
pytest.importorskip("lsst.daf.butler")
pytest.importorskip("httpx2", reason="needs lsst-daf-butler[remote]")
from lsst.daf.butler import Butler  # noqa: E402
from postgresql_repositories import fill, load, needed, run, seed  # noqa: E402
from query_service import connect  # noqa: E402
from serving import Server  # noqa: E402

pytestmark = needed


@pytest.fixture(scope="module")
def cluster():
    made = postgresql.Cluster("-c max_connections=40")
    yield made
    made.remove()


def repository(cluster, folder, role):
    name = cluster.database()
    run("create", "--seed-config", seed(folder.parent, f"{cluster.url}/{name}"), folder)
    with Butler.from_config(str(folder), writeable=True) as butler:
        fill(butler)
    cluster.sql(f"GRANT ALL ON ALL TABLES IN SCHEMA public TO {role}", name)
    file = folder / "butler.yaml"
    file.write_text(file.read_text().replace("postgres@", f"{role}@"))


def route(server, label):
    return types.SimpleNamespace(url=f"http://127.0.0.1:{server.port}/api/butler/repo/{label}")


def streamed(service):
    return len(connect(service.url).query_datasets("bias", collections="run/a"))


@pytest.mark.parametrize("limit", [2, 8])
def test_streams_work_after_a_burst_of_lookups(cluster, tmp_path, limit):
    cluster.sql(f"CREATE ROLE few{limit} LOGIN CONNECTION LIMIT {limit}")
    repository(cluster, tmp_path / "root", f"few{limit}")
    server = Server("--repo", f"root={tmp_path / 'root'}", log=tmp_path / "log")
    try:
        service = route(server, "root")
        with load(service, 30) as statuses:
            time.sleep(1.5)
            assert streamed(service) == 3
        assert {status for _, status in statuses} == {200}
        assert [streamed(service) for _ in range(3)] == [3, 3, 3]
        with load(service, 4) as statuses:
            time.sleep(0.5)
        assert {status for _, status in statuses} == {200}
    finally:
        server.stop()


def test_a_repository_gets_the_connections_that_another_does_not_use(cluster, tmp_path):
    cluster.sql("CREATE ROLE two_of LOGIN CONNECTION LIMIT 5")
    for label in ("one", "two"):
        repository(cluster, tmp_path / label, "two_of")
    server = Server(
        "--repo", f"one={tmp_path / 'one'}", "--repo", f"two={tmp_path / 'two'}", log=tmp_path / "log")
    try:
        one, two = route(server, "one"), route(server, "two")
        for first, second in ((one, two), (two, one)):
            with load(first, 30) as statuses:
                time.sleep(1)
            assert {status for _, status in statuses} == {200}
            assert streamed(second) == 3 and streamed(first) == 3
            with load(second, 4) as statuses:
                time.sleep(0.5)
            assert {status for _, status in statuses} == {200}
    finally:
        server.stop()
