"""The live ObsCore table: what Steward and the Python Butler make of the same datasets, on both databases."""

import json
import shutil
import sqlite3

import postgresql
import pytest
import yaml
from command_line import steward

pytest.importorskip("lsst.daf.butler")
pytest.importorskip("psycopg", reason="needs psycopg")
from lsst.daf.butler import Butler, CollectionType, DatasetIdGenEnum, DatasetType, Timespan  # noqa: E402
from lsst.daf.butler.registry.obscore import RegionTypeWarning  # noqa: E402
from lsst.sphgeom import Angle, Circle, ConvexPolygon, LonLat, UnitVector3d  # noqa: E402
from query_repositories import PACKAGED, hour  # noqa: E402
from registry_pair import needs_probe  # noqa: E402
from registry_tables import contents  # noqa: E402
from test_repositories import Steward  # noqa: E402

pytestmark = needs_probe

PLUGINS = "lsst.daf.butler.registry.obscore."
SPHERE = {"sphere": {"cls": PLUGINS + "pgsphere.PgSphereObsCorePlugin", "config": {"region_column": "sky"}}}
CONFIGURATION = {
    "version": 3,
    "facility_name": "Somewhere",
    "facility_map": {"Cam1": "Mountain"},
    "obs_collection": "all",
    "obs_publisher_did_fmt": "ivo://example.org/butler?type={dataset_type}&id={id}",
    "fallback_instrument": "Cam9",
    "extra_columns": {
        "lsst_visit": {"template": "{visit}", "type": "int", "doc": "The visit"},
        "lsst_exposure": {"template": "{exposure}", "type": "int"},
        "lsst_detector": {"template": "{detector}", "type": "int"},
        "name": {"template": "{run}/{records[visit].name!r:>12}|{{}}", "type": "string", "length": 100},
        "short": {"template": "{calib_level:03d}", "length": 16},
        "seconds": {"template": "{records[exposure].exposure_time:.2f}", "type": "float"},
        "begin": {"template": "{records[exposure].timespan.begin.utc.isot}", "length": 64},
        "mjd": {"template": "{records[exposure].timespan.end.mjd}", "type": "float"},
        "flag": {"template": "{calib_level}", "type": "bool"},
        "one": 1, "half": 0.5, "yes": True, "text": "a'b",
    },
    "indices": {"a": "instrument_name", "b": ["lsst_visit", "lsst_detector"], "c": ["instrument_name"]},
    "spectral_ranges": {"g": [4.02e-7, 5.52e-7], "Cam1-R1": [5.5e-7, None], "y": [1, 2]},
    "dataset_types": {
        "raw": {
            "dataproduct_type": "image", "dataproduct_subtype": "lsst.raw", "calib_level": 1, "s_xel": [4000, 4072],
            "obs_id_fmt": "{records[exposure].obs_id}", "access_format": "image/fits", "obs_collection": "raws",
        },
        "wide": {"dataproduct_type": "image", "calib_level": 0},
        "calexp": {
            "dataproduct_type": "image", "calib_level": 2, "o_ucd": "phot.flux",
            "obs_id_fmt": "{records[visit].name}-{detector:02d}",
            "datalink_url_fmt": "https://example.org/{obs_id}?{id}",
            "extra_columns": {"one": 2, "own": {"template": "{band}/{physical_filter}", "length": 40}},
        },
        "coadd": {"dataproduct_type": "image", "calib_level": 3, "obs_id_fmt": "{tract}.{patch}"},
        "cat": {"dataproduct_type": "catalog", "calib_level": 3},
        "dark": {"dataproduct_type": "image", "calib_level": 1, "obs_id_fmt": "{records[detector].full_name:_^9}"},
    },
}
DIMENSIONS = {
    "raw": ["exposure", "detector"], "wide": ["exposure"], "calexp": ["visit", "detector"],
    "coadd": ["patch", "band"], "cat": ["htm7"], "dark": ["instrument", "detector"], "other": ["instrument"],
}


@pytest.fixture(scope="module")
def cluster():
    if postgresql.programs() is None:
        pytest.skip("PostgreSQL's server is not installed")
    return postgresql.shared()


