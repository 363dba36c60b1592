"""What other clients and registries leave does not cost a dataset its file: rows of the trash that are of the past, archives
that are a dataset, roots that two registries share, names that are no text."""

import os
import shutil
import signal

import pytest
import yaml

pytest.importorskip("lsst.daf.butler")
from command_line import needs_binary, steward  # noqa: E402
from fault_operations import ids, rows, run_probe  # noqa: E402
from lsst.daf.butler import Butler, DatasetRef, FileDataset  # noqa: E402
from test_check import base, change, found, path_of, root  # noqa: E402, F401

pytestmark = needs_binary


def put_into_trash(root, identifier):
    change(root, "INSERT INTO dataset_location_trash (dataset_id, datastore_name) SELECT dataset_id, datastore_name "
                 "FROM dataset_location WHERE dataset_id = ?", identifier.replace("-", ""))


def test_a_row_of_the_trash_takes_no_dataset_that_is_stored(root):  # noqa: F811
    # As after a Python client that died before it had taken the row away, and a later put.
    identifier, path = ids(root, "count", "run/a")[0], path_of(root, "count", "run/a")
    put_into_trash(root, identifier)
    assert found(root) == [("empty trash row", identifier)]
    assert steward("empty-trash", str(root), "--no-confirm").status == 0
    assert (root / path).exists()
    assert found(root, "--repair") == [("empty trash row", identifier)]
    assert rows(root, "SELECT * FROM dataset_location_trash") == [] and found(root) == []


def test_what_is_stored_again_leaves_the_trash(root, tmp_path):  # noqa: F811
    target = tmp_path / "target"
    shutil.copytree(root, target)
    identifier, path = ids(target, "count", "run/a")[0], path_of(target, "count", "run/a")
    put_into_trash(target, identifier)
    for table in ("dataset_location", "file_datastore_records"):
        change(target, f"DELETE FROM {table} WHERE dataset_id = ?", identifier.replace("-", ""))
    (target / path).unlink()
    transfer = ["transfer-datasets", str(root), str(target), "--collections", "run/a", "-t", "copy"]
    for _ in range(2):
        done = steward(*transfer)
        assert done.status == 0, done.errors
    assert rows(target, "SELECT * FROM dataset_location_trash") == []
    with Butler.from_config(str(target), writeable=True) as butler:
        butler._datastore.emptyTrash()
        assert butler.get(butler.get_dataset(identifier))


def test_an_archive_that_is_a_dataset_stays_for_its_members(root, tmp_path):  # noqa: F811
    with Butler.from_config(str(root), writeable=True) as butler:
        refs = butler.query_datasets("count", collections="run/a")
        archive = butler.retrieve_artifacts_zip(refs, destination=str(tmp_path))
        butler.pruneDatasets(refs, disassociate=True, unstore=True, purge=True)
        butler.ingest_zip(archive, transfer="copy")
        recorded = path_of(root, "count", "run/a").split("#")[0]
        kind = butler.get_dataset_type("other")
        data_id = butler.registry.expandDataId(instrument="Cam", detector=7, dimensions=kind.dimensions)
        butler.ingest(FileDataset(path=recorded, refs=[DatasetRef(kind, data_id, run="run/new")]), transfer=None)
    done = steward("prune-datasets", str(root), "run/new", "--datasets", "other", "--purge", "run/new", "--no-confirm")
    assert done.status == 0 and "1 file(s) stay" in done.errors, done.errors
    assert (root / recorded).exists() and found(root) == []


@pytest.mark.parametrize("is_moved", [False, True])
def test_recovery_leaves_alone_what_is_of_another_registry(base, tmp_path, is_moved):  # noqa: F811
    """Two registries with files below one root."""
    put = {
        "op": "put", "run": "run/a", "type": "count", "data_id": {"instrument": "Cam", "detector": 8}, "value": {"new": 8},
    }
    point, status = 0, -signal.SIGKILL
    while status != 0:
        point += 1
        assert point < 100
        for name in ("root", "moved", "other"):
            shutil.rmtree(tmp_path / name, ignore_errors=True)
        root = shutil.copytree(base, tmp_path / "root")
        other = tmp_path / "other"
        other.mkdir()
        shutil.copy(base / "gen3.sqlite3", other)
        configuration = yaml.safe_load((base / "butler.yaml").read_text())
        configuration["datastore"]["root"] = str(root)
        (other / "butler.yaml").write_text(yaml.safe_dump(configuration))
        status = run_probe(other, [put], kill_at=point)
        path = root / "run/a/count/count_Cam_D8_run_a.yaml"
        is_recorded = len(ids(other, "count", "run/a")) == 5
        if is_moved:
            # A journal goes with its repository; the other one finds its own there.
            root = root.rename(tmp_path / "moved")
            configuration["datastore"]["root"] = str(root)
            (other / "butler.yaml").write_text(yaml.safe_dump(configuration))
            path = root / path.relative_to(tmp_path / "root")
        for repository in (root, other):
            assert run_probe(repository, []) == 0
            assert path.exists() or not is_recorded, point
        assert path.exists() == is_recorded and not (root / ".steward").exists(), point


def test_a_name_that_is_no_text_does_not_end_the_check(root):  # noqa: F811
    (root / "run/a/count").mkdir(parents=True, exist_ok=True)
    with open(os.fsencode(root) + b"/run/a/count/\xff.yaml", "w") as file:
        file.write("x")
    change(root, "DELETE FROM collection_summary_dataset_type")
    faults = found(root, "--repair")
    assert [kind for kind, _ in faults if kind == "file without record"] == ["file without record"]
    assert any(kind == "missing summary" for kind, _ in faults)
    assert [kind for kind, _ in found(root)] == ["file without record"]
