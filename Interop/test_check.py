"""`steward butler check` finds and mends what other software can leave in a repository."""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

pytest.importorskip("lsst.daf.butler")
from command_line import needs_binary, steward  # noqa: E402
from fault_operations import check_whole, fill, ids, rows, state  # noqa: E402
from lsst.daf.butler import Butler, Config, DatasetRef, DatasetType, FileDataset  # noqa: E402

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
    options += () if "--min-age" in options else ("--min-age", "0")
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
    assert found(root, "--repair", "--delete-unrecorded") == expected
    # One at a time: what has no record could be what a record lacks, and the dataset that has lost its record.
    assert found(root, "--repair", "--delete-unrecorded") == [expected[0], expected[2]]
    assert found(root) == [expected[0], expected[2]]
    assert (root / "notes.txt").exists() and (root / "run" / "a" / "orphan.yaml").exists()
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


@pytest.mark.parametrize("content", ["", "a: [1, 2\n", "x"])
def test_a_file_that_cannot_be_read_gets_no_record(root, content):
    lost = ids(root, "count", "run/a")[0]
    path = root / path_of(root, "count", "run/a")
    before = path.read_text()
    change(root, "DELETE FROM file_datastore_records WHERE dataset_id = ?", lost.replace("-", ""))
    path.write_text(content)
    changed = state(root)
    relative = str(path.relative_to(root))
    for options in ((), ("--repair",), ("--repair", "--trust-files", "--delete-unrecorded")):
        assert ("location without record", lost) in found(root, *options)
        assert state(root) == changed and path.read_text() == content
    assert f"left alone: '{relative}' cannot be recorded: " in steward("check", str(root)).output
    path.write_text(before)
    assert found(root, "--repair") == [("location without record", lost)]
    assert found(root) == []


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
    assert found(root, "--repair", "--delete-unrecorded") == [("file without record", "tools/script.py")]
    assert {path for path in root.rglob("*") if path.is_file()} == before
    with Butler.from_config(str(root)) as butler:
        assert butler.get("count", instrument="Cam", detector=9, collections="run/direct") == {"direct": True}


def chain(root, tables, folders, names=None):
    """A repository with two file datastores, the first for all but 'count', the second for 'count'."""
    config = Config({"datastore": {"cls": "lsst.daf.butler.datastores.chainedDatastore.ChainedDatastore"}})
    config["datastore", "datastores"] = [
        {
            "datastore": {
                "cls": "lsst.daf.butler.datastores.fileDatastore.FileDatastore",
                "root": f"<butlerRoot>/{number}",
                "name": f"Store{number}",
                "records": {"table": table},
                "constraints": {"accept" if number else "reject": ["count"]},
            }
        }
        for number, table in enumerate(tables)
    ]
    fill(root, config)
    # Python gives each a root of its own when it makes a repository.
    made = yaml.safe_load((root / "butler.yaml").read_text())
    for number, (store, folder) in enumerate(zip(made["datastore"]["datastores"], folders, strict=True)):
        part = store.get("datastore", store)
        old = root / part["root"].replace("<butlerRoot>/", "")
        shutil.copytree(old, root / folder, dirs_exist_ok=True)
        shutil.rmtree(old)
        part["root"] = f"<butlerRoot>/{folder}"
        if names:
            part["name"] = names[number]
            change(root, "UPDATE dataset_location SET datastore_name = ? WHERE datastore_name = ?",
                   names[number], f"Store{number}")
    (root / "butler.yaml").write_text(yaml.safe_dump(made))
    with Butler.from_config(str(root)) as butler:
        assert all(butler.get(ref) for ref in butler.query_datasets("count", collections="run/a"))


@pytest.mark.parametrize("tables, folders", [(("t", "t"), ("one", "two")), (("t1", "t2"), ("one", "one"))])
def test_datastores_that_share_a_table_or_a_root(tmp_path, tables, folders):
    root = tmp_path / "repository"
    chain(root, tables, folders)
    before = state(root, *set(tables))
    assert found(root, "--repair") == []
    assert state(root, *set(tables)) == before


