"""The stop of `steward serve` under load, its metrics, its settings, and requests that are not proper ones."""

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

pytest.importorskip("lsst.daf.butler")
pytest.importorskip("httpx2", reason="needs lsst-daf-butler[remote]")
from bare_clients import (  # noqa: E402, F401
    BASE, LONG, SIZE, connect, everything, everything_until_end, head, metric, query, repository, running, send,
    wait_until,
)
from serving import PROGRAM, needs_program  # noqa: E402

pytestmark = needs_program


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
