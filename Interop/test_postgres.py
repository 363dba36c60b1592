"""Repositories in PostgreSQL, made, filled and read by Python and by Steward, and what goes wrong there."""

import json
import os
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request

import postgresql
import pytest

pytest.importorskip("lsst.daf.butler")
psycopg = pytest.importorskip("psycopg", reason="needs psycopg")
pytest.importorskip("httpx2", reason="needs lsst-daf-butler[remote]")
from lsst.daf.butler import Butler, CollectionType, DatasetType, Timespan  # noqa: E402
from query_service import Service  # noqa: E402
from registry_tables import contents, differences  # noqa: E402
from test_repositories import PROBE, STEWARD, Steward  # noqa: E402

pytestmark = [
    pytest.mark.skipif(postgresql.programs() is None, reason="PostgreSQL's server is not installed"),
    pytest.mark.skipif(STEWARD is None or PROBE is None, reason="steward and butler-probe are not built"),
]


@pytest.fixture(scope="module")
def cluster():
    return postgresql.shared()


@pytest.fixture(scope="module")
def small_cluster():
    """One that tests stop, fill up and lock out of."""
    made = postgresql.Cluster("-c max_connections=12", "-c superuser_reserved_connections=1", authentication="md5")
    yield made
    made.remove()


def run(*arguments, environment=None, check=True):
    done = subprocess.run(
        [str(STEWARD), "butler", *map(str, arguments)], capture_output=True, text=True,
        env={**os.environ, **(environment or {})})
    assert not check or done.returncode == 0, done.stderr
    return done


def seed(folder, url, **registry):
    path = folder / "seed.yaml"
    path.write_text(json.dumps({"registry": {"db": url, **registry}}))
    return path


def pair(cluster, folder, url=None):
    """A new repository made by each side."""
    names = cluster.database(), cluster.database()
    Butler.makeRepo(str(folder / "python"), config=str(seed(folder, f"{cluster.url}/{names[0]}")))
    run("create", "--seed-config", seed(folder, f"{cluster.url}/{names[1]}"), folder / "steward")
    return names


def fill(butler):
    """The content of a small repository, by Python."""
    registry = butler.registry
    registry.insertDimensionData(
        "instrument", {"name": "Cam", "visit_max": 9, "exposure_max": 9, "detector_max": 4, "class_name": "x.Cam"})
    for n in range(4):
        registry.insertDimensionData(
            "detector", {"instrument": "Cam", "id": n, "full_name": f"D{n}", "purpose": "SCIENCE"})
    registry.registerDatasetType(
        DatasetType("bias", ["instrument", "detector"], "StructuredDataDict", universe=butler.dimensions,
                    isCalibration=True))
    butler.collections.register("run/a")
    refs = [butler.put({"n": n}, "bias", instrument="Cam", detector=n, run="run/a") for n in range(3)]
    butler.collections.register("tag", CollectionType.TAGGED)
    registry.associate("tag", refs[:2])
    butler.collections.register("calib", CollectionType.CALIBRATION)
    registry.certify("calib", refs, Timespan(None, None))
    butler.collections.register("chain", CollectionType.CHAINED)
    butler.collections.redefine_chain("chain", ["tag", "run/a"])
    return refs


def found(butler):
    return {
        (ref.id, ref.run, tuple(ref.dataId.required_values))
        for ref in butler.query_datasets("bias", collections="*", find_first=False)
    }


# The same tables


def test_both_make_the_same_tables(cluster, tmp_path):
    theirs, ours = pair(cluster, tmp_path)
    assert cluster.schema(ours) == cluster.schema(theirs)
    assert same_rows(tmp_path)
    # Those that come with dataset types and with the first opening for writing.
    for name in ("python", "steward"):
        with Butler.from_config(str(tmp_path / name), writeable=True) as butler:
            if name == "python":
                for kind, dimensions, calibration in KINDS:
                    butler.registry.registerDatasetType(
                        DatasetType(kind, dimensions, "StructuredDataDict", universe=butler.dimensions,
                                    isCalibration=calibration))
    with Steward(tmp_path / "steward", writeable=True) as steward:
        for kind, dimensions, calibration in KINDS:
            wire = {"name": kind, "dimensions": dimensions, "storageClass": "StructuredDataDict",
                    "isCalibration": calibration}
            assert steward.do("dataset_type", type=wire) is True
    assert cluster.schema(ours) == cluster.schema(theirs)
    assert same_rows(tmp_path)


