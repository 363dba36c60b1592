"""Operations on more files than one batch holds, that fail in the middle."""

import os
import subprocess

import pytest
import yaml

pytest.importorskip("lsst.daf.butler")
from command_line import BINARY, needs_binary, steward  # noqa: E402
from fault_operations import check_whole, fill, state  # noqa: E402
from lsst.daf.butler import Butler  # noqa: E402

pytestmark = needs_binary
#: Of a batch. More in Sources/Datastore/Journal/BatchSpool.swift.
BATCH = 5000
COUNT = 2 * BATCH + 1000


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp("many") / "root"
    fill(root)
    with Butler.from_config(str(root), writeable=True) as butler:
        butler.registry.insertDimensionData(
            "detector", *({"instrument": "Cam", "id": 100 + n, "full_name": f"E{n}"} for n in range(COUNT)))
        butler.collections.register("run/many")
    return root


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    """Files in a folder, and a table of them, whose lines tests exchange."""
    folder = tmp_path_factory.mktemp("sources")
    for n in range(COUNT):
        (folder / f"{n}.yaml").write_text(f"n: {n}\n")
    return folder


def table(folder, changes=None):
    path = folder / "table.csv"
    lines = {n: f"{folder}/{n}.yaml,{100 + n}" for n in range(COUNT)} | (changes or {})
    path.write_text("file,detector\n" + "\n".join(lines.values()) + "\n")
    return path


def ingest(root, table, transfer):
    return steward(
        "ingest-files", str(root), "count", "run/many", str(table), "--data-id", "instrument=Cam", "-t", transfer)


def folders(root):
    return {folder for folder, _, _ in os.walk(root) if "/.steward" not in folder}


@pytest.mark.parametrize("transfer", ["hardlink", "copy"])
@pytest.mark.parametrize("places", [[10], [BATCH - 10], [10, BATCH - 10], [2 * BATCH + 990]])
def test_folders_that_cannot_be_made_leave_nothing_of_others(root, sources, tmp_path, transfer, places):
    """Each file has a folder of its own, and two threads make them for a batch: something is in the way of one or both."""
    configuration = root / "butler.yaml"
    plain = configuration.read_text()
    content = yaml.safe_load(plain)
    content["datastore"] |= {"templates": {"count": "{run:/}/{datasetType}/d{detector}/{instrument}_{detector}"}}
    configuration.write_text(yaml.safe_dump(content))
    obstacles = [root / f"run/many/count/d{100 + n}" for n in places]
    before_folders, before = folders(root), state(root)
    try:
        for path in obstacles:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("of somebody else\n")
        done = ingest(root, table(sources), transfer)
        assert done.status == 1 and "a file has this name" in done.errors, done.errors
        assert f"d{100 + places[0]}" in done.errors
        for path in obstacles:
            assert path.read_text() == "of somebody else\n"
            path.unlink()
        obstacles[0].parent.rmdir()
        obstacles[0].parent.parent.rmdir()
    finally:
        configuration.write_text(plain)
    assert state(root) == before and folders(root) == before_folders


@pytest.mark.parametrize("transfer", ["hardlink", "move"])
@pytest.mark.parametrize("obstacle", ["file", "dataset", "source"])
def test_what_fails_in_a_later_batch_leaves_nothing_of_those_before(root, sources, tmp_path, transfer, obstacle):
    late = COUNT - 10
    changes, words = {}, ""
    taken = root / f"run/many/count/count_Cam_E{late}_run_many.yaml"
    before_folders, before = folders(root), state(root)
    if obstacle == "file":
        taken.parent.mkdir(parents=True)
        taken.write_text("of somebody else\n")
        words = "already exists"
    elif obstacle == "dataset":
        # The type and data ID of one in the first batch.
        changes = {late: f"{sources}/{late}.yaml,{100 + 3}"}
        words = "same data ID"
    else:
        changes = {late: f"{sources}/missing.yaml,{100 + late}"}
        words = "missing.yaml"
    done = ingest(root, table(sources, changes), transfer)
    assert done.status == 1 and words in done.errors, done.errors
    if obstacle == "file":
        assert taken.read_text() == "of somebody else\n"
        taken.unlink()
        taken.parent.rmdir()
        taken.parent.parent.rmdir()
    assert state(root) == before and folders(root) == before_folders
    assert len(list(sources.glob("*.yaml"))) == COUNT
    check_whole(root)


@pytest.mark.parametrize("at", [2_000, 11_600, 15_000, 21_900])
def test_a_kill_in_any_batch_leaves_nothing_of_them(root, sources, tmp_path, at):
    before = state(root)
    killed = subprocess.run(
        [BINARY, "butler", "ingest-files", root, "count", "run/many", table(sources), "--data-id", "instrument=Cam", "-t",
         "hardlink"], capture_output=True, env={**os.environ, "STEWARD_KILL_AT": str(at)})
    assert killed.returncode == -9, killed.stderr
    # The next writer tidies up.
    done = steward("empty-trash", str(root), "--no-confirm")
    assert done.status == 0, done.errors
    assert state(root) == before
    check_whole(root)


def test_many_files_come_and_go(root, sources):
    done = ingest(root, table(sources), "hardlink")
    assert done.status == 0, done.errors
    assert len(state(root)["files"]) > COUNT
    assert subprocess.run(["stat", "-c", "%h", sources / "0.yaml"], capture_output=True, text=True).stdout == "2\n"
    done = steward("remove-runs", str(root), "run/many", "--no-confirm")
    assert done.status == 0, done.errors
    check_whole(root)
