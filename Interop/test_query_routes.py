"""The query routes of `steward serve` on the wire: what the Python client hides.

Tests that are marked `better_than_upstream` ask for what Rubin's server gets wrong: section 15 of the protocol.
"""

import json
import uuid

import pytest

pytest.importorskip("lsst.daf.butler")
from query_service import IS_REFERENCE, connect  # noqa: E402
from query_trees import (  # noqa: E402
    CAM1,
    changed,
    compared,
    data_ids,
    dataset_field,
    datasets,
    everything,
    field,
    inputs,
    key,
    literal,
    region,
    tree,
)

better_than_upstream = pytest.mark.skipif(IS_REFERENCE, reason="a defect of Rubin's server, which Steward has not")

DETECTORS = data_ids("instrument", "detector")
ODD = "line\u2028paragraph\u2029next\u0085feed\x0b\x0c\x1c\x1d\x1e \"quoted\" \\ tab\t Ünïcode ★ 🔭\n"


@pytest.fixture(scope="module")
def service(servers, repository_a):
    return servers.of(repository_a)


@pytest.fixture(scope="module")
def rich(servers, rich_repository):
    return servers.of(rich_repository)


def counting(body, **options):
    return body | {"exact": True, "discard": False} | options


def asking(body, **options):
    return {"query": body["query"], "execute": True, "exact": True} | options


def detectors(answer):
    return sorted(row["dataId"]["detector"] for row in answer.rows)


# Streams


def test_a_stream_is_one_object_a_line(service):
    answer = service.post("query/execute", DETECTORS)
    assert answer.headers["x-accel-buffering"] == "no"
    (page,) = answer.lines
    assert page["type"] == "data_coordinate"
    assert sorted(page["rows"][0]) in (["dataId"], ["dataId", "records"])
    assert detectors(answer) == [1, 2, 3, 4]


@pytest.mark.parametrize(
    "body",
    [
        changed(DETECTORS, ["result_spec", "limit"], 0),
        data_ids(tree=tree("instrument", "detector", where=[CAM1, compared(key("detector"), "==", literal(77))])),
        data_ids(tree=tree("instrument", "detector", where=[CAM1, []])),
        datasets("bias", "empty"),
    ],
    ids=["limit", "where", "false", "no candidates"],
)
def test_nothing_found_is_an_empty_result(service, body):
    assert service.post("query/execute", body).rows == []


def test_long_results_come_in_pages(rich):
    tree_of_both = tree("instrument", "detector", "exposure", where=[compared(key("instrument"), "==", literal("HSC"))])
    answer = rich.post("query/execute", data_ids(tree=tree_of_both))
    assert len(answer.lines) > 5 and all(0 < len(page["rows"]) <= 2000 for page in answer.lines)
    rows = {(row["dataId"]["detector"], row["dataId"]["exposure"]) for row in answer.rows}
    assert len(rows) == len(answer.rows)
    assert rich.post("query/count", counting(data_ids(tree=tree_of_both))).json == {"count": len(rows)}
    limited = rich.post("query/execute", data_ids(tree=tree_of_both, limit=2500))
    assert len(limited.rows) == 2500


def test_pages_of_all_datasets_go_by_the_name_of_the_type(rich):
    answer = rich.post("query/all_datasets", everything("HSC/runs/a"))
    names = [{row["datasetType"]["name"] for row in page["rows"]} for page in answer.lines]
    assert all(len(types) == 1 for types in names)
    order = [types.pop() for types in names]
    assert order == sorted(order) and len(set(order)) > 5
    limited = rich.post("query/all_datasets", everything("HSC/runs/a", limit=310))
    assert [row["id"] for row in limited.rows[:300]] and len(limited.rows) == 310
    assert {row["datasetType"]["name"] for row in limited.rows} == set(sorted(set(order))[:2])


def test_loose_bodies_are_understood(service):
    text_for_number = tree(
        "detector", where=[CAM1, compared(key("detector"), "==", {"expression_type": "int", "value": "1"})]
    )
    one = data_ids("instrument", "detector", tree=text_for_number)
    assert service.post("query/count", counting(one)).json == {"count": 1}
    assert detectors(service.post("query/execute", DETECTORS | {"more": 1})) == [1, 2, 3, 4]
    with_nulls = changed(DETECTORS, ["query", "tree", "any_dataset"], None)
    assert detectors(service.post("query/execute", with_nulls)) == [1, 2, 3, 4]


