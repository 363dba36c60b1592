"""Values in datastores, between two programs: composites, images, provenance, existence and places of files.

Everything works on copies of the fixture repositories `custom` and `hsc-rc2`, or on fresh ones.
"""

import io
import shutil
import uuid

import numpy as np
import pyarrow.parquet
import pytest
import yaml

pytest.importorskip("lsst.daf.butler")
from astropy.io import fits  # noqa: E402
from astropy.table import Table  # noqa: E402
from lsst.daf.butler import Butler, DatasetProvenance, DatasetRef, DatasetType, Timespan  # noqa: E402
from lsst.daf.butler.logging import ButlerLogRecord, ButlerLogRecords  # noqa: E402
from lsst.daf.butler.tests import MetricsExample  # noqa: E402
from lsst.utils.packages import Packages  # noqa: E402
from test_repositories import FIXTURES, PROBE, Steward, needs_fixtures, records, wire  # noqa: E402

pytestmark = [pytest.mark.skipif(PROBE is None, reason="butler-probe is not built; run swift build"), needs_fixtures]


@pytest.fixture(params=["custom", "hsc-rc2"])
def copy(request, tmp_path):
    """A copy of a fixture repository that Python may write to."""
    root = tmp_path / request.param
    shutil.copytree(FIXTURES / request.param, root)
    return root


@pytest.fixture
def custom(tmp_path):
    root = tmp_path / "custom"
    shutil.copytree(FIXTURES / "custom", root)
    return root


@pytest.fixture
def chained(tmp_path):
    """An empty repository with the datastores and storage classes of the fixture `custom`, and the records of a camera."""
    configuration = yaml.safe_load((FIXTURES / "custom" / "butler.yaml").read_text())
    seed = {key: configuration[key] for key in ("datastore", "storageClasses")}
    path = tmp_path / "seed.yaml"
    path.write_text(yaml.safe_dump(seed))
    root = tmp_path / "chained"
    Butler.makeRepo(str(root), config=str(path), forceConfigRoot=False)
    add_camera(root, fixture_classes=True)
    return root


@pytest.fixture
def plain(tmp_path):
    root = tmp_path / "plain"
    Butler.makeRepo(str(root))
    add_camera(root)
    return root


TYPES = {
    "metrics": (["detector", "physical_filter"], "FixtureMetrics"),
    "whole": (["detector"], "FixtureMetricsWhole"),
    "both": (["detector"], "FixtureDict"),
    "image": (["visit", "detector"], "ExposureF"),
    "planes": (["detector"], "MaskedImageF"),
    "mask": (["detector"], "MaskX"),
    "facts": (["detector"], "StructuredDataDict"),
    "span": (["detector"], "Timespan"),
    "count": (["detector"], "int"),
    "versions": (["detector"], "Packages"),
    "log": (["detector"], "ButlerLogRecords"),
}


def add_camera(root, *, fixture_classes=False):
    with Butler.from_config(str(root), writeable=True) as butler:
        for element, rows in records().items():
            butler.registry.insertDimensionData(element, *rows)
        for name, (dimensions, storage) in TYPES.items():
            if storage.startswith("Fixture") and not fixture_classes:
                continue
            butler.registry.registerDatasetType(DatasetType(name, dimensions, storage, universe=butler.dimensions))
        for run in ("py", "sw"):
            butler.collections.register(run)


def simple(ref):
    return ref.to_simple().model_dump(mode="json")


def stored_refs(butler):
    for ref in butler.query_all_datasets("*", find_first=False):
        yield butler.get_dataset(ref.id, dimension_records=True)


def python_places(butler, ref, predict=False):
    uris = butler.getURIs(ref, predict=predict)
    strip = lambda uri: str(uri).removesuffix("#predicted")  # noqa: E731
    return {
        "whole": strip(uris.primaryURI) if uris.primaryURI else None,
        "components": {name: strip(uri) for name, uri in uris.componentURIs.items()},
        "predicted": any(str(uri).endswith("#predicted") for uri in (uris.primaryURI, *uris.componentURIs.values())),
    }


# Existence and places


