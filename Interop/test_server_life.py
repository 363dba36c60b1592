"""The service `steward serve`: logs, settings, many clients, and how it stops."""

import http.client
import json
import os
import socket
import sqlite3
import subprocess
import threading
import time
import uuid
from pathlib import Path

import pytest
from serving import (  # noqa: F401
    CAMERA,
    PROGRAM,
    Server,
    butler,
    direct,
    ids,
    ids_ref,
    needs_program,
    own_server,
    repository,
    server,
    url,
)

from lsst.daf.butler import Butler, CollectionType

pytestmark = needs_program


def test_nothing_outside_the_records_is_served(server, ids):
    base = f"/api/butler/repo/toy/v1/file/{ids['notes', 0]}/"
    for name in ("../../../../../../../../etc/passwd", "..%2f..%2fbutler.yaml", "butler.yaml", "%2e%2e/butler.yaml"):
        assert server.request("GET", base + name)[0] == 404


def test_new_datasets_are_visible_at_once(butler, repository):
    writer = Butler.from_config(str(repository[0]), writeable=True, run="toy/later")
    ref = writer.put({"a": 1}, "notes", instrument=CAMERA, detector=3)
    assert butler.get_dataset(ref.id) == ref
    assert butler.find_dataset("notes", instrument=CAMERA, detector=3, collections=["toy/later"]) == ref
    writer.removeRuns(["toy/later"])
    assert butler.get_dataset(ref.id) is None


def test_names_are_answered_while_another_process_holds_the_file(butler, repository):
    before = butler.get_dataset_type("notes")
    count = len(butler.collections.query_info("*"))
    with sqlite3.connect(repository[0] / "gen3.sqlite3", isolation_level=None) as holder:
        # Who waited for this lock would do so until the client gives up.
        holder.execute("BEGIN EXCLUSIVE")
        assert butler.get_dataset_type("notes") == before
        assert len(butler.collections.query_info("*")) == count
        holder.execute("ROLLBACK")
    writer = Butler.from_config(str(repository[0]), writeable=True)
    writer.collections.register("toy/named", CollectionType.TAGGED)
    assert len(butler.collections.query_info("*")) == count + 1
    writer.collections.x_remove("toy/named")
    assert len(butler.collections.query_info("*")) == count


def test_requests_are_logged_as_json(server, butler, ids):
    butler.get_dataset(ids["notes", 0])
    lines = [json.loads(line) for line in server.log.read_text().splitlines() if line.startswith("{")]
    entry = [e for e in lines if e["message"] == "request" and e["path"].endswith(str(ids["notes", 0]))][-1]
    assert entry["status"] == 200 and entry["bytes"] > 0 and entry["duration_ms"] >= 0
    assert uuid.UUID(entry["client_request_id"])


def test_many_clients_at_once(url, ids, monkeypatch):
    monkeypatch.setenv("BUTLER_RUBIN_ACCESS_TOKEN", "local")
    failures = []

    def work():
        try:
            butler = Butler.from_config(url)
            for _ in range(5):
                assert butler.get(butler.get_dataset(ids["bias", 1]))["detector"] == 1
        except Exception as error:  # noqa: BLE001
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures


def test_a_port_in_use_is_one_clear_line(server, repository):
    run = subprocess.run(
        [PROGRAM, "serve", "--repo", str(repository[0]), "--port", str(server.port)],
        capture_output=True, text=True, timeout=30,
    )
    assert run.returncode != 0
    assert [line for line in run.stderr.splitlines() if f"Port {server.port}" in line]
    assert "Traceback" not in run.stderr


def test_idle_connections_do_not_delay_the_stop(own_server):
    idle = http.client.HTTPConnection("127.0.0.1", own_server.port)
    idle.request("GET", "/")
    idle.getresponse().read()
    half = socket.create_connection(("127.0.0.1", own_server.port))
    half.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n")
    assert own_server.stop() < 10
    assert own_server.process.returncode == 0
    idle.close()
    half.close()


def until_refused(port: int) -> http.client.HTTPResponse:
    """The first response with status 503, which must come soon after the stop was asked for."""
    for _ in range(100):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
        connection.request("GET", "/")
        response = connection.getresponse()
        response.read()
        connection.close()
        if response.status == 503:
            return response
        time.sleep(0.05)
    raise AssertionError("the server goes on answering")