def prepare(butler):
    """Dimension records and dataset types, and collections; no datasets."""
    registry = butler.registry
    for name in ("base", "spatial"):
        butler.import_(filename=f"{PACKAGED}{name}.yaml", without_datastore=True)
    visits = list(registry.queryDimensionRecords("visit", instrument="Cam1"))
    day = visits[0].day_obs
    registry.insertDimensionData("group", *({"instrument": "Cam1", "name": f"g{n}"} for n in range(4)))
    for n in range(4):
        registry.insertDimensionData(
            "exposure",
            {
                "instrument": "Cam1", "id": n, "obs_id": f"Cam1-{n}", "group": f"g{n}", "day_obs": day,
                "physical_filter": visits[n].physical_filter if n < 1 else "Cam1-R1", "exposure_time": 12.345 * n,
                "target_name": (None, "M 31")[n % 2],
                "timespan": Timespan(hour(1 + n), hour(2 + n)),
            },
        )
    for exposure, visit in enumerate(visits[:3]):
        registry.insertDimensionData(
            "visit_definition", {"instrument": "Cam1", "exposure": exposure, "visit": visit.id})
    registry.insertDimensionData(
        "physical_filter", {"instrument": "Cam1", "name": "Cam1-Y", "band": "y"})
    for name, dimensions in DIMENSIONS.items():
        registry.registerDatasetType(
            DatasetType(name, dimensions, "StructuredDataDict", universe=butler.dimensions))
    for run in ("u/a", "u/b", "v"):
        butler.collections.register(run)
    for tag in ("good", "bad"):
        butler.collections.register(tag, CollectionType.TAGGED)


def data_ids(butler):
    """The data IDs of each dataset type."""
    registry, found = butler.registry, {}
    exposures = [{"instrument": "Cam1", "exposure": n} for n in range(4)]
    detectors = [record.id for record in registry.queryDimensionRecords("detector", instrument="Cam1")]
    found["wide"] = exposures
    found["raw"] = [{**exposure, "detector": detector} for exposure in exposures for detector in detectors]
    found["calexp"] = [
        {"instrument": "Cam1", "visit": record.visit, "detector": record.detector}
        for record in registry.queryDimensionRecords("visit_detector_region", instrument="Cam1")
    ]
    found["coadd"] = [
        {"skymap": record.skymap, "tract": record.tract, "patch": record.id, "band": band}
        for record in registry.queryDimensionRecords("patch") for band in ("g", "y", "r")
    ]
    found["cat"] = [{"htm7": 253952 + n} for n in range(4)]
    found["dark"] = [{"instrument": "Cam1", "detector": detector} for detector in detectors]
    found["other"] = [{"instrument": "Cam1"}]
    return found


class Pair:
    """One repository made and filled by each side."""

    def __init__(self, folder, cluster=None, **changes):
        self.folder, self.cluster, self.names = folder, cluster, []
        self.ours, self.theirs = folder / "steward", folder / "python"
        config = {**CONFIGURATION, **changes}
        for root in (self.theirs, self.ours):
            registry = {"managers": {"obscore": {"cls": PLUGINS + "ObsCoreLiveTableManager", "config": config}}}
            if cluster:
                self.names.append(cluster.database())
                if "spatial_plugins" in changes:
                    cluster.sql("CREATE EXTENSION pg_sphere", self.names[-1])
                registry["db"] = f"{cluster.url}/{self.names[-1]}"
            else:
                registry["db"] = "sqlite:///<butlerRoot>/gen3.sqlite3"
            seed = folder / "seed.yaml"
            seed.write_text(yaml.safe_dump({"registry": registry}, sort_keys=False))
            if root is self.ours:
                made = steward("create", "--seed-config", str(seed), str(root))
                assert made.status == 0, made.errors
            else:
                Butler.makeRepo(str(root), config=str(seed))

    def open(self):
        for root in (self.theirs, self.ours):
            with Butler.from_config(str(root), writeable=True) as butler:
                prepare(butler)
        self.python = Butler.from_config(str(self.theirs), writeable=True)
        self.swift = Steward(self.ours, writeable=True)
        return self

    def __enter__(self):
        return self.open()

    def __exit__(self, *_):
        self.swift.__exit__()
        self.python.close()

    def insert(self, name, ids, run):
        refs = self.python.registry.insertDatasets(
            name, ids, run=run, idGenerationMode=DatasetIdGenEnum.DATAID_TYPE_RUN)
        made = self.swift.do("insert_datasets", type=name, data_ids=ids, run=run)
        assert made == [str(ref.id) for ref in refs]
        self.same()
        return refs

    def same(self):
        """Compares the tables; the rows."""
        ours, theirs = ({row[-1]: row for row in contents(root)["obscore"]} for root in (self.ours, self.theirs))
        assert ours.keys() == theirs.keys()
        for key, row in theirs.items():
            assert [pair for pair in zip(ours[key], row) if pair[0] != pair[1]] == [], row
        return list(ours.values())


