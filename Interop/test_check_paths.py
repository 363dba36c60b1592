"""A record whose path leads nowhere is a fault of its own, and keeps nobody from anything else."""

import os
import shutil

import pytest

pytest.importorskip("lsst.daf.butler")
from command_line import needs_binary, steward  # noqa: E402
from fault_operations import ids, rows, state  # noqa: E402
from lsst.daf.butler import Butler  # noqa: E402
from test_check import base, change, found, path_of, root  # noqa: E402, F401

pytestmark = needs_binary

UNUSABLE = ["../outside.yaml", "run/../../outside.yaml", "..", "file:///", "file:relative.yaml", "file://elsewhere/x.yaml", ""]


def spoil(root, path):  # noqa: F811
    """Gives a dataset of 'run/a' a record that leads to a file beside the repository; returns that and the one that it had."""
    outside = root.parent / "outside.yaml"
    outside.write_text("not: ours\n")
    before = path_of(root, "count", "run/a")
    change(root, "UPDATE file_datastore_records SET path = ? WHERE path = ?", path, before)
    return outside, before


@pytest.mark.parametrize("path", UNUSABLE)
def test_such_a_record_is_reported_and_all_else_looked_at(root, path):  # noqa: F811
    _, before = spoil(root, path)
    lost = path_of(root, "count", "run/b")
    os.remove(root / lost)
    expected = sorted([("unusable path", path), ("record without file", lost), ("file without record", before)])
    assert found(root, "--checksums") == expected
    assert found(root, "--repair", "--delete-unrecorded") == expected
    # The file that it led to stays, though no record leads to it.
    expected = sorted([("unusable path", path), ("file without record", before)])
    assert found(root, "--repair", "--delete-unrecorded") == expected
    assert (root / before).exists()


@pytest.mark.parametrize("path", UNUSABLE)
def test_such_a_record_goes_with_its_dataset_and_without_a_file(root, path):  # noqa: F811
    outside, before = spoil(root, path)
    others = [other for number in range(4) if (other := path_of(root, "count", "run/a", number)) != path]
    assert len(others) == 3
    outcome = steward("prune-datasets", str(root), "run/a", "--unstore", "--no-confirm")
    assert outcome.status == 0, outcome.errors
    assert outside.exists() and not any((root / other).exists() for other in others)
    assert not (root / ".steward").exists()
    assert rows(root, "SELECT * FROM dataset_location_trash") == []
    assert rows(root, "SELECT 1 FROM file_datastore_records WHERE path = ?", path) == []
    with Butler.from_config(str(root)) as butler:
        assert not any(butler.stored_many(butler.query_datasets("count", collections="run/a")).values())
    assert [kind for kind, _ in found(root)] == ["file without record"] and (root / before).exists()


@pytest.mark.parametrize("path", ["../outside.yaml", "file:///"])
@pytest.mark.parametrize("command", ["empty-trash", "check", "remove-runs"])
def test_a_trash_with_such_a_record_is_emptied(root, path, command):  # noqa: F811
    outside, _ = spoil(root, path)
    others = [other for number in range(4) if (other := path_of(root, "count", "run/a", number)) != path]
    for identifier in ids(root, "count", "run/a") if command != "remove-runs" else []:
        hexadecimal = identifier.replace("-", "")
        change(root, "INSERT INTO dataset_location_trash (dataset_id, datastore_name) "
                     "SELECT dataset_id, datastore_name FROM dataset_location WHERE dataset_id = ?", hexadecimal)
        change(root, "DELETE FROM dataset_location WHERE dataset_id = ?", hexadecimal)
    if command == "check":
        assert [kind for kind, _ in found(root, "--repair")].count("unfinished deletion") == 4
    else:
        arguments = [str(root)] if command == "empty-trash" else [str(root), "run/a", "--force"]
        outcome = steward(command, *arguments, "--no-confirm")
        assert outcome.status == 0, outcome.errors
    assert outside.exists() and not any((root / other).exists() for other in others)
    assert rows(root, "SELECT * FROM dataset_location_trash") == []
    assert not (root / ".steward").exists()


