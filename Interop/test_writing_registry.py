"""Every change of collections, dataset types and memberships, in Swift and in Python, on copies of one repository: the
databases must be the same after each step, and each side must see what the other did.

A step is written once for both sides. Python's is a call of the Butler or its registry, Swift's a line for the probe.
"""

import shutil
import threading

import pytest
from command_line import fixtures, made  # noqa: F401
from lsst.daf.butler import Butler, CollectionType, DatasetType, Timespan
from registry_pair import Both, both, needs_probe, wire  # noqa: F401
from registry_tables import contents
from test_repositories import Steward, square, span

pytestmark = needs_probe


# Collections


def test_collections(both):
    step = both.step
    for name, kind in (("new/run", "RUN"), ("new/tag", "TAGGED"), ("new/calib", "CALIBRATION"), ("new", "CHAINED")):
        kind_value = getattr(CollectionType, kind)
        assert step(lambda b: b.collections.register(name, kind_value, f"doc of {name}"),
                    "collection", name=name, type=kind, doc=f"doc of {name}") == (True, True)
        assert step(lambda b: b.collections.register(name, kind_value, "other"),
                    "collection", name=name, type=kind, doc="other") == (False, False)
    for doc in ("é 'new'", "", None):
        step(lambda b: b.registry.setCollectionDocumentation("new", doc), "document", name="new", doc=doc)
    step(lambda b: b.registry.setCollectionDocumentation("nosuch", "x"), "document", name="nosuch", doc="x")
    edits = (
        ("redefine_chain", "chain"), ("extend_chain", "chain_extend"), ("prepend_chain", "chain_prepend"),
        ("remove_from_chain", "chain_remove"),
    )
    members = (
        ["run/a", "run/b"], ["run/b"], ["new/run", "best", "new/run"], [], ["calib", "run/a", "best"], ["nosuch"],
        ["new"], ["run/a", "outer"], ["a*"],
    )
    for children in members:
        for theirs, ours in edits:
            step(lambda b: getattr(b.collections, theirs)("new", children), ours, name="new", children=children)
    for parent in ("nosuch", "run/a", "best", "calib"):
        for theirs, ours in edits:
            step(lambda b: getattr(b.collections, theirs)(parent, ["run/b"]), ours, name=parent, children=["run/b"])
    step(lambda b: b.collections.redefine_chain("inner", ["outer"]), "chain", name="inner", children=["outer"])
    step(lambda b: b.collections.redefine_chain("inner", ["new"]), "chain", name="inner", children=["new"])
    step(lambda b: b.collections.extend_chain("new", ["outer"]), "chain_extend", name="new", children=["outer"])
    for name in ("inner", "best", "run/a", "nosuch", "new/tag", "nothing", "new/calib", "outer", "inner"):
        step(lambda b: b.collections.x_remove(name), "remove_collection", name=name, with_datasets=True)


NAMES = [
    "a b", "a#b", "a/b", "/a", "a/", "é", "漢字", "a*b", "a?", "a,b", "a:b", "..", "x" * 10_000, "é" * 10_000, "a\nb", "%",
    "'; --",
]


def test_names_of_collections(both):
    for name in NAMES:
        both.step(lambda b: b.collections.register(name), "collection", name=name, type="RUN")
        both.step(lambda b: b.collections.extend_chain("nothing", [name]), "chain_extend", name="nothing", children=[name])
    with Butler.from_config(str(both.ours)) as butler:
        assert list(butler.collections.get_info("nothing").children) == NAMES


# Dataset types


def test_dataset_types(both):
    def register(name, dimensions, storage="StructuredDataDict", calibration=False):
        return both.step(
            lambda b: b.registry.registerDatasetType(
                DatasetType(name, dimensions, storage, universe=b.dimensions, isCalibration=calibration)),
            "dataset_type",
            type={"name": name, "dimensions": dimensions, "storageClass": storage, "isCalibration": calibration},
        )

    assert register("one", ["visit"]) == (True, True)
    assert register("one", ["visit", "instrument"]) == (False, False)
    assert register("two", ["tract", "visit", "band"], calibration=True) == (True, True)
    assert register("three", ["tract", "visit"]) == (True, True)
    assert register("four", ["tract", "visit"], calibration=True) == (True, True)
    register("one", ["visit"], "int")
    register("one", ["detector"])
    register("one", ["visit"], calibration=True)
    for patterns in (["one"], ["nosuch", "no*"], ["t*"], ["four"]):
        both.step(lambda b: b.registry.removeDatasetType(tuple(patterns)), "remove_dataset_types", names=patterns)
    both.step(lambda b: b.registry.removeDatasetType("count"), "remove_dataset_types", names=["count"])
    both.step(lambda b: b.registry.removeDatasetType("a.b"), "remove_dataset_types", names=["a.b"])


