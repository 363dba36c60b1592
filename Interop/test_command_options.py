"""Every command of Rubin's `butler` with every one of its options, in each spelling, against Python's output: status, standard
output, databases and files are the same. The first test compares the lines below with what the Python commands take.
"""

import json
import shlex
import shutil
from pathlib import Path

import pytest

pytest.importorskip("lsst.daf.butler")
import click  # noqa: E402
from command_line import asked, cli, needs_binary, steward  # noqa: E402
from fault_operations import anonymous, fill, state  # noqa: E402
from lsst.daf.butler import Butler, CollectionType, DatasetType, Timespan  # noqa: E402
from registry_tables import contents  # noqa: E402

pytestmark = needs_binary

#: REPO is a repository with datasets, OTHER one with the same records and without datasets; FILES holds what some commands
#: take, OUT is a name for what they make.
LINES = """
associate REPO new -d count --collections run/a --find-first -@ FILES/none.yaml
associate REPO new --dataset-type count,other --collections run/a,run/b --where "instrument = 'Cam' AND detector < 2" --find-first
associate REPO new -d other --collections run/a --no-find-first --limit 0 --options-file FILES/none.yaml
certify-calibrations REPO run/calib new bias --begin-date 2026-01-01 --end-date 2026-02-01 -@ FILES/none.yaml
certify-calibrations REPO calchain new bias --search-all-inputs --options-file FILES/none.yaml
collection-chain REPO new run/a,run/b --doc words
collection-chain REPO new chain --flatten --mode prepend
collection-chain REPO chain tag --no-flatten --mode extend
config-dump REPO -s registry -@ FILES/none.yaml
config-dump REPO --subset datastore --options-file FILES/none.yaml
config-dump REPO -s registry -p FILES
config-dump REPO -s registry --searchpath FILES --file OUT
config-validate REPO -q -d bias -@ FILES/none.yaml
config-validate REPO --quiet --dataset-type count -i other --options-file FILES/none.yaml
config-validate REPO --ignore other,count
create OUT --seed-config FILES/seed.yaml -@ FILES/none.yaml
create OUT --dimension-config FILES/dimensions.yaml --standalone --options-file FILES/none.yaml
create OUT --seed-config FILES/seed.yaml --override --outfile OUT.yaml
create OUT -f OUT.yaml
export-calibs REPO OUT calib -d bias -t copy
export-calibs REPO OUT --dataset-type 'b*' --transfer symlink
import OTHER FILES/export -t copy -s instrument -@ FILES/none.yaml
import OTHER FILES/export --transfer link --skip-dimensions detector --no-track-file-attrs
import OTHER FILES/export --export-file other.yaml --track-file-attrs --options-file FILES/none.yaml
ingest-files REPO count run/new FILES/table.csv --formatter lsst.daf.butler.formatters.yaml.YamlFormatter --data-id instrument=Cam --prefix FILES -t copy
ingest-files REPO count run/new FILES/table.csv --id-generation-mode dataid_type_run --data-id instrument=Cam --prefix FILES --no-track-file-attrs --transfer move
ingest-files REPO count run/new FILES/table.csv --id-generation-mode DATAID_TYPE --data-id instrument=Cam --prefix FILES --track-file-attrs
ingest-zip OTHER FILES/archive.zip -t copy --transfer-dimensions --no-dry-run
ingest-zip OTHER FILES/archive.zip --transfer move --no-transfer-dimensions
ingest-zip OTHER FILES/archive.zip --dry-run
prune-datasets REPO run/a run/b --datasets count --find-all --where "instrument = 'Cam' AND detector = 1" --unstore --no-confirm -@ FILES/none.yaml
prune-datasets REPO --disassociate tag --unstore --dry-run --options-file FILES/none.yaml
prune-datasets REPO --purge run/a --confirm
prune-datasets REPO run/a --unstore --quiet --datasets count
query-collections REPO 'run/*' --collection-type RUN --chains table -@ FILES/none.yaml
query-collections REPO -t --chains inverse-table --exclude-dataset-types bias --options-file FILES/none.yaml
query-collections REPO --show-dataset-types --chains flatten
query-collections REPO --chains tree
query-collections REPO --chains inverse-tree
query-collections REPO chain --chains no-children
query-data-ids REPO instrument,detector --collections run/a --datasets count --where "instrument = 'Cam'" --order-by -detector --limit 2 --offset 1 -@ FILES/none.yaml
query-data-ids REPO detector --options-file FILES/none.yaml
query-dataset-types REPO -v '*' --collections run/a -@ FILES/none.yaml
query-dataset-types REPO --verbose --options-file FILES/none.yaml
query-datasets REPO count --collections run/a,run/b --where "instrument = 'Cam'" --find-first --limit 3 --order-by detector --show-uri -@ FILES/none.yaml
query-datasets REPO count --collections run/a --no-find-first --options-file FILES/none.yaml
query-dimension-records REPO detector --datasets count --collections run/a --where "instrument = 'Cam'" --order-by -detector --limit 2 --offset 1 -@ FILES/none.yaml
query-dimension-records REPO detector --no-check --options-file FILES/none.yaml
register-dataset-type REPO new StructuredDataDict instrument detector --is-calibration
register-dataset-type REPO new int --no-is-calibration instrument
remove-collections REPO tag --no-confirm -@ FILES/none.yaml
remove-collections REPO calchain --no-confirm --remove-from-parents --options-file FILES/none.yaml
remove-collections REPO tag --confirm
remove-dataset-type REPO unused
remove-runs REPO run/b --no-confirm --force -@ FILES/none.yaml
remove-runs REPO run/calib --confirm --options-file FILES/none.yaml
retrieve-artifacts REPO OUT/ -d count --collections run/a,run/b --where "instrument = 'Cam'" --find-first --limit 20 --order-by detector -t copy -v -@ FILES/none.yaml
retrieve-artifacts REPO OUT/ --dataset-type count --collections run/a --no-find-first --transfer symlink --verbose --preserve-path --no-clobber --no-zip
retrieve-artifacts REPO OUT/ -d count --collections run/a --no-preserve-path --clobber -t copy --options-file FILES/none.yaml
retrieve-artifacts REPO OUT/ -d count --collections run/a --zip
transfer-datasets REPO OTHER -d count --collections run/a --where "instrument = 'Cam'" --find-first --limit 30 --order-by detector -t copy --register-dataset-types -@ FILES/none.yaml
transfer-datasets REPO OTHER --dataset-type other --collections run/a --no-find-first --transfer link --no-transfer-dimensions --no-dry-run
transfer-datasets REPO OTHER -d count --collections run/a --transfer-dimensions --dry-run --options-file FILES/none.yaml
""".strip().splitlines()

