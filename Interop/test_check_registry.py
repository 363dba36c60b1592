"""Faults of the registry itself, files of several records, names that the environment changes, and creation by several."""

import subprocess

import pytest

pytest.importorskip("lsst.daf.butler")
from command_line import BINARY, needs_binary, steward  # noqa: E402
from fault_operations import rows  # noqa: E402
from lsst.daf.butler import Butler, CollectionType  # noqa: E402
from test_check import base, change, found, path_of, root  # noqa: E402, F401

pytestmark = needs_binary


def test_chains_that_contain_themselves(root):  # noqa: F811
    with Butler.from_config(str(root), writeable=True) as butler:
        for name in ("one", "two", "above"):
            butler.collections.register(name, CollectionType.CHAINED)
        butler.collections.redefine_chain("one", ["two"])
        butler.collections.redefine_chain("above", ["one"])
    change(root, "INSERT INTO collection_chain (parent, position, child) SELECT two.collection_id, 0, one.collection_id "
                 "FROM collection AS one, collection AS two WHERE one.name = 'one' AND two.name = 'two'")
    assert found(root, "--repair") == [("circular chain", "one"), ("circular chain", "two")]
    assert steward("collection-chain", str(root), "one", "run/a").status == 0
    assert found(root) == []


@pytest.mark.parametrize("ends", [("#one", "#two"), ("#one", "")])
def test_a_file_stays_as_long_as_a_record_has_a_part_of_it(root, ends):  # noqa: F811
    path, other = path_of(root, "count", "run/a"), path_of(root, "count", "run/b")
    (root / other).unlink()
    for before, end in ((other, ends[0]), (path, ends[1])):
        change(root, "UPDATE file_datastore_records SET path = ? WHERE path = ?", path + end, before)
    assert steward("prune-datasets", str(root), "run/b", "--unstore", "--no-confirm").status == 0
    assert (root / path).exists()


def test_what_the_environment_has_changes_no_verdict(root, tmp_path, monkeypatch):  # noqa: F811
    (tmp_path / "one.yaml").write_text("{}")
    (tmp_path / "table.csv").write_text("file,detector\none.yaml,5\n")
    run = "a/$STEWARD_TEST_NAME"
    done = steward("ingest-files", str(root), "count", run, str(tmp_path / "table.csv"), "--data-id", "instrument=Cam",
                   "--prefix", str(tmp_path), "-t", "copy")
    assert done.status == 0, done.errors
    path = path_of(root, "count", run)
    change(root, "DELETE FROM file_datastore_records WHERE path = ?", path)
    monkeypatch.setenv("STEWARD_TEST_NAME", "1")
    assert [kind for kind, _ in found(root, "--repair")] == ["location without record"]
    assert (root / path).exists() and found(root) == []
    assert rows(root, "SELECT 1 FROM file_datastore_records WHERE path = ?", path)


def test_of_several_that_create_one_repository_none_deletes_it(tmp_path):
    for round in range(4):
        folder = tmp_path / str(round)
        calls = [subprocess.Popen([str(BINARY), "butler", "create", folder], stderr=subprocess.PIPE) for _ in range(3)]
        answers = [(call.communicate(timeout=60)[1], call.returncode) for call in calls]
        assert any(status == 0 for _, status in answers), answers
        assert (folder / "butler.yaml").exists() and (folder / "gen3.sqlite3").stat().st_size > 0
        assert steward("query-collections", str(folder)).status == 0
