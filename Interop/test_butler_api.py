"""The methods of the Butler that read, write and remove datasets, over all fixture repositories: one side does, the other looks,
and then the other way round. Changes of the registry alone are compared in test_writing_registry and test_writing_records,
components, images and tables in test_datastore_values and test_table_datasets.
"""

import shutil
import sqlite3
import uuid
from pathlib import Path

import pytest
import yaml

from command_line import steward as command
from test_repositories import FIXTURES, PROBE, STEWARD, Steward, needs_fixtures

from lsst.daf.butler import Butler, DatasetRef, DatasetType, FileDataset, MissingCollectionError

pytestmark = [
    needs_fixtures,
    pytest.mark.skipif(STEWARD is None or PROBE is None, reason="steward and butler-probe are not built; run swift build"),
]

NAMES = ["hsc-rc2", "custom", "empty", *(f"universe-{version}" for version in range(8))]
TYPE, OTHER = "facts_of_api", "more_of_api"
MODES = ["copy", "move", "link", "hardlink", "symlink", "relsymlink", "direct", "auto", None]


class Python:
    """The operations in Python."""

    def __init__(self, root):
        self.root = Path(root)
        self.butler = Butler.from_config(str(root), writeable=True)

    def close(self):
        self.butler.close()

    def ref(self, id):
        return self.butler.get_dataset(uuid.UUID(id))

    def register(self):
        for name in (TYPE, OTHER):
            kind = DatasetType(name, [], "StructuredDataDict", universe=self.butler.dimensions)
            self.butler.registry.registerDatasetType(kind)

    def put(self, run, value):
        self.butler.collections.register(run)
        return str(self.butler.put(value, TYPE, run=run).id)

    def put_ref(self, id, run, value):
        kind = self.butler.get_dataset_type(TYPE)
        ref = DatasetRef(kind, self.butler.registry.expandDataId(dimensions=kind.dimensions), run, id=uuid.UUID(id))
        self.butler.put(value, ref)

    def ingest(self, run, path, mode):
        kinds = [self.butler.get_dataset_type(name) for name in (TYPE, OTHER)]
        refs = [DatasetRef(k, self.butler.registry.expandDataId(dimensions=k.dimensions), run=run) for k in kinds]
        self.butler.ingest(FileDataset(path=str(path), refs=refs), transfer=mode)
        return [str(ref.id) for ref in refs]

    def prune(self, ids, **options):
        self.butler.pruneDatasets([self.ref(id) for id in ids], **options)

    def remove_runs(self, names):
        self.butler.removeRuns(names)

    def forget(self, ids):
        self.butler._datastore.forget([self.ref(id) for id in ids])

    def trash(self, ids):
        """Puts datasets into the trash, and no more."""
        with self.butler.transaction():
            self.butler._datastore.trash([self.ref(id) for id in ids])

    def empty_trash(self):
        self.butler._datastore.emptyTrash()

    def transfer(self, source, ids):
        with Butler.from_config(str(source)) as other:
            refs = [other.get_dataset(uuid.UUID(id)) for id in ids]
            self.butler.transfer_from(other, refs, transfer="copy", register_dataset_types=True)

    def export(self, ids, folder):
        folder.mkdir()
        with self.butler.export(directory=str(folder), format="yaml", transfer="copy") as export:
            export.saveDatasets([self.ref(id) for id in ids])

    def take_in(self, folder):
        self.butler.import_(directory=str(folder), filename="export.yaml", transfer="copy")

    def retrieve(self, runs, folder):
        folder.mkdir()
        refs = [ref for run in runs for ref in self.butler.query_datasets(TYPE, collections=run, with_dimension_records=True)]
        self.butler.retrieveArtifacts(refs, str(folder), transfer="copy")

    def pack(self, runs, folder):
        folder.mkdir()
        refs = [ref for run in runs for ref in self.butler.query_datasets(TYPE, collections=run, with_dimension_records=True)]
        return Path(self.butler.retrieve_artifacts_zip(refs, str(folder)).ospath)

    def ingest_zip(self, path):
        self.butler.ingest_zip(str(path), transfer="copy")

    # Looking

    def get(self, id):
        return self.butler.get(self.ref(id))

    def deferred(self, id):
        return self.butler.getDeferred(self.ref(id)).get()

    def find(self, run, name=TYPE):
        found = self.butler.find_dataset(name, collections=run)
        return None if found is None else str(found.id)

    def exists(self, id, full=True):
        ref = self.ref(id)
        return self.butler.exists(ref, full_check=full).value if ref else None

    def uri(self, id):
        return str(self.butler.getURI(self.ref(id)))

    def ids(self, runs):
        found = []
        for run in runs:
            try:
                found += self.butler.query_datasets(TYPE, collections=run, explain=False)
            except MissingCollectionError:
                continue
        return sorted(str(ref.id) for ref in found)


