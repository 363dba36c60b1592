"""Dry runs: each tells what the command would come to, changes nothing, and works on a repository that may only be read."""

import json
import os
import re
import shutil
import sqlite3
import subprocess
import uuid

import pytest

pytest.importorskip("lsst.daf.butler")
from command_line import BINARY, needs_binary, steward  # noqa: E402
from fault_operations import fill, state  # noqa: E402
from lsst.daf.butler import Butler, CollectionType, DatasetType, Timespan  # noqa: E402
from test_exchange_safety import archive, export  # noqa: E402

pytestmark = needs_binary


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """With a calibration of two detectors."""
    root = tmp_path_factory.mktemp("foresight") / "repository"
    fill(root)
    with Butler.from_config(str(root), writeable=True, run="run/calib") as butler:
        butler.registry.registerDatasetType(
            DatasetType("bias", ["instrument", "detector"], "StructuredDataDict", universe=butler.dimensions, isCalibration=True)
        )
        refs = [butler.put({"b": d}, "bias", instrument="Cam", detector=d) for d in (0, 1)]
        butler.collections.register("calib", CollectionType.CALIBRATION)
        butler.registry.certify("calib", refs, Timespan(None, None))
        # Calibrations are exported with all chains.
        butler.collections.x_remove("chain")
    return root


@pytest.fixture
def root(base, tmp_path):
    return shutil.copytree(base, tmp_path / "repository")


@pytest.fixture
def target(base, tmp_path):
    """The same without runs."""
    target = shutil.copytree(base, tmp_path / "target")
    with Butler.from_config(str(target), writeable=True) as butler:
        butler.removeRuns(["run/a", "run/b", "run/calib"], unlink_from_chains=True)
        butler.collections.x_remove("calib")
    return target


def everything(folder):
    return {
        str(path.relative_to(folder)): (os.readlink(path) if path.is_symlink() else path.read_bytes())
        for path in sorted(folder.rglob("*"))
        if path.is_symlink() or path.is_file()
    }


def export_calibs(root, directory):
    assert steward("export-calibs", str(root), str(directory), "-t", "copy").status == 0


def ingest_table(tmp_path):
    (tmp_path / "source.yaml").write_text("a: 1\n")
    (tmp_path / "table.csv").write_text(f"file,instrument,detector\n{tmp_path}/source.yaml,Cam,5\n")


#: By command: what to prepare, and the arguments.
LINES = {
    "import": (lambda root, tmp: export(root, tmp / "x"), ["import", "TARGET", "TMP/x", "-t", "copy"]),
    "import calibrations": (lambda root, tmp: export_calibs(root, tmp / "x"), ["import", "TARGET", "TMP/x"]),
    "ingest-files": (
        lambda root, tmp: ingest_table(tmp),
        ["ingest-files", "TARGET", "count", "run/n", "TMP/table.csv", "-t", "move"],
    ),
    "ingest-zip": (lambda root, tmp: archive(root, tmp / "x").rename(tmp / "a.zip"), ["ingest-zip", "TARGET", "TMP/a.zip"]),
    "transfer-datasets": (lambda root, tmp: None, ["transfer-datasets", "ROOT", "TARGET", "-t", "move", "-d", "count,other"]),
    "retrieve-artifacts": (lambda root, tmp: None, ["retrieve-artifacts", "ROOT", "TMP/out/"]),
    "retrieve-artifacts --zip": (lambda root, tmp: None, ["retrieve-artifacts", "ROOT", "TMP/out/", "--zip"]),
    "export-calibs": (lambda root, tmp: None, ["export-calibs", "ROOT", "TMP/out"]),
    "prune-datasets": (lambda root, tmp: None, ["prune-datasets", "ROOT", "run/a", "--unstore", "--no-confirm"]),
    "remove-runs": (lambda root, tmp: None, ["remove-runs", "ROOT", "run/a", "--no-confirm", "--force"]),
    "certify-calibrations": (lambda root, tmp: None, ["certify-calibrations", "ROOT", "run/calib", "more", "bias"]),
    "associate": (lambda root, tmp: None, ["associate", "ROOT", "best", "--collections", "run/a", "-d", "count"]),
    "collection-chain": (lambda root, tmp: None, ["collection-chain", "ROOT", "both", "run/b,run/a"]),
    "register-dataset-type": (
        lambda root, tmp: None,
        ["register-dataset-type", "ROOT", "new", "StructuredDataDict", "instrument"],
    ),
    "remove-dataset-type": (
        lambda root, tmp: steward("register-dataset-type", str(root), "unused", "StructuredDataDict", "instrument"),
        ["remove-dataset-type", "ROOT", "unused"],
    ),
    "remove-collections": (lambda root, tmp: None, ["remove-collections", "ROOT", "tag", "--no-confirm"]),
    "empty-trash": (
        lambda root, tmp: steward("prune-datasets", str(root), "run/a", "--unstore", "--keep-files", "--no-confirm"),
        ["empty-trash", "ROOT", "--no-confirm"],
    ),
}


