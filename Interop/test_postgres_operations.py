"""How operators run PostgreSQL: many clients, TLS, a pooler in between, replicas that are read."""

import json
import os
import shutil
import subprocess
import threading
import time

import postgresql
import pytest
import yaml

psycopg = pytest.importorskip("psycopg", reason="needs psycopg")
pytest.importorskip("lsst.daf.butler")
from lsst.daf.butler import Butler  # noqa: E402
from postgresql_repositories import clear, fill, found, load, needed, requests, run, seed  # noqa: E402
from query_service import Service  # noqa: E402

pytestmark = needed


@pytest.fixture(scope="module")
def cluster():
    return postgresql.shared()


def repository(server, folder, name="root"):
    """A small repository of its own."""
    root = folder / name
    run("create", "--seed-config", seed(folder, f"{server.url}/{server.database()}"), root)
    with Butler.from_config(str(root), writeable=True) as butler:
        fill(butler)
    return root


def names_of(service):
    statuses, texts = [], []
    requests(service, threading.Event(), statuses, texts)
    return statuses[0][1], texts[0] if texts else ""


# Many clients


def test_two_hundred_clients_share_sixteen_connections(cluster, tmp_path, monkeypatch):
    root = repository(cluster, tmp_path)
    monkeypatch.setenv("STEWARD_LIMITS_READ_CONNECTIONS", "12")
    monkeypatch.setenv("STEWARD_LIMITS_STREAMS", "4")
    service = Service(root, tmp_path / "server.log")
    name = postgresql.database_of(root).rsplit("/", 1)[1]
    try:
        most = 0
        with load(service, 200) as statuses:
            for _ in range(20):
                time.sleep(0.25)
                used = cluster.sql(f"SELECT count(*) FROM pg_stat_activity WHERE datname = '{name}'")
                most = max(most, int(used[0]))
        assert len(statuses) > 400 and {status for _, status in statuses} == {200}
        assert 1 <= most <= 16, most
        # Nothing is left open.
        time.sleep(0.5)
        assert cluster.sql(
            f"SELECT count(*) FROM pg_stat_activity WHERE datname = '{name}' AND state <> 'idle'") == ["0"]
    finally:
        service.stop()


# TLS


def certificate(folder, name, *options):
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={name}",
         "-keyout", folder / f"{name}.key", "-out", folder / f"{name}.crt", *options],
        check=True, capture_output=True)
    return folder / f"{name}.crt", folder / f"{name}.key"


@pytest.fixture
def encrypted(tmp_path):
    """A server that takes nothing but TLS, with a certificate for 127.0.0.1 of its own."""
    made = postgresql.Cluster()
    shown, key = certificate(tmp_path, "database", "-addext", "subjectAltName=IP:127.0.0.1")
    for file in (shown, key):
        shutil.copy(file, made.folder)
    for file in ("database.crt", "database.key"):
        if os.geteuid() == 0:
            shutil.chown(made.folder / file, "postgres")
        (made.folder / file).chmod(0o600)
    root = repository(made, tmp_path)
    access = made.folder / "data" / "pg_hba.conf"
    access.write_text("local all all trust\nhostssl all all 127.0.0.1/32 trust\n")
    made.sql(f"ALTER SYSTEM SET ssl_cert_file = '{made.folder}/database.crt'")
    made.sql(f"ALTER SYSTEM SET ssl_key_file = '{made.folder}/database.key'")
    made.sql("ALTER SYSTEM SET ssl = on")
    made.stop()
    made.start()
    yield made, root, shown
    made.remove()


