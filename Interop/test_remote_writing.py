"""Datastores with roots on S3 and WebDAV services are written to; Python reads and writes in the same ones."""

import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import threading

import pytest

pytest.importorskip("lsst.daf.butler")
from fault_operations import DETECTORS, FAULTS, anonymous, fill, identifier, ids, rows, run_probe, state  # noqa: E402
from lsst.daf.butler import Butler, Config, DatasetRef, FileDataset  # noqa: E402
from remote_stores import digests, service  # noqa: E402
from test_repositories import PROBE, STEWARD, Steward, pytestmark  # noqa: E402, F401

EVERY_POINT = os.environ.get("STEWARD_FAULTS") == "all"


@pytest.fixture(params=["moto", "rclone", "webdav"])
def remote(request, tmp_path, monkeypatch):
    made = service(request.param, tmp_path / "service", monkeypatch)
    yield made
    made.stop()


def make(remote, root):
    config = Config()
    config["datastore", "root"] = remote.root
    fill(root, config, resets_roots=False)
    return root


def command(*arguments):
    done = subprocess.run([str(STEWARD), "butler", *map(str, arguments)], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


def contents(root, *collections):
    """What Python reads: the values of all datasets by type, run and detector."""
    with Butler.from_config(str(root)) as butler:
        refs = butler.query_all_datasets(collections=list(collections or "*"), find_first=False, limit=None)
        return {(ref.datasetType.name, ref.run, ref.dataId["detector"]): butler.get(ref) for ref in refs
                if butler.stored(ref)}


def check_whole(root, remote):
    """Every dataset has its object, every object its dataset, and nothing is under way."""
    found = state(root)
    objects = remote.objects()
    assert {row[0] for row in found["records"]} == {row[0] for row in found["locations"]}
    assert found["trash"] == []
    inside = {row[1].split("#")[0]: row[2] for row in found["records"] if "://" not in row[1].split("#")[0]}
    assert set(inside) == {path for path in objects if not path.startswith(".steward/")}
    for path, size in inside.items():
        if not path.endswith(".zip"):
            assert len(objects[path]) == size
    contents(root)


def test_put_and_get_on_both_sides(remote, tmp_path):
    root = make(remote, tmp_path / "repository")
    with Steward(root, writeable=True) as steward:
        refs = steward.do("put_many", run="run/a", datasets=[
            {"type": "count", "data_id": {"instrument": "Cam", "detector": d}, "value": {"new": d}} for d in (6, 7, 8)])
        assert steward.do("get", id=refs[0])["value"] == {"new": 6}
        # Python's datasets, too.
        assert steward.do("get", id=ids(root, "count", "run/b")[0])["value"]["run"] == "run/b"
        # A dataset that is there already, and a name that somebody else has taken.
        again = steward.ask("put", run="run/a", type="count", data_id={"instrument": "Cam", "detector": 6}, value={})
        assert again["error"] == "conflicting_definition" or "already" in again["message"], again
    assert contents(root)["count", "run/a", 7] == {"new": 7}
    with Butler.from_config(str(root), writeable=True, run="run/a") as butler:
        butler.put({"python": True}, "count", instrument="Cam", detector=9)
        refs = butler.query_datasets("count", collections="run/b")
        butler.pruneDatasets(refs, disassociate=True, unstore=True, purge=True)
    check_whole(root, remote)
    assert [path for path in remote.objects() if path.startswith(".steward")] == []


def test_a_name_that_is_taken_is_refused(remote, tmp_path):
    root = make(remote, tmp_path / "repository")
    before = remote.objects()
    path = next(path for path in before if "run/a/count" in path)
    foreign = path.replace("run/a", "run/z").replace("run_a", "run_z")
    remote.put(("some folder/" if "://bucket" in remote.root else "some/") + foreign, b"somebody's")
    with Steward(root, writeable=True) as steward:
        answers = [steward.ask("ingest", transfer="copy", files=[_file(tmp_path, d, "run/z")]) for d in (0, 1, 2, 3)]
    refused = [answer for answer in answers if isinstance(answer, dict)]
    assert len(refused) == 1 and foreign in refused[0]["message"], answers
    assert remote.objects()[foreign] == b"somebody's"


def _file(folder, detector, run, kind="count"):
    path = folder / f"file{detector}.yaml"
    path.write_text(f"detector: {detector}\n")
    return {"path": str(path), "datasets": [{
        "id": identifier(f"{kind}{detector}{run}"), "type": kind,
        "data_id": {"instrument": "Cam", "detector": detector}, "run": run}]}


def test_files_are_ingested_from_anywhere(remote, tmp_path):
    root = make(remote, tmp_path / "repository")
    far = remote.put("elsewhere/a b.yaml", b"far: 1\n")
    local = _file(tmp_path, 5, "run/a")
    moved = _file(tmp_path, 6, "run/a")

    def entry(path, detector):
        return _file(tmp_path, detector, "run/new") | {"path": path}

    with Steward(root, writeable=True) as steward:
        steward.do("ingest", transfer="copy", files=[local])
        steward.do("ingest", transfer="move", files=[moved])
        assert not pathlib.Path(moved["path"]).exists() and pathlib.Path(local["path"]).exists()
        steward.do("ingest", transfer="direct", files=[entry(far, 7)])
        steward.do("ingest", transfer="copy", files=[entry(far, 8)])
        steward.do("ingest", transfer="auto", files=[entry(str(local["path"]), 9)])
        taken = remote.put("elsewhere/c.yaml", b"taken: 1\n")
        steward.do("ingest", transfer="move", files=[entry(taken, 10)])
        inside = remote.put(("some folder/" if "://bucket" in remote.root else "some/") + "in/place.yaml", b"inside: 1\n")
        steward.do("ingest", transfer="none", files=[entry(inside, 11)])
        link = steward.ask("ingest", transfer="symlink", files=[entry(local["path"], 4)])
        assert "ask for the transfer copy or move" in link["message"]
        missing = steward.ask("ingest", transfer="direct", files=[entry(far.replace(".yaml", "x.yaml"), 4)])
        assert "no file" in missing["message"], missing
        gone = steward.ask("ingest", transfer="move", files=[entry(taken, 4)])
        assert "no file" in gone["message"], gone
    found = contents(root)
    assert found["count", "run/new", 7] == found["count", "run/new", 8] == {"far": 1}
    assert found["count", "run/new", 10] == {"taken": 1} and found["count", "run/new", 11] == {"inside": 1}
    assert found["count", "run/a", 5] == {"detector": 5}
    paths = {row[1] for row in state(root)["records"]}
    assert far in paths and "in/place.yaml" in paths
    # What was left where it was stays when the dataset goes.
    with Steward(root, writeable=True) as steward:
        direct = identifier("count7run/new")
        steward.do("prune", ids=[direct, identifier("count10run/new")], unstore=True, purge=True, disassociate=True)
    check_whole(root, remote)
    with Steward(root, writeable=True) as steward:
        steward.do("ingest", transfer="direct", files=[entry(far, 7)])
    assert contents(root)["count", "run/new", 7] == {"far": 1}


def test_datasets_are_removed_and_the_trash_is_emptied(remote, tmp_path):
    root = make(remote, tmp_path / "repository")
    with Steward(root, writeable=True) as steward:
        done = steward.do("prune", ids=ids(root, "count", "run/a")[:2], unstore=True, disassociate=True, tags=["tag"])
        assert done["files"] == 2 and done["failures"] == []
        # Three datasets share a file: it goes with the last.
        shared = ids(root, "other", "run/a")
        steward.do("prune", ids=shared[:2], unstore=True, purge=True, disassociate=True)
        assert set(digests(remote.objects())) == {row[1] for row in state(root)["records"]}
        steward.do("prune", ids=ids(root, "count", "run/b"), unstore=True, keeps_files=True)
        assert len(state(root)["trash"]) == 4
        assert steward.do("empty_trash")["datasets"] == 4
    check_whole(root, remote)
    # What Python has put into the trash.
    with Butler.from_config(str(root), writeable=True) as butler:
        butler._datastore.trash(butler.query_datasets("count", collections="run/a")[0])
    command("empty-trash", root, "--no-confirm")
    check_whole(root, remote)
    command("remove-runs", root, "run/*", "--no-confirm", "--force")
    assert digests(remote.objects()) == {}


def test_repositories_exchange_datasets(remote, tmp_path):
    far = make(remote, tmp_path / "far")
    near = tmp_path / "near"
    Butler.makeRepo(str(near))
    expected = contents(far)
    command("transfer-datasets", far, near, "--register-dataset-types", "--transfer-dimensions", "--collections", "*")
    assert contents(near) == expected
    # And back, into an emptied one.
    with Steward(far, writeable=True) as steward:
        steward.do("remove_runs", names=["run/a", "run/b"], unlink=True)
    assert digests(remote.objects()) == {}
    command("transfer-datasets", near, far, "--transfer", "copy", "--collections", "*")
    assert contents(far) == expected
    check_whole(far, remote)


def test_exports_and_archives_come_in(remote, tmp_path):
    far = make(remote, tmp_path / "far")
    expected = contents(far)
    with Steward(far) as steward:
        everything = [str(ref) for (ref,) in rows(far, "SELECT id FROM dataset")]
        steward.do("export", directory=str(tmp_path / "export"), transfer="copy", ids=everything, collections=[])
    command("retrieve-artifacts", far, f"{tmp_path}/zips/", "--zip", "--collections", "run/b", "--dataset-type", "count")
    archive = next((tmp_path / "zips").glob("*.zip"))
    with Steward(far, writeable=True) as steward:
        steward.do("remove_runs", names=["run/a", "run/b"], unlink=True)
    command("ingest-zip", far, archive)
    check_whole(far, remote)
    assert {key: value for key, value in expected.items() if key[:2] == ("count", "run/b")} == contents(far)
    with Steward(far, writeable=True) as steward:
        one = ids(far, "count", "run/b")[0]
        assert steward.do("get", id=one)["value"]["run"] == "run/b"
        steward.do("remove_runs", names=["run/b"], unlink=True)
    assert digests(remote.objects()) == {}
    # The archive where it is, on the service.
    uri = remote.put(f"archives/{archive.name}", archive.read_bytes())
    command("ingest-zip", far, uri, "--transfer", "direct")
    assert len(contents(far)) == 4
    with Steward(far, writeable=True) as steward:
        steward.do("remove_runs", names=["run/b"], unlink=True)
    command("import", far, tmp_path / "export", "--transfer", "copy")
    assert contents(far) == expected
    check_whole(far, remote)


def test_a_chain_of_places(remote, tmp_path):
    """Memory, a local disk and a service in one chain; all that accept a dataset get it."""
    config = Config()
    config["datastore", "cls"] = "lsst.daf.butler.datastores.chainedDatastore.ChainedDatastore"
    file = "lsst.daf.butler.datastores.fileDatastore.FileDatastore"
    config["datastore", "datastores"] = [
        {"datastore": {"cls": "lsst.daf.butler.datastores.inMemoryDatastore.InMemoryDatastore"}},
        {"datastore": {"cls": file, "root": "<butlerRoot>/local", "records": {"table": "local_records"}}},
        {"datastore": {"cls": file, "root": remote.root, "records": {"table": "remote_records"},
                       "constraints": {"reject": ["other"]}}},
    ]
    root = tmp_path / "repository"
    fill(root, config, resets_roots=False)
    with Steward(root, writeable=True) as steward:
        one, two = steward.do("put_many", run="run/a", datasets=[
            {"type": kind, "data_id": {"instrument": "Cam", "detector": 8}, "value": {"kind": kind}}
            for kind in ("count", "other")])
        assert steward.do("get", id=one)["value"] == {"kind": "count"}
        steward.do("ingest", transfer="copy", files=[_file(tmp_path, 9, "run/a")])
    found = {table: {row[0]: row[1] for row in rows(root, f"SELECT dataset_id, path FROM {table}")}
             for table in ("local_records", "remote_records")}
    compact = {table: {key.replace("-", ""): path for key, path in entries.items()} for table, entries in found.items()}
    assert one.replace("-", "") in compact["local_records"] and one.replace("-", "") in compact["remote_records"]
    assert two.replace("-", "") in compact["local_records"] and two.replace("-", "") not in compact["remote_records"]
    assert set(digests(remote.objects())) == {path for path in compact["remote_records"].values()}
    # The local copy gone, the other is read.
    shutil.rmtree(root / "local")
    with Steward(root) as steward:
        assert steward.do("get", id=one)["value"] == {"kind": "count"}
    assert contents(root)["count", "run/a", 9] == {"detector": 9}


def test_a_repository_whose_configuration_is_in_a_bucket(tmp_path, monkeypatch):
    remote = service("moto", tmp_path / "service", monkeypatch)
    try:
        here = make(remote, tmp_path / "here")
        config = Config(str(here / "butler.yaml"))
        config["registry", "db"] = f"sqlite:///{here}/gen3.sqlite3"
        there = remote.put("some folder/butler.yaml", config.dump().encode())
        place = there.rsplit("/", 1)[0].replace(" ", "%20")
        command("transfer-datasets", here, place, "--collections", "run/a", "--transfer", "copy")
        assert "run/a" in command("query-collections", place)
        with Steward(place, writeable=True) as steward:
            one = steward.do("put", run="run/a", type="count", value={"there": 1},
                             data_id={"instrument": "Cam", "detector": 9})
        assert contents(here)["count", "run/a", 9] == {"there": 1} and one
        missing = subprocess.run([str(STEWARD), "butler", "query-collections", "s3://bucket/none"], capture_output=True,
                                 text=True)
        assert missing.returncode == 1 and "s3://bucket/none/butler.yaml" in missing.stderr
    finally:
        remote.stop()


READER = """
import sys
from lsst.daf.butler import Butler
with Butler.from_config(sys.argv[1]) as butler:
    refs = butler.query_datasets("count", collections="run/b")
    for _ in range(4):
        for ref in refs:
            assert butler.get(ref) == {"run": "run/b", "detector": ref.dataId["detector"]}
"""


def test_processes_share_the_cache_of_files(tmp_path, monkeypatch):
    """Steward's and Python's, with room for fewer files than they read, so that they take them away from each other."""
    remote = service("moto", tmp_path / "service", monkeypatch)
    try:
        config = Config()
        config["datastore", "root"] = remote.root
        config["datastore", "cached"] = {"root": str(tmp_path / "cache"), "default": True,
                                         "expiry": {"mode": "files", "threshold": 2}}
        root = tmp_path / "repository"
        fill(root, config, resets_roots=False)
        readers = [subprocess.Popen([sys.executable, "-c", READER, str(root)]) for _ in range(2)]
        wanted = ids(root, "count", "run/b")
        stewards = [Steward(root) for _ in range(4)]
        for _ in range(10):
            for steward in stewards:
                for one in wanted:
                    steward.process.stdin.write(json.dumps({"op": "get", "id": one}) + "\n")
                steward.process.stdin.flush()
            for steward in stewards:
                found = [json.loads(steward.process.stdout.readline()) for _ in wanted]
                assert sorted(one["value"]["detector"] for one in found) == [0, 1, 2, 3]
        for steward in stewards:
            steward.__exit__()
        assert [reader.wait(60) for reader in readers] == [0, 0]
        names = [path.name for path in (tmp_path / "cache").iterdir() if path.is_file()]
        assert names and all(name.endswith(".yaml") for name in names)
    finally:
        remote.stop()


def test_two_writers_at_once(remote, tmp_path):
    root = make(remote, tmp_path / "repository")
    failures = []

    def python():
        try:
            with Butler.from_config(str(root), writeable=True, run="run/p") as butler:
                for detector in DETECTORS:
                    butler.put({"p": detector}, "count", instrument="Cam", detector=detector)
                    if detector % 3 == 2:
                        refs = butler.query_datasets("count", collections="run/p", where=f"instrument = 'Cam' and detector = {detector}")
                        butler.pruneDatasets(refs, disassociate=True, unstore=True, purge=True)
        except Exception as error:  # noqa: BLE001
            failures.append(error)

    thread = threading.Thread(target=python)
    thread.start()
    with Steward(root, writeable=True) as steward:
        for detector in (d for d in DETECTORS if d > 3):
            steward.do("put", run="run/b", type="count", value={"s": detector},
                       data_id={"instrument": "Cam", "detector": detector})
            if detector % 3 == 2:
                steward.do("prune", ids=[ids(root, "count", "run/b")[-1]], unstore=True, purge=True, disassociate=True)
    thread.join()
    assert failures == []
    check_whole(root, remote)


# MARK: Faults

REMOTE_FAULTS = {
    "moto": ["put", "ingest-copy", "ingest-move", "ingest-direct", "purge", "remove-runs", "transfer-copy"],
    "webdav": ["put", "ingest-move", "purge"],
}


def remote_state(root, remote):
    return anonymous(state(root) | {"files": digests(remote.objects())})


@pytest.mark.parametrize(
    "kind, name", [(kind, name) for kind, names in REMOTE_FAULTS.items() for name in names])
def test_an_operation_that_is_killed_is_done_or_undone(kind, name, tmp_path, monkeypatch):
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setenv("LSST_RESOURCES_TMPDIR", str(scratch))
    remote = service(kind, tmp_path / "service", monkeypatch)
    try:
        run_fault(remote, next(fault for fault in FAULTS if fault.name == name), tmp_path)
        # Nothing is left of what was staged on this machine.
        assert [path for path in scratch.rglob("*") if path.is_file()] == []
    finally:
        remote.stop()


def run_fault(remote, fault, tmp_path):
    work, template = tmp_path / "work", tmp_path / "template"
    work.mkdir()
    root = make(remote, work / "repository")
    if fault.name.startswith("transfer"):
        # The other repository is a local one.
        (work / "files").mkdir()
        other = work / "files" / "other"
        fill(other)
        with Butler.from_config(str(other), writeable=True, run="run/c") as butler:
            for detector in (4, 5, 10):
                butler.put({"c": detector}, "count", instrument="Cam", detector=detector)
    else:
        fault.prepare(root, work / "files")
    shutil.copytree(work, template)
    objects = remote.objects()
    commands = fault.commands(root, work / "files")
    before = remote_state(root, remote)
    assert run_probe(root, commands) == 0
    check_whole(root, remote)
    after = remote_state(root, remote)
    assert after != before
    outcomes = []
    point, step = 1, 1 if EVERY_POINT else 5
    while True:
        shutil.rmtree(work)
        shutil.copytree(template, work)
        remote.restore(objects)
        status = run_probe(root, commands, kill_at=point)
        assert status in (0, -signal.SIGKILL)
        if status == 0:
            # The last point, which the steps may have passed over.
            if step == 1 or outcomes[-1:] == [True]:
                break
            point, step = point - step + 1, 1
            continue
        # Whoever writes next looks after what was left.
        assert run_probe(root, [{"op": "empty_trash"}]) == 0
        assert [path for path in remote.objects() if path.startswith(".steward/")] == [], point
        check_whole(root, remote)
        found = remote_state(root, remote)
        assert found in (before, after), point
        for source in fault.sources(work / "files"):
            assert source.exists() == (found == before), (point, source)
        outcomes.append(found == after)
        point += step
    assert {False, True} == set(outcomes) and outcomes == sorted(outcomes)
    if path := os.environ.get("STEWARD_FAULT_COUNTS"):
        with open(path, "a") as log:
            log.write(json.dumps({"operation": fault.name, "root": remote.root[:3], "killed": len(outcomes),
                                  "done": sum(outcomes)}) + "\n")
