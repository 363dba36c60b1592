"""Files through `steward serve`: with the Python RemoteButler, and with plain HTTP tools."""

import http.server
import json
import re
import shutil
import threading
import time
import urllib.parse
import urllib.request
from unittest.mock import patch

import pytest
from serving import (  # noqa: F401
    CAMERA,
    RUN,
    Server,
    butler,
    direct,
    ids,
    needs_program,
    repository,
    server,
    url,
)

from lsst.daf.butler import Butler, DatasetExistence

pytestmark = needs_program


@pytest.mark.parametrize("name", ["settings", "notes", "bias"])
def test_get(butler, direct, ids, name):
    for detector in range(2):
        ref = butler.get_dataset(ids[name, detector])
        assert butler.get(ref) == {"name": name, "detector": detector, "text": "é" * detector}
        assert butler.get(name, instrument=CAMERA, detector=detector, collections=[RUN]) == direct.get(ref)


def test_uris_and_existence(butler, ids):
    ref = butler.get_dataset(ids["notes", 0])
    uri = butler.getURI(ref)
    assert uri.scheme == "http" and uri.getExtension() == ".yaml"
    assert uri.exists() and uri.size() == len(uri.read())
    with uri.open("rb") as stream:
        stream.seek(2)
        assert stream.read(4) == uri.read()[2:6]
    assert butler.exists(ref) == DatasetExistence.VERIFIED
    assert butler.exists(ref, full_check=False) == DatasetExistence.KNOWN
    assert butler.exists("notes", instrument=CAMERA, detector=0, collections=[RUN]) == DatasetExistence.VERIFIED
    gone = butler.get_dataset(ids["notes", 2])
    assert butler.exists(gone) == DatasetExistence.RECORDED | DatasetExistence.DATASTORE
    assert butler.exists("notes", instrument=CAMERA, detector=3, collections=[RUN]) == DatasetExistence.UNRECOGNIZED
    with pytest.raises(FileNotFoundError):
        butler.get(gone)


def test_zip_members(butler, ids):
    uri = butler.getURI(butler.get_dataset(ids["settings", 0]))
    assert uri.getExtension() == ".zip" and uri.unquoted_fragment.startswith("zip-path=")
    assert butler.exists(butler.get_dataset(ids["settings", 0])) == DatasetExistence.VERIFIED


def test_retrieve_artifacts(butler, direct, ids, tmp_path):
    refs = [butler.get_dataset(ids[name, 1]) for name in ("settings", "notes", "bias")]
    for folder in ("files", "zip"):
        (tmp_path / folder).mkdir()
    paths = butler.retrieveArtifacts(refs, str(tmp_path / "files"))
    assert len(paths) == 3
    for name in ("notes", "bias"):
        mine = [p for p in paths if f"{name}_" in p.basename()]
        assert mine[0].read() == direct.getURI(direct.get_dataset(ids[name, 1])).read()
    archive = butler.retrieve_artifacts_zip(refs, str(tmp_path / "zip"))
    assert archive.size() > 0


def test_transfer_to_another_repository(butler, ids, tmp_path):
    target_root = tmp_path / "target"
    Butler.makeRepo(str(target_root))
    target = Butler.from_config(str(target_root), writeable=True)
    refs = [butler.get_dataset(ids[name, 1], dimension_records=True) for name in ("notes", "settings")]
    for element in ("instrument", "detector"):
        target.registry.insertDimensionData(element, refs[0].dataId.records[element])
    moved = target.transfer_from(butler, refs, transfer="copy", register_dataset_types=True, transfer_dimensions=False)
    assert len(moved) == 2
    assert target.get(target.get_dataset(ids["notes", 1]))["name"] == "notes"


def test_ranges_and_validators_on_the_wire(server, butler, ids):
    path = urllib.parse.urlsplit(butler.getURI(butler.get_dataset(ids["notes", 0])).geturl()).path
    status, headers, whole = server.request("GET", path)
    assert status == 200 and headers["accept-ranges"] == "bytes"
    assert server.request("HEAD", path)[1]["content-length"] == str(len(whole))
    status, part_headers, part = server.request("GET", path, {"Range": "bytes=2-5"})
    assert (status, part) == (206, whole[2:6])
    assert part_headers["content-range"] == f"bytes 2-5/{len(whole)}"
    assert server.request("GET", path, {"If-None-Match": headers["etag"]})[0] == 304
    assert server.request("GET", path, {"Range": "bytes=100000-"})[0] == 416


# Signed URLs


INGRESS = {
    "DAF_BUTLER_SERVER_GAFAELFAWR_URL": "http://127.0.0.1:9/auth",
    "DAF_BUTLER_SERVER_AUTHENTICATION": "rubin_science_platform",
}
IDENTITY = {"X-Auth-Request-User": "alice", "X-Auth-Request-Token": "token"}


def file_info(server, dataset):
    status, _, body = server.request("GET", f"/api/butler/repo/toy/v1/get_file/{dataset}", IDENTITY)
    assert status == 200, body
    return json.loads(body)["artifact"]["file_info"]