def definitions(pair):
    """The table's definitions on both sides; SQLite's Python leaves NOT NULL away from the key."""
    if pair.cluster:
        return tuple(pair.cluster.schema(name) for name in pair.names)
    found = []
    for root in (pair.theirs, pair.ours):
        with sqlite3.connect(root / "gen3.sqlite3") as database:
            rows = database.execute("SELECT sql FROM sqlite_master WHERE tbl_name = 'obscore' AND sql IS NOT NULL")
            found.append(sorted(row[0].replace("CHAR(32) NOT NULL", "CHAR(32)") for row in rows))
    return tuple(found)


def attributes(root):
    """Those about the table."""
    rows = dict(row[-2:] for row in contents(root)["butler_attributes"])
    kept = {name: value for name, value in rows.items() if "obscore" in name.lower()}
    return {name: json.loads(value) if name.endswith("json") else value for name, value in kept.items()}


CASES = ["sqlite", "postgresql", "pgsphere"]


def made_pair(case, folder, request, **changes):
    cluster = None if case == "sqlite" else request.getfixturevalue("cluster")
    if case == "pgsphere":
        if not cluster.sql("SELECT 1 FROM pg_available_extensions WHERE name = 'pg_sphere'"):
            pytest.skip("pgSphere is not installed")
        changes["spatial_plugins"] = SPHERE
    return Pair(folder, cluster, **changes)


@pytest.mark.parametrize("case", CASES)
def test_datasets_of_runs(case, tmp_path, request):
    pair = made_pair(case, tmp_path, request, collection_type="RUN", collections=["u/.", "v.+"])
    theirs, ours = definitions(pair)
    assert ours == theirs
    assert attributes(pair.ours) == attributes(pair.theirs)
    with pair:
        ids = data_ids(pair.python)
        made = {name: pair.insert(name, ids[name], "u/a") for name in DIMENSIONS}
        rows = pair.same()
        assert len(rows) == sum(len(refs) for name, refs in made.items() if name != "other") > 40
        assert {row[-2] is None for row in rows if row[1] == "lsst.raw"} == {True, False}
        # The expressions match whole names.
        pair.insert("dark", ids["dark"], "v")
        assert len(pair.same()) == len(rows)
        pair.insert("dark", ids["dark"], "u/b")
        assert len(pair.same()) == len(rows) + len(ids["dark"])
        # Tags change nothing; datasets that go take their rows along.
        pair.python.registry.associate("good", made["raw"])
        pair.swift.do("associate", ids=[str(ref.id) for ref in made["raw"]], collection="good")
        pair.same()
        pair.python.pruneDatasets(made["calexp"], unstore=True, purge=True, disassociate=True)
        pair.swift.do("prune", ids=[str(ref.id) for ref in made["calexp"]], unstore=True, purge=True, disassociate=True)
        left = pair.same()
        assert len(left) == len(rows) + len(ids["dark"]) - len(made["calexp"])
        pair.python.removeRuns(["u/b"])
        pair.swift.do("remove_runs", names=["u/b"])
        assert len(pair.same()) == len(left) - len(ids["dark"])


@pytest.mark.parametrize("case", CASES[:2])
def test_members_of_a_tag(case, tmp_path, request):
    with made_pair(case, tmp_path, request, collection_type="TAGGED", collections=["good"]) as pair:
        ids = data_ids(pair.python)
        made = {name: pair.insert(name, ids[name], "u/a") for name in ("raw", "dark", "other")}
        assert pair.same() == []
        for collection, names in (("bad", ["raw"]), ("good", ["raw", "dark", "other"]), ("good", ["raw"])):
            refs = [ref for name in names for ref in made[name]]
            pair.python.registry.associate(collection, refs)
            pair.swift.do("associate", ids=[str(ref.id) for ref in refs], collection=collection)
            pair.same()
        assert len(pair.same()) == len(made["raw"]) + len(made["dark"])
        for collection in ("bad", "good"):
            pair.python.registry.disassociate(collection, made["raw"][:3])
            pair.swift.do("disassociate", ids=[str(ref.id) for ref in made["raw"][:3]], collection=collection)
            pair.same()
        assert len(pair.same()) == len(made["raw"]) + len(made["dark"]) - 3


