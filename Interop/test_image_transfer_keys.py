"""The image transfer daemon and what its keys already have in the store: which of two files stays, and which is told."""

import hashlib
import os
import random
import re
import threading
import time
import urllib.parse

import pytest
from test_image_transfer_safety import FakeHandler, FakeStore, WriteOnlyHandler, rules, wait
from test_image_transfer_set_aside import SOON, aside, command, listed, metric
from transfer_daemon import Daemon, Store, start, store  # noqa: F401

pytestmark = pytest.mark.skipif("STEWARD_BIN" not in os.environ, reason="needs STEWARD_BIN")


# MARK: Two files for one key


WATCH = """
watch:
  - {{folder: {folder}, match: '.*\\.fits', bucket: bucket, key: "w/{{file}}", settle: 0.3, afterwards: {afterwards}}}
"""


@pytest.mark.parametrize("afterwards", ["keep", "delete"])
@pytest.mark.parametrize("size", [1000, 17_000_000])
def test_after_a_restart_a_file_is_not_sent_over_that_of_another(store, start, tmp_path, afterwards, size):
    camera = tmp_path / "camera"
    first, second = camera / "a/same.fits", camera / "b/same.fits"
    for path in (first, second):
        path.parent.mkdir(parents=True)
    first.write_bytes(random.Random(1).randbytes(size))
    content = first.read_bytes()
    daemon = start(**rules(tmp_path, WATCH.format(folder=camera, afterwards=afterwards)))
    wait(lambda: metric(daemon, "transfer_files_total") == 1 and metric(daemon, "transfer_spooled") == 0)
    daemon.kill()
    first.unlink(missing_ok=True)
    second.write_bytes(random.Random(2).randbytes(size))
    daemon.start()
    aside(daemon, 1)
    assert (store.folder / "bucket/w/same.fits").read_bytes() == content and second.exists()
    assert listed(daemon)[0][3] == str(second) and str(first) in listed(daemon)[0][5]
    assert len(re.findall(f"^ERROR [^\n]* set aside: {second}", daemon.log.read_text(), re.M)) == 1
    # Its own name is free for a file that has changed.
    first.write_bytes(random.Random(3).randbytes(size + 1))
    # The store has none for a moment when it replaces one.
    stored, content = store.folder / "bucket/w/same.fits", random.Random(3).randbytes(size + 1)
    wait(lambda: stored.exists() and stored.stat().st_size == len(content))
    daemon.wait_until_empty()
    assert stored.read_bytes() == content
    # Once the other is out of the way, it is sent.
    wait(lambda: first.exists() == (afterwards == "keep"))
    store.client().delete_object(Bucket="bucket", Key="w/same.fits")
    command(daemon, "--retry-set-aside")
    wait(lambda: metric(daemon, "transfer_set_aside") == 0)
    daemon.wait_until_empty()
    assert (store.folder / "bucket/w/same.fits").read_bytes() == random.Random(2).randbytes(size)


def test_two_daemons_with_files_for_one_key(tmp_path):
    """At the same moment, too: the store says which was first."""
    store = Store("moto", tmp_path / "store")
    client = store.versioned()
    daemons = []
    try:
        for name in "ab":
            place = tmp_path / name
            (place / "camera").mkdir(parents=True)
            daemons.append(Daemon(store, place, **rules(place, WATCH.format(
                folder=place / "camera", afterwards="delete"))).start())
        for number in range(10):
            for name in "ab":
                (tmp_path / name / f"camera/{number}.fits").write_bytes(f"{name}{number}".encode())
        wait(lambda: all(metric(daemon, "transfer_spooled") == 0 for daemon in daemons)
             and sum(metric(daemon, "transfer_set_aside") for daemon in daemons) == 10, 60)
        left = {path.name: path.read_bytes() for path in tmp_path.glob("[ab]/camera/*.fits")}
        versions = client.list_object_versions(Bucket="bucket")["Versions"]
        assert len(versions) == len(left) == 10
        for number in range(10):
            stored = client.get_object(Bucket="bucket", Key=f"w/{number}.fits")["Body"].read()
            assert {stored, left[f"{number}.fits"]} == {f"a{number}".encode(), f"b{number}".encode()}
    finally:
        for daemon in daemons:
            daemon.stop()
        store.stop()


