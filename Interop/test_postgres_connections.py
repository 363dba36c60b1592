"""Servers whose database gives them few connections, for lookups, streams and several repositories."""

import json
import threading
import time
import types
import urllib.error
import urllib.request

import postgresql
import pytest

psycopg = pytest.importorskip("psycopg", reason="needs psycopg")
pytest.importorskip("lsst.daf.butler")
pytest.importorskip("httpx2", reason="needs lsst-daf-butler[remote]")
from lsst.daf.butler import Butler  # noqa: E402
from postgresql_repositories import fill, load, needed, run, seed  # noqa: E402
from query_service import connect  # noqa: E402
from serving import Server  # noqa: E402
from test_postgres_streams import QUERY  # noqa: E402

pytestmark = needed


@pytest.fixture(scope="module")
def cluster():
    made = postgresql.Cluster("-c max_connections=40")
    yield made
    made.remove()


def repository(cluster, folder, role):
    """Makes one, and gives the name of its database."""
    name = cluster.database()
    run("create", "--seed-config", seed(folder.parent, f"{cluster.url}/{name}"), folder)
    with Butler.from_config(str(folder), writeable=True) as butler:
        fill(butler)
    cluster.sql(f"GRANT ALL ON ALL TABLES IN SCHEMA public TO {role}", name)
    file = folder / "butler.yaml"
    file.write_text(file.read_text().replace("postgres@", f"{role}@"))
    return name


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


def lookups(service, count):
    """That many at the same time: their threads, and the statuses to be."""
    body = json.dumps({
        "expression": ["*"], "collection_types": [1, 2, 3, 4], "flatten_chains": False, "include_chains": True,
        "include_parents": False, "include_summary": False, "include_doc": False, "summary_datasets": None,
    }).encode()
    statuses = []

    def ask():
        request = urllib.request.Request(
            f"{service.url}/v1/query_collection_info", data=body, headers={"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=60) as response:
                statuses.append(response.status)
        except urllib.error.HTTPError as error:
            statuses.append(error.code)
        except OSError:
            statuses.append(None)

    threads = [threading.Thread(target=ask, daemon=True) for _ in range(count)]
    for thread in threads:
        thread.start()
    return threads, statuses


def waiting(server):
    lines = server.request("GET", "/metrics")[2].decode().splitlines()
    parts = ("butler_database_connections{", 'pool="reads"', 'state="waiting"')
    return next(int(float(line.split()[-1])) for line in lines if all(part in line for part in parts))


def test_lookups_that_get_no_connection_are_told_and_those_that_wait_are_served_again(cluster, tmp_path):
    cluster.sql("CREATE ROLE starved LOGIN CONNECTION LIMIT 8")
    url = f"{cluster.url}/{repository(cluster, tmp_path / 'root', 'starved')}"
    server = Server("--repo", f"root={tmp_path / 'root'}", log=tmp_path / "log")
    held = []
    query = {**QUERY, "query": {**QUERY["query"], "tree": {"dimensions": ["exposure", "instrument"]}}}
    query["result_spec"] = {"result_type": "dimension_record", "element": "exposure"}

    def stream():
        server.request(
            "POST", "/api/butler/repo/root/v1/query/execute", {"Content-Type": "application/json"}, json.dumps(query))

    def connections(condition, asked="pid"):
        return cluster.sql(f"SELECT {asked} FROM pg_stat_activity WHERE usename = 'starved' AND {condition}")

    try:
        service = route(server, "root")
        with load(service, 12):
            time.sleep(1)
        with psycopg.connect(url) as locking:
            # A stream that takes long keeps its connection; those of lookups end, and others take them.
            locking.execute("LOCK TABLE exposure IN ACCESS EXCLUSIVE MODE")
            streaming = threading.Thread(target=stream, daemon=True)
            streaming.start()
            while not connections("wait_event_type = 'Lock'"):
                time.sleep(0.05)
            connections("state = 'idle'", "pg_terminate_backend(pid, 5000)")
            with pytest.raises(psycopg.OperationalError):
                while True:
                    held.append(psycopg.connect(url.replace("postgres@", "starved@")))
            threads, statuses = lookups(service, 4)
            for thread in threads:
                thread.join(60)
            assert statuses == [503] * 4
            # Others that wait are served by what is free again.
            threads, statuses = lookups(service, 4)
            while waiting(server) < 3:
                assert not statuses
                time.sleep(0.05)
            for connection in held:
                connection.close()
            for thread in threads:
                thread.join(60)
            assert statuses == [200] * 4
        streaming.join()
    finally:
        server.stop()
