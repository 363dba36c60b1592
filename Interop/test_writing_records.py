"""Dimension records, inserted and synchronized in Swift and in Python on copies of one repository; and what belongs to
records alone.
"""

import json
import shutil
import sqlite3

import postgresql
import pytest
from command_line import made  # noqa: F401
from lsst.daf.butler import Butler, Timespan
from registry_pair import both, needs_probe, wire  # noqa: F401
from registry_tables import contents
from test_repositories import Steward, span, square

pytestmark = needs_probe
DAYS = ["2026-01-01", "2026-01-05"]


def rows_of(element, butler):
    return sorted(
        json.dumps(r.to_simple().model_dump(mode="json"), sort_keys=True)
        for r in butler.registry.queryDimensionRecords(element)
    )


def test_dimension_records(both):
    step, python = both.step, both.python

    def insert(element, *rows, policy=None):
        options = {"skip": {"skip_existing": True}, "replace": {"replace": True}, None: {}}[policy]
        step(lambda b: b.registry.insertDimensionData(element, *rows, **options),
             "insert", records=[wire(python, element, **row) for row in rows], policy=policy)

    def sync(element, update=False, **row):
        ours, theirs = step(lambda b: b.registry.syncDimensionData(element, row, update=update),
                            "sync", records=[wire(python, element, **row)], update=update)
        if isinstance(theirs, dict):
            renamed = {"timespan_begin": "timespan", "timespan_end": "timespan"}
            assert set(ours[0]) == {renamed.get(name, name) for name in theirs}
        elif isinstance(theirs, bool):
            assert ours == [theirs]

    detector = {"instrument": "CamA", "id": 50, "full_name": "S50", "raft": "R", "purpose": "P"}
    insert("detector", detector)
    insert("detector", detector)
    insert("detector", {**detector, "raft": "other"}, policy="skip")
    insert("detector", {**detector, "raft": "other"}, policy="replace")
    insert("detector", {**detector, "id": 51})
    insert("detector", {**detector, "id": 52, "full_name": "S52"}, {**detector, "id": 53, "full_name": "x" * 33})
    insert("detector", {**detector, "id": 52, "full_name": ""})
    insert("detector", {**detector, "id": 52, "full_name": "S52", "instrument": "nosuch"})
    insert("instrument", {"name": "a b#é/", "class_name": "x.Y"}, {"name": "n" * 32})
    insert("instrument", {"name": "n" * 33})
    insert("group", {"instrument": "CamA", "name": "é" * 64})
    insert("physical_filter", {"instrument": "CamA", "name": "A-u", "band": "u"})
    insert("visit_system", {"instrument": "CamA", "id": 0, "name": "one-to-one"})
    insert("day_obs", {"instrument": "CamA", "id": 20260103, "timespan": span(DAYS[0], DAYS[1])})
    insert("day_obs", {"instrument": "CamA", "id": 20260104, "timespan": Timespan(None, None)})
    insert("day_obs", {"instrument": "CamA", "id": 20260105, "timespan": Timespan.makeEmpty()})
    visit = {
        "instrument": "CamA", "id": 100, "name": "v100", "physical_filter": "A-u", "day_obs": 20260103,
        "exposure_time": 15.25, "region": square(30, 10, 2), "timespan": span("2026-01-02T01:00", "2026-01-02T01:01"),
    }
    insert("visit", visit)
    insert("visit", {**visit, "region": square(35, 10, 2)}, policy="skip")
    insert("visit", {**visit, "region": square(40, 10, 2)}, policy="replace")
    insert("visit", {**visit, "region": None}, policy="replace")
    insert("visit", {**visit, "id": 101, "name": "v101", "physical_filter": "nosuch"})
    insert("visit", {**visit, "id": 101, "name": "v101", "day_obs": 1})
    insert("visit_detector_region",
           {"instrument": "CamA", "visit": 100, "detector": 50, "region": square(30, 10, 0.5)},
           {"instrument": "CamA", "visit": 100, "detector": 2, "region": None})
    insert("exposure", {"instrument": "CamA", "id": 7, "obs_id": "e7", "physical_filter": "A-u", "day_obs": 20260103,
                        "group": "é" * 64, "can_see_sky": True, "has_simulated": False})
    insert("visit_definition", {"instrument": "CamA", "visit": 100, "exposure": 7})
    insert("visit_system_membership", {"instrument": "CamA", "visit": 100, "visit_system": 0})
    insert("skymap", {"name": "sky2", "hash": bytes(20), "tract_max": 1})
    insert("tract", {"skymap": "sky2", "id": 0, "region": square(30, 10, 5)})
    insert("patch", {"skymap": "sky2", "tract": 0, "id": 0, "cell_x": 0, "cell_y": 0, "region": square(30, 10, 1)})

    sync("detector", **detector)
    sync("detector", update=True, **detector)
    sync("detector", **detector)
    sync("detector", **{**detector, "id": 60, "full_name": "S60"})
    sync("detector", **{**detector, "id": 61, "full_name": "S60"})
    sync("detector", update=True, **{**detector, "id": 60, "full_name": "S50"})
    sync("detector", update=True, **{**detector, "id": 60, "full_name": "S61", "raft": None})
    sync("visit", **visit)
    sync("visit", update=True, **visit)
    sync("visit", **visit)
    sync("visit", update=True, **{**visit, "region": square(50, 10, 2), "exposure_time": None})
    sync("visit", update=True, **{**visit, "timespan": Timespan(None, None)})
    sync("visit", update=True, **{**visit, "physical_filter": "nosuch"})
    sync("day_obs", update=True, instrument="CamA", id=20260103, timespan=None)
    sync("instrument", update=True, name="CamC", class_name="new")
    sync("instrument", update=True, name="CamC", class_name="newer", visit_max=5)

    with Butler.from_config(str(both.ours)) as butler:
        for element in ("visit", "detector", "band", "day_obs", "exposure", "patch", "visit_definition"):
            assert rows_of(element, butler) == rows_of(element, python)
        # Spatial searches go through the rows that Steward wrote.
        found = butler.registry.queryDataIds(["visit", "tract"], instrument="CamA", skymap="sky2", visit=100)
        theirs = python.registry.queryDataIds(["visit", "tract"], instrument="CamA", skymap="sky2", visit=100)
        assert set(found) == set(theirs)