def test_a_key_of_a_forgotten_file_is_free(store, start, tmp_path):
    camera = tmp_path / "camera"
    first, second = camera / "a/same.fits", camera / "b/same.fits"
    for path in (first, second):
        path.parent.mkdir(parents=True)
    first.write_bytes(b"first")
    daemon = start(**SOON, **rules(tmp_path, WATCH.format(folder=camera, afterwards="keep").replace(
        "bucket: bucket", "bucket: late")))
    aside(daemon, 1)
    # As long as it is set aside, the second one has no way to know that it will not come.
    store.client().create_bucket(Bucket="late")
    command(daemon, "--forget-set-aside")
    second.write_bytes(b"second")
    wait(lambda: (store.folder / "late/w/same.fits").exists())
    assert (store.folder / "late/w/same.fits").read_bytes() == b"second"


def test_a_file_that_changed_since_it_was_set_aside_is_taken_by_the_next_daemon(store, start, tmp_path):
    camera = tmp_path / "camera"
    camera.mkdir()
    changed, same = camera / "changed.fits", camera / "same.fits"
    for path in (changed, same):
        path.write_bytes(b"before")
    daemon = start(**SOON, **rules(tmp_path, WATCH.format(folder=camera, afterwards="keep").replace(
        "bucket: bucket", "bucket: late")))
    aside(daemon, 2)
    daemon.kill()
    store.client().create_bucket(Bucket="late")
    # Its time is that of another file, as after a move; the size is the same.
    (tmp_path / "other").write_bytes(b"BEFORE")
    os.utime(tmp_path / "other", (0, changed.stat().st_mtime - 3600))
    (tmp_path / "other").rename(changed)
    daemon.start()
    wait(lambda: (store.folder / "late/w/changed.fits").exists())
    daemon.wait_until_empty()
    time.sleep(1.5)
    assert (store.folder / "late/w/changed.fits").read_bytes() == b"BEFORE"
    assert not (store.folder / "late/w/same.fits").exists() and len(listed(daemon)) == 2


def test_restarts_send_nothing_again_whatever_the_size_of_parts(tmp_path):
    store = Store("moto", tmp_path / "store")
    client = store.versioned()
    camera = tmp_path / "camera"
    camera.mkdir()
    (camera / "large.fits").write_bytes(random.Random(1).randbytes(40_000_000))
    daemon = Daemon(store, tmp_path, S3ND_UPLOAD_PARTSIZE="12Mi", **rules(
        tmp_path, WATCH.format(folder=camera, afterwards="keep"))).start()
    try:
        for _ in range(3):
            wait(lambda: metric(daemon, "transfer_files_total") == 1 and metric(daemon, "transfer_spooled") == 0)
            daemon.kill()
            daemon.start()
        wait(lambda: metric(daemon, "transfer_files_total") == 1)
        assert len(client.list_object_versions(Bucket="bucket")["Versions"]) == 1
    finally:
        daemon.stop()
        store.stop()


@pytest.mark.parametrize("mebibytes", [5, 8, 16, 32])
def test_the_same_bytes_in_parts_of_another_size_are_there(tmp_path, mebibytes):
    """Of a camera that another program has served before."""
    from boto3.s3.transfer import TransferConfig
    store = Store("moto", tmp_path / "store")
    client = store.versioned()
    camera = tmp_path / "camera"
    camera.mkdir()
    image = camera / "large.fits"
    image.write_bytes(random.Random(mebibytes).randbytes(40_000_000))
    client.upload_file(str(image), "bucket", "w/large.fits", Config=TransferConfig(
        multipart_threshold=mebibytes << 20, multipart_chunksize=mebibytes << 20))
    daemon = Daemon(store, tmp_path, **rules(tmp_path, WATCH.format(folder=camera, afterwards="delete"))).start()
    try:
        wait(lambda: not image.exists())
        assert len(client.list_object_versions(Bucket="bucket")["Versions"]) == 1
        assert metric(daemon, "transfer_set_aside") == 0
    finally:
        daemon.stop()
        store.stop()