def test_imports_put_and_transfers_fill_it(tmp_path, request):
    """The rows of what Steward imports are those of what Python imports."""
    with made_pair("sqlite", tmp_path, request, collection_type="RUN", collections=None) as pair:
        source = tmp_path / "source"
        Butler.makeRepo(str(source), config={"registry": {"db": "sqlite:///<butlerRoot>/gen3.sqlite3"}})
        with Butler.from_config(str(source), writeable=True) as butler:
            prepare(butler)
            for name, ids in data_ids(butler).items():
                for data_id in ids[:2]:
                    butler.put({"a": 1}, name, data_id, run="u/a")
            (tmp_path / "export").mkdir()
            with butler.export(directory=str(tmp_path / "export"), format="yaml", transfer="copy") as export:
                export.saveDatasets(butler.query_all_datasets("*", find_first=False))
        pair.python.import_(
            directory=str(tmp_path / "export"), filename=str(tmp_path / "export" / "export.yaml"), transfer="copy")
        done = steward("import", str(pair.ours), str(tmp_path / "export"), "--transfer", "copy")
        assert done.status == 0, done.errors
        assert len(pair.same()) == 12
        ids = data_ids(pair.python)["raw"][5]
        answer = pair.swift.do("put", type="raw", data_id=ids, run="u/b", value={"a": 1})
        assert len(contents(pair.ours)["obscore"]) == 13 and answer


def polygon(lon, lat):
    corners = [(lon, lat), (lon + 1, lat), (lon + 1, lat + 0.5)]
    return ConvexPolygon([UnitVector3d(LonLat.fromDegrees(*corner)) for corner in corners])


CIRCLE = Circle(UnitVector3d(LonLat.fromDegrees(10, 10)), Angle.fromDegrees(1))


@pytest.mark.parametrize("case", CASES)
def test_regions_of_exposures_that_come_later(case, tmp_path, request, capfd):
    """Regions of exposures and detectors go into rows that are there; those that are no polygons are warned of."""
    with made_pair(case, tmp_path, request, collection_type="RUN", collections=None) as pair:
        ids = data_ids(pair.python)["raw"]
        pair.insert("raw", ids, "u/a")
        pair.insert("raw", ids, "u/b")
        before = pair.same()
        detectors = sorted({data_id["detector"] for data_id in ids})
        polygons = [(3, detector, polygon(5 * detector, 20)) for detector in detectors]
        # One that has a region already, one that there is not, and one that is a circle.
        regions = [*polygons, (0, detectors[0], polygon(1, 2)), (99, 1, polygon(3, 4)), (2, detectors[0], CIRCLE)]
        with pytest.warns(RegionTypeWarning, match=f"exposure=2 detector={detectors[0]}"):
            count = pair.python.registry.obsCoreTableManager.update_exposure_regions("Cam1", regions)
        capfd.readouterr()
        changed = pair.swift.do("exposure_regions", instrument="Cam1", regions=[
            {"exposure": exposure, "detector": detector, "region": region.encode().hex()}
            for exposure, detector, region in regions])
        assert changed == count == 2 * (len(polygons) + 1)
        warnings = [line for line in capfd.readouterr().err.splitlines() if line.startswith("warning")]
        assert len(warnings) == 1 and f"exposure 2, detector {detectors[0]}" in warnings[0], warnings
        after = pair.same()
        assert len([row for row in after if row not in before]) == changed
        # None of another instrument.
        assert pair.swift.do("exposure_regions", instrument="Cam2", regions=[
            {"exposure": 3, "detector": detectors[0], "region": polygon(1, 2).encode().hex()}]) == 0


def test_regions_that_are_no_polygons_are_warned_of(tmp_path, request, capfd):
    pair = made_pair("sqlite", tmp_path, request, collection_type="RUN", collections=None)
    with pair:
        ids = data_ids(pair.python)["calexp"]
        for root in (pair.ours, pair.theirs):
            with Butler.from_config(str(root), writeable=True) as butler:
                butler.registry.insertDimensionData("visit_detector_region", {**ids[0], "region": CIRCLE}, replace=True)
        capfd.readouterr()
        with pytest.warns(RegionTypeWarning) as theirs:
            refs = pair.insert("calexp", ids, "u/a")
        warnings = [line for line in capfd.readouterr().err.splitlines() if line.startswith("warning")]
        assert len(warnings) == len(theirs) == 1
        assert str(refs[0].id) in warnings[0] and str(refs[0].id) in str(theirs[0].message)


