"""Repositories in PostgreSQL when passwords, rights, schemas, connections, servers or the network fail."""

import os
import socket
import subprocess
import threading
import time

import postgresql
import pytest

pytest.importorskip("lsst.daf.butler")
psycopg = pytest.importorskip("psycopg", reason="needs psycopg")
pytest.importorskip("httpx2", reason="needs lsst-daf-butler[remote]")
from lsst.daf.butler import Butler  # noqa: E402
from postgresql_repositories import clear, fill, load, needed, run, seed  # noqa: E402
from query_service import Service, connect  # noqa: E402
from test_repositories import STEWARD  # noqa: E402

pytestmark = needed


@pytest.fixture(scope="module")
def small_cluster():
    """One that tests stop, fill up and lock out of."""
    made = postgresql.Cluster("-c max_connections=12", "-c superuser_reserved_connections=1", authentication="md5")
    yield made
    made.remove()


@pytest.fixture(scope="module")
def guarded(small_cluster, tmp_path_factory):
    """A repository whose owner has a password, which Steward has to find out."""
    folder = tmp_path_factory.mktemp("guarded")
    small_cluster.sql("CREATE ROLE owner LOGIN PASSWORD 'secret'")
    small_cluster.sql("CREATE DATABASE guarded OWNER owner")
    small_cluster.sql("ALTER SCHEMA public OWNER TO owner", "guarded")
    url = f"postgresql://owner@127.0.0.1:{small_cluster.port}/guarded"
    run("create", "--seed-config", seed(folder, url), folder / "repo", environment={"PGPASSWORD": "secret"})
    return folder / "repo"


def test_passwords_are_found_where_operators_keep_them(small_cluster, guarded, tmp_path):
    clear(run("query-collections", guarded, check=False, environment={"PGPASSWORD": ""}), "refused the login")
    clear(run("query-collections", guarded, check=False, environment={"PGPASSWORD": "wrong"}), "refused the login")
    run("query-collections", guarded, environment={"PGPASSWORD": "secret"})
    passfile = tmp_path / "pgpass"
    passfile.write_text(f"127.0.0.1:{small_cluster.port}:guarded:owner:secret\n")
    passfile.chmod(0o600)
    run("query-collections", guarded, environment={"PGPASSFILE": str(passfile)})
    auth = tmp_path / "db-auth.yaml"
    auth.write_text(
        f"- {{url: 'postgresql://127.0.0.1:{small_cluster.port}/guarded', username: owner, password: secret}}\n")
    auth.chmod(0o600)
    run("query-collections", guarded, environment={"LSST_DB_AUTH": str(auth)})
    # A service names host, database and user; the URL then needs no more than it.
    services = tmp_path / "services"
    services.write_text(
        f"[rubin]\nhost=127.0.0.1\nport={small_cluster.port}\ndbname=guarded\nuser=owner\npassword=secret\n")
    other = tmp_path / "other"
    other.mkdir()
    text = (guarded / "butler.yaml").read_text()
    (other / "butler.yaml").write_text(
        text.replace(f"postgresql://owner@127.0.0.1:{small_cluster.port}/guarded", "postgresql://?service=rubin"))
    run("query-collections", other, environment={"PGSERVICEFILE": str(services)})
    clear(run("query-collections", other, check=False, environment={"PGSERVICEFILE": "/nowhere"}), "service")
    # A server without TLS, of which TLS is asked.
    refusal = run("query-collections", guarded, check=False,
                  environment={"PGPASSWORD": "secret", "PGSSLMODE": "require"})
    clear(refusal, "SSL")


class RefusingServer:
    """Refuses each login with an error, in words that are not English."""

    def __init__(self, code):
        fields = {"S": "FATAL", "V": "FATAL", "C": code, "M": "l'authentification a échoué"}
        body = b"".join(key.encode() + value.encode() + b"\0" for key, value in fields.items()) + b"\0"
        self.refusal = b"E" + (len(body) + 4).to_bytes(4) + body
        self.logins = 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            client, _ = self.listener.accept()
            with client:
                # Requests for encryption come before the login.
                while (message := client.recv(1024))[4:6] == b"\x04\xd2":
                    client.sendall(b"N")
                self.logins += bool(message)
                client.sendall(self.refusal)


@pytest.mark.parametrize(
    ("code", "words"), [("28P01", "refused the login"), ("28000", "refused the login"), ("3D000", "Cannot open"),
                        ("57P03", "cannot be reached")])
def test_refusals_are_told_apart_in_any_language(code, words, tmp_path):
    server = RefusingServer(code)
    url = f"postgresql://me@127.0.0.1:{server.port}/theirs"
    done = run("create", "--seed-config", seed(tmp_path, url), tmp_path / "new", check=False)
    clear(done, words, "l'authentification a échoué")
    assert server.logins > 1


