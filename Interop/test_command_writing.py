"""Compare the commands that write datasets, `prune-datasets`, `remove-runs`, `transfer-datasets` and `ingest-files`, with
Rubin's, each on a copy of one repository.
"""

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

pytest.importorskip("lsst.daf.butler")
from command_line import BINARY, cli, needs_binary, steward, upstream  # noqa: E402
from astropy.table import Table  # noqa: E402
from click.testing import CliRunner  # noqa: E402
from fault_operations import anonymous, check_whole, fill, state  # noqa: E402
from lsst.daf.butler import Butler  # noqa: E402

pytestmark = needs_binary
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    root = tmp_path_factory.mktemp("commands") / "repository"
    fill(root)
    return root


def copies(base, tmp_path):
    return [shutil.copytree(base, tmp_path / name / "repository") for name in ("theirs", "ours")]


def without_folders(text, root):
    return text.replace(str(Path(root).parent), "DIR")


def both(base, tmp_path, line, answer=None):
    """Runs a command line on two copies; both copies and the output of Steward are the same as those of Rubin's."""
    theirs, ours = copies(base, tmp_path)
    arguments = lambda root: [word.replace("REPO", str(root)) for word in shlex.split(line)]  # noqa: E731
    if answer is None:
        expected, found = upstream(*arguments(theirs)), steward(*arguments(ours))
        outputs = [(expected.status, expected.output), (found.status, found.output)]
    else:
        result = CliRunner().invoke(cli, arguments(theirs), input=answer)
        done = subprocess.run(
            [BINARY, "butler", *arguments(ours)], input=answer, capture_output=True, text=True
        )
        # A terminal would show the answer itself; the runner of the Python command does.
        outputs = [
            (result.exit_code, result.stdout.replace(f"[y/N]: {answer}", "[y/N]: ")),
            (done.returncode, done.stdout),
        ]
    assert without_folders(outputs[1][1], ours) == without_folders(outputs[0][1], theirs)
    assert outputs[1][0] == outputs[0][0]
    assert anonymous(state(ours)) == anonymous(state(theirs))
    check_whole(ours)
    return ours


@pytest.mark.parametrize(
    "line",
    [
        "REPO run/a --unstore --no-confirm",
        "REPO run/a --unstore --no-confirm --datasets other",
        "REPO run/a run/b --unstore --no-confirm --datasets 'c*' --where 'detector < 2' --find-all",
        "REPO 'run/*' --unstore --no-confirm --find-all",
        "REPO chain --unstore --no-confirm --quiet",
        "REPO --purge run/a --no-confirm",
        "REPO --purge run/b --no-confirm --where 'detector=3'",
        "REPO --disassociate tag --no-confirm",
        "REPO --disassociate tag --unstore --no-confirm --datasets count",
        "REPO run/a --unstore --dry-run",
        "REPO --purge run/a --dry-run",
        "REPO --disassociate tag --dry-run",
        "REPO run/a run/b --disassociate tag --unstore --dry-run",
        "REPO run/a --unstore --datasets nosuch --no-confirm",
        "REPO run/a",
        "REPO --unstore",
        "REPO --purge tag --no-confirm",
        "REPO --purge run/a --disassociate tag",
        "REPO run/a --unstore --quiet --dry-run",
        "REPO nosuch --unstore --no-confirm",
    ],
)
def test_prune_datasets(base, tmp_path, line):
    both(base, tmp_path, f"prune-datasets {line}")


@pytest.mark.parametrize("answer", ["y\n", "n\n", "\n", "yes\n"])
def test_prune_datasets_asks(base, tmp_path, answer):
    both(base, tmp_path, "prune-datasets REPO run/a --unstore", answer)


def test_prune_datasets_asks_nothing_when_there_is_nothing(base, tmp_path):
    both(base, tmp_path, "prune-datasets REPO run/a --unstore --datasets nosuch", "y\n")


@pytest.mark.parametrize(
    "line",
    [
        "REPO run/a --no-confirm --force",
        "REPO 'run/*' --no-confirm --force",
        "REPO 'run/*' --no-confirm",
        "REPO nosuch --no-confirm",
        "REPO 'nosuch*' --no-confirm",
        "REPO tag --no-confirm",
    ],
)
def test_remove_runs(base, tmp_path, line):
    both(base, tmp_path, f"remove-runs {line}")


@pytest.mark.parametrize("answer", ["y\n", "n\n"])
def test_remove_runs_asks(base, tmp_path, answer):
    both(base, tmp_path, "remove-runs REPO run/b", answer)


@pytest.mark.parametrize(
    "options",
    [
        "--register-dataset-types",
        "--register-dataset-types -t copy --collections run/a",
        "--register-dataset-types -d count --where 'detector > 1' --transfer symlink",
        "--register-dataset-types --dry-run",
        "--register-dataset-types --collections chain --find-first -d count -t hardlink",
        "--register-dataset-types --no-transfer-dimensions",
        "-d count",
        "--register-dataset-types -d nosuch",
    ],
)
def test_transfer_datasets(base, tmp_path, options):
    outcomes = []
    for name, run in (("theirs", upstream), ("ours", steward)):
        target = tmp_path / name
        Butler.makeRepo(str(target))
        Butler.from_config(str(target), writeable=True).close()
        outcome = run("transfer-datasets", str(base), str(target), *shlex.split(options))
        links = sorted(str(p.relative_to(target)) for p in target.rglob("*") if p.is_symlink())
        outcomes.append((outcome.status, outcome.output, anonymous(state(target)) if outcome.status == 0 else None, links))
        if outcome.status == 0 and "dry" not in options:
            check_whole(target)
    assert outcomes[1] == outcomes[0]