def test_encryption_is_asked_for_and_verified(encrypted, tmp_path):
    server, root, shown = encrypted
    other, _ = certificate(tmp_path, "stranger")
    good = {"PGSSLMODE": "verify-full", "PGSSLROOTCERT": str(shown)}
    assert "run/a" in run("query-collections", root, environment=good).stdout
    clear(run("query-collections", root, check=False, environment={**good, "PGSSLROOTCERT": str(other)}), "certificate")
    clear(run("query-collections", root, check=False, environment={"PGSSLMODE": "disable"}), "encryption")
    # The certificate is for another name than the one that is asked for.
    file = root / "butler.yaml"
    named = tmp_path / "named"
    named.mkdir()
    (named / "butler.yaml").write_text(file.read_text().replace("@127.0.0.1:", "@localhost:"))
    clear(run("query-collections", named, check=False, environment=good), "localhost")
    # The same in a service file, and in the options of the URL.
    url = postgresql.database_of(root)
    port, name = url.rsplit(":", 1)[1].split("/")
    services = tmp_path / "services"
    services.write_text(
        f"[safe]\nhost=127.0.0.1\nport={port}\ndbname={name}\nuser=postgres\nsslmode=verify-full\n"
        f"sslrootcert={shown}\n")
    (named / "butler.yaml").write_text(file.read_text().replace(url, "postgresql://?service=safe"))
    assert "run/a" in run("query-collections", named, environment={"PGSERVICEFILE": str(services)}).stdout
    (named / "butler.yaml").write_text(
        file.read_text().replace(url, f"{url}?sslmode=verify-full&sslrootcert={shown}"))
    assert "run/a" in run("query-collections", named).stdout
    # A server goes on reading while its connection is encrypted.
    service = Service(named, tmp_path / "server.log")
    try:
        assert names_of(service)[0] == 200
        assert int(server.sql("SELECT count(*) FROM pg_stat_ssl WHERE ssl")[0]) >= 1
    finally:
        service.stop()


# A pooler that gives each transaction another connection


class Pooler:
    """PgBouncer in transaction mode in front of a server."""

    def __init__(self, server, folder, size=3):
        self.port = postgresql.free_port()
        settings = folder / "pgbouncer.ini"
        settings.write_text(
            f"[databases]\n* = host=127.0.0.1 port={server.port} user=postgres\n[pgbouncer]\n"
            f"listen_addr=127.0.0.1\nlisten_port={self.port}\nauth_type=any\npool_mode=transaction\n"
            f"default_pool_size={size}\nmax_client_conn=300\nunix_socket_dir=\nlogfile={folder}/pgbouncer.log\n")
        folder.chmod(0o777)
        user = ["-u", "postgres"] if os.geteuid() == 0 else []
        for parent in folder.parents:
            if os.geteuid() == 0 and parent.stat().st_uid == 0 and len(parent.parts) > 2:
                parent.chmod(parent.stat().st_mode | 0o055)
        self.process = subprocess.Popen(
            ["pgbouncer", *user, settings], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)
        for _ in range(100):
            try:
                psycopg.connect(f"postgresql://postgres@127.0.0.1:{self.port}/postgres", connect_timeout=1).close()
                return
            except psycopg.OperationalError:
                time.sleep(0.1)
        pytest.fail("PgBouncer does not answer")

    def stop(self):
        self.process.terminate()
        self.process.wait(10)


@pytest.mark.skipif(shutil.which("pgbouncer") is None, reason="PgBouncer is not installed")
def test_a_pooler_may_stand_in_between(tmp_path):
    server = postgresql.Cluster("-c max_connections=60")
    root = repository(server, tmp_path)
    (tmp_path / "pooler").mkdir()
    pooler = Pooler(server, tmp_path / "pooler")
    try:
        pooled = tmp_path / "pooled"
        pooled.mkdir()
        text = (root / "butler.yaml").read_text().replace(f":{server.port}/", f":{pooler.port}/")
        (pooled / "butler.yaml").write_text(text)
        # Reading, writing, streams, uploads, which need temporary tables.
        assert "run/a" in run("query-collections", pooled).stdout
        for number in range(3):
            run("collection-chain", pooled, f"chain{number}", "run/a")
        run("associate", pooled, "tagged", "--collections", "run/a", "-d", "bias")
        assert len(run("query-datasets", pooled, "bias", "--collections", "tagged").stdout.splitlines()) >= 5
        service = Service(pooled, tmp_path / "server.log")
        try:
            with load(service, 40) as statuses:
                time.sleep(3)
            assert len(statuses) > 100 and {status for _, status in statuses} == {200}
            assert "chain2" in names_of(service)[1]
        finally:
            service.stop()
        assert server.sql("SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in transaction%'") == ["0"]
    finally:
        pooler.stop()
        server.remove()


# Servers that read from replicas


def counted(port):
    """How many transactions a server has had in the database of the tests."""
    with psycopg.connect(f"postgresql://postgres@127.0.0.1:{port}/postgres", autocommit=True) as asking:
        return asking.execute("SELECT sum(xact_commit + xact_rollback) FROM pg_stat_database").fetchone()[0]


