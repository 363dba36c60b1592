"""Kills Steward in the middle of everything that changes files, opens the repository again, and looks at what is left.

Each operation is killed at each of its kill points, at some of them only unless STEWARD_FAULTS is `all`. STEWARD_FAULT_COUNTS
names a file for the number of points by operation.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import time

import pytest

pytest.importorskip("lsst.daf.butler")
from fault_operations import (  # noqa: E402
    FAULTS,
    anonymous,
    check_waiting,
    check_whole,
    fill,
    ids,
    run_probe,
    state,
)
from lsst.daf.butler import Butler  # noqa: E402
from test_repositories import PROBE, Steward, pytestmark  # noqa: E402, F401

EVERY_POINT = os.environ.get("STEWARD_FAULTS") == "all"


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    root = tmp_path_factory.mktemp("faults") / "repository"
    fill(root)
    return root


def prepared(base, fault, directory):
    root = directory / "repository"
    shutil.copytree(base, root)
    fault.prepare(root, directory / "files")
    return root


def copied(template, directory):
    """A copy of a prepared repository at the path of the original, because commands and links name paths."""
    if directory.exists():
        shutil.rmtree(directory)
    shutil.copytree(template, directory, symlinks=True)


def killed_at(fault, work, commands, point):
    status = run_probe(work / "repository", commands, kill_at=point)
    assert status in (0, -signal.SIGKILL)
    return status != 0


def folders(root):
    """Those below the root that are no part of Steward's journal."""
    return {path.relative_to(root) for path in root.rglob("*") if path.is_dir() and ".steward" not in path.parts}


def look(fault, work, before, after, folders_before):
    """After recovery all is as before the operation or as after it."""
    root = work / "repository"
    assert run_probe(root, []) == 0
    found = anonymous(state(root))
    assert found in (before, after)
    assert found == after or folders(root) == folders_before
    check_end(root, fault.keeps_files and found == after)
    for source in fault.sources(work / "files"):
        assert source.exists() == (found == before), source
    return found == after


def check_end(root, keeps_files):
    """Of the operation: no trace of it but what waits in the trash, and after that nothing at all."""
    if keeps_files:
        check_waiting(root)
        assert state(root)["trash"] != []
        assert run_probe(root, [{"op": "empty_trash"}]) == 0
    assert not (root / ".steward").exists()
    check_whole(root)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_an_operation_that_is_killed_is_done_or_undone(base, tmp_path, fault):
    work = tmp_path / "work"
    work.mkdir()
    root = prepared(base, fault, work)
    template = tmp_path / "template"
    shutil.copytree(work, template, symlinks=True)
    commands = fault.commands(root, work / "files")

    trashed = anonymous(state(root))["trash"]
    assert run_probe(root, commands) == 0
    after = anonymous(state(root))
    check_end(root, fault.keeps_files)
    copied(template, work)
    assert run_probe(root, []) == 0
    before = anonymous(state(root))
    there = folders(root)
    if not trashed:
        check_whole(root)

    outcomes = []
    point = 1
    step = 1 if EVERY_POINT else 4
    while True:
        copied(template, work)
        if not killed_at(fault, work, commands, point):
            # The last point, which the steps may have passed over.
            if step == 1 or outcomes[-1:] == [True]:
                break
            point, step = point - step + 1, 1
            continue
        if trashed:
            # The trash is consistent at any time; what was begun is finished.
            assert run_probe(root, []) == 0
            journal = root / ".steward"
            # Since when the datasets wait is known until the operation ends.
            assert not journal.exists() or {path.name for path in journal.iterdir()} <= {"trash", "lock"}
            found = anonymous(state(root))
            outcomes.append(found == after)
            assert found in (before, after)
            assert run_probe(root, commands) == 0
            assert not journal.exists()
            check_whole(root)
        else:
            outcomes.append(look(fault, work, before, after, there))
        point += step
    assert {False, True} == set(outcomes)
    # Once an operation is done it stays done.
    assert outcomes == sorted(outcomes)
    if path := os.environ.get("STEWARD_FAULT_COUNTS"):
        with open(path, "a") as log:
            log.write(json.dumps({"operation": fault.name, "killed": len(outcomes), "done": sum(outcomes)}) + "\n")