def test_flags_and_places_are_those_of_python(copy):
    """For every dataset as it is, without its file, forgotten by the datastore, and unknown."""
    with Butler.from_config(str(copy), writeable=True) as butler, Steward(copy) as steward:
        refs = list(stored_refs(butler))
        assert len(refs) > 5

        def compare():
            for full in (True, False):
                # One at a time: asked for many, Python misses all but one of the datasets that share a file.
                assert steward.do("exists", refs=[simple(ref) for ref in refs], full_check=full) == [
                    butler.exists(ref, full_check=full).value for ref in refs
                ]
            for ref in refs:
                if butler.exists(ref).value == 3 and copy.name == "custom":
                    # A chain of Python's takes the record of a missing file for none; Steward says where it was.
                    assert steward.do("locations", ref=simple(ref))["whole"]
                    continue
                for predict in (False, True):
                    try:
                        places = python_places(butler, ref, predict)
                    except (FileNotFoundError, LookupError):
                        assert "error" in steward.ask("locations", ref=simple(ref), predict=predict)
                        continue
                    except Exception as error:  # a formatter or storage class that is not installed
                        if "No module named" in repr(error):
                            continue
                        raise
                    answer = steward.ask("locations", ref=simple(ref), predict=predict)
                    if "known to Python alone" in answer.get("message", ""):
                        continue
                    assert answer == places

        compare()
        stored = [ref for ref in refs if butler.stored(ref)]
        places = [butler.getURIs(ref) for ref in stored[:3]]
        for uri in {uri for found in places for uri in (found.primaryURI, *found.componentURIs.values())} - {None}:
            if not uri.fragment and uri.ospath.startswith(str(copy)):
                uri.remove()
        compare()
        butler._datastore.forget(stored[2:5])
        compare()
        strangers = [DatasetRef(ref.datasetType, ref.dataId, ref.run) for ref in refs[:3]]
        for full in (True, False):
            assert steward.do("exists", refs=[simple(ref) for ref in strangers], full_check=full) == [0, 0, 0]


def test_a_reference_that_contradicts_the_registry_is_an_error(custom):
    with Butler.from_config(str(custom)) as butler, Steward(custom) as steward:
        first, second = [ref for ref in stored_refs(butler) if ref.datasetType.name == "both"][:2]
        mixed = DatasetRef(first.datasetType, second.dataId, second.run, id=first.id)
        with pytest.raises(ValueError):
            butler.exists(mixed)
        assert steward.ask("exists", refs=[simple(mixed)])["error"] == "conflicting_definition"


# Composites


def test_components_of_the_fixture_are_read(custom):
    with Butler.from_config(str(custom)) as butler, Steward(custom) as steward:
        count = 0
        for ref in stored_refs(butler):
            if ref.datasetType.name not in ("metrics", "whole"):
                continue
            whole = butler.get(ref)
            value = steward.do("get", id=str(ref.id))
            assert value.get("components", ["data", "output", "summary"]) == ["data", "output", "summary"]
            for name in ("summary", "output", "data"):
                assert steward.do("read", id=str(ref.id), component=name) == getattr(whole, name)
                count += 1
            derived = steward.ask("read", id=str(ref.id), component="counter")
            assert "MetricsDelegate" in derived["message"]
        assert count >= 6


@pytest.mark.parametrize("name", ["metrics", "whole"])
def test_composites_of_steward_are_read_by_python(chained, name):
    value = {"summary": {"a": 1}, "output": {"b": [1, 2.5]}, "data": [3, 4, 5]}
    data_id = {"instrument": "Cam", "detector": 2} | ({"physical_filter": "g1"} if name == "metrics" else {})
    with Steward(chained, writeable=True) as steward:
        mine = steward.do("put", type=name, data_id=data_id, run="sw", value=value)
    with Butler.from_config(str(chained), writeable=True) as butler:
        ref = butler.get_dataset(mine["id"], dimension_records=True)
        got = butler.get(ref)
        # A whole file is a mapping, which Python's converter turns into the class.
        assert isinstance(got, MetricsExample)
        assert (got.summary, got.output, got.data) == (value["summary"], value["output"], value["data"])
        for component in ("summary", "output", "data"):
            assert butler.get(ref.makeComponentRef(component)) == value[component]
        # The same dataset in another run has the same places but for the run, and both datastores took it.
        theirs = butler.put(MetricsExample(**value), name, data_id, run="py")
        counts = [butler.get(each.makeComponentRef("counter")) for each in (ref, theirs)]
        assert counts[0] == counts[1]
        mine, yours = (python_places(butler, each) for each in (ref, theirs))
        swap = lambda text: text and text.replace("/sw/", "/py/").replace("_sw", "_py").replace(str(ref.id), str(theirs.id))  # noqa: E731
        assert swap(mine["whole"]) == yours["whole"]
        assert {key: swap(uri) for key, uri in mine["components"].items()} == yours["components"]
        members = butler._datastore.datastores
        assert [store.knows(ref) for store in members] == [store.knows(theirs) for store in members]
        for store in members[1:]:
            if not store.knows(ref):
                continue
            for one, other in zip(store._get_dataset_locations_info(ref), store._get_dataset_locations_info(theirs)):
                assert one[1].formatter == other[1].formatter
                assert one[1].storageClass.name == other[1].storageClass.name
                # The first store has checksums.
                assert bool(one[1].checksum) == bool(other[1].checksum)
                assert one[1].file_size == one[0].uri.size()


