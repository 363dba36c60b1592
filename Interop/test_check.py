"""`steward butler check` finds and mends what other software can leave in a repository."""

import json
import os
import shutil
import sqlite3

import pytest

pytest.importorskip("lsst.daf.butler")
from command_line import needs_binary, steward  # noqa: E402
from fault_operations import check_whole, fill, ids, rows, state  # noqa: E402
from lsst.daf.butler import Butler, Config, DatasetRef, FileDataset  # noqa: E402

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
    options += ("--no-confirm",) if "--repair" in options else ()
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
    # What can still be read is kept.
    with Butler.from_config(str(root)) as butler:
        assert all(butler.get(ref) for ref in butler.query_datasets("count", collections="run/b"))
        assert len(butler.query_datasets("count", collections="run/b")) == 4


def test_a_location_without_record_gets_its_record_back(root):
    lost = ids(root, "count", "run/a")[0].replace("-", "")
    before = state(root)
    change(root, "DELETE FROM file_datastore_records WHERE dataset_id = ?", lost)
    assert [kind for kind, _ in found(root, "--repair")] == ["location without record"]
    assert found(root) == []
    assert state(root) == before


def test_files_that_belong_to_others_are_left_alone(base, tmp_path):
    root = shutil.copytree(base, tmp_path / "repository")
    direct = root / "inside" / "sub" / "direct.yaml"
    direct.parent.mkdir(parents=True)
    direct.write_text("direct: true\n")
    with Butler.from_config(str(root), writeable=True, run="run/direct") as butler:
        kind = butler.get_dataset_type("count")
        data_id = butler.registry.expandDataId(instrument="Cam", detector=9, dimensions=kind.dimensions)
        butler.ingest(FileDataset(path=str(direct), refs=[DatasetRef(kind, data_id, run="run/direct")]), transfer="direct")
    shutil.copytree(base, root / "nested" / "repo")
    (root / "tools").mkdir()
    (root / "tools" / "script.py").write_text("mine")
    (root / "db").mkdir()
    os.rename(root / "gen3.sqlite3", root / "db" / "gen3.sqlite3")
    text = (root / "butler.yaml").read_text()
    (root / "butler.yaml").write_text(text.replace("<butlerRoot>/gen3.sqlite3", "<butlerRoot>/db/gen3.sqlite3"))
    before = {path for path in root.rglob("*") if path.is_file()}
    assert found(root, "--repair") == [("file without record", "tools/script.py")]
    assert {path for path in root.rglob("*") if path.is_file()} == before
    with Butler.from_config(str(root)) as butler:
        assert butler.get("count", instrument="Cam", detector=9, collections="run/direct") == {"direct": True}


def test_datastores_that_share_a_table_or_a_root(tmp_path):
    for name, tables, roots in (("table", ("t", "t"), ("one", "two")), ("root", ("t1", "t2"), ("one", "one"))):
        root = tmp_path / name
        config = Config({"datastore": {"cls": "lsst.daf.butler.datastores.chainedDatastore.ChainedDatastore"}})
        config["datastore", "datastores"] = [
            {
                "datastore": {
                    "cls": "lsst.daf.butler.datastores.fileDatastore.FileDatastore",
                    "root": f"<butlerRoot>/{folder}",
                    "name": f"Store{number}",
                    "records": {"table": table},
                    "constraints": {"accept" if number else "reject": ["count"]},
                }
            }
            for number, (table, folder) in enumerate(zip(tables, roots, strict=True))
        ]
        fill(root, config)
        before = state(root, *set(tables))
        assert found(root, "--repair") == []
        assert state(root, *set(tables)) == before


def test_a_datastore_that_is_not_there_loses_nothing(root, tmp_path):
    elsewhere = tmp_path / "disk"
    elsewhere.mkdir()
    for name in ("run", "fixture"):
        if (root / name).exists():
            os.rename(root / name, elsewhere / name)
            (root / name).symlink_to(elsewhere / name)
    before = state(root)["records"]
    os.rename(elsewhere, tmp_path / "away")
    faults = found(root, "--repair")
    assert {kind for kind, _ in faults} == {"record without file"}
    assert state(root)["records"] == before
    os.rename(tmp_path / "away", elsewhere)
    assert found(root, "--repair") == []


def test_repairs_are_asked_for(root):
    (root / "run" / "a" / "orphan.yaml").write_text("x")
    outcome = steward("check", str(root), "--repair", input="n\n")
    assert outcome.status == 1 and "file without record: run/a/orphan.yaml" in outcome.output
    assert (root / "run" / "a" / "orphan.yaml").exists()
    assert steward("check", str(root), "--repair", input="y\n").status == 0
    assert not (root / "run" / "a" / "orphan.yaml").exists()


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


def test_files_that_wait_in_the_trash(root):
    files = state(root)["files"]
    done = steward("prune-datasets", str(root), "--purge", "run/b", "--no-confirm", "--keep-files", "--format", "json")
    assert done.status == 0, done.errors
    assert json.loads(done.output) == {"datasets": 4, "files": 0, "shared": 0, "failures": [], "dry_run": False}
    assert {**state(root)["files"], **files} == state(root)["files"]
    assert found(root, "--repair") == []
    with Butler.from_config(str(root)) as butler:
        assert butler.query_datasets("count", collections="run/b", explain=False) == []

    def emptied(*options):
        outcome = steward("empty-trash", str(root), "--format", "json", "--no-confirm", *options)
        assert outcome.status == 0, outcome.errors
        return json.loads(outcome.output)["files"]

    assert emptied("--older-than", "1d") == 0
    assert json.loads(steward("empty-trash", str(root), "--dry-run", "--format", "json").output)["datasets"] == 4
    assert emptied("--older-than", "0s") == 4
    assert not (root / ".steward").exists()
    assert found(root) == []
    check_whole(root)
