"""A server with a repository that makes results as long, and statements as slow, as a test needs, and bare clients of it."""

import contextlib
import json
import socket
import time

import pytest
from lsst.daf.butler import Butler, CollectionType
from serving import CAMERA, Server

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


def everything_until_end(client):
    data = b""
    while not data.endswith(b"0\r\n\r\n"):
        chunk = client.recv(1 << 20)
        if not chunk:
            break
        data += chunk
    return data
