"""Compare the commands that change collections and dataset types with Rubin's `butler`: each case runs the same lines
by both, on copies of one repository, and compares output, exit status and the whole database after each line.

A line that fails leaves nothing behind here. Where upstream leaves a part of its work, the line ends with a remark:
  undone   fails for both; the rest of the case runs on copies of the repository that upstream did not spoil
"""

import json
import os
import re
import shlex
import shutil
import sqlite3
import subprocess

import pytest
from click.testing import CliRunner
from command_line import BINARY, Outcome, asked, fixtures, made, needs_binary, one_line_of, steward  # noqa: F401
from lsst.daf.butler import Butler
from lsst.daf.butler.cli.butler import cli
from lsst.daf.butler.cli.cliLog import CliLog
from registry_tables import contents, differences

pytestmark = needs_binary


def compare(lines, original, folder):
    ours, theirs = folder / "ours", folder / "theirs"
    for copy in (ours, theirs):
        shutil.copytree(original, copy)
    for text in lines:
        line, _, remark = text.partition(" : ")
        words = shlex.split(line)
        before = contents(ours)
        mine = steward(*(str(ours) if word == "REPO" else word for word in words))
        other = asked(*(str(theirs) if word == "REPO" else word for word in words))
        assert mine.status == other.status, (line, mine, other)
        if other.status == 0:
            assert mine.output == other.output, line
        else:
            assert mine.output == "", line
            assert sum("error: " in row for row in mine.errors.splitlines()) == 1, mine.errors
            assert contents(ours) == before, line
        if remark == "undone":
            assert other.status != 0
            shutil.rmtree(theirs)
            shutil.copytree(ours, theirs)
        assert differences(contents(ours), contents(theirs)) == {}, line