#: Those before the command; standard output and what is done stay the same.
GLOBAL = [
    "--log-level WARNING", "--log-level lsst.daf.butler=DEBUG", "--long-log", "--log-file LOG", "--log-file LOG.json",
    "--log-tty", "--no-log-tty", "--log-label a=b", "--progress", "--no-progress",
]  # fmt: skip


def spellings(command) -> set[str]:
    """All spellings of the options of a Python command, but those that only group the help."""
    return {
        name
        for option in command.params
        if isinstance(option, click.Option)
        for name in option.opts + option.secondary_opts
        if not name.startswith("--option-section")
    }


def given(line: str) -> set[str]:
    return {word for word in shlex.split(line) if word.startswith("-")}


def test_no_command_and_no_option_is_left_out():
    context = click.Context(cli)
    commands = {name: cli.get_command(context, name) for name in cli.list_commands(context)}
    lines = {name: [line for line in LINES if line.split()[0] == name] for name in commands}
    missing = {
        name: left
        for name, command in commands.items()
        if (left := spellings(command) - set().union(*map(given, lines[name])) if lines[name] else {"all"})
    }
    assert missing == {}
    assert sum(map(len, lines.values())) == len(LINES)
    # Some are for the help and for completion in shells only.
    assert spellings(cli) - set().union(*map(given, GLOBAL)) <= {"-h", "--help"}


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    folder = tmp_path_factory.mktemp("options") / "work"
    root = folder / "REPO"
    folder.mkdir()
    fill(root)
    with Butler.from_config(str(root), writeable=True, run="run/calib") as butler:
        butler.registry.registerDatasetType(
            DatasetType("bias", ["instrument", "detector"], "StructuredDataDict", universe=butler.dimensions, isCalibration=True)
        )
        butler.registry.registerDatasetType(DatasetType("unused", ["detector"], "int", universe=butler.dimensions))
        refs = [butler.put({"b": d}, "bias", instrument="Cam", detector=d) for d in (0, 1)]
        butler.collections.register("calib", CollectionType.CALIBRATION)
        butler.registry.certify("calib", refs, Timespan(None, None))
        butler.collections.register("calchain", CollectionType.CHAINED)
        butler.collections.redefine_chain("calchain", ["run/calib"])
    other = shutil.copytree(root, folder / "OTHER")
    with Butler.from_config(str(other), writeable=True) as butler:
        butler.removeRuns(["run/a", "run/b", "run/calib"], unlink_from_chains=True)
    files = folder / "FILES"
    files.mkdir()
    for name in ("one", "two"):
        (files / f"{name}.yaml").write_text(f"name: {name}\n")
    (files / "table.csv").write_text("file,detector\none.yaml,4\ntwo.yaml,6\n")
    (files / "none.yaml").write_text("nothing-of-this-name: {}\n")
    (files / "seed.yaml").write_text("datastore:\n  checksum: true\n")
    (files / "registry.yaml").write_text("registry:\n  more: 1\n")
    (files / "export").mkdir()
    with Butler.from_config(str(root)) as butler:
        butler.dimensions.dimensionConfig.dumpToUri(str(files / "dimensions.yaml"))
        with butler.export(directory=str(files / "export"), format="yaml", transfer="copy") as export:
            export.saveDatasets(butler.query_datasets("count", collections="run/a"))
    shutil.copy(files / "export" / "export.yaml", files / "export" / "other.yaml")
    made = asked("retrieve-artifacts", str(root), str(files), "-d", "count", "--collections", "run/a", "--zip")
    assert made.status == 0, made.errors
    (packed,) = files.glob("*.zip")
    packed.rename(files / "archive.zip")
    return folder


