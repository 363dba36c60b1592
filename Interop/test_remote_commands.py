"""Commands that write to datastores on storage services: folders that are not there yet, and errors that pass."""

import http.client
import os
import re
import subprocess

import pytest
from remote_stores import Bucket, WebDAV
from test_image_transfer_safety import FakeHandler, FakeStore

pytestmark = pytest.mark.skipif("STEWARD_BIN" not in os.environ, reason="needs STEWARD_BIN")


def command(environment, *arguments):
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    done = subprocess.run([os.environ["STEWARD_BIN"], "butler", *map(str, arguments)], capture_output=True, text=True,
                          timeout=120, env=inherited | environment)
    assert done.returncode == 0, done.stderr
    return done.stdout


def make(folder, root, environment):
    """A repository with its files below `root`, and a table of files to ingest."""
    (folder / "seed.yaml").write_text(
        f"datastore:\n  root: {root}\nregistry:\n  db: sqlite:///<butlerRoot>/gen3.sqlite3\n")
    command(environment, "create", folder / "repo", "--seed-config", folder / "seed.yaml", "--override")
    command(environment, "register-dataset-type", folder / "repo", "thing", "StructuredDataDict")
    (folder / "a.yaml").write_text("a: 1\n")
    (folder / "table.csv").write_text(f"filename\n{folder}/a.yaml\n")
    return folder / "repo", folder / "table.csv"


@pytest.mark.parametrize("scheme", ["dav", "http"])
@pytest.mark.parametrize("depth", [1, 2, 3])
def test_a_webdav_root_in_folders_that_are_not_there_yet(tmp_path, scheme, depth):
    service = WebDAV("webdav", tmp_path)
    try:
        below = "/".join(["new"] * depth)
        root = service.base.replace("dav://", f"{scheme}://") + below + "/"
        repository, table = make(tmp_path, root, {})
        command({}, "ingest-files", repository, "thing", "run/a", table, "--transfer", "copy")
        files = [path for path in service.folder.rglob("*") if path.is_file()]
        assert [path.read_text() for path in files] == ["a: 1\n"] and files[0].is_relative_to(service.folder / below)
        command({}, "check", repository)
    finally:
        service.stop()


class HalfHeartedHandler(FakeHandler):
    """Stands before a service; of the first bulk deletions that are asked for, it says that each key had an error."""

    def pass_on(self):
        body = self.content()
        if self.command == "POST" and "delete" in self.path.partition("?")[2]:
            self.server.deletions += 1
            if self.server.deletions == 1:
                errors = b"".join(b"<Error><Key>" + key + b"</Key><Code>InternalError</Code></Error>"
                                  for key in re.findall(rb"<Key>(.*?)</Key>", body))
                return self.answer(200, b"<DeleteResult>" + errors + b"</DeleteResult>")
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=60)
        try:
            connection.request(self.command, self.path, body, dict(self.headers))
            answer = connection.getresponse()
            content = answer.read()
        finally:
            connection.close()
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in ("connection", "transfer-encoding", "content-length"):
                self.send_header(name, value)
        size = answer.getheader("Content-Length") if self.command == "HEAD" else len(content)
        self.send_header("Content-Length", str(size or 0))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = pass_on


def test_errors_of_keys_in_a_bulk_deletion_are_tried_again(tmp_path):
    pytest.importorskip("boto3")
    service, between = Bucket("moto", tmp_path / "service"), FakeStore(HalfHeartedHandler)
    between.port, between.deletions = service.store.port, 0
    environment = service.environment | {"S3_ENDPOINT_URL": between.address}
    try:
        repository, table = make(tmp_path, service.root, environment)
        command(environment, "ingest-files", repository, "thing", "run/a", table, "--transfer", "copy")
        assert list(service.objects().values()) == [b"a: 1\n"]
        between.deletions = 0
        command(environment, "remove-runs", repository, "run/a", "--no-confirm")
        assert between.deletions > 1 and service.objects() == {}
        command(environment, "check", repository)
    finally:
        between.shutdown()
        between.server_close()
        service.stop()
