"""Queries that nobody means well with: `steward serve` answers within seconds, and is well afterwards.

An outcome is a number of rows, an error, or either of both where a limit may come first; never a wrong number of rows.
Rubin's server fails many of these in its own ways: with STEWARD_CHECK_REFERENCE=1 only definite numbers are looked at.
"""

import json
import math
import os
import socket
import struct
import time

import postgresql
import pytest

pytest.importorskip("lsst.daf.butler")
from query_service import IS_REFERENCE  # noqa: E402
from query_trees import (  # noqa: E402
    CAM1,
    changed,
    compared,
    data_ids,
    encoded_region,
    everything,
    field,
    inputs,
    key,
    literal,
    region,
    tree,
)

SECONDS = 20
ERROR = "an error"
better_than_upstream = pytest.mark.skipif(IS_REFERENCE, reason="Rubin's server has no clear answer to this")


@pytest.fixture
def service(servers, repository_a):
    return servers.of(repository_a)


@pytest.fixture
def rich(servers, rich_repository):
    return servers.of(rich_repository)


def well(service):
    """Asks something small, of which the answer is known."""
    assert service.process.poll() is None, service.log.read_text(errors="replace")[-3000:]
    start = time.monotonic()
    answer = service.post("query/count", data_ids("instrument") | {"exact": True, "discard": False}, timeout=SECONDS)
    assert answer.json == {"count": 1} and time.monotonic() - start < SECONDS / 2


def sent(service, route, content):
    """Sends a body; a server that has not answered after a long time is killed, so that the next test has a new one."""
    try:
        return service.post(route, content, timeout=3 * SECONDS)
    except TimeoutError:
        service.process.kill()
        service.process.wait()
        pytest.fail(f"no answer after {3 * SECONDS} s", pytrace=False)