def test_a_format_that_does_not_fit(tmp_path, request):
    """Both refuse the dataset, and nothing of it stays."""
    types = {"dark": {"dataproduct_type": "image", "calib_level": 1, "obs_id_fmt": "{nothing}"}}
    with made_pair("sqlite", tmp_path, request, collection_type="RUN", dataset_types=types) as pair:
        ids = data_ids(pair.python)["dark"]
        with pytest.raises(KeyError):
            pair.python.registry.insertDatasets("dark", ids, run="u/a")
        answer = pair.swift.ask("insert_datasets", type="dark", data_ids=ids, run="u/a")
        assert "obs_id" in answer["message"] and "{nothing}" in answer["message"], answer
        assert contents(pair.ours)["dataset"] == contents(pair.theirs)["dataset"] == []


@pytest.mark.parametrize(
    "change, words",
    [
        ({"facility_name": None}, ["facility_name"]),
        ({"collection_type": "TAGGED", "collections": ["a", "b"]}, ["TAGGED", "collections"]),
        ({"collections": ["u/("]}, ["u/("]),
        ({"indices": {"a": "nothing"}}, ["nothing"]),
        ({"spectral_ranges": {"g": [1]}}, ["spectral_ranges.g"]),
        ({"extra_columns": {"x": {"template": "{a", "type": "int"}}, "indices": None}, ["extra_columns.x"]),
        ({"extra_columns": {"x": {"template": "a", "type": "date"}}, "indices": None}, ["extra_columns.x", "date"]),
        ({"spatial_plugins": SPHERE}, ["pgSphere", "PostgreSQL"]),
        ({"spatial_plugins": {"a": {"cls": "x.Y"}}}, ["x.Y"]),
    ],
)
def test_bad_configurations(change, words, tmp_path):
    config = {"collection_type": "RUN", **CONFIGURATION, **change}
    seed = tmp_path / "seed.yaml"
    manager = {"cls": PLUGINS + "ObsCoreLiveTableManager", "config": config}
    seed.write_text(yaml.safe_dump({"registry": {"managers": {"obscore": manager}}}, sort_keys=False))
    done = steward("create", "--seed-config", str(seed), str(tmp_path / "repo"))
    assert done.status == 1 and all(word in done.errors for word in words), done
    assert len(done.errors.strip().splitlines()) == 1
    assert not (tmp_path / "repo" / "butler.yaml").exists() and not (tmp_path / "repo" / "gen3.sqlite3").exists()


def test_pgsphere_must_be_there(tmp_path, cluster):
    manager = {
        "cls": PLUGINS + "ObsCoreLiveTableManager",
        "config": {"collection_type": "RUN", **CONFIGURATION, "spatial_plugins": SPHERE},
    }
    name = cluster.database()
    registry = {"db": f"{cluster.url}/{name}", "managers": {"obscore": manager}}
    (tmp_path / "seed.yaml").write_text(yaml.safe_dump({"registry": registry}, sort_keys=False))
    done = steward("create", "--seed-config", str(tmp_path / "seed.yaml"), str(tmp_path / "repo"))
    assert done.status == 1 and "CREATE EXTENSION pg_sphere" in done.errors, done
    assert cluster.sql("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'", name) == ["0"]


def test_a_manager_of_somebody_elses(tmp_path, request):
    """Such a table cannot be kept, so the repository is for reading only."""
    pair = made_pair("sqlite", tmp_path, request, collection_type="RUN")
    root = shutil.copytree(pair.ours, tmp_path / "other")
    with sqlite3.connect(root / "gen3.sqlite3") as database:
        database.execute("UPDATE butler_attributes SET value = 'x.Y' WHERE name = 'config:registry.managers.obscore'")
    file = root / "butler.yaml"
    file.write_text(file.read_text().replace(PLUGINS + "ObsCoreLiveTableManager", "x.Y"))
    assert "x.Y" in file.read_text()
    assert steward("query-collections", str(root)).status == 0
    done = steward("collection-chain", str(root), "new", "u/a")
    assert done.status == 1 and "x.Y" in done.errors, done
