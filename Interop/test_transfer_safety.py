"""What comes into a repository is what the records say, and what does not come is told: formatters and extensions, damaged
and missing sources, files that grow, archives that were ingested in place, indexes of several retrievals."""

import json
import shutil
import subprocess
import sys
import zipfile

import pytest

pytest.importorskip("lsst.daf.butler")
from command_line import asked, needs_binary, steward  # noqa: E402
from fault_operations import change, check_whole, fill, rows, state  # noqa: E402
from lsst.daf.butler import Butler, Config, DatasetIdGenEnum, DatasetRef, FileDataset  # noqa: E402
from test_exchange_safety import archive  # noqa: E402

pytestmark = needs_binary
SOUND = "Nothing is wrong.\n"


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    root = tmp_path_factory.mktemp("transfers") / "repository"
    fill(root)
    return root


@pytest.fixture(scope="module")
def empty(base, tmp_path_factory):
    """The same without runs."""
    root = shutil.copytree(base, tmp_path_factory.mktemp("transfers") / "empty")
    with Butler.from_config(str(root), writeable=True) as butler:
        butler.removeRuns(["run/a", "run/b"], unlink_from_chains=True)
    return root


@pytest.fixture
def root(base, tmp_path):
    return shutil.copytree(base, tmp_path / "repository")


@pytest.fixture
def target(empty, tmp_path):
    return shutil.copytree(empty, tmp_path / "target")


# Formatters

BUTLER = "lsst.daf.butler.formatters."
FORMATTERS = [
    "json.JsonFormatter", "yaml.YamlFormatter", "pickle.PickleFormatter", "parquet.ParquetFormatter",
    "astropyTable.AstropyTableFormatter", "packages.PackagesFormatter", "logs.ButlerLogRecordsFormatter",
    "matplotlib.MatplotlibFormatter",
]  # fmt: skip
EXTENSIONS = [
    "", ".txt", ".yaml", ".YAML", ".json", ".log", ".pickle", ".pkl", ".parq", ".parquet", ".ecsv", ".csv", ".png",
    ".fits", ".yaml.gz", ".tar.json",
]  # fmt: skip


@pytest.mark.parametrize("formatter", FORMATTERS)
def test_files_are_taken_that_the_formatter_agrees_to_read(root, tmp_path, formatter):
    other = shutil.copytree(root, tmp_path / "other")
    found = {}
    for name, repository, run in (("theirs", other, asked), ("ours", root, steward)):
        for number, extension in enumerate(EXTENSIONS):
            source = tmp_path / f"{name}{number}{extension}"
            source.write_text("{}")
            table = tmp_path / "table.csv"
            table.write_text(f"file,instrument,detector\n{source},Cam,5\n")
            outcome = run(
                "ingest-files", str(repository), "count", f"run/{number}", str(table), "-t", "copy",
                "--formatter", BUTLER + formatter,
            )
            found[name, extension] = outcome.status
    for extension in EXTENSIONS:
        # Steward writes FITS tables, and so takes them.
        if (formatter, extension) != ("astropyTable.AstropyTableFormatter", ".fits"):
            assert found["ours", extension] == found["theirs", extension], extension


def test_what_stays_where_it_is_may_have_any_name(root, tmp_path):
    source = tmp_path / "data.txt"
    source.write_text("a: 1\n")
    table = tmp_path / "table.csv"
    table.write_text(f"file,instrument,detector\n{source},Cam,5\n")
    assert steward("ingest-files", str(root), "count", "run/a", str(table), "-t", "direct").status == 0
    with Butler.from_config(str(root)) as butler:
        assert butler.get("count", instrument="Cam", detector=5, collections="run/a") == {"a": 1}


def test_a_formatter_that_nobody_knows_is_warned_of(root, tmp_path):
    source = tmp_path / "data.yaml"
    source.write_text("a: 1\n")
    table = tmp_path / "table.csv"
    table.write_text(f"file,instrument,detector\n{source},Cam,5\n")
    arguments = ("ingest-files", str(root), "count", "run/a", str(table), "-t", "copy", "--formatter")
    refused = steward(*arguments, "os.system; x")
    assert refused.status == 1 and "full name of a Python class" in refused.errors
    outcome = steward(*arguments, "no.such.Thing")
    assert outcome.status == 0 and "'no.such.Thing' is not known here" in outcome.errors


# Pruning