def test_what_no_member_accepts_is_refused(chained):
    with Steward(chained, writeable=True) as steward:
        answer = steward.ask("put", type="whole", data_id={"instrument": "Cam", "detector": 1}, run="sw", value=[1])
        assert "needs" in answer["message"]


# Formats


def test_builtin_formats_go_both_ways(plain):
    log = ButlerLogRecords.from_records(
        [
            ButlerLogRecord(
                name="a.b", asctime="2026-01-01T00:00:00Z", message="é\n", levelno=20, levelname="INFO", filename="f",
                pathname="/f", lineno=3, funcName="g", process=1, processName="m", exc_info=None, MDC={"LABEL": "x"},
            )
        ]
    )
    cases = {
        "facts": ({"a": [1, None, "é: #"]}, {"a": [1, None, "é: #"]}),
        "span": (Timespan(None, None, _nsec=(5, 9)), [5, 9]),
        "count": (17, 17),
        "versions": (Packages({"python": "3.13.0", "b": "1"}), {"python": "3.13.0", "b": "1"}),
        "log": (log, [record.model_dump(mode="json", exclude_none=True) for record in log]),
    }
    data_id = {"instrument": "Cam", "detector": 1}
    with Butler.from_config(str(plain), writeable=True) as butler, Steward(plain, writeable=True) as steward:
        for name, (value, data) in cases.items():
            mine = steward.do("put", type=name, data_id=data_id, run="sw", value=data)
            assert butler.get(butler.get_dataset(mine["id"])) == value, name
            theirs = butler.put(value, name, data_id, run="py")
            read = steward.do("read", id=str(theirs.id))
            if name == "log":
                read = read["records"]
            assert read == data, name


def test_log_records_are_read_in_three_forms(plain, tmp_path):
    records = [{"name": "a", "message": "x"}, {"name": "b", "message": "y"}]
    text = {
        "list": yaml.safe_dump(records, default_flow_style=True),
        "lines": '{"name": "a", "message": "x"}\n{"name": "b", "message": "y"}\n',
        "extra": '{"name": "a", "message": "x"}\n{"name": "b", "message": "y"}\n###EXTRA###\n{"exception": null}',
    }
    text["list"] = '[{"name": "a", "message": "x"}, {"name": "b", "message": "y"}]'
    from lsst.daf.butler import FileDataset

    with Butler.from_config(str(plain), writeable=True) as butler, Steward(plain) as steward:
        for detector, (name, content) in enumerate(text.items()):
            path = tmp_path / f"{name}.log"
            path.write_text(content)
            data_id = butler.registry.expandDataId(instrument="Cam", detector=detector)
            ref = DatasetRef(butler.get_dataset_type("log"), data_id, "py")
            butler.ingest(FileDataset(path=str(path), refs=[ref]), transfer="copy")
            read = steward.do("read", id=str(ref.id))
            assert read["records"] == records, name
            assert ("exception" in read) == (name == "extra")


# Images


def put_exposure(steward, run="sw", **arguments):
    return steward.do(
        "put_image", type="image", what="exposure", run=run, rows=40, columns=50,
        data_id={"instrument": "Cam", "visit": 1, "detector": 2}, **arguments)


PIXELS = np.arange(2000, dtype=np.float32).reshape(40, 50)


def test_exposures_are_read_by_astropy(plain):
    with Steward(plain, writeable=True) as steward:
        mine = put_exposure(steward)
        cut = {"bbox": [110, 113, 205, 207]}
        part = steward.do("read", id=mine["id"], component="image", **{"as": "image"}, **cut)
        assert part["shape"] == [2, 3]
        assert part["pixels"] == (PIXELS[5:7, 10:13] + 0.5).ravel().tolist()
        assert steward.do("read", id=mine["id"], component="bbox") == {"x": [100, 150], "y": [200, 240]}
        assert "ExposureAssembler" in steward.ask("read", id=mine["id"], component="wcs")["message"]
        assert "bbox" in steward.ask("read", id=mine["id"], bbox=[0, 1, 0, 1])["message"]
    with Butler.from_config(str(plain)) as butler:
        ref = butler.get_dataset(mine["id"])
        with fits.open(butler.getURI(ref).ospath, checksum=True) as hdus:
            assert [hdu.name for hdu in hdus] == ["PRIMARY", "IMAGE", "MASK", "VARIANCE"]
            assert np.array_equal(hdus["IMAGE"].data, PIXELS + 0.5)
            assert np.array_equal(hdus["MASK"].data, PIXELS.astype(int) % 5)
            assert np.array_equal(hdus["VARIANCE"].data, PIXELS + 1)
            assert hdus["MASK"].header["MP_BAD"] == 0
            assert hdus["IMAGE"].header["CRVAL1A"] == 100
            assert hdus[0].header["OBSERVER"] == "Vera"
            assert all(isinstance(hdu, fits.CompImageHDU) for hdu in hdus[1:])
        [(_, info)] = butler._datastore._get_dataset_locations_info(ref)
        assert info.formatter == "lsst.obs.base.formatters.fitsExposure.FitsExposureFormatter"


