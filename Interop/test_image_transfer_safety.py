"""The image transfer daemon where disks, folders, stores and connections are not as they should be."""

import hashlib
import http.server
import json
import os
import pathlib
import random
import re
import resource
import socket
import threading
import time
import urllib.parse

import pytest
from transfer_daemon import KEY, SECRET, Daemon, Store, start, store  # noqa: F401

pytestmark = pytest.mark.skipif("STEWARD_BIN" not in os.environ, reason="needs STEWARD_BIN")


def stored(store, key):
    return (store.folder / "bucket" / key).read_bytes()


def wait(condition, seconds=30):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.05)


def rules(tmp_path, text):
    config = tmp_path / "rules.yaml"
    config.write_text(text)
    return {"STEWARD_S3DAEMON_CONFIG": str(config)}


# MARK: The spool


def test_a_line_that_a_full_disk_has_cut_swallows_no_other(store, start, tmp_path):
    image = tmp_path / "image"
    image.write_bytes(b"image")
    daemon = start()
    store.process.send_signal(19)  # SIGSTOP: nothing arrives.
    # A file that may not grow is cut like one on a full disk; the signal that goes with it must not end the daemon.
    daemon.kill()
    daemon.start(restore_signals=False)
    journal = tmp_path / "spool/journal"
    (tmp_path / "spool/journal.new").mkdir()  # There is no room to write it anew.
    assert daemon.upload(file=str(image), uri="s3://bucket/before", wait="no")[0] == 202
    for cut in [1, 30, 100]:
        daemon.limit_files(journal.stat().st_size + cut)
        assert daemon.upload(file=str(image), uri="s3://bucket/refused", wait="no")[0] == 503
        daemon.limit_files(resource.RLIM_INFINITY)
        assert daemon.upload(file=str(image), uri=f"s3://bucket/after{cut}", wait="no")[0] == 202
    daemon.kill()
    (tmp_path / "spool/journal.new").rmdir()
    store.process.send_signal(18)
    daemon.start()
    daemon.wait_until_empty()
    assert sorted(path.name for path in (store.folder / "bucket").iterdir()) == [
        "after1", "after100", "after30", "before"]


def test_a_file_that_takes_the_name_of_one_inside_is_not_sent(store, start, tmp_path):
    inside, secret = tmp_path / "inside", tmp_path / "secret"
    inside.mkdir()
    secret.write_bytes(b"secret")
    (inside / "a").write_bytes(b"a")
    daemon = start(STEWARD_S3DAEMON_ROOTS=str(inside))
    store.process.send_signal(19)
    for name in ["a", "not-yet-there"]:
        assert daemon.upload(file=str(inside / "a"), uri=f"s3://bucket/{name}", wait="no")[0] == 202
    (inside / "a").unlink()
    (inside / "a").symlink_to(secret)
    daemon.kill()
    store.process.send_signal(18)
    daemon.start()
    daemon.wait_until_empty()
    # The store may still have had the request of the process that died before it.
    assert [path.read_bytes() for path in (store.folder / "bucket").iterdir()] in ([], [b"a"], [b"a", b"a"])
    assert "outside" in daemon.log.read_text()


# MARK: Settings


def test_a_destination_without_a_profile_is_at_the_same_service(store, tmp_path):
    (store.folder / "archive").mkdir()
    image = tmp_path / "image"
    image.write_bytes(b"image")
    daemon = Daemon(store, tmp_path, S3ND_ENDPOINT_URL=store.address, **rules(
        tmp_path, "destinations:\n  - {name: archive, bucket: archive, required: true}\n"))
    del daemon.environment["S3_ENDPOINT_URL"]
    daemon.start()
    try:
        assert daemon.upload(file=str(image), uri="s3://bucket/k")[0] == 200
        assert (store.folder / "archive/k").read_bytes() == stored(store, "k") == b"image"
    finally:
        daemon.stop()


def test_keys_in_the_address_are_not_shown(store, start, tmp_path):
    image = tmp_path / "image"
    image.write_bytes(b"image")
    daemon = start(S3_ENDPOINT_URL=store.address.replace("://", f"://{KEY}:{SECRET}@"))
    assert daemon.line(f"{image} al/bucket/k\n".encode()) == "Success"
    for path in ["/version", "/metrics"]:
        text = daemon.get(path)[1]
        assert store.address in text and SECRET not in text and KEY not in text


# MARK: Folders that are watched


WATCH = """
watch:
  - {{folder: {folder}, match: '.*\\.fits', bucket: bucket, key: "{key}", settle: 0.3, afterwards: {afterwards}}}
"""


