"""The Python RemoteButler against `steward serve`, over plain HTTP on the loopback interface."""

import json
import uuid

import pytest
from serving import (  # noqa: F401
    CAMERA,
    RUN,
    butler,
    butler_module,
    direct,
    ids,
    needs_program,
    repository,
    server,
    url,
)

from lsst.daf.butler import (
    Butler,
    DataIdValueError,
    DatasetNotFoundError,
    DimensionNameError,
    LabeledButlerFactory,
    MissingCollectionError,
    MissingDatasetTypeError,
    Timespan,
)
from lsst.daf.butler._exceptions import DimensionValueError

pytestmark = needs_program


# Opening


def test_a_token_is_all_that_a_client_needs(url, monkeypatch):
    for name in ("BUTLER_RUBIN_ACCESS_TOKEN", "ACCESS_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(RuntimeError):
        Butler.from_config(url)
    factory = LabeledButlerFactory({"toy": url})
    assert factory.create_butler(label="toy", access_token="any").get_dataset_type("notes").name == "notes"


def test_a_second_label_serves_the_same_repository(url, ids, monkeypatch):
    monkeypatch.setenv("BUTLER_RUBIN_ACCESS_TOKEN", "local")
    second = Butler.from_config(url.replace("/toy", "/second"))
    assert second.get_dataset(ids["notes", 0]).run == RUN


def test_the_universe_is_that_of_the_repository(butler, direct):
    assert butler.dimensions == direct.dimensions
    assert [e.name for e in butler.dimensions.elements] == [e.name for e in direct.dimensions.elements]


# Metadata


def test_dataset_types(butler, direct):
    for name in ("settings", "notes", "bias"):
        assert butler.get_dataset_type(name) == direct.get_dataset_type(name)
    assert {t.name for t in butler.registry.queryDatasetTypes("*t*")} == {"settings", "notes"}
    with pytest.raises(MissingDatasetTypeError):
        butler.get_dataset_type("nope")


def test_components_are_resolved_for_older_clients(server):
    base = "/api/butler/repo/toy/v1/dataset_type/"
    status, _, body = server.request("GET", base + "notes.nope")
    assert (status, json.loads(body)["error_type"]) == (422, "unknown_component")


def test_datasets_by_identifier(butler, direct, ids):
    for dataset in ids.values():
        assert butler.get_dataset(dataset) == direct.get_dataset(dataset)
    assert butler.get_dataset(uuid.uuid4()) is None
    expanded = butler.get_dataset(ids["notes", 1], dimension_records=True)
    assert expanded.dataId.records["detector"].full_name == "D1"
    assert set(butler.get_many_datasets([*ids.values(), uuid.uuid4()])) == set(direct.get_many_datasets(ids.values()))


@pytest.mark.parametrize("collections", [[RUN], ["chain"], ["tagged", RUN], ["toy/*"]])
def test_find_dataset(butler, direct, collections):
    for detector in range(4):
        found = butler.find_dataset("notes", instrument=CAMERA, detector=detector, collections=collections)
        assert found == direct.find_dataset("notes", instrument=CAMERA, detector=detector, collections=collections)
    by_name = butler.find_dataset("notes", instrument=CAMERA, full_name="D1", collections=collections)
    assert by_name.dataId["detector"] == 1


def test_find_calibration(butler, direct):
    when = Timespan.fromInstant(butler_module.time_utils.TimeConverter().nsec_to_astropy(1_600_000_000_000_000_000))
    for timespan in (None, when):
        arguments = {"instrument": CAMERA, "detector": 0, "collections": ["calib"], "timespan": timespan}
        assert butler.find_dataset("bias", **arguments) == direct.find_dataset("bias", **arguments)
    assert butler.find_dataset("bias", instrument=CAMERA, detector=0, collections=["calib"], timespan=when)


def test_defaults(url, monkeypatch, ids):
    monkeypatch.setenv("BUTLER_RUBIN_ACCESS_TOKEN", "local")
    butler = Butler.from_config(url, collections="chain", instrument=CAMERA)
    assert butler.find_dataset("notes", detector=1).id == ids["notes", 1]
    assert butler.get("notes", detector=1)["detector"] == 1
    inferred = Butler.from_config(url, collections=RUN)
    assert inferred.registry.defaults.dataId["instrument"] == CAMERA


def test_collections(butler, direct):
    for options in ({}, {"include_parents": True, "include_summary": True, "include_doc": True}):
        mine = sorted(butler.collections.query_info("*", **options), key=lambda info: info.name)
        theirs = sorted(direct.collections.query_info("*", **options), key=lambda info: info.name)
        assert mine == theirs
    assert list(butler.collections.query("chain", flatten_chains=True)) == ["tagged", RUN]
    assert butler.registry.getCollectionDocumentation("chain") == "All there is"
    summary = butler.registry.getCollectionSummary("chain")
    assert {t.name for t in summary.dataset_types} == {"settings", "notes", "bias"}
    assert summary.governors["instrument"] == {CAMERA}


def test_expand_data_id(butler, direct):
    mine = butler.registry.expandDataId(instrument=CAMERA, detector=2)
    assert mine == direct.registry.expandDataId(instrument=CAMERA, detector=2)
    assert mine.records["instrument"].class_name == "toy.Cam"


def test_errors_are_those_of_the_direct_butler(butler, ids):
    with pytest.raises(MissingCollectionError):
        butler.find_dataset("notes", instrument=CAMERA, detector=1, collections=["nope"])
    with pytest.raises(DimensionNameError):
        butler.find_dataset("notes", instrument=CAMERA, collections=[RUN])
    with pytest.raises(DimensionValueError):
        butler.find_dataset("notes", instrument=CAMERA, detector=1, nonsense=1, collections=[RUN])
    with pytest.raises(DataIdValueError):
        butler.registry.expandDataId(instrument=CAMERA, detector=99)
    with pytest.raises(DatasetNotFoundError):
        butler.get("notes", instrument=CAMERA, detector=3, collections=[RUN])
    with pytest.raises(MissingCollectionError):
        butler.collections.get_info("nope")
