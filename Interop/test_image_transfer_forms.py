"""The image transfer daemon over HTTP: forms, addresses and answers, and what is counted of those that are refused."""

import hashlib
import json
import os
import threading
import uuid

import pytest
from test_image_transfer_safety import FakeHandler, FakeStore, wait
from transfer_daemon import Daemon, Store, start, store  # noqa: F401

pytestmark = pytest.mark.skipif("STEWARD_BIN" not in os.environ, reason="needs STEWARD_BIN")


@pytest.fixture
def image(tmp_path):
    path = tmp_path / "image"
    path.write_bytes(b"image")
    return path


def test_addresses_say_which_bucket_and_key(image, tmp_path):
    """As the newer program reads them: one slash ends the bucket, and a user is none of its business."""
    service = Store("moto", tmp_path / "store")
    daemon = Daemon(service, tmp_path, S3ND_ENDPOINT_URL=service.address).start()
    try:
        client = service.client()
        client.create_bucket(Bucket="bucket")
        for uri in ("s3://bucket//lead", "s3://user@bucket/x", "s3://bucket/a//b"):
            assert daemon.upload(file=str(image), uri=uri)[0] == 200
        assert {entry["Key"] for entry in client.list_objects_v2(Bucket="bucket")["Contents"]} == {"/lead", "x", "a//b"}
    finally:
        daemon.stop()
        service.stop()


def parts(fields, boundary="a-boundary"):
    """A form as browsers and `curl -F` send it, and its type."""
    text = "".join(f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
                   for name, value in fields.items())
    return (text + f"--{boundary}--\r\n").encode(), f"multipart/form-data; boundary={boundary}"


def test_forms_of_several_parts_are_taken(store, start, image):  # noqa: F811
    daemon = start()
    uri = "s3://bucket/some/k%20ey"
    status, _, body = daemon.send_form(*parts({"file": image, "uri": uri, "slug": "banana"}))
    task = json.loads(body)["task"]
    assert (status, task["uri"], task["file"], task["slug"]) == (200, uri, str(image), "banana")
    assert (store.folder / "bucket/some/k ey").read_bytes() == b"image"
    assert daemon.send_form(*parts({"file": image, "uri": "s3://bucket/late", "wait": "no"}))[0] == 202
    # One that is cut off.
    form, kind = parts({"file": image, "uri": "s3://bucket/half"})
    status, _, body = daemon.send_form(form[:-8], kind)
    assert status == 400 and "the form is not well formed" in json.loads(body)["msg"]
    daemon.wait_until_empty()
    assert not (store.folder / "bucket/half").exists()


def test_refusals_name_the_task(store, start, image, tmp_path):  # noqa: F811
    (tmp_path / "inside").mkdir()
    daemon = start(STEWARD_S3DAEMON_ROOTS=str(tmp_path / "inside"))
    known = {"file": str(image), "uri": "s3://bucket/k", "slug": "banana"}
    for status, fields in [(400, {}), (400, {"slug": "banana"}), (400, {"file": str(image)}),
                           (400, known | {"priority": "none"}), (403, known)]:
        answered, _, body = daemon.upload(**fields)
        document = json.loads(body)
        assert answered == document["code"] == status
        assert uuid.UUID(document["task"]["id"]).version == 4
        for name in ("file", "uri", "slug"):
            assert document["task"].get(name) == fields.get(name)


def counted(daemon, line):
    return f"{line}\n" in daemon.get("/metrics")[1]


def test_refusals_for_roots_are_counted_and_logged(store, start, image, tmp_path):  # noqa: F811
    (tmp_path / "inside").mkdir()
    daemon = start(STEWARD_S3DAEMON_ROOTS=str(tmp_path / "inside"))
    assert daemon.upload(file=str(image), uri="s3://bucket/k")[0] == 403
    assert daemon.line(f"{image} al/bucket/k\n".encode()).startswith("PermissionError")
    assert counted(daemon, 'transfer_refused_total{reason="outside"} 2')
    assert daemon.log.read_text().count(f"refused: '{image}' is outside") == 2


class WaitingHandler(FakeHandler):
    """Answers when it may."""

    def do_PUT(self):
        body = self.content()
        self.server.has_begun.set()
        assert self.server.may_answer.wait(60)
        self.answer(200, ETag=f'"{hashlib.md5(body).hexdigest()}"')

    def do_HEAD(self):
        self.answer(404)


def test_senders_that_had_no_turn_in_time_are_counted_and_logged(start, image):  # noqa: F811
    service = FakeStore(WaitingHandler)
    service.has_begun, service.may_answer = threading.Event(), threading.Event()
    daemon = start(service, S3ND_UPLOAD_MAX_PARALLEL="1", S3ND_QUEUE_TIMEOUT="1s")
    first = threading.Thread(target=daemon.upload, kwargs={"file": str(image), "uri": "s3://bucket/first"})
    first.start()
    try:
        assert service.has_begun.wait(30)
        assert daemon.upload(file=str(image), uri="s3://bucket/second")[0] == 504
        service.may_answer.set()
        first.join()
        wait(lambda: counted(daemon, 'transfer_failures_total{destination="main"} 1'))
        assert f"{image} had no turn in time" in daemon.log.read_text()
        assert counted(daemon, 'transfer_files_total{destination="main",priority="normal"} 1')
    finally:
        service.may_answer.set()
        first.join()
        service.shutdown()
        service.server_close()