def same_rows(folder):
    ours, theirs = contents(folder / "steward"), contents(folder / "python")
    # The descriptions in the universe are each side's own.
    for tables in (ours, theirs):
        tables["butler_attributes"] = [row for row in tables["butler_attributes"] if not row[0].endswith(".json")]
    return differences(ours, theirs) == {}


KINDS = [
    ("bias", ["instrument", "detector"], True),
    ("calexp", ["instrument", "visit", "detector"], False),
    ("coadd", ["skymap", "tract", "patch", "band"], False),
    ("single", [], False),
    ("pixels", ["htm7"], False),
]


def test_a_schema_that_is_named_is_used(cluster, tmp_path):
    database = cluster.database()
    url = f"{cluster.url}/{database}"
    refusal = run("create", "--seed-config", seed(tmp_path, url, namespace="rubin_1"), tmp_path / "repo", check=False)
    assert refusal.returncode != 0 and "rubin_1" in refusal.stderr
    assert not (tmp_path / "repo" / "butler.yaml").exists()
    cluster.sql("CREATE SCHEMA rubin_1", database)
    run("create", "--seed-config", seed(tmp_path, url, namespace="rubin_1"), tmp_path / "repo")
    assert cluster.sql("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'", database) == ["0"]
    with Butler.from_config(str(tmp_path / "repo"), writeable=True) as butler:
        refs = fill(butler)
    with Steward(tmp_path / "repo", writeable=True) as steward:
        assert steward.do("collection", name="ours", type="RUN", doc="") is True
    with Butler.from_config(str(tmp_path / "repo")) as butler:
        assert butler.collections.get_info("ours").name == "ours"
        assert len(found(butler)) == len({ref.id for ref in refs}) * 1
    refusal = run("create", "--seed-config", seed(tmp_path, url, namespace="rubin_1"), tmp_path / "again", check=False)
    assert refusal.returncode != 0 and "already holds" in refusal.stderr


# Both directions


def test_each_reads_what_the_other_wrote(cluster, tmp_path, monkeypatch):
    monkeypatch.setenv("BUTLER_RUBIN_ACCESS_TOKEN", "local")
    pair(cluster, tmp_path)
    for name in ("python", "steward"):
        root = tmp_path / name
        with Butler.from_config(str(root), writeable=True) as butler:
            refs = fill(butler)
        assert "run/a" in run("query-collections", root).stdout
        lines = run("query-datasets", root, "bias", "--collections", "chain").stdout
        assert all(str(ref.id) in lines for ref in refs[:2])
        with Steward(root, writeable=True) as steward:
            assert steward.do("collection", name="run/b", type="RUN", doc="by Steward") is True
            assert steward.do("collection", name="all", type="CHAINED", doc="") is True
            steward.do("chain", name="all", children=["run/b", "chain"])
        with Butler.from_config(str(root), writeable=True) as butler:
            assert list(butler.collections.get_info("all").children) == ["run/b", "chain"]
            new = butler.put({"n": 9}, "bias", instrument="Cam", detector=3, run="run/b")
            butler.registry.refresh()
        service = Service(root, tmp_path / f"{name}.log")
        try:
            with Butler.from_config(service.url) as remote, Butler.from_config(str(root)) as direct:
                assert found(remote) == found(direct)
                assert remote.find_dataset("bias", instrument="Cam", detector=3, collections="all").id == new.id
                assert remote.get_dataset(refs[0].id) == refs[0]
                # What is committed is seen by the next request.
                with Butler.from_config(str(root), writeable=True) as writer:
                    writer.collections.register("later")
                assert "later" in remote.collections.query("*")
        finally:
            service.stop()


def test_chains_edited_by_both_at_once_lose_nothing(cluster, tmp_path):
    pair(cluster, tmp_path)
    root = tmp_path / "steward"
    runs = [f"r{n}" for n in range(40)]
    with Butler.from_config(str(root), writeable=True) as butler:
        for name in runs:
            butler.collections.register(name)
        butler.collections.register("chain", CollectionType.CHAINED)
        failures = []

        def python():
            try:
                for name in runs[::2]:
                    butler.collections.prepend_chain("chain", [name])
            except Exception as error:  # noqa: BLE001
                failures.append(error)

        thread = threading.Thread(target=python)
        thread.start()
        with Steward(root, writeable=True) as steward:
            for name in runs[1::2]:
                steward.do("chain_prepend", name="chain", children=[name])
        thread.join()
        assert failures == []
    with Butler.from_config(str(root)) as butler:
        assert sorted(butler.collections.get_info("chain").children) == sorted(runs)