def test_bad_neighbours_do_not_keep_a_file_from_being_sent(store, start, tmp_path):
    camera = tmp_path / "camera"
    camera.mkdir()
    (tmp_path / "elsewhere").write_bytes(b"secret")
    (camera / "b.fits").symlink_to(tmp_path / "elsewhere")
    with open(os.fsencode(camera) + b"/bad\xff.fits", "wb") as file:
        file.write(b"no text")
    for name in "ac":
        (camera / f"{name}.fits").write_bytes(name.encode())
    daemon = start(STEWARD_S3DAEMON_ROOTS=str(camera), **rules(
        tmp_path, WATCH.format(folder=camera, key="w/{file}", afterwards="keep")))
    wait(lambda: all((store.folder / f"bucket/w/{name}.fits").exists() for name in "ac"))
    (camera / "d.fits").write_bytes(b"d")
    wait(lambda: (store.folder / "bucket/w/d.fits").exists())
    time.sleep(1.5)
    assert sorted(path.name for path in (store.folder / "bucket/w").iterdir()) == ["a.fits", "c.fits", "d.fits"]
    text = daemon.get("/metrics")[1]
    sent = re.findall(r"^transfer_files_total\{.*\} (\d+)$", text, re.MULTILINE)
    assert sum(map(int, sent)) == 3, "each is sent once"
    assert daemon.log.read_text().count("is outside") == 1, "it is told once"


def test_a_file_that_somebody_writes_is_not_removed(store, start, tmp_path):
    camera = tmp_path / "camera"
    camera.mkdir()
    start(**rules(tmp_path, WATCH.format(folder=camera, key="w/{file}", afterwards="delete")))
    with (camera / "slow.fits").open("wb", buffering=0) as file:
        file.write(b"head")
        time.sleep(2)
        file.write(b"tail")
    wait(lambda: not (camera / "slow.fits").exists())
    assert stored(store, "w/slow.fits") == b"headtail"


def test_a_file_that_stays_is_sent_once_and_whole(tmp_path):
    """Not as long as somebody has it open for writing."""
    store = Store("moto", tmp_path / "store")
    client = store.versioned()
    camera = tmp_path / "camera"
    camera.mkdir()
    daemon = Daemon(store, tmp_path, **rules(
        tmp_path, WATCH.format(folder=camera, key="w/{file}", afterwards="keep"))).start()

    def sizes():
        versions = client.list_object_versions(Bucket="bucket").get("Versions", [])
        return [(version["Key"], version["Size"]) for version in versions]

    try:
        with (camera / "slow.fits").open("wb", buffering=0) as file:
            file.write(b"head")
            for number in range(3):  # What comes later has its turn.
                (camera / f"{number}.fits").write_bytes(b"whole")
                wait(lambda: (f"w/{number}.fits", 5) in sizes())  # noqa: B023
            file.write(b"tail")
        wait(lambda: ("w/slow.fits", 8) in sizes())
        daemon.wait_until_empty()
        assert [size for key, size in sizes() if key == "w/slow.fits"] == [8]
    finally:
        daemon.stop()
        store.stop()


def test_two_files_for_one_name_are_not_both_removed(store, start, tmp_path):
    camera = tmp_path / "camera"
    for name in "ab":
        (camera / name).mkdir(parents=True)
        (camera / name / "same.fits").write_bytes(name.encode() * 10)
    daemon = start(**rules(tmp_path, WATCH.format(folder=camera, key="w/{file}", afterwards="delete")))
    wait(lambda: len(list(camera.rglob("same.fits"))) == 1)
    time.sleep(1.5)
    rest = [path.read_bytes() for path in camera.rglob("same.fits")]
    assert sorted([*rest, stored(store, "w/same.fits")]) == [b"a" * 10, b"b" * 10]
    assert daemon.log.read_text().count("is not sent") == 1


def test_a_folder_that_is_not_there_is_named(store, start, tmp_path):
    daemon = start(**rules(tmp_path, WATCH.format(folder=tmp_path / "nowhere", key="w/{file}", afterwards="keep")))
    wait(lambda: "nowhere cannot be watched" in daemon.log.read_text())


def test_a_watched_file_that_was_in_the_spool_is_sent_once_after_a_restart(tmp_path):
    store = Store("moto", tmp_path / "store")
    client = store.versioned()
    camera = tmp_path / "camera"
    camera.mkdir()
    content = random.Random(3).randbytes(24_000_000)
    (camera / "large.fits").write_bytes(content)
    daemon = Daemon(store, tmp_path, **rules(
        tmp_path, WATCH.format(folder=camera, key="w/{file}", afterwards="keep")))
    try:
        store.process.send_signal(19)
        daemon.start()
        wait(lambda: daemon.metric("transfer_spooled") == 1)
        daemon.kill()
        store.process.send_signal(18)
        daemon.start()
        daemon.wait_until_empty()
        time.sleep(1.5)
        assert daemon.metric("transfer_spooled") == 0
        versions = client.list_object_versions(Bucket="bucket")["Versions"]
        assert [version["Size"] for version in versions] == [len(content)]
        assert client.get_object(Bucket="bucket", Key="w/large.fits")["Body"].read() == content
        assert "could not" not in daemon.log.read_text()
    finally:
        daemon.stop()
        store.stop()