TABLE = """file,detector
one.yaml,4
one.yaml,5
two.yaml,6
"""


@pytest.mark.parametrize(
    "options",
    [
        "",
        "-t copy",
        "-t move",
        "-t direct",
        "--id-generation-mode DATAID_TYPE",
        "--id-generation-mode dataid_type_run --formatter lsst.daf.butler.formatters.yaml.YamlFormatter",
        "--no-track-file-attrs -t symlink",
    ],
)
def test_ingest_files(base, tmp_path, options):
    states = []
    for root, run in zip(copies(base, tmp_path), (upstream, steward)):
        sources = root.parent / "sources"
        sources.mkdir()
        for name in ("one", "two"):
            (sources / f"{name}.yaml").write_text(f"name: {name}\n")
        (sources / "table.csv").write_text(TABLE)
        outcome = run(
            "ingest-files", *shlex.split(options), str(root), "count", "run/new", str(sources / "table.csv"),
            "--data-id", "instrument=Cam", "--prefix", str(sources),
        )
        assert (outcome.status, outcome.output) == (0, ""), outcome.errors
        found = state(root)
        ids = sorted(row[0] for row in found["datasets"]) if "dataid" in options.lower() else None
        text = without_folders(repr((anonymous(found), [p.name for p in sorted(sources.iterdir())], ids)), root)
        states.append(text)
        if "no-track" not in options:
            check_whole(root)
    assert states[0] == states[1]


@pytest.mark.parametrize("number", [int, float])
@pytest.mark.parametrize("form", ["csv", "ecsv", "fits", "parquet", "votable"])
def test_ingest_files_reads_the_tables_of_astropy(base, tmp_path, form, number):
    table = Table({"file": ["one.yaml", "one.yaml", "two.yaml"], "detector": list(map(number, [4, 5, 6])),
                   "instrument": ["Cam"] * 3})
    listed = tmp_path / f"table.{form}"
    table.write(listed, format={"ecsv": "ascii.ecsv", "csv": "ascii.csv"}.get(form, form))
    for name in ("one", "two"):
        (tmp_path / f"{name}.yaml").write_text(f"name: {name}\n")
    states = []
    for root, run in zip(copies(base, tmp_path), (upstream, steward)):
        arguments = ("ingest-files", str(root), "count", "run/new", str(listed), "--prefix", str(tmp_path), "-t", "copy")
        outcome = run(*arguments)
        assert (outcome.status, outcome.output) == (0, ""), outcome.errors
        states.append(anonymous(state(root)))
    assert states[0] == states[1]


@pytest.mark.parametrize(
    "table, ignored",
    [("file,detector,exptime,note\none.yaml,4,30.5,good\ntwo.yaml,5,,\n", "'exptime', 'note'"),
     ("file,day_obs,detector,visit\none.yaml,2025-01-01,4,\n", None), ("file,detector\n", None)],
)
def test_ingest_files_passes_over_what_is_no_dimension(base, tmp_path, table, ignored):
    for name in ("one", "two"):
        (tmp_path / f"{name}.yaml").write_text(f"name: {name}\n")
    (tmp_path / "table.csv").write_text(table)
    states = []
    for root, run in zip(copies(base, tmp_path), (upstream, steward)):
        outcome = run("ingest-files", str(root), "count", "run/new", str(tmp_path / "table.csv"), "--data-id",
                      "instrument=Cam", "--prefix", str(tmp_path), "-t", "copy")
        assert (outcome.status, outcome.output) == (0, ""), outcome.errors
        states.append(anonymous(state(root)))
    assert states[0] == states[1]
    # A misspelt column is seen.
    assert (f"What the table says of {ignored} is ignored" in outcome.errors) == bool(ignored), outcome.errors


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_ingest_files_takes_lines_of_all_systems(base, tmp_path, end):
    for name in ("one", "two"):
        (tmp_path / f"{name}.yaml").write_text(f"name: {name}\n")
    listed = tmp_path / "table.csv"
    listed.write_bytes(end.join(["file,detector", "one.yaml,4", "two.yaml,5", ""]).encode())
    states = []
    for root, run in zip(copies(base, tmp_path), (upstream, steward)):
        outcome = run("ingest-files", str(root), "count", "run/new", str(listed), "--data-id", "instrument=Cam",
                      "--prefix", str(tmp_path), "-t", "copy")
        assert outcome.status == 0, outcome.errors
        states.append(anonymous(state(root)))
    assert states[0] == states[1]


@pytest.mark.parametrize(
    "table",
    ["file,detector\nmissing.yaml,4\n", "file,detector\none.yaml\n", "file,detector\none.yaml,x\n", "",
     "file,detector\n,4\n", "file,detector\none.yaml,4\n#two.yaml,5\n", "file,detector\none.yaml,4.5\n", "file,detector,detector\none.yaml,4,4\n", "file,detector\none.yaml,99999999999999999999\n"],
)
def test_ingest_files_refuses_bad_tables_and_missing_files(base, tmp_path, table):
    root = shutil.copytree(base, tmp_path / "repository")
    (tmp_path / "one.yaml").write_text("{}")
    (tmp_path / "table.csv").write_text(table)
    before = state(root)
    outcome = steward(
        "ingest-files", str(root), "count", "run/new", str(tmp_path / "table.csv"), "--data-id", "instrument=Cam",
        "--prefix", str(tmp_path),
    )
    assert outcome.status == 1
    assert len([line for line in outcome.errors.splitlines() if "error:" in line]) == 1, outcome.errors
    assert state(root) == before