@pytest.mark.parametrize("disassembled", [False, True])
def test_masked_images_are_written_whole_or_in_parts(tmp_path, disassembled):
    root = tmp_path / "repo"
    seed = tmp_path / "seed.yaml"
    seed.write_text(yaml.safe_dump({"datastore": {"composites": {"disassembled": {"planes": disassembled}}}}))
    Butler.makeRepo(str(root), config=str(seed))
    add_camera(root)
    data_id = {"instrument": "Cam", "detector": 1}
    with Steward(root, writeable=True) as steward:
        mine = steward.do("put_image", type="planes", what="exposure", run="sw", rows=40, columns=50, data_id=data_id)
        for component, offset in (("image", 0.5), ("variance", 1)):
            read = steward.do("read", id=mine["id"], component=component, **{"as": "image"})
            assert read["pixels"] == (PIXELS + offset).ravel().tolist()
        alone = steward.do("put_image", type="mask", what="mask", run="sw", rows=40, columns=50, data_id=data_id)
        read = steward.do("read", id=alone["id"], **{"as": "image"})
        assert read["pixels"] == (PIXELS.astype(int) % 5).ravel().tolist()
    with Butler.from_config(str(root)) as butler:
        uris = butler.getURIs(butler.get_dataset(mine["id"]))
        assert sorted(uris.componentURIs) == (["image", "mask", "variance"] if disassembled else [])
        for name, uri in uris.componentURIs.items():
            with fits.open(uri.ospath) as hdus:
                expected = {"image": PIXELS + 0.5, "mask": PIXELS.astype(int) % 5, "variance": PIXELS + 1}[name]
                assert np.array_equal(hdus[1].data, expected)
                assert (hdus[0].header.get("OBSERVER") == "Vera") == (name == "image")


# Provenance


def test_provenance_is_read_by_python_and_by_steward(plain):
    quantum = str(uuid.uuid4())
    with Steward(plain, writeable=True) as steward:
        inputs = [
            steward.do("put", type="facts", run="sw", value={}, data_id={"instrument": "Cam", "detector": d})["id"]
            for d in (0, 1)
        ]
        mine = put_exposure(steward, quantum=quantum, inputs=inputs)
        with Butler.from_config(str(plain), writeable=True) as butler:
            ref = butler.get_dataset(mine["id"])
            path = butler.getURI(ref).ospath
            header = fits.getheader(path, 0)
            flat = {key: value for key, value in header.items() if key}
            provenance, found = DatasetProvenance.from_flat_dict(flat, butler)
            assert found == ref
            assert str(provenance.quantum_id) == quantum
            assert [str(ref.id) for ref in provenance.inputs] == inputs
            # The keys are those that Python writes.
            expected = provenance.to_flat_dict(ref, prefix="LSST BUTLER", sep=" ", simple_types=True)
            assert {key: value for key, value in flat.items() if key.startswith("LSST BUTLER")} == expected
            assert header.comments["LSST BUTLER RUN"] == "Run collection"
            assert header.comments["LSST BUTLER DATAID VISIT"] == "Data identifier"
            # A card has no room for the whole comment.
            assert "Dataset ID".startswith(header.comments["LSST BUTLER INPUT 1 ID"])

            # Python's own cards, with further facts, are read by Steward.
            provenance.add_extra_provenance(provenance.inputs[1].id, {"SEEING": 0.75})
            with fits.open(path, mode="update") as hdus:
                for key in list(hdus[0].header):
                    if key.startswith("LSST BUTLER"):
                        del hdus[0].header[key]
                for key, value in provenance.to_flat_dict(
                    ref, prefix="LSST BUTLER", sep=" ", simple_types=True
                ).items():
                    hdus[0].header[f"HIERARCH {key}"] = value
            flat = provenance.to_flat_dict(ref, prefix="", sep=".", simple_types=True)
            flat["input.1.SEEING"] = flat.pop("input.1.SEEING", flat.pop("input.1.seeing", None))
            assert steward.do("provenance", path=path) == flat


