"""Checklist of query behaviours: joins, count and any; datasets; general results; all datasets and find_dataset."""

from query_checklist import I, S, rows
from query_repositories import hour

from lsst.daf.butler import Timespan

TIME = "T'2020-01-01T02:30:00/tai'"
UNCONSTRAINED = "InvalidQueryError: …without constraining it directly."
DOOMED = "EmptyQueryResultError: Search for dataset type 'bias' in ['{}'] is doomed to fail. / "
EMPTY_LIST = DOOMED.format("").replace("['']", "[]") + "No datasets can be found because collection list is empty."
NO_CANDIDATES = (
    "No datasets with instrument='{0}' in collection 'g'. / No datasets of type 'bias' in collection 'empty'. / "
    "No datasets with instrument='{0}' in collection 'r'."
)
MORE = " [log: More datasets are available than the requested limit of {}.]"


def explicit_join(b):
    return b.q.where(
        b.x.visit_detector_region.region.overlaps(b.x.patch.region), tract=0, patch=4, **S, **I
    ).data_ids(["detector"])


def bias_and(b, *collections, **where):
    return b.q.join_dataset_search("bias", list(collections)).where(**(where or I))


JOINS = rows(
    "repository_a",
    (
        62,
        lambda b: bias_and(b, "imported_g", "imported_r").data_ids(["detector"]),
        "4: {detector=1} {detector=2} {detector=3} {detector=4}",
    ),
    (
        63,
        lambda b: bias_and(b, "calib").data_ids(["detector"]),
        "4: {detector=2} {detector=2} {detector=3} {detector=3}",
    ),
    (
        64,
        lambda b: bias_and(b, "calib").data_ids(["exposure", "detector"]),
        "6: {detector=2,exposure=1} {detector=2,exposure=2} {detector=2,exposure=3} "
        "{detector=3,exposure=0} {detector=3,exposure=1} {detector=3,exposure=3}",
    ),
    (
        65,
        lambda b: bias_and(b, "imported_g").join_dataset_search("flat", ["imported_g"]).data_ids(["detector"]),
        "2: {detector=2} {detector=3}",
    ),
    (
        66,
        lambda b: bias_and(b, "imported_g").join_dataset_search("bias", ["imported_r"]),
        "InvalidQueryError: Dataset type 'bias' was already joined into this query "
        "with a different collection search path (previously [g], now [r]).",
    ),
    (
        67,
        lambda b: bias_and(b, "empty").data_ids(["detector"]).explain_no_results(),
        "2: No datasets of type 'bias' in collection 'empty'. / "
        "Search for dataset type 'bias' in ['empty'] is doomed to fail.",
    ),
    (
        68,
        lambda b: b.q.where(detector=77, **I).data_ids(["detector"]).any(execute=False),
        "InvalidQueryError: Cannot obtain exact result for 'any' without executing.",
    ),
    (69, lambda b: b.q.where(detector=77, **I).data_ids(["detector"]).any(), "False"),
    (
        70,
        lambda b: b.q.join_data_coordinates([b.coordinate(detector=d, **I) for d in (1, 3, 3)]).data_ids(["detector"]),
        "2: {detector=1} {detector=3}",
    ),
    (
        71,
        lambda b: b.q.join_data_coordinates([b.coordinate()]).where(**I).data_ids(["detector"]),
        "4: {detector=1} {detector=2} {detector=3} {detector=4}",
    ),
    (
        72,
        lambda b: b.q.join_data_coordinates([b.coordinate(instrument="CamX", detector=9)]).data_ids(["detector"]),
        "1: {detector=9}",
    ),
    (
        73,
        lambda b: b.q.where(
            b.x.detector.in_query(b.x.detector, b.q.where(b.x.detector.raft == "A", **I)), **I
        ).data_ids(["detector"]),
        "2: {detector=1} {detector=2}",
    ),
    (
        74,
        lambda b: explicit_join(b).count(),
        "InvalidQueryError: Cannot count query rows exactly without discarding them…",
    ),
    (75, lambda b: explicit_join(b).count(discard=True), "3"),
    (76, lambda b: explicit_join(b).count(exact=False), "4"),
)