CASES = {
    "dataset types": [
        "register-dataset-type REPO new StructuredDataDict instrument visit",
        "register-dataset-type REPO new StructuredDataDict visit",
        "register-dataset-type REPO new StructuredDataDict instrument",
        "register-dataset-type REPO new int visit",
        "register-dataset-type REPO new StructuredDataDict visit --is-calibration",
        "register-dataset-type REPO --is-calibration dark StructuredDataDict detector",
        "register-dataset-type REPO dark StructuredDataDict detector --no-is-calibration",
        "register-dataset-type REPO same StructuredDataDict detector instrument",
        "register-dataset-type REPO empty int",
        "register-dataset-type REPO tracts int tract band",
        "register-dataset-type REPO cal int --is-calibration --no-is-calibration --is-calibration",
        "register-dataset-type REPO detector int detector",
        "register-dataset-type REPO instrument int",
        "register-dataset-type REPO a.b int",
        "register-dataset-type REPO 1a int",
        "register-dataset-type REPO 'a b' int",
        "register-dataset-type REPO 'a#b' int",
        "register-dataset-type REPO a/b int",
        "register-dataset-type REPO é int",
        "register-dataset-type REPO '' int",
        "register-dataset-type REPO bad NoSuchClass visit : undone",
        "register-dataset-type REPO bad int nosuch",
        "register-dataset-type REPO bad int detector,visit",
        "register-dataset-type REPO bad int visit_definition : undone",
        "register-dataset-type REPO bad",
        "register-dataset-type REPO",
        "remove-dataset-type REPO new",
        "remove-dataset-type REPO new",
        "remove-dataset-type REPO nosuch 'no*such'",
        "remove-dataset-type REPO",
        "remove-dataset-type REPO count",
        "remove-dataset-type REPO flat",
        "remove-dataset-type REPO a.b",
        "remove-dataset-type REPO 1a",
        "remove-dataset-type REPO '[s]ame' dark 'e*'",
        "remove-dataset-type REPO tracts count : undone",
        "remove-dataset-type REPO tracts detector cal",
        "register-dataset-type REPO new StructuredDataDict instrument visit",
        f"register-dataset-type REPO {'x' * 10000} int visit",
        "remove-dataset-type REPO 'x*'",
    ],
    "chains": [
        "collection-chain REPO outer run/a",
        "collection-chain REPO outer run/a,run/b best",
        "collection-chain REPO outer run/a,run/b,run/a",
        "collection-chain REPO --mode extend outer calib run/a",
        "collection-chain REPO --mode prepend outer calib/run,run/b",
        "collection-chain REPO --mode extend outer calib/run --mode prepend",
        "collection-chain REPO --mode remove outer best,inner",
        "collection-chain REPO --mode remove outer nosuch",
        "collection-chain REPO --mode pop outer",
        "collection-chain REPO --mode pop outer 1",
        "collection-chain REPO --mode=pop outer -- -1",
        "collection-chain REPO --mode pop outer 7",
        "collection-chain REPO --mode pop outer x",
        "collection-chain REPO --mode extend outer run/a best calib",
        "collection-chain REPO --mode pop outer 0,1",
        "collection-chain REPO --mode pop outer 0",
        "collection-chain REPO --mode pop outer 0 0",
        "collection-chain REPO --mode pop outer",
        "collection-chain REPO --mode pop nothing",
        "collection-chain REPO --mode pop nosuch",
        "collection-chain REPO --mode remove nosuch run/a",
        "collection-chain REPO --mode bogus outer run/a",
        "collection-chain REPO --mode pop outer -1",
        "collection-chain REPO outer",
        "collection-chain REPO --mode extend outer",
        "collection-chain REPO new inner --doc 'a new chain'",
        "collection-chain REPO new inner best --doc 'not a new chain'",
        "collection-chain REPO other --mode extend new,run/a --doc ''",
        "collection-chain REPO third --mode prepend run/a,run/b",
        "collection-chain REPO --flatten flat other best",
        "collection-chain REPO --flatten flat 'run/*' --mode prepend",
        "collection-chain REPO --flatten flat new --mode extend --no-flatten",
        "collection-chain REPO --flatten flat new --mode remove",
        "collection-chain REPO --flatten flat --mode pop",
        "collection-chain REPO inner new",
        "collection-chain REPO inner other --mode extend",
        "collection-chain REPO new new",
        "collection-chain REPO brandnew brandnew : undone",
        "collection-chain REPO brandnew nosuch : undone",
        "collection-chain REPO run/a best",
        "collection-chain REPO best run/a --mode prepend",
        "collection-chain REPO outer 'run/*'",
        "collection-chain REPO 'a b#c/é' run/a",
        f"collection-chain REPO {'é' * 5000} 'a b#c/é'",
        "collection-chain",
    ],
    "tags": [
        "associate REPO best -d count --collections run/b",
        "associate REPO best -d count --collections run/a --where 'visit = 11'",
        "associate REPO new -d count,summary --collections run/b,run/a --find-first",
        "associate REPO new -d nosuch --collections run/a",
        "associate REPO more --dataset-type 's*' -d count --collections inner --where \"instrument = 'CamA' AND visit = 8\" --find-first",
        "associate REPO z -d zero --collections run/a",
        "associate REPO z -d flat --collections calib/run --limit 0",
        "associate REPO z -d flat --collections calib/run --where 'detector > 2'",
        "associate REPO empty -d count --collections run/a --where 'visit = 7777' : undone",
        "associate REPO clash -d count --collections run/a,run/b : undone",
        "associate REPO best -d count --collections nosuch",
        "associate REPO unborn -d count --collections nosuch : undone",
        "associate REPO unborn -d count --collections run/a --where 'nosuch = 1' : undone",
        "associate REPO run/a -d count --collections run/b",
        "associate REPO inner -d count --collections run/b",
        "associate REPO calib -d count --collections run/b",
        "associate REPO best -d count --order-by visit",
        "associate REPO best -d count --limit x",
        "associate REPO",
    ],
    "calibrations": [
        "certify-calibrations REPO calib/run cal2 flat",
        "certify-calibrations REPO calib/run cal2 flat",
        "certify-calibrations REPO calib/run cal3 flat --begin-date 2026-01-01 --end-date 2026-02-01T12:30:15.25",
        "certify-calibrations REPO calib/run cal3 flat --begin-date '2026-02-01 12:30:15.25' --end-date 2026:050",
        "certify-calibrations REPO calib/run cal3 flat --end-date 2026-01-02",
        "certify-calibrations REPO calib/run cal3 flat --end-date 2026-01-01",
        "certify-calibrations REPO calib/run cal4 flat --begin-date 2026-01-02 --end-date 2026-01-01",
        "certify-calibrations REPO calib/run cal4 flat --begin-date 2026-01-02 --end-date 2026-01-02",
        "certify-calibrations REPO calib/run cal4 flat --begin-date 2150-01-02 : undone",
        "certify-calibrations REPO calib/run unborn count : undone",
        "certify-calibrations REPO run/a unborn count : undone",
        "certify-calibrations REPO calib/run unborn nosuch",
        "certify-calibrations REPO nosuch unborn flat",
        "certify-calibrations REPO calib/run unborn flat --begin-date yesterday",
        "certify-calibrations REPO calib/run unborn flat --begin-date 59000.5",
        "certify-calibrations REPO calib/run unborn flat --end-date 2026-02-30",
        "certify-calibrations REPO calib/run best flat",
        "collection-chain REPO calchain run/a calib/run",
        "certify-calibrations REPO calchain cal5 flat",
        "certify-calibrations REPO calchain cal5 flat --search-all-inputs",
        "certify-calibrations REPO nothing cal6 flat",
        "certify-calibrations REPO nothing cal6 flat --search-all-inputs",
        "certify-calibrations REPO calib/run",
    ],
    "removals": [
        "remove-collections REPO best --no-confirm",
        "remove-collections REPO nothing --no-confirm",
        "remove-collections REPO nosuch --no-confirm",
        "remove-collections REPO 'run/*' --no-confirm",
        "remove-collections REPO inner --no-confirm",
        "remove-collections REPO inner --no-confirm --remove-from-parents",
        "remove-collections REPO calib --no-confirm",
        "collection-chain REPO one run/a",
        "collection-chain REPO two one,run/a",
        "collection-chain REPO three two,one",
        "remove-collections REPO one --no-confirm --remove-from-parents",
        "remove-collections REPO two --no-confirm --remove-from-parents",
        "remove-collections REPO 'n*' --no-confirm",
        "remove-collections REPO --no-confirm",
        "remove-collections REPO '*' extra --no-confirm",
    ],
}


