"""Two datastores of a chain with one root and tables of their own: neither takes a file from the other, nor what a dead writer
of the other has made."""

import shutil
import signal

import pytest

pytest.importorskip("lsst.daf.butler")
from command_line import steward  # noqa: E402
from fault_operations import ids, rows, run_probe  # noqa: E402
from lsst.daf.butler import Butler, DatasetRef, FileDataset  # noqa: E402
from test_check import chain, found  # noqa: E402
from test_repositories import pytestmark  # noqa: E402, F401


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    root = tmp_path_factory.mktemp("roots") / "repository"
    chain(root, ("t0", "t1"), ("one", "one"))
    return root


def test_a_file_that_another_datastore_records_stays(base, tmp_path):
    root = shutil.copytree(base, tmp_path / "repository")
    path = root / "one" / "run/a/count/count_Cam_D0_run_a.yaml"
    with Butler.from_config(str(root), writeable=True) as butler:
        kind = butler.get_dataset_type("other")
        data_id = butler.registry.expandDataId(instrument="Cam", detector=7, dimensions=kind.dimensions)
        other = DatasetRef(kind, data_id, run="run/b")
        butler.ingest(FileDataset(path=str(path), refs=[other]), transfer="auto")
    outcome = steward(
        "prune-datasets", str(root), "run/a", "--datasets", "count", "--where", "detector = 0 AND instrument = 'Cam'",
        "--purge", "run/a", "--no-confirm",
    )
    assert outcome.status == 0, outcome.errors
    assert "1 file(s) stay" in outcome.errors
    with Butler.from_config(str(root), writeable=True) as butler:
        assert butler.get(other) == {"run": "run/a", "detector": 0}
        assert len(ids(root, "count", "run/a")) == 3
    assert found(root) == []
    # With the last of its datasets it goes.
    outcome = steward(
        "prune-datasets", str(root), "run/b", "--datasets", "other", "--purge", "run/b", "--no-confirm"
    )
    assert outcome.status == 0, outcome.errors
    assert not path.exists() and found(root) == []


def test_what_a_dead_writer_of_the_other_has_recorded_stays(base, tmp_path):
    root = tmp_path / "repository"
    outcomes = set()
    put = {
        "op": "put", "run": "run/a", "type": "count", "data_id": {"instrument": "Cam", "detector": 8}, "value": {"new": 8},
    }
    # The last points are behind the commit.
    for point in range(1, 60):
        shutil.rmtree(root, ignore_errors=True)
        shutil.copytree(base, root)
        status = run_probe(root, [put], kill_at=point)
        assert status in (0, -signal.SIGKILL)
        is_recorded = len(ids(root, "count", "run/a")) == 5
        # Those before are like others.
        if status == 0 or is_recorded:
            assert run_probe(root, []) == 0
            assert not (root / "one" / ".steward").exists()
            assert len(rows(root, "SELECT * FROM t1")) == len(rows(root, "SELECT * FROM dataset_location")) - 3
            assert (root / "one" / "run/a/count/count_Cam_D8_run_a.yaml").exists()
            outcomes.add(status)
        if status == 0:
            break
    assert outcomes == {0, -signal.SIGKILL}
