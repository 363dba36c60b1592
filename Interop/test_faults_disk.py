"""A disk that fills up, and a disk that goes away, while Steward writes: every operation is done or undone."""

import os
import shutil
import subprocess

import pytest

pytest.importorskip("lsst.daf.butler")
from fault_operations import check_whole, fill, identifier, ids, run_probe, state  # noqa: E402
from test_repositories import Steward, pytestmark  # noqa: E402, F401

TEXT = "x" * 60_000


def mount(*arguments) -> bool:
    return subprocess.run(["mount", *arguments], capture_output=True).returncode == 0


@pytest.fixture
def disk(tmp_path):
    """A small file system of its own, with two ways to it."""
    main, other = tmp_path / "disk", tmp_path / "other"
    main.mkdir()
    other.mkdir()
    if os.geteuid() != 0 or not mount("-t", "tmpfs", "-o", "size=3m", "tmpfs", str(main)):
        pytest.skip("needs the right to mount")
    mount("--bind", str(main), str(other))
    yield main, other
    for path in (main, other):
        while subprocess.run(["umount", "-l", str(path)], capture_output=True).returncode == 0:
            pass


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    root = tmp_path_factory.mktemp("disk") / "repository"
    fill(root)
    return root


def put_many(detectors, value):
    return {
        "run": "run/a",
        "datasets": [
            {"type": "count", "data_id": {"instrument": "Cam", "detector": d}, "value": value} for d in detectors
        ],
    }


def fill_up(folder, left):
    """Leaves so many bytes free."""
    free = os.statvfs(folder)
    filler = folder / "filler"
    with open(filler, "wb") as stream:
        stream.write(b"\0" * max(0, free.f_bavail * free.f_frsize - left))
    return filler


def whole(root, before):
    """Nothing is left of what failed."""
    assert not (root / ".steward").exists()
    check_whole(root)
    assert state(root) == before


@pytest.mark.parametrize("left", [0, 4096, 16384, 65536, 131072, 262144])
def test_a_full_disk(base, disk, left):
    root = disk[0] / "repository"
    shutil.copytree(base, root)
    before = state(root)
    files = disk[0] / "sources"
    files.mkdir()
    for number in range(4):
        (files / f"{number}.yaml").write_text(f"text: {TEXT}\n")
    filler = fill_up(disk[0], left)
    answers = []
    ingest = {
        "transfer": "copy",
        "files": [
            {
                "path": str(files / f"{number}.yaml"),
                "datasets": [
                    {
                        "id": identifier(f"full{number}"),
                        "type": "other",
                        "data_id": {"instrument": "Cam", "detector": 5 + number},
                        "run": "run/a",
                    }
                ],
            }
            for number in range(4)
        ],
    }
    try:
        with Steward(root, writeable=True) as probe:
            answers.append(probe.ask("put_many", **put_many(range(5, 12), {"text": TEXT})))
            answers.append(probe.ask("ingest", **ingest))
    except (AssertionError, BrokenPipeError):
        # It could not even be opened for writing.
        answers += ["closed"] * (2 - len(answers))
    assert all(answer == "closed" or "error" in answer for answer in answers), answers
    filler.unlink()
    assert run_probe(root, []) == 0
    whole(root, before)
    # With room again it works.
    with Steward(root, writeable=True) as probe:
        probe.do("put_many", **put_many(range(5, 8), {"text": "short"}))
        probe.do("ingest", **ingest)
    check_whole(root)
    assert len(state(root)["records"]) == len(before["records"]) + 7


@pytest.mark.parametrize("left", [0, 4096, 16384])
def test_deleting_on_a_full_disk(base, disk, left):
    root = disk[0] / "repository"
    shutil.copytree(base, root)
    before = state(root)
    filler = fill_up(disk[0], left)
    prune = {"ids": ids(root, "count", "run/a"), "unstore": True, "purge": True, "disassociate": True}
    answer = "closed"
    try:
        with Steward(root, writeable=True) as probe:
            answer = probe.ask("prune", **prune)
    except (AssertionError, BrokenPipeError):
        pass
    filler.unlink()
    assert run_probe(root, []) == 0
    if answer == "closed" or "error" in answer:
        whole(root, before)
    else:
        check_whole(root)
        assert ids(root, "count", "run/a") == []


def test_a_disk_that_goes_away(base, disk):
    main, other = disk
    root = main / "repository"
    shutil.copytree(base, root)
    before = state(root)
    with Steward(root, writeable=True) as probe:
        probe.do("put_many", **put_many(range(5, 7), {"text": "kept"}))
        kept = state(root)
        subprocess.run(["umount", "-l", str(main)], check=True)
        answers = [
            probe.ask("put_many", **put_many(range(7, 9), {"text": "lost"})),
            probe.ask(
                "prune", ids=ids(other / "repository", "count", "run/b"), unstore=True, purge=True, disassociate=True
            ),
        ]
    assert mount("--bind", str(other), str(main))
    assert run_probe(root, []) == 0
    assert not (root / ".steward").exists()
    check_whole(root)
    assert all("error" in answer for answer in answers), answers
    assert len(kept["records"]) == len(before["records"]) + 2
    assert state(root) == kept
