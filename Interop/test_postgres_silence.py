"""Repositories in PostgreSQL behind a network that falls silent: it loses all, and tells nobody."""

import json
import threading
import time
import urllib.request

import postgresql
import pytest
from silent_proxy import SilentProxy

pytest.importorskip("lsst.daf.butler")
pytest.importorskip("psycopg", reason="needs psycopg")
pytest.importorskip("httpx2", reason="needs lsst-daf-butler[remote]")
from lsst.daf.butler import Butler  # noqa: E402
from postgresql_repositories import load, needed, run, seed  # noqa: E402
from query_service import Service  # noqa: E402

pytestmark = needed


@pytest.fixture(scope="module")
def cluster():
    made = postgresql.Cluster("-c max_connections=60", "-c wal_level=replica")
    yield made
    made.remove()


@pytest.fixture(scope="module")
def repository(cluster, tmp_path_factory):
    """Its folder, and the name of its database."""
    root, name = tmp_path_factory.mktemp("silence") / "repo", cluster.database()
    run("create", "--seed-config", seed(root.parent, f"{cluster.url}/{name}"), root)
    return root, name


@pytest.fixture
def serve(repository, tmp_path):
    """Starts a server of the repository with another configuration of its registry."""
    services = []

    def start(**registry):
        configuration = postgresql.configuration(repository[0])
        configuration["registry"].update(registry)
        other = tmp_path / "other"
        other.mkdir()
        (other / "butler.yaml").write_text(json.dumps(configuration))
        services.append(Service(other, tmp_path / "server.log"))
        return services[-1]

    yield start
    for service in services:
        service.stop()


@pytest.fixture
def proxy(cluster):
    made = SilentProxy(cluster.port)
    yield made
    made.close()


def ask(service, timeout=60):
    """The status of one request; `None` for a client that gave up."""
    body = {"expression": ["*"], "collection_types": [1, 2, 3, 4], "flatten_chains": False, "include_chains": True,
            "include_parents": False, "include_summary": False, "include_doc": False, "summary_datasets": None}
    try:
        return service.post("query_collection_info", body, timeout).status
    except TimeoutError:
        return None


def ask_together(service, count, timeout=60):
    """The statuses of requests at the same time."""
    statuses = []
    threads = [threading.Thread(target=lambda: statuses.append(ask(service, timeout))) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return statuses


def in_use(service):
    """How many connections for reads are lent."""
    with urllib.request.urlopen(f"http://127.0.0.1:{service.port}/metrics", timeout=10) as response:
        lines = response.read().decode().splitlines()
    parts = ("butler_database_connections{", 'pool="reads"', 'state="in_use"')
    return next(int(float(line.split()[-1])) for line in lines if all(part in line for part in parts))


def until_none_is_in_use(service):
    for _ in range(600):
        if in_use(service) == 0:
            return
        time.sleep(0.1)
    pytest.fail("connections stay lent")


def through(proxy, name):
    return f"postgresql://postgres@127.0.0.1:{proxy.port}/{name}"


def test_a_network_that_drops_packets_silently_is_got_over(repository, proxy, serve):
    service = serve(db=through(proxy, repository[1]))
    for swallows in (False, True):
        if swallows:
            proxy.swallow()
            time.sleep(11)  # Connections that were used a moment ago are trusted for ten seconds.
        with load(service, 1) as statuses:
            for _ in range(300):
                if statuses:
                    break
                time.sleep(0.1)
        assert {status for _, status in statuses} == {200}


def test_clients_that_give_up_meanwhile_leave_no_connection_behind(repository, proxy, serve):
    service = serve(db=through(proxy, repository[1]))
    with load(service, 30):
        time.sleep(1)  # All connections are made.
    for _ in range(2):
        with proxy.silence():
            assert set(ask_together(service, 10, timeout=2)) <= {None, 503}
            time.sleep(3)  # What cancels their statements is lost too.
        until_none_is_in_use(service)
        assert ask_together(service, 10) == [200] * 10
    # Nor do they keep the server from ending.
    with proxy.silence():
        assert set(ask_together(service, 10, timeout=2)) <= {None, 503}
        service.process.terminate()
        service.process.wait(60)


def test_services_have_limits_too(repository, proxy, serve, tmp_path, monkeypatch):
    services = tmp_path / "services"
    services.write_text(f"[px]\nhost=127.0.0.1\nport={proxy.port}\ndbname={repository[1]}\nuser=postgres\n")
    monkeypatch.setenv("PGSERVICEFILE", str(services))
    service = serve(db="postgresql:///?service=px")
    assert ask(service) == 200
    time.sleep(11)
    with proxy.silence():
        assert ask_together(service, 2) == [503, 503]
    until_none_is_in_use(service)
    assert ask(service) == 200


def test_a_silent_replica_does_not_hold_up_reads(cluster, repository, serve):
    proxy = SilentProxy(cluster.replica())
    root, name = repository
    service = serve(replicas={"databases": [through(proxy, name)], "staleness": 4})
    try:
        # It is read from when it is known to follow.
        with load(service, 8):
            time.sleep(4)
        with proxy.silence():
            assert ask_together(service, 20, timeout=25) == [200] * 20
            assert ask_together(service, 20, timeout=25) == [200] * 20
        with Butler.from_config(str(root), writeable=True) as butler:
            butler.collections.register("after")
        assert ask(service) == 200
    finally:
        proxy.close()


# A server that has no connection left


def test_fewer_connections_than_before_are_waited_for(cluster, repository, serve):
    name = repository[1]
    cluster.sql("CREATE ROLE few LOGIN CONNECTION LIMIT 3")
    for kind in ("TABLES", "SEQUENCES"):
        cluster.sql(f"GRANT ALL ON ALL {kind} IN SCHEMA public TO few", name)
    service = serve(db=f"{cluster.url}/{name}".replace("postgres@", "few@"))
    with load(service, 6) as statuses:
        time.sleep(1)
    assert {status for _, status in statuses} == {200}
    for _ in range(2):
        # As after a restart, when others were quicker.
        cluster.sql("ALTER ROLE few CONNECTION LIMIT 2")
        cluster.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'few'")
        for _ in range(100):
            if cluster.sql("SELECT count(*) FROM pg_stat_activity WHERE usename = 'few'") == ["0"]:
                break
        with load(service, 6) as statuses:
            time.sleep(2)
        assert {status for _, status in statuses} == {200}
    assert ask(service) == 200