# Errors of users

MISMATCH = data_ids(tree=tree("instrument", "detector", where=[CAM1, compared(key("detector"), "==", literal("x"))]))
LONELY = data_ids(tree=tree("instrument", "detector", where=[compared(key("detector"), "==", literal(1))]))
NO_COLLECTION = datasets("bias", "nosuch")
NO_TYPE = datasets("nosuch", "chain")
WRONG_DIMENSIONS = datasets("bias", "chain", dimensions=("instrument", "detector", "physical_filter", "band"))
IN_OR = data_ids(
    tree=tree(
        "instrument", "visit", "physical_filter", "day_obs", "band",
        where=[
            CAM1,
            [
                compared(key("visit"), "==", literal(9)),
                compared(field("visit", "region"), "overlaps", region(1.0, 0.0, 0.0, 0.0, 0.0)),
            ],
        ],
    )
)  # fmt: skip


@pytest.mark.parametrize(
    ("body", "kind", "text"),
    [
        (MISMATCH, "invalid_query", "(int"),
        (LONELY, "invalid_query", "without constraining it directly"),
        (NO_COLLECTION, "missing_collection", "No collection with name 'nosuch' found."),
        (NO_TYPE, "missing_dataset_type", "Dataset type 'nosuch' does not exist."),
        (WRONG_DIMENSIONS, "invalid_query", "dimensions"),
        (IN_OR, "unimplemented_query", "nested inside OR or NOT"),
    ],
    ids=["types", "governor", "collection", "dataset type", "dimensions", "overlap in or"],
)
def test_errors_come_in_the_stream_and_by_status(service, body, kind, text):
    streamed = service.post("query/execute", body)
    assert streamed.status == 200
    assert streamed.error["error_type"] == kind and text in streamed.error["detail"]
    assert streamed.lines == [{"type": "error", "error": streamed.error}]
    for route, request in (("count", counting(body)), ("any", asking(body))):
        answer = service.post(f"query/{route}", request)
        assert (answer.status, answer.headers["content-type"]) == (422, "application/json")
        assert answer.error == streamed.error, route


def test_an_error_can_follow_rows(service):
    """Ambiguous calibrations are found row by row."""
    answer = service.post("query/execute", datasets("bias", "calib"))
    assert answer.error["error_type"] == "calibration_lookup"


