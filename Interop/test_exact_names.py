"""Names that differ only in the Unicode form of a letter (é as one code point or two) are two names, as in Python."""

import json
import shutil
import sqlite3
import subprocess
import unicodedata
from contextlib import closing
from pathlib import Path

import pandas
import pyarrow.parquet
import pytest
from command_line import BINARY, asked, needs_binary, steward
from lsst.daf.butler import Butler, CollectionType, DatasetType, Timespan
from lsst.daf.butler.formatters import parquet

pytestmark = needs_binary
BUTLER_PROBE = BINARY.parent / "butler-probe"
TABLE_PROBE = BINARY.parent / "table-probe"

ONE = unicodedata.normalize("NFC", "é")
TWO = unicodedata.normalize("NFD", "é")


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    """`repo` with datasets, `bare` with records and types alone, `empty`, `files` to bring in."""
    folder = tmp_path_factory.mktemp("names")
    for name in ("repo", "bare", "empty"):
        Butler.makeRepo(str(folder / name))
    for name in ("repo", "bare"):
        with Butler.from_config(str(folder / name), writeable=True) as butler:
            insert = butler.registry.insertDimensionData
            cameras = ("Cam", f"C{ONE}", f"C{TWO}", "Cf", f"C{ONE}z")
            insert("instrument", *[{"name": n, "class_name": "x.Y"} for n in cameras])
            insert("detector", *[{"instrument": "Cam", "id": d, "full_name": f"D{d}"} for d in range(1, 5)])
            bands = {ONE: "g", TWO: "r", "z": "z", "f": "f", f"{ONE}z": "z"}
            insert("physical_filter", *[{"instrument": "Cam", "name": n, "band": b} for n, b in bands.items()])
            for type, names in (("v", ["detector"]), ("w", ["instrument"]), ("c", ["physical_filter"])):
                group = butler.dimensions.conform(names)
                butler.registry.registerDatasetType(
                    DatasetType(type, group, "StructuredDataDict", isCalibration=type == "c")
                )
    files = folder / "files"
    (files / "export").mkdir(parents=True)
    with Butler.from_config(str(folder / "repo"), writeable=True) as butler:
        runs = [f"u/{ONE}", f"u/{TWO}", "u/f"]
        for run in runs:
            butler.collections.register(run)
        butler.collections.register("chain", CollectionType.CHAINED)
        butler.collections.redefine_chain("chain", runs)
        butler.collections.register("tag", CollectionType.TAGGED)
        butler.collections.register("cal", CollectionType.CALIBRATION)
        filters = [
            butler.put({"filter": f}, "c", instrument="Cam", physical_filter=f, run=run)
            for f, run in ((ONE, "u/f"), (TWO, "u/f"), ("f", "u/f"), ("z", runs[0]), (f"{ONE}z", runs[1]))
        ]
        refs = [butler.put({"run": run}, "v", instrument="Cam", detector=d, run=run) for d, run in enumerate(runs, 1)]
        refs += [butler.put({"camera": c}, "w", instrument=c, run="u/f") for c in (f"C{ONE}", f"C{TWO}", "Cf")]
        butler.registry.associate("tag", refs)
        butler.registry.certify("cal", filters, Timespan(None, None))
        with butler.export(directory=str(files / "export"), format="yaml", transfer="copy") as export:
            export.saveDatasets(refs + filters)
    for name, text in ((ONE, "one"), (TWO, "two")):
        (files / f"{name}.yaml").write_text(f"file: {text}\n")
    (files / "files.csv").write_text(f"file,detector\n{ONE}.yaml,1\n{TWO}.yaml,2\n")
    (files / "filters.csv").write_text(f"file,physical_filter\n{ONE}.yaml,{ONE}\n{TWO}.yaml,{TWO}\n")
    found = asked("retrieve-artifacts", str(folder / "repo"), str(files), "-d", "*", "--collections", "*", "--zip")
    assert found.status == 0, found.errors
    next(files.glob("*.zip")).rename(files / "all.zip")
    return folder


def datasets(root: Path) -> dict:
    """What Python finds: the content of each dataset, and where it belongs."""
    with Butler.from_config(str(root)) as butler:
        return {
            (ref.datasetType.name, ref.run, tuple(ref.dataId.required_values)): (ref.id, butler.get(ref))
            for name in [type.name for type in butler.registry.queryDatasetTypes()]
            for ref in butler.query_datasets(name, collections="*", find_first=False, explain=False, limit=None)
        }