# MARK: What has come since


@pytest.mark.parametrize("size", [1000, 17_000_000])
def test_what_is_brought_back_does_not_replace_what_came_since(store, start, tmp_path, size):
    old, new = tmp_path / "old", tmp_path / "new"
    old.write_bytes(random.Random(1).randbytes(size))
    new.write_bytes(random.Random(2).randbytes(size))
    daemon = start(**SOON)
    for key in ["replaced", "missing"]:
        assert daemon.upload(file=str(old), uri=f"s3://late/{key}", wait="no")[0] == 202
    aside(daemon, 2)
    store.client().create_bucket(Bucket="late")
    assert daemon.upload(file=str(new), uri="s3://late/replaced")[0] == 200
    command(daemon, "--retry-set-aside")
    wait(lambda: metric(daemon, "transfer_spooled") == 0 and metric(daemon, "transfer_set_aside") == 1)
    assert (store.folder / "late/replaced").read_bytes() == new.read_bytes()
    assert (store.folder / "late/missing").read_bytes() == old.read_bytes()
    [fields] = listed(daemon)
    assert fields[4] == "late/replaced" and "has other bytes, which have come since" in fields[5]
    # So after a restart in the middle.
    daemon.kill()
    command(daemon, "--retry-set-aside")
    daemon.start()
    time.sleep(1.5)
    daemon.kill()
    daemon.start()
    wait(lambda: metric(daemon, "transfer_spooled") == 0 and metric(daemon, "transfer_set_aside") == 1)
    assert (store.folder / "late/replaced").read_bytes() == new.read_bytes()


def test_of_two_requests_for_a_key_the_later_one_stays(store, start, tmp_path):
    """In whichever order they come back; the one that came first is not what has come since."""
    daemon = start(**SOON)
    for number in range(6):
        image = tmp_path / f"image{number}"
        image.write_bytes(f"image{number}".encode())
        assert daemon.upload(file=str(image), uri=f"s3://late/{number % 2}", wait="no")[0] == 202
    aside(daemon, 6)
    store.client().create_bucket(Bucket="late")
    command(daemon, "--retry-set-aside")
    wait(lambda: metric(daemon, "transfer_spooled") == 0)
    assert [(store.folder / f"late/{key}").read_bytes() for key in "01"] == [b"image4", b"image5"]


class MendingHandler(FakeHandler):
    """Refuses all, then keeps the first bytes of a key damaged."""

    is_open = False

    def time_of(self, body):
        return None

    def do_HEAD(self):
        if self.path not in self.server.objects:
            return self.answer(404 if type(self).is_open else 403)
        body, headers = self.server.objects[self.path]
        self.send_response(200)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Last-Modified", self.date_time_string(self.time_of(body)))
        self.send_header("Content-Length", str(len(body)))
        return self.end_headers()

    def do_PUT(self):
        body = self.content()
        if not type(self).is_open:
            return self.answer(403, b"<Error><Code>AccessDenied</Code></Error>")
        if self.headers.get("If-None-Match") == "*" and self.path in self.server.objects:
            return self.answer(412, b"<Error><Code>PreconditionFailed</Code></Error>")
        if self.path not in self.server.objects:
            body = b"X" + body[1:]
        tag = {"ETag": f'"{hashlib.md5(body).hexdigest()}"'}
        metadata = {name: value for name, value in self.headers.items() if name.lower().startswith("x-amz-meta")}
        self.server.objects[self.path] = body, tag | metadata
        return self.answer(200, **tag)


