"""The cache of distant files, in front of a real storage service."""

import concurrent.futures
import json
import os
import random
import subprocess
import time
import urllib.error
import urllib.request

import pytest
from transfer_daemon import KEY, SECRET, Store

pytestmark = pytest.mark.skipif("STEWARD_BIN" not in os.environ, reason="needs STEWARD_BIN")


@pytest.fixture
def store(tmp_path):
    store = Store("rclone", tmp_path / "store")
    yield store
    store.stop()


def wait_for(condition, seconds=30):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.05)


@pytest.fixture
def cache(store, tmp_path):
    process = subprocess.Popen(
        [os.environ["STEWARD_BIN"], "cache", "serve", "--origin", "s3://bucket/far away", "--folder",
         str(tmp_path / "copies"), "--port", "0", "--validity", "0"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        text=True, env=os.environ | {"S3_ENDPOINT_URL": store.address, "AWS_ACCESS_KEY_ID": KEY,
                                     "AWS_SECRET_ACCESS_KEY": SECRET})
    port = int(process.stdout.readline().split()[-1])
    yield f"http://127.0.0.1:{port}"
    process.terminate()
    assert process.wait(timeout=30) == 0


def get(url, method="GET", **headers):
    try:
        with urllib.request.urlopen(urllib.request.Request(url, method=method, headers=headers), timeout=60) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read()


def test_files_are_served_from_near_copies(store, cache, tmp_path):
    content = random.Random(5).randbytes(5_000_001)
    file = store.folder / "bucket/far away/run 1/é.fits"
    file.parent.mkdir(parents=True)
    file.write_bytes(content)
    url = cache + "/run%201/%C3%A9.fits"
    status, headers, body = get(url)
    assert (status, body) == (200, content) and headers["accept-ranges"] == "bytes"
    assert get(url, Range="bytes=10-19")[::2] == (206, content[10:20])
    assert get(url, Range="bytes=-5")[2] == content[-5:]
    assert get(url, **{"If-None-Match": headers["etag"]})[0] == 304
    status, head, body = get(url, method="HEAD")
    assert (status, head["content-length"], body) == (200, "5000001", b"")
    assert get(cache + "/none")[0] == 404 and get(cache + "/..%2fx")[0] == 404
    # The copy is kept when its readers have been served.
    wait_for(lambda: "cache_fetched_bytes 5000001\n" in get(cache + "/-/metrics")[2].decode())
    assert len(list((tmp_path / "copies").glob("*.copy"))) == 1
    metrics = get(cache + "/-/metrics")[2].decode()
    assert "cache_misses 1\n" in metrics and "cache_fetched_bytes 5000001\n" in metrics
    # Another version has another tag.
    store.client().put_object(Bucket="bucket", Key="far away/run 1/é.fits", Body=content[:1000])
    status, other, body = get(url)
    assert (status, body) == (200, content[:1000]) and other["etag"] != headers["etag"]


def test_a_distant_store_that_is_away_is_named(store, cache):
    store.process.kill()
    store.process.wait()
    status, headers, _ = get(cache + "/x")
    assert status == 503 and headers["retry-after"] == "5"


# MARK: Nearby stores, signatures, Butler servers


class Cache:
    """`steward cache serve` in front of a distant folder."""

    def __init__(self, store, folder, *options):
        self.folder = folder
        self.process = subprocess.Popen(
            [os.environ["STEWARD_BIN"], "cache", "serve", "--origin", "s3://bucket/far away", "--folder", str(folder),
             "--port", "0", "--validity", "0", *map(str, options)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            text=True, env=os.environ | {"S3_ENDPOINT_URL": store.address, "AWS_ACCESS_KEY_ID": KEY,
                                         "AWS_SECRET_ACCESS_KEY": SECRET})
        self.address = f"http://127.0.0.1:{self.process.stdout.readline().split()[-1]}/"

    def counter(self, name):
        text = get(self.address + "-/metrics")[2].decode()
        return next(float(line.split()[1]) for line in text.splitlines() if line.startswith(f"cache_{name} "))

    def stop(self):
        self.process.terminate()
        assert self.process.wait(timeout=30) == 0


def wait_until(condition):
    end = time.monotonic() + 30
    while not condition() and time.monotonic() < end:
        time.sleep(0.05)
    assert condition()


def test_copies_are_kept_in_a_nearby_bucket(store, tmp_path):
    (store.folder / "near").mkdir()
    content = random.Random(6).randbytes(3_000_001)
    for number in range(3):
        file = store.folder / f"bucket/far away/{number}.fits"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content[number:])
    cache = Cache(store, tmp_path / "way", "--near", "s3://near/copies/", "--size", "0.0065")
    copies = lambda: list((store.folder / "near/copies").glob("*.copy"))  # noqa: E731
    for number in range(2):
        assert get(cache.address + f"{number}.fits")[2] == content[number:]
    wait_until(lambda: len(copies()) == 2)
    assert list((tmp_path / "way").iterdir()) == []
    assert get(cache.address + "0.fits", Range="bytes=5-9")[2] == content[5:10]
    assert cache.counter("hits") == 1 and cache.counter("misses") == 2
    # The one that was used least recently makes room.
    assert get(cache.address + "2.fits")[2] == content[2:]
    wait_until(lambda: len(copies()) == 2 and cache.counter("evicted") == 1)
    assert get(cache.address + "0.fits")[2] == content and cache.counter("hits") == 2
    cache.stop()
    # Another process finds them.
    cache = Cache(store, tmp_path / "way", "--near", "s3://near/copies/")
    assert get(cache.address + "0.fits")[2] == content and cache.counter("hits") == 1
    cache.stop()


def the_copy(folder):
    """The only copy; it gets its name when the last byte has been served, which may be a moment later."""
    for _ in range(300):
        if copies := list(folder.glob("*.copy")):
            return copies[0]
        time.sleep(0.1)
    raise AssertionError("there is no copy")


def test_a_copy_that_the_disk_has_spoilt_is_fetched_anew(store, tmp_path):
    file = store.folder / "bucket/far away/x.fits"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"0123456789" * 1000)
    cache = Cache(store, tmp_path / "copies")
    assert get(cache.address + "x.fits")[2] == file.read_bytes()
    copy = the_copy(tmp_path / "copies")
    cache.stop()
    copy.write_bytes(b"9" * 10_000)
    cache = Cache(store, tmp_path / "copies")
    assert get(cache.address + "x.fits")[2] == file.read_bytes() and cache.counter("misses") == 1
    cache.stop()