def test_provenance_of_tables_is_what_python_writes(plain):
    table = Table({"a": [1, 2], "s": ["x", "y"]}, meta={"KEY": 5})
    text = io.StringIO()
    table.write(text, format="ascii.ecsv")
    with Butler.from_config(str(plain), writeable=True, run="sw") as butler:
        kind = DatasetType("provenance_table", ["instrument", "detector"], "ArrowAstropy", universe=butler.dimensions)
        butler.registry.registerDatasetType(kind)
        theirs = butler.put(table, "provenance_table", instrument="Cam", detector=0)
    table.meta["LSST.BUTLER.QUANTUM"] = "of another dataset"
    stale = io.StringIO()
    table.write(stale, format="ascii.ecsv")
    with Steward(plain, writeable=True) as steward:
        mine = [
            steward.do(
                "put_table", ecsv=stream.getvalue(), type="provenance_table", run="sw",
                data_id={"instrument": "Cam", "detector": detector},
            )["id"]
            for detector, stream in ((1, text), (2, stale))
        ]
    with Butler.from_config(str(plain)) as butler:
        keys = []
        for ref in [theirs, *(butler.get_dataset(uuid.UUID(id)) for id in mine)]:
            meta = pyarrow.parquet.read_schema(butler.getURI(ref).ospath).metadata
            header = yaml.safe_load("".join(meta[b"table_meta_yaml"].decode().partition("meta:")[1:]))
            found = dict(header["meta"])
            expected = DatasetProvenance().to_flat_dict(ref, prefix="LSST.BUTLER", sep=".", simple_types=True)
            assert found == {"KEY": 5} | expected
            keys.append(list(found))
        assert keys[0] == keys[1] == keys[2]


def test_provenance_of_names_that_headers_cannot_hold(plain):
    run = "ü/日本/😀"
    with Butler.from_config(str(plain), writeable=True) as butler:
        butler.collections.register(run)
    with Steward(plain, writeable=True) as steward:
        mine = put_exposure(steward, run=run)
    with Butler.from_config(str(plain)) as butler:
        ref = butler.get_dataset(mine["id"])
        assert ref.run == run
        with fits.open(butler.getURI(ref).ospath) as hdus:
            hdus.verify("exception")
            header = hdus[0].header
        assert header["LSST BUTLER RUN"] == run.encode("ascii", "backslashreplace").decode()
        _, found = DatasetProvenance.from_flat_dict({key: value for key, value in header.items() if key}, butler)
        assert found == ref


# Parameters of formatters


def test_parameters_that_formatters_know(plain):
    configuration = yaml.safe_load((plain / "butler.yaml").read_text())
    configuration["datastore"]["formatters"] = {
        "facts": {"formatter": "lsst.daf.butler.formatters.yaml.YamlFormatter", "parameters": {"unsafe_dump": True}}}
    (plain / "butler.yaml").write_text(yaml.safe_dump(configuration))
    with Butler.from_config(str(plain), writeable=True) as butler, Steward(plain, writeable=True) as steward:
        butler.put({"by": "python"}, "facts", instrument="Cam", detector=0, run="py")
        mine = steward.do("put", type="facts", run="sw", value={"by": "steward"},
                          data_id={"instrument": "Cam", "detector": 1})
        assert butler.get(butler.get_dataset(mine["id"])) == {"by": "steward"}


# Files without records


def test_trusting_repositories_find_each_others_files(plain):
    configuration = yaml.safe_load((plain / "butler.yaml").read_text())
    configuration["datastore"]["trust_get_request"] = True
    (plain / "butler.yaml").write_text(yaml.safe_dump(configuration))
    with Butler.from_config(str(plain), writeable=True) as butler, Steward(plain, writeable=True) as steward:
        theirs = butler.put({"by": "python"}, "facts", instrument="Cam", detector=0, run="py")
        mine = steward.do("put", type="facts", run="sw", value={"by": "steward"},
                          data_id={"instrument": "Cam", "detector": 1})
        ref = butler.get_dataset(mine["id"], dimension_records=True)
        butler._datastore.forget([theirs, ref])
        assert butler.get(ref) == {"by": "steward"}
        assert steward.do("read", id=str(theirs.id)) == {"by": "python"}
        flags = [butler.exists(each).value for each in (theirs, ref)]
        assert steward.do("exists", refs=[simple(theirs), simple(ref)]) == flags == [5, 5]