@pytest.mark.parametrize("case", CASES)
def test_same_changes(made, case, tmp_path):
    compare(CASES[case], made, tmp_path)


HSC = [
    "register-dataset-type REPO brandNew StructuredDataDict visit detector",
    "register-dataset-type REPO brandNewCalib StructuredDataDict instrument physical_filter detector --is-calibration",
    "associate REPO u/me/tag -d visitTable --collections HSC/defaults --find-first",
    "associate REPO u/me/tag2 -d 'bias,flat*' --collections imported_g --where \"instrument = 'HSC' AND detector < 50\"",
    "certify-calibrations REPO imported_g u/me/calib bias --begin-date 2014-01-01 --end-date 2015-01-01",
    "certify-calibrations REPO imported_r u/me/calib bias --begin-date 2015-01-01",
    "certify-calibrations REPO imported_r u/me/calib bias --begin-date 2014-12-31",
    "collection-chain REPO u/me u/me/tag,u/me/calib HSC/defaults",
    "collection-chain REPO u/me/flat u/me --flatten",
    "collection-chain REPO HSC/defaults imported_g --mode prepend",
    "collection-chain REPO HSC/defaults --mode pop",
    "collection-chain REPO HSC/defaults u/me --mode extend",
    "remove-collections REPO u/me/calib --no-confirm",
    "remove-collections REPO u/me/calib --no-confirm --remove-from-parents",
    "remove-collections REPO u/me/tag --no-confirm --remove-from-parents",
    "remove-dataset-type REPO 'brandNew*'",
    "remove-dataset-type REPO bias",
]


def test_same_changes_to_the_hsc_fixture(fixtures, tmp_path):
    compare(HSC, fixtures / "hsc-rc2", tmp_path)


@pytest.mark.parametrize("version", range(8))
def test_same_changes_to_older_universes(fixtures, version, tmp_path):
    compare(
        [
            "register-dataset-type REPO one int visit detector",
            "register-dataset-type REPO two int exposure",
            "register-dataset-type REPO three int tract patch --is-calibration",
            "collection-chain REPO all '*' --flatten",
            "associate REPO tag --collections '*' -d '*'",
            "collection-chain REPO all tag --mode prepend",
            "remove-collections REPO tag --no-confirm --remove-from-parents",
            "remove-dataset-type REPO one,two three",
            "remove-dataset-type REPO one two three",
        ],
        fixtures / f"universe-{version}", tmp_path,
    )


