"""Storage services for the roots of datastores, and what is in them."""

import hashlib
import pathlib
import subprocess
import urllib.parse

import pytest
from transfer_daemon import KEY, SECRET, Store, free_port, tool, wait_for_port


class Bucket:
    """A bucket of an S3 service: of moto, which keeps objects in memory, or of rclone, which checks signatures."""

    def __init__(self, kind, folder):
        self.store = Store(kind, folder)
        self.root = "s3://bucket/some folder/"
        self.client = self.store.client()
        if kind == "moto":
            self.client.create_bucket(Bucket="bucket")
        self.environment = {"S3_ENDPOINT_URL": self.store.address, "AWS_ACCESS_KEY_ID": KEY,
                            "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_DEFAULT_REGION": "us-east-1",
                            "AWS_RESPONSE_CHECKSUM_VALIDATION": "when_required"}

    def put(self, key, content):
        """An object outside of the root; gives its URI."""
        self.client.put_object(Bucket="bucket", Key=key, Body=content)
        return f"s3://bucket/{key}"

    def objects(self, prefix="some folder/"):
        """The content of each object below the root, by its path there."""
        found = {}
        for page in self.client.get_paginator("list_objects_v2").paginate(Bucket="bucket", Prefix=prefix):
            for entry in page.get("Contents", []):
                key = entry["Key"]
                if not key.endswith("/"):
                    found[key[len(prefix):]] = self.client.get_object(Bucket="bucket", Key=key)["Body"].read()
        return found

    def restore(self, objects, prefix="some folder/"):
        for key in self.objects(prefix):
            if key not in objects:
                self.client.delete_object(Bucket="bucket", Key=prefix + key)
        for key, content in objects.items():
            self.client.put_object(Bucket="bucket", Key=prefix + key, Body=content)

    def stop(self):
        self.store.stop()


class WebDAV:
    """A folder of a WebDAV server."""

    def __init__(self, kind, folder):
        self.folder = folder / "dav"
        self.folder.mkdir(parents=True)
        port = free_port()
        self.process = subprocess.Popen(
            [tool("wsgidav"), "--host", "127.0.0.1", "--port", str(port), "--root", str(self.folder), "--auth",
             "anonymous", "--no-config"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for_port(port, self.process)
        # For `http`, which it uses for WebDAV too, Python does not make the folders of a file.
        self.base = f"dav://127.0.0.1:{port}/"
        self.root = self.base + "some/"
        self.environment = {}

    def put(self, key, content):
        path = self.folder / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return self.base + urllib.parse.quote(key)

    def objects(self):
        root = self.folder / "some"
        return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}

    def restore(self, objects):
        root = self.folder / "some"
        for key in self.objects():
            if key not in objects:
                (root / key).unlink()
        for key, content in objects.items():
            path = root / key
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)

    def stop(self):
        self.process.terminate()
        self.process.wait()


SERVICES = {"moto": Bucket, "rclone": Bucket, "webdav": WebDAV}


def service(kind, folder, monkeypatch):
    """Starts a service and makes its credentials those of this process, for the Python software."""
    if kind != "webdav":
        pytest.importorskip("boto3")
    made = SERVICES[kind](kind, pathlib.Path(folder))
    for name, value in made.environment.items():
        monkeypatch.setenv(name, value)
    if made.environment:
        from lsst.resources.s3utils import _get_s3_client

        _get_s3_client.cache_clear()
    return made


def digests(objects):
    """Without Steward's journal."""
    return {path: hashlib.sha256(content).hexdigest()[:12] for path, content in objects.items()
            if not path.startswith(".steward/")}