def test_a_response_that_has_begun_is_finished(own_server, repository, ids):
    big = repository[0] / "big.bin"
    big.write_bytes(bytes(64 << 20))
    file = Path(Butler.from_config(str(repository[0])).getURI(ids_ref(repository, ids["bias", 2])).ospath)
    original = file.read_bytes()
    try:
        os.replace(big, file)
        path = f"/api/butler/repo/toy/v1/dataset/{ids['bias', 2]}/download"
        client = socket.create_connection(("127.0.0.1", own_server.port))
        client.settimeout(20)
        client.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        received = len(client.recv(1000))
        stopper = threading.Thread(target=own_server.stop)
        stopper.start()
        assert until_refused(own_server.port).getheader("Retry-After") == "5"
        while data := client.recv(1 << 20):
            received += len(data)
        assert received > 64 << 20
        stopper.join()
        assert own_server.process.returncode == 0
    finally:
        file.write_bytes(original)


def test_a_client_that_does_not_read_cannot_hold_up_the_stop(own_server, repository, ids):
    file = Path(Butler.from_config(str(repository[0])).getURI(ids_ref(repository, ids["bias", 2])).ospath)
    original = file.read_bytes()
    try:
        file.write_bytes(bytes(64 << 20))
        client = socket.create_connection(("127.0.0.1", own_server.port))
        path = f"/api/butler/repo/toy/v1/dataset/{ids['bias', 2]}/download"
        client.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        client.recv(1000)
        assert own_server.stop() < 10
    finally:
        file.write_bytes(original)


def test_the_environment_of_the_python_server_is_understood(repository, tmp_path):
    server = Server(
        log=tmp_path / "server.log",
        environment={
            "DAF_BUTLER_SERVER_REPOSITORIES": json.dumps(
                {"toy": {"config_uri": f"{repository[0]}/butler.yaml", "authorized_groups": ["*"]}}
            ),
            "DAF_BUTLER_SERVER_GAFAELFAWR_URL": "http://127.0.0.1:9/auth",
            "DAF_BUTLER_SERVER_AUTHENTICATION": "rubin_science_platform",
        },
    )
    try:
        path = "/api/butler/repo/toy/v1/universe"
        assert server.request("GET", path)[0] == 403
        assert server.request("GET", path, {"X-Auth-Request-User": "a", "X-Auth-Request-Token": "t"})[0] == 200
    finally:
        server.stop()


def test_an_unknown_label_is_not_found(server):
    status, _, body = server.request("GET", "/api/butler/repo/nope/v1/universe")
    assert status == 404 and json.loads(body) == {"detail": "Unknown repository 'nope'"}


@pytest.mark.parametrize(
    "environment, culprit",
    [
        ({"DAF_BUTLER_SERVER_STATIC_FILES_PATH": "/nonexistent"}, "/nonexistent"),
        ({"DAF_BUTLER_SERVER_GAFAELFAWR_URL": "auth"}, "DAF_BUTLER_SERVER_GAFAELFAWR_URL"),
        ({"DAF_BUTLER_SERVER_AUTHENTICATION": "none"}, "DAF_BUTLER_SERVER_AUTHENTICATION"),
        ({"STEWARD_SIGNED_URL_SECRET_FILE": "/nonexistent"}, "/nonexistent"),
        ({"STEWARD_SIGNED_URL_LIFETIME": "a week"}, "STEWARD_SIGNED_URL_LIFETIME"),
    ],
)
def test_a_bad_setting_is_one_clear_line(repository, environment, culprit):
    run = subprocess.run(
        [PROGRAM, "serve", "--repo", str(repository[0]), "--port", "0"],
        env=os.environ | environment, capture_output=True, text=True, timeout=30,
    )
    assert run.returncode != 0
    assert len([line for line in run.stderr.splitlines() if culprit in line]) == 1


def test_a_file_holds_the_settings(repository, tmp_path):
    settings = tmp_path / "serve.yaml"
    settings.write_text(
        f"log_format: json\nrepositories:\n  toy: {{config_uri: {repository[0]}, authorized_groups: [g_few]}}\n"
        "gafaelfawr_url: http://127.0.0.1:9/auth\n"
    )
    server = Server("--config", str(settings), log=tmp_path / "server.log")
    try:
        path = "/api/butler/repo/toy/v1/universe"
        assert server.request("GET", path)[0] == 403
        headers = {"X-Auth-Request-User": "a", "X-Auth-Request-Token": "t"}
        status, answer, body = server.request("GET", path, headers)
        assert (status, answer["retry-after"]) == (503, "5") and b"127.0.0.1" not in body
        assert "group look-up failed" in server.log.read_text()
    finally:
        server.stop()