def test_registrations_at_once_agree(cluster, tmp_path):
    pair(cluster, tmp_path)
    root = tmp_path / "python"
    with Steward(root, writeable=True) as first, Steward(root, writeable=True) as second:
        for number in range(20):
            wire = {"name": f"t{number}", "dimensions": ["instrument", "detector"][: number % 3],
                    "storageClass": "StructuredDataDict", "isCalibration": number % 2 == 0}
            answers = []
            calls = [threading.Thread(target=lambda s=s: answers.append((
                s.do("collection", name=f"c{number}", type="RUN", doc=""), s.do("dataset_type", type=wire),
            ))) for s in (first, second)]
            for call in calls:
                call.start()
            for call in calls:
                call.join()
            assert sorted(a for a, _ in answers) == sorted(b for _, b in answers) == [False, True]


def test_a_replica_is_read_and_follows(cluster, tmp_path):
    pair(cluster, tmp_path)
    root = tmp_path / "steward"
    with Butler.from_config(str(root), writeable=True) as butler:
        fill(butler)
        follower = tmp_path / "follower"
        follower.mkdir()
        port = cluster.replica()
        text = (root / "butler.yaml").read_text().replace(f":{cluster.port}/", f":{port}/")
        (follower / "butler.yaml").write_text(text)
        service = Service(follower, tmp_path / "follower.log")
        try:
            for number in range(5):
                butler.collections.register(f"later{number}")
                here = cluster.sql("SELECT pg_current_wal_lsn()")[0]
                wait = f"SELECT pg_last_wal_replay_lsn() >= '{here}'"
                for _ in range(100):
                    with psycopg.connect(f"postgresql://postgres@127.0.0.1:{port}/postgres") as asking:
                        if asking.execute(wait).fetchone()[0]:
                            break
                    time.sleep(0.05)
                statuses, names = [], []
                stop = threading.Event()
                requests(service, stop, statuses, names)
                assert statuses[0][1] == 200 and f"later{number}" in names[0]
        finally:
            service.stop()
    assert len(run("query-datasets", follower, "bias", "--collections", "run/a").stdout.splitlines()) >= 3
    refusal = run("associate", follower, "new", "--collections", "run/a", check=False)
    assert refusal.returncode != 0 and "can only be read" in refusal.stderr


# What goes wrong


def clear(done, *words):
    """One line that says what is wrong, and no password."""
    assert done.returncode != 0
    text = done.stderr.strip()
    assert all(word in text for word in words), text
    assert "secret" not in text and "Traceback" not in text and "Fatal" not in text


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


def requests(service, stop, statuses, texts=None):
    """Asks for collections until told to stop, or once for their names, and keeps the statuses."""
    body = json.dumps({
        "expression": ["*"], "collection_types": [1, 2, 3, 4], "flatten_chains": False, "include_chains": True,
        "include_parents": False, "include_summary": False, "include_doc": False, "summary_datasets": None,
    }).encode()
    headers = {"Content-Type": "application/json", "Authorization": "Bearer x"}
    while not stop.is_set():
        request = urllib.request.Request(f"{service.url}/v1/query_collection_info", data=body, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=60) as response:
                statuses.append((time.monotonic(), response.status))
                if texts is not None:
                    texts.append(response.read().decode())
                    return
        except urllib.error.HTTPError as error:
            statuses.append((time.monotonic(), error.code))


@pytest.fixture
def served(small_cluster, guarded, tmp_path, monkeypatch):
    monkeypatch.setenv("PGPASSWORD", "secret")
    service = Service(guarded, tmp_path / "server.log")
    yield service
    service.stop()


