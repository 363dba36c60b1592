"""The cache of distant files, in front of a real storage service."""

import os
import random
import subprocess
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
    assert len(list((tmp_path / "copies").glob("*.copy"))) == 1
    metrics = get(cache + "/-/metrics")[2].decode()
    assert "cache_misses 1\n" in metrics and "cache_fetched_bytes 5000001\n" in metrics
    # Another version has another tag.
    file.write_bytes(content[:1000])
    status, other, body = get(url)
    assert (status, body) == (200, content[:1000]) and other["etag"] != headers["etag"]


def test_a_distant_store_that_is_away_is_named(store, cache):
    store.process.kill()
    store.process.wait()
    status, headers, _ = get(cache + "/x")
    assert status == 503 and headers["retry-after"] == "5"