def refused(start, tmp_path, handler, size):
    """A request that a store has refused, so that it is set aside; from now on the store takes it."""
    handler.is_open = False
    fake = FakeStore(handler)
    image = tmp_path / "image"
    image.write_bytes(random.Random(1).randbytes(size))
    daemon = start(fake, **SOON)
    assert daemon.upload(file=str(image), uri="s3://bucket/k", wait="no")[0] == 202
    aside(daemon, 1)
    handler.is_open = True
    return daemon, fake, image


def test_what_was_damaged_on_its_way_is_not_what_has_come_since(start, tmp_path):
    daemon, fake, image = refused(start, tmp_path, MendingHandler, 3_000_000)
    command(daemon, "--retry-set-aside")
    wait(lambda: metric(daemon, "transfer_spooled") == 0 and metric(daemon, "transfer_files_total") == 1)
    assert fake.objects["/bucket/k"][0] == image.read_bytes() and listed(daemon) == []


class ArrivingHandler(MendingHandler):
    """While parts are on their way, another object takes the place of an old one."""

    def do_POST(self):
        self.content()
        if not type(self).is_open:
            return self.answer(403, b"<Error><Code>AccessDenied</Code></Error>")
        if "uploadId" not in self.path:
            return self.answer(
                200, b"<InitiateMultipartUploadResult><UploadId>U</UploadId></InitiateMultipartUploadResult>")
        self.server.objects[self.path.partition("?")[0]] = b"ours", {"ETag": '"0"'}
        return self.answer(200, b"<CompleteMultipartUploadResult><ETag>x</ETag></CompleteMultipartUploadResult>")

    def do_GET(self):
        self.answer(404)

    def do_DELETE(self):
        self.answer(204)

    def do_PUT(self):
        body = self.content()
        self.server.objects["/bucket/k"] = b"newer", {"ETag": '"1"'}
        self.answer(200, ETag=f'"{hashlib.md5(body).hexdigest()}"')

    def time_of(self, body):
        return 1e9 if body == b"old" else None


def test_what_comes_while_parts_are_on_their_way_stays(start, tmp_path):
    daemon, fake, _ = refused(start, tmp_path, ArrivingHandler, 17_000_000)
    fake.objects["/bucket/k"] = b"old", {"ETag": '"2"'}
    command(daemon, "--retry-set-aside")
    wait(lambda: len(listed(daemon)) == 1 and "have come since" in listed(daemon)[0][5])
    assert fake.objects["/bucket/k"][0] == b"newer"


# MARK: Keys that are told little


class NoListHandler(WriteOnlyHandler):
    """As AWS answers to keys that may read and write objects, and not list them: of what is not there it tells nothing."""

    def do_HEAD(self):
        path = self.path.partition("?")[0]
        if path not in self.server.objects:
            return self.answer(403)
        body, headers = self.server.objects[path]
        self.send_response(200)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()

    def taken(self, path):
        return self.headers.get("If-None-Match") == "*" and path in self.server.objects

    def do_PUT(self):
        path, _, query = self.path.partition("?")
        body = self.content()
        digest = self.tag(body)
        tag = f'"{digest}"'
        fields = urllib.parse.parse_qs(query)
        if "partNumber" in fields:
            self.server.parts[fields["uploadId"][0], int(fields["partNumber"][0])] = body, bytes.fromhex(digest)
        elif self.taken(path):
            return self.answer(412, b"<Error><Code>PreconditionFailed</Code></Error>")
        else:
            self.server.objects[path] = body, {"ETag": tag} | self.metadata()
        return self.answer(200, ETag=tag)

    def tag(self, body):
        return hashlib.md5(body).hexdigest()

    def metadata(self):
        return {name: value for name, value in self.headers.items() if name.lower().startswith("x-amz-meta")}

    def do_POST(self):
        self.content()
        path, _, query = self.path.partition("?")
        if query.startswith("uploads"):
            identifier = f"U{random.getrandbits(60)}"
            self.server.begun[identifier] = self.metadata()
            return self.answer(200, b"<InitiateMultipartUploadResult><UploadId>" + identifier.encode()
                               + b"</UploadId></InitiateMultipartUploadResult>")
        identifier = urllib.parse.parse_qs(query)["uploadId"][0]
        if self.taken(path):
            return self.answer(412, b"<Error><Code>PreconditionFailed</Code></Error>")
        parts = [self.server.parts[key] for key in sorted(self.server.parts) if key[0] == identifier]
        tag = f'"{hashlib.md5(b"".join(digest for _, digest in parts)).hexdigest()}-{len(parts)}"'
        self.server.objects[path] = b"".join(body for body, _ in parts), {"ETag": tag} | self.server.begun[identifier]
        text = f"<CompleteMultipartUploadResult><ETag>{tag}</ETag></CompleteMultipartUploadResult>"
        return self.answer(200, text.encode())