@pytest.mark.parametrize("name", ["ingest-move", "remove-runs"])
def test_recovery_that_is_killed_is_recovered_from(base, tmp_path, name):
    fault = next(fault for fault in FAULTS if fault.name == name)
    work = tmp_path / "work"
    work.mkdir()
    root = prepared(base, fault, work)
    commands = fault.commands(root, work / "files")
    template = tmp_path / "template"
    shutil.copytree(work, template, symlinks=True)
    before = anonymous(state(root))
    there = folders(root)
    assert run_probe(root, commands) == 0
    after = anonymous(state(root))

    trials = 0
    point = 8
    while True:
        copied(template, work)
        if not killed_at(fault, work, commands, point):
            break
        for second in range(1, 100):
            # The same again, because files that are copied are other files.
            copied(template, work)
            assert killed_at(fault, work, commands, point)
            if run_probe(root, [], kill_at=second) == 0:
                break
            trials += 1
            look(fault, work, before, after, there)
            if not EVERY_POINT and second >= 3:
                break
        point += 3 if EVERY_POINT else 7
    assert trials > 0
    if path := os.environ.get("STEWARD_FAULT_COUNTS"):
        with open(path, "a") as log:
            log.write(json.dumps({"operation": f"recovery of {name}", "killed": trials}) + "\n")


def test_a_writer_at_work_is_left_alone(base, tmp_path):
    root = tmp_path / "repository"
    shutil.copytree(base, root)
    with Steward(root, writeable=True) as first:
        first.do("put", type="count", data_id={"instrument": "Cam", "detector": 5}, run="run/a", value={})
        assert (root / ".steward").exists()
        with Steward(root, writeable=True) as second:
            second.do("put", type="count", data_id={"instrument": "Cam", "detector": 6}, run="run/a", value={})
        first.do("put", type="count", data_id={"instrument": "Cam", "detector": 7}, run="run/a", value={})
    assert not (root / ".steward").exists()
    check_whole(root)


WRITER = """
import sys, time
from lsst.daf.butler import Butler
butler = Butler.from_config(sys.argv[1], writeable=True, run="run/python")
while True:
    refs = [
        butler.put({"writer": "python"}, "count", instrument="Cam", detector=detector) for detector in range(12)
    ]
    if time.time() > float(sys.argv[2]):
        break
    butler.pruneDatasets(refs, unstore=True, purge=True, disassociate=True)
print(len(refs))
"""


def test_python_and_steward_write_at_the_same_time(base, tmp_path):
    root = tmp_path / "repository"
    shutil.copytree(base, root)
    with Butler.from_config(str(root), writeable=True) as butler:
        for run in ("run/python", "run/steward"):
            butler.collections.register(run)
    seconds = 60 if EVERY_POINT else 8
    python = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(root), str(time.time() + seconds)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    kept = set()
    rounds = 0
    with Steward(root, writeable=True) as probe:
        while python.poll() is None:
            added = {
                probe.do(
                    "put", type="count", data_id={"instrument": "Cam", "detector": detector}, run="run/steward",
                    value={"writer": "steward", "round": rounds},
                )["id"]
                for detector in range(12)
            }
            kept = added
            rounds += 1
            if python.poll() is None:
                answer = probe.do("prune", ids=sorted(added), unstore=True, purge=True, disassociate=True)
                assert answer["datasets"] == 12 and answer["files"] == 12 and answer["failures"] == []
                kept = set()
    output, errors = python.communicate()
    assert python.returncode == 0, errors
    assert rounds > 0
    check_whole(root)
    with Butler.from_config(str(root)) as butler:
        found = butler.query_datasets("count", collections="run/steward", explain=False)
        assert {str(ref.id) for ref in found} == kept
        assert len(butler.query_datasets("count", collections="run/python", explain=False)) == int(output)


def test_the_source_of_a_move_stays_when_another_takes_its_place(base, tmp_path):
    fault = next(fault for fault in FAULTS if fault.name == "ingest-move")
    work = tmp_path / "work"
    work.mkdir()
    root = prepared(base, fault, work)
    commands = fault.commands(root, work / "files")
    template = tmp_path / "template"
    shutil.copytree(work, template, symlinks=True)
    source = work / "files" / "source1.yaml"
    trials = 0
    for point in range(1, 200):
        copied(template, work)
        assert killed_at(fault, work, commands, point)
        if is_ingested(root):
            break
        with Butler.from_config(str(root), writeable=True, run="run/a") as butler:
            butler.put({"mine": True}, "other", instrument="Cam", detector=7)
        assert run_probe(root, []) == 0
        assert source.exists()
        with Butler.from_config(str(root)) as butler:
            assert butler.get("other", instrument="Cam", detector=7, collections="run/a") == {"mine": True}
        trials += 1
    assert trials > 5


def is_ingested(root):
    """Whether the move's dataset is there."""
    return len(ids(root, "other", "run/a")) > 3