def test_a_plain_http_tool_reads_a_signed_url_without_a_token(repository, ids, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("0123456789abcdef\n")
    environment = INGRESS | {
        "STEWARD_SIGNED_URL_SECRET_FILE": str(secret), "STEWARD_SIGNED_URL_LIFETIME": "1000",
    }
    first = Server("--repo", str(repository[0]), log=tmp_path / "first.log", environment=environment)
    try:
        (info,) = file_info(first, ids["notes", 0])
        signed = info["url"]
        assert "Signature=" in signed and abs(int(re.search(r"Expires=(\d+)", signed)[1]) - time.time() - 1000) < 60
        with urllib.request.urlopen(signed) as response:
            content = response.read()
        assert b"notes" in content
        path = signed[signed.index("/api/") :]
        assert first.request("HEAD", path)[1]["content-length"] == str(len(content))
        assert first.request("GET", path, {"Range": "bytes=1-3"})[2] == content[1:4]
        assert first.request("GET", path.replace("Signature=", "Signature=0"))[0] == 403
        assert first.request("GET", path.split("?")[0])[0] == 403
        assert first.request("GET", path.replace("Expires=1", "Expires=2"))[0] == 403
    finally:
        first.stop()
    # A server with the same secret honours it; one with a secret of its own does not.
    for more, expected in (({}, 200), ({"STEWARD_SIGNED_URL_SECRET_FILE": ""}, 403)):
        other = Server(
            "--repo", str(repository[0]), log=tmp_path / "other.log", environment=environment | more
        )
        try:
            assert other.request("GET", path)[0] == expected
        finally:
            other.stop()


def test_files_in_buckets_get_the_urls_that_the_python_library_makes(repository, ids, tmp_path, monkeypatch):
    pytest.importorskip("boto3")
    from lsst.resources import ResourcePath
    from lsst.resources.s3utils import _get_s3_client

    root = tmp_path / "toy"
    shutil.copytree(repository[0], root)
    configuration = root / "butler.yaml"
    text = configuration.read_text().replace("root: <butlerRoot>", "root: s3://store@bucket/some dir")
    assert "s3://" in text
    configuration.write_text(text)
    storage = {
        "S3_ENDPOINT_URL": "https://s3.example:9000", "AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret",
        "LSST_RESOURCES_S3_PROFILE_store": "https://store%2Fkey:store+secret@store.example/base",
    }
    for name, value in storage.items():
        monkeypatch.setenv(name, value)
    _get_s3_client.cache_clear()
    server = Server("--repo", str(root), log=tmp_path / "server.log", environment=INGRESS | storage)
    try:
        for key in (("notes", 0), ("settings", 1)):
            (info,) = file_info(server, ids[key])
            expires = int(re.search(r"Expires=(\d+)", info["url"])[1])
            assert abs(expires - time.time() - 3600) < 60 and info["auth"] == "none"
            recorded = ResourcePath("s3://store@bucket/some dir/").join(info["datastoreRecords"]["path"])
            with patch("time.time", return_value=expires - 3600):
                expected = recorded.generate_presigned_get_url(expiration_time_seconds=3600)
            url, _, fragment = info["url"].partition("#")
            wanted, _, wanted_fragment = expected.partition("#")
            assert urllib.parse.urlsplit(url)[:3] == urllib.parse.urlsplit(wanted)[:3]
            query = [dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(u).query)) for u in (url, wanted)]
            assert query[0] == query[1]
            assert (fragment != "") == (key[0] == "settings")
            path = f"/api/butler/repo/toy/v1/dataset/{ids[key]}/download"
            status, headers, _ = server.request("GET", path, IDENTITY)
            assert status == 307 and headers["location"].startswith(url.split("?")[0])
    finally:
        server.stop()
        _get_s3_client.cache_clear()


def test_keys_that_are_handed_out_sign_too(repository, ids, tmp_path):
    """As in a container, where a server runs: the service that hands out keys is asked once."""
    asked = []

    class Keys(http.server.BaseHTTPRequestHandler):
        def log_message(self, *arguments):
            asked.append(arguments)

        def do_GET(self):
            end = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 7200))
            body = json.dumps({"AccessKeyId": "AK", "SecretAccessKey": "SK", "Token": "TOKEN", "Expiration": end}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    service = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Keys)
    threading.Thread(target=service.serve_forever, daemon=True).start()
    root = tmp_path / "toy"
    shutil.copytree(repository[0], root)
    configuration = root / "butler.yaml"
    configuration.write_text(configuration.read_text().replace("root: <butlerRoot>", "root: s3://bucket/dir"))
    storage = {
        "S3_ENDPOINT_URL": "https://s3.example:9000",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"http://127.0.0.1:{service.server_port}/keys",
        "AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "HOME": str(tmp_path),
    }
    server = Server("--repo", str(root), log=tmp_path / "server.log", environment=INGRESS | storage)
    try:
        for number in range(3):
            (info,) = file_info(server, ids[("notes", 0)])
            assert info["url"].startswith("https://s3.example:9000/bucket/dir/")
            assert "AWSAccessKeyId=AK&" in info["url"] and "x-amz-security-token=TOKEN" in info["url"]
        assert len(asked) == 1
    finally:
        server.stop()
        service.shutdown()


def test_static_files(repository, tmp_path):
    folder = tmp_path / "static"
    folder.mkdir()
    (folder / "index.yaml").write_text("toy: http://localhost/\n")
    server = Server(
        "--repo", str(repository[0]), log=tmp_path / "server.log",
        environment={"DAF_BUTLER_SERVER_STATIC_FILES_PATH": str(folder)},
    )
    try:
        status, headers, body = server.request("GET", "/api/butler/configs/index.yaml")
        assert (status, body) == (200, b"toy: http://localhost/\n")
        assert server.request("HEAD", "/api/butler/configs/index.yaml")[1]["content-length"] == str(len(body))
        for path in ("../toy/butler.yaml", "%2e%2e/toy/butler.yaml", "..%2ftoy%2fbutler.yaml", "nope", ""):
            assert server.request("GET", "/api/butler/configs/" + path)[0] == 404
    finally:
        server.stop()
