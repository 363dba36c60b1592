"""Runs `steward butler` and Rubin's `butler`, and makes a repository to run them on.

The program is the one in STEWARD_BIN, else .build/debug/steward. STEWARD_FIXTURES names a directory of fixture repositories.
"""

import functools
import os
import pty
import re
import shlex
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import astropy.time
import pytest

pytest.importorskip("lsst.daf.butler")
from click.testing import CliRunner  # noqa: E402
from lsst.daf.butler import Butler, CollectionType, DatasetType, Timespan  # noqa: E402
from lsst.daf.butler.cli.butler import cli  # noqa: E402
from lsst.daf.butler.cli.cliLog import CliLog  # noqa: E402

PACKAGE = Path(__file__).resolve().parent.parent
BINARY = Path(os.environ.get("STEWARD_BIN") or PACKAGE / ".build" / "debug" / "steward")
FIXTURES = Path(os.environ["STEWARD_FIXTURES"]) if os.environ.get("STEWARD_FIXTURES") else None

needs_binary = pytest.mark.skipif(
    not BINARY.exists(), reason=f"{BINARY} is not built; run swift build or set STEWARD_BIN"
)


# Running both programs


@dataclass(frozen=True)
class Outcome:
    status: int
    output: str
    errors: str = field(default="", compare=False)


def upstream(*arguments: str) -> Outcome:
    """The Python command; what it says to a query is kept."""
    return asked_before(*arguments) if arguments and arguments[0].startswith("query-") else asked(*arguments)


def asked(*arguments: str) -> Outcome:
    """The Python command, run in this process because starting it takes seconds."""
    result = CliRunner().invoke(cli, arguments)
    CliLog.resetLog()
    return Outcome(result.exit_code, result.stdout, result.stderr)


asked_before = functools.lru_cache(maxsize=None)(asked)


def steward(*arguments: str, program=BINARY, prefix=("butler",), environment=None, input=None) -> Outcome:
    done = subprocess.run(
        [program, *prefix, *arguments],
        capture_output=True,
        text=True,
        env={**os.environ, **(environment or {})},
        input=input,
    )
    return Outcome(done.returncode, done.stdout, done.stderr)


def in_terminal(*arguments: str, environment=None) -> str:
    """What the program prints when all its streams are a terminal."""
    environment = {**os.environ, "TERM": "xterm", **(environment or {})}
    leader, follower = pty.openpty()
    child = subprocess.Popen(
        [BINARY, "butler", *arguments], stdin=follower, stdout=follower, stderr=follower, env=environment
    )
    os.close(follower)
    pieces = []
    while True:
        try:
            piece = os.read(leader, 65536)
        except OSError:
            break
        if not piece:
            break
        pieces.append(piece)
    os.close(leader)
    assert child.wait() == 0
    return b"".join(pieces).decode()


def one_line_of(errors: str) -> str:
    lines = errors.splitlines()
    assert len(lines) == 1, errors
    return lines[0]


# What to compare: a command line in which REPO stands for the repository, and a remark for what upstream leaves open:
#   sorted   the order of lines
#   count    which rows a limit selects
#   words    the order of words
#   status   the wording of an error, so that only the exit status counts


def check(line: str, repository: str):
    line, _, remark = line.partition(" : ")
    arguments = [repository if word == "REPO" else word for word in shlex.split(line)]
    theirs = upstream(*arguments)
    ours = steward(*arguments)
    assert ours.status == theirs.status, ours.errors + theirs.errors
    if theirs.status != 0:
        name = "butler" if ours.errors.startswith("butler") else "steward"
        # Log messages may come first, and the place of an error in an expression last.
        assert sum(line.startswith(f"{name}: error: ") for line in ours.errors.splitlines()) == 1, ours.errors
    match remark:
        case "":
            assert ours.output == theirs.output
        case "sorted":
            assert sorted(ours.output.splitlines()) == sorted(theirs.output.splitlines())
        case "words":
            assert sorted(re.findall(r"\w+", ours.output)) == sorted(re.findall(r"\w+", theirs.output))
        case "count":
            assert len(ours.output.splitlines()) == len(theirs.output.splitlines())
        case "status":
            assert theirs.status != 0
            assert ours.output == theirs.output
        case _:
            raise AssertionError(f"unknown remark {remark!r}")


