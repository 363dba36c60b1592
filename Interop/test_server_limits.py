"""Hostile, slow and vanishing clients of `steward serve`."""

import contextlib
import json
import re
import socket
import time

import pytest

pytest.importorskip("lsst.daf.butler")
pytest.importorskip("httpx2", reason="needs lsst-daf-butler[remote]")
from bare_clients import (  # noqa: E402, F401
    BASE, LONG, SLOW, connect, everything, everything_until_end, head, metric, repository, running, send,
    wait_until, write_something,
)
from serving import needs_program  # noqa: E402

pytestmark = needs_program


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
