"""Repositories whose files the Python software has put into S3 and WebDAV services are read."""

import contextlib
import http.server
import json
import os
import pathlib
import subprocess
import threading
import urllib.parse

import pytest
from transfer_daemon import KEY, SECRET, Store, free_port, tool, wait_for_port

pytestmark = pytest.mark.skipif("STEWARD_BIN" not in os.environ, reason="needs STEWARD_BIN")

VALUES = [{"number": number, "text": "é" * number} for number in range(4)]


def environment(store):
    return {"S3_ENDPOINT_URL": store.address, "AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_DEFAULT_REGION": "us-east-1"}


@pytest.fixture
def s3(tmp_path, monkeypatch):
    pytest.importorskip("boto3")
    from lsst.resources.s3utils import _get_s3_client

    store = Store("moto", tmp_path / "s3")
    for name, value in environment(store).items():
        monkeypatch.setenv(name, value)
    _get_s3_client.cache_clear()
    store.client().create_bucket(Bucket="bucket")
    yield store
    store.stop()
    _get_s3_client.cache_clear()


@pytest.fixture
def webdav(tmp_path):
    (tmp_path / "dav").mkdir()
    port = free_port()
    process = subprocess.Popen([tool("wsgidav"), "--host", "127.0.0.1", "--port", str(port), "--root",
                                str(tmp_path / "dav"), "--auth", "anonymous", "--no-config"],
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_for_port(port, process)
    yield f"dav://127.0.0.1:{port}"
    process.terminate()
    process.wait()


def make_repository(folder, root):
    """A repository with a dataset for each of the values, in files below `root`."""
    daf_butler = pytest.importorskip("lsst.daf.butler")
    config = daf_butler.Config()
    config["datastore", "root"] = root
    daf_butler.Butler.makeRepo(str(folder), config=config, forceConfigRoot=False)
    butler = daf_butler.Butler.from_config(str(folder), run="run", writeable=True)
    butler.registry.insertDimensionData("instrument", {"name": "Cam", "detector_max": 10, "class_name": "x.Cam"})
    for number in range(len(VALUES)):
        butler.registry.insertDimensionData("detector", {"instrument": "Cam", "id": number, "full_name": str(number)})
    type = daf_butler.DatasetType("notes", {"detector"}, "StructuredDataDict", universe=butler.dimensions)
    butler.registry.registerDatasetType(type)
    return butler, type


def retrieve(repository, folder):
    """What `steward butler retrieve-artifacts` brings, by detector."""
    folder.mkdir()
    done = subprocess.run([os.environ["STEWARD_BIN"], "butler", "retrieve-artifacts", str(repository), str(folder),
                           "--collections", "*"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    yaml = pytest.importorskip("yaml")
    found = [yaml.safe_load(path.read_text()) for path in pathlib.Path(folder).rglob("*.*")
             if path.suffix in (".json", ".yaml") and not path.name.startswith("_")]
    return sorted(found, key=lambda value: value["number"])


def test_files_in_a_bucket(s3, tmp_path):
    butler, type = make_repository(tmp_path / "repo", "s3://bucket/some folder/")
    from lsst.daf.butler import DatasetRef, FileDataset

    for number in (0, 1, 2):
        butler.put(VALUES[number], type, instrument="Cam", detector=number)
    # One that was left where it was.
    s3.client().put_object(Bucket="bucket", Key="elsewhere/x.json", Body=json.dumps(VALUES[3]).encode())
    ref = DatasetRef(type, butler.registry.expandDataId(instrument="Cam", detector=3), run="run")
    butler.ingest(FileDataset("s3://bucket/elsewhere/x.json", [ref],
                              formatter="lsst.daf.butler.formatters.json.JsonFormatter"), transfer="direct")
    assert retrieve(tmp_path / "repo", tmp_path / "out") == VALUES


def ingest_directly(butler, type, locations):
    from lsst.daf.butler import DatasetRef, FileDataset

    for number, location in enumerate(locations):
        ref = DatasetRef(type, butler.registry.expandDataId(instrument="Cam", detector=number), run="run")
        butler.ingest(FileDataset(location, [ref], formatter="lsst.daf.butler.formatters.json.JsonFormatter"),
                      transfer="direct")
        assert butler.get(ref) == VALUES[number]


def check(repository):
    return subprocess.run([os.environ["STEWARD_BIN"], "butler", "check", str(repository), "--checksums"],
                          capture_output=True, text=True)


def test_every_character_of_a_key_counts(s3, tmp_path):
    """`a//b` and `a/b` are two objects, as for Python, and `./` is part of a key."""
    butler, type = make_repository(tmp_path / "repo", "s3://bucket/some//./folder/")
    keys = ["d//x.json", "d/w.json", "p/./y.json", "z//lead.json"]
    for key, value in zip(keys, VALUES):
        s3.client().put_object(Bucket="bucket", Key=key, Body=json.dumps(value).encode())
        # Another of the same size under the resolved name.
        if (plain := key.replace("//", "/").replace("/./", "/")) != key:
            other = json.dumps(value | {"number": 9}).encode()
            s3.client().put_object(Bucket="bucket", Key=plain, Body=other)
    ingest_directly(butler, type, [f"s3://bucket/{key}" for key in keys])
    assert retrieve(tmp_path / "repo", tmp_path / "out") == VALUES
    done = check(tmp_path / "repo")
    assert done.returncode == 0, done.stderr + done.stdout


def test_roots_with_repeated_slashes(s3, tmp_path):
    """Below a root Python resolves them."""
    butler, type = make_repository(tmp_path / "repo", "s3://bucket/some//./folder/")
    for number, value in enumerate(VALUES):
        butler.put(value, type, instrument="Cam", detector=number)
    assert retrieve(tmp_path / "repo", tmp_path / "out") == VALUES


@contextlib.contextmanager
def web_server(asked):
    """Answers `/file?number=N` with a value, and leads from elsewhere to there in several steps."""

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *arguments):
            asked.append((self.command, self.path))

        def answer(self, status, body=b"", **headers):
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def do_GET(self):
            address = urllib.parse.urlsplit(self.path)
            number = dict(urllib.parse.parse_qsl(address.query)).get("number")
            if address.path == "/door/first.json":
                self.answer(302, Location="/door/second.json")
            elif address.path == "/door/second.json":
                self.answer(307, Location="../deep/third.json?number=2")
            elif address.path in ("/files/f.json", "/files/g.json", "/deep/third.json", "/deep//third.json") and number:
                self.answer(200, json.dumps(VALUES[int(number)]).encode())
            else:
                self.answer(404)

        do_HEAD = do_GET

        def do_OPTIONS(self):
            self.answer(200)

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()


def test_addresses_with_queries_and_redirections(s3, tmp_path):
    asked = []
    with web_server(asked) as address:
        butler, type = make_repository(tmp_path / "repo", "s3://bucket/folder/")
        ingest_directly(butler, type, [f"{address}/files/f.json?download=1&number=0", f"{address}/files/g.json?number=1",
                                       f"{address}/door/first.json", f"{address}/deep//third.json?number=3"])
        asked.clear()
        assert retrieve(tmp_path / "repo", tmp_path / "out") == VALUES
        assert ("GET", "/files/f.json?download=1&number=0") in asked
        done = check(tmp_path / "repo")
        assert done.returncode == 0, done.stderr + done.stdout


def test_files_on_a_webdav_server(webdav, tmp_path):
    butler, type = make_repository(tmp_path / "repo", f"{webdav}/some/")
    for number, value in enumerate(VALUES):
        butler.put(value, type, instrument="Cam", detector=number)
    assert retrieve(tmp_path / "repo", tmp_path / "out") == VALUES
