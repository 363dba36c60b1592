"""Checklist of query behaviours: real observations of the sky, and details of the query builder."""

from query_checklist import HSC, RINGS, SOME_ERROR, I, rows

REGION = "visit_detector_region.region OVERLAPS "


def detectors(b, region):
    return b.ids(["visit", "detector"], where=REGION + region, **HSC)


SKY = rows(
    "repository_h",
    ("136 timespan", lambda b: b.rec("visit", where="visit.timespan.begin > T'2015-03-17'", **HSC), "46 rows"),
    ("136 range", lambda b: b.rec("visit", where="day_obs IN (20140324, 20150315..20150320)", **HSC), "46 rows"),
    ("137 tract", lambda b: b.ids(["visit", "tract"], **HSC, **RINGS), "160 rows"),
    ("137 one tract", lambda b: b.ids(["visit", "tract"], where="tract=9813", **HSC, **RINGS), "95 rows"),
    ("137 patch", lambda b: b.ids(["visit", "detector", "patch"], **HSC, **RINGS), "1132 rows"),
    ("138 definition", lambda b: b.ids(["visit", "exposure"], explain=False, **HSC), "0 rows"),
    ("138 exposure", lambda b: b.ids(["exposure"], **HSC), "1 rows"),
    ("139 detector", lambda b: b.ids(["detector"], tract=9813, patch=72, **HSC, **RINGS), "111 rows"),
    ("139 visit", lambda b: b.ids(["visit"], tract=9813, patch=72, **HSC, **RINGS), "95 rows"),
    ("140 visit", lambda b: b.ids(["htm7"], visit=318, **HSC), "27 rows"),
    ("140 tract", lambda b: b.ids(["tract", "htm7"], **RINGS), "50 rows"),
    ("141 circle", lambda b: detectors(b, "CIRCLE(150.2, 2.4, 0.25)"), "212 rows"),
    ("141 POS", lambda b: detectors(b, "REGION('CIRCLE 150.2 2.4 0.25')"), "30 rows"),
    ("141 doubled", lambda b: detectors(b, "REGION('CIRCLE 150.2 2.4 0.5')"), "212 rows"),
    ("142 box", lambda b: detectors(b, "BOX(150.2, 2.4, 0.5, 0.5)"), "81 rows"),
    ("142 polygon", lambda b: detectors(b, "POLYGON(149.95,2.15,150.45,2.15,150.45,2.65,149.95,2.65)"), "81 rows"),
    (
        143,
        lambda b: b.ids(
            ["visit"],
            where="visit.region OVERLAPS POINT(150.2,2.6) AND visit.region OVERLAPS POINT(149.9,2.2)",
            **HSC,
        ),
        "95 rows",
    ),
    ("144 band", lambda b: b.ids(["band"], where="visit.exposure_time > 250.5", **HSC), "5 rows"),
    (
        "144 union of regions",
        lambda b: b.ids(["physical_filter"], where="visit.region OVERLAPS POINT(150.2,2.6)", **HSC),
        "5 rows",
    ),
)

A, B = "HSC/runs/a", "HSC/runs/b"


def calexps(b):
    return b.q.join_dataset_search("calexp", [A, B]).where(**HSC)


def calibrations(b):
    return b.q.join_dataset_search("bias", ["HSC/calib"]).join_dataset_search("flat", ["HSC/calib"])


def after_the_end(b):
    with b.butler.query() as query:
        results = query.where(**HSC).data_ids(["visit"])
    return list(results)


BUILDER = rows(
    "rich_repository",
    (
        "145 limit",
        lambda b: len(list(b.q.data_ids(["visit"]).limit(-5))) == b.q.data_ids(["visit"]).count(),
        "True",
    ),
    (
        "145 convenience",
        lambda b: len(b.ids(["visit"], limit=-5)),
        "5 [log: More data IDs are available than the requested limit of 5.]",
    ),
    ("146 two calls", lambda b: b.q.where(**I).where(**HSC).data_ids(["instrument"]), "0 rows"),
    (
        "146 one call",
        lambda b: {row["instrument"] for row in b.q.where(I, **HSC).data_ids(["instrument"])},
        "1: HSC",
    ),
    (
        "147 dimensions",
        lambda b: calexps(b).materialize(dimensions=["visit"]),
        "InvalidQueryError: …",
    ),
    (
        "147 no datasets",
        lambda b: calexps(b).materialize(dimensions=["visit"], datasets=[]).data_ids(["visit"]),
        "127 rows",
    ),
    (
        "148 other path",
        lambda b: calexps(b).materialize().datasets("calexp", [B]),
        "InvalidQueryError: …",
    ),
    (
        "148 recorded path",
        lambda b: set(calexps(b).materialize().datasets("calexp")) == set(b.ds("calexp", [A, B], **HSC)),
        "True",
    ),
    (
        "149 exposure",
        lambda b: calibrations(b).where(**HSC).data_ids(["exposure", "detector"]),
        "InvalidQueryError: Too many disconnected sets of temporal families…",
    ),
    (
        "149 validity ranges",
        lambda b: calibrations(b).where(**HSC).data_ids(["detector"]),
        "9 rows",
    ),
    (
        150,
        lambda b: {
            " ".join(row) for row in calexps(b).general(["visit"], "calexp.run", find_first=True)
        },
        "1: instrument detector visit band day_obs physical_filter calexp.run",
    ),
    (
        "151 not joined",
        lambda b: b.q.where(**HSC).data_ids(["visit"]).order_by("calexp.ingest_date"),
        "InvalidQueryError: …",
    ),
    (
        "151 joined",
        lambda b: calexps(b).data_ids(["visit"]).order_by("calexp.ingest_date"),
        "127 rows",
    ),
    (152, lambda b: b.q.datasets("skyMap", "skymaps").where(**HSC), "2: skyMap@skymaps{} skyMap@skymaps{}"),
    ("153 first", lambda b: b.ds("packages", [A, B]), f"1: packages@{A}{{}}"),
    ("153 all", lambda b: b.ds("packages", [A, B], find_first=False), f"2: packages@{A}{{}} packages@{B}{{}}"),
    (
        "155 timespan",
        lambda b: b.ids(["visit"], where="visit.timespan = (T'2015-01-01', NULL)", explain=False, **HSC),
        SOME_ERROR,
    ),
    ("155 region", lambda b: b.ids(["visit"], where="visit.region = visit.region", **HSC), "160 rows"),
    (156, after_the_end, "RuntimeError: …"),
    ("157 count", lambda b: b.q.join_dataset_search("bias", ["HSC/calib"]).dimension_records("detector").count(), "18"),
    ("157 records", lambda b: b.q.join_dataset_search("bias", ["HSC/calib"]).dimension_records("detector"), "10 rows"),
)

GOVERNOR = rows(
    "rich_repository",
    (
        "154 container",
        lambda b: b.ids(["instrument"], where="instrument IN (:l)", bind={"l": ["HSC"]}, explain=False),
        "0 rows",
    ),
    *(
        (
            f"154 {name}",
            lambda b, where=where: {row["instrument"] for row in b.ids(["instrument"], where=where)},
            "1: HSC",
        )
        for name, where in (
            ("glob", "GLOB(instrument,'H*')"),
            ("greater", "instrument > 'D'"),
        )
    ),
    (
        "154 not",
        lambda b: {row["instrument"] for row in b.ids(["instrument"], where="NOT instrument='Cam1'")},
        "2: Cam2 HSC",
    ),
    dataId=I,
)

TABLE = SKY + BUILDER + GOVERNOR