def rows(root: Path) -> dict:
    """The tables of names, records and members, without numbers and times that differ."""
    with closing(sqlite3.connect(root / "gen3.sqlite3")) as database:
        collections = "JOIN collection ON collection.collection_id = m.collection_id"
        members = "SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE 'dataset_tags_0%'"
        tables = [name for (name,) in database.execute(members)]
        texts = {
            "collection": "SELECT name, type FROM collection",
            "chain": "SELECT a.name, b.name FROM collection_chain JOIN collection a ON a.collection_id = parent"
            " JOIN collection b ON b.collection_id = child",
            "files": "SELECT path, formatter FROM file_datastore_records",
            "instrument": "SELECT name, class_name FROM instrument",
            "filter": "SELECT instrument, name, band FROM physical_filter",
            # Which type has which table depends on the order of registration.
            "members": " UNION ALL ".join(f"SELECT name, m.dataset_id FROM {t} m {collections}" for t in tables),
        }
        return {name: sorted(database.execute(text)) for name, text in texts.items()}


QUERIES = """\
query-collections REPO
query-collections REPO --chains tree
query-collections REPO --chains inverse-table
query-datasets REPO --collections *
query-datasets REPO v --collections chain --show-uri
query-datasets REPO v --collections u/ONE
query-datasets REPO v --collections u/ONE,u/TWO
query-datasets REPO w --collections *
query-datasets REPO w --collections * --where instrument='CTWO'
query-datasets REPO c --collections u/f
query-datasets REPO c --collections u/f --where instrument='Cam'_AND_physical_filter_IN_('ONE','TWO')
query-datasets REPO c --collections u/f --where instrument='Cam'_AND_(physical_filter='ONE'_OR_physical_filter='TWO')
query-datasets REPO c --collections u/f --where instrument='Cam'_AND_band='r'
query-data-ids REPO instrument
query-data-ids REPO physical_filter
query-data-ids REPO band
query-data-ids REPO physical_filter --datasets c --collections u/f
query-data-ids REPO instrument --datasets w --collections u/f
query-dimension-records REPO instrument
query-dimension-records REPO physical_filter
""".splitlines()


def words(line: str, **places: Path) -> list[str]:
    words = []
    for word in line.split():
        first, slash, rest = word.partition("/")
        words.append(f"{places[first]}{slash}{rest}" if first in places else word)
    for text, meaning in (("ONE", ONE), ("TWO", TWO), ("_AND_", " AND "), ("_OR_", " OR "), ("_IN_", " IN ")):
        words = [word.replace(text, meaning) for word in words]
    return words


@pytest.mark.parametrize("line", QUERIES)
def test_queries_find_both(made, line):
    arguments = words(line, REPO=made / "repo")
    theirs, ours = asked(*arguments), steward(*arguments)
    assert theirs.status == 0, theirs.errors
    if "--datasets" in line or "physical_filter" not in line.split():
        assert ours == theirs
    else:
        assert sorted(ours.output.split()) == sorted(theirs.output.split()) and ours.status == 0


MAKING = "--register-dataset-types --transfer-dimensions"
WRITING = {
    "transfer": f"transfer-datasets FROM REPO --collections * -t copy {MAKING}",
    "transfer-runs": f"transfer-datasets FROM REPO --collections chain -d v -t copy {MAKING}",
    "transfer-type": f"transfer-datasets FROM REPO --collections u/f -d w -t hardlink {MAKING}",
    "import": "import REPO FILES/export -t copy",
    "zip": "ingest-zip REPO FILES/all.zip -t copy",
    "files": "ingest-files REPO v run FILES/files.csv --data-id instrument=Cam --prefix FILES -t copy"
    " --id-generation-mode dataid_type_run",
    "filters": "ingest-files REPO c run FILES/filters.csv --data-id instrument=Cam --prefix FILES -t copy"
    " --id-generation-mode dataid_type_run",
    "move": "ingest-files REPO v run FILES/files.csv --data-id instrument=Cam --prefix FILES -t move"
    " --id-generation-mode dataid_type_run",
    "associate": "associate REPO other -d * --collections u/f,u/ONE,u/TWO",
    "certify": "certify-calibrations REPO u/f other c",
    "chain": "collection-chain REPO new u/ONE,u/TWO,u/f",
    "extend": "collection-chain REPO chain u/ONE --mode extend",
    "remove-member": "collection-chain REPO chain u/TWO --mode remove",
    "prune": "prune-datasets REPO u/ONE --unstore --no-confirm --find-all",
    "purge": "prune-datasets REPO --purge u/TWO --no-confirm",
    "remove-run": "remove-runs REPO u/ONE --no-confirm --force",
}
START = {"transfer": "empty", "transfer-runs": "empty", "transfer-type": "empty", "import": "bare", "zip": "bare",
         "files": "bare", "filters": "bare", "move": "bare"}