# Confirmation


def ours_answering(answer, *arguments):
    done = subprocess.run([BINARY, "butler", *arguments], input=answer, capture_output=True, text=True)
    return Outcome(done.returncode, done.stdout, done.stderr)


def theirs_answering(answer, *arguments):
    result = CliRunner().invoke(cli, arguments, input=answer)
    CliLog.resetLog()
    # The runner shows what is typed, as a terminal would.
    output = result.stdout.replace(f"[y/N]: {answer}", "[y/N]: ")
    return Outcome(result.exit_code, output, result.stderr)


@pytest.mark.parametrize("answer", ["y\n", "n\n", "\n", "YES\n", "No\n"])
@pytest.mark.parametrize("line", ["best", "best --remove-from-parents", "*n* --remove-from-parents", "run/*", "nosuch", "nothing"])
def test_confirmation_shows_the_same(made, tmp_path, line, answer):
    words = line.split()
    outcomes = []
    for name, run in (("ours", ours_answering), ("theirs", theirs_answering)):
        shutil.copytree(made, tmp_path / name)
        outcomes.append(run(answer, "remove-collections", str(tmp_path / name), *words))
    ours, theirs = outcomes
    assert ours == theirs, (ours, theirs)
    assert differences(contents(tmp_path / "ours"), contents(tmp_path / "theirs")) == {}


def test_no_answer_removes_nothing(made, tmp_path):
    shutil.copytree(made, tmp_path / "repo")
    before = contents(tmp_path / "repo")
    ours = ours_answering("what?\n", "remove-collections", str(tmp_path / "repo"), "nothing")
    assert ours.status == theirs_answering("what?\n", "remove-collections", made, "nothing").status == 1
    assert "invalid input" in ours.output + ours.errors
    assert ours.errors.endswith("Aborted!\n")
    assert contents(tmp_path / "repo") == before


# What Steward adds


def test_a_failing_command_leaves_nothing_behind(made, tmp_path):
    """Upstream leaves new collections and the removals before the failure."""
    repository = shutil.copytree(made, tmp_path / "repo")
    before = contents(repository)
    for line in (
        "collection-chain REPO unborn nosuch",
        "associate REPO unborn -d count --collections run/a,run/b",
        "certify-calibrations REPO run/a unborn count",
        "register-dataset-type REPO unborn NoSuchClass visit",
        "remove-dataset-type REPO unused_log count",
        "remove-collections REPO '[bc]*' --no-confirm",
    ):
        outcome = steward(*(str(repository) if word == "REPO" else word for word in shlex.split(line)))
        assert outcome.status == 1, line
        assert contents(repository) == before, line


def test_a_member_of_a_chain_that_goes_too_is_no_obstacle(made, tmp_path):
    repository = shutil.copytree(made, tmp_path / "repo")
    assert steward("remove-collections", str(repository), "[bcio]*", "--no-confirm").status == 0
    with Butler.from_config(str(repository)) as butler:
        left = set(butler.collections.query("*"))
    assert left and not {"best", "inner", "outer", "calib"} & left


@pytest.mark.parametrize(
    "line, told",
    [
        ("register-dataset-type REPO new int visit", "Dataset type would be registered.\n"),
        ("register-dataset-type REPO zero StructuredDataDict", "Dataset type already existed in identical form.\n"),
        ("remove-dataset-type REPO 'unused*'", "Would remove dataset type 'unused_log'.\n"),
        ("associate REPO new -d count --collections run/b", "Number of datasets that would be associated with 'new': 2\n"),
        ("certify-calibrations REPO calib/run new flat", "Number of datasets that would be certified in 'new': 4\n"),
        ("collection-chain REPO new run/a", "[run/a]\n"),
        ("collection-chain REPO outer --mode pop", "[inner, calib]\n"),
    ],
)
def test_a_dry_run_tells_and_changes_nothing(made, tmp_path, line, told):
    repository = shutil.copytree(made, tmp_path / "repo")
    before = contents(repository)
    outcome = steward(*(str(repository) if word == "REPO" else word for word in shlex.split(line)), "--dry-run")
    assert outcome == Outcome(0, told), outcome.errors
    assert contents(repository) == before