@pytest.mark.parametrize("path", ["../outside.yaml", "file:///"])
def test_recovery_goes_on_with_the_others(root, path, tmp_path):  # noqa: F811
    killed = 0
    for point in range(2, 24, 3):
        copy = shutil.copytree(root, tmp_path / str(point) / "repository")
        outside, before = spoil(copy, path)
        line = ("prune-datasets", str(copy), "run/a", "--unstore", "--no-confirm")
        killed += steward(*line, environment={"STEWARD_KILL_AT": str(point)}).status != 0
        outcome = steward("prune-datasets", str(copy), "run/b", "--unstore", "--no-confirm")
        assert outcome.status == 0, outcome.errors
        assert not (copy / ".steward").exists()
        assert outside.exists() and (copy / before).exists()
        left = rows(copy, "SELECT 1 FROM file_datastore_records WHERE path LIKE 'run/a/count/%'")
        assert len(left) == len(list((copy / "run" / "a" / "count").glob("*.yaml"))) - 1
        assert rows(copy, "SELECT * FROM dataset_location_trash") == []
    assert killed > 4


def test_a_plain_absolute_path_is_one_of_this_machine(root, tmp_path):  # noqa: F811
    """As Python reads it: the file is left where it is."""
    path = path_of(root, "count", "run/a")
    far = tmp_path / "far.yaml"
    shutil.copy(root / path, far)
    change(root, "UPDATE file_datastore_records SET path = ? WHERE path = ?", str(far), path)
    with Butler.from_config(str(root)) as butler:
        (ref,) = [ref for ref in butler.query_datasets("count", collections="run/a") if butler.getURI(ref).ospath == str(far)]
        detector = ref.dataId["detector"]
        assert butler.get(ref)
    where = f"instrument='Cam' and detector={detector}"
    outcome = steward("query-datasets", str(root), "count", "--collections", "run/a", "--show-uri", "--where", where)
    assert outcome.status == 0 and f"file://{far}" in outcome.output
    outcome = steward(
        "retrieve-artifacts", str(root), f"{tmp_path}/out/", "-d", "count", "--collections", "run/a", "--where", where)
    assert outcome.status == 0, outcome.errors
    assert found(root) == [("file without record", path)]
    before = state(root)["records"]
    outcome = steward("prune-datasets", str(root), "run/a", "--unstore", "--no-confirm")
    assert outcome.status == 0, outcome.errors
    assert far.exists() and state(root)["records"] == [row for row in before if row[1].startswith("run/b/")]


SPELLINGS = [
    "./{}", "run//{rest}", "run/a/../{rest}", "run%2F{rest}", "{}#frag", "{}#hdu=1", "{}/.", "{}/.#hdu=1",
    "{}/x/..", "{}/x/..#frag", "./{}#hdu=1", "run%2F{rest}#hdu=1",
]


@pytest.mark.parametrize("is_renamed", [False, True])
@pytest.mark.parametrize("spelling", SPELLINGS)
def test_a_path_counts_however_it_is_spelled(root, spelling, is_renamed):  # noqa: F811
    path = path_of(root, "count", "run/a")
    if is_renamed:
        given = path
        path = "run/a/count/as_a_template_of_another_day.yaml"
        (root / given).rename(root / path)
        change(root, "UPDATE file_datastore_records SET path = ? WHERE path = ?", path, given)
    other = spelling.format(path, rest=path.removeprefix("run/"))
    change(root, "UPDATE file_datastore_records SET path = ? WHERE path = ?", other, path)
    with Butler.from_config(str(root)) as butler:
        assert all(butler.get(ref) for ref in butler.query_datasets("count", collections="run/a"))
    assert found(root, "--repair", "--delete-unrecorded") == []
    assert (root / path).exists()
