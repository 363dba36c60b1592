"""Operations of Steward that the fault suite kills, on a small repository, and what may be left of them."""

import hashlib
import json
import os
import shutil
import sqlite3
import subprocess
import uuid
from pathlib import Path

import postgresql
from lsst.daf.butler import Butler, CollectionType, DatasetRef, DatasetType, FileDataset
from test_repositories import PROBE

NAMESPACE = uuid.UUID("6f2b3a52-5d7c-4b54-9f0c-3f5f1c9a7a10")
DETECTORS = range(12)


def identifier(name: str) -> str:
    return str(uuid.uuid5(NAMESPACE, name))


def fill(root: Path, config=None, resets_roots=True):
    """Records, two dataset types, a tag, a chain; datasets in two runs, three of them in one file.

    Roots of datastores that the configuration names are those of the repository, unless `resets_roots` is false."""
    Butler.makeRepo(str(root), config=config, forceConfigRoot=resets_roots)
    with Butler.from_config(str(root), writeable=True) as butler:
        butler.registry.insertDimensionData("instrument", {"name": "Cam", "class_name": "x.Y", "detector_max": 20})
        butler.registry.insertDimensionData(
            "detector",
            *[{"instrument": "Cam", "id": i, "full_name": f"D{i}", "purpose": "SCIENCE"} for i in DETECTORS],
        )
        for name in ("count", "other"):
            butler.registry.registerDatasetType(
                DatasetType(name, ["instrument", "detector"], "StructuredDataDict", universe=butler.dimensions)
            )
        for run in ("run/a", "run/b"):
            butler.collections.register(run)
        butler.collections.register("tag", CollectionType.TAGGED)
        butler.collections.register("chain", CollectionType.CHAINED)
        butler.collections.redefine_chain("chain", ["run/b", "run/a"])
        for run in ("run/a", "run/b"):
            for detector in (0, 1, 2, 3):
                butler.put({"run": run, "detector": detector}, "count", instrument="Cam", detector=detector, run=run)
        shared = root.parent / f"{root.name}-shared.yaml"
        shared.write_text("shared: true\n")
        kind = butler.get_dataset_type("other")
        refs = [DatasetRef(kind, _data_id(butler, kind, d), run="run/a") for d in (0, 1, 2)]
        butler.ingest(FileDataset(path=str(shared), refs=refs), transfer="copy")
        butler.registry.associate("tag", butler.query_datasets("count", collections="run/a"))
        butler.registry.associate("tag", refs)


def _data_id(butler, kind, detector):
    return butler.registry.expandDataId(instrument="Cam", detector=detector, dimensions=kind.dimensions)


def rows(root: Path, sql: str, *values):
    """What a query finds in a registry of either kind, with identifiers as SQLite has them."""
    if server := postgresql.database_of(root):
        import psycopg

        with psycopg.connect(server) as connection:
            found = connection.execute(sql.replace("%", "%%").replace("?", "%s"), values).fetchall()
        return [tuple(value.hex if isinstance(value, uuid.UUID) else value for value in row) for row in found]
    with sqlite3.connect(f"file:{root}/gen3.sqlite3?mode=ro", uri=True) as connection:
        return connection.execute(sql, values).fetchall()


def change(root: Path, sql: str, *values):
    """Runs a statement in a registry of either kind."""
    if server := postgresql.database_of(root):
        import psycopg

        with psycopg.connect(server) as connection:
            connection.execute(sql.replace("%", "%%").replace("?", "%s"), values)
        return
    with sqlite3.connect(root / "gen3.sqlite3") as connection:
        connection.execute(sql, values)


def ids(root: Path, kind: str, run: str) -> list[str]:
    found = rows(
        root,
        """SELECT d.id FROM dataset d JOIN dataset_type t ON t.id = d.dataset_type_id
           JOIN collection c ON c.collection_id = d.run_id WHERE t.name = ? AND c.name = ? ORDER BY d.id""",
        kind,
        run,
    )
    return [str(uuid.UUID(row[0])) for row in found]


