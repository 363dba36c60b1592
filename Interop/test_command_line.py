"""Compare the commands of `steward butler` with Rubin's `butler`: the same command lines, the same standard output,
byte for byte, and the same exit status.

Runs over a repository made here and, where STEWARD_FIXTURES names a directory of fixture repositories, over those too.
The program is the one in STEWARD_BIN, else .build/debug/steward.
"""

import functools
import json
import os
import pty
import re
import shlex
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import astropy.time
import pytest
import yaml

pytest.importorskip("lsst.daf.butler")
from click.testing import CliRunner  # noqa: E402
from lsst.daf.butler import Butler, CollectionType, DatasetType, Timespan  # noqa: E402
from lsst.daf.butler.cli.butler import cli  # noqa: E402
from lsst.daf.butler.cli.cliLog import CliLog  # noqa: E402

PACKAGE = Path(__file__).resolve().parent.parent
BINARY = Path(os.environ.get("STEWARD_BIN") or PACKAGE / ".build" / "debug" / "steward")
FIXTURES = Path(os.environ["STEWARD_FIXTURES"]) if os.environ.get("STEWARD_FIXTURES") else None

pytestmark = pytest.mark.skipif(
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


def steward(*arguments: str, program=BINARY, prefix=("butler",), environment=None) -> Outcome:
    done = subprocess.run(
        [program, *prefix, *arguments], capture_output=True, text=True, env={**os.environ, **(environment or {})}
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


# What to compare: a command line in which REPO stands for the repository, and a remark for what upstream leaves open:
#   sorted   the order of lines
#   count    which rows a limit selects
#   status   the wording of an error, so that only the exit status counts

COLLECTIONS = [
    "query-collections REPO",
    "query-collections REPO '*'",
    *(f"query-collections REPO --chains {style}" for style in ("TABLE", "inverse-table", "Tree", "INVERSE-TREE")),
    *(f"query-collections REPO --chains {style}" for style in ("flatten", "no-children")),
    *(
        f"query-collections REPO -t --chains {style}"
        for style in ("table", "inverse-table", "tree", "inverse-tree", "flatten", "no-children")
    ),
    "query-collections REPO --show-dataset-types --exclude-dataset-types '*'",
    "query-collections REPO -t --exclude-dataset-types 'f*,[ab]*' --exclude-dataset-types zero",
    "query-collections REPO --exclude-dataset-types '' -t",
    "query-collections REPO --collection-type run",
    "query-collections REPO --collection-type RUN --collection-type Calibration --chains table",
    "query-collections REPO --collection-type chained",
    "query-collections REPO --collection-type tagged --chains table",
    "query-collections REPO --collection-type calibration --chains inverse-table -t",
    "query-collections REPO 'no such*'",
    "query-collections REPO 'no such*' --chains table -t",
    "query-collections REPO nosuch : status",
    "query-collections REPO nosuch,neither : status",
    "query-collections REPO --chains nosuch : status",
    "query-collections REPO --collection-type run,tagged : status",
    "query-collections REPO --nosuch : status",
    "query-collections : status",
]

DATASET_TYPES = [
    "query-dataset-types REPO",
    "query-dataset-types REPO -v",
    "query-dataset-types REPO --verbose '*'",
    "query-dataset-types REPO nosuch",
    "query-dataset-types REPO nosuch -v",
    "query-dataset-types REPO 'no*such*'",
    "query-dataset-types REPO 1a",
    "query-dataset-types REPO '*a*,nosuch' -v",
    "query-dataset-types REPO '[fs]*'",
    "query-dataset-types REPO --collections '*'",
    "query-dataset-types REPO --collections 'nosuch*'",
    "query-dataset-types REPO --collections nosuch : status",
    "query-dataset-types REPO a.b : status",
]

DATASETS = [
    "query-datasets REPO",
    "query-datasets REPO '*' --collections '*'",
    "query-datasets REPO '*' --collections '*' --limit 0",
    "query-datasets REPO '*' --collections '*' --limit 3 : count",
    "query-datasets REPO '*' --collections '*' --limit -3 : count",
    "query-datasets REPO '*' --collections '*' --no-find-first",
    "query-datasets REPO nosuch --collections '*'",
    "query-datasets REPO nosuch,neither --collections '*'",
    "query-datasets REPO 'no*such' --collections '*'",
    "query-datasets REPO nosuch --collections neither",
    "query-datasets REPO 1a --collections '*'",
    "query-datasets REPO a.b --collections '*'",
    "query-datasets REPO '*' --collections nosuch : status",
    "query-datasets REPO '*' --collections '*' --find-first : status",
    "query-datasets REPO nosuch --collections '*' --find-first : status",
    "query-datasets REPO nosuch --find-first : status",
    "query-datasets REPO '*' --collections '*' --order-by instrument : status",
    "query-datasets REPO '*' --limit x : status",
    "query-datasets REPO --collections : status",
]

MADE = [
    "query-collections REPO outer",
    "query-collections REPO outer,'run/*' --chains table",
    "query-collections REPO outer,inner --chains flatten",
    "query-collections REPO inner,outer,inner --chains no-children",
    "query-collections REPO nothing --chains flatten",
    "query-collections REPO 'run/[a,b]' --chains no-children",
    "query-collections REPO '[i,o]*,best,run/[!a]' --chains no-children",
    "query-collections REPO 'n*,inner,*b' --chains no-children",
    "query-collections REPO '*e*,run/b' --chains flatten",
    "query-datasets REPO 'count,[s,z]*' --collections '*'",
    "query-collections REPO nothing --chains table -t",
    "query-collections REPO 'run/*' --chains inverse-table -t",
    "query-dataset-types REPO --collections run/a,calib",
    "query-dataset-types REPO --collections outer -v",
    "query-dataset-types REPO '*_log' --collections outer",
    "query-datasets REPO count --collections run/a,run/b",
    "query-datasets REPO count --collections run/a --collections run/b --find-first",
    "query-datasets REPO count,summary --collections run/b,run/a --find-first",
    "query-datasets REPO count --collections outer --find-first",
    "query-datasets REPO summary --collections inner",
    "query-datasets REPO summary --collections inner --limit -6 : count",
    "query-datasets REPO summary --collections inner --limit=-8",
    "query-datasets REPO summary --collections inner --limit 3 : count",
    "query-datasets REPO summary --collections run/a --order-by -visit,detector",
    "query-datasets REPO summary --collections run/a --order-by detector --order-by -visit --limit 2",
    "query-datasets REPO summary --collections inner --order-by nosuch : status",
    "query-datasets REPO flat --collections calib",
    "query-datasets REPO flat --collections '*'",
    "query-datasets REPO flat --collections calib/run,calib --find-first",
    "query-datasets REPO flat --collections calib --find-first : status",
    "query-datasets REPO 'f*' --collections outer --find-first : status",
    "query-datasets REPO zero --collections '*'",
    "query-datasets REPO unused_log --collections '*' : status",
    "query-datasets REPO count --collections nosuch : status",
    "query-datasets REPO unused_log,zero --collections '*'",
    "query-datasets REPO '*' --collections '*' --show-uri",
    "query-datasets REPO flat,zero --collections '*' --show-uri",
    "query-datasets REPO summary --collections run/a --order-by -visit,detector --show-uri",
    *(
        f"query-dimension-records REPO {element}"
        for element in ("instrument", "detector", "physical_filter", "band", "visit", "day_obs", "skymap", "tract")
    ),
    "query-dimension-records REPO visit --no-check",
    "query-dimension-records REPO tract --no-check",
    "query-dimension-records REPO detector --limit -4",
    "query-dimension-records REPO detector --limit 2 : count",
    "query-dimension-records REPO detector --limit -2 : count",
    "query-dimension-records REPO detector --order-by -detector",
    "query-dimension-records REPO detector --order-by raft,-full_name",
    "query-dimension-records REPO visit --order-by -visit.timespan.begin",
    "query-dimension-records REPO visit --order-by visit.name",
    "query-dimension-records REPO visit --order-by visit.id,instrument",
    "query-dimension-records REPO visit --order-by timespan.begin : status",
    "query-dimension-records REPO visit --order-by visit.timespan : status",
    "query-dimension-records REPO visit --order-by name : status",
    "query-dimension-records REPO visit --order-by id : status",
    "query-dimension-records REPO visit --order-by physical_filter,-visit.exposure_time",
    "query-dimension-records REPO visit --order-by nosuch : status",
    "query-dimension-records REPO detector --datasets flat",
    "query-dimension-records REPO detector --datasets flat --collections calib",
    "query-dimension-records REPO detector --datasets flat --collections run/a",
    "query-dimension-records REPO detector --datasets summary --collections 'run/*'",
    "query-dimension-records REPO physical_filter --datasets count",
    "query-dimension-records REPO instrument --datasets zero",
    "query-dimension-records REPO skymap --datasets flat",
    "query-dimension-records REPO detector --datasets nosuch",
    "query-dimension-records REPO detector --datasets flat,zero",
    "query-dimension-records REPO detector --datasets flat --collections nosuch : status",
    "query-dimension-records REPO detector --offset 2 : status",
    "query-dimension-records REPO nosuch : status",
    "query-dimension-records REPO htm7 : status",
    "query-dimension-records REPO : status",
]

HSC = [
    *(
        f"query-dimension-records REPO {element} --limit 0"
        for element in (
            "instrument detector band physical_filter visit exposure day_obs group visit_system visit_definition "
            "visit_system_membership visit_detector_region skymap tract patch subfilter ssp_hypothesis_table "
            "ssp_hypothesis_bundle ssp_balanced_index"
        ).split()
    ),
    "query-datasets REPO bias --collections imported_r,imported_g --find-first",
    "query-datasets REPO visitTable --collections HSC/defaults --find-first",
    "query-datasets REPO flatCoeffs --collections HSC/defaults --find-first : status",
    "query-datasets REPO qeCurve --collections HSC/calib/gen/2026A,HSC/calib --find-first",
    "query-datasets REPO bias --collections '*' --order-by -detector,instrument : sorted",
    "query-datasets REPO visitTable --collections HSC/best --show-uri",
    "query-datasets REPO refCat,hpxSummary,sspSummary,pickled --collections '*' --show-uri",
    "query-datasets REPO calexp_metadata,isr_log --collections '*' --show-uri",
    "query-datasets REPO bias --collections '*' --show-uri : status",
    "query-dimension-records REPO physical_filter --datasets visitTable",
    "query-dimension-records REPO detector --datasets '*Coeffs'",
]

CUSTOM = ["query-datasets REPO '*' --collections '*' --show-uri"]

OLD = [
    f"query-dimension-records REPO {element}"
    for element in ("instrument", "visit", "exposure", "visit_detector_region", "detector", "visit_definition")
]


def check(line: str, repository: str):
    line, _, remark = line.partition(" : ")
    arguments = [repository if word == "REPO" else word for word in shlex.split(line)]
    theirs = upstream(*arguments)
    ours = steward(*arguments)
    assert ours.status == theirs.status, ours.errors + theirs.errors
    if theirs.status != 0:
        name = "butler" if ours.errors.startswith("butler") else "steward"
        assert one_line_of(ours.errors).startswith(f"{name}: error: ")
    match remark:
        case "":
            assert ours.output == theirs.output
        case "sorted":
            assert sorted(ours.output.splitlines()) == sorted(theirs.output.splitlines())
        case "count":
            assert len(ours.output.splitlines()) == len(theirs.output.splitlines())
        case "status":
            assert theirs.status != 0
            assert ours.output == theirs.output
        case _:
            raise AssertionError(f"unknown remark {remark!r}")


@pytest.mark.parametrize("line", COLLECTIONS + DATASET_TYPES + DATASETS + MADE)
def test_same_output_over_a_repository_made_here(made, line):
    check(line, made)


@pytest.mark.parametrize("line", COLLECTIONS + DATASET_TYPES + DATASETS + HSC)
def test_same_output_over_hsc_rc2(fixtures, line):
    check(line, str(fixtures / "hsc-rc2"))


@pytest.mark.parametrize("line", COLLECTIONS + DATASET_TYPES + DATASETS + CUSTOM)
def test_same_output_over_custom_datastores(fixtures, line):
    check(line, str(fixtures / "custom"))


@pytest.mark.parametrize("line", COLLECTIONS[:6] + DATASET_TYPES + DATASETS[:6])
def test_same_output_over_an_empty_repository(fixtures, line):
    check(line, str(fixtures / "empty"))


@pytest.mark.parametrize("version", range(8))
def test_same_output_over_old_universes(fixtures, version):
    repository = str(fixtures / f"universe-{version}")
    for line in OLD + ["query-datasets REPO '*' --collections '*' --show-uri", "query-dataset-types REPO -v"]:
        arguments = [repository if word == "REPO" else word for word in shlex.split(line)]
        # An element that this universe lacks is an error for both.
        theirs, ours = upstream(*arguments), steward(*arguments)
        assert (line, ours.status) == (line, theirs.status), ours.errors
        assert ours.output == theirs.output


@pytest.mark.parametrize(
    "line",
    [
        "query-collections /no/such/repository",
        "query-datasets /no/such/repository '*'",
        "query-dataset-types /no/such/repository/butler.yaml",
        "nosuch",
        "",
    ],
)
def test_same_status_without_a_repository(line):
    arguments = shlex.split(line)
    assert steward(*arguments) == upstream(*arguments)


# Retrieving files


def files_below(folder: Path) -> dict[str, bytes]:
    """Contents by relative path, without the index, whose records have no fixed order."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "_butler_zip_index.json"
    }


RETRIEVALS = [
    "REPO DEST/ -d count",
    "REPO DEST/ -d count -v",
    "REPO DEST/ -dcount,summary --collections inner --find-first -v -t copy",
    "REPO DEST/ --dataset-type 'c*' --no-preserve-path --collections run/a --verbose",
    "REPO DEST/ -d count -t symlink",
    "REPO DEST/ -d count -t RELSYMLINK -v",
    "REPO DEST/ -d count --limit 0 -t auto",
    "REPO DEST/ -d nosuch",
    "REPO DEST/ -d 'no*such' -v",
    "REPO DEST/ -d unused_log",
    "REPO DEST/ -d count --collections nosuch",
    "REPO DEST/ -d count -t move",
    "REPO DEST -d count",
    "REPO DEST/ -d count -t bogus",
]


@pytest.mark.parametrize("line", RETRIEVALS)
def test_retrieve_artifacts_brings_the_same_files(made, tmp_path, line):
    outcomes = []
    for name, run in (("theirs", upstream), ("ours", steward)):
        destination = str(tmp_path / name)
        arguments = shlex.split(line.replace("REPO", made).replace("DEST", destination))
        outcome = run("retrieve-artifacts", *arguments)
        outcomes.append((outcome.status, sorted(outcome.output.replace(destination, "DEST").splitlines())))
    assert outcomes[0] == outcomes[1], outcome.errors
    assert files_below(tmp_path / "theirs") == files_below(tmp_path / "ours")
    links = [{p.name for p in (tmp_path / n).rglob("*") if p.is_symlink()} for n in ("theirs", "ours")]
    assert links[0] == links[1]


def test_retrieve_artifacts_overwrites_only_when_told_to(made, tmp_path):
    # Copies, because a hard link would lead into the repository.
    line = ["retrieve-artifacts", made, f"{tmp_path}/", "-d", "count", "--no-preserve-path", "-t", "copy"]
    assert steward(*line).status == 0
    target = next(path for path in sorted(tmp_path.iterdir()) if path.name.startswith("count_"))
    target.write_text("changed")
    again = steward("--no-log-tty", *line)
    assert again.status == 1
    assert "already exists" in one_line_of(again.errors)
    assert target.read_text() == "changed"
    assert steward(*line, "--clobber").status == 0
    assert target.read_text() != "changed"


def test_datasets_without_the_record_of_a_relation_are_retrieved_too(fixtures, tmp_path):
    # Upstream joins dimension records and so leaves the dataset in run HSC/edge/no-region out.
    outcome = steward("retrieve-artifacts", str(fixtures / "hsc-rc2"), f"{tmp_path}/", "-d", "calexp_metadata")
    assert outcome.status == 0, outcome.errors
    assert (tmp_path / "HSC" / "edge" / "no-region").is_dir()


def test_linked_artifacts_can_be_retrieved_again(made, tmp_path):
    line = ["retrieve-artifacts", made, f"{tmp_path}/", "-d", "count"]
    assert steward(*line) == upstream(*line)
    assert steward(*line) == upstream(*line)


def test_files_of_one_name_are_refused_without_folders(fixtures, tmp_path):
    line = ["retrieve-artifacts", str(fixtures / "custom"), f"{tmp_path / 'a'}/", "--no-preserve-path"]
    assert steward(*line).status == upstream(*line[:2], f"{tmp_path / 'b'}/", *line[3:]).status == 1
    assert not (tmp_path / "a").exists()


def test_python_packs_the_index_of_a_retrieval(made, tmp_path):
    from lsst.daf.butler.datastores.file_datastore.retrieve_artifacts import ZipIndex

    with Butler.from_config(made) as butler:
        indexes = {}
        for name, run in (("theirs", upstream), ("ours", steward)):
            assert run("retrieve-artifacts", made, f"{tmp_path / name}/", "-d", "count,summary").status == 0
            text = (tmp_path / name / ZipIndex.index_name).read_text()
            indexes[name] = ZipIndex.model_validate_json(text)
            refs = indexes[name].refs.to_refs(universe=butler.dimensions)
            assert {ref.id for ref in refs} == {
                ref.id
                for name in ("count", "summary")
                for ref in butler.query_datasets(name, collections="*", find_first=False)
            }
            assert all(ref.dataId.hasRecords() for ref in refs)
        assert indexes["ours"].artifact_map == indexes["theirs"].artifact_map


def test_retrieve_artifacts_from_custom_datastores(fixtures, tmp_path):
    outputs = []
    for name, run in (("theirs", upstream), ("ours", steward)):
        outcome = run("retrieve-artifacts", str(fixtures / "custom"), f"{tmp_path / name}/", "-v")
        assert outcome.status == 0, outcome.errors
        outputs.append(sorted(outcome.output.replace(str(tmp_path / name), "DEST").splitlines()))
    assert outputs[0] == outputs[1]
    assert files_below(tmp_path / "theirs") == files_below(tmp_path / "ours")


# Making repositories


@pytest.mark.parametrize(
    "options", ["", "--standalone", "--outfile OUT/conf.yaml", "-f OUT/other.yaml --override", "--seed-config SEED"]
)
def test_create_makes_what_the_python_command_makes(tmp_path, options):
    trees = []
    (tmp_path / "seed.yaml").write_text("datastore:\n  checksum: true\n")
    for name, run in (("theirs", upstream), ("ours", steward)):
        root = tmp_path / name / "repo"
        out = tmp_path / name / "out"
        out.mkdir(parents=True)
        words = shlex.split(options.replace("OUT", str(out)).replace("SEED", str(tmp_path / "seed.yaml")))
        outcome = run("create", str(root), *words)
        assert (outcome.status, outcome.output) == (0, ""), outcome.errors
        trees.append(
            {
                # Parsed, because Python writes repeated values as YAML aliases.
                str(path.relative_to(tmp_path / name)): yaml.safe_load(
                    path.read_text().replace(str(tmp_path / name), "")
                )
                for path in sorted((tmp_path / name).rglob("*"))
                if path.suffix == ".yaml"
            }
        )
        assert (root / "gen3.sqlite3").exists()
        again = run("create", str(root), *words)
        assert again.status == 1
    assert trees[0] == trees[1]
    elsewhere = list((tmp_path / "ours" / "out").iterdir())
    with Butler.from_config(str(elsewhere[0] if elsewhere else root), writeable=True) as butler:
        butler.collections.register("run")
        butler.registry.registerDatasetType(DatasetType("x", [], "StructuredDataDict", universe=butler.dimensions))
        butler.put({"a": 1}, "x", run="run")
        assert butler.get("x", collections="run") == {"a": 1}


# What Steward adds


def test_through_a_link_named_butler_it_is_that_command(made, tmp_path):
    link = tmp_path / "butler"
    link.symlink_to(BINARY.resolve())
    direct = steward("query-collections", made)
    assert steward("query-collections", made, program=link, prefix=()) == direct
    failed = steward("query-collections", "/no/such/repository", program=link, prefix=())
    assert failed.status == 1
    assert one_line_of(failed.errors).startswith("butler: error: ")
    wrong = steward("query-collections", made, "--nosuch", program=link, prefix=())
    assert wrong.status == 2
    assert "butler query-collections --help" in one_line_of(wrong.errors)


def json_lines(*arguments: str) -> list[dict]:
    outcome = steward(*arguments, "--format", "json")
    assert outcome.status == 0, outcome.errors
    return [json.loads(line) for line in outcome.output.splitlines()]


def test_json_lines_hold_what_the_python_client_finds(made):
    with Butler.from_config(made) as butler:
        collections = {info.name: info for info in butler.collections.query_info("*", include_summary=True)}
        lines = json_lines("query-collections", made, "-t", "--exclude-dataset-types", "-")
        found = {line["name"]: line for line in lines}
        assert found.keys() == collections.keys()
        for name, info in collections.items():
            assert found[name]["type"] == info.type.name
            assert tuple(found[name]["children"]) == info.children
            assert set(found[name]["dataset_types"]) == set(info.dataset_types)

        types = {t.name: t for t in butler.registry.queryDatasetTypes()}
        for line in json_lines("query-dataset-types", made):
            assert line == {
                "name": line["name"],
                "dimensions": list(types[line["name"]].dimensions.names),
                "storage_class": types[line["name"]].storageClass_name,
                "is_calibration": types[line["name"]].isCalibration(),
            }

        refs = {str(r.id): r for r in butler.query_datasets("summary", collections="*", find_first=False)}
        lines = json_lines("query-datasets", made, "summary", "--collections", "*", "--show-uri")
        assert {line["id"] for line in lines} == refs.keys()
        for line in lines:
            ref = refs[line["id"]]
            assert (line["run"], line["dataset_type"]) == (ref.run, "summary")
            assert line["data_id"] == dict(ref.dataId.mapping)
            assert line["uris"] == [{"component": None, "uri": str(butler.getURI(ref))}]

        records = butler.query_dimension_records("visit")
        lines = json_lines("query-dimension-records", made, "visit")
        assert [line["record"]["id"] for line in lines] == sorted(r.id for r in records)
        assert {line["definition"] for line in lines} == {"visit"}


def test_json_without_results_prints_nothing(made):
    assert json_lines("query-dataset-types", made, "nosuch") == []
    assert json_lines("query-dimension-records", made, "tract") == []
    assert json_lines("query-datasets", made, "nosuch", "--collections", "*") == []


def test_colour_only_on_a_terminal_and_not_if_refused(made):
    assert "\x1b" not in steward("query-collections", made).output
    assert "\x1b[1m" in in_terminal("query-collections", made)
    plain = in_terminal("query-collections", made, environment={"NO_COLOR": "1"})
    assert plain.replace("\r\n", "\n") == steward("query-collections", made).output


def test_progress_on_a_terminal_tells_rate_and_time_left(made, tmp_path):
    shown = in_terminal("retrieve-artifacts", made, f"{tmp_path / 'a'}/", "-d", "count")
    assert re.search(r"Retrieving 4 of 4 \(100 %\), \S+ \S*/s, 0 s left", shown)
    quiet = in_terminal("--no-progress", "retrieve-artifacts", made, f"{tmp_path / 'b'}/", "-d", "count")
    assert "left" not in quiet


def test_options_come_from_a_file_where_the_command_line_gives_none(made, tmp_path):
    presets = tmp_path / "presets.yaml"
    presets.write_text("query-datasets:\n  collections: [run/a, run/b]\n  find-first: true\n  limit: 2\n")
    for more in ([], ["--no-find-first"], ["--limit", "0"], ["--collections", "run/b"]):
        line = ["query-datasets", made, "summary", "-@", str(presets), *more]
        theirs, ours = upstream(*line), steward(*line)
        assert ours.status == theirs.status == 0, ours.errors + theirs.errors
        assert len(ours.output.splitlines()) == len(theirs.output.splitlines())
    for content in ("query-datasets:\n  nosuch: 1\n", "other: {}\n", "a: [\n"):
        presets.write_text(content)
        assert steward("query-datasets", made, "count", "-@", str(presets)).status == 2
    assert steward("query-datasets", made, "count", "-@", str(tmp_path / "none.yaml")).status == 2


def test_a_reached_limit_is_told_on_standard_error(made):
    cut = steward("query-datasets", made, "summary", "--collections", "*", "--limit", "-3")
    assert "Requested limit of 3 hit for number of datasets returned. Use --limit" in cut.errors
    exact = steward("query-datasets", made, "summary", "--collections", "*", "--limit", "3")
    assert exact.errors == ""
    quiet = steward("--log-level", "ERROR", "query-datasets", made, "summary", "--collections", "*", "--limit", "-3")
    assert quiet.errors == ""
    silent = steward("--no-log-tty", "query-datasets", made, "summary", "--collections", "*", "--limit", "-3")
    assert silent.errors == ""


def test_log_files_take_text_and_records(made, tmp_path):
    from lsst.daf.butler.logging import ButlerLogRecord

    text, records = tmp_path / "log.txt", tmp_path / "log.json"
    line = ["query-datasets", made, "summary", "--collections", "*", "--limit", "-3"]
    for _ in range(2):
        outcome = steward("--log-file", f"{text},{records}", "--log-label", "night=7", *line)
        assert outcome.status == 0, outcome.errors
    assert len(text.read_text().splitlines()) == 2
    parsed = [ButlerLogRecord.model_validate_json(one) for one in records.read_text().splitlines()]
    assert [record.levelname for record in parsed] == ["WARNING"] * 2
    assert dict(parsed[0].MDC) == {"NIGHT": "7"}


def test_a_condition_is_refused_in_one_clear_line(made):
    for line in (["query-datasets", made, "count"], ["query-dimension-records", made, "visit"]):
        refused = steward("--log-level", "ERROR", *line, "--where", "visit = 8")
        assert (refused.status, refused.output) == (1, "")
        assert "not supported yet" in one_line_of(refused.errors)


def test_version_and_help():
    assert re.fullmatch(r"\d+\.\d+\.\d+\n", steward("--version", prefix=()).output)
    for arguments in (["--help"], ["butler", "-h"], ["butler", "query-datasets", "--help"]):
        shown = steward(*arguments, prefix=())
        assert shown.status == 0
        assert "USAGE: steward" in shown.output