def test_an_archive_stays_that_another_dataset_names_by_its_location(root, tmp_path):
    packed = archive(root, tmp_path / "archive")
    with Butler.from_config(str(root), writeable=True) as butler:
        butler.removeRuns(["run/a", "run/b"], unlink_from_chains=True)
        butler.ingest_zip(str(packed), transfer="copy")
        refs = sorted(butler.query_datasets("count", collections="run/a"), key=lambda ref: ref.dataId["detector"])
    change(
        root, "UPDATE file_datastore_records SET path = CAST(? AS TEXT) || path WHERE dataset_id = ?", f"file://{root}/",
        refs[0].id.hex,
    )
    done = steward("prune-datasets", str(root), "run/a", "--unstore", "--no-confirm", "--where", "instrument = 'Cam' AND detector > 0")
    assert done.status == 0, done.errors
    with Butler.from_config(str(root)) as butler:
        assert butler.get(refs[0]) == {"run": "run/a", "detector": 0}
        assert not butler.stored(refs[1])


# Sources of transfers


def transfer(root, target, *options):
    return steward("transfer-datasets", str(root), str(target), "--collections", "run/a", "-d", "count", *options)


def path_of(root, detector):
    return root / f"run/a/count/count_Cam_D{detector}_run_a.yaml"


@pytest.mark.parametrize("mode", ["copy", "move", "link", "symlink", "auto"])
def test_damaged_and_missing_sources(root, target, tmp_path, mode):
    before = state(target)
    whole = path_of(root, 1).read_bytes()
    for damage, complaint in (
        (lambda path: path.unlink(), "files of 1 dataset do not exist: count@"),
        (lambda path: path.write_text(""), "bytes and has 0"),
    ):
        damage(path_of(root, 1))
        for dry in ([], ["--dry-run"]):
            outcome = transfer(root, target, "-t", mode, *dry)
            assert outcome.status == 1 and complaint in outcome.errors, outcome.errors
            assert str(path_of(root, 1)) in outcome.errors
            assert state(target) == before
            assert all(path_of(root, detector).exists() for detector in (0, 2, 3))
        path_of(root, 1).write_bytes(whole)
    outcome = transfer(root, target, "-t", mode)
    assert outcome.status == 0, outcome.errors
    check_whole(target)


def test_python_refuses_missing_sources_too(root, target):
    path_of(root, 1).unlink()
    theirs = asked("transfer-datasets", str(root), str(target), "--collections", "run/a", "-d", "count", "-t", "copy")
    assert theirs.status == transfer(root, target, "-t", "copy").status == 1


def test_a_lost_file_of_a_dataset_that_is_there_already_matters_to_nobody(root, target):
    assert transfer(root, target, "-t", "copy").status == 0
    path_of(root, 1).unlink()
    outcome = transfer(root, target, "-t", "copy")
    assert (outcome.status, outcome.output) == (0, "Number of datasets transferred: 4\n"), outcome.errors
    check_whole(target)


def test_datasets_that_no_datastore_has_are_left_out_and_told(root, target):
    with Butler.from_config(str(root), writeable=True) as butler:
        refs = [ref for ref in butler.query_datasets("count", collections="run/a") if ref.dataId["detector"] > 1]
        butler.pruneDatasets(refs, disassociate=False, unstore=True)
    outcome = transfer(root, target, "--format", "json")
    assert json.loads(outcome.output) == {"datasets": 2, "left_out": 2, "dry_run": False}
    assert "2 datasets are left out" in outcome.errors
    assert all(str(ref.id) in outcome.errors for ref in refs)
    other = shutil.copytree(root, root.parent / "python")
    with Butler.from_config(str(other), writeable=True) as butler:
        butler.removeRuns(["run/a", "run/b"], unlink_from_chains=True)
    theirs = asked("transfer-datasets", str(root), str(other), "--collections", "run/a", "-d", "count")
    assert (theirs.status, theirs.output) == (0, "Number of datasets transferred: 2\n")
    check_whole(target)


def test_a_recorded_checksum_is_kept_or_missed(tmp_path):
    config = Config({"datastore": {"checksum": True}})
    root, target = tmp_path / "repository", tmp_path / "target"
    fill(root, config)
    fill(target, config)
    with Butler.from_config(str(target), writeable=True) as butler:
        butler.removeRuns(["run/a", "run/b"], unlink_from_chains=True)
    whole = path_of(root, 2).read_bytes()
    path_of(root, 2).write_bytes(whole.replace(b"2", b"7"))
    for dry in ([], ["--dry-run"]):
        outcome = transfer(root, target, "-t", "copy", *dry)
        assert outcome.status == 1 and "recorded checksum" in outcome.errors, outcome.errors
    assert not list(target.rglob("count_*.yaml"))
    path_of(root, 2).write_bytes(whole)
    assert transfer(root, target, "-t", "copy").status == 0
    sums = "SELECT path, checksum FROM file_datastore_records WHERE path LIKE 'run/a/count/%' ORDER BY path"
    assert rows(target, sums) == rows(root, sums)


