"""Hostile, slow and vanishing clients of `steward serve`, and its stop under load.

The repository has dimensions whose combinations make results as long, and statements as slow, as a test needs.
"""

import contextlib
import http.client
import json
import re
import signal
import socket
import ssl
import subprocess
import threading
import time

import pytest

butler_module = pytest.importorskip("lsst.daf.butler")
pytest.importorskip("httpx2", reason="needs lsst-daf-butler[remote]")
from lsst.daf.butler import Butler, CollectionType  # noqa: E402
from serving import CAMERA, PROGRAM, Server, needs_program  # noqa: E402

pytestmark = needs_program

SIZE = 400
BASE = "/api/butler/repo/wide/v1"


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    root = tmp_path_factory.mktemp("limits") / "wide"
    Butler.makeRepo(str(root))
    butler = Butler.from_config(str(root), writeable=True, run="wide/run")
    registry = butler.registry
    registry.insertDimensionData("instrument", {"name": CAMERA, "detector_max": SIZE, "class_name": "toy.Cam"})
    registry.insertDimensionData(
        "detector", *({"instrument": CAMERA, "id": n, "full_name": f"D{n}"} for n in range(SIZE))
    )
    registry.insertDimensionData(
        "physical_filter", *({"instrument": CAMERA, "name": f"f{n}", "band": "r"} for n in range(SIZE))
    )
    registry.insertDimensionData("group", *({"instrument": CAMERA, "name": f"g{n}"} for n in range(SIZE)))
    return root


@contextlib.contextmanager
def running(repository, tmp_path, **settings):
    environment = {f"STEWARD_{name.upper()}": str(value) for name, value in settings.items()}
    server = Server("--repo", str(repository), environment=environment, log=tmp_path / "server.log")
    try:
        yield server
    finally:
        if server.process.poll() is None:
            server.process.kill()
        server.process.wait()


def query(dimensions):
    """A body for `query/execute`: all combinations of values."""
    names = ["instrument", *dimensions]
    tree = {
        "dimensions": names, "datasets": {}, "any_dataset": None, "data_coordinate_uploads": {},
        "materializations": {}, "predicate": {"operands": []}, "validateGovernorConstraints": True,
    }
    return {
        "query": {
            "tree": tree, "default_data_id": {"dataId": {}, "records": {}}, "additional_query_inputs": [],
        },
        "result_spec": {
            "result_type": "data_coordinate", "dimensions": names, "order_by": [], "limit": None,
            "allow_duplicate_overlaps": False, "include_dimension_records": False,
        },
    }


LONG = query(["detector", "physical_filter"])  # 160,000 rows, some 15 MB
SLOW = query(["detector", "physical_filter", "group"]) | {"exact": True, "discard": False}  # 64 million combinations


def head(method, path, port, length=0, extra=""):
    text = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{extra}"
    if length:
        text += f"Content-Type: application/json\r\nContent-Length: {length}\r\n"
    return (text + "\r\n").encode()


def connect(server, receive_buffer=None):
    client = socket.socket()
    if receive_buffer:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    client.settimeout(30)
    client.connect(("127.0.0.1", server.port))
    return client


def send(server, path, body, user=None, receive_buffer=None):
    client = connect(server, receive_buffer)
    payload = json.dumps(body).encode()
    extra = f"X-Auth-Request-User: {user}\r\n" if user else ""
    client.sendall(head("POST", BASE + path, server.port, len(payload), extra) + payload)
    return client


def everything(client):
    """All that the server sends until it closes, or until nothing has come for a second after something."""
    data = b""
    with contextlib.suppress(OSError):
        while chunk := client.recv(1 << 20):
            data += chunk
    return data


def metric(server, name):
    text = server.request("GET", "/metrics")[2].decode()
    return sum(float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if line.startswith((name + " ", name)))


def wait_until(condition, seconds=20.0):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.05)
    return False


def write_something(repository):
    """A commit, which SQLite allows only when nobody reads; the seconds it took."""
    start = time.monotonic()
    butler = Butler.from_config(str(repository), writeable=True)
    butler.registry.registerCollection(f"c{time.monotonic_ns()}", CollectionType.TAGGED)
    return time.monotonic() - start


# Clients that go away


