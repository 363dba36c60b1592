"""A datastore whose disk is not mounted: nothing is forgotten, no source moved, nothing written below the mount point."""

import os
import shutil

import pytest

pytest.importorskip("lsst.daf.butler")
from command_line import needs_binary, steward  # noqa: E402
from fault_operations import fill, ids, state  # noqa: E402
from lsst.daf.butler import Butler, Config  # noqa: E402
from test_repositories import Steward  # noqa: E402

pytestmark = needs_binary


@pytest.fixture
def apart(tmp_path):
    """A repository with its files on another disk, and the folder of that."""
    store = tmp_path / "disk" / "store"
    config = Config()
    config["datastore", "root"] = str(store)
    root = tmp_path / "repository"
    fill(root, config, resets_roots=False)
    return root, store


def source(tmp_path):
    (tmp_path / "source.yaml").write_text("precious: true\n")
    (tmp_path / "table.csv").write_text(f"file,detector\n{tmp_path}/source.yaml,7\n")
    return ["count", "run/b", str(tmp_path / "table.csv"), "--data-id", "instrument=Cam"]


#: By name: whether the trash holds something, and the arguments.
COMMANDS = {
    "purge": (False, ["prune-datasets", "ROOT", "--purge", "run/a", "--no-confirm"]),
    "unstore": (False, ["prune-datasets", "ROOT", "run/a", "--unstore", "--no-confirm"]),
    "unstore with a question": (False, ["prune-datasets", "ROOT", "run/a", "--unstore", "--dry-run"]),
    "keep files": (False, ["prune-datasets", "ROOT", "run/a", "--unstore", "--no-confirm", "--keep-files"]),
    "remove-runs": (False, ["remove-runs", "ROOT", "run/a", "--no-confirm", "--force"]),
    "empty-trash": (True, ["empty-trash", "ROOT", "--no-confirm"]),
    "empty-trash by age": (True, ["empty-trash", "ROOT", "--no-confirm", "--older-than", "0s"]),
    "ingest-files": (False, ["ingest-files", "ROOT", "TABLE", "-t", "copy"]),
    "ingest-files that moves": (False, ["ingest-files", "ROOT", "TABLE", "-t", "move"]),
    "ingest-files, only to see": (False, ["ingest-files", "ROOT", "TABLE", "-t", "move", "--dry-run"]),
    "transfer-datasets": (False, ["transfer-datasets", "OTHER", "ROOT", "-t", "move", "--collections", "run/c"]),
    "import": (False, ["import", "ROOT", "EXPORT", "-t", "move"]),
}


@pytest.mark.parametrize("mount", ["gone", "empty", "lost+found"])
@pytest.mark.parametrize("name", COMMANDS)
def test_nothing_is_changed(apart, tmp_path, name, mount):
    root, store = apart
    fills_trash, line = COMMANDS[name]
    if fills_trash:
        line = list(line)
        kept = steward("prune-datasets", str(root), "run/a", "--unstore", "--no-confirm", "--keep-files")
        assert kept.status == 0, kept.errors
    other = tmp_path / "other"
    fill(other)
    with Butler.from_config(str(other), writeable=True, run="run/c") as butler:
        butler.put({"c": 1}, "count", instrument="Cam", detector=8)
        (tmp_path / "export").mkdir()
        with butler.export(directory=str(tmp_path / "export"), format="yaml", transfer="copy") as export:
            export.saveDatasets(butler.query_datasets("count", collections="run/c"))
    table = source(tmp_path)
    names = {"ROOT": [str(root)], "OTHER": [str(other)], "EXPORT": [str(tmp_path / "export")], "TABLE": table}
    line = [word for piece in line for word in names.get(piece, [piece])]
    before, elsewhere = state(root), state(other)
    away = tmp_path / "away"
    store.rename(away)
    if mount != "gone":
        store.mkdir()
    if mount == "lost+found":
        (store / mount).mkdir()
    seen = sorted(store.rglob("*")) if store.exists() else None
    refused = steward(*line)
    assert refused.status == 1, refused.output
    assert "absent datastore" in refused.errors and str(store) in refused.errors, refused.errors
    assert (sorted(store.rglob("*")) if store.exists() else None) == seen
    assert state(root) == before and state(other) == elsewhere
    assert (tmp_path / "source.yaml").exists()
    # With its disk it goes on.
    if mount != "gone":
        shutil.rmtree(store)
    away.rename(store)
    if not fills_trash:
        assert steward("check", str(root)).output == "Nothing is wrong.\n"
    done = steward(*line)
    assert done.status == 0, done.errors
    if "--dry-run" not in line:
        assert state(root) != before


