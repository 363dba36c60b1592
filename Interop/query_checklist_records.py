"""Checklist of query behaviours: dimension records, where and order."""

import numpy as np
from query_checklist import I, S, rows

TIME = "T'2020-01-01T0{}:00:00/tai'"
UNCONSTRAINED = (
    "InvalidQueryError: Query 'where' expression references a dimension dependent on instrument "
    "without constraining it directly."
)
AMBIGUOUS = (
    "InvalidQueryError: Ambiguous identifier 'timespan' matches multiple fields: "
    "'day_obs.timespan', 'exposure.timespan'."
)

RECORDS = rows(
    "repository_a",
    (1, lambda b: b.rec("detector", where=""), "4: {1} {2} {3} {4}"),
    (2, lambda b: b.rec("detector", order_by="-full_name", **I), "4 in order: {4} {3} {2} {1}"),
    (
        3,
        lambda b: b.rec("detector", limit=-2, order_by="-detector"),
        "2 in order: {4} {3} [log: More dimension records are available than the requested limit of 2.]",
    ),
    (4, lambda b: b.rec("detector", limit=0, where="detector=77", **I), "0 rows"),
    (5, lambda b: b.rec("detector", where="detector=77", **I), "EmptyQueryResultError: "),
    (6, lambda b: b.rec("detector", where="detector=77", explain=False, **I), "0 rows"),
    (7, lambda b: b.rec("detector", where="id=2", **I), "1: {2}"),
    (8, lambda b: b.rec("detector", where="id=2"), UNCONSTRAINED),
    (9, lambda b: b.rec("detector", where="detector=2"), UNCONSTRAINED),
    (10, lambda b: b.rec("detector", where="full_name='Aa'"), UNCONSTRAINED),
    (11, lambda b: b.rec("detector", where="raft='A'"), "2: {1} {2}"),
    (12, lambda b: b.rec("detector", where="instrument='Cam1' OR detector=2"), "4: {1} {2} {3} {4}"),
    (13, lambda b: b.rec("detector", where="instrument != 'Cam2' AND detector=2"), "1: {2}"),
    (
        14,
        lambda b: b.rec(
            "detector", where="(instrument='Cam1' AND detector=2) OR (instrument='Cam2' AND detector=3)"
        ),
        "1: {2}",
    ),
    (15, lambda b: b.rec("detector", detector=2), UNCONSTRAINED),
    (16, lambda b: b.rec("detector", data_id={"instrument": "Cam1", "detector": np.int64(1)}), "1: {1}"),
    (17, lambda b: b.rec("detector", data_id={"instrument": "Cam2"}, **I), "4: {1} {2} {3} {4}"),
    (
        18,
        lambda b: b.rec("detector", where="instrument='Cam2'", **I),
        "EmptyQueryResultError: 'where' expression requires both instrument='Cam1' and instrument='Cam2'.",
    ),
    (
        19,
        lambda b: b.rec("detector", where="detector=1 AND detector=2", **I),
        "EmptyQueryResultError: 'where' expression requires both detector=2 and detector=1.",
    ),
    (
        20,
        lambda b: b.rec("detector", where="detector % 2 = 0 AND -detector < -1 AND detector/2 > 1.5", **I),
        "1: {4}",
    ),
    (21, lambda b: b.rec("detector", where="visit=1", **I), "4: {1} {2} {3} {4}"),
    (22, lambda b: b.rec("nosuch"), "DimensionNameError: No such dimension 'nosuch', …"),
    (23, lambda b: b.rec("band"), "2: {g} {r}"),
    (24, lambda b: b.rec("band", physical_filter="Cam1-R1", **I), "1: {r}"),
    (25, lambda b: b.rec("physical_filter", where="band='g'"), "1: {Cam1-G}"),
    (26, lambda b: b.rec("exposure", where="exposure.can_see_sky", **I), "1: {0}"),
    (27, lambda b: b.rec("exposure", where="NOT exposure.can_see_sky", **I), "1: {1}"),
    (28, lambda b: b.rec("exposure", where="exposure.can_see_sky = NULL", **I), "2: {2} {3}"),
    (29, lambda b: b.rec("exposure", where=f"timespan OVERLAPS {TIME.format(1)}", **I), AMBIGUOUS),
    (30, lambda b: b.rec("exposure", where=f"exposure.timespan OVERLAPS {TIME.format(1)}", **I), "1: {0}"),
    (
        31,
        lambda b: b.rec(
            "exposure", where=f"exposure.timespan OVERLAPS ({TIME.format(2)}, {TIME.format(3)})", **I
        ),
        "1: {1}",
    ),
    (32, lambda b: b.rec("exposure", where="exposure.exposure_time IN (10, 20.0)", **I), "2: {1} {2}"),
    (
        33,
        lambda b: b.rec("exposure", where="exposure.observation_type != 'science'", explain=False, **I),
        "0 rows",
    ),
    (34, lambda b: b.rec("detector", where="GLOB(full_name, 'A?')", **I), "2: {1} {2}"),
    (35, lambda b: b.rec("detector", where="GLOB(full_name, 'A[ab]')", explain=False, **I), "0 rows"),
    (36, lambda b: b.rec("detector", where="GLOB(full_name, '\\*')", explain=False, **I), "0 rows"),
    (
        37,
        lambda b: b.rec("skymap", where="skymap.hash = :h", bind={"h": b"notreallyahashofanything!"}),
        "1: {SkyMap1}",
    ),
    (38, lambda b: b.rec("detector", where="detector IN (:d)", bind={"d": []}, explain=False, **I), "0 rows"),
    (39, lambda b: b.rec("detector", where="detector IN (d, 4)", bind={"d": [1, 2]}, **I), "3: {1} {2} {4}"),
    (
        40,
        lambda b: b.rec("detector", where="detector = detector", bind={"detector": 7}, **I),
        "4: {1} {2} {3} {4}",
    ),
    (41, lambda b: b.rec("exposure", order_by=["-timespan.begin"], **I), AMBIGUOUS),
    (
        42,
        lambda b: b.rec("exposure", order_by=["exposure.timespan"], **I),
        "InvalidQueryError: Column type timespan of exposure.timespan is not ordered.",
    ),
    (
        43,
        lambda b: b.rec("exposure", order_by=["can_see_sky"], **I),
        "InvalidQueryError: Column type bool of exposure.can_see_sky is not ordered.",
    ),
    (
        44,
        lambda b: b.rec("exposure", order_by=["detector"], **I),
        "InvalidQueryError: Order-by expression may not reference columns that are not in the result dimensions."
        "… Invalid columns: {'detector'}…"
        "Available columns: {band, instrument, day_obs, group, physical_filter, exposure}…",
    ),
    (
        45,
        lambda b: b.rec("exposure", order_by=["-"], **I),
        "InvalidQueryError: Empty dimension name in ORDER BY…",
    ),
)