def test_a_dry_run_of_a_removal_shows_the_tables(made, tmp_path):
    repository = shutil.copytree(made, tmp_path / "repo")
    before = contents(repository)
    shown = steward("remove-collections", str(repository), "inner", "--remove-from-parents", "--dry-run")
    asked_for = ours_answering("n\n", "remove-collections", str(repository), "inner", "--remove-from-parents")
    assert asked_for.output.startswith(shown.output) and "outer" in shown.output
    assert steward("remove-collections", str(repository), "inner", "--dry-run").status == 1
    assert contents(repository) == before


def test_json_lines(made, tmp_path):
    repository = str(shutil.copytree(made, tmp_path / "repo"))

    def lines(command, *arguments):
        outcome = steward(command, repository, *arguments, "--format", "json")
        assert outcome.status == 0, outcome.errors
        return [json.loads(line) for line in outcome.output.splitlines()]

    done = {"dry_run": False}
    assert lines("register-dataset-type", "new", "int") == [{"name": "new", "is_new": True} | done]
    assert lines("remove-dataset-type", "n*", "nosuch") == [{"name": "new"} | done]
    assert lines("associate", "t", "-d", "count", "--collections", "run/a") == [{"collection": "t", "count": 2} | done]
    assert lines("certify-calibrations", "calib/run", "c", "flat") == [{"collection": "c", "count": 4} | done]
    assert lines("collection-chain", "new", "t,c") == [{"name": "new", "children": ["t", "c"]} | done]
    assert lines("remove-collections", "[tc]", "--no-confirm", "--remove-from-parents") == [
        {"name": "c", "type": "CALIBRATION", "parents": ["new"]} | done,
        {"name": "t", "type": "TAGGED", "parents": ["new"]} | done,
    ]
    refused = steward("remove-collections", repository, "new", "--format", "json")
    assert refused.status == 2 and "--no-confirm" in refused.errors


def test_options_from_a_file(made, tmp_path):
    repository = str(shutil.copytree(made, tmp_path / "repo"))
    options = tmp_path / "options.yaml"
    options.write_text(
        "associate: {dataset-type: [count], collections: run/b, limit: 1}\n"
        "remove-collections: {confirm: false}\n"
        "certify-calibrations: {begin-date: '2026-01-01', search-all-inputs: true}\n"
    )
    assert steward("associate", repository, "t", "-@", str(options)).status == 0
    assert steward("certify-calibrations", repository, "calib/run", "c", "flat", "-@", str(options)).status == 0
    with Butler.from_config(repository) as butler:
        assert len(butler.query_datasets("count", collections="t")) == 1
        assert len(list(butler.registry.queryDatasetAssociations("flat", collections="c"))) == 4
    assert steward("remove-collections", repository, "t", "-@", str(options)).status == 0


def test_a_repository_that_cannot_be_written(fixtures, tmp_path):
    """Steward cannot keep the ObsCore table of somebody else's class, so it refuses to write such a repository."""
    repository = shutil.copytree(fixtures / "custom", tmp_path / "repo")
    configuration = repository / "butler.yaml"
    configuration.write_text(re.sub(r"lsst[\w.]*ObsCoreLiveTableManager", "x.ObsCore", configuration.read_text()))
    with sqlite3.connect(repository / "gen3.sqlite3") as database:
        database.execute(
            "UPDATE butler_attributes SET value = 'x.ObsCore' WHERE name = 'config:registry.managers.obscore'")
    before = contents(repository)
    for line in (
        "register-dataset-type REPO new int",
        "remove-dataset-type REPO nosuch",
        "collection-chain REPO new other",
        "associate REPO t --collections '*' -d '*'",
    ):
        outcome = steward(*(str(repository) if word == "REPO" else word for word in shlex.split(line)))
        assert outcome.status == 1 and "obscore" in one_line_of(outcome.errors).lower(), outcome
    assert contents(repository) == before


def test_a_database_without_write_permission(made, tmp_path):
    if os.geteuid() == 0:
        pytest.skip("permissions do not bind the superuser")
    repository = shutil.copytree(made, tmp_path / "repo")
    (repository / "gen3.sqlite3").chmod(0o444)
    repository.chmod(0o555)
    before = contents(repository)
    outcome = steward("collection-chain", str(repository), "new", "run/a")
    assert outcome.status == 1 and "gen3.sqlite3" in one_line_of(outcome.errors)
    assert contents(repository) == before
