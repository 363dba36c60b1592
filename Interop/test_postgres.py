"""Repositories in PostgreSQL, made, filled and read by Python and by Steward."""

import json
import threading
import time

import postgresql
import pytest

pytest.importorskip("lsst.daf.butler")
psycopg = pytest.importorskip("psycopg", reason="needs psycopg")
pytest.importorskip("httpx2", reason="needs lsst-daf-butler[remote]")
import sqlalchemy  # noqa: E402
from lsst.daf.butler import Butler, CollectionType, DatasetType, InvalidQueryError  # noqa: E402
from postgresql_repositories import fill, found, needed, pair, requests, run, seed  # noqa: E402
from query_service import Service, connect  # noqa: E402
from registry_tables import contents, differences  # noqa: E402
from test_repositories import Steward  # noqa: E402

pytestmark = needed


@pytest.fixture(scope="module")
def cluster():
    return postgresql.shared()


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
    def schemas():
        return cluster.sql("SELECT nspname FROM pg_namespace WHERE nspname = 'rubin_1'", database)

    # Who may make it is needed for one that there is not, as with Python.
    cluster.sql("DROP ROLE IF EXISTS maker", database)
    cluster.sql("CREATE ROLE maker LOGIN")
    theirs = seed(tmp_path, url.replace("postgres@", "maker@"), namespace="rubin_1")
    for options in (["--dry-run"], []):
        refusal = run("create", "--seed-config", theirs, tmp_path / "repo", *options, check=False)
        assert refusal.returncode != 0 and "'rubin_1'" in refusal.stderr and "GRANT CREATE" in refusal.stderr
        assert not (tmp_path / "repo" / "butler.yaml").exists()
    run("create", "--seed-config", seed(tmp_path, url, namespace="rubin_1"), tmp_path / "repo", "--dry-run")
    assert schemas() == []
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


# What Python, which writes the name without quotes, can lock, and what it cannot.
@pytest.mark.parametrize(
    ("name", "is_plain"),
    [("_x", True), ("a$1", True), ("été", True), ("values", True), ("schema", True), ("ab" * 31, True), ("Rubin", False),
     ("my-schema", False), ("a b", False), ("a.b", False), ("1a", False), ("user", False), ("left", False), ('q"x', False),
     ("it's", False)])
def test_schemas_whose_names_python_cannot_write_are_refused_for_new_repositories(cluster, tmp_path, name, is_plain):
    quoted = '"' + name.replace('"', '""') + '"'

    def make(database, root):
        if root == "python" or name != "_x":
            cluster.sql(f"CREATE SCHEMA {quoted}", database)
        return seed(tmp_path, f"{cluster.url}/{database}", namespace=name), tmp_path / root

    configuration, root = make(cluster.database(), "python")
    Butler.makeRepo(str(root), config=str(configuration))
    with Butler.from_config(str(root), writeable=True) as butler:
        if is_plain:
            fill(butler)
        else:
            with pytest.raises(sqlalchemy.exc.SQLAlchemyError):
                fill(butler)
    # Those that there are can be used.
    with Steward(root, writeable=True) as steward:
        assert steward.do("collection", name="ours", type="RUN", doc="") is True
    assert "ours" in run("query-collections", root).stdout

    database = cluster.database()
    configuration, root = make(database, "steward")
    for options in (["--dry-run"], []):
        done = run("create", "--seed-config", configuration, root, *options, check=False)
        assert (done.returncode == 0) == is_plain, done.stderr
        assert is_plain or f"'{name}'" in done.stderr and "registry.namespace" in done.stderr, done.stderr
    assert root.exists() == is_plain or not (root / "butler.yaml").exists()
    made = cluster.sql("SELECT count(*) FROM pg_tables WHERE tablename = 'collection'", database)
    assert made == [str(int(is_plain))]


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


def test_a_text_that_no_text_can_equal_is_the_mistake_of_the_query(cluster, tmp_path):
    pair(cluster, tmp_path)
    with Butler.from_config(str(tmp_path / "steward"), writeable=True) as butler:
        fill(butler)
    service = Service(tmp_path / "steward", tmp_path / "server.log")
    try:
        remote = connect(service.url)
        with pytest.raises(InvalidQueryError, match="NUL"):
            remote.query_dimension_records("detector", where="instrument = 'Cam' AND detector.full_name = 'D\0'")
        assert "query failed" not in (tmp_path / "server.log").read_text()
    finally:
        service.stop()


def test_a_character_that_the_database_lacks_is_the_mistake_of_the_query(cluster, tmp_path):
    database = cluster.database()
    cluster.sql(f"CREATE DATABASE {database}_latin TEMPLATE template0 ENCODING LATIN1 LOCALE 'C'")
    cluster.sql("CREATE EXTENSION btree_gist", f"{database}_latin")
    root, log = tmp_path / "root", tmp_path / "server.log"
    where = "instrument = 'Cam' AND detector.full_name = '日'"
    run("create", "--seed-config", seed(tmp_path, f"{cluster.url}/{database}_latin"), root)
    with Butler.from_config(str(root), writeable=True) as butler:
        fill(butler)
    done = run("query-dimension-records", root, "detector", "--where", where, check=False)
    assert done.returncode != 0 and "LATIN1" in done.stderr and "SELECT" not in done.stderr, done.stderr
    service = Service(root, log)
    try:
        remote = connect(service.url)
        with pytest.raises(InvalidQueryError, match="character"):
            remote.query_dimension_records("detector", where=where)
        assert "query failed" not in log.read_text()
    finally:
        service.stop()