@pytest.mark.parametrize(
    ("options", "kind", "text"),
    [
        ({"where": "detector = = 1"}, "invalid_query", "Failed to parse expression 'detector = = 1'"),
        ({"where": "detector.nope = 1"}, "invalid_query", "nope"),
        ({"where": "detector = :unbound"}, "invalid_query", "unbound"),
        ({"where": "detector = 1"}, "invalid_query", "without constraining it directly"),
        ({"collections": ["*"]}, "invalid_query", "wildcards"),
        ({"collections": ["nosuch"]}, "missing_collection", "nosuch"),
        ({"name": ["nosuch"]}, "missing_dataset_type", "nosuch"),
        ({"name": ["nosuch*"]}, "missing_dataset_type", "nosuch*"),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else "",
)
def test_errors_of_all_datasets(service, options, kind, text):
    answer = service.post("query/all_datasets", everything("imported_g", **options))
    assert answer.status == 200
    assert answer.error["error_type"] == kind and text in answer.error["detail"]


def test_errors_of_count_and_any(service):
    spatial = data_ids(
        tree=tree(
            "band", "instrument", "skymap", "day_obs", "detector", "physical_filter", "tract", "patch", "visit",
            where=[CAM1, compared(key("skymap"), "==", literal("SkyMap1"))],
        )
    )  # fmt: skip
    answer = service.post("query/count", counting(spatial))
    assert answer.status == 422 and answer.error["error_type"] == "invalid_query"
    exact = service.post("query/count", counting(spatial, discard=True)).json["count"]
    assert 0 < exact < service.post("query/count", counting(spatial, exact=False)).json["count"]
    assert service.post("query/any", asking(spatial)).json == {"found_rows": True}
    answer = service.post("query/any", asking(spatial, execute=False))
    assert answer.status == 422 and answer.error["error_type"] == "invalid_query"
    assert service.post("query/any", asking(spatial, execute=False, exact=False)).json == {"found_rows": True}


def test_explain(service):
    body = {"query": datasets("bias", "empty")["query"], "execute": True}
    messages = service.post("query/explain", body).json["messages"]
    assert sorted(messages) == [
        "No datasets of type 'bias' in collection 'empty'.",
        "Search for dataset type 'bias' in ['empty'] is doomed to fail.",
    ]
    assert service.post("query/explain", {"query": DETECTORS["query"], "execute": True}).json == {"messages": []}


def test_uploads(service):
    upload = UPLOAD | {"key": str(uuid.uuid4())}
    query = tree("instrument", "detector", where=[], data_coordinate_uploads={upload["key"]: upload["dimensions"]})
    rows = [["Cam1", 1], ["Cam1", 3], ["Cam1", 3]]
    answer = service.post("query/execute", data_ids(tree=query, uploads=[upload | {"rows": rows}]))
    assert set(detectors(answer)) == {1, 3}
    many = [["Cam1", number] for number in range(100_001)]
    answer = service.post("query/execute", data_ids(tree=query, uploads=[upload | {"rows": many}]))
    assert answer.error["error_type"] == "invalid_query" and "100000" in answer.error["detail"]
    answer = service.post("query/execute", data_ids(tree=query, uploads=[upload | {"rows": many[:100_000]}]))
    assert len(answer.rows) == 100_000


# What Rubin's server gets wrong


@better_than_upstream
def test_texts_of_errors_have_no_extra_quotes(service):
    assert service.post("query/execute", NO_TYPE).error["detail"] == "Dataset type 'nosuch' does not exist."


@pytest.mark.parametrize(
    ("bind", "where", "name", "found"),
    [
        ({"expression_type": "int", "value": 2}, "detector = :v", "bias", 1),
        ({"expression_type": "float", "value": 1.5}, "detector < :v", "bias", 1),
        ({"expression_type": "string", "value": "Aa"}, "detector.full_name = :v", "bias", 1),
        ({"expression_type": "datetime", "nsec": 0}, "ingest_date > :v", "bias", 3),
        (
            {"expression_type": "timespan", "begin_nsec": 0, "end_nsec": 4102444800000000000},
            "ingest_date OVERLAPS :v", "bias", 3,
        ),
        pytest.param(
            {"expression_type": "uuid", "value": "51352DB4-A47A-447C-B12D-A50B206B17CD"},
            "dataset_id = :v", "bias", 1, marks=better_than_upstream,
        ),
        pytest.param(
            {"expression_type": "hash", "encoded": "bm90cmVhbGx5YWhhc2hvZmFueXRoaW5nIQ=="},
            "skymap.hash = :v", "bias", 3, marks=better_than_upstream,
        ),
        pytest.param(
            region(1.0, 0.0, 0.0, 4.0, 3.141592653589793), "visit.region OVERLAPS :v AND visit = 1", "bias", 3,
            marks=better_than_upstream,
        ),
    ],
    ids=["int", "float", "string", "datetime", "timespan", "uuid", "hash", "region"],
)  # fmt: skip
def test_values_bound_in_all_datasets(service, bind, where, name, found):
    body = everything("imported_g", name=[name], where=f"instrument = 'Cam1' AND {where}", bind={"v": bind})
    assert len(service.post("query/all_datasets", body).rows) == found


@better_than_upstream
def test_no_character_of_a_text_ends_a_line(service, servers, tmp_path_factory):
    """The Python client splits lines at more characters than the one that ends them."""
    from lsst.daf.butler import Butler

    where = "detector = 'x\u2028y\u2029z\u0085' AND AND"
    answer = service.post("query/all_datasets", everything("imported_g", where=where))
    assert "\u2028" in answer.error["detail"]
    assert len(answer.body.decode().splitlines()) == 1

    root = tmp_path_factory.mktemp("odd") / "odd"
    Butler.makeRepo(str(root))
    with Butler.from_config(str(root), writeable=True) as butler:
        butler.registry.insertDimensionData("instrument", {"name": "Odd", "detector_max": 1, "class_name": ODD})
        butler.registry.insertDimensionData("physical_filter", {"instrument": "Odd", "name": "f", "band": ODD[:30]})
    odd = servers.of(root)
    remote = connect(odd.url)
    assert [record.class_name for record in remote.query_dimension_records("instrument")] == [ODD]
    for found in (
        remote.query_data_ids("band"),
        remote.query_data_ids("physical_filter", where="band = :b", bind={"b": ODD[:30]}),
        remote.query_data_ids("band", where="instrument.class_name = :c", bind={"c": ODD}),
    ):
        assert [data_id["band"] for data_id in found] == [ODD[:30]]


LEAF = ["query", "tree", "predicate", "operands", 0, 0]
UPLOAD = {"type": "upload", "key": str(uuid.UUID(int=7)), "dimensions": ["instrument", "detector"]}
GENERAL = {
    "result_type": "general",
    "dimensions": ["instrument", "detector"],
    "dimension_fields": {},
    "dataset_fields": {},
    "find_first": False,
}
DETECTORS_IN = {"predicate_type": "in_range", "member": key("detector"), "start": 1, "stop": 5}
ONE_OF = {"predicate_type": "in_container", "member": key("detector")}
MALFORMED = [
    ("tree is text", ["query", "tree"], "x", "tree"),
    ("no tree", ["query", "tree"], ..., "tree"),
    ("no query", ["query"], ..., "query"),
    ("no result_spec", ["result_spec"], ..., "result_spec"),
    ("dimensions is text", ["query", "tree", "dimensions"], "x", "dimensions"),
    ("unknown dimension", ["query", "tree", "dimensions"], ["nosuch"], "nosuch"),
    ("number as dimension", ["query", "tree", "dimensions"], [1], "dimensions"),
    ("predicate is a number", ["query", "tree", "predicate"], 3, "predicate"),
    ("group is a leaf", ["query", "tree", "predicate", "operands", 0], CAM1, "operands"),
    ("unknown predicate", LEAF, {"predicate_type": "nope"}, "nope"),
    ("no predicate type", LEAF + ["predicate_type"], ..., "predicate_type"),
    ("unknown operator", LEAF + ["operator"], "=~", "=~"),
    ("unknown expression", LEAF + ["b"], {"expression_type": "nope"}, "nope"),
    ("no operand", LEAF + ["b"], ..., "b"),
    ("no value", LEAF + ["b", "value"], ..., "value"),
    ("text for an integer", LEAF + ["b"], {"expression_type": "int", "value": "many"}, "many"),
    ("too large an integer", LEAF + ["b"], {"expression_type": "int", "value": 1 << 80}, "value"),
    ("unknown dimension key", LEAF + ["a", "dimension"], "nosuch", "nosuch"),
    ("unknown element", LEAF + ["a"], field("nosuch", "f"), "nosuch"),
    ("unknown field", LEAF + ["a"], field("detector", "nosuch"), "nosuch"),
    ("dataset that is not joined", LEAF, compared(dataset_field("flat", "run"), "==", literal("x")), "flat"),
    ("unknown dataset field", LEAF + ["a"], dataset_field("flat", "size"), "size"),
    ("not a uuid", LEAF + ["b"], {"expression_type": "uuid", "value": "zzz"}, "value"),
    ("timespan of text", LEAF + ["b"], {"expression_type": "timespan", "begin_nsec": "a", "end_nsec": 1}, "begin_nsec"),
    ("reversed in where", LEAF + ["a"], {"expression_type": "reversed", "operand": key("detector")}, "reversed"),
    ("no step", LEAF, DETECTORS_IN | {"step": 0}, "step"),
    ("backwards", LEAF, DETECTORS_IN | {"start": 5, "stop": 1}, "range"),
    ("not of not", LEAF, {"predicate_type": "not", "operand": {"predicate_type": "not", "operand": CAM1}}, "not"),
    ("container of lists", LEAF, ONE_OF | {"container": [[1]]}, "container"),
    ("container of other types", LEAF, ONE_OF | {"container": [literal("x")]}, "detector"),
    ("datasets is a list", ["query", "tree", "datasets"], ["bias"], "datasets"),
    ("no collections", ["query", "tree", "datasets"], {"bias": {"dimensions": UPLOAD["dimensions"]}}, "collections"),
    ("unknown upload", ["query", "tree", "data_coordinate_uploads"], {UPLOAD["key"]: ["instrument"]}, "00000007"),
    ("upload key is no uuid", ["query", "tree", "data_coordinate_uploads"], {"zzz": ["instrument"]}, "zzz"),
    ("unknown materialization", ["query", "tree", "materializations"], {UPLOAD["key"]: ["instrument"]}, "00000007"),
    ("unknown input", ["query", "additional_query_inputs"], [UPLOAD | {"type": "nope", "rows": []}], "nope"),
    ("short row", ["query", "additional_query_inputs"], [UPLOAD | {"rows": [["Cam1"]]}], "row"),
    ("unknown result", ["result_spec", "result_type"], "nope", "nope"),
    ("limit is text", ["result_spec", "limit"], "few", "limit"),
    ("order_by is text", ["result_spec", "order_by"], "detector", "order_by"),
    ("order by a region", ["result_spec", "order_by"], [field("visit", "region")], "region"),
    ("unknown result dimension", ["result_spec", "dimensions"], ["nosuch"], "nosuch"),
    ("unknown record element", ["result_spec"], {"result_type": "dimension_record", "element": "nosuch"}, "nosuch"),
    ("unknown general field", ["result_spec"], GENERAL | {"dimension_fields": {"detector": ["nosuch"]}}, "nosuch"),
    ("general of nothing joined", ["result_spec"], GENERAL | {"dataset_fields": {"bias": ["run"]}}, "bias"),
    ("result without its search", ["result_spec"], datasets("bias", "chain")["result_spec"], "bias"),
    ("default data ID is text", ["query", "default_data_id"], "x", "default_data_id"),
    ("unknown default dimension", ["query", "default_data_id"], {"dataId": {"nosuch": 1}}, "nosuch"),
]  # fmt: skip
COMPARING = data_ids(
    tree=tree("instrument", "detector", where=[compared(key("detector"), "==", literal(1)), CAM1])
)


@better_than_upstream
@pytest.mark.parametrize(("path", "value", "named"), [row[1:] for row in MALFORMED], ids=[row[0] for row in MALFORMED])
def test_malformed_queries_are_errors_that_name_what_is_wrong(service, path, value, named):
    body = changed(changed(COMPARING, ["query", "tree", "datasets"], {}), path, value)
    streamed = service.post("query/execute", body)
    assert named in json.dumps(streamed.error), streamed.error
    counted = service.post("query/count", counting(body))
    assert 400 <= counted.status < 500 and named in json.dumps(counted.error), counted.body


@pytest.mark.parametrize(
    "body", [b"", b"{", b"null", b"[]", b"\xff\xfe", b'{"query": {"tree": {}}', b"{}" * 2], ids=repr
)
@pytest.mark.parametrize("route", ["execute", "count", "any", "explain", "all_datasets"])
def test_bodies_that_are_no_request_are_refused(service, route, body):
    answer = service.post(f"query/{route}", body)
    assert 400 <= answer.status < 500, answer.status
    assert answer.json["detail"]


def test_other_methods_are_refused(service):
    import http.client

    for route in ("execute", "count", "any", "explain", "all_datasets"):
        connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=30)
        connection.request("GET", f"/api/butler/repo/test/v1/query/{route}")
        assert connection.getresponse().status == 405
        connection.close()


def test_inputs_may_omit_what_has_a_default(service):
    body = {
        "query": inputs({"dimensions": ["instrument"]}),
        "result_spec": {"result_type": "data_coordinate", "dimensions": ["instrument"]},
    }
    assert {row["dataId"]["instrument"] for row in service.post("query/execute", body).rows} == {"Cam1", "Cam2"}