def state(root: Path, *tables: str) -> dict:
    """What the repository holds: its datasets, where they are, their memberships, and every file by content. Records are
    in the tables given, else in the usual one."""
    names = dict(rows(root, "SELECT collection_id, name FROM collection"))
    tags = [
        (names[row[1]], row[0])
        for (table,) in rows(root, "SELECT DISTINCT tag_association_table FROM dataset_type")
        for row in rows(root, f"SELECT dataset_id, collection_id FROM {table}")
    ]
    return {
        "collections": sorted(names.values()),
        "chains": sorted((names[a], names[b]) for a, b in rows(root, "SELECT parent, child FROM collection_chain")),
        "datasets": sorted(rows(root, "SELECT id FROM dataset")),
        "members": sorted(tags),
        "locations": sorted(rows(root, "SELECT dataset_id FROM dataset_location")),
        "trash": sorted(rows(root, "SELECT dataset_id FROM dataset_location_trash")),
        "records": sorted(
            row
            for table in tables or ("file_datastore_records",)
            for row in rows(root, f"SELECT dataset_id, path, file_size FROM {table}")
        ),
        "files": files(root),
    }


def files(root: Path) -> dict[str, str]:
    """The digest of each file below the root that is no part of the repository's own or of Steward's journal, by relative
    path."""
    own = {"butler.yaml", "gen3.sqlite3", "gen3.sqlite3-journal", "gen3.sqlite3-wal", "gen3.sqlite3-shm"}
    return {
        str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest()[:12]
        for path in sorted(root.rglob("*"))
        if path.is_file() and str(path.relative_to(root)) not in own and path.relative_to(root).parts[0] != ".steward"
    }


def anonymous(found: dict) -> dict:
    """A state without identifiers that differ from one trial to the next, but with how often each occurs."""
    known = {}
    number = lambda value: known.setdefault(value, len(known))  # noqa: E731
    paths = {row[0]: row[1] for row in found["records"]}
    for row in sorted(found["records"], key=lambda row: row[1:]):
        number(row[0])
    rename = lambda value: paths.get(value, "without record")  # noqa: E731
    return {
        "collections": found["collections"],
        "chains": found["chains"],
        "datasets": sorted(rename(row[0]) for row in found["datasets"]),
        "members": sorted((name, rename(value)) for name, value in found["members"]),
        "locations": sorted(rename(row[0]) for row in found["locations"]),
        "trash": len(found["trash"]),
        "records": sorted(row[1:] for row in found["records"]),
        "files": found["files"],
    }


def check_whole(root: Path):
    """Every dataset has its files, every file its dataset, nothing is under way, and Python thinks so too."""
    found = state(root)
    recorded = {row[1] for row in found["records"]}
    # Only datasets that are stored have records, and all of those.
    assert {row[0] for row in found["records"]} == {row[0] for row in found["locations"]}
    assert found["trash"] == []
    assert {path.split("#zip-path=")[0] for path in recorded if "://" not in path} == set(found["files"])
    for _, path, size in found["records"]:
        if "://" not in path and "#zip-path=" not in path:
            assert (root / path).stat().st_size == size, path
    if not rows(root, "SELECT 1 FROM dataset_type"):
        return
    with Butler.from_config(str(root)) as butler:
        refs = set(butler.query_all_datasets(collections="*", find_first=False, limit=None))
        # Asked for many at once, Python forgets all but one of the datasets in one file.
        stored = {ref: butler.stored(ref) for ref in refs}
        assert len(refs) == len(found["datasets"])
        assert sum(stored.values()) == len(found["locations"])
        for ref in refs:
            if stored[ref]:
                assert butler.get(ref) is not None


def waiting(root: Path) -> set[str]:
    """Datasets that are said to wait in the trash."""
    return {
        json.loads(line)["dataset"]
        for path in (root / ".steward" / "trash").glob("*.intent")
        for line in path.read_text().splitlines()[1:]
    }


def check_waiting(root: Path):
    """What is in the trash waits there, nothing else is said to, and there is no other trace."""
    trash = {str(uuid.UUID(row[0])) for row in state(root)["trash"]}
    assert waiting(root) == trash
    journal = root / ".steward"
    assert ([path.name for path in journal.iterdir()] if journal.exists() else []) == (["trash"] if trash else [])


class Fault:
    """An operation: what the probe is asked, on a copy of the repository."""

    def __init__(self, name, commands, prepare=None, sources=None, keeps_files=False):
        self.name = name
        #: Commands for the probe, from the paths of the repository and of a folder for other files.
        self.commands = commands
        #: Makes other files.
        self.prepare = prepare or (lambda root, folder: None)
        #: Files that must exist unless the datasets do, and must be gone then.
        self.sources = sources or (lambda folder: [])
        #: Whether files wait in the trash in the end.
        self.keeps_files = keeps_files


