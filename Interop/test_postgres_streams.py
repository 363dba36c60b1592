"""Streamed queries of a server whose PostgreSQL database fails before they begin or while they run."""

import http.client
import json

import postgresql
import pytest

pytest.importorskip("lsst.daf.butler")
psycopg = pytest.importorskip("psycopg", reason="needs psycopg")
pytest.importorskip("httpx2", reason="needs lsst-daf-butler[remote]")
from lsst.daf.butler import Butler  # noqa: E402
from postgresql_repositories import fill, needed, run, seed  # noqa: E402
from query_service import Service, connect  # noqa: E402

pytestmark = needed

QUERY = {
    "query": {
        "tree": {"dimensions": ["detector", "instrument"]}, "default_data_id": {"dataId": {}},
        "additional_query_inputs": [],
    },
    "result_spec": {"result_type": "dimension_record", "element": "detector"},
}


@pytest.fixture
def served(tmp_path):
    """A database, its repository for a user who may have five connections, and a server that has used none for streams."""
    cluster = postgresql.Cluster("-c max_connections=40")
    name = cluster.database()
    run("create", "--seed-config", seed(tmp_path, f"{cluster.url}/{name}"), tmp_path / "root")
    with Butler.from_config(str(tmp_path / "root"), writeable=True) as butler:
        fill(butler)
    cluster.sql("CREATE ROLE few LOGIN CONNECTION LIMIT 5")
    cluster.sql("GRANT ALL ON ALL TABLES IN SCHEMA public TO few", name)
    configuration = tmp_path / "root" / "butler.yaml"
    configuration.write_text(configuration.read_text().replace("postgres@", "few@"))
    service = Service(tmp_path / "root", tmp_path / "server.log")
    yield service, cluster, f"{cluster.url}/{name}"
    service.stop()
    cluster.remove()


def answered(service, query=QUERY):
    """The status of an answer, how long it asks to wait, and its last line."""
    answer = service.post("query/execute", query)
    headers = {key.lower(): value for key, value in answer.headers.items()}
    return answer.status, headers.get("retry-after"), json.loads(answer.body.splitlines()[-1])


def test_a_database_that_is_gone_is_told_before_the_stream_begins(served):
    service, cluster, _ = served
    assert answered(service)[0] == 200
    for mode in ("fast", "immediate"):
        cluster.stop(mode)
        for _ in range(3):
            status, pause, body = answered(service)
            assert (status, pause) == (503, "2") and "cannot be reached" in body["detail"]
        cluster.start()
        # Python waits, and sees no error.
        assert len(connect(service.url).query_datasets("bias", collections="run/a")) == 3


def hold_all(held, url):
    """Takes all connections that the service could get."""
    with pytest.raises(psycopg.OperationalError, match="too many connections"):
        while len(held) < 20:
            held.append(psycopg.connect(url.replace("postgres@", "few@")))


def test_a_database_without_a_connection_left_is_told_before_the_stream_begins(served):
    service, cluster, url = served
    held = []
    try:
        hold_all(held, url)
        # The service would do with the connection that it has for look-ups.
        own = ", ".join(str(connection.info.backend_pid) for connection in held)
        cluster.sql(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
            f"WHERE usename = 'few' AND pid NOT IN ({own})")
        hold_all(held, url)
        status, pause, body = answered(service)
        assert (status, pause) == (503, "2") and "cannot be reached" in body["detail"]
    finally:
        for connection in held:
            connection.close()
    assert answered(service)[0] == 200


def test_a_database_that_goes_while_a_stream_is_read_says_so(served):
    service, cluster, url = served
    with psycopg.connect(url) as filling:
        filling.execute(
            "INSERT INTO detector (instrument, id, full_name) SELECT 'Cam', n, repeat('x', 20) || n "
            "FROM generate_series(100, 250000) AS n")
    connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=60)
    path = service.url.split(str(service.port), 1)[1] + "/v1/query/execute"
    connection.request("POST", path, json.dumps(QUERY), {"Content-Type": "application/json"})
    response = connection.getresponse()
    assert response.status == 200 and response.read(1000)
    cluster.stop("immediate")
    last = json.loads(response.read().splitlines()[-1])
    assert last["type"] == "error"
    assert "went away" in last["error"]["detail"] and "repeat" in last["error"]["detail"], last
    assert url not in last["error"]["detail"]


def test_a_query_that_the_database_ends_is_told_as_a_limit(served):
    service, cluster, url = served
    name = url.rsplit("/", 1)[1]
    cluster.sql(f"ALTER DATABASE {name} SET statement_timeout = 500")
    service_of_new_connections = Service(service.log.parent / "root", service.log.parent / "second.log")
    try:
        with psycopg.connect(url) as holding:
            holding.execute("LOCK TABLE detector IN ACCESS EXCLUSIVE MODE")
            status, _, last = answered(service_of_new_connections)
        assert status == 200 and last["error"]["error_type"] == "query_limit", last
        assert "statement_timeout" in last["error"]["detail"]
    finally:
        service_of_new_connections.stop()