GROW = """
import sys, time
with open(sys.argv[1], "ab", buffering=0) as file:
    print("growing", flush=True)
    end = time.time() + 20
    while time.time() < end:
        file.write(b"#" * 100)
        time.sleep(0.0005)
"""


@pytest.mark.parametrize("checksum", [False, True])
def test_a_file_that_still_grows_is_not_taken(tmp_path, checksum):
    root = tmp_path / "repository"
    fill(root, Config({"datastore": {"checksum": checksum}}))
    source = tmp_path / "source.yaml"
    source.write_bytes(b"a: 1\n" + b"#" * 20_000_000)
    (tmp_path / "table.csv").write_text(f"file,instrument,detector\n{source},Cam,9\n")
    arguments = ("ingest-files", str(root), "count", "run/a", str(tmp_path / "table.csv"), "-t", "copy")
    before = state(root)
    with subprocess.Popen([sys.executable, "-c", GROW, str(source)], stdout=subprocess.PIPE) as writer:
        writer.stdout.readline()
        outcome = steward(*arguments)
        writer.kill()
    if outcome.status == 1:
        assert "changed while" in outcome.errors and str(source) in outcome.errors
        assert state(root) == before
        # Once it is finished it comes.
        assert steward(*arguments).status == 0
    (stored,) = root.rglob("count_Cam_D9_run_a.yaml")
    ((size,),) = rows(root, "SELECT file_size FROM file_datastore_records WHERE path LIKE '%count_Cam_D9_run_a.yaml'")
    assert stored.stat().st_size == size
    assert steward("check", str(root), "--checksums").output == SOUND


# Archives that were ingested in place


@pytest.mark.parametrize("mode", ["auto", "copy", "link", "hardlink", "symlink", "relsymlink", "move"])
@pytest.mark.parametrize("part", ["", "instrument = 'Cam' AND detector < 2"])
def test_members_of_archives_in_place_are_transferred(root, target, tmp_path, mode, part):
    packed = archive(root, tmp_path / "archive")
    source = shutil.copytree(target, tmp_path / "source")
    with Butler.from_config(str(source), writeable=True) as butler:
        butler.ingest_zip(str(packed), transfer="direct")
    options = ["-t", mode] + (["--where", part] if part else [])
    assert transfer(source, target, *options, "--dry-run").status == 0
    outcome = transfer(source, target, *options)
    assert outcome.status == 0, outcome.errors
    wanted = 2 if part else 4
    with Butler.from_config(str(target)) as butler:
        refs = butler.query_datasets("count", collections="run/a")
        assert len(refs) == wanted
        for ref in refs:
            assert butler.get(ref) == {"run": "run/a", "detector": ref.dataId["detector"]}
    assert steward("check", str(target), "--checksums").output == SOUND
    # An archive that others need stays.
    assert packed.exists() == (mode != "move" or part != "")
    if part:
        with Butler.from_config(str(source)) as butler:
            assert all(butler.get(ref) for ref in butler.query_datasets("count", collections="run/a"))
        # The others follow later, into the archive that is there.
        rest = transfer(source, target, "-t", mode)
        assert rest.status == 0, rest.errors
        with Butler.from_config(str(target)) as butler:
            assert all(butler.get(ref) for ref in butler.query_datasets("count", collections="run/a"))
        assert steward("check", str(target), "--checksums").output == SOUND


@pytest.mark.parametrize("mode", ["auto", "copy", "link", "move"])
def test_files_in_place_are_transferred_as_python_does(root, target, tmp_path, mode):
    found = []
    for name, run in (("theirs", asked), ("ours", steward)):
        folder = tmp_path / name
        source = shutil.copytree(target, folder / "source")
        other = shutil.copytree(target, folder / "target")
        with Butler.from_config(str(source), writeable=True) as butler:
            kind = butler.get_dataset_type("count")
            for detector in (1, 2):
                file = folder / f"file{detector}.yaml"
                file.write_text(f"detector: {detector}\n")
                data_id = butler.registry.expandDataId(instrument="Cam", detector=detector, dimensions=kind.dimensions)
                ref = DatasetRef(kind, data_id, run="run/x", id_generation_mode=DatasetIdGenEnum.DATAID_TYPE_RUN)
                butler.ingest(FileDataset(path=str(file), refs=[ref]), transfer="direct")
        outcome = run("transfer-datasets", str(source), str(other), "-t", mode, "-d", "count")
        assert outcome.status == 0, outcome.errors
        found.append(
            (
                outcome.output,
                sorted(
                    (path.replace(str(folder), "DIR"), size)
                    for path, size in rows(other, "SELECT path, file_size FROM file_datastore_records")
                ),
                sorted(path.name for path in folder.glob("*.yaml")),
            )
        )
        with Butler.from_config(str(other)) as butler:
            for ref in butler.query_datasets("count", collections="run/x"):
                assert butler.get(ref) == {"detector": ref.dataId["detector"]}
    assert found[0] == found[1]


