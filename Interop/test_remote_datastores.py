"""Repositories whose files the Python software has put into S3 and WebDAV services are read."""

import json
import os
import pathlib
import subprocess

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


def test_files_on_a_webdav_server(webdav, tmp_path):
    butler, type = make_repository(tmp_path / "repo", f"{webdav}/some/")
    for number, value in enumerate(VALUES):
        butler.put(value, type, instrument="Cam", detector=number)
    assert retrieve(tmp_path / "repo", tmp_path / "out") == VALUES