@pytest.mark.parametrize("name", ["", "a b", "a#b", "a/b", "é", "1a", "a-b", "a..b", "instrument", "a.b"])
def test_names_that_no_dataset_type_can_have(both, name):
    before = contents(both.ours)
    with pytest.raises((ValueError, KeyError)):
        both.python.registry.registerDatasetType(
            DatasetType(name, [], "StructuredDataDict", universe=both.python.dimensions))
    answer = both.swift.ask(
        "dataset_type", type={"name": name, "dimensions": [], "storageClass": "StructuredDataDict"})
    assert answer["error"] == "dataset_type_expression" and repr(name) in answer["message"]
    assert contents(both.ours) == before
    both.same()


# Tags and calibrations


def ids(butler, dataset_type, *collections):
    return [str(r.id) for r in sorted(butler.registry.queryDatasets(dataset_type, collections=collections))]


def refs(butler, dataset_type, *collections):
    return sorted(butler.registry.queryDatasets(dataset_type, collections=collections))


def test_tags(both):
    python, step = both.python, both.step
    a, b_ = refs(python, "count", "run/a"), refs(python, "count", "run/b")
    step(lambda b: b.collections.register("t", CollectionType.TAGGED), "collection", name="t", type="TAGGED")
    for chosen in (a[:1], a, b_[:1], [b_[1], b_[0]], b_[1:]):
        names = [str(ref.id) for ref in chosen]
        step(lambda b: b.registry.associate("t", chosen), "associate", collection="t", ids=names)
    for chosen in (b_[:1], a, a, []):
        names = [str(ref.id) for ref in chosen]
        step(lambda b: b.registry.disassociate("t", chosen), "disassociate", collection="t", ids=names)
    for collection in ("run/a", "calib", "inner", "nosuch"):
        names = [str(a[0].id)]
        step(lambda b: b.registry.associate(collection, a[:1]), "associate", collection=collection, ids=names)
        step(lambda b: b.registry.disassociate(collection, a[:1]), "disassociate", collection=collection, ids=names)
    step(lambda b: b.registry.refresh_collection_summaries(), "refresh_summaries")


DAYS = ["2026-01-01", "2026-01-05", "2026-01-10", "2026-01-20", "2026-02-01"]


def test_calibrations(both):
    python, step = both.python, both.step
    flats = refs(python, "flat", "calib/run")

    def certify(collection, chosen, timespan):
        step(lambda b: b.registry.certify(collection, chosen, timespan),
             "certify", collection=collection, ids=[str(r.id) for r in chosen], timespan=timespan.nsec)

    def decertify(collection, timespan, data_ids=None):
        step(lambda b: b.registry.decertify(collection, "flat", timespan, dataIds=data_ids),
             "decertify", collection=collection, type="flat", timespan=timespan.nsec, data_ids=data_ids)

    step(lambda b: b.collections.register("c", CollectionType.CALIBRATION), "collection", name="c", type="CALIBRATION")
    certify("c", flats, span(DAYS[1], DAYS[3]))
    certify("c", flats[:2], span(DAYS[0], DAYS[1]))
    certify("c", flats[:2], span(DAYS[0], DAYS[2]))
    certify("c", flats[:1], Timespan(None, None))
    certify("c", flats, Timespan.makeEmpty())
    certify("c", refs(python, "count", "run/a")[:1], span(DAYS[0], DAYS[1]))
    key = dict(flats[3].dataId.required)
    decertify("c", span(DAYS[1], DAYS[2]), [key])
    decertify("c", span(DAYS[2], "2026-01-12"))
    decertify("c", span("2026-01-13", "2026-01-14"), [dict(r.dataId.required) for r in flats[1:3]])
    decertify("c", Timespan.makeEmpty())
    certify("c", flats[3:], span(DAYS[1], DAYS[2]))
    certify("c", flats[:2], Timespan(None, flats and span(DAYS[0], DAYS[1]).begin))
    certify("c", flats[:2], Timespan(span(DAYS[3], DAYS[4]).begin, None))
    decertify("c", span("2030-01-01", "2031-01-01"))
    decertify("c", Timespan(span(DAYS[2], DAYS[4]).begin, None))
    decertify("c", Timespan(None, None))
    decertify("c", Timespan(None, None))
    for collection in ("run/a", "best", "inner", "nosuch"):
        certify(collection, flats[:1], span(DAYS[0], DAYS[1]))
        decertify(collection, span(DAYS[0], DAYS[1]))
    step(lambda b: b.registry.decertify("c", "count", Timespan(None, None)),
         "decertify", collection="c", type="count", timespan=Timespan(None, None).nsec)
    step(lambda b: b.registry.decertify("c", "nosuch", Timespan(None, None)),
         "decertify", collection="c", type="nosuch", timespan=Timespan(None, None).nsec)