@pytest.mark.parametrize("size", [1000, 17_000_000])
def test_keys_that_may_not_list_do_not_send_one_over_the_other(tmp_path, size):
    fake = FakeStore(NoListHandler)
    fake.begun = {}
    daemons = []
    try:
        for name in "ab":
            place = tmp_path / name
            (place / "camera").mkdir(parents=True)
            (place / "camera/same.fits").write_bytes(random.Random(name).randbytes(size))
            daemons.append(Daemon(fake, place, **rules(place, WATCH.format(
                folder=place / "camera", afterwards="delete"))).start())
            if name == "a":
                wait(lambda: metric(daemons[0], "transfer_files_total") == 1)
        aside(daemons[1], 1)
        assert fake.objects["/bucket/w/same.fits"][0] == random.Random("a").randbytes(size)
        assert (tmp_path / "b/camera/same.fits").exists()
        assert str(tmp_path / "a/camera/same.fits") in listed(daemons[1])[0][5]
        # What is its own is looked for, found, and left alone.
        (tmp_path / "a/camera/same.fits").write_bytes(random.Random("a").randbytes(size))
        wait(lambda: not (tmp_path / "a/camera/same.fits").exists())
        assert metric(daemons[0], "transfer_set_aside") == 0
    finally:
        for daemon in daemons:
            daemon.stop()
        fake.shutdown()


class LateHandler(NoListHandler):
    """Of two uploads in parts the other one comes first, in the moment between look and end."""

    def do_HEAD(self):
        path = self.path.partition("?")[0]
        return super().do_HEAD() if path in self.server.objects else self.answer(404)

    def do_POST(self):
        if "uploadId" in self.path:
            path = self.path.partition("?")[0]
            self.server.objects.setdefault(path, (self.server.other, {
                "ETag": '"0123456789abcdef0123456789abcdef-3"', "Last-Modified": "Fri, 27 Nov 2026 00:00:00 GMT",
                "x-amz-meta-steward-source": "elsewhere:/other.fits"}))
            if self.server.forgets_upload:
                self.content()
                return self.answer(404, b"<Error><Code>NoSuchUpload</Code></Error>")
        return super().do_POST()


@pytest.mark.parametrize("forgets_upload", [False, True])
@pytest.mark.parametrize("afterwards", ["keep", "delete"])
def test_an_upload_in_parts_that_comes_second_has_not_arrived(start, tmp_path, afterwards, forgets_upload):
    """What is there has the same size, and a tag of another kind."""
    camera = tmp_path / "camera"
    camera.mkdir()
    image = camera / "same.fits"
    image.write_bytes(random.Random(1).randbytes(17_000_000))
    fake = FakeStore(LateHandler)
    fake.begun, fake.other, fake.forgets_upload = {}, random.Random(2).randbytes(17_000_000), forgets_upload
    daemon = start(fake, **rules(tmp_path, WATCH.format(folder=camera, afterwards=afterwards)))
    aside(daemon, 1)
    assert image.exists() and fake.objects["/bucket/w/same.fits"][0] == fake.other
    assert metric(daemon, "transfer_files_total") == 0 and "elsewhere" in listed(daemon)[0][5]
    fake.shutdown()