def test_datastores_of_one_name_keep_apart(tmp_path):
    root = tmp_path / "repository"
    chain(root, ("t0", "t1"), ("one", "one"), ("Store", "Store"))
    before = state(root, "t0", "t1")
    assert found(root, "--repair") == []
    assert state(root, "t0", "t1") == before
    # All that is imported is recorded.
    target = shutil.copytree(root, tmp_path / "target")
    (tmp_path / "export").mkdir()
    with Butler.from_config(str(root)) as butler, butler.export(
        directory=str(tmp_path / "export"), format="yaml", transfer="copy"
    ) as export:
        refs = butler.query_datasets("count", collections="run/a") + butler.query_datasets("other", collections="run/a")[:1]
        export.saveDatasets(refs)
    with Butler.from_config(str(target), writeable=True) as butler:
        butler.removeRuns(["run/a", "run/b"], unlink_from_chains=True)
    outcome = steward("import", str(target), str(tmp_path / "export"), "-t", "copy")
    assert outcome.status == 0, outcome.errors
    assert len(state(target, "t0")["records"]) == 1 and len(state(target, "t1")["records"]) == 4
    assert len(rows(target, "SELECT * FROM dataset_location")) == 5
    assert found(target) == []


def test_a_datastore_that_is_not_there_loses_nothing(tmp_path):
    root = tmp_path / "repository"
    fill(root, Config({"datastore": {"name": "Store"}}))
    (tmp_path / "disk").mkdir()
    os.rename(root / "run", tmp_path / "disk" / "run")
    text = (root / "butler.yaml").read_text()
    assert "root: <butlerRoot>" in text
    (root / "butler.yaml").write_text(text.replace("root: <butlerRoot>", f"root: {tmp_path}/disk"))
    before = state(root)
    assert found(root, "--repair") == []
    os.rename(tmp_path / "disk", tmp_path / "away")
    for _ in range(2):
        assert [kind for kind, _ in found(root, "--repair")] == ["absent datastore"]
        assert state(root) == before
        # The folder at which the disk is not mounted, with a file of somebody in it.
        (tmp_path / "disk" / "run" / "a").mkdir(parents=True, exist_ok=True)
        (tmp_path / "disk" / "run" / "a" / "other.yaml").write_text("x")
    shutil.rmtree(tmp_path / "disk")
    os.rename(tmp_path / "away", tmp_path / "disk")
    assert found(root, "--repair") == []
    assert state(root) == before


def test_records_are_kept_while_most_files_are_missing(root, tmp_path):
    before = state(root)["records"]
    moved = [row[1] for row in before if "/count" in row[1]][:7]
    os.rename(root / "run" / "a", tmp_path / "a")
    (root / "run" / "a").symlink_to(tmp_path / "gone")
    # Fewer are missing than there: the link that leads to nothing tells.
    lost = found(root, "--repair")
    assert {kind for kind, _ in lost} == {"record without file"} and len(lost) == 7
    assert state(root)["records"] == before
    os.remove(root / "run" / "a")
    os.rename(tmp_path / "a", root / "run" / "a")
    for path in moved:
        (root / path).rename(tmp_path / path.replace("/", "_"))
    assert len(found(root, "--repair")) == 7
    assert state(root)["records"] == before
    for path in moved:
        (tmp_path / path.replace("/", "_")).rename(root / path)
    assert found(root, "--repair") == []


def test_a_location_is_kept_while_a_file_could_be_its_own(root):
    lost = ids(root, "count", "run/a")[0]
    path = root / path_of(root, "count", "run/a")
    change(root, "DELETE FROM file_datastore_records WHERE dataset_id = ?", lost.replace("-", ""))
    other = path.with_suffix(".json")
    path.rename(other)
    expected = [
        ("file without record", str(other.relative_to(root))), ("location without record", lost),
    ]
    assert found(root, "--repair") == expected
    assert found(root, "--repair") == expected
    other.rename(path)
    found(root, "--repair")
    assert found(root) == []
    check_whole(root)