def arguments(line, root, target, tmp_path):
    names = {"ROOT": root, "TARGET": target, "TMP": tmp_path}
    for name, path in names.items():
        line = [word.replace(name, str(path)) for word in line]
    return line


@pytest.mark.parametrize("name", LINES)
def test_a_dry_run_changes_nothing_and_tells_what_the_command_tells(root, target, tmp_path, name):
    prepare, line = LINES[name]
    prepare(root, tmp_path)
    line = arguments(line, root, target, tmp_path) + ["--format", "json"]
    before = everything(tmp_path)
    rehearsal = steward(*line, "--dry-run")
    assert rehearsal.status == 0, rehearsal.errors
    assert everything(tmp_path) == before
    done = steward(*line)
    assert done.status == 0, done.errors
    assert everything(tmp_path) != before
    found = [[json.loads(text) for text in outcome.output.splitlines()] for outcome in (rehearsal, done)]
    for outcome, is_dry in zip(found, (True, False)):
        for answer in outcome:
            assert name.startswith(("retrieve", "export")) or answer["dry_run"] == is_dry
            answer.pop("dry_run", None)
            if name == "empty-trash":
                answer.pop("files")
    assert found[0] == found[1] and found[0]
    assert steward("check", str(target), "--checksums").output == "Nothing is wrong.\n"


@pytest.mark.skipif(os.geteuid() == 0 and not shutil.which("setpriv"), reason="acts as another user")
@pytest.mark.parametrize("name", LINES)
def test_a_dry_run_needs_no_permission_to_write(root, target, tmp_path, name):
    prepare, line = LINES[name]
    prepare(root, tmp_path)
    for repository in (root, target):
        for path in [repository, *repository.rglob("*")]:
            path.chmod(path.stat().st_mode & ~0o222 | 0o444 | (0o111 if path.is_dir() else 0))
    for folder in tmp_path.parents:
        if str(folder) == "/tmp":
            break
        folder.chmod(folder.stat().st_mode | 0o055)
    tmp_path.chmod(0o755)
    prefix = ["setpriv", "--reuid=12345", "--regid=12345", "--clear-groups"] if os.geteuid() == 0 else []
    line = arguments(line, root, target, tmp_path) + ["--dry-run"]
    outcome = subprocess.run([*prefix, BINARY, "butler", *line], capture_output=True, text=True)
    assert outcome.returncode == 0, outcome.stderr


def spoil(target, change):
    with sqlite3.connect(target / "gen3.sqlite3") as connection:
        connection.execute(change)