def judged(service, route, body, expected):
    """Sends a body; its outcome must be one of those expected."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    start = time.monotonic()
    answer = sent(service, route, content)
    took = time.monotonic() - start
    well(service)
    is_error = answer.status != 200 or (answer.lines and answer.lines[-1]["type"] == "error")
    outcome = ERROR if is_error else len(answer.rows)
    if is_error:
        assert answer.error["detail"] and len(answer.body) < len(content) + 10_000
    assert outcome in expected
    assert took < SECONDS


# Texts


def wheres():
    """Name, text, and what may come of it among the three biases of detectors 1 to 3."""
    largest = 2**63 - 1
    yield "900 in a list", f"detector IN ({', '.join(map(str, range(900)))})", {3}
    yield "long range", f"detector IN (0..{largest - 1})", {3}
    yield "long stride", f"detector IN (0..9:{largest})", {0}
    yield "division by zero", "detector / 0 = 1", {0}
    yield "remainder of zero", "detector % 0 = 1", {0}
    yield "sum too large", f"detector + {largest} = 1", {0, ERROR} if postgresql.IS_CHOSEN else {0}
    yield "all the sky", "visit.region OVERLAPS BOX(0, 0, 1e308, 1e308) AND visit = 1", {3}
    yield "many vertices", "visit.region OVERLAPS " + polygon(5000) + " AND visit = 1", {3}
    yield "parentheses", "(" * 10_000 + "detector = 1" + ")" * 10_000, {1, ERROR}
    yield "opening parentheses", "(" * 10_000, {ERROR}
    yield "closing parentheses", "detector = 1" + ")" * 10_000, {ERROR}
    yield "not not", "NOT " * 10_000 + "detector = 1", {1, ERROR}
    yield "minus minus", "detector = " + "-" * 10_000 + "1", {1, ERROR}
    yield "1 MB text", f"detector.full_name = '{'x' * 1_000_000}'", {0, ERROR}
    yield "1 MB name", f"{'x' * 1_000_000} = 1", {ERROR}
    yield "1 MB number", f"detector = {'9' * 1_000_000}", {0, ERROR}
    yield "1 MB of zero bytes", "\0" * 1_000_000, {ERROR}
    yield "1 MB of quotes", "'" * 1_000_000, {ERROR}
    yield "1 MB of OR", " OR ".join(f"detector = {i % 4 + 1}" for i in range(60_000)), {3, ERROR}
    yield "1 MB of AND", " AND ".join(f"detector > -{i}" for i in range(60_000)), {3, ERROR}
    yield "1 MB of sums", "detector " + "+ 1 " * 250_000 + "= 250001", {1, ERROR}
    yield "1 MB of comparisons", "detector " + "= 1 " * 250_000, {ERROR}
    yield "100000 in a list", f"detector IN ({', '.join(map(str, range(100_000)))})", {3, ERROR}
    yield "100000 not in a list", f"detector NOT IN ({', '.join(map(str, range(10, 100_010)))})", {3, ERROR}
    yield "100000 ranges", f"detector IN ({', '.join(f'{i}..{i + 5}' for i in range(0, 1_000_000, 10))})", {3, ERROR}
    yield "exploding normal form", exploding(40), {3, ERROR}
    yield "exploding NOT IN", f"{'NOT (detector NOT IN (1, 2, 3) OR ' * 20}detector = 9{')' * 20}", {0, ERROR}
    yield "range to the last", f"detector IN (1..{largest})", {3, ERROR}
    yield "range of everything", f"detector IN (-{largest + 1}..{largest})", {3, ERROR}
    yield "range beyond", f"detector IN (0..{'9' * 30})", {3, ERROR}
    yield "integer beyond", f"detector = {largest + 1}", {0, ERROR}
    yield "infinite number", "visit.exposure_time < 1e999 AND visit = 1", {3, ERROR}
    yield "infinite point", "visit.region OVERLAPS POINT(1e999, 0) AND visit = 1", {ERROR}
    yield "infinite circle", "visit.region OVERLAPS CIRCLE(0, 0, 1e999) AND visit = 1", {3, ERROR}
    yield "beyond the pole", "visit.region OVERLAPS POINT(0, 90.0000001) AND visit = 1", {ERROR}
    yield "flat polygon", "visit.region OVERLAPS POLYGON(0,0, 0,0, 0,0) AND visit = 1", {ERROR}
    yield "POS of no numbers", "visit.region OVERLAPS REGION('CIRCLE nan nan nan') AND visit = 1", {ERROR}
    yield "end of time", "ingest_date < T'999999999-01-01'", {ERROR}
    yield "stars", f"GLOB(detector.full_name, '{'*' * 100_000}')", {3, ERROR}
    yield "stars and letters", f"GLOB(detector.full_name, '{'*a' * 30}')", {0}
    yield "no such instrument a thousand times", "(" + " OR ".join(["instrument = 'x'"] * 900) + ")", {0}


def polygon(count):
    """A hull around all visits of the repository, with many vertices in no order."""
    angles = [2 * math.pi * i * 7919 / count for i in range(count)]
    return f"POLYGON({', '.join(f'{20 + 30 * math.cos(a):.9f}, {30 * math.sin(a):.9f}' for a in angles)})"


def exploding(count):
    return " OR ".join(f"(detector = {i} AND detector.full_name != 'x{i}')" for i in range(count))


WHERES = list(wheres())


def marked(rows):
    """Rows that allow an error are not for Rubin's server."""
    return [pytest.param(*row[1:], id=row[0], marks=[better_than_upstream] if ERROR in row[-1] else []) for row in rows]


@pytest.mark.parametrize(("where", "expected"), marked(WHERES))
def test_where(service, where, expected):
    body = everything("imported_g", name=["bias"], where=where, data_id={"instrument": "Cam1"})
    judged(service, "query/all_datasets", body, expected)


# Trees


def nested(inner, wrap, depth):
    for _ in range(depth):
        inner = wrap(inner)
    return inner


def plus(expression, number=0):
    return {"expression_type": "binary", "a": expression, "b": literal(number), "operator": "+"}


