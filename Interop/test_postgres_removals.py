"""What a client of a repository in PostgreSQL says when another one removes what it counts on, or adds to what it removes."""

import json
import subprocess

import pytest

pytest.importorskip("psycopg", reason="needs psycopg")
pytest.importorskip("lsst.daf.butler")
from lsst.daf.butler import Butler, CollectionType  # noqa: E402
from postgresql_repositories import needed, run  # noqa: E402
from test_postgres_writing import all_gone, ended, gone, root, session, start, stored, waiting  # noqa: E402, F401
from test_repositories import PROBE, STEWARD  # noqa: E402

pytestmark = needed


@pytest.fixture
def spare(root):
    """A repository with collections that nothing refers to."""
    with Butler.from_config(str(root), writeable=True) as butler:
        butler.collections.register("spare")
        butler.collections.register("good", CollectionType.TAGGED)
        butler.collections.register("valid", CollectionType.CALIBRATION)
        butler.collections.register("all", CollectionType.CHAINED)
    return root


def files(folder, *detectors):
    """A table of files to ingest."""
    for detector in detectors:
        (folder / f"new{detector}.yaml").write_text("n: 1\n")
    table = folder / "table.csv"
    table.write_text("file,detector\n" + "".join(f"{folder}/new{n}.yaml,{n}\n" for n in detectors))
    return table


def refused(root, session, command, removed):
    """A command that waits for a removal, which then happens; its message."""
    waiting(root, command)
    session.commit()
    status, text = ended(command)
    text = text.splitlines()[-1]
    assert status == 1 and text.startswith("steward: error: "), text
    assert removed in text and "removed by another client" in text and "constraint" not in text, text
    run("check", root)
    return text


@pytest.mark.parametrize("mode", ["prepend", "extend", "redefine"])
@pytest.mark.parametrize("removed", ["spare", "all"])
def test_a_chain_whose_member_is_removed_meanwhile(spare, session, mode, removed):
    session.execute("DELETE FROM collection WHERE name = %s", [removed])
    command = start("collection-chain", spare, "all", "tag", "spare", "--mode", mode)
    refused(spare, session, command, removed)


@pytest.mark.parametrize("together", [False, True])
def test_files_for_a_run_that_is_removed_meanwhile(spare, session, tmp_path, together):
    if together:
        configuration = spare / "butler.yaml"
        configuration.write_text(
            configuration.read_text().replace("registry:\n", "registry:\n  references_together: true\n", 1))
        assert "references_together" in configuration.read_text()
    session.execute("DELETE FROM collection WHERE name = 'spare'")
    table = files(tmp_path, *range(4))
    command = start("ingest-files", spare, "bias", "spare", table, "--data-id", "instrument=Cam", "-t", "copy")
    refused(spare, session, command, "spare")
    assert not list((spare / "spare").rglob("*.yaml"))
    # It may be run again, which makes the run.
    run("ingest-files", spare, "bias", "spare", table, "--data-id", "instrument=Cam", "-t", "copy")
    assert stored(spare, "spare") == set(range(4))


def test_members_of_a_collection_that_is_removed_meanwhile(spare, session):
    session.execute("DELETE FROM collection WHERE name = 'good'")
    refused(spare, session, start("associate", spare, "good", "-d", "bias", "--collections", "run/a"), "good")
    session.execute("DELETE FROM collection WHERE name = 'valid'")
    refused(spare, session, start("certify-calibrations", spare, "run/a", "valid", "bias"), "valid")


def test_members_that_are_removed_meanwhile(spare, session):
    name, path = session.execute("SELECT dataset_id, path FROM file_datastore_records WHERE path LIKE 'run/a/bias/%'").fetchone()
    (spare / path).unlink()
    for table in ("dataset_location", "file_datastore_records"):
        session.execute(f"DELETE FROM {table} WHERE dataset_id = %s", [name])
    session.execute("DELETE FROM dataset WHERE id = %s", [name])
    refused(spare, session, start("associate", spare, "good", "-d", "bias", "--collections", "run/a"), str(name))


def test_files_for_a_dimension_value_that_is_removed_meanwhile(spare, session, tmp_path):
    session.execute("DELETE FROM detector WHERE id = 3")
    table = files(tmp_path, 2, 3)
    command = start("ingest-files", spare, "bias", "spare", table, "--data-id", "instrument=Cam", "-t", "copy")
    text = refused(spare, session, command, "detector: 3")
    assert "'detector'" in text and "insert it" in text, text


def test_a_grant_on_a_collection_that_is_removed_meanwhile(spare, session):
    subprocess.run([str(STEWARD), "access", "enable", str(spare)], check=True)
    session.execute("DELETE FROM collection WHERE name = 'spare'")
    command = subprocess.Popen(
        [str(STEWARD), "access", "grant", str(spare), "--group", "g", "spare"], stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True)
    refused(spare, session, command, "spare")