LONELY_TRACT = "visit.region OVERLAPS POINT(0.25,0.92)"

DATA_IDS = rows(
    "repository_a",
    (46, lambda b: b.q.data_ids([]), "1: {}"),
    (
        47,
        lambda b: b.ids("visit_detector_region"),
        "8: {detector=1,visit=1} {detector=1,visit=2} {detector=2,visit=1} {detector=2,visit=2} "
        "{detector=3,visit=1} {detector=3,visit=2} {detector=4,visit=1} {detector=4,visit=2}",
    ),
    (48, lambda b: b.ids(["band"], where="physical_filter='Cam1-G'"), UNCONSTRAINED),
    (49, lambda b: b.ids(["tract"], where="visit=1", **I), "1: {tract=0}"),
    (
        50,
        lambda b: b.ids(["patch"], where="visit=1 AND detector=1", **S, **I),
        "2: {tract=0,patch=0} {tract=0,patch=2}",
    ),
    (51, lambda b: b.ids(["htm7"], visit=1, detector=1, **I), "2: {htm7=253954} {htm7=253965}"),
    (
        52,
        lambda b: b.ids(["htm7"], htm7=5),
        "UnimplementedQueryError: Cannot join dimension element htm7 with no table.",
    ),
    (
        53,
        lambda b: b.ids(["htm9"], visit=1, **I),
        "UnimplementedQueryError: Unsupported combination for spatial join: (…htm9…visit…",
    ),
    (
        54,
        lambda b: b.ids(["visit", "htm7"], where="htm7=253954", **I),
        "2: {htm7=253954,visit=1} {htm7=253954,visit=2}",
    ),
    (
        55,
        lambda b: b.ids(["visit", "patch", "htm7"], **I, **S),
        "InvalidQueryError: Too many disconnected sets of spatial families for an automatic join: "
        "…{htm}…  Add explicit spatial joins to avoid this error.",
    ),
    (56, lambda b: b.ids(["visit"], where=LONELY_TRACT, **I), "1: {visit=1}"),
    (
        57,
        lambda b: b.ids(["visit"], where=f"visit=9 OR {LONELY_TRACT}", **I),
        "UnimplementedQueryError: Spatial overlap constraints nested inside OR or NOT are not supported.",
    ),
    (
        58,
        lambda b: b.ids(
            ["visit", "detector"], where="visit_detector_region.region OVERLAPS POINT(0.25,-91)", **I
        ),
        "ValueError: …invalid latitude angle…",
    ),
    (
        59,
        lambda b: b.ids(["patch"], where="patch.region OVERLAPS POINT(0.335, -0.000000001)", **S),
        "1: {tract=1,patch=4}",
    ),
    (
        60,
        lambda b: b.ids(["patch"], where="patch.region OVERLAPS CIRCLE(0.335, 0.2, 0.05)", **S),
        "2: {tract=1,patch=2} {tract=1,patch=4}",
    ),
    (
        61,
        lambda b: b.ids(["patch"], where="patch.region OVERLAPS patch.region", **S),
        "InvalidQueryError: Spatial join between patch and patch is not necessary.",
    ),
)

TABLE = RECORDS + DATA_IDS