def test_a_file_of_a_registered_dataset_is_never_an_orphan(root):
    with Butler.from_config(str(root), writeable=True) as butler:
        ref = butler.query_datasets("count", collections="run/b")[0]
        path = root / butler.getURI(ref).relative_to(butler._datastore.root)
        content = path.read_text()
        butler.pruneDatasets([ref], unstore=True, disassociate=False)
    path.write_text(content)
    orphan = path.with_name("nobody.yaml")
    orphan.write_text("x")
    relative = str(path.relative_to(root))
    kinds = [("file without record", str(orphan.relative_to(root))), ("file without record", relative)]
    assert sorted(found(root, "--repair", "--delete-unrecorded")) == sorted(kinds)
    # Nor are those that a template of another day could have named for it.
    assert path.exists() and orphan.exists()


def test_young_files_and_what_links_lead_to_stay(root):
    folder = root / "run" / "a"
    (folder / "young.yaml").write_text("x")
    with sqlite3.connect(folder / "notes.db") as connection:
        connection.execute("CREATE TABLE t (a)")
    (folder / "raw.txt").write_text("count: 1\n")
    (root / "link").mkdir()
    (root / "link" / "raw.yaml").symlink_to(folder / "raw.txt")
    (folder / "far").mkdir()
    (folder / "far" / "x.yaml").write_text("x")
    (root / "link" / "far").symlink_to(folder / "far")
    outcome = steward("check", str(root), "--repair", "--no-confirm")
    assert "0 repaired" in outcome.output and outcome.output.count("changed less than 3600 seconds") == 5
    removed = found(root)
    assert ("file without record", "run/a/young.yaml") in removed
    found(root, "--repair", "--delete-unrecorded")
    left = {str(path.relative_to(root)) for path in folder.rglob("*") if path.is_file()}
    assert {"run/a/notes.db", "run/a/raw.txt", "run/a/far/x.yaml"} <= left and "run/a/young.yaml" not in left


def taken_apart(tmp_path):
    """A repository where a dataset of run 'run/m' is in three files, and those."""
    custom = Path(os.environ.get("STEWARD_FIXTURES", "/nonexistent")) / "custom" / "butler.yaml"
    if not custom.exists():
        pytest.skip("no fixture repositories")
    given = yaml.safe_load(custom.read_text())
    formatters = given["datastore"]["datastores"][1].get("formatters", {})
    root = tmp_path / "repository"
    config = {
        "storageClasses": given["storageClasses"],
        "datastore": {
            "composites": {"disassembled": {"FixtureMetrics": True}},
            "formatters": {key: value for key, value in formatters.items() if key.startswith("Fixture")},
        },
    }
    fill(root, Config(config))
    from lsst.daf.butler.tests import MetricsExample

    with Butler.from_config(str(root), writeable=True, run="run/m") as butler:
        butler.registry.registerDatasetType(
            DatasetType("m", ["instrument", "detector"], "FixtureMetrics", universe=butler.dimensions)
        )
        butler.put(MetricsExample({"a": 1}, {"b": 2}, [1, 2]), "m", instrument="Cam", detector=1)
    parts = sorted(path for path in (root / "run" / "m").rglob("*") if path.is_file())
    assert len(parts) == 3
    return root, parts


def test_one_lost_component_leaves_the_others(tmp_path):
    root, parts = taken_apart(tmp_path)
    content = parts[0].read_bytes()
    parts[0].unlink()
    lost = str(parts[0].relative_to(root))
    assert found(root, "--repair") == [("record without file", lost)]
    assert found(root) == []
    assert parts[1].exists() and parts[2].exists()
    assert len(rows(root, "SELECT 1 FROM file_datastore_records WHERE path LIKE 'run/m/%'")) == 2
    # When it comes back, from a copy elsewhere, it is not taken for nobody's.
    parts[0].write_bytes(content)
    assert found(root, "--repair", "--delete-unrecorded") == [("file without record", lost)]
    assert parts[0].exists()


