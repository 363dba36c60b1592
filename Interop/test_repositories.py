"""One repository, two programs: what Python makes Steward reads and adds to, and the reverse.

Programs: STEWARD_BIN and STEWARD_BUTLER_PROBE, else the newest ones under .build. The repositories of the fixture script
are found through STEWARD_FIXTURES.
"""

import hashlib
import json
import os
import subprocess
from pathlib import Path

import pytest

pytest.importorskip("lsst.daf.butler")
from astropy.time import Time  # noqa: E402
from lsst.daf.butler import Butler, CollectionType, DatasetType, Timespan  # noqa: E402
from lsst.daf.butler.registry import ConflictingDefinitionError  # noqa: E402
from lsst.sphgeom import ConvexPolygon, LonLat, UnitVector3d  # noqa: E402

PACKAGE = Path(__file__).resolve().parent.parent
FIXTURES = Path(os.environ.get("STEWARD_FIXTURES") or PACKAGE / ".interop" / "fixtures")
FIXTURE_NAMES = ["empty", "hsc-rc2", "custom", *(f"universe-{v}" for v in range(8))]


def find(variable: str, name: str) -> Path | None:
    if named := os.environ.get(variable):
        return Path(named)
    built = [p for kind in ("debug", "release") if (p := PACKAGE / ".build" / kind / name).exists()]
    return max(built, key=lambda p: p.stat().st_mtime, default=None)


STEWARD = find("STEWARD_BIN", "steward")
PROBE = find("STEWARD_BUTLER_PROBE", "butler-probe")
pytestmark = pytest.mark.skipif(
    STEWARD is None or PROBE is None, reason="steward and butler-probe are not built; run swift build"
)
needs_fixtures = pytest.mark.skipif(
    not (FIXTURES / "manifest.json").exists(), reason=f"no fixture repositories in {FIXTURES}; set STEWARD_FIXTURES"
)