class Swift:
    """The same in Swift."""

    def __init__(self, root):
        self.root = Path(root)
        self.probe = Steward(root, writeable=True)

    def close(self):
        self.probe.__exit__()

    def register(self):
        for name in (TYPE, OTHER):
            self.probe.do("dataset_type", type={"name": name, "dimensions": [], "storageClass": "StructuredDataDict"})

    def put(self, run, value):
        self.probe.do("collection", name=run, type="RUN")
        return self.probe.do("put", type=TYPE, run=run, value=value, data_id={})["id"]

    def put_ref(self, id, run, value):
        self.probe.do("put_ref", id=id, type=TYPE, data_id={}, run=run, value=value)

    def ingest(self, run, path, mode):
        ids = [str(uuid.uuid4()) for _ in range(2)]
        datasets = [{"id": id, "type": name, "data_id": {}, "run": run} for id, name in zip(ids, (TYPE, OTHER))]
        self.probe.do("ingest", transfer=mode or "none", files=[{"path": str(path), "datasets": datasets}])
        return ids

    def prune(self, ids, **options):
        self.probe.do("prune", ids=ids, **options)

    def remove_runs(self, names):
        self.probe.do("remove_runs", names=names)

    def forget(self, ids):
        self.probe.do("forget", ids=ids)

    def trash(self, ids):
        self.probe.do("prune", ids=ids, unstore=True, keeps_files=True)

    def empty_trash(self):
        self.probe.do("empty_trash")

    def transfer(self, source, ids):
        self.probe.do("transfer_from", source=str(source), ids=ids, transfer="copy", dimensions=False)

    def export(self, ids, folder):
        self.probe.do("export", ids=ids, transfer="copy", collections=[], directory=str(folder))

    def run(self, *arguments):
        done = command(*map(str, arguments))
        assert done.status == 0, done.errors
        return done

    def take_in(self, folder):
        self.run("import", self.root, folder, "-t", "copy")

    def retrieve(self, runs, folder):
        self.run("retrieve-artifacts", self.root, f"{folder}/", "-d", TYPE, "--collections", ",".join(runs), "-t", "copy")

    def pack(self, runs, folder):
        self.run("retrieve-artifacts", self.root, f"{folder}/", "-d", TYPE, "--collections", ",".join(runs), "--zip")
        (path,) = folder.glob("*.zip")
        return path

    def ingest_zip(self, path):
        self.run("ingest-zip", self.root, path, "-t", "copy")

    # Looking

    def get(self, id):
        return self.probe.do("get", id=id)["value"]

    def deferred(self, id):
        return self.probe.do("read", id=id)

    def find(self, run, name=TYPE):
        found = self.probe.do("find", type=name, data_id={}, collections=[run])
        return found and found["id"]

    def exists(self, id, full=True):
        return self.probe.do("exists_by_id", id=id, full_check=full)

    def uri(self, id):
        return self.probe.do("get_uri", id=id)

    def ids(self, runs):
        return sorted(id for run in runs for id in self.probe.do("list_known", type=TYPE, collections=[run]))


@pytest.fixture(params=NAMES)
def fixture(request, tmp_path):
    root = shutil.copytree(FIXTURES / request.param, tmp_path / "repository", symlinks=True)
    if request.param == "custom":
        # Steward does not write to repositories with a live ObsCore table.
        config = yaml.safe_load((root / "butler.yaml").read_text())
        del config["registry"]["managers"]["obscore"]
        (root / "butler.yaml").write_text(yaml.safe_dump(config, sort_keys=False))
        with sqlite3.connect(root / "gen3.sqlite3") as database:
            database.execute("DELETE FROM butler_attributes WHERE name LIKE '%obscore%'")
    return root


@pytest.fixture(params=["swift", "python"])
def sides(request, fixture):
    """The one that does, and the one that looks."""
    swift, python = Swift(fixture), Python(fixture)
    yield (swift, python) if request.param == "swift" else (python, swift)
    swift.close()
    python.close()