# The repository that every checkout can make


@pytest.fixture(scope="session")
def made(tmp_path_factory) -> str:
    root = str(tmp_path_factory.mktemp("made") / "repo")
    Butler.makeRepo(root)
    butler = Butler.from_config(root, writeable=True)
    registry = butler.registry
    records = {
        "instrument": [
            {"name": "CamB", "visit_max": 100, "exposure_max": 100, "detector_max": 12, "class_name": "none.CamB"},
            {"name": "CamA", "visit_max": 100, "exposure_max": 100, "detector_max": 12, "class_name": "none.CamA"},
        ],
        "physical_filter": [
            {"instrument": "CamA", "name": "A-g", "band": "g"},
            {"instrument": "CamA", "name": "A-r", "band": "r"},
        ],
        "detector": [
            {"instrument": "CamA", "id": n, "full_name": f"S{n:02}", "raft": "R" if n != 3 else None, "purpose": "P"}
            for n in (1, 2, 3, 10)
        ],
        "day_obs": [{"instrument": "CamA", "id": 20260102}],
        "visit": [
            {
                "instrument": "CamA",
                "id": n,
                "day_obs": 20260102,
                "name": f"visit {n}",
                "physical_filter": "A-g" if n < 9 else "A-r",
                "exposure_time": 0.1 * n,
                "zenith_angle": 1e-7 if n == 8 else None,
                "observation_reason": "tab\tand\nnewline",
                "timespan": Timespan(
                    astropy.time.Time(f"2026-01-02T0{n % 10}:00:00", scale="tai"),
                    astropy.time.Time(f"2026-01-02T0{n % 10}:00:30.5", scale="tai"),
                ),
            }
            for n in (8, 9, 11)
        ],
        "visit_detector_region": [
            {"instrument": "CamA", "visit": visit, "detector": detector} for visit in (8, 9, 11) for detector in (2, 10)
        ],
        "skymap": [{"name": "sky", "hash": bytes(range(32)), "tract_max": 2, "patch_nx_max": 1, "patch_ny_max": 1}],
    }
    for element, rows in records.items():
        registry.insertDimensionData(element, *rows)

    storage = "StructuredDataDict"
    types = {
        "summary": (["instrument", "visit", "detector"], False),
        "flat": (["instrument", "detector", "physical_filter"], True),
        "zero": ([], False),
        "count": (["instrument", "visit"], False),
        "unused_log": (["instrument"], False),
    }
    for name, (dimensions, is_calibration) in types.items():
        registry.registerDatasetType(
            DatasetType(name, dimensions, storage, universe=butler.dimensions, isCalibration=is_calibration)
        )
    for run in ("run/b", "run/a", "calib/run"):
        butler.collections.register(run)
    for run, visits in (("run/a", (8, 11)), ("run/b", (8, 9))):
        for visit in visits:
            butler.put({"n": visit}, "count", instrument="CamA", visit=visit, run=run)
            for detector in (10, 2):
                butler.put({"n": visit}, "summary", instrument="CamA", visit=visit, detector=detector, run=run)
    butler.put({}, "zero", run="run/a")
    flats = [
        butler.put({"d": d}, "flat", instrument="CamA", detector=d, physical_filter=f, run="calib/run")
        for d in (1, 3)
        for f in ("A-r", "A-g")
    ]
    butler.collections.register("calib", CollectionType.CALIBRATION)
    middle = astropy.time.Time("2026-01-02T12:00:00", scale="tai")
    registry.certify("calib", flats, Timespan(None, middle))
    registry.certify("calib", flats[:2], Timespan(middle, None))
    butler.collections.register("best", CollectionType.TAGGED)
    registry.associate("best", registry.queryDatasets("count", collections="run/b"))
    for chain, children in (("inner", ["run/b", "run/a"]), ("outer", ["best", "inner", "calib"]), ("nothing", [])):
        butler.collections.register(chain, CollectionType.CHAINED)
        registry.setCollectionChain(chain, children)
    butler.close()
    return root


@pytest.fixture(scope="session")
def fixtures(tmp_path_factory) -> Path:
    if FIXTURES is None or not (FIXTURES / "hsc-rc2").is_dir():
        pytest.skip("no fixture repositories; set STEWARD_FIXTURES to the output of make_repos.py")
    return FIXTURES
