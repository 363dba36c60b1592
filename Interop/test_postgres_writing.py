"""Writing to a repository in PostgreSQL while others are at work there, or the server ends the connection."""

import subprocess
import time

import postgresql
import pytest

psycopg = pytest.importorskip("psycopg", reason="needs psycopg")
pytest.importorskip("lsst.daf.butler")
import sqlalchemy  # noqa: E402
from lsst.daf.butler import Butler, DatasetType  # noqa: E402
from postgresql_repositories import fill, needed, run, seed  # noqa: E402
from test_repositories import STEWARD  # noqa: E402

pytestmark = needed


@pytest.fixture
def root(tmp_path):
    """A small repository with a run `doomed`, and runs and datasets besides it."""
    server = postgresql.shared()
    root = tmp_path / "root"
    run("create", "--seed-config", seed(tmp_path, f"{server.url}/{server.database()}"), root)
    with Butler.from_config(str(root), writeable=True) as butler:
        fill(butler)
        butler.collections.register("doomed")
        butler.put({"n": 0}, "bias", instrument="Cam", detector=0, run="doomed")
    return root


@pytest.fixture
def session(root):
    """A client of the database in a transaction of its own."""
    with psycopg.connect(postgresql.database_of(root)) as connection:
        yield connection


def start(*arguments):
    return subprocess.Popen(
        [str(STEWARD), "butler", *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def waiting(root, command, besides=()):
    """Waits until Steward waits for a lock; what process of the server serves it, none of those known."""
    with psycopg.connect(postgresql.database_of(root), autocommit=True) as other:
        for _ in range(600):
            assert command.poll() is None, command.stdout.read()
            found = other.execute(
                "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' "
                "AND application_name = 'steward'").fetchall()
            if new := [process for process, in found if process not in besides]:
                return new[0]
            time.sleep(0.02)
    raise AssertionError("Steward does not wait")


def ended(command):
    text = command.communicate(timeout=60)[0]
    return command.returncode, text


def all_gone(root):
    """The run `doomed` has no files, and nothing else is wrong."""
    assert not list((root / "doomed").rglob("*.yaml"))
    run("check", root)


def gone(root, command):
    """As above, after a command that succeeds."""
    status, text = ended(command)
    assert status == 0, text
    all_gone(root)


def stored(root, collection):
    with Butler.from_config(str(root)) as butler:
        return {ref.dataId["detector"] for ref in butler.query_datasets("bias", collections=collection, explain=False)}


def test_a_type_is_registered_while_python_makes_the_same_tables(root):
    with Butler.from_config(str(root), writeable=True) as butler:
        commands = []

        def between(connection, cursor, statement, parameters, context, executemany):
            if "CREATE TABLE" in statement and "dataset_tags" in statement:
                commands.append(
                    start("register-dataset-type", root, "ours", "StructuredDataDict", "instrument", "physical_filter"))
                waiting(root, commands[0])

        sqlalchemy.event.listen(butler._registry._db._engine, "after_cursor_execute", between)
        kind = DatasetType("theirs", ["instrument", "physical_filter"], "StructuredDataDict", universe=butler.dimensions)
        butler.registry.registerDatasetType(kind)
        status, text = ended(commands[0])
    assert status == 0, text
    with Butler.from_config(str(root)) as butler:
        assert {"ours", "theirs"} <= {kind.name for kind in butler.registry.queryDatasetTypes()}


def test_runs_go_with_all_that_others_were_about_to_put_there(root):
    with Butler.from_config(str(root), writeable=True) as butler:
        with butler.transaction():
            butler.put({"n": 1}, "bias", instrument="Cam", detector=1, run="doomed")
            butler.registry.insertDatasets("bias", [{"instrument": "Cam", "detector": 2}], run="doomed")
            command = start("remove-runs", root, "doomed", "--no-confirm")
            waiting(root, command)
    status, text = ended(command)
    assert status == 0 and stored(root, "run/a") == {0, 1, 2}, text
    with Butler.from_config(str(root)) as butler:
        assert "doomed" not in butler.collections.query("*")
    all_gone(root)


def test_removals_are_repeated_after_a_deadlock(root, session):
    session.execute("SET deadlock_timeout = '60s'")
    session.execute("SELECT 1 FROM dataset JOIN run ON run_id = collection_id FOR UPDATE OF dataset").fetchall()
    command = start("remove-runs", root, "doomed", "--no-confirm")
    waiting(root, command)
    # In the other order than Steward, whose server process notices first that this cannot end well.
    session.execute("SELECT 1 FROM run JOIN collection USING (collection_id) WHERE name = 'doomed' FOR UPDATE OF run")
    session.rollback()
    gone(root, command)


def test_a_deletion_goes_on_after_the_server_has_ended_its_connection(root, session):
    # What is deleted first is what the registry knows; the records of files follow in a transaction of their own.
    session.execute("LOCK TABLE file_datastore_records IN SHARE MODE")
    command = start("remove-runs", root, "doomed", "--no-confirm")
    process = waiting(root, command)
    session.execute("SELECT pg_terminate_backend(%s)", [process])
    waiting(root, command, [process])
    session.rollback()
    gone(root, command)


def test_what_is_left_of_a_deletion_is_said_and_done_by_the_next(root, session):
    session.execute("LOCK TABLE file_datastore_records IN SHARE MODE")
    command = start("remove-runs", root, "doomed", "--no-confirm")
    ended_processes = []
    for _ in range(5):
        ended_processes.append(waiting(root, command, ended_processes))
        session.execute("SELECT pg_terminate_backend(%s)", ended_processes[-1:])
    status, text = ended(command)
    assert status == 1 and "The datasets are removed, but not all of their files" in text, text
    assert "nothing was changed" not in text and "Traceback" not in text
    session.rollback()
    with Butler.from_config(str(root)) as butler:
        assert "doomed" not in butler.collections.query("*")
    (root.parent / "new.json").write_text("{}")
    (root.parent / "table.csv").write_text(f"file,detector\n{root.parent}/new.json,3\n")
    run("ingest-files", root, "bias", "run/a", root.parent / "table.csv", "--data-id", "instrument=Cam", "-t", "direct")
    all_gone(root)


def export_to(butler, folder, name):
    folder.mkdir()
    with butler.export(directory=str(folder), format="yaml", transfer="copy") as export:
        export.saveDatasets(butler.query_datasets(name, collections="fresh"))


@pytest.mark.parametrize("what", ["ingest", "import", "transfer"])
def test_a_run_that_another_client_makes_meanwhile_is_taken(root, tmp_path, what):
    (tmp_path / "new.yaml").write_text("n: 1\n")
    (tmp_path / "table.csv").write_text(f"file,detector\n{tmp_path}/new.yaml,3\n")
    target = root
    if what == "ingest":
        command = ["ingest-files", root, "bias", "fresh", tmp_path / "table.csv", "--data-id", "instrument=Cam", "-t", "copy"]
    else:
        with Butler.from_config(str(root), writeable=True) as butler:
            butler.collections.register("fresh")
            butler.put({"n": 1}, "bias", instrument="Cam", detector=3, run="fresh")
            export_to(butler, tmp_path / "export", "bias")
        target = tmp_path / "target"
        database = postgresql.shared().database()
        run("create", "--seed-config", seed(tmp_path, f"{postgresql.shared().url}/{database}"), target)
        command = ["import", target, tmp_path / "export", "-t", "copy"]
        if what == "transfer":
            command = ["transfer-datasets", root, target, "--collections", "fresh", "--register-dataset-types",
                       "--transfer-dimensions", "-t", "copy"]
    with psycopg.connect(postgresql.database_of(target)) as other:
        key = other.execute("SELECT nextval('collection_seq_collection_id')").fetchone()[0]
        other.execute("INSERT INTO collection (collection_id, name, type) VALUES (%s, 'fresh', 1)", [key])
        other.execute("INSERT INTO run (collection_id) VALUES (%s)", [key])
        command = start(*command)
        waiting(target, command)
        other.commit()
    status, text = ended(command)
    assert status == 0, text
    assert stored(target, "fresh") == {3}
    run("check", target)


def test_a_dataset_type_that_another_client_registers_meanwhile_is_taken(root, tmp_path):
    with Butler.from_config(str(root), writeable=True) as butler:
        butler.registry.registerDatasetType(DatasetType("plain", [], "StructuredDataDict", universe=butler.dimensions))
        butler.collections.register("fresh")
        butler.put({"n": 1}, "plain", run="fresh")
        export_to(butler, tmp_path / "export", "plain")
    target = tmp_path / "target"
    database = postgresql.shared().database()
    run("create", "--seed-config", seed(tmp_path, f"{postgresql.shared().url}/{database}"), target)
    run("register-dataset-type", target, "alike", "StructuredDataDict")
    with psycopg.connect(postgresql.database_of(target)) as other:
        other.execute(
            "INSERT INTO dataset_type (id, name, storage_class, dimensions_key, tag_association_table) "
            "VALUES (nextval('dataset_type_seq_id'), 'plain', 'StructuredDataDict', 0, 'dataset_tags_00000000')")
        command = start("import", target, tmp_path / "export", "-t", "copy")
        waiting(target, command)
        other.commit()
    status, text = ended(command)
    assert status == 0, text
    with Butler.from_config(str(target)) as butler:
        assert butler.get("plain", collections="fresh") == {"n": 1}


def test_two_edits_close_no_circle(root, session):
    run("collection-chain", root, "one", "run/a")
    run("collection-chain", root, "two", "run/a")
    session.execute("SELECT 1 FROM collection WHERE name = 'one' FOR NO KEY UPDATE")
    command = start("collection-chain", root, "one", "two")
    waiting(root, command)
    with Butler.from_config(str(root), writeable=True) as butler:
        butler.collections.extend_chain("two", "one")
    session.rollback()
    status, text = ended(command)
    assert status == 1 and "would contain itself through" in text, text
    run("check", root)
    # Neither do several of ours, each of which sees the half of another.
    run("collection-chain", root, "two", "run/a")
    calls = [start("collection-chain", root, *names) for names in (("one", "two"), ("two", "one")) * 3]
    assert {status for status, _ in map(ended, calls)} <= {0, 1}
    run("check", root)


def test_an_import_and_an_edit_of_nested_chains_wait_for_each_other_in_turn(root, session, tmp_path):
    for chain, child in ("inner", "run/a"), ("middle", "run/a"), ("outer", "inner"):
        run("collection-chain", root, chain, child)
    with Butler.from_config(str(root)) as butler, butler.export(filename=str(tmp_path / "chains.yaml")) as export:
        for chain in "inner", "middle", "outer":
            export.saveCollection(chain)
    session.execute("SELECT 1 FROM collection WHERE name = 'middle' FOR NO KEY UPDATE")
    importing = start("import", root, tmp_path, "--export-file", tmp_path / "chains.yaml")
    process = waiting(root, importing)
    editing = start("collection-chain", root, "outer", "inner", "doomed")
    waiting(root, editing, besides=[process])
    session.rollback()
    for command in importing, editing:
        status, text = ended(command)
        assert status == 0, text
    with Butler.from_config(str(root)) as butler:
        assert list(butler.collections.get_info("outer").children) == ["inner", "doomed"]


def test_files_whose_look_up_breaks_off_are_looked_up_again(root, session, tmp_path):
    with Butler.from_config(str(root), writeable=True) as butler:
        for element, key in [("day_obs", {"id": 20260101}), ("group", {"name": "g"}),
                             ("physical_filter", {"name": "F", "band": "r"})]:
            butler.registry.insertDimensionData(element, {"instrument": "Cam", **key})
        butler.registry.insertDimensionData("exposure", *(
            {"instrument": "Cam", "id": n, "obs_id": f"o{n}", "physical_filter": "F", "day_obs": 20260101, "group": "g"}
            for n in range(3)))
        kind = DatasetType("raw", ["instrument", "exposure"], "StructuredDataDict", universe=butler.dimensions)
        butler.registry.registerDatasetType(kind)
    table = tmp_path / "table.csv"
    table.write_text("file,exposure\n" + "".join(f"{n}.yaml,{n}\n" for n in range(3)))
    for n in range(3):
        (tmp_path / f"{n}.yaml").write_text(f"n: {n}\n")
    session.execute("LOCK TABLE exposure IN ACCESS EXCLUSIVE MODE")
    command = start("ingest-files", root, "raw", "raw/all", table, "--prefix", tmp_path, "--data-id", "instrument=Cam",
                    "-t", "copy")
    session.execute("SELECT pg_terminate_backend(%s)", [waiting(root, command)])
    session.rollback()
    status, text = ended(command)
    assert status == 0, text
    with Butler.from_config(str(root)) as butler:
        refs = butler.query_datasets("raw", collections="raw/all", explain=False)
        assert {butler.get(ref)["n"] for ref in refs} == {0, 1, 2}


def test_the_session_of_a_client_that_was_killed_while_it_waited_ends(root, session):
    if int(session.execute("SHOW server_version_num").fetchone()[0]) < 140000:
        pytest.skip("the server has no client_connection_check_interval")
    session.execute("LOCK TABLE file_datastore_records IN SHARE MODE")
    command = start("remove-runs", root, "doomed", "--no-confirm")
    process = waiting(root, command)
    command.kill()
    command.wait()
    command.stdout.close()
    with psycopg.connect(postgresql.database_of(root), autocommit=True) as other:
        for _ in range(600):
            if not other.execute("SELECT 1 FROM pg_stat_activity WHERE pid = %s", [process]).fetchall():
                return
            time.sleep(0.1)
    raise AssertionError("the session stays, with its locks")