# MARK: Other stores


class FakeStore(http.server.ThreadingHTTPServer):
    """A small service that is asked for what real ones do rarely."""

    daemon_threads = True

    def __init__(self, handler):
        super().__init__(("127.0.0.1", 0), handler)
        self.address = f"http://127.0.0.1:{self.server_port}"
        self.objects, self.parts = {}, {}
        threading.Thread(target=self.serve_forever, daemon=True).start()


class FakeHandler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments):
        pass

    def answer(self, status, body=b"", **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def content(self):
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))


class WriteOnlyHandler(FakeHandler):
    """As AWS and Ceph answer to keys that may put objects and nothing else."""

    def do_HEAD(self):
        self.answer(403)

    def do_GET(self):
        self.answer(403, b"<Error><Code>AccessDenied</Code></Error>")

    def do_DELETE(self):
        self.answer(204)

    def do_PUT(self):
        path, _, query = self.path.partition("?")
        body = self.content()
        fields = urllib.parse.parse_qs(query)
        if "partNumber" in fields:
            self.server.parts[int(fields["partNumber"][0])] = body
        else:
            self.server.objects[path] = body
        self.answer(200, ETag=f'"{hashlib.md5(body).hexdigest()}"')

    def do_POST(self):
        self.content()
        path, _, query = self.path.partition("?")
        if query.startswith("uploads"):
            return self.answer(
                200, b"<InitiateMultipartUploadResult><UploadId>U</UploadId></InitiateMultipartUploadResult>")
        parts = [self.server.parts[number] for number in sorted(self.server.parts)]
        self.server.objects[path] = b"".join(parts)
        tag = hashlib.md5(b"".join(hashlib.md5(part).digest() for part in parts)).hexdigest()
        text = f'<CompleteMultipartUploadResult><ETag>"{tag}-{len(parts)}"</ETag></CompleteMultipartUploadResult>'
        return self.answer(200, text.encode())


def test_keys_that_may_only_write_are_enough(start, tmp_path):
    fake = FakeStore(WriteOnlyHandler)
    small, large = tmp_path / "small", tmp_path / "large"
    small.write_bytes(b"small")
    large.write_bytes(random.Random(5).randbytes(18_000_000))
    daemon = start(fake)
    assert daemon.line(f"{small} al/bucket/small\n".encode()) == "Success"
    assert daemon.line(f"{large} al/bucket/large\n".encode()) == "Success"
    fake.shutdown()  # What is accepted now is sent by the next process, which cannot look for it.
    assert daemon.upload(file=str(small), uri="s3://bucket/later", wait="no")[0] == 202
    daemon.kill()
    threading.Thread(target=fake.serve_forever, daemon=True).start()
    daemon.start()
    daemon.wait_until_empty()
    assert fake.objects["/bucket/small"] == fake.objects["/bucket/later"] == b"small"
    assert fake.objects["/bucket/large"] == large.read_bytes()


class ForgetfulHandler(FakeHandler):
    """Ends each connection with its second request, as a firewall does that has forgotten it over a quiet night."""

    requests = 0

    def do_PUT(self):
        self.requests += 1
        if self.requests > 1:
            self.connection.shutdown(socket.SHUT_RDWR)
            self.close_connection = True
            return
        body = self.content()
        self.server.objects[self.path] = body
        self.answer(200, ETag=f'"{hashlib.md5(body).hexdigest()}"')

    def do_HEAD(self):
        self.answer(404)


@pytest.mark.parametrize("size", [1000, 3_000_000])
def test_connections_that_died_in_a_quiet_time_cost_no_attempt(start, tmp_path, size):
    fake = FakeStore(ForgetfulHandler)
    image = tmp_path / "image"
    image.write_bytes(random.Random(size).randbytes(size))
    daemon = start(fake, S3DAEMON_MAX_RETRIES="1")
    for number in range(3):
        assert daemon.line(f"{image} al/bucket/k{number}\n".encode()) == "Success"
        assert fake.objects[f"/bucket/k{number}"] == image.read_bytes()
        time.sleep(1.3)


class StrangeNumbersHandler(FakeHandler):
    def do_PUT(self):
        self.content()
        self.answer(503, Retry_After="nan")

    def do_HEAD(self):
        self.answer(404, Last_Modified="Fri, 31 Dec 9999 23:59:59 GMT")