def test_a_disconnect_stops_a_statement_that_has_given_no_row(repository, tmp_path):
    with running(repository, tmp_path) as server:
        client = send(server, "/query/count", SLOW)
        assert wait_until(lambda: metric(server, "butler_counts_running") == 1)
        time.sleep(0.3)
        assert metric(server, "butler_counts_running") == 1, "the statement is too fast for this test"
        start = time.monotonic()
        client.close()
        assert wait_until(lambda: metric(server, "butler_counts_running") == 0, 5)
        assert time.monotonic() - start < 4
        assert write_something(repository) < 10


def test_a_disconnect_in_the_middle_of_a_stream_frees_the_database(repository, tmp_path):
    with running(repository, tmp_path) as server:
        client = send(server, "/query/execute", LONG, receive_buffer=4096)
        assert client.recv(1000).startswith(b"HTTP/1.1 200")
        assert metric(server, "butler_streams_running") == 1
        client.close()
        assert wait_until(lambda: metric(server, "butler_streams_running") == 0, 5)
        assert write_something(repository) < 10
        assert metric(server, 'butler_queries_ended_total{repository="wide",outcome="cancelled"') == 1


def test_a_client_that_closes_its_side_first_still_gets_a_short_answer(repository, tmp_path):
    with running(repository, tmp_path) as server:
        client = connect(server)
        client.sendall(head("GET", f"{BASE}/dataset_type/none", server.port))
        client.shutdown(socket.SHUT_WR)
        assert everything(client).startswith(b"HTTP/1.1 422")


# Clients that are slow


def test_a_reader_that_stops_is_told_and_the_database_freed(repository, tmp_path):
    with running(repository, tmp_path, timeouts_slow_reader=1) as server:
        client = send(server, "/query/execute", LONG, receive_buffer=4096)
        client.recv(100)
        assert wait_until(lambda: metric(server, "butler_streams_running") == 0, 10)
        assert write_something(repository) < 10
        # When it reads on, it finds out.
        data = everything_until_end(client)
        assert b'"error_type":"query_limit"' in data[-1000:], data[-300:]


def everything_until_end(client):
    data = b""
    while not data.endswith(b"0\r\n\r\n"):
        chunk = client.recv(1 << 20)
        if not chunk:
            break
        data += chunk
    return data


def test_a_reader_that_never_reads_again_is_disconnected(repository, tmp_path):
    with running(repository, tmp_path, timeouts_slow_reader=1, timeouts_stalled_response=2) as server:
        client = send(server, "/query/execute", LONG, receive_buffer=4096)
        client.recv(100)
        assert wait_until(lambda: metric(server, 'http_refused_total{reason="slow_reader"') == 1, 10)
        assert not everything(client).endswith(b"0\r\n\r\n")


def test_a_query_has_a_time_limit_in_a_stream_and_outside(repository, tmp_path):
    with running(repository, tmp_path, timeouts_query=0.5) as server:
        start = time.monotonic()
        status, _, body = server.request(
            "POST", f"{BASE}/query/count", {"Content-Type": "application/json"}, json.dumps(SLOW)
        )
        assert (status, json.loads(body)["error_type"]) == (422, "query_limit")
        assert time.monotonic() - start < 5
        client = send(server, "/query/execute", SLOW)
        data = everything_until_end(client)
        assert b'"error_type":"query_limit"' in data and b"0.5 s" in data


def test_a_result_has_a_row_limit(repository, tmp_path):
    with running(repository, tmp_path, limits_rows=5000) as server:
        status, _, body = server.request(
            "POST", f"{BASE}/query/execute", {"Content-Type": "application/json"}, json.dumps(LONG)
        )
        lines = [json.loads(line) for line in body.splitlines()]
        assert status == 200 and lines[-1]["error"]["error_type"] == "query_limit"
        assert sum(len(line.get("rows", ())) for line in lines) <= 5000