def test_overlaps_within_one_call_are_refused(both):
    """Python accepts them, so the databases would differ: only Steward's is looked at."""
    with Butler.from_config(str(both.ours), writeable=True) as butler:
        butler.collections.register("calib/again")
        old = butler.get_dataset(butler.query_datasets("flat", collections="calib/run")[0].id)
        again = butler.put({"d": 1}, "flat", old.dataId, run="calib/again")
    both.swift.do("collection", name="c", type="CALIBRATION")
    before = contents(both.ours)
    answer = both.swift.ask(
        "certify", collection="c", ids=[str(old.id), str(again.id)], timespan=span(DAYS[0], DAYS[1]).nsec)
    assert answer["error"] == "conflicting_definition"
    assert str(old.id) in answer["message"] and str(again.id) in answer["message"]
    assert contents(both.ours) == before


# Transactions


CHANGES = [
    {"op": "collection", "name": "u/run", "type": "RUN"},
    {"op": "collection", "name": "u", "type": "CHAINED"},
    {"op": "chain", "name": "u", "children": ["u/run", "inner"]},
    {"op": "dataset_type", "type": {"name": "note", "dimensions": ["detector"], "storageClass": "StructuredDataDict",
                                    "isCalibration": True}},
    {"op": "insert_datasets", "type": "note", "run": "u/run",
     "data_ids": [{"instrument": "CamA", "detector": n} for n in (1, 2)]},
    {"op": "collection", "name": "u/calib", "type": "CALIBRATION"},
    {"op": "chain_extend", "name": "u", "children": ["u/calib"]},
]


def test_a_transaction_is_all_or_nothing(both):
    before = contents(both.ours)
    for last in (
        {"op": "chain", "name": "inner", "children": ["u"]},
        {"op": "insert_datasets", "type": "note", "run": "u/run", "data_ids": [{"instrument": "CamA", "detector": 1}]},
        {"op": "remove_collection", "name": "u/run", "unlink": True},
        {"op": "remove_dataset_types", "names": ["note"]},
    ):
        assert "error" in both.swift.ask("transaction", changes=[*CHANGES, last])
        assert contents(both.ours) == before
    assert len(both.swift.do("transaction", changes=CHANGES, rehearsal=True)) == len(CHANGES)
    assert contents(both.ours) == before
    made = both.swift.do("transaction", changes=CHANGES)[4]
    with Butler.from_config(str(both.ours)) as butler:
        assert {str(r.id) for r in butler.query_datasets("note", collections="u")} == set(made)
        assert list(butler.collections.get_info("u").children) == ["u/run", "inner", "u/calib"]


# Both at once


def test_both_edit_one_chain_at_the_same_time(made, tmp_path):
    root = shutil.copytree(made, tmp_path / "repo")
    names = {side: [f"{side}/{n}" for n in range(15)] for side in ("py", "sw")}
    with Butler.from_config(str(root), writeable=True) as butler:
        for name in names["py"] + names["sw"]:
            butler.collections.register(name)
    failures = []

    def python():
        try:
            with Butler.from_config(str(root), writeable=True) as butler:
                for number, name in enumerate(names["py"]):
                    (butler.collections.extend_chain if number % 2 else butler.collections.prepend_chain)("nothing", name)
        except Exception as error:  # noqa: BLE001
            failures.append(error)

    thread = threading.Thread(target=python)
    with Steward(root, writeable=True) as steward:
        thread.start()
        for number, name in enumerate(names["sw"]):
            steward.do("chain_extend" if number % 2 else "chain_prepend", name="nothing", children=[name])
        thread.join()
    assert not failures
    with Butler.from_config(str(root)) as butler:
        assert sorted(butler.collections.get_info("nothing").children) == sorted(names["py"] + names["sw"])