def in_query(inner):
    return {
        "predicate_type": "in_query",
        "member": key("detector"),
        "column": key("detector"),
        "query_tree": tree("instrument", "detector", where=[CAM1, inner]),
    }


def leaves():
    """Name, a leaf or a list of leaves, and what may come of it among the four detectors of Cam1."""
    one = compared(key("detector"), "==", literal(1))
    largest = 2**63 - 1
    range_of = {"predicate_type": "in_range", "member": key("detector")}
    container = {"predicate_type": "in_container", "member": key("detector")}
    yield "900 alternatives", [compared(key("detector"), "==", literal(i)) for i in range(900)], {4}
    yield "30000 in a container", container | {"container": [literal(i) for i in range(30_000)]}, {4}
    yield "query in query", nested(one, in_query, 5), {1}
    yield "range to the end", range_of | {"start": 0, "stop": None}, {4}
    yield "long range", range_of | {"start": 0, "stop": largest}, {4}
    yield "200000 in a container", container | {"container": [literal(i) for i in range(200_000)]}, {4, ERROR}
    yield "50000 alternatives", [compared(key("detector"), "==", literal(i)) for i in range(50_000)], {4, ERROR}
    yield "deep sum", compared(nested(key("detector"), plus, 150), "==", literal(1)), {1, ERROR}
    yield "very deep sum", Deep({"expression_type": "binary", "operator": "+", "b": literal(0)}, "a"), {1, ERROR}
    yield "very deep not", Deep({"predicate_type": "not"}, "operand"), {ERROR}
    yield "query in query and so on", nested(one, in_query, 60), {1, ERROR}
    yield "range beyond", range_of | {"start": -(2**70), "stop": 2**70}, {4, ERROR}
    yield "step beyond", range_of | {"start": 0, "stop": largest, "step": 2**70}, {0, ERROR}
    yield "huge text", compared(field("detector", "full_name"), "==", literal("x" * 5_000_000)), {0, ERROR}


class Deep:
    """An expression or a leaf in itself, too deep for Python's own writer of JSON."""

    def __init__(self, node: dict, inner: str):
        self.opening = f'{json.dumps(node)[:-1]}, "{inner}": '
        self.is_leaf = "predicate_type" in node

    def within(self, body: dict, depth=10_000) -> bytes:
        one = compared(key("detector"), "==", literal(1))
        innermost = json.dumps(one if self.is_leaf else key("detector"))
        whole = json.dumps(replaced(body, "deep" if self.is_leaf else one | {"a": "deep"}))
        return whole.replace('"deep"', self.opening * depth + innermost + "}" * depth).encode()


def replaced(body, leaf):
    group = leaf if isinstance(leaf, list) else [leaf]
    return changed(body, ["query", "tree", "predicate", "operands"], [[CAM1], group])


@pytest.mark.parametrize(("leaf", "expected"), marked(leaves()))
def test_predicates(service, leaf, expected):
    body = data_ids("instrument", "detector")
    judged(service, "query/execute", leaf.within(body) if isinstance(leaf, Deep) else replaced(body, leaf), expected)


NAN, INFINITY = math.nan, math.inf
ROUND = struct.pack("<4d", 1.0, 0.0, 0.0, 1.0)
REGIONS = [
    ("no text of base64", {"expression_type": "region", "encoded": "***"}),
    ("nothing", encoded_region(b"")),
    ("unknown kind", encoded_region(b"x" + ROUND)),
    ("half a circle", region(1.0, 0.0, 0.0)),
    ("too long a circle", region(1.0, 0.0, 0.0, 0.1, 0.1, 0.1)),
    ("polygon of two", region(1.0, 0.0, 0.0, 0.0, 1.0, 0.0, tag=b"p")),
    ("half a vertex", encoded_region(b"p" + ROUND)),
    ("circle around nothing", region(NAN, NAN, NAN, 0.1, 0.1)),
    ("circle of no size", region(1.0, 0.0, 0.0, NAN, NAN)),
    ("infinite centre", region(INFINITY, 0.0, 0.0, 0.1, 0.1)),
    ("polygon of nothing", region(*[NAN] * 9, tag=b"p")),
    ("infinite polygon", region(*[INFINITY] * 9, tag=b"p")),
    ("box of nothing", region(NAN, NAN, NAN, NAN, tag=b"b")),
    ("infinite box", region(-INFINITY, INFINITY, -INFINITY, INFINITY, tag=b"b")),
]