#: By case: the command, what is wrong, and what is said about it.
FAULTS = {
    "another dataset in the run": (
        ["import", "ingest-zip", "transfer-datasets"],
        lambda root, target, tmp: put(target, "run/a", 1),
        "",
    ),
    "another type": (
        ["import", "ingest-zip", "transfer-datasets"],
        lambda root, target, tmp: spoil(target, "UPDATE dataset_type SET storage_class = 'StructuredDataList'"),
        "",
    ),
    "a run that is a tag": (
        ["import", "ingest-zip", "transfer-datasets"],
        lambda root, target, tmp: register(target, "run/a", CollectionType.TAGGED),
        "run/a",
    ),
    "a name that is taken": (
        ["import", "transfer-datasets"],
        lambda root, target, tmp: occupy(target / "run/a/count/count_Cam_D2_run_a.yaml"),
        "already exists",
    ),
    "a missing source": (
        ["import", "transfer-datasets"],
        lambda root, target, tmp: [path.unlink() for path in [*tmp.glob("x/**/*D3*"), *root.glob("run/a/count/*D3*")]],
        "",
    ),
    "validity ranges that overlap": (["import calibrations"], lambda root, target, tmp: certify(target), "certified already"),
    "a tag in place of the calibrations": (
        ["import calibrations"],
        lambda root, target, tmp: register(target, "calib", CollectionType.TAGGED),
        "calib",
    ),
    "ranges of the file that overlap": (
        ["import calibrations"],
        lambda root, target, tmp: edit(tmp / "x/export.yaml", certify_twice),
        "both be valid",
    ),
    "two of a data ID in a tag of the file": (
        ["import"],
        lambda root, target, tmp: edit(tmp / "x/export.yaml", tag_both),
        "would hold two",
    ),
    "a run that is a tag in the file": (
        ["import"],
        lambda root, target, tmp: edit(tmp / "x/export.yaml", lambda text: text.replace("type: RUN", "type: TAGGED", 1)),
        "run/a",
    ),
    "a calibration in a tag's name": (
        ["certify-calibrations"],
        lambda root, target, tmp: register(root, "more", CollectionType.TAGGED),
        "more",
    ),
    "a time that is taken": (
        ["certify-calibrations"],
        lambda root, target, tmp: steward("certify-calibrations", str(root), "run/calib", "more", "bias"),
        "certified already",
    ),
    "a tag with others": (["associate"], lambda root, target, tmp: tag_others(root), "holds already another"),
    "a tag that is a run": (["associate"], lambda root, target, tmp: register(root, "best", CollectionType.RUN), "best"),
    "a chain that is a run": (
        ["collection-chain"],
        lambda root, target, tmp: register(root, "both", CollectionType.RUN),
        "both",
    ),
    "a loop": (["collection-chain"], lambda root, target, tmp: chain(root, "run/b", ["both"]), "contain itself"),
    "another definition": (
        ["register-dataset-type"],
        lambda root, target, tmp: steward("register-dataset-type", str(root), "new", "StructuredDataList"),
        "exists already",
    ),
    "a type with datasets": (
        ["remove-dataset-type"],
        lambda root, target, tmp: put_type(root, "unused"),
        "There are datasets",
    ),
    "a member of a chain": (["remove-collections"], lambda root, target, tmp: chain(root, "over", ["tag"]), "over"),
    "a file larger than the disk": (
        ["ingest-files"],
        lambda root, target, tmp: grow(tmp / "source.yaml"),
        "bytes below",
    ),
    "a record that is missing": (
        ["ingest-files"],
        lambda root, target, tmp: (tmp / "table.csv").write_text(f"file,instrument,detector\n{tmp}/source.yaml,Cam,77\n"),
        "77",
    ),
    "twice the same": (
        ["ingest-files"],
        lambda root, target, tmp: (tmp / "table.csv").write_text(
            f"file,instrument,detector\n{tmp}/source.yaml,Cam,7\n{tmp}/table.csv,Cam,7\n"
        ),
        "",
    ),
    "a file in the way": (
        ["retrieve-artifacts", "export-calibs"],
        lambda root, target, tmp: occupy(tmp / "out/run/a/count/count_Cam_D2_run_a.yaml"),
        "",
    ),
}


def put(target, run, detector):
    with Butler.from_config(str(target), writeable=True, run=run) as butler:
        butler.put({"mine": True}, "count", instrument="Cam", detector=detector)


def register(target, name, kind):
    with Butler.from_config(str(target), writeable=True) as butler:
        butler.collections.register(name, kind)


def certify(target):
    with Butler.from_config(str(target), writeable=True, run="run/mine") as butler:
        ref = butler.put({"b": 0}, "bias", instrument="Cam", detector=0)
        butler.collections.register("calib", CollectionType.CALIBRATION)
        butler.registry.certify("calib", [ref], Timespan(None, None))


def edit(path, change):
    text = path.read_text()
    changed = change(text)
    assert changed != text
    path.write_text(changed)


def certify_twice(text):
    """The datasets of the first validity range for another range too, which overlaps."""
    lines = text.splitlines(keepends=True)
    start = next(number for number, line in enumerate(lines) if line.lstrip().startswith("- timespan:"))
    indent = len(lines[start]) - len(lines[start].lstrip())
    end = start + 1
    while end < len(lines) and (
        len(lines[end]) - len(lines[end].lstrip()) > indent or lines[end].lstrip().startswith("- !uuid")
    ):
        end += 1
    return "".join(lines[:end] + lines[start:])


def tag_both(text):
    """A second run with a dataset of the same type and data ID, and a tag for both."""
    ids = re.findall(r"!uuid '([^']+)'", text)
    document = text.rstrip()
    other = re.search(r"- type: dataset\n  dataset_type: count\n(?:  .*\n)*", text + "\n").group(0)
    other = other.replace("run: run/a", "run: run/z").replace("run/a/", "run/z/")
    for number, known in enumerate(ids):
        other = other.replace(known, str(uuid.UUID(int=number + 1, version=4)))
    tag = "- type: collection\n  collection_type: RUN\n  name: run/z\n"
    tag += "- type: collection\n  collection_type: TAGGED\n  name: pair\n"
    members = f"- type: associations\n  collection: pair\n  collection_type: TAGGED\n  dataset_ids:\n"
    members += "".join(f"  - !uuid '{id}'\n" for id in (ids[0], uuid.UUID(int=1, version=4)))
    return document + "\n" + tag + other + members