def run(base, folder, program, line):
    """Status and output of a line on a copy of everything, and what is there then."""
    work = shutil.copytree(base, folder / "work", symlinks=True)
    names = {name: str(work / name) for name in ("REPO", "OTHER", "FILES", "OUT", "LOG")}

    def place(word):
        for name, path in names.items():
            if word.startswith(name):
                return path + word[len(name):]
        return word

    outcome = program(*(place(word) for word in shlex.split(line)))
    text = outcome.output.replace(str(work), "WORK")
    command = next(word for word in shlex.split(line) if not word.startswith("-") and word in COMMANDS)
    found = {}
    for name in ("REPO", "OTHER"):
        if command == "ingest-files":
            found[name] = anonymous(state(work / name))
        else:
            tables = contents(work / name)
            # The time of ingest.
            tables["dataset"] = [row[:2] + row[3:] for row in tables["dataset"]]
            found[name] = tables, state(work / name)["files"]
    for path in sorted(work.glob("OUT*")) + [work / "FILES"]:
        files = [path] if path.is_file() else sorted(path.rglob("*"))
        for file in files:
            key = str(file.relative_to(work))
            if file.is_symlink():
                found[key] = str(file.readlink()).replace(str(work), "WORK")
            elif file.is_file() and file.suffix not in (".sqlite3", ".zip"):
                found[key] = content(file).replace(str(work), "WORK")
    return outcome.status, text, found, outcome.errors


COMMANDS = {line.split()[0] for line in LINES}


def content(file: Path) -> str:
    text = file.read_text()
    if file.suffix == ".json":
        index = json.loads(text)
        # Python writes records in the order of a set.
        for found in (index["refs"].get("dimension_records") or {}).values():
            found.sort(key=str)
        return json.dumps(index, sort_keys=True)
    return text


def compare(base, tmp_path, line):
    theirs = run(base, tmp_path / "theirs", asked, line)
    ours = run(base, tmp_path / "ours", steward, line)
    assert ours[0] == theirs[0], ours[3] + theirs[3]
    if theirs[0] == 0:
        assert ours[1] == theirs[1]
    if "ingest-zip" in line and "--dry-run" in line:
        # Python registers the run.
        theirs[2]["OTHER"] = run(base, tmp_path / "before", steward, "query-collections REPO")[2]["OTHER"]
    assert ours[2].keys() == theirs[2].keys()
    for key in theirs[2]:
        assert ours[2][key] == theirs[2][key], key


@pytest.mark.parametrize("line", LINES)
def test_the_same_as_python(base, tmp_path, line):
    compare(base, tmp_path, line)


@pytest.mark.parametrize("option", GLOBAL)
@pytest.mark.parametrize("line", ["query-collections REPO --chains tree", "remove-runs REPO run/b --no-confirm --force"])
def test_options_before_the_command(base, tmp_path, option, line):
    compare(base, tmp_path, f"{option} {line}")


@pytest.mark.parametrize("options, status", [("confirm: false", 0), ("no-confirm: true", 2), ("no-such: 1", 2)])
def test_flags_in_options_files(base, tmp_path, options, status):
    (tmp_path / "options.yaml").write_text(f"remove-collections:\n  {options}\n")
    line = f"remove-collections REPO tag -@ {tmp_path}/options.yaml"
    compare(base, tmp_path, line)
    assert run(base, tmp_path / "again", steward, line)[0] == status


@pytest.mark.parametrize("line", ["associate REPO new -xh", "remove-runs REPO run/b -dash --no-confirm", "query-collections -hx"])
def test_misspelt_options_are_no_wish_for_help(base, tmp_path, line):
    compare(base, tmp_path, line)
    assert run(base, tmp_path / "again", steward, line)[0] == 2


@pytest.mark.parametrize("command", ["", *sorted(COMMANDS)])
def test_help(command):
    for option in ("-h", "--help"):
        arguments = [word for word in (command, option) if word]
        ours = steward(*arguments)
        assert ours.status == asked(*arguments).status == 0
        assert ours.output