@pytest.mark.parametrize(
    "first, reason",
    [
        (b"GET /", "slow_head"),
        (b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: 1", "slow_head"),
        (head("POST", f"{BASE}/find_dataset", 1, 100) + b"{", "slow_body"),
    ],
)
def test_requests_must_come_in_time(repository, tmp_path, first, reason):
    with running(repository, tmp_path, timeouts_request_head=1, timeouts_request_body=1) as server:
        client = connect(server)
        client.sendall(first)
        start = time.monotonic()
        # A byte now and then does not help.
        for _ in range(15):
            time.sleep(0.1)
            with contextlib.suppress(OSError):
                client.sendall(b"a")
        data = everything(client)
        assert time.monotonic() - start < 5
        assert data == b"" or data.startswith(b"HTTP/1.1 408") and set(json.loads(data.split(b"\r\n\r\n")[1])) == {
            "detail"
        }, data
        assert metric(server, f'http_refused_total{{reason="{reason}"') == 1
        assert server.request("GET", "/healthz")[0] == 200


# Clients that are many


def test_idle_connections_make_room_for_others(repository, tmp_path):
    with running(repository, tmp_path, limits_connections=50) as server:
        idle = [connect(server) for _ in range(400)]
        for _ in range(5):
            assert server.request("GET", f"{BASE}/universe")[0] == 200
        assert metric(server, "http_connections") <= 50
        for client in idle:
            client.close()


def test_thousands_of_idle_connections(repository, tmp_path):
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    count = min(3000, hard - 200)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, count + 100), hard))
    try:
        with running(repository, tmp_path, timeouts_idle=3) as server:
            idle = [connect(server) for _ in range(count)]
            start = time.monotonic()
            assert server.request("GET", f"{BASE}/universe")[0] == 200
            assert time.monotonic() - start < 2
            assert wait_until(lambda: metric(server, "http_connections") < 10, 15)
            for client in idle:
                client.close()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_streams_are_limited_by_user_and_in_all(repository, tmp_path):
    limits = {"limits_streams": 3, "limits_streams_per_user": 2, "limits_waiting": 0, "timeouts_slow_reader": 60}
    with running(repository, tmp_path, **limits) as server:
        held = []

        def start(user):
            client = send(server, "/query/execute", LONG, user, receive_buffer=4096)
            answer = client.recv(2000).decode("latin-1")
            held.append(client)
            return answer

        assert start("ann").startswith("HTTP/1.1 200") and start("ann").startswith("HTTP/1.1 200")
        third = start("ann")
        assert third.startswith("HTTP/1.1 429") and re.search("retry-after: 5\r\n", third, re.I)
        assert start("bob").startswith("HTTP/1.1 200")
        fourth = start("eve")
        assert fourth.startswith("HTTP/1.1 503") and re.search("retry-after: 5\r\n", fourth, re.I)
        # Lookups go on.
        assert server.request("GET", f"{BASE}/universe")[0] == 200
        for client in held:
            client.close()
        assert wait_until(lambda: metric(server, "butler_streams_running") == 0, 10)


def test_oversized_bodies_are_refused(repository, tmp_path):
    with running(repository, tmp_path, limits_body_bytes=1000) as server:
        for announced in (True, False):
            client = connect(server)
            request = head("POST", f"{BASE}/query/count", server.port, 100 << 10 if announced else 0)
            if not announced:
                request = request[:-2] + b"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
            with contextlib.suppress(OSError):
                client.sendall(request)
                for _ in range(100):
                    client.sendall((b"" if announced else b"400\r\n") + b"x" * 1024 + (b"" if announced else b"\r\n"))
                client.sendall(b"" if announced else b"0\r\n\r\n")
            assert client.recv(100).startswith(b"HTTP/1.1 413")
            client.close()


# Stopping


def test_a_stop_under_load_loses_no_response_that_has_begun(repository, tmp_path):
    with running(repository, tmp_path, timeouts_shutdown=90) as server:
        path = f"{BASE}/universe"
        broken, complete, refused = [], [], []
        stopping = threading.Event()

        def client():
            while not stopping.is_set() or time.monotonic() < deadline[0]:
                try:
                    connection = connect(server)
                except OSError:
                    return
                with connection:
                    data = b""
                    try:
                        while True:
                            connection.sendall(head("GET", path, server.port))
                            data = read_response(connection)
                            (complete if data.startswith(b"HTTP/1.1 200") else refused).append(1)
                            if not data.startswith(b"HTTP/1.1 200"):
                                assert data.startswith(b"HTTP/1.1 503"), data[:50]
                                return
                    except Partial as partial:
                        if partial.data:
                            broken.append(partial.data)
                        return
                    except OSError:
                        # Nothing had begun.
                        return

        deadline = [time.monotonic() + 10]
        stream = send(server, "/query/execute", LONG, receive_buffer=4096)
        begin = stream.recv(10)
        threads = [threading.Thread(target=client) for _ in range(16)]
        for thread in threads:
            thread.start()
        time.sleep(1)
        stopping.set()
        server.process.send_signal(signal.SIGTERM)
        time.sleep(0.3)
        assert server.request("GET", "/readyz")[0] == 503
        assert server.request("GET", "/healthz")[0] == 200
        status, headers, _ = server.request("GET", path)
        assert (status, headers["retry-after"]) == (503, "5")
        assert (begin + everything_until_end(stream)).endswith(b"\n\r\n0\r\n\r\n")
        for thread in threads:
            thread.join()
        assert server.process.wait(20) == 0
        assert complete and not broken


