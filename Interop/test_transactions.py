"""Transactions that hold datasets with their files: what fails leaves neither, here as in Python."""

import os
import shutil
import signal

import pytest

pytest.importorskip("lsst.daf.butler")
from fault_operations import FAULTS, anonymous, check_whole, fill, ids, run_probe, state  # noqa: E402
from lsst.daf.butler import Butler, CollectionType  # noqa: E402
from test_repositories import PROBE, pytestmark  # noqa: E402, F401

EVERY_POINT = os.environ.get("STEWARD_FAULTS") == "all"
OPERATION = next(fault for fault in FAULTS if fault.name == "transaction")


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    root = tmp_path_factory.mktemp("transactions") / "repository"
    fill(root)
    with Butler.from_config(str(root), writeable=True) as butler:
        butler.collections.register("tag/new", CollectionType.TAGGED)
    return root


def changes(root):
    """For Steward what `change` does with Python."""
    put = {"op": "put", "run": "run/a", "type": "count"}
    return [
        *[{**put, "data_id": {"instrument": "Cam", "detector": d}, "value": {"new": d}} for d in (6, 7)],
        {"op": "associate", "collection": "tag/new", "ids": ids(root, "count", "run/b")[:2]},
        {"op": "prune", "ids": ids(root, "count", "run/a")[:2], "unstore": True, "purge": True, "disassociate": True},
    ]


def change(butler, root):
    for detector in (6, 7):
        butler.put({"new": detector}, "count", instrument="Cam", detector=detector, run="run/a")
    known = {str(ref.id): ref for ref in butler.query_datasets("count", collections=["run/*"], find_first=False)}
    butler.registry.associate("tag/new", [known[name] for name in ids(root, "count", "run/b")[:2]])
    gone = [known[name] for name in ids(root, "count", "run/a")[:2]]
    butler.pruneDatasets(gone, unstore=True, purge=True, disassociate=True)


def test_a_transaction_does_what_pythons_does(base, tmp_path):
    for name in ("python", "steward"):
        shutil.copytree(base, tmp_path / name)
    with Butler.from_config(str(tmp_path / "python"), writeable=True) as butler, butler.transaction():
        change(butler, base)
    assert run_probe(tmp_path / "steward", [{"op": "transaction", "changes": changes(base)}]) == 0
    check_whole(tmp_path / "steward")
    assert anonymous(state(tmp_path / "steward")) == anonymous(state(tmp_path / "python"))


def test_a_transaction_that_fails_leaves_what_pythons_leaves(base, tmp_path):
    for name in ("python", "steward"):
        shutil.copytree(base, tmp_path / name)
    with Butler.from_config(str(tmp_path / "python"), writeable=True) as butler:
        with pytest.raises(RuntimeError), butler.transaction():
            butler.put({"new": 6}, "count", instrument="Cam", detector=6, run="run/a")
            raise RuntimeError
    command = {"op": "transaction", "changes": [*changes(base), {"op": "fail"}]}
    assert run_probe(tmp_path / "steward", [command], fails=True) == 0
    assert not (tmp_path / "steward" / ".steward").exists()
    assert state(tmp_path / "steward") == state(tmp_path / "python") == state(base)


def test_a_transaction_that_fails_and_is_killed_leaves_nothing(base, tmp_path):
    root = tmp_path / "repository"
    before = state(base)
    point = killed = 0
    while True:
        point += 1 if EVERY_POINT else 7
        for folder in (root, tmp_path / "files"):
            shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(base, root)
        OPERATION.prepare(root, tmp_path / "files")
        [command] = OPERATION.commands(root, tmp_path / "files")
        command["changes"].append({"op": "fail"})
        status = run_probe(root, [command], kill_at=point, fails=True)
        assert status in (0, -signal.SIGKILL)
        assert run_probe(root, []) == 0
        assert not (root / ".steward").exists()
        assert state(root) == before
        assert all(source.exists() for source in OPERATION.sources(tmp_path / "files"))
        if status == 0:
            break
        killed += 1
    assert killed > 3