@pytest.mark.parametrize("element", ["band", "htm7", "healpix9"])
def test_records_that_follow_from_others_are_refused(both, element):
    row = {"name": "g"} if element == "band" else {"id": 140_000}
    record = wire(both.python, element, **row)
    before = contents(both.ours)
    for op in ("insert", "sync"):
        assert both.swift.ask(op, records=[record])["error"] == "conflicting_definition"
    with pytest.raises(TypeError):
        both.python.registry.insertDimensionData(element, row)
    assert contents(both.ours) == before


def test_an_instrument(both):
    camera = {
        "name": "CamZ", "class_name": "x.Z", "filters": {"Z-g": "g", "Z-y": "y"},
        "detectors": [{"id": 0, "full_name": "Z0", "purpose": "SCIENCE"}, {"id": 1, "full_name": "Z1"}],
    }
    assert both.swift.do("instrument", **camera) == [True] * 5
    assert both.swift.do("instrument", **camera) == []
    camera["detectors"][1]["purpose"] = "GUIDE"
    assert both.swift.ask("instrument", **camera)["error"] == "conflicting_definition"
    assert both.swift.do("instrument", update=True, **camera) == [{"purpose": None}]
    with Butler.from_config(str(both.ours)) as butler:
        names = {r.full_name: r.purpose for r in butler.query_dimension_records("detector", instrument="CamZ")}
        assert names == {"Z0": "SCIENCE", "Z1": "GUIDE"}
        assert butler.query_dimension_records("instrument", instrument="CamZ")[0].detector_max == 2
        assert {r.band for r in butler.query_dimension_records("physical_filter", instrument="CamZ")} == {"g", "y"}


def test_a_repository_whose_pixels_are_not_known_is_not_spoilt(made, tmp_path):
    if postgresql.IS_CHOSEN:
        pytest.skip("writes to the file of a repository")
    root = shutil.copytree(made, tmp_path / "repo")
    with sqlite3.connect(root / "gen3.sqlite3") as database:
        database.execute("INSERT INTO tract_skypix_overlap_summary VALUES ('htm', 9, 'sky')")
    database.close()
    before = contents(root)
    with Butler.from_config(str(root)) as butler, Steward(root, writeable=True) as steward:
        answer = steward.ask("insert", records=[wire(butler, "tract", skymap="sky", id=1, region=square(1, 1, 1))])
    assert "htm9" in answer["message"]
    assert contents(root) == before