def test_each_sees_what_the_other_did(both):
    """Python and Swift take turns on one repository, both with it open."""
    with Butler.from_config(str(both.ours), writeable=True) as butler:
        swift = both.swift
        swift.do("collection", name="sw", type="CHAINED", doc="by Swift")
        assert butler.collections.get_info("sw").doc == "by Swift"
        butler.collections.prepend_chain("sw", ["run/a"])
        assert swift.do("chain_pop", name="sw", places=[-1]) == ["run/a"]
        butler.registry.registerDatasetType(DatasetType("py_type", ["visit"], "int", universe=butler.dimensions))
        assert swift.do("dataset_type", type={"name": "py_type", "dimensions": ["visit"], "storageClass": "int"}) is False
        assert swift.do("remove_dataset_types", names=["py*"]) == ["py_type"]
        # An open Python butler remembers dataset types; a new one does not know it.
        with Butler.from_config(str(both.ours)) as fresh:
            assert not list(fresh.registry.queryDatasetTypes("py_type"))
        swift.do("insert", records=[wire(butler, "detector", instrument="CamA", id=70, full_name="S70")])
        assert butler.registry.expandDataId(instrument="CamA", detector=70).records["detector"].full_name == "S70"
        butler.registry.syncDimensionData("detector", {"instrument": "CamA", "id": 71, "full_name": "S71"})
        row = wire(butler, "detector", instrument="CamA", id=71, full_name="S71")
        assert swift.do("sync", records=[row]) == [False]
        flats = ids(butler, "flat", "calib/run")
        swift.do("collection", name="sw/c", type="CALIBRATION")
        swift.do("certify", collection="sw/c", ids=flats, timespan=span(DAYS[0], DAYS[2]).nsec)
        butler.registry.decertify("sw/c", "flat", span(DAYS[1], DAYS[2]))
        assert swift.do("decertify", collection="sw/c", type="flat", timespan=span(DAYS[0], DAYS[2]).nsec) == len(flats)
        assert not list(butler.registry.queryDatasetAssociations("flat", collections="sw/c"))


# The fixture repositories


@pytest.mark.parametrize("name", ["hsc-rc2", "empty", *(f"universe-{version}" for version in range(8))])
def test_the_same_changes_to_every_fixture(fixtures, tmp_path, name):
    pair = Both(fixtures / name, tmp_path)
    step, python = pair.step, pair.python
    try:
        camera = {"name": "NewCam", "class_name": "x.Y"}
        step(lambda b: b.registry.insertDimensionData("instrument", camera),
             "insert", records=[wire(python, "instrument", **camera)])
        for element, row in (
            ("detector", {"instrument": "NewCam", "id": 1, "full_name": "one"}),
            ("physical_filter", {"instrument": "NewCam", "name": "f", "band": "w"}),
            ("skymap", {"name": "newsky", "hash": bytes(range(20))}),
            ("tract", {"skymap": "newsky", "id": 3, "region": square(200, -30, 3)}),
        ):
            step(lambda b: b.registry.syncDimensionData(element, row),
                 "sync", records=[wire(python, element, **row)])
            step(lambda b: b.registry.syncDimensionData(element, row),
                 "sync", records=[wire(python, element, **row)])
        for type_name, dimensions, calibration in (
            ("newVisits", ["visit", "detector"], False), ("newFlats", ["detector", "physical_filter"], True),
            ("newPatches", ["patch", "band"], False), ("newNothing", [], False),
        ):
            step(lambda b: b.registry.registerDatasetType(
                    DatasetType(type_name, dimensions, "int", universe=b.dimensions, isCalibration=calibration)),
                 "dataset_type",
                 type={"name": type_name, "dimensions": dimensions, "storageClass": "int", "isCalibration": calibration})
        for collection, kind in (("n/r", "RUN"), ("n/t", "TAGGED"), ("n/c", "CALIBRATION"), ("n", "CHAINED")):
            step(lambda b: b.collections.register(collection, getattr(CollectionType, kind)),
                 "collection", name=collection, type=kind)
        everything = [c for c in python.collections.query("*") if c != "n"]
        step(lambda b: b.collections.redefine_chain("n", everything), "chain", name="n", children=everything)
        for dataset_type in python.registry.queryDatasetTypes():
            found = list(python.registry.queryDatasets(dataset_type, collections="*"))
            chosen = list({ref.dataId: ref for ref in found}.values())
            if not chosen:
                continue
            names = [str(ref.id) for ref in chosen]
            step(lambda b: b.registry.associate("n/t", chosen), "associate", collection="n/t", ids=names)
            if dataset_type.isCalibration():
                step(lambda b: b.registry.certify("n/c", chosen, span(DAYS[0], DAYS[4])),
                     "certify", collection="n/c", ids=names, timespan=span(DAYS[0], DAYS[4]).nsec)
                step(lambda b: b.registry.decertify("n/c", dataset_type.name, span(DAYS[1], DAYS[2])),
                     "decertify", collection="n/c", type=dataset_type.name, timespan=span(DAYS[1], DAYS[2]).nsec)
            step(lambda b: b.registry.disassociate("n/t", chosen[::2]), "disassociate", collection="n/t", ids=names[::2])
        step(lambda b: b.collections.x_remove("n/t"), "remove_collection", name="n/t")
        step(lambda b: b.collections.x_remove("n"), "remove_collection", name="n")
        step(lambda b: b.collections.x_remove("n/t"), "remove_collection", name="n/t")
        step(lambda b: b.registry.refresh_collection_summaries(), "refresh_summaries")
        step(lambda b: b.registry.removeDatasetType("new*"), "remove_dataset_types", names=["new*"])
    finally:
        pair.close()