def test_many_readers_share_a_fetch(store, tmp_path):
    content = random.Random(8).randbytes(20_000_000)
    file = store.folder / "bucket/far away/large.fits"
    file.parent.mkdir(parents=True)
    file.write_bytes(content)
    cache = Cache(store, tmp_path / "copies")
    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        bodies = list(pool.map(lambda _: get(cache.address + "large.fits")[2], range(20)))
    assert all(body == content for body in bodies)
    assert cache.counter("misses") == 1
    wait_for(lambda: cache.counter("fetched_bytes") == len(content))
    cache.stop()


def test_a_butler_server_leads_its_clients_to_the_near_copies(store, tmp_path, monkeypatch):
    pytest.importorskip("httpx2")
    daf_butler = pytest.importorskip("lsst.daf.butler")
    pytest.importorskip("boto3")
    from lsst.resources.s3utils import _get_s3_client
    from serving import Server

    environment = {"S3_ENDPOINT_URL": store.address, "AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET,
                   "AWS_DEFAULT_REGION": "us-east-1", "AWS_RESPONSE_CHECKSUM_VALIDATION": "when_required"}
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    _get_s3_client.cache_clear()
    monkeypatch.setenv("BUTLER_RUBIN_ACCESS_TOKEN", "local")
    config = daf_butler.Config()
    config["datastore", "root"] = "s3://bucket/far away/"
    daf_butler.Butler.makeRepo(str(tmp_path / "repo"), config=config, forceConfigRoot=False)
    with daf_butler.Butler.from_config(str(tmp_path / "repo"), run="run", writeable=True) as butler:
        butler.registry.insertDimensionData("instrument", {"name": "Cam", "detector_max": 10, "class_name": "x.Cam"})
        for number in range(2):
            butler.registry.insertDimensionData(
                "detector", {"instrument": "Cam", "id": number, "full_name": str(number)})
        kind = daf_butler.DatasetType("notes", {"detector"}, "StructuredDataDict", universe=butler.dimensions)
        butler.registry.registerDatasetType(kind)
        for number in range(2):
            butler.put({"number": number}, kind, instrument="Cam", detector=number)
    secret = tmp_path / "secret"
    secret.write_text("a secret that both have\n")
    cache = Cache(store, tmp_path / "copies", "--secret-file", secret)
    server = Server("--repo", str(tmp_path / "repo"), log=tmp_path / "server.log", environment=environment | {
        "STEWARD_NEAR_COPIES": json.dumps({"s3://bucket/far away/": cache.address}),
        "STEWARD_NEAR_COPIES_SECRET_FILE": str(secret)})
    try:
        butler = daf_butler.Butler.from_config(f"http://127.0.0.1:{server.port}/api/butler/repo/repo")
        refs = sorted(butler.query_datasets("notes", collections="run"), key=lambda ref: ref.dataId["detector"])
        uri = butler.getURI(refs[0])
        assert str(uri).startswith(cache.address) and uri.exists() and uri.size() == len(uri.read())
        assert butler.get(refs[0]) == {"number": 0}
        assert butler.exists(refs[0])
        assert cache.counter("misses") == 1 and cache.counter("hits") > 0
        # Only what the server has signed.
        signed, plain = str(uri), str(uri).split("?")[0]
        assert get(signed)[0] == 200 and get(plain)[0] == 403
        assert get(signed[:-1] + ("0" if signed[-1] != "0" else "1"))[0] == 403
        other = str(butler.getURI(refs[1]))
        assert get(other.split("?")[0] + "?" + signed.split("?")[1])[0] == 403
        # Without the cache the storage's own URLs are handed out.
        cache.stop()
        end = time.monotonic() + 30
        while str(butler.getURI(refs[1])).startswith(cache.address) and time.monotonic() < end:
            time.sleep(0.5)
        assert str(butler.getURI(refs[1])).startswith(store.address)
    finally:
        if cache.process.poll() is None:
            cache.process.kill()
        server.stop()