def _source(folder: Path, number: int) -> Path:
    return folder / f"source{number}.yaml"


def _make_sources(root, folder):
    folder.mkdir(exist_ok=True)
    for number in range(4):
        _source(folder, number).write_text(f"number: {number}\n")


def _ingest(transfer):
    def commands(root, folder):
        return [
            {
                "op": "ingest",
                "transfer": transfer,
                "files": [
                    {"path": str(_source(folder, 0)), "datasets": [_dataset("count", 5), _dataset("count", 6)]},
                    {"path": str(_source(folder, 1)), "datasets": [_dataset("other", 7)]},
                    {"path": str(_source(folder, 2)), "datasets": [_dataset("other", 8, "run/new")]},
                ],
            }
        ]

    sources = (lambda folder: [_source(folder, n) for n in (0, 1, 2)]) if transfer == "move" else None
    return Fault(f"ingest-{transfer}", commands, _make_sources, sources)


def _dataset(kind, detector, run="run/a"):
    return {
        "id": identifier(f"{kind}{detector}{run}"),
        "type": kind,
        "data_id": {"instrument": "Cam", "detector": detector},
        "run": run,
    }


def _put(root, folder):
    return [
        {
            "op": "put_many",
            "run": "run/a",
            "datasets": [
                {"type": "count", "data_id": {"instrument": "Cam", "detector": d}, "value": {"new": d}}
                for d in (6, 7, 8, 9, 10)
            ],
        }
    ]


def _prune(**options):
    return lambda root, folder: [
        {"op": "prune", "ids": ids(root, "count", "run/a")[:3] + ids(root, "other", "run/a"), **options}
    ]


def _make_many(root, folder):
    """Four runs of twelve datasets, those of each run in one file."""
    _make_sources(root, folder)
    runs = [f"run/many{number}" for number in range(4)]
    files = [
        {"path": str(_source(folder, number)), "datasets": [_dataset("other", d, run) for d in DETECTORS]}
        for number, run in enumerate(runs)
    ]
    assert run_probe(root, [{"op": "ingest", "transfer": "copy", "files": files}]) == 0


def _purge_many(root, folder):
    wanted = [name for number in range(4) for name in ids(root, "other", f"run/many{number}")][:-1]
    return [{"op": "prune", "ids": wanted, "unstore": True, "purge": True, "disassociate": True}]


def _fill_trash(root, folder):
    command = {
        "op": "prune",
        "ids": ids(root, "count", "run/b") + ids(root, "other", "run/a")[:2],
        "unstore": True,
        "keeps_files": True,
    }
    assert run_probe(root, [command]) == 0


def _make_other(root, folder):
    folder.mkdir(exist_ok=True)
    with Butler.from_config(str(root), writeable=True) as butler:
        butler.registry.insertDimensionData(
            "detector", {"instrument": "Cam", "id": 15, "full_name": "D15", "purpose": "SCIENCE"}
        )
    shutil.copytree(root, folder / "other")
    with Butler.from_config(str(folder / "other"), writeable=True, run="run/c") as butler:
        for detector in (4, 5, 15):
            butler.put({"c": detector}, "count", instrument="Cam", detector=detector)


def _transfer(mode):
    return lambda root, folder: [
        {
            "op": "transfer_from",
            "source": str(folder / "other"),
            "ids": ids(folder / "other", "count", "run/c"),
            "transfer": mode,
        }
    ]


def _make_other_in_trash(root, folder):
    _make_other(root, folder)
    assert run_probe(root, _transfer("copy")(root, folder)) == 0
    command = {"op": "prune", "ids": ids(root, "count", "run/c"), "unstore": True, "purge": True, "disassociate": True}
    assert run_probe(root, [{**command, "keeps_files": True}]) == 0


def _transfer_anew(root, folder):
    return [*_transfer("copy")(root, folder), {"op": "empty_trash"}]


def _make_export(root, folder):
    _make_other(root, folder)
    (folder / "export").mkdir()
    with Butler.from_config(str(folder / "other")) as butler:
        with butler.export(directory=str(folder / "export"), format="yaml", transfer="copy") as export:
            export.saveDatasets(butler.query_datasets("count", collections="run/c"))