class Steward:
    """A session of the probe on one repository."""

    def __init__(self, repository, writeable=False):
        command = [str(PROBE), str(repository)] + (["--writeable"] if writeable else [])
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait(30)
        self.process.stdout.close()

    def ask(self, op, **arguments):
        """The answer; an error answer is returned too, as a mapping with the key `error`."""
        self.process.stdin.write(json.dumps({"op": op, **arguments}) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        assert line, "the probe ended"
        return json.loads(line)

    def do(self, op, **arguments):
        answer = self.ask(op, **arguments)
        assert not (isinstance(answer, dict) and "error" in answer), answer
        return answer


def square(lon, lat, size):
    corners = [(-1, -1), (1, -1), (1, 1), (-1, 1)]
    return ConvexPolygon(
        [UnitVector3d(LonLat.fromDegrees(lon + x * size / 2, lat + y * size / 2)) for x, y in corners]
    )


def span(begin, end):
    return Timespan(Time(begin, scale="tai"), Time(end, scale="tai"))


def records(first=1):
    """Dimension records of a small camera and sky, as keyword mappings by element."""
    return {
        "instrument": [{"name": "Cam", "class_name": "x.Y", "detector_max": 4, "visit_system": 0}],
        "skymap": [{"name": "sky", "hash": bytes(range(20)), "tract_max": 3}],
        "day_obs": [{"instrument": "Cam", "id": 20260101, "timespan": span("2026-01-01T12:00", "2026-01-02T12:00")}],
        "detector": [{"instrument": "Cam", "id": i, "full_name": f"D{i}", "purpose": "SCIENCE"} for i in range(4)],
        "group": [{"instrument": "Cam", "name": "g"}],
        "physical_filter": [{"instrument": "Cam", "name": f, "band": f[0]} for f in ("g1", "r1")],
        "visit_system": [{"instrument": "Cam", "id": 0, "name": "one-to-one"}],
        "tract": [{"skymap": "sky", "id": i, "region": square(10 + 2 * i, 0, 2)} for i in range(3)],
        "visit": [
            {
                "instrument": "Cam",
                "id": first + i,
                "name": f"v{first + i}",
                "physical_filter": ("g1", "r1")[i % 2],
                "day_obs": 20260101,
                "seq_num": i,
                "exposure_time": 30.5,
                "region": square(10 + 2 * i, 0, 1),
                "timespan": span(f"2026-01-01T20:0{i}:00", f"2026-01-01T20:0{i}:30"),
            }
            for i in range(3)
        ],
    }


def wire(butler, element, values):
    return butler.dimensions[element].RecordClass(**values).to_simple().model_dump(mode="json")


@pytest.fixture
def steward_repository(tmp_path):
    root = tmp_path / "made-by-steward"
    subprocess.run([str(STEWARD), "butler", "create", str(root)], check=True, capture_output=True)
    return root


@pytest.fixture
def python_repository(tmp_path):
    root = tmp_path / "made-by-python"
    Butler.makeRepo(str(root))
    return root


def fill_with_python(root):
    """Everything a small survey needs, through the Python software; the references of what was put."""
    with Butler.from_config(str(root), writeable=True) as butler:
        for element, rows in records().items():
            butler.registry.insertDimensionData(element, *rows)
        butler.registry.registerDatasetType(
            DatasetType("metrics", ["visit", "detector"], "StructuredDataDict", universe=butler.dimensions)
        )
        butler.registry.registerDatasetType(
            DatasetType("count", ["visit"], "int", universe=butler.dimensions)
        )
        butler.registry.registerDatasetType(
            DatasetType("flat", ["detector"], "StructuredDataDict", universe=butler.dimensions, isCalibration=True)
        )
        for run in ("py/a", "py/b"):
            butler.collections.register(run)
        refs = [
            butler.put({"visit": v, "who": "python", "x": [1, 2.5, None, "é"]}, "metrics", run=run, instrument="Cam",
                       visit=v, detector=d)
            for run in ("py/a", "py/b") for v in (1, 2) for d in (0, 3)
        ]
        refs.append(butler.put(17, "count", run="py/a", instrument="Cam", visit=1))
        early = butler.put({"flat": 1}, "flat", run="py/a", instrument="Cam", detector=0)
        late = butler.put({"flat": 2}, "flat", run="py/b", instrument="Cam", detector=0)
        butler.collections.register("py/calib", CollectionType.CALIBRATION)
        butler.registry.certify("py/calib", [early], span("2026-01-01T00:00", "2026-01-02T00:00"))
        butler.registry.certify("py/calib", [late], span("2026-01-02T00:00", "2026-01-03T00:00"))
        butler.collections.register("py/chain", CollectionType.CHAINED)
        butler.collections.redefine_chain("py/chain", ["py/b", "py/a"])
        butler.collections.register("py/tag", CollectionType.TAGGED)
        butler.registry.associate("py/tag", [refs[0]])
        return refs, early, late


def read_with_steward(root, refs, early, late):
    with Steward(root) as steward:
        for ref in refs:
            data_id = dict(ref.dataId.required)
            found = steward.do("find", type=ref.datasetType.name, data_id=data_id, collections=[ref.run])
            assert found["id"] == str(ref.id)
            value = steward.do("get", id=str(ref.id))["value"]
            assert value == (17 if ref.datasetType.name == "count" else
                             {"visit": data_id["visit"], "who": "python", "x": [1, 2.5, None, "é"]})
        key = {"instrument": "Cam", "visit": 1, "detector": "D0"}
        assert steward.do("find", type="metrics", data_id=key, collections=["py/chain"])["run"] == "py/b"
        assert steward.do("find", type="metrics", data_id=key, collections=["py/tag", "py/chain"])["run"] == "py/a"
        flat = {"instrument": "Cam", "detector": 0}
        at = span("2026-01-01T10:00", "2026-01-01T11:00").nsec
        assert steward.do("find", type="flat", data_id=flat, collections=["py/calib"], timespan=at)["id"] == str(early.id)
        at = span("2026-01-02T10:00", "2026-01-02T11:00").nsec
        assert steward.do("find", type="flat", data_id=flat, collections=["py/calib"], timespan=at)["id"] == str(late.id)
        assert steward.ask("find", type="flat", data_id=flat, collections=["py/calib"])["error"] == "calibration_lookup"
        by_visit = steward.do("find", type="flat", data_id={**flat, "visit": 2}, collections=["py/calib"])
        assert by_visit["id"] == str(early.id)


def fill_with_steward(root, first=1, run="sw/a"):
    """The same through Steward; identifiers of what was put."""
    with Butler.from_config(str(root)) as butler:
        rows = [
            wire(butler, element, values) for element, group in records(first).items() for values in group
        ]
    with Steward(root, writeable=True) as steward:
        steward.do("insert", records=rows)
        for name, dimensions, storage, calibration in (
            ("metrics", ["visit", "detector"], "StructuredDataDict", False),
            ("count", ["visit"], "int", False),
            ("flat", ["detector"], "StructuredDataDict", True),
        ):
            steward.do(
                "dataset_type",
                type={"name": name, "dimensions": dimensions, "storageClass": storage, "isCalibration": calibration},
            )
        for name in (run, "sw/b"):
            steward.do("collection", name=name, type="RUN", doc="by Steward")
        put = []
        for where in (run, "sw/b"):
            for visit in (first, first + 1):
                put.append(steward.do(
                    "put", type="metrics", run=where, value={"visit": visit, "who": "steward", "text": "é\n: x", "n": [1, 0.5]},
                    data_id={"instrument": "Cam", "visit": visit, "detector": 3}))
        steward.do("put", type="count", run=run, value=23, data_id={"instrument": "Cam", "visit": first})
        flat = steward.do("put", type="flat", run=run, value={"flat": 3}, data_id={"instrument": "Cam", "detector": 1})
        steward.do("collection", name="sw/calib", type="CALIBRATION")
        steward.do("certify", collection="sw/calib", ids=[flat["id"]],
                   timespan=span("2026-01-01T00:00", "2026-01-02T00:00").nsec)
        steward.do("collection", name="sw/tag", type="TAGGED")
        steward.do("associate", collection="sw/tag", ids=[put[0]["id"]])
        steward.do("collection", name="sw/chain", type="CHAINED", doc="a chain")
        steward.do("chain", name="sw/chain", children=["sw/b", run])
        refused = steward.ask("put", type="metrics", run=run, value={}, data_id={
            "instrument": "Cam", "visit": first, "detector": 3})
        assert refused["error"] == "conflicting_definition"
        return put, flat


def read_with_python(root, put, flat, first=1):
    with Butler.from_config(str(root)) as butler:
        for ref in put:
            found = butler.get_dataset(ref["id"])
            assert found.run == ref["run"]
            value = butler.get(found)
            assert value == {"visit": found.dataId["visit"], "who": "steward", "text": "é\n: x", "n": [1, 0.5]}
        key = {"instrument": "Cam", "visit": first, "detector": 3}
        assert butler.find_dataset("metrics", key, collections="sw/chain").run == "sw/b"
        assert butler.find_dataset("metrics", key, collections="sw/tag").run != "sw/b"
        assert butler.get("count", instrument="Cam", visit=first, collections="sw/*" and ["sw/chain"]) == 23
        assert butler.get("flat", instrument="Cam", detector=1, visit=first, collections="sw/calib") == {"flat": 3}
        # Spatial joins go through the overlap rows, temporal ones through timespans.
        with butler.query() as query:
            rows = query.join_dimensions(["visit", "tract"]).where(instrument="Cam", skymap="sky").data_ids(["visit", "tract"])
            pairs = {(row["visit"], row["tract"]) for row in rows}
        assert {(first + i, i) for i in range(3)} <= pairs
        assert all(abs(visit - first - tract) <= 1 for visit, tract in pairs)
        refs = butler.query_datasets("metrics", collections="sw/*", find_first=False, where="visit.exposure_time > 30")
        assert {str(ref.id) for ref in refs} == {ref["id"] for ref in put}
        assert butler.collections.get_info("sw/chain").doc == "a chain"


@pytest.mark.parametrize("maker", ["steward", "python"])
def test_python_fills_and_steward_reads(maker, request):
    root = request.getfixturevalue(f"{maker}_repository")
    read_with_steward(root, *fill_with_python(root))


@pytest.mark.parametrize("maker", ["steward", "python"])
def test_steward_fills_and_python_reads(maker, request):
    root = request.getfixturevalue(f"{maker}_repository")
    read_with_python(root, *fill_with_steward(root))


def test_both_add_to_one_repository(steward_repository):
    put, flat = fill_with_steward(steward_repository)
    with Butler.from_config(str(steward_repository), writeable=True, run="py/more") as butler:
        extra = butler.put({"who": "python"}, "metrics", instrument="Cam", visit=3, detector=2)
        with pytest.raises(ConflictingDefinitionError):
            butler.put({"who": "python"}, "metrics", instrument="Cam", visit=1, detector=3, run="sw/a")
        with Steward(steward_repository, writeable=True) as steward:
            assert steward.do("get", id=str(extra.id))["value"] == {"who": "python"}
            # Commits of the other side are seen while both have the repository open.
            more = butler.put({"n": 2}, "metrics", instrument="Cam", visit=3, detector=1)
            assert steward.do("get", id=str(more.id))["value"] == {"n": 2}
            mine = steward.do("put", type="metrics", run="py/more", value={"n": 3},
                              data_id={"instrument": "Cam", "visit": 3, "detector": 0})
            assert butler.get(butler.get_dataset(mine["id"])) == {"n": 3}
    read_with_python(steward_repository, put, flat)


@needs_fixtures
@pytest.mark.parametrize("name", FIXTURE_NAMES)
def test_every_fixture_dataset_is_found_and_read(name):
    manifest = json.loads((FIXTURES / "manifest.json").read_text())["repos"][name]
    root = FIXTURES / name
    # Reading must change nothing, not even times or journals.
    before = hashlib.sha256((root / "gen3.sqlite3").read_bytes()).hexdigest()
    read = 0
    with Steward(root) as steward:
        for dataset in manifest["datasets"]:
            found = steward.do(
                "find", type=dataset["type"], data_id=dataset["data_id"], collections=[dataset["run"]])
            assert found["id"] == dataset["id"], dataset
            if not dataset["stored"]:
                assert "error" in steward.ask("get", id=dataset["id"])
                continue
            answer = steward.ask("get", id=dataset["id"])
            if "STEWARD_ARROW" in answer.get("message", ""):
                continue
            assert "error" not in answer, answer
            if "value" in dataset and "value" in answer:
                assert answer["value"] == dataset["value"], dataset
            elif "sha256" in answer:
                path = dataset["uris"][""]
                assert answer["sha256"] == manifest["files"][path]["sha256"]
            else:
                assert set(answer) & {"value", "text", "table", "components", "hdus"}, answer
            read += 1
    assert read or name == "empty"
    assert hashlib.sha256((root / "gen3.sqlite3").read_bytes()).hexdigest() == before
