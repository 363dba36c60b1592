"""The image transfer daemon and answers of storage services that do not mean what they seem to."""

import hashlib
import os
import random

import pytest
from test_image_transfer_keys import NoListHandler
from test_image_transfer_safety import FakeHandler, FakeStore, wait
from transfer_daemon import Daemon, Store, start, store  # noqa: F401

pytestmark = pytest.mark.skipif("STEWARD_BIN" not in os.environ, reason="needs STEWARD_BIN")


@pytest.fixture
def fake():
    """Makes services of handlers."""
    made = []

    def make(handler):
        made.append(FakeStore(handler))
        made[-1].begun = {}
        return made[-1]

    yield make
    for service in made:
        service.shutdown()
        service.server_close()


def file_of(tmp_path, size):
    path = tmp_path / "image"
    path.write_bytes(random.Random(size).randbytes(size))
    return path


# MARK: Success of what is not stored


class OtherProgramHandler(FakeHandler):
    """A program of another kind, which answers to everything."""

    def do_PUT(self):
        self.content()
        self.answer(200, b'{"ok": true}', ETag='W/"c-Ai2R8hgEarLmHKwesT1qcY913ys"', Content_Type="application/json")

    do_GET = do_HEAD = do_POST = do_DELETE = do_PUT


class ForgettingHandler(FakeHandler):
    """Reads all, answers as services with encrypted buckets do, and keeps nothing."""

    def do_PUT(self):
        self.content()
        self.answer(200, ETag='"no digest"')

    def do_HEAD(self):
        self.answer(404)


class HastyHandler(ForgettingHandler):
    """Answers before it has read the last byte."""

    def do_PUT(self):
        self.rfile.read(int(self.headers["Content-Length"]) - 1)
        self.answer(200, ETag='"no digest"')
        self.rfile.read(1)


@pytest.mark.parametrize("size", [100, 3_000_000])
@pytest.mark.parametrize("handler", [OtherProgramHandler, ForgettingHandler, HastyHandler])
def test_an_answer_of_success_is_not_enough(start, fake, tmp_path, handler, size):  # noqa: F811
    image = file_of(tmp_path, size)
    daemon = start(fake(handler), S3DAEMON_MAX_RETRIES="1")
    assert daemon.line(f"{image} al/bucket/k\n".encode()).startswith("RuntimeError")
    assert daemon.upload(file=str(image), uri="s3://bucket/k")[0] == 500
    assert daemon.metric("transfer_failures_total") == 2 and "transfer_files_total{" not in daemon.get("/metrics")[1]


def test_a_service_that_answers_with_the_last_byte_is_believed(start, fake, tmp_path):  # noqa: F811
    """The end of a request, which has no bytes, may be written after that."""
    image, service = file_of(tmp_path, 18_000_000), fake(NoListHandler)
    daemon = start(service, S3DAEMON_MAX_RETRIES="1")
    for number in range(12):
        assert daemon.line(f"{image} al/bucket/k{number}\n".encode()) == "Success"
        assert service.objects.pop(f"/bucket/k{number}")[0] == image.read_bytes()
        service.parts.clear()


# MARK: Encrypted buckets


class EncryptingHandler(NoListHandler):
    """As AWS answers for buckets that are encrypted with a key of their owner: no tag is a digest."""

    def do_HEAD(self):
        return super().do_HEAD() if self.path in self.server.objects else self.answer(404)

    def tag(self, body):
        return random.randbytes(16).hex()

    def metadata(self):
        return super().metadata() | {"x-amz-server-side-encryption": "aws:kms"}

    def answer(self, status, body=b"", **headers):
        super().answer(status, body, x_amz_server_side_encryption="aws:kms", **headers)


@pytest.mark.parametrize("size", [100, 3_000_000, 18_000_000])
@pytest.mark.parametrize("waits", [True, False])
def test_encrypted_buckets_take_files_of_every_size(start, fake, tmp_path, size, waits):  # noqa: F811
    image, service = file_of(tmp_path, size), fake(EncryptingHandler)
    daemon = start(service)
    if waits:
        assert daemon.line(f"{image} al/bucket/k\n".encode()) == "Success"
    else:
        assert daemon.upload(file=str(image), uri="s3://bucket/k", wait="no")[0] == 202
        wait(lambda: daemon.metric("transfer_spooled") == 0)
    assert daemon.metric("transfer_files_total") == 1 and daemon.metric("transfer_set_aside") == 0
    assert service.objects["/bucket/k"][0] == image.read_bytes()


# MARK: Errors within answers of success


class OverloadedHandler(NoListHandler):
    """Finishes the second time; the first time it has begun to answer before it knows."""

    def do_POST(self):
        if "uploadId" in self.path and self.server.code:
            self.content()
            error = f'<?xml version="1.0" encoding="UTF-8"?>\n  \n<Error><Code>{self.server.code}</Code></Error>'
            self.server.code = None
            return self.answer(200, error.encode())
        return super().do_POST()


@pytest.mark.parametrize("code", ["InternalError", "SlowDown", "ServiceUnavailable"])
def test_an_error_within_an_answer_of_success_is_tried_again(start, fake, tmp_path, code):  # noqa: F811
    image, service = file_of(tmp_path, 18_000_000), fake(OverloadedHandler)
    service.code = code
    assert start(service).line(f"{image} al/bucket/k\n".encode()) == "Success"
    assert service.code is None and service.objects["/bucket/k"][0] == image.read_bytes()


# MARK: Files that are not ready


class GrowingHandler(FakeHandler):
    """The file grows when the store has begun to take it; of large files the store has not had the end by then."""

    def do_PUT(self):
        with self.server.file.open("ab") as file:
            file.write(b"more")
        self.server.begun[self.path] = True
        body = self.content()
        if len(body) == int(self.headers["Content-Length"]):
            self.server.objects[self.path] = body
            self.answer(200, ETag=f'"{hashlib.md5(body).hexdigest()}"')

    def do_HEAD(self):
        self.answer(404)


def test_a_part_of_a_file_that_grows_replaces_nothing(start, fake, tmp_path):  # noqa: F811
    service = fake(GrowingHandler)
    service.file = file_of(tmp_path, 15_000_000)
    service.objects["/bucket/k"] = b"the version before"
    daemon = start(service, S3DAEMON_MAX_RETRIES="2")
    assert daemon.line(f"{service.file} al/bucket/k\n".encode()) != "Success"
    assert service.begun and service.objects["/bucket/k"] == b"the version before"


# MARK: Keys in answers


@pytest.mark.parametrize("kind", ["moto", "rclone"])
def test_keys_that_begin_with_a_combining_mark_arrive_in_parts(tmp_path, kind):
    service = Store(kind, tmp_path / "store")
    daemon = None
    try:
        client = service.client()
        if kind == "moto":
            client.create_bucket(Bucket="bucket")
        image, daemon = file_of(tmp_path, 18_000_000), Daemon(service, tmp_path).start()
        assert daemon.line(f"{image} al/bucket/\u0301k\n".encode()) == "Success"
        assert client.get_object(Bucket="bucket", Key="\u0301k")["Body"].read() == image.read_bytes()
    finally:
        if daemon is not None:
            daemon.stop()
        service.stop()