@pytest.fixture
def replicated(tmp_path):
    """A primary of its own, a replica, a repository there, and a server that may read from both."""
    primary = postgresql.Cluster("-c wal_level=replica", "-c max_connections=60")
    port = primary.replica()
    root = repository(primary, tmp_path)
    file, name = root / "butler.yaml", postgresql.database_of(root).rsplit("/", 1)[1]
    configuration = postgresql.configuration(root)
    configuration["registry"]["replicas"] = {
        "databases": [f"postgresql://postgres@127.0.0.1:{port}/{name}"], "staleness": 2}
    file.write_text(json.dumps(configuration))
    # Python and the commands go on as before.
    with Butler.from_config(str(root), writeable=True) as butler:
        assert len(found(butler)) == 3
        yield primary, port, butler, root, tmp_path
    primary.remove()


def test_reads_go_to_a_replica_while_it_follows(replicated):
    primary, port, butler, root, folder = replicated
    service = Service(root, folder / "replicated.log")
    try:
        def reading(condition, seconds=20):
            end = time.monotonic() + seconds
            while time.monotonic() < end:
                before = counted(port)
                answers = [names_of(service) for _ in range(20)]
                assert {status for status, _ in answers} == {200}
                # Counters of transactions reach the statistics late.
                time.sleep(0.3)
                if condition(counted(port) - before):
                    return
            pytest.fail("the reads went elsewhere")

        reading(lambda count: count >= 15)
        # What was committed longer ago than the bound is seen wherever a read goes.
        for number in range(3):
            butler.collections.register(f"new{number}")
            time.sleep(2.1)
            assert all(f"new{number}" in names_of(service)[1] for _ in range(10))
        # A replica that falls behind is left alone, and one that has caught up is read again.
        with psycopg.connect(f"postgresql://postgres@127.0.0.1:{port}/postgres", autocommit=True) as pausing:
            pausing.execute("SELECT pg_wal_replay_pause()")
            butler.collections.register("unseen")
            time.sleep(2.1)
            assert all("unseen" in names_of(service)[1] for _ in range(20))
            pausing.execute("SELECT pg_wal_replay_resume()")
        reading(lambda count: count >= 15)
        # So is one that is gone: nobody sees an error.
        data = primary.folder / "replica"
        primary._run("pg_ctl", "-D", data, "-w", "-m", "immediate", "stop")
        for _ in range(30):
            assert names_of(service)[0] == 200
            time.sleep(0.05)
        options = primary.options.replace(f"-p {primary.port}", f"-p {port}")
        primary._run("pg_ctl", "-D", data, "-w", "-l", primary.folder / "replica.log", "-o", options, "start")
        reading(lambda count: count >= 15)
    finally:
        service.stop()


# Loads


def test_what_many_rows_refer_to_is_looked_up_together_by_who_may(cluster, tmp_path):
    name = cluster.database()
    cluster.sql("CREATE ROLE loader LOGIN")
    cluster.sql(f"ALTER DATABASE {name} OWNER TO loader")
    cluster.sql("ALTER SCHEMA public OWNER TO loader", name)
    url = f"{cluster.url}/{name}".replace("postgres@", "loader@")
    root, source = tmp_path / "root", tmp_path / "source.json"
    run("create", "--seed-config", seed(tmp_path, url), root)
    configuration = root / "butler.yaml"
    plain = configuration.read_text()
    source.write_text("{}")
    with Butler.from_config(str(root), writeable=True) as butler:
        fill(butler)
        butler.registry.insertDimensionData(
            "detector", *({"instrument": "Cam", "id": n, "full_name": f"D{n}"} for n in range(10, 1010)))
    changed = yaml.safe_load(plain)
    changed["registry"]["references_together"] = True
    configuration.write_text(yaml.safe_dump(changed))

    def ingest(numbers):
        table = tmp_path / "table.csv"
        table.write_text("file,detector\n" + "".join(f"{source},{n}\n" for n in numbers))
        return run("ingest-files", root, "bias", "run/b", table, "--data-id", "instrument=Cam", "-t", "direct",
                   check=False)

    clear(ingest(range(10, 1010)), "GRANT", "SET ON PARAMETER session_replication_role")
    run("query-collections", root)
    cluster.sql("GRANT SET ON PARAMETER session_replication_role TO loader")
    clear(ingest(range(10, 1011)), "1010")
    done = ingest(range(10, 1010))
    assert done.returncode == 0, done.stderr
    # Python does not mind the key.
    with Butler.from_config(str(root)) as butler:
        refs = butler.query_datasets("bias", collections="run/b", limit=None)
        assert sorted(ref.dataId["detector"] for ref in refs) == list(range(10, 1010))
    # The server goes on to keep what the rows refer to.
    with pytest.raises(subprocess.CalledProcessError):
        cluster.sql("DELETE FROM detector WHERE id = 500", name)