@pytest.mark.parametrize("target", ["/nonexistent/x.yaml", None])
def test_a_link_that_leads_nowhere_is_one_fault_of_many(root, target):
    """Also one that leads to itself."""
    path = root / path_of(root, "count", "run/a")
    lost = root / path_of(root, "count", "run/b")
    lost.unlink()
    path.unlink()
    path.symlink_to(target or path.name)
    expected = [("record without file", str(file.relative_to(root))) for file in (path, lost)]
    assert found(root, "--checksums") == expected
    assert found(root, "--repair", "--trust-files", "--delete-unrecorded") == expected
    # A disk may not be mounted.
    assert found(root) == expected[:1] and path.is_symlink()


def test_repairs_are_asked_for(root):
    (root / "run" / "a" / "orphan.yaml").write_text("x")
    command = ("check", str(root), "--repair", "--min-age", "0", "--delete-unrecorded")
    outcome = steward(*command, input="n\n")
    assert outcome.status == 1 and "file without record: run/a/orphan.yaml" in outcome.output
    assert "delete the files of 1 of these, 1 bytes" in outcome.output
    assert (root / "run" / "a" / "orphan.yaml").exists()
    assert steward(*command, "--format", "json").status != 0
    assert (root / "run" / "a" / "orphan.yaml").exists()
    assert steward(*command, input="y\n").status == 0
    assert not (root / "run" / "a" / "orphan.yaml").exists()


def test_damaged_archives_are_found(root, tmp_path):
    archive = tmp_path / "archive"
    archive.mkdir()
    assert steward(
        "retrieve-artifacts", str(root), str(archive), "--zip", "--collections", "run/a", "--dataset-type", "count",
    ).status == 0
    (packed,) = archive.glob("*.zip")
    other = shutil.copytree(root, tmp_path / "other")
    with Butler.from_config(str(other), writeable=True) as butler:
        butler.removeRuns(["run/a"], unlink_from_chains=True)
    assert steward("ingest-zip", str(other), str(packed), "-t", "copy").status == 0
    (stored,) = (other / "zips").rglob("*.zip")
    sound = stored.read_bytes()
    assert found(other, "--checksums") == []
    stored.write_bytes(sound[: len(sound) // 2])
    assert [kind for kind, _ in found(other)] == ["damaged archive"] * 4
    stored.write_bytes(b"x" * len(sound))
    assert [kind for kind, _ in found(other, "--repair")] == ["damaged archive"] * 4
    first = sound.index(b"detector")
    stored.write_bytes(sound[:first] + b"D" + sound[first + 1 :])
    assert found(other) == []
    assert [kind for kind, _ in found(other, "--checksums")] == ["damaged archive"]
    stored.write_bytes(sound)
    assert found(other, "--checksums") == []


REWRITER = """
import sys, time
from lsst.daf.butler import Butler
butler = Butler.from_config(sys.argv[1], writeable=True)
refs = [butler.get_dataset(ref.id, dimension_records=True) for ref in butler.query_datasets("count", collections="run/a")]
count = 0
end = time.time() + float(sys.argv[2])
while time.time() < end:
    for ref in refs:
        butler.pruneDatasets([ref], purge=False, unstore=True, disassociate=False)
        butler.put({"count": count}, ref)
        count += 1
        time.sleep(0.02)
        assert butler.get(ref) == {"count": count - 1}
print(count)
"""


def test_a_writer_at_work_loses_nothing(root):
    seconds = 30 if os.environ.get("STEWARD_FAULTS") == "all" else 5
    python = subprocess.Popen(
        [sys.executable, "-c", REWRITER, str(root), str(seconds)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )
    rounds = 0
    while python.poll() is None:
        steward("check", str(root), "--repair", "--no-confirm", "--min-age", "0")
        rounds += 1
    output, errors = python.communicate()
    assert python.returncode == 0, errors
    assert rounds > 0 and int(output) > 0
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