def test_a_type_that_is_removed_meanwhile(spare, session, tmp_path):
    with Butler.from_config(str(spare), writeable=True) as butler:
        kind = butler.get_dataset_type("bias")
        butler.registry.registerDatasetType(type(kind)("bare", kind.dimensions, kind.storageClass_name))
    session.execute("DELETE FROM dataset_type WHERE name = 'bare'")
    table = files(tmp_path, 0)
    command = start("ingest-files", spare, "bare", "spare", table, "--data-id", "instrument=Cam", "-t", "copy")
    refused(spare, session, command, "bare")


def test_a_dataset_that_is_removed_while_it_gets_files(spare, session, tmp_path):
    def ingest(begin):
        return begin("ingest-files", spare, "bias", "spare", files(tmp_path, 0), "--data-id", "instrument=Cam",
                     "--id-generation-mode", "dataid_type_run", "-t", "copy")

    ingest(run)
    run("prune-datasets", spare, "--unstore", "--datasets", "bias", "spare", "--no-confirm")
    (name,) = session.execute("SELECT id FROM dataset JOIN collection ON run_id = collection_id WHERE name = 'spare'")
    session.execute("DELETE FROM dataset WHERE id = %s", name)
    text = refused(spare, session, ingest(start), str(name[0]))
    assert "again" in text
    ingest(run)
    assert stored(spare, "spare") == {0}


def held(root):
    """Datasets of the runs `spare` and `doomed` that have no files yet."""
    with Butler.from_config(str(root), writeable=True) as butler:
        return [butler.registry.insertDatasets("bias", [{"instrument": "Cam", "detector": 3}], run=name)[0]
                for name in ("spare", "doomed")]


def test_removals_are_repeated_when_datasets_get_files_meanwhile(spare):
    for ref, arguments in zip(held(spare), [
        ("prune-datasets", spare, "--purge", "spare", "--datasets", "bias", "spare", "--no-confirm"),
        ("remove-runs", spare, "doomed", "--no-confirm"),
    ]):
        with Butler.from_config(str(spare), writeable=True) as butler, butler.transaction():
            butler.put({"n": 3}, ref)
            command = start(*arguments)
            waiting(spare, command)
        status, text = ended(command)
        assert status == 0, text
    assert not list((spare / "spare").rglob("*.yaml")) and not stored(spare, "spare")
    all_gone(spare)


def test_a_datastore_that_nobody_names_is_still_an_obstacle(spare, session):
    for ref in held(spare):
        session.execute("INSERT INTO dataset_location VALUES ('another', %s)", [ref.id])
    session.commit()
    for arguments in [
        ("prune-datasets", spare, "--purge", "spare", "--datasets", "bias", "spare", "--no-confirm"),
        ("remove-runs", spare, "doomed", "--no-confirm"),
    ]:
        status, text = ended(start(*arguments))
        assert status == 1 and "configuration does not name" in text, text


def test_a_run_that_comes_into_a_chain_while_it_is_removed(spare, session):
    session.execute(
        "INSERT INTO collection_chain SELECT p.collection_id, 0, c.collection_id FROM collection p, collection c "
        "WHERE p.name = 'all' AND c.name = 'doomed'")
    command = start("remove-runs", spare, "doomed", "--no-confirm", "--force")
    waiting(spare, command)
    session.commit()
    gone(spare, command)


def test_a_tag_that_comes_into_a_chain_while_it_is_removed(spare, session):
    session.execute(
        "INSERT INTO collection_chain SELECT p.collection_id, 0, c.collection_id FROM collection p, collection c "
        "WHERE p.name = 'all' AND c.name = 'good'")
    command = start("remove-collections", spare, "good", "--no-confirm")
    waiting(spare, command)
    session.commit()
    status, text = ended(command)
    assert status == 1 and "'good' is a member of 'all'" in text, text
    run("remove-collections", spare, "good", "--no-confirm", "--remove-from-parents")


def test_a_value_for_a_run_that_is_removed_meanwhile(spare, session):
    session.execute("DELETE FROM collection WHERE name = 'spare'")
    command = subprocess.Popen(
        [str(PROBE), str(spare), "--writeable"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    put = {"op": "put", "run": "spare", "type": "bias", "data_id": {"instrument": "Cam", "detector": 0}, "value": {"n": 1}}
    command.stdin.write(json.dumps(put) + "\n")
    command.stdin.flush()
    waiting(spare, command)
    session.commit()
    answer = json.loads(ended(command)[1])
    assert answer["error"] == "missing_collection", answer
    assert "'spare' was removed by another client" in answer["message"]
    assert not list((spare / "spare").rglob("*.yaml"))
    run("check", spare)