@pytest.mark.parametrize("name", WRITING)
def test_changes_are_of_what_is_named(made, tmp_path, name):
    found = []
    for run in (asked, lambda *arguments: steward(*arguments)):
        place = tmp_path / str(len(found))
        shutil.copytree(made / START.get(name, "repo"), place / "repo")
        shutil.copytree(made / "files", place / "files")
        outcome = run(*words(WRITING[name], REPO=place / "repo", FROM=made / "repo", FILES=place / "files"))
        left = sorted(path.name for path in (place / "files").glob("*.yaml"))
        content = datasets(place / "repo") if name != "prune" else None
        found.append((outcome.status, rows(place / "repo"), content, left))
        assert outcome.status == 0, outcome.errors
    assert found[1] == found[0]


def test_no_folder_is_left_of_a_writer_that_died(made, tmp_path):
    """Both folders of runs that look the same go, or have files."""
    killed = 0
    for point in range(4, 80, 3):
        root = shutil.copytree(made / "empty", tmp_path / str(point))
        line = words(WRITING["transfer-runs"], REPO=root, FROM=made / "repo")
        killed += steward(*line, environment={"STEWARD_KILL_AT": str(point)}).status != 0
        # The next writer recovers.
        assert steward("empty-trash", str(root), "--no-confirm").status == 0
        folders = [path for path in root.rglob("*") if path.is_dir() and ".steward" not in path.parts]
        assert [folder for folder in folders if not any(folder.iterdir())] == [], point
    assert killed > 3


@pytest.mark.parametrize("line", ["retrieve-artifacts REPO OUT --collections * -d *", "export-calibs REPO OUT cal"])
def test_what_leaves_is_complete(made, tmp_path, line):
    for name, run in (("theirs", asked), ("ours", lambda *arguments: steward(*arguments))):
        if "retrieve" in line:
            (tmp_path / name).mkdir()
        outcome = run(*words(line, REPO=made / "repo", OUT=tmp_path / name))
        assert outcome.status == 0, outcome.errors
    files = {
        name: {str(path.relative_to(tmp_path / name)): path.read_text() for path in (tmp_path / name).rglob("*.yaml")
               if path.name != "export.yaml"}
        for name in ("theirs", "ours")
    }
    assert files["ours"] == files["theirs"]
    if "export" in line:
        shutil.copytree(made / "empty", tmp_path / "target")
        outcome = asked("import", str(tmp_path / "target"), str(tmp_path / "ours"), "-t", "copy")
        assert outcome.status == 0, outcome.errors
        with Butler.from_config(str(tmp_path / "target")) as butler:
            found = {r.name: r.band for r in butler.query_dimension_records("physical_filter", instrument="Cam")}
            assert {ONE: "g", TWO: "r"}.items() <= found.items()


def test_a_comma_ends_a_name_before_a_combining_mark(made, tmp_path):
    shutil.copytree(made / "bare", tmp_path / "repo")
    mark = "\u0301x"
    with Butler.from_config(str(tmp_path / "repo"), writeable=True) as butler:
        for run in ("a", mark):
            butler.collections.register(run)
    assert steward("collection-chain", str(tmp_path / "repo"), "new", f"a,{mark}").status == 0
    with Butler.from_config(str(tmp_path / "repo")) as butler:
        assert list(butler.collections.get_info("new").children) == ["a", mark]


@pytest.mark.skipif(not TABLE_PROBE.exists(), reason="table-probe is not built; run swift build")
def test_columns_of_a_data_frame(tmp_path):
    frame = pandas.DataFrame({ONE: [1, 2], TWO: [3, 4], "f": [5, 6]})
    pyarrow.parquet.write_table(parquet.pandas_to_arrow(frame), tmp_path / "theirs.parq")
    names = [str(tmp_path / name) for name in ("theirs.parq", "ours.parq")]
    done = subprocess.run([TABLE_PROBE, "copy", *names, "pandas"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    ours = parquet.arrow_to_pandas(pyarrow.parquet.read_table(tmp_path / "ours.parq"))
    pandas.testing.assert_frame_equal(ours, frame)


@pytest.mark.skipif(not BUTLER_PROBE.exists(), reason="butler-probe is not built; run swift build")
def test_datasets_that_are_put_together_have_their_own_bands(made, tmp_path):
    root = shutil.copytree(made / "bare", tmp_path / "repo")
    with Butler.from_config(str(root), writeable=True) as butler:
        butler.collections.register("run")
    put = {
        "op": "put_many",
        "run": "run",
        "datasets": [
            {"value": {"filter": f}, "type": "c", "data_id": {"instrument": "Cam", "physical_filter": f}}
            for f in (ONE, TWO)
        ],
    }
    done = subprocess.run(
        [BUTLER_PROBE, root, "--writeable"], input=json.dumps(put) + "\n", capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    with Butler.from_config(str(root)) as butler:
        for name, band in ((ONE, "g"), (TWO, "r")):
            ref = butler.find_dataset("c", instrument="Cam", physical_filter=name, collections="run")
            assert butler.get(ref) == {"filter": name}
            assert f"/c/{band}/{name}/" in butler.getURI(ref).unquoted_path