@pytest.mark.parametrize("mode", ["auto", "copy", "link", "move"])
def test_a_file_in_place_with_several_datasets(root, target, tmp_path, mode):
    source = shutil.copytree(target, tmp_path / "source")
    file = tmp_path / "shared.yaml"
    file.write_text("shared: true\n")
    with Butler.from_config(str(source), writeable=True) as butler:
        kind = butler.get_dataset_type("count")
        refs = [
            DatasetRef(kind, butler.registry.expandDataId(instrument="Cam", detector=d, dimensions=kind.dimensions), "run/x")
            for d in (1, 2, 3)
        ]
        butler.ingest(FileDataset(path=str(file), refs=refs), transfer="direct")
    assert steward("transfer-datasets", str(source), str(target), "-t", mode, "-d", "count", "--dry-run").status == 0
    outcome = steward("transfer-datasets", str(source), str(target), "-t", mode, "-d", "count")
    assert outcome.status == 0, outcome.errors
    with Butler.from_config(str(target)) as butler:
        assert [butler.get(ref) for ref in refs] == [{"shared": True}] * 3
    assert steward("check", str(target), "--checksums").output == SOUND
    assert file.exists()


# Indexes


def test_the_indexes_of_retrievals_into_one_folder_are_joined(root, target, tmp_path):
    folder = tmp_path / "files"
    folder.mkdir()
    for part in ("detector < 2", "detector >= 2"):
        part = f"instrument = 'Cam' AND {part}"
        arguments = ("--collections", "run/a", "-d", "count", "--where", part, "--no-preserve-path", "-t", "copy")
        outcome = steward("retrieve-artifacts", str(root), str(folder), *arguments)
        assert outcome.status == 0, outcome.errors
    index = json.loads((folder / "_butler_zip_index.json").read_text())
    assert len(index["artifact_map"]) == len(index["refs"]["compact_refs"]) == 4
    assert set(index["artifact_map"]) == {path.name for path in folder.glob("*.yaml")}
    assert len(index["refs"]["dimension_records"]["detector"]) == 4
    # Python makes an archive of it, and takes that in.
    packed = tmp_path / "all.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        for path in folder.iterdir():
            archive.write(path, path.name)
    with Butler.from_config(str(target), writeable=True) as butler:
        butler.ingest_zip(str(packed), transfer="copy")
        for ref in butler.query_datasets("count", collections="run/a"):
            assert butler.get(ref) == {"run": "run/a", "detector": ref.dataId["detector"]}
    # What is not there any more is not in the index either.
    next(folder.glob("*D0*")).unlink()
    arguments = ("--collections", "run/a", "-d", "count", "--where", "instrument = 'Cam' AND detector = 3", "--no-preserve-path", "--clobber")
    assert steward("retrieve-artifacts", str(root), str(folder), *arguments).status == 0
    index = json.loads((folder / "_butler_zip_index.json").read_text())
    assert set(index["artifact_map"]) == {path.name for path in folder.glob("*.yaml")} and len(index["artifact_map"]) == 3


@pytest.mark.parametrize("text", ["nonsense", '{"index_version": "V7", "refs": {}, "artifact_map": {}}'])
def test_an_index_of_another_kind_is_not_lost(root, tmp_path, text):
    index = tmp_path / "files" / "_butler_zip_index.json"
    index.parent.mkdir()
    index.write_text(text)
    arguments = ("retrieve-artifacts", str(root), str(index.parent), "--collections", "run/a")
    outcome = steward(*arguments)
    assert outcome.status == 1 and "of another kind" in outcome.errors
    assert [path.name for path in index.parent.iterdir()] == [index.name] and index.read_text() == text
    assert steward(*arguments, "--clobber").status == 0
    assert len(json.loads(index.read_text())["artifact_map"]) > 0


def test_a_member_that_the_index_does_not_name_is_refused(root, target, tmp_path):
    packed = archive(root, tmp_path / "archive")
    with zipfile.ZipFile(packed, "a") as changed:
        changed.writestr("stowaway.yaml", "a: 1\n")
    outcome = steward("ingest-zip", str(target), str(packed))
    assert outcome.status == 1 and "'stowaway.yaml'" in outcome.errors, outcome.errors
    assert not (target / "zips").exists()
