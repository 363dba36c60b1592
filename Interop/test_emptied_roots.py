"""Deletions after which nothing is left in the root of a datastore, which then looks like a disk that is not mounted."""

import os
import shutil
import sqlite3

import pytest

pytest.importorskip("lsst.daf.butler")
from command_line import needs_binary, steward  # noqa: E402
from lsst.daf.butler import Butler, Config, DatasetRef, DatasetType, FileDataset  # noqa: E402

pytestmark = needs_binary


@pytest.fixture(scope="module", params=[2, 40], ids=["through the trash", "forgotten"])
def filled(request, tmp_path_factory):
    """A repository whose files are beside each other in a root of their own."""
    root = tmp_path_factory.mktemp("emptied") / "repository"
    make(root, request.param)
    return root


def make(root, count, database=None):
    config = Config()
    if database:
        config["registry", "db"] = database
    config["datastore", "root"] = "<butlerRoot>/data"
    config["datastore", "templates"] = {"default": "{run}_{datasetType}_{detector}"}
    Butler.makeRepo(str(root), config=config, forceConfigRoot=False)
    with Butler.from_config(str(root), writeable=True) as butler:
        butler.registry.insertDimensionData("instrument", {"name": "Cam", "class_name": "x.Y", "detector_max": 100})
        detectors = [{"instrument": "Cam", "id": n, "full_name": f"D{n}"} for n in range(count)]
        butler.registry.insertDimensionData("detector", *detectors)
        kind = DatasetType("count", ["detector"], "StructuredDataDict", universe=butler.dimensions)
        butler.registry.registerDatasetType(kind)
        butler.collections.register("run")
        files = []
        for n in range(count):
            path = root / f"{n}.json"
            path.write_text(f'{{"n": {n}}}')
            data_id = butler.registry.expandDataId(instrument="Cam", detector=n)
            formatter = "lsst.daf.butler.formatters.json.JsonFormatter"
            files.append(FileDataset(str(path), [DatasetRef(kind, data_id, run="run")], formatter=formatter))
        butler.ingest(*files, transfer="move")
    assert len(os.listdir(root / "data")) == count


def counts(root):
    with sqlite3.connect(f"file:{root}/gen3.sqlite3?mode=ro", uri=True) as database:
        names = ("dataset", "dataset_location", "file_datastore_records", "dataset_location_trash")
        rows = [database.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in names]
    files = os.listdir(root / "data") if os.path.exists(root / "data") else []
    return [*rows, len([name for name in files if name != ".steward"])]


PURGE = ("--purge", "run", "--no-confirm")


def test_a_file_is_missing(filled, tmp_path):
    root = shutil.copytree(filled, tmp_path / "repository")
    os.remove(root / "data" / sorted(os.listdir(root / "data"))[0])
    done = steward("prune-datasets", str(root), *PURGE)
    assert done.status == 0, done.errors
    assert counts(root) == [0] * 5


def test_kills(filled, tmp_path):
    whole = counts(filled)
    point, killed = 0, 0
    while True:
        point += 1
        assert point < 500
        root = shutil.copytree(filled, tmp_path / str(point))
        status = steward("prune-datasets", str(root), *PURGE, environment={"STEWARD_KILL_AT": str(point)}).status
        killed += status != 0
        recovered = steward("empty-trash", str(root), "--no-confirm")
        assert recovered.status == 0, (point, recovered.errors)
        assert counts(root) in (whole, [0] * 5), point
        assert not os.path.exists(root / "data" / ".steward")
        shutil.rmtree(root)
        if status == 0:
            break
    assert killed > 10


def test_a_root_that_is_not_there_is_no_emptied_one(filled, tmp_path):
    root = shutil.copytree(filled, tmp_path / "repository")
    os.rename(root / "data", tmp_path / "away")
    os.mkdir(root / "data")
    before = counts(root)
    assert steward("prune-datasets", str(root), *PURGE).status != 0
    assert counts(root) == before