def test_a_restart_of_the_database_is_told_as_503_and_survived(small_cluster, served):
    stop, statuses = threading.Event(), []
    threads = [threading.Thread(target=requests, args=(served, stop, statuses)) for _ in range(8)]
    for thread in threads:
        thread.start()
    time.sleep(1)
    small_cluster.stop()
    down = time.monotonic()
    time.sleep(2)
    small_cluster.start()
    up = time.monotonic()
    time.sleep(2)
    stop.set()
    for thread in threads:
        thread.join()
    assert {status for _, status in statuses} == {200, 503}
    assert all(status == 503 for moment, status in statuses if down + 0.5 < moment < up - 1)
    assert all(status == 200 for moment, status in statuses if moment > up + 1)


def test_full_connections_are_waited_for(small_cluster, served):
    """Eleven connections for everybody, and thirty clients."""
    stop, statuses = threading.Event(), []
    held = [psycopg.connect(f"{small_cluster.url}/guarded", password="secret") for _ in range(8)]
    threads = [threading.Thread(target=requests, args=(served, stop, statuses)) for _ in range(30)]
    for thread in threads:
        thread.start()
    time.sleep(3)
    stop.set()
    for thread in threads:
        thread.join()
    for connection in held:
        connection.close()
    assert {status for _, status in statuses} == {200}
    # No connection is left in a transaction.
    time.sleep(0.5)
    assert small_cluster.sql(
        "SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in transaction%' OR state = 'active'"
    ) == ["1"]


class SilentProxy:
    """Passes connections on to a port, until it is told to swallow what comes on those that it has."""

    def __init__(self, port):
        self.target = port
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.generation = 0
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self.target))
            for source, target in ((client, server), (server, client)):
                threading.Thread(target=self.copy, args=(source, target, self.generation), daemon=True).start()

    def copy(self, source, target, generation):
        try:
            while data := source.recv(1 << 16):
                if generation == self.generation:
                    target.sendall(data)
        except OSError:
            pass  # The other side has gone.
        if generation == self.generation:
            target.close()

    def swallow(self):
        self.generation += 1


def test_a_network_that_drops_packets_silently_is_got_over(small_cluster, guarded, tmp_path, monkeypatch):
    monkeypatch.setenv("PGPASSWORD", "secret")
    proxy = SilentProxy(small_cluster.port)
    text = (guarded / "butler.yaml").read_text().replace(f":{small_cluster.port}/", f":{proxy.port}/")
    (tmp_path / "repo").mkdir()
    (tmp_path / "repo" / "butler.yaml").write_text(text)
    service = Service(tmp_path / "repo", tmp_path / "server.log")
    try:
        for swallows in (False, True):
            if swallows:
                proxy.swallow()
                time.sleep(11)  # Connections that were used a moment ago are trusted for ten seconds.
            stop, statuses = threading.Event(), []
            thread = threading.Thread(target=requests, args=(service, stop, statuses))
            thread.start()
            for _ in range(300):
                if statuses:
                    break
                time.sleep(0.1)
            stop.set()
            thread.join()
            assert {status for _, status in statuses} == {200}
    finally:
        service.stop()
        proxy.listener.close()


def test_a_backend_that_is_killed_in_a_transaction_leaves_nothing(cluster, tmp_path):
    pair(cluster, tmp_path)
    root = tmp_path / "steward"
    database = postgresql.database_of(root).rsplit("/", 1)[1]
    with Steward(root, writeable=True) as steward:
        # Waits for a lock in the middle of its transaction.
        with psycopg.connect(f"{cluster.url}/{database}") as blocker:
            blocker.execute("LOCK TABLE dimension_graph_key IN EXCLUSIVE MODE")
            answers = []
            wire = {"name": "t", "dimensions": ["instrument"], "storageClass": "StructuredDataDict",
                    "isCalibration": False}
            call = threading.Thread(target=lambda: answers.append(steward.ask("dataset_type", type=wire)))
            call.start()
            for _ in range(100):
                waiting = cluster.sql(
                    f"SELECT pid FROM pg_stat_activity WHERE datname = '{database}' AND wait_event_type = 'Lock'")
                if waiting:
                    break
                time.sleep(0.05)
            cluster.sql(f"SELECT pg_terminate_backend({waiting[0]})")
            call.join()
        assert "error" in answers[0] and "broke" in json.dumps(answers[0])
        # The next transaction has a new connection.
        assert steward.do("dataset_type", type=wire) is True
    with Butler.from_config(str(root)) as butler:
        assert [t.name for t in butler.registry.queryDatasetTypes("*")] == ["t"]