class Partial(Exception):
    def __init__(self, data):
        self.data = data


def read_response(client):
    data = b""
    while (end := data.find(b"\r\n\r\n")) < 0:
        if not (chunk := client.recv(1 << 18)):
            raise Partial(data)
        data += chunk
    length = int(re.search(rb"content-length: (\d+)", data[:end], re.I)[1])
    while len(data) < end + 4 + length:
        if not (chunk := client.recv(1 << 18)):
            raise Partial(data)
        data += chunk
    return data


def test_a_stop_does_not_wait_for_ever(repository, tmp_path):
    with running(repository, tmp_path, timeouts_shutdown=1) as server:
        stream = send(server, "/query/execute", LONG, receive_buffer=4096)
        stream.recv(10)
        assert server.stop() < 6
        assert not everything(stream).endswith(b"0\r\n\r\n"), "a stream that was cut short looks complete"


# Operations


def test_metrics_and_readiness(repository, tmp_path):
    with running(repository, tmp_path) as server:
        status, headers, body = server.request("GET", "/readyz")
        assert (status, json.loads(body)) == (200, {"status": "ready"})
        server.request("POST", f"{BASE}/query/execute", {"Content-Type": "application/json"}, json.dumps(LONG))
        assert metric(server, "butler_rows_total") == SIZE * SIZE
        status, headers, body = server.request("GET", "/metrics")
        assert headers["content-type"].startswith("text/plain; version=0.0.4")
        for line in body.decode().splitlines():
            assert line.startswith("#") or re.fullmatch(r'[a-z_]+(\{([a-z]+="[^"]*",?)+\})? [-+0-9.eInfNa]+', line), line
        assert b'http_request_duration_seconds_bucket{route="/api/butler/repo/{repository}/v1/query/execute"' in body


def test_https(repository, tmp_path):
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", certificate, "-days", "2",
         "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"],
        check=True, capture_output=True,
    )
    configuration = tmp_path / "serve.yaml"
    configuration.write_text(f"tls:\n  certificate: {certificate}\n  key: {key}\nlog_level: debug\n")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [PROGRAM, "serve", "--repo", repository, "--port", str(port), "--config", configuration],
        stderr=subprocess.DEVNULL,
    )
    try:
        context = ssl.create_default_context(cafile=certificate)

        def answer():
            with contextlib.suppress(ConnectionError):
                with socket.create_connection(("127.0.0.1", port)) as plain:
                    with context.wrap_socket(plain, server_hostname="127.0.0.1") as client:
                        client.sendall(head("GET", "/healthz", port))
                        return client.recv(1000).startswith(b"HTTP/1.1 200")

        assert wait_until(answer)
        # URLs that the server makes lead back to it in the same way.
        connection = http.client.HTTPSConnection("127.0.0.1", port, context=context, timeout=30)
        connection.request("GET", "/api/butler/repo/wide/v1/universe/")
        redirect = connection.getresponse()
        assert redirect.status == 307 and redirect.headers["Location"] == f"https://127.0.0.1:{port}{BASE}/universe"
        redirect.read()
        connection.request("GET", "/api/butler/repo/wide/v1/universe/", headers={"X-Forwarded-Proto": "http"})
        assert connection.getresponse().headers["Location"].startswith("http://")
    finally:
        process.terminate()
        assert process.wait(20) == 0


@pytest.mark.parametrize(
    "text, said",
    [
        ("limit:\n  streams: 3\n", "did you mean 'limits"),
        ("limits:\n  steams: 3\n", "did you mean 'limits.streams'"),
        ("limits:\n  query: 3\n", "did you mean 'timeouts.query'"),
        ("limits:\n  streams: many\n", "whole number"),
        ("timeouts:\n  idle: -1\n", "seconds"),
        ("tls:\n  key: /x\n", "tls.certificate"),
        ("log_level: loud\n", "log_level"),
    ],
)
def test_mistakes_in_the_file_are_named(repository, tmp_path, text, said):
    configuration = tmp_path / "serve.yaml"
    configuration.write_text(text)
    done = subprocess.run(
        [PROGRAM, "serve", "--repo", repository, "--port", "0", "--config", configuration],
        capture_output=True, timeout=60, text=True,
    )
    assert done.returncode != 0 and said in done.stderr, done.stderr