def test_a_handshake_that_breaks_is_no_wrong_configuration(tmp_path):
    """As when a server is killed, or a balancer has none behind it."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        while True:
            client, _ = listener.accept()
            with client:
                if client.recv(1024)[4:8] == b"\x04\xd2\x16\x2f":
                    client.sendall(b"S")
                    client.recv(10)

    threading.Thread(target=serve, daemon=True).start()
    url = f"postgresql://me@127.0.0.1:{listener.getsockname()[1]}/theirs"
    clear(run("create", "--seed-config", seed(tmp_path, url), tmp_path / "new", check=False), "cannot be reached")


def test_missing_rights_and_extensions_are_named(small_cluster, guarded, tmp_path):
    small_cluster.sql("CREATE ROLE guest LOGIN PASSWORD 'secret'")
    text = (guarded / "butler.yaml").read_text().replace("owner@", "guest@")
    (tmp_path / "butler.yaml").write_text(text)
    environment = {"PGPASSWORD": "secret"}
    clear(run("query-collections", tmp_path, check=False, environment=environment), "permission denied", "GRANT")
    small_cluster.sql("GRANT SELECT ON ALL TABLES IN SCHEMA public TO guest", "guarded")
    run("query-collections", tmp_path, environment=environment)
    clear(run("associate", tmp_path, "x", check=False, environment=environment), "permission denied")
    # A database without the extension that Python clients insist on.
    small_cluster.sql("CREATE DATABASE bare TEMPLATE template0")
    url = f"postgresql://postgres@127.0.0.1:{small_cluster.port}/bare"
    clear(run("create", "--seed-config", seed(tmp_path, url), tmp_path / "new", check=False, environment=environment),
          "btree_gist", "CREATE EXTENSION")
    assert small_cluster.sql("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'", "bare") == ["0"]
    # No database, no server, not PostgreSQL's port.
    url = f"postgresql://postgres@127.0.0.1:{small_cluster.port}/nowhere"
    clear(run("create", "--seed-config", seed(tmp_path, url), tmp_path / "new", check=False, environment=environment),
          "nowhere")
    url = f"postgresql://postgres@127.0.0.1:{postgresql.free_port()}/nowhere"
    clear(run("create", "--seed-config", seed(tmp_path, url), tmp_path / "new", check=False, environment=environment),
          "cannot be reached")


@pytest.mark.parametrize("before", [True, False])
def test_queries_do_without_the_right_to_temporary_tables(small_cluster, guarded, tmp_path, monkeypatch, before):
    """Whether it is taken away before a server starts or while it is at work."""
    monkeypatch.setenv("PGPASSWORD", "secret")
    name = f"plain{int(before)}"
    small_cluster.sql(f"CREATE DATABASE {name}")
    url = f"postgresql://postgres@127.0.0.1:{small_cluster.port}/{name}"
    run("create", "--seed-config", seed(tmp_path, url), tmp_path / "root")
    with Butler.from_config(str(tmp_path / "root"), writeable=True) as butler:
        fill(butler)
    small_cluster.sql("GRANT ALL ON ALL TABLES IN SCHEMA public TO owner", name)
    configuration = tmp_path / "root" / "butler.yaml"
    configuration.write_text(configuration.read_text().replace("postgres@", "owner@"))

    def revoke():
        small_cluster.sql(f"REVOKE TEMPORARY ON DATABASE {name} FROM PUBLIC")

    def found():
        butler = connect(service.url)
        with butler.query() as query:
            bias = query.join_dataset_search("bias", "run/a")
            kept = bias.materialize().data_ids(["detector"])
            given = bias.join_data_coordinates([row for row in kept if row["detector"] != 1]).datasets("bias", "run/a")
            return [sorted(row["detector"] for row in kept), sorted(ref.dataId["detector"] for ref in given)]

    if before:
        revoke()
    service = Service(tmp_path / "root", tmp_path / "server.log")
    try:
        assert found() == [[0, 1, 2], [0, 2]]
        revoke()
        for _ in range(3):
            assert found() == [[0, 1, 2], [0, 2]]
    finally:
        service.stop()
    assert "permission" not in (tmp_path / "server.log").read_text()


def test_a_schema_that_belongs_to_somebody_else_is_named(small_cluster, guarded, tmp_path):
    secret = {"PGPASSWORD": "secret"}
    for statement in ("CREATE ROLE stranger LOGIN PASSWORD 'secret'", "CREATE DATABASE shared"):
        small_cluster.sql(statement)
    small_cluster.sql("CREATE SCHEMA theirs AUTHORIZATION owner", "shared")
    url = f"postgresql://stranger@127.0.0.1:{small_cluster.port}/shared"
    refusal = run("create", "--seed-config", seed(tmp_path, url, namespace="theirs"), tmp_path / "new", check=False,
                  environment=secret)
    clear(refusal, "permission denied", "theirs", "GRANT")
    assert not (tmp_path / "new" / "butler.yaml").exists()
    assert small_cluster.sql("SELECT count(*) FROM pg_tables WHERE schemaname = 'theirs'", "shared") == ["0"]
    # The owner's repository there.
    owned = seed(tmp_path, url.replace("stranger@", "owner@"), namespace="theirs")
    run("create", "--seed-config", owned, tmp_path / "owned", environment=secret)
    visiting = tmp_path / "visiting"
    visiting.mkdir()
    text = (tmp_path / "owned" / "butler.yaml").read_text()
    (visiting / "butler.yaml").write_text(text.replace("owner@", "stranger@"))
    clear(run("query-collections", visiting, check=False, environment=secret), "permission denied", "theirs", "GRANT")
    # With rights to the rows, but not to make tables, all works that needs none.
    for statement in ("GRANT USAGE ON SCHEMA theirs TO stranger",
                      "GRANT ALL ON ALL TABLES IN SCHEMA theirs TO stranger",
                      "GRANT ALL ON ALL SEQUENCES IN SCHEMA theirs TO stranger"):
        small_cluster.sql(statement, "shared")
    run("query-collections", visiting, environment=secret)
    refusal = run("register-dataset-type", visiting, "t", "StructuredDataDict", "instrument", check=False,
                  environment=secret)
    clear(refusal, "permission denied", "theirs", "GRANT")
    assert "dataset_type" in small_cluster.sql(
        "SELECT tablename FROM pg_tables WHERE schemaname = 'theirs' AND tablename = 'dataset_type'", "shared")
    assert small_cluster.sql("SELECT count(*) FROM theirs.dataset_type", "shared") == ["0"]


def test_older_and_newer_schemas_are_told_apart(small_cluster, guarded):
    environment = {"PGPASSWORD": "secret"}
    name = "version:lsst.daf.butler.registry.bridge.monolithic.MonolithicDatastoreRegistryBridgeManager"
    for version, reads in (("0.1.0", True), ("0.3.0", False), ("9.0.0", False)):
        small_cluster.sql(f"UPDATE butler_attributes SET value = '{version}' WHERE name = '{name}'", "guarded")
        done = run("query-collections", guarded, check=False, environment=environment)
        assert (done.returncode == 0) == reads, done.stderr
        if not reads:
            clear(done, version)
    small_cluster.sql(f"UPDATE butler_attributes SET value = '0.2.1' WHERE name = '{name}'", "guarded")


@pytest.fixture
def served(small_cluster, guarded, tmp_path, monkeypatch):
    monkeypatch.setenv("PGPASSWORD", "secret")
    service = Service(guarded, tmp_path / "server.log")
    yield service
    service.stop()


def test_a_wrong_password_ends_a_server_at_once(guarded):
    done = subprocess.run(
        [str(STEWARD), "serve", "--repo", f"x={guarded}", "--port", "0"], capture_output=True, text=True, timeout=30,
        env={**os.environ, "PGPASSWORD": "wrong"})
    assert done.returncode == 1 and "refused the login" in done.stderr, done.stderr


def test_a_restart_of_the_database_is_told_as_503_and_survived(small_cluster, served):
    with load(served, 8) as statuses:
        time.sleep(1)
        small_cluster.stop()
        down = time.monotonic()
        time.sleep(2)
        small_cluster.start()
        up = time.monotonic()
        time.sleep(2)
    assert {status for _, status in statuses} == {200, 503}
    assert all(status == 503 for moment, status in statuses if down + 0.5 < moment < up - 1)
    assert all(status == 200 for moment, status in statuses if moment > up + 1)


def test_full_connections_are_waited_for(small_cluster, served):
    """Eleven connections for everybody, and thirty clients."""
    held = [psycopg.connect(f"{small_cluster.url}/guarded", password="secret") for _ in range(8)]
    with load(served, 30) as statuses:
        time.sleep(3)
    # The connections of that burst are kept, and streams, which have pools of their own, get one of them.
    for _ in range(3):
        assert connect(served.url).query_dimension_records("instrument", explain=False) == []
    for connection in held:
        connection.close()
    assert {status for _, status in statuses} == {200}
    # No connection is left in a transaction.
    time.sleep(0.5)
    assert small_cluster.sql(
        "SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in transaction%' OR state = 'active'"
    ) == ["1"]
