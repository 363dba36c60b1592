"""`steward butler check` finds and mends what other software can leave in a repository."""

import json
import os
import shutil
import sqlite3

import pytest

pytest.importorskip("lsst.daf.butler")
from command_line import needs_binary, steward  # noqa: E402
from fault_operations import check_whole, fill, ids, rows, state  # noqa: E402
from lsst.daf.butler import Butler  # noqa: E402

pytestmark = needs_binary


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    root = tmp_path_factory.mktemp("check") / "repository"
    fill(root)
    return root


@pytest.fixture
def root(base, tmp_path):
    return shutil.copytree(base, tmp_path / "repository")


def found(root, *options):
    outcome = steward("check", str(root), "--format", "json", *options)
    faults = [json.loads(line) for line in outcome.output.splitlines()]
    assert outcome.status == (1 if any(not fault["repaired"] for fault in faults) else 0), outcome.errors
    return sorted((fault["kind"], fault["subject"]) for fault in faults)


def path_of(root, kind, run, number=0):
    identifier = ids(root, kind, run)[number].replace("-", "")
    ((path,),) = rows(root, "SELECT path FROM file_datastore_records WHERE dataset_id = ?", identifier)
    return path


def change(root, sql, *values):
    with sqlite3.connect(root / "gen3.sqlite3") as connection:
        connection.execute(sql, values)


def test_nothing_is_wrong_with_a_sound_repository(root):
    assert found(root) == []
    assert steward("check", str(root)).output == "Nothing is wrong.\n"
    assert found(root, "--checksums", "--repair") == []


def test_files_and_records_that_do_not_match(root):
    (root / "run" / "a" / "orphan.yaml").write_text("x")
    (root / "notes.txt").write_text("mine")
    lost, short = (path_of(root, "count", run) for run in ("run/a", "run/b"))
    os.remove(root / lost)
    (root / short).write_text("")
    expected = [("file without record", "run/a/orphan.yaml"), ("record without file", lost), ("wrong size", short)]
    assert found(root) == expected
    assert found(root, "--repair") == expected
    assert found(root) == [("wrong size", short)]
    assert (root / "notes.txt").exists() and not (root / "run" / "a" / "orphan.yaml").exists()
    with Butler.from_config(str(root)) as butler:
        refs = butler.query_datasets("count", collections="run/a")
        assert sorted(butler.stored(ref) for ref in refs) == [False, True, True, True]


def test_deletions_that_were_not_finished(root):
    trashed = ids(root, "count", "run/a")[0]
    inert = "0" * 31 + "1"
    path = path_of(root, "count", "run/a")
    hexadecimal = trashed.replace("-", "")
    change(root, "DELETE FROM dataset_location WHERE dataset_id = ?", hexadecimal)
    ((name,),) = rows(root, "SELECT DISTINCT datastore_name FROM dataset_location")
    change(root, "INSERT INTO dataset_location_trash VALUES (?, ?)", hexadecimal, name)
    change(root, "INSERT INTO dataset_location_trash VALUES (?, ?)", inert, name)
    left = ids(root, "count", "run/b")[0]
    change(root, "DELETE FROM dataset_location WHERE dataset_id = ?", left.replace("-", ""))
    kinds = [kind for kind, _ in found(root, "--repair")]
    assert kinds == ["empty trash row", "record without location", "unfinished deletion"]
    assert not (root / path).exists()
    assert found(root) == []
    check_whole(root)


def test_rows_that_searches_rely_on(root):
    change(root, "DELETE FROM collection_summary_dataset_type WHERE collection_id IN "
                 "(SELECT collection_id FROM collection WHERE name = 'run/a')")
    change(root, "DELETE FROM collection_summary_instrument WHERE collection_id IN "
                 "(SELECT collection_id FROM collection WHERE name = 'tag')")
    with Butler.from_config(str(root)) as butler:
        assert butler.query_datasets("count", collections="run/a", explain=False) == []
    assert [kind for kind, _ in found(root)] == ["missing summary"] * 3
    found(root, "--repair")
    assert found(root) == []
    with Butler.from_config(str(root)) as butler:
        assert len(butler.query_datasets("count", collections="run/a")) == 4
    assert state(root)["files"]


def test_records_that_are_nowhere_on_the_sky(tmp_path):
    from test_repositories import fill_with_python

    root = tmp_path / "sky"
    Butler.makeRepo(str(root))
    fill_with_python(root)
    assert found(root) == []
    before = rows(root, "SELECT * FROM visit_skypix_overlap ORDER BY 1, 2, 3, 4, 5")
    change(root, "DELETE FROM visit_skypix_overlap WHERE visit = (SELECT MIN(visit) FROM visit_skypix_overlap)")
    assert [fault[0] for fault in found(root, "--repair")] == ["missing overlap"]
    after = rows(root, "SELECT * FROM visit_skypix_overlap ORDER BY 1, 2, 3, 4, 5")
    assert set(after) >= set(before) and len(after) >= len(before)
    assert found(root) == []