@pytest.mark.parametrize("mount", ["gone", "empty"])
def test_a_butler_that_was_opened_before(apart, tmp_path, mount):
    root, store = apart
    datasets = ids(root, "count", "run/a")
    with Steward(root, writeable=True) as probe:
        before = state(root)
        store.rename(tmp_path / "away")
        if mount == "empty":
            store.mkdir()
        put = {"type": "count", "data_id": {"instrument": "Cam", "detector": 9}, "run": "run/a", "value": {}}
        changes = [{"op": "prune", "ids": datasets, "unstore": True}]
        for answer in (
            probe.ask("put", **put),
            probe.ask("prune", ids=datasets, unstore=True),
            probe.ask("transaction", changes=changes),
            probe.ask("transaction", changes=[{"op": "put", **put}]),
        ):
            assert "absent datastore" in answer["message"], answer
        assert state(root) == before
        assert store.exists() == (mount == "empty")


def test_a_root_without_any_file_is_made(tmp_path):
    config = Config()
    config["datastore", "root"] = str(tmp_path / "deep" / "store")
    root = tmp_path / "repository"
    fill(root, config, resets_roots=False)
    assert steward("remove-runs", str(root), "run/*", "--no-confirm", "--force").status == 0
    shutil.rmtree(tmp_path / "deep")
    done = steward("ingest-files", str(root), *source(tmp_path), "-t", "copy")
    assert done.status == 0, done.errors
    with Butler.from_config(str(root)) as butler:
        assert butler.get("count", instrument="Cam", detector=7, collections="run/b") == {"precious": True}
    # Files that are recorded where they are say nothing about the root.
    assert steward("remove-runs", str(root), "run/b", "--no-confirm", "--force").status == 0
    assert steward("ingest-files", str(root), *source(tmp_path), "-t", "direct").status == 0
    shutil.rmtree(tmp_path / "deep")
    assert steward("prune-datasets", str(root), "run/b", "--unstore", "--no-confirm").status == 0
    assert (tmp_path / "source.yaml").exists()


def test_a_file_that_is_missing_keeps_nobody_from_pruning(apart):
    root, store = apart
    for path in store.rglob("*D0*"):
        os.unlink(path)
    done = steward("prune-datasets", str(root), "run/a", "--unstore", "--no-confirm")
    assert done.status == 0, done.errors
    assert [path for path in (store / "run/a").rglob("*") if path.is_file()] == []


def test_a_part_of_a_chain_that_is_away(tmp_path):
    cls = "lsst.daf.butler.datastores.fileDatastore.FileDatastore"
    parts = [
        {"datastore": {"cls": cls, "root": str(tmp_path / name), "records": {"table": f"records_{name}"}}}
        for name in ("first", "second")
    ]
    chain = "lsst.daf.butler.datastores.chainedDatastore.ChainedDatastore"
    root = tmp_path / "repository"
    fill(root, Config({"datastore": {"cls": chain, "datastores": parts}}), resets_roots=False)
    tables = ("records_first", "records_second")
    before = state(root, *tables)
    (tmp_path / "second").rename(tmp_path / "away")
    refused = steward("prune-datasets", str(root), "run/a", "--unstore", "--no-confirm")
    assert refused.status == 1 and str(tmp_path / "second") in refused.errors
    assert state(root, *tables) == before
    (tmp_path / "away").rename(tmp_path / "second")
    assert steward("prune-datasets", str(root), "run/a", "--unstore", "--no-confirm").status == 0
    assert [path for path in tmp_path.glob("*/run/a/count/*") if path.is_file()] == []
