"""`steward butler check` looks at files on other machines, and mends what can be mended there."""

import hashlib
import json

import pytest

pytest.importorskip("lsst.daf.butler")
from command_line import needs_binary, steward  # noqa: E402
from fault_operations import fill, ids, rows, state  # noqa: E402
from lsst.daf.butler import Butler, Config, DatasetRef, FileDataset  # noqa: E402
from remote_stores import service  # noqa: E402
from test_check import change, found, path_of  # noqa: E402

pytestmark = needs_binary


@pytest.fixture
def remote(request, tmp_path, monkeypatch):
    made = service(getattr(request, "param", "moto"), tmp_path / "service", monkeypatch)
    yield made
    made.stop()


@pytest.fixture
def root(remote, tmp_path):
    config = Config()
    config["datastore", "root"] = remote.root
    fill(tmp_path / "repository", config, resets_roots=False)
    return tmp_path / "repository"


def put(remote, path, content):
    remote.put(("some folder/" if "://bucket" in remote.root else "some/") + path, content)


@pytest.mark.parametrize("remote", ["moto", "webdav"], indirect=True)
def test_what_is_wrong_with_distant_files_is_found_and_mended(remote, root):
    sound, before = remote.objects(), state(root)
    assert found(root) == [] and found(root, "--checksums", "--repair") == []
    assert remote.objects() == sound and state(root) == before
    lost, short, changed = (path_of(root, "count", "run/a", number) for number in range(3))
    broken = {path: content for path, content in sound.items() if path != lost}
    broken[short] = b"x"
    broken[changed] = sound[changed].replace(b"r", b"R")
    broken["run/a/orphan.yaml"] = b"x"
    broken["notes.txt"] = b"mine"
    broken["nested/repo/butler.yaml"] = broken["nested/repo/run/a/other.yaml"] = b"theirs"
    remote.restore(broken)
    # Checksums are those that are recorded.
    for path in (changed, short):
        digest = hashlib.blake2b(sound[path]).hexdigest()
        change(root, "UPDATE file_datastore_records SET checksum = ? WHERE path = ?", digest, path)
    faults = [("file without record", "run/a/orphan.yaml"), ("record without file", lost), ("wrong size", short)]
    assert found(root) == faults
    assert found(root, "--checksums") == sorted([*faults, ("wrong checksum", changed)])
    # Young files are left alone, whatever else is mended.
    assert found(root, "--repair", "--min-age", "60") == faults
    assert "run/a/orphan.yaml" in remote.objects()
    assert found(root, "--repair", "--delete-unrecorded") == [faults[0], faults[2]]
    assert remote.objects() == broken
    assert found(root, "--checksums") == sorted([faults[0], ("wrong checksum", changed), ("wrong size", short)])
    with Butler.from_config(str(root)) as butler:
        refs = butler.query_datasets("count", collections="run/a")
        assert sorted(butler.stored(ref) for ref in refs) == [False, True, True, True]
    # Where nothing else is wrong, and no dataset lacks a file, those without records go if that is asked for.
    remote.restore({**sound, "run/b/orphan.yaml": b"x"})
    assert found(root, "--repair") == sorted([("file without record", lost), ("file without record", "run/b/orphan.yaml")])
    assert found(root, "--repair", "--delete-unrecorded", "--min-age", "60") and "run/b/orphan.yaml" in remote.objects()
    found(root, "--repair", "--delete-unrecorded")
    assert remote.objects() == sound


def test_rows_about_distant_files_are_mended(remote, root, tmp_path):
    before = state(root)
    forgotten, gone, trashed = (ids(root, "count", "run/a")[number].replace("-", "") for number in range(3))
    path, other = path_of(root, "count", "run/a", 0), path_of(root, "count", "run/a", 2)
    change(root, "DELETE FROM file_datastore_records WHERE dataset_id = ?", forgotten)
    change(root, "DELETE FROM dataset_location WHERE dataset_id = ?", gone)
    change(root, "DELETE FROM dataset_location WHERE dataset_id = ?", trashed)
    ((name,),) = rows(root, "SELECT DISTINCT datastore_name FROM dataset_location")
    change(root, "INSERT INTO dataset_location_trash VALUES (?, ?)", trashed, name)
    kinds = [kind for kind, _ in found(root, "--repair")]
    # The file whose record is looked for is no file without a dataset.
    assert kinds == ["location without record", "record without location", "unfinished deletion"]
    assert found(root) == []
    assert other not in remote.objects() and path in remote.objects()
    after = state(root)
    assert after["records"] == [row for row in before["records"] if row[1] != other]
    # Files that were left where they are, on the same service and below the root.
    far = remote.put("elsewhere/far.yaml", b"far: 1\n")
    put(remote, "run/a/near.yaml", b"near: 1\n")
    near = remote.root.replace(" ", "%20") + "run/a/near.yaml"
    with Butler.from_config(str(root), writeable=True, run="run/direct") as butler:
        kind = butler.get_dataset_type("count")
        for detector, uri in ((8, far), (9, near)):
            data_id = butler.registry.expandDataId(instrument="Cam", detector=detector, dimensions=kind.dimensions)
            butler.ingest(FileDataset(path=uri, refs=[DatasetRef(kind, data_id, run="run/direct")]), transfer="direct")
    assert found(root, "--checksums", "--repair") == []
    assert remote.objects()["run/a/near.yaml"] == b"near: 1\n"


def test_a_service_that_is_away_loses_nothing(remote, root):
    before = state(root)
    objects = remote.objects()
    # Somebody has emptied it, or it is another one.
    remote.restore({"run/a/count/other.yaml": b"x"})
    assert [kind for kind, _ in found(root, "--repair")] == ["absent datastore"]
    remote.restore(objects)
    assert found(root) == []
    remote.stop()
    outcome = steward("check", str(root), "--format", "json")
    assert outcome.status == 1, outcome.errors
    faults = [json.loads(line) for line in outcome.output.splitlines()]
    assert [fault["kind"] for fault in faults] == ["absent datastore"] and "cannot be looked at" in faults[0]["detail"]
    assert state(root) == before


def test_what_writers_have_announced_is_theirs(remote, root):
    put(remote, "run/a/count/coming.yaml", b"x")
    session = "0" * 8 + "-0000-0000-0000-" + "0" * 12
    put(remote, f".steward/{session}.session", b'{"host": "elsewhere", "process": 1, "started": 0, "lock": "/x"}\n')
    put(remote, f".steward/{session}-1.intent",
        b'{"version": 1, "kind": "upload"}\n{"path": "run/a/count/coming.yaml", "size": 1, "md5": "0"}\n')
    assert found(root, "--repair", "--delete-unrecorded") == []
    assert "run/a/count/coming.yaml" in remote.objects()