def tag_others(root):
    with Butler.from_config(str(root), writeable=True) as butler:
        butler.collections.register("best", CollectionType.TAGGED)
        butler.registry.associate("best", butler.query_datasets("count", collections="run/b"))


def chain(root, child, parents):
    """Makes a chain of the collection, or of a new chain with the parents in it when it is a run."""
    with Butler.from_config(str(root), writeable=True) as butler:
        if child == "run/b":
            # `both` exists, and is in a chain that takes the place of the run.
            butler.collections.register("both", CollectionType.CHAINED)
            butler.removeRuns(["run/b"])
            butler.collections.register("run/b", CollectionType.CHAINED)
            butler.collections.redefine_chain("run/b", parents)
        else:
            butler.collections.register(child, CollectionType.CHAINED)
            butler.collections.redefine_chain(child, parents)


def put_type(root, name):
    with Butler.from_config(str(root), writeable=True, run="run/a") as butler:
        butler.put({}, name, instrument="Cam")


def occupy(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("mine\n")


def grow(path):
    """Without taking room of its own."""
    os.truncate(path, 8 << 40)


@pytest.mark.parametrize("case", FAULTS)
def test_a_dry_run_foresees_what_would_fail(root, target, tmp_path, case):
    commands, fault, complaint = FAULTS[case]
    for number, name in enumerate(commands):
        folder = tmp_path / str(number)
        folder.mkdir()
        own_root = shutil.copytree(root, folder / "root")
        own = shutil.copytree(target, folder / "own")
        prepare, line = LINES[name]
        prepare(own_root, folder)
        fault(own_root, own, folder)
        line = arguments(line, own_root, own, folder)
        if case == "a file larger than the disk":
            line[line.index("move")] = "copy"
        before = state(own), state(own_root)
        rehearsal = steward(*line, "--dry-run")
        assert rehearsal.status == 1 and complaint in rehearsal.errors, (name, rehearsal.errors)
        assert rehearsal.errors.count("error:") == 1
        assert (state(own), state(own_root)) == before
        if case != "a file larger than the disk":
            done = steward(*line)
            assert done.status == 1, name
            if "the file" in case:
                assert done.errors == rehearsal.errors, name
            assert (state(own), state(own_root)) == before


@pytest.mark.parametrize(
    "mode, children",
    [
        ("redefine", ["run/b", "run/a", "run/b"]),
        ("extend", ["run/a", "run/calib"]),
        ("prepend", ["run/b", "run/calib"]),
        ("prepend", ["--flatten", "inner"]),
        ("remove", ["run/a"]),
        ("pop", []),
        ("pop", ["--", "-1", "0"]),
    ],
)
def test_a_dry_run_tells_the_members_that_a_chain_would_have(root, mode, children):
    with Butler.from_config(str(root), writeable=True) as butler:
        for name, members in (("both", ["run/a", "tag", "run/b"]), ("inner", ["run/calib", "run/b"])):
            butler.collections.register(name, CollectionType.CHAINED)
            butler.collections.redefine_chain(name, members)
    line = ["collection-chain", str(root), "both", "--mode", mode]
    rehearsal = steward(*line, "--dry-run", *children)
    done = steward(*line, *children)
    assert rehearsal.status == done.status == 0, rehearsal.errors + done.errors
    assert rehearsal.output == done.output


def test_a_dry_run_of_create_makes_nothing_and_foresees_what_would_fail(root, tmp_path):
    new = tmp_path / "a" / "new"
    rehearsal = steward("create", str(new), "--dry-run")
    assert rehearsal.status == 0, rehearsal.errors
    assert rehearsal.output == f"Would make a repository in {new}, configured by {new}/butler.yaml\n"
    assert not new.parent.exists()
    (tmp_path / "file").write_text("")
    seed = tmp_path / "seed.yaml"
    seed.write_text(f"registry:\n  db: sqlite:///{root}/gen3.sqlite3\n")
    for line, reason in [
        ([str(root)], "exists already"),
        ([str(tmp_path / "file" / "below")], "is not a directory"),
        ([str(new), "--seed-config", str(seed), "--override"], "holds"),
        ([str(new), "--seed-config", str(tmp_path / "none.yaml")], "none.yaml"),
    ]:
        before = everything(tmp_path)
        rehearsal = steward("create", *line, "--dry-run")
        assert rehearsal.status != 0 and reason in rehearsal.errors, rehearsal
        assert everything(tmp_path) == before
        assert steward("create", *line).status == rehearsal.status