def test_numbers_that_are_none_end_nothing(start, tmp_path):
    image = tmp_path / "image"
    image.write_bytes(b"image")
    daemon = start(FakeStore(StrangeNumbersHandler))
    assert daemon.line(f"{image} al/bucket/k\n".encode()).startswith("RuntimeError")
    assert json.loads(daemon.get("/version")[1])["version"]


def test_null_bytes_and_control_characters_are_answered(start, tmp_path):
    image = tmp_path / "image"
    image.write_bytes(b"image")
    daemon = start()
    assert daemon.line(f"{image}\0x al/bucket/k\n".encode()) == "ValueError('embedded null byte')"
    for file in [f"{image}\0x", f"{image}\x01x"]:
        status, headers, _ = daemon.upload(file=file, uri="s3://bucket/k")
        assert status == 400 and headers.get("x-error", headers.get("X-Error"))
    assert pathlib.Path("/proc/self/environ").stat().st_size == 0
    assert daemon.line(b"/proc/self/environ al/bucket/k\n") != "Success"


# MARK: Places and keys


class SlowHandler(FakeHandler):
    """Takes its time, and counts who stores objects meanwhile."""

    lock = threading.Lock()

    def do_PUT(self):
        body = self.content()
        with self.lock:
            running = self.server.running = getattr(self.server, "running", {})
            running[self.path] = running.get(self.path, 0) + 1
            self.server.most = max(getattr(self.server, "most", 0), running[self.path])
            self.server.together = max(getattr(self.server, "together", 0), sum(running.values()))
        time.sleep(0.2)
        with self.lock:
            running[self.path] -= 1
        self.server.objects[self.path] = body
        self.answer(200, ETag=f'"{hashlib.md5(body).hexdigest()}"')


def test_one_file_at_a_time_is_sent_to_a_place(start, tmp_path):
    fake = FakeStore(SlowHandler)
    daemon = start(fake)
    answers = []

    def send(number):
        path = tmp_path / f"image{number}"
        path.write_bytes(f"{number}".encode())
        answers.append(daemon.line(f"{path} al/bucket/{'same' if number < 6 else number}\n".encode()))

    threads = [threading.Thread(target=send, args=(number,)) for number in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == ["Success"] * 10 and sorted(fake.objects) == [
        "/bucket/6", "/bucket/7", "/bucket/8", "/bucket/9", "/bucket/same"]
    assert fake.most == 1 and fake.together > 2


def test_keys_are_taken_as_they_are_written(tmp_path):
    store = Store("moto", tmp_path / "store")
    client = store.client()
    client.create_bucket(Bucket="bucket")
    image = tmp_path / "image"
    image.write_bytes(b"image")
    daemon = Daemon(store, tmp_path).start()
    try:
        keys = ["a//b", "a/./b", "a/../b", "a/b", "a b+c%2Fd"]
        for key in keys:
            assert daemon.upload(file=str(image), uri="s3://bucket/" + urllib.parse.quote(key))[0] == 200
        assert daemon.line(f"{image} al/bucket/line//./x\n".encode()) == "Success"
        assert sorted(entry["Key"] for entry in client.list_objects_v2(Bucket="bucket")["Contents"]) == sorted(
            [*keys, "line//./x"])
    finally:
        daemon.stop()
        store.stop()


def test_what_lies_in_a_folder_for_long_leaves_room_for_what_is_new(store, start, tmp_path):
    camera = tmp_path / "camera"
    camera.mkdir()
    for number in range(10):
        (camera / f"old{number}.fits").write_bytes(b"old")
    store.process.send_signal(19)
    daemon = start(STEWARD_S3DAEMON_SPOOL_LIMIT="8", **rules(
        tmp_path, WATCH.format(folder=camera, key="w/{file}", afterwards="keep")))
    wait(lambda: daemon.metric("transfer_spooled") == 4)
    time.sleep(1.5)
    assert daemon.metric("transfer_spooled") == 4
    (camera / "new.fits").write_bytes(b"new")
    wait(lambda: daemon.metric("transfer_spooled") == 5)
    store.process.send_signal(18)
    wait(lambda: len(list((store.folder / "bucket").rglob("*.fits"))) == 11)


@pytest.mark.parametrize("beginning", [b"", b"GET /metrics HT", b"/data/image al/buck"])
def test_a_connection_without_a_request_is_closed(store, start, beginning):
    """After half a minute: it holds a place."""
    daemon = start()
    with socket.create_connection(("127.0.0.1", daemon.port), timeout=50) as quiet:
        quiet.sendall(beginning)
        begin = time.monotonic()
        assert quiet.recv(4096) == b"" and 20 < time.monotonic() - begin < 45