DATASETS = f"POST {BASE}/datasets HTTP/1.1\r\nContent-Type: application/json\r\n"
NEXT = "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"


@pytest.mark.parametrize(
    "text, status",
    [
        (DATASETS + "Host: a\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 501),
        (DATASETS + "Host: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501),
        (DATASETS + "Host: a\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFF\r\n{}", 400),
        (DATASETS + "Host: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}", 400),
        (DATASETS + "Host: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        (DATASETS + "Host: a\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}", 400),
        (DATASETS + "Host: a\r\nContent-Length: +2\r\n\r\n{}", 400),
        (DATASETS + "Host: a\r\nExpect: miracles\r\nContent-Length: 2\r\n\r\n{}", 417),
        (DATASETS.replace("1.1", "1.0") + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nX: a\rY: b\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n folded\r\n\r\n", 400),
        ("FOO / HTTP/1.1\r\nHost: a\r\n\r\n", 501),
        ("GET / HTTP/1.1\r\nHost: a\r\nX: " + 200_000 * "a" + "\r\n\r\n", 431),
        ("nonsense\r\n\r\n", None),
    ],
)
def test_what_is_no_proper_request_is_refused_and_seen(repository, tmp_path, text, status):
    with running(repository, tmp_path, log_level="info") as server:
        client = connect(server)
        with contextlib.suppress(ConnectionError):
            client.sendall((text + NEXT).encode())
        answer = everything(client)
        head_, _, body = answer.partition(b"\r\n\r\n")
        got = int(head_.split()[1])
        assert got == (status or got) and 400 <= got < 600 and got != 500, answer[:200]
        assert b"content-type: application/json" in head_.lower() and b"connection: close" in head_.lower()
        assert set(json.loads(body)) == {"detail"}, "one answer, and nothing after it"
        assert metric(server, 'http_refused_total{reason="malformed"}') == 1
        log = server.log.read_text()
        assert "request refused" in log and " error" not in log.lower().replace("parsererror", ""), log


def test_a_malformed_request_behind_a_good_one_is_answered_in_its_turn(repository, tmp_path):
    with running(repository, tmp_path) as server:
        client = connect(server)
        client.sendall((NEXT + "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n" + NEXT).encode())
        answer = everything(client)
        statuses = [int(line.split()[1]) for line in answer.split(b"\r\n") if line.startswith(b"HTTP/1.1 ")]
        assert statuses == [200, 400] or statuses == [200], answer
        assert answer.count(b"HTTP/1.1 2") == 1


def test_a_client_that_waits_is_told_to_go_on(repository, tmp_path):
    with running(repository, tmp_path) as server:
        body = b'{"dataset_ids": []}'
        wait = f"Host: a\r\nExpect: 100-continue\r\nContent-Length: {len(body)}\r\n\r\n"
        client = connect(server)
        for _ in range(2):
            client.sendall((DATASETS + wait).encode())
            assert client.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
            client.sendall(body)
            assert client.recv(1000).startswith(b"HTTP/1.1 200")
        # Nobody is told to send what will not be read.
        client.sendall(DATASETS.replace("/datasets", "/nothing").encode() + wait.encode())
        assert client.recv(1000).startswith(b"HTTP/1.1 404")
        large = connect(server)
        large.sendall((DATASETS + "Host: a\r\nExpect: 100-continue\r\nContent-Length: 10000000000\r\n\r\n").encode())
        assert large.recv(1000).startswith(b"HTTP/1.1 413")


def test_clients_of_http_1_0_get_what_they_understand(repository, tmp_path):
    with running(repository, tmp_path) as server:
        body = json.dumps(query(["detector"]))
        for request in [
            f"GET {BASE}/universe HTTP/1.0\r\n\r\n",
            f"POST {BASE}/query/execute HTTP/1.0\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n{body}",
        ]:
            client = connect(server)
            client.sendall(request.encode())
            head_, _, content = everything(client).partition(b"\r\n\r\n")
            assert head_.startswith(b"HTTP/1.0 200") and b"transfer-encoding" not in head_.lower()
            for line in content.splitlines():
                assert json.loads(line)