@better_than_upstream
@pytest.mark.parametrize("shape", [row[1] for row in REGIONS], ids=[row[0] for row in REGIONS])
def test_broken_regions(service, shape):
    where = [compared(key("skymap"), "==", literal("SkyMap1")), compared(field("patch", "region"), "overlaps", shape)]
    judged(service, "query/execute", data_ids(tree=tree("skymap", "tract", "patch", where=where)), {ERROR})
    body = everything("imported_g", name=["bias"], where="visit.region OVERLAPS :r", bind={"r": shape})
    judged(service, "query/all_datasets", body | {"data_id": {"instrument": "Cam1"}}, {ERROR})


@better_than_upstream
def test_many_terms_of_order(service):
    terms = [key("detector") if i == 0 else plus(key("detector"), i) for i in range(3000)]
    judged(service, "query/execute", data_ids("instrument", "detector", order_by=terms), {4, ERROR})


@better_than_upstream
@pytest.mark.parametrize(
    "body",
    [
        b"[" * 1_000_000,
        b'{"query":' * 100_000,
        b" " * 5_000_000,
        b'{"query": "' + b"x" * 20_000_000 + b'"}',
        json.dumps({"query": inputs(tree("x" * 1_000_000)), "result_spec": {}}).encode(),
    ],
    ids=["brackets", "objects", "blanks", "text", "name"],
)
def test_bodies(service, body):
    for route in ("execute", "count", "all_datasets"):
        assert sent(service, f"query/{route}", body).error
    well(service)


# Streams that nobody reads to the end

LARGE = data_ids(
    tree=tree(
        "instrument", "detector", "exposure", "skymap", "patch", "tract",
        where=[
            compared(key("instrument"), "==", literal("HSC")),
            compared(key("skymap"), "==", literal("hsc_rings_v1")),
        ],
    )
)  # fmt: skip


def opened(service, body) -> socket.socket:
    """A connection on which a query has been sent."""
    content = json.dumps(body).encode()
    head = (
        "POST /api/butler/repo/test/v1/query/execute HTTP/1.1\r\nHost: x\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
    )
    connection = socket.create_connection(("127.0.0.1", service.port), timeout=60)
    connection.sendall(head.encode() + content)
    return connection


def processor_seconds(process) -> float:
    fields = open(f"/proc/{process.pid}/stat").read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_bytes(process) -> int:
    return int(open(f"/proc/{process.pid}/statm").read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


needs_proc = pytest.mark.skipif(not os.path.exists("/proc/self/stat"), reason="no /proc to look at the server with")


@needs_proc
def test_a_client_that_goes_away_ends_its_query(rich):
    for _ in range(6):
        connection = opened(rich, LARGE)
        received = b""
        while len(received) < 200_000:
            piece = connection.recv(65536)
            assert piece, received[-500:]
            received += piece
        assert b"200 OK" in received.splitlines()[0] and b"data_coordinate" in received
        connection.close()
    for _ in range(30):
        before = processor_seconds(rich.process)
        time.sleep(1)
        if processor_seconds(rich.process) - before < 0.2:
            break
    else:
        pytest.fail("the server still works on queries whose clients have gone")
    well(rich)


@needs_proc
def test_a_client_that_does_not_read_costs_no_memory(rich):
    connection = opened(rich, LARGE)
    assert connection.recv(1000).startswith(b"HTTP/1.1 200")
    time.sleep(1)
    before = resident_bytes(rich.process)
    time.sleep(4)
    assert resident_bytes(rich.process) - before < 100 << 20
    well(rich)
    connection.close()