DATASETS = rows(
    "repository_a",
    (
        77,
        lambda b: b.ds("bias", "chain", order_by="detector"),
        "4 in order: bias@g{1} bias@g{2} bias@g{3} bias@r{4}",
    ),
    (
        78,
        lambda b: b.ds("bias", "chain2", order_by="detector"),
        "4 in order: bias@g{1} bias@r{2} bias@r{3} bias@r{4}",
    ),
    (
        79,
        lambda b: b.ds("bias", ["imported_r", "chain"], order_by="detector"),
        "4 in order: bias@g{1} bias@r{2} bias@r{3} bias@r{4}",
    ),
    (
        80,
        lambda b: b.ds("bias", "chain", find_first=False),
        "6: bias@g{1} bias@g{2} bias@g{3} bias@r{2} bias@r{3} bias@r{4}",
    ),
    (
        81,
        lambda b: b.ds("bias", "*"),
        "InvalidQueryError: Can not use wildcards in collections when find_first=True (given *)",
    ),
    # The checklist orders by -detector alone, which leaves the order of equal detectors open.
    (
        82,
        lambda b: b.ds("bias", "imported_?", find_first=False, limit=-4, order_by=["-detector", "run"]),
        "4 in order: bias@r{4} bias@g{3} bias@r{3} bias@g{2}" + MORE.format(4),
    ),
    (83, lambda b: b.ds("bias"), "NoDefaultCollectionError: No collections provided and no default collections…"),
    (84, lambda b: b.ds("bias", "nosuch"), "MissingCollectionError: No collection with name 'nosuch' found."),
    (85, lambda b: b.ds("bias", "nosuch*", find_first=False), EMPTY_LIST),
    (86, lambda b: b.ds("bias", []), EMPTY_LIST),
    (87, lambda b: b.ds("nosuch", "chain"), "MissingDatasetTypeError: Dataset type 'nosuch' does not exist."),
    # DirectButler has MissingDatasetTypeError here; the client of a server asks it for the dataset type of that name.
    (
        88,
        lambda b: b.ds("b*", "chain"),
        "DatasetTypeExpressionError: …'b*' does not look like a valid dataset type name.",
    ),
    (
        89,
        lambda b: b.ds("bias", "chain", instrument="Cam2"),
        DOOMED.format("chain") + NO_CANDIDATES.format("Cam2"),
    ),
    (
        90,
        lambda b: b.ds("bias", "chain", instrument="CamX"),
        DOOMED.format("chain") + NO_CANDIDATES.format("CamX"),
    ),
    (91, lambda b: b.ds("bias", "imported_g", **S), "3: bias@g{1} bias@g{2} bias@g{3}"),
    (92, lambda b: b.ds("flat", "tag"), "2: flat@g{2,Cam1-G} flat@g{3,Cam1-G}"),
    (
        93,
        lambda b: b.ds("flat", ["tag", "imported_g"], find_first=False),
        "5: flat@g{2,Cam1-G} flat@g{2,Cam1-G} flat@g{3,Cam1-G} flat@g{3,Cam1-G} flat@g{4,Cam1-G}",
    ),
    (
        94,
        lambda b: b.ds("flat", "chain", where="band='r'"),
        "4: flat@r{1,Cam1-R1} flat@r{2,Cam1-R1} flat@r{3,Cam1-R2} flat@r{4,Cam1-R2}",
    ),
    (95, lambda b: b.ds("bias", "chain", where="run='imported_r'"), "3: bias@r{2} bias@r{3} bias@r{4}"),
    (96, lambda b: b.ds("bias", "chain", where="collection='imported_r'"), "3: bias@r{2} bias@r{3} bias@r{4}"),
    (
        97,
        lambda b: b.ds("bias", "chain", where="ingest_date > T'2000-01-01'"),
        "4: bias@g{1} bias@g{2} bias@g{3} bias@r{4}",
    ),
    (
        98,
        lambda b: b.ds("bias", "chain", where="flat.run='imported_r'"),
        "InvalidQueryError: Cannot reference dataset type(s) {'flat'} that have not been joined.",
    ),
    (99, lambda b: b.ds("bias", "calib"), "CalibrationLookupError: …"),
    (100, lambda b: b.ds("bias", "calib", find_first=False), "4: bias@g{2} bias@g{3} bias@r{2} bias@r{3}"),
    (101, lambda b: b.ds("bias", "calib", where="exposure=1", **I), "2: bias@g{2} bias@g{3}"),
    (102, lambda b: b.ds("bias", "calib", where=f"bias.timespan OVERLAPS {TIME}", **I), "2: bias@g{2} bias@g{3}"),
    (103, lambda b: b.ds("bias", ["calib", "imported_g"], where="detector=1", **I), "1: bias@g{1}"),
    (
        104,
        lambda b: b.ds("bias", ["imported_g", "calib"], where=f"timespan OVERLAPS {TIME}", **I),
        "3: bias@g{1} bias@g{2} bias@g{3}",
    ),
    (105, lambda b: b.ds("dt", "run1", where="visit=1 and tract=0", **S, **I), "1: dt@run1{1,1}"),
    (
        106,
        lambda b: b.ds("cat1", "refcats", where="htm7.region OVERLAPS CIRCLE(0.3,0.5,0.1)"),
        "2: cat1@refcats{253952} cat1@refcats{253955}",
    ),
    (
        107,
        lambda b: b.ds("cat1", "refcats", visit=1, detector=1, **I),
        "2: cat1@refcats{253954} cat1@refcats{253965}",
    ),
    (
        108,
        lambda b: b.ds(b.datasets_named("bias", ["instrument", "detector"], "StructuredDataDict"), "imported_g"),
        "DatasetTypeError: Given storage class 'StructuredDataDict' for 'bias' "
        "is not compatible with repository storage class Exposure.",
    ),
    (
        109,
        lambda b: b.ds("bias", "chain", order_by="dataset_id"),
        "InvalidQueryError: Column type uuid of bias.dataset_id is not ordered.",
    ),
    (
        110,
        lambda b: b.ds("bias", "chain", order_by=["-bias.ingest_date", "detector"]),
        "4 in order: bias@r{4} bias@g{1} bias@g{2} bias@g{3}",
    ),
)