def test_datasets(sides, fixture, tmp_path):
    doer, looker = sides
    doer.register()

    def is_there(id, run, value, name=TYPE):
        assert looker.get(id) == looker.deferred(id) == value
        assert looker.find(run, name) == id == doer.find(run, name)
        assert looker.exists(id) == doer.exists(id) == 7
        assert looker.uri(id) == doer.uri(id)

    # put, get, getDeferred, find, exists, getURI
    values = {f"api/{number}": {"n": number, "é": [1.5, None, True]} for number in range(4)}
    ids = {run: doer.put(run, value) for run, value in values.items()}
    for run, value in values.items():
        is_there(ids[run], run, value)
    assert looker.ids(values) == sorted(ids.values())

    # ingest by every mode, several datasets in one file
    inside = Path(doer.uri(ids["api/0"]).removeprefix("file://")).parents[2]
    for number, mode in enumerate(MODES):
        source = (inside if mode is None else tmp_path) / f"source{number}.yaml"
        source.write_text(f"mode: {mode or 'none'}\n")
        run = f"in/{number}"
        for id, name in zip(doer.ingest(run, source, mode), (TYPE, OTHER)):
            is_there(id, run, {"mode": mode or "none"}, name)
        assert source.exists() == (mode != "move")

    # retrieveArtifacts, to files and to an archive; export and import; transferFrom; ingestZip
    chosen = ["api/0", "api/1"]
    wanted = [ids[run] for run in chosen]
    doer.retrieve(chosen, tmp_path / "files")
    looker.retrieve(chosen, tmp_path / "again")
    for folder in ("files", "again"):
        texts = sorted(path.read_text() for path in (tmp_path / folder).rglob("*.yaml"))
        assert len(texts) == 2 and "n: 0" in texts[0]
    doer.export(wanted, tmp_path / "export")
    packed = doer.pack(chosen, tmp_path / "zip")
    for name, bring in (
        ("transferred", lambda side: side.transfer(fixture, wanted)),
        ("imported", lambda side: side.take_in(tmp_path / "export")),
        ("unpacked", lambda side: side.ingest_zip(packed)),
    ):
        for maker in (type(doer), type(looker)):
            target = shutil.copytree(FIXTURES / "empty", tmp_path / name / maker.__name__)
            if _universe(fixture) != _universe(target):
                shutil.rmtree(target)
                Butler.makeRepo(str(target), dimensionConfig=_configuration(fixture))
            side, other = maker(target), (Python if maker is Swift else Swift)(target)
            side.register()
            bring(side)
            assert other.ids(chosen) == sorted(wanted)
            for run in chosen:
                assert other.get(ids[run]) == values[run]
            side.close()
            other.close()

    # forget, pruneDatasets in all ways, the trash, removeRuns
    path = Path(doer.uri(ids["api/3"]).removeprefix("file://"))
    doer.forget([ids["api/3"]])
    assert looker.exists(ids["api/3"]) == 1 and path.exists()
    doer.prune([ids["api/1"]], unstore=True, disassociate=False)
    assert looker.exists(ids["api/1"]) == doer.exists(ids["api/1"]) == 1
    # Again, under the same reference, and one that was planned before it was there.
    doer.put_ref(ids["api/1"], "api/1", {"again": 1})
    is_there(ids["api/1"], "api/1", {"again": 1})
    doer.prune([ids["api/1"]], unstore=True, purge=True, disassociate=True)
    planned = str(uuid.uuid4())
    doer.put_ref(planned, "api/1", {"planned": 1})
    is_there(planned, "api/1", {"planned": 1})
    path = Path(doer.uri(ids["api/2"]).removeprefix("file://"))
    doer.trash([ids["api/2"]])
    assert path.exists()
    looker.empty_trash()
    assert not path.exists() and looker.exists(ids["api/2"]) == 1
    doer.prune([ids["api/0"]], unstore=True, purge=True, disassociate=True)
    assert looker.ids(["api/0"]) == [] and looker.find("api/0") is None
    doer.remove_runs(["api/0", "api/1", "api/2", "api/3"])
    assert looker.ids(values) == []


def _universe(root):
    with Butler.from_config(str(root)) as butler:
        return butler.dimensions.version


def _configuration(root):
    with Butler.from_config(str(root)) as butler:
        return butler.dimensions.dimensionConfig