def _make_archive(root, folder):
    _make_other(root, folder)
    with Butler.from_config(str(folder / "other")) as butler:
        refs = butler.query_datasets("count", collections="run/c", with_dimension_records=True)
        packed = butler.retrieve_artifacts_zip(refs, str(folder))
    os.rename(packed.ospath, folder / "archive.zip")


class Import(Fault):
    """Takes in an export; the sources of a move are known before they are gone."""

    def __init__(self, mode):
        command = {"op": "import", "transfer": mode}
        names = [f"run/c/count/count_Cam_D{detector}_run_c.yaml" for detector in (4, 5, 15)]
        super().__init__(
            f"import-{mode}",
            lambda root, folder: [{**command, "directory": str(folder / "export")}],
            _make_export,
            (lambda folder: [folder / "export" / name for name in names]) if mode == "move" else None,
        )


def _transaction(root, folder):
    def put(detector, **more):
        data_id = {"instrument": "Cam", "detector": detector}
        return {"op": "put", "run": "run/new", "type": "count", "data_id": data_id, "value": {"new": detector}, **more}

    changes = [
        {"op": "collection", "name": "run/new", "type": "RUN"},
        put(6),
        {"op": "nested", "catch": True, "changes": [put(7), {"op": "fail"}]},
        *_ingest("move").commands(root, folder),
        {"op": "associate", "collection": "tag", "ids": [identifier("count5run/a")]},
        {"op": "prune", "ids": ids(root, "count", "run/a")[:3], "unstore": True, "purge": True, "disassociate": True},
    ]
    return [{"op": "transaction", "changes": changes}]


FAULTS = [
    Fault("put", _put),
    Fault("transaction", _transaction, _make_sources, _ingest("move").sources),
    *[_ingest(transfer) for transfer in ("copy", "move", "link", "symlink", "relsymlink", "direct")],
    Fault("unstore", _prune(unstore=True)),
    Fault("purge", _prune(unstore=True, purge=True, disassociate=True)),
    Fault("purge-many", _purge_many, _make_many),
    Fault("keep-files", _prune(unstore=True, keeps_files=True), keeps_files=True),
    Fault(
        "purge-and-keep-files",
        _prune(unstore=True, purge=True, disassociate=True, keeps_files=True),
        keeps_files=True,
    ),
    Fault("untag", _prune(unstore=True, disassociate=True, tags=["tag"])),
    Fault("remove-runs", lambda root, folder: [{"op": "remove_runs", "names": ["run/a", "run/b"], "unlink": True}]),
    Fault("empty-trash", lambda root, folder: [{"op": "empty_trash"}], _fill_trash),
    Fault("transfer-copy", _transfer("copy"), _make_other),
    Fault("transfer-link", _transfer("auto"), _make_other),
    Fault(
        "transfer-move",
        _transfer("move"),
        _make_other,
        lambda folder: [folder / "other" / f"run/c/count/count_Cam_D{detector}_run_c.yaml" for detector in (4, 5, 15)],
    ),
    Fault("transfer-anew", _transfer_anew, _make_other_in_trash),
    Import("copy"),
    Import("move"),
    *[
        Fault(
            f"ingest-zip-{mode}",
            lambda root, folder, mode=mode: [
                {"op": "ingest_zip", "path": str(folder / "archive.zip"), "transfer": mode}
            ],
            _make_archive,
            (lambda folder: [folder / "archive.zip"]) if mode == "move" else None,
        )
        for mode in ("copy", "move")
    ],
]


def run_probe(root: Path, commands, kill_at: int | None = None, fails: bool = False) -> int:
    """Runs commands to their end, or the kill; negative for a kill. Errors that the probe reports fail the test, unless
    each command fails as it should."""
    environment = dict(os.environ)
    environment.pop("STEWARD_KILL_AT", None)
    if kill_at is not None:
        environment["STEWARD_KILL_AT"] = str(kill_at)
    done = subprocess.run(
        [str(PROBE), str(root), "--writeable"],
        input="".join(json.dumps(command) + "\n" for command in commands),
        capture_output=True,
        text=True,
        env=environment,
        timeout=300,
    )
    for line in done.stdout.splitlines():
        answer = json.loads(line)
        assert (isinstance(answer, dict) and "error" in answer) == fails, answer
    return done.returncode