GENERAL = rows(
    "repository_a",
    (
        111,
        lambda b: b.q.join_dataset_search("flat", "imported_g").general(["detector"], "flat.run", "flat.collection"),
        "InvalidQueryError: find_first must be passed if dataset fields are included in query results.",
    ),
    (
        112,
        lambda b: b.q.general(["detector"], "flat.run", find_first=True),
        "InvalidQueryError: A search for dataset type 'flat' must be explicitly joined into the query "
        "before including its fields in query results.",
    ),
    (
        113,
        lambda b: bias_and(b, "calib").general(["detector"], "bias.timespan", find_first=True),
        "InvalidQueryError: find_first=False must be passed explicitly if bias.timespan is included in query results.",
    ),
    (
        114,
        lambda b: bias_and(b, "calib", detector=2, **I).general(
            ["detector"], "bias.timespan", "bias.run", find_first=False
        ),
        "2: {'detector': '2', 'bias.run': 'g', 'bias.timespan': '[2020-01-01T02:00:00, 2020-01-01T04:00:00)'} "
        "{'detector': '2', 'bias.run': 'r', 'bias.timespan': '[2020-01-01T04:00:00, ∞)'}",
    ),
    (
        115,
        lambda b: bias_and(b, "calib")
        .general(["exposure"], dataset_fields={"bias": {"run"}}, find_first=True)
        .count(),
        "6",
    ),
    (
        116,
        lambda b: b.q.general(["htm7"], "htm7.region"),
        "InvalidQueryError: Regions for skypix dimension 'htm7' are not stored; "
        "compute them via htm7.pixelization.pixel(id) instead.",
    ),
)

ALL_DATASETS = rows(
    "repository_a",
    (
        117,
        lambda b: b.all("chain", where="detector=2", **I),
        "3: bias@g{2} flat@g{2,Cam1-G} flat@r{2,Cam1-R1}",
    ),
    (118, lambda b: b.all("chain", where="detector=2"), UNCONSTRAINED),
    (119, lambda b: b.all("*"), "InvalidQueryError: Can not use wildcards in collections when find_first=True…"),
    (
        120,
        lambda b: b.all("chain", name="nosuch*"),
        "MissingDatasetTypeError: No dataset types found for query ['nosuch*']",
    ),
    (
        121,
        lambda b: b.all("chain", name=["bias", "nosuch"]),
        "MissingDatasetTypeError: Dataset types not found: ['nosuch']",
    ),
    (122, lambda b: b.all("imported_g", limit=-3), "3: bias@g{1} bias@g{2} bias@g{3}" + MORE.format(3)),
    (123, lambda b: b.all("chain", name="bias", where="detector=77", **I), "0 rows"),
    (124, lambda b: b.all(), "InvalidQueryError: Can not use wildcards in collections when find_first=True…"),
    # DirectButler takes a bound list here; the client of a server has no way to send it.
    ("124 list", lambda b: b.all("chain", where="detector IN (:d)", bind={"d": [1]}, **I), "TypeError: …"),
    (125, lambda b: b.find("bias", I, detector=2, collections="calib"), "None"),
    (
        126,
        lambda b: b.find("bias", I, detector=2, collections="calib", timespan=Timespan(hour(2), hour(3))),
        "bias@g (51352db4…)",
    ),
    (
        127,
        lambda b: b.find("bias", I, detector=2, collections="calib", timespan=Timespan(hour(2), hour(6))),
        "CalibrationLookupError: …",
    ),
    (128, lambda b: b.find("bias", I, detector=2, collections=["calib", "imported_r"]), "bias@r (87f3e68d…)"),
    (
        129,
        lambda b: b.find("bias", I, collections="chain"),
        "DimensionNameError: No value in data ID …instrument…'Cam1'… for required dimension 'detector'.",
    ),
)

DEFAULTS = rows(
    "repository_a",
    (130, lambda b: b.rec("detector", where="detector=2"), "1: {2}"),
    (131, lambda b: b.rec("detector", where="instrument IN ('Cam2')", explain=False), "0 rows"),
    (132, lambda b: b.ids(["band"], where="physical_filter='Cam1-G'"), "1: {band=g}"),
    (133, lambda b: b.ds("bias", order_by="detector"), "4 in order: bias@g{1} bias@g{2} bias@g{3} bias@r{4}"),
    (134, lambda b: b.all(where="detector=2"), "3: bias@g{2} flat@g{2,Cam1-G} flat@r{2,Cam1-R1}"),
    (
        135,
        lambda b: b.ds("bias", "imported_g", instrument="Cam2"),
        DOOMED.format("g") + "No datasets with instrument='Cam2' in collection 'g'.",
    ),
    collections=["chain"],
    dataId=I,
)

TABLE = JOINS + DATASETS + GENERAL + ALL_DATASETS + DEFAULTS
