"""Schemas that are read from object stores, and made of Parquet files."""

import datetime
import decimal
import json
import os
import socket
import subprocess
import time
from pathlib import Path

import pytest
import yaml
from felis_tools import errors, problems, steward

BASE = "name: b\ntables: [{name: T, columns: [{name: x, datatype: int}]}]\n"
REFERRING = "name: a\nresources: {b: {uri: base.yaml}}\ntables: [{name: R, columnRefs: {b: {T: {x: }}}}]\n"


def rclone():
    tools = os.environ.get("STEWARD_STORAGE_TOOLS")
    path = Path(tools or "/nonexistent") / "bin" / "rclone"
    return path if path.exists() else None


@pytest.mark.skipif(rclone() is None, reason="STEWARD_STORAGE_TOOLS has no rclone")
def test_files_of_object_stores(tmp_path, monkeypatch):
    bucket = tmp_path / "store" / "bucket" / "folder"
    bucket.mkdir(parents=True)
    (bucket / "base.yaml").write_text(BASE)
    (bucket / "a.yaml").write_text(REFERRING)
    with open(bucket / "large.yaml", "wb") as file:
        file.truncate(100 << 20)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = subprocess.Popen(
        [rclone(), "serve", "s3", "--addr", f"127.0.0.1:{port}", "--auth-key", "key,secret", "--force-path-style",
         "--config", tmp_path / "rclone.conf", tmp_path / "store"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )
    try:
        for _ in range(1000):
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                time.sleep(0.01)
        monkeypatch.setenv("S3_ENDPOINT_URL", f"http://127.0.0.1:{port}")
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
        out = tmp_path / "out.json"
        steward("dump", "--dereference-resources", "s3://bucket/folder/a.yaml", out)
        assert json.loads(out.read_text())["tables"][0]["columns"][0]["name"] == "x"
        assert "There is no file 's3://bucket/folder/none.yaml'" in errors("s3://bucket/folder/none.yaml")[0]["message"]
        assert "more than the limit" in errors("s3://bucket/folder/large.yaml")[0]["message"]
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
        assert "Cannot read 's3://bucket/folder/a.yaml'" in errors("s3://bucket/folder/a.yaml")[0]["message"]
    finally:
        server.kill()
        server.wait()
    assert "addresses of 'ftp' are not supported" in errors("ftp://host/a.yaml")[0]["message"]


def parquet(path):
    import numpy
    import pyarrow
    import pyarrow.parquet

    fields = [
        pyarrow.field("flag", pyarrow.bool_()), pyarrow.field("u1", pyarrow.uint8()),
        pyarrow.field("i1", pyarrow.int8()), pyarrow.field("i4", pyarrow.int32()), pyarrow.field("i8", pyarrow.int64()),
        pyarrow.field("f4", pyarrow.float32(), metadata={"unit": "nJy", "description": "the flux"}),
        pyarrow.field("f8", pyarrow.float64(), metadata={"unit": "furlong"}),
        pyarrow.field("name", pyarrow.string()), pyarrow.field("raw", pyarrow.binary()),
        pyarrow.field("at", pyarrow.timestamp("ms")), pyarrow.field("vector", pyarrow.list_(pyarrow.float64(), 3)),
        pyarrow.field("odd", pyarrow.struct([("a", pyarrow.int32())])),
        pyarrow.field("day", pyarrow.date32(), metadata={"description": "the night"}),
        pyarrow.field("sum", pyarrow.decimal128(10, 2), metadata={"unit": "s"}),
        pyarrow.field("clock", pyarrow.time64("us")), pyarrow.field("four", pyarrow.binary(4)),
    ]
    values = [
        [True], [1], [-1], [2], [3], [1.5], [2.5], ["x"], [b"y"], [numpy.datetime64("2024-01-01T00:00:00", "ms")],
        [[1.0, 2.0, 3.0]], [{"a": 1}], [datetime.date(2024, 1, 1)], [decimal.Decimal("1.25")], [datetime.time(1, 2, 3)],
        [b"abcd"],
    ]
    arrays = [pyarrow.array(value, field.type) for value, field in zip(values, fields)]
    pyarrow.parquet.write_table(pyarrow.table(arrays, schema=pyarrow.schema(fields)), path)


def test_parquet_files_become_tables(tmp_path):
    parquet(tmp_path / "Object.parquet")
    parquet(tmp_path / "source.parq")
    out = tmp_path / "out.yaml"
    done = steward("extract", "--name", "s", tmp_path / "Object.parquet", tmp_path / "source.parq", "-o", out)
    for remark in ("Object.odd is of a type that has no counterpart", "The unit 'furlong'", "Object.vector has lists of 3"):
        assert remark in done.stderr
    model = yaml.safe_load(out.read_text())
    assert [table["name"] for table in model["tables"]] == ["Object", "source"]
    columns = {column["name"]: column for column in model["tables"][0]["columns"]}
    assert {name: column["datatype"] for name, column in columns.items()} == {
        "flag": "boolean", "u1": "byte", "i1": "short", "i4": "int", "i8": "long", "f4": "float", "f8": "double",
        "name": "text", "raw": "binary", "at": "timestamp", "vector": "double", "day": "timestamp",
        "sum": "double", "clock": "text", "four": "binary",
    }
    assert columns["day"]["postgresql:datatype"] == columns["day"]["mysql:datatype"] == "DATE"
    assert columns["day"]["description"] == "the night" and columns["sum"]["ivoa:unit"] == "s"
    assert columns["sum"]["postgresql:datatype"] == "NUMERIC" and columns["four"]["length"] == 4
    assert (columns["f4"]["ivoa:unit"], columns["f4"]["description"]) == ("nJy", "the flux")
    assert columns["at"]["precision"] == 3 and columns["vector"]["votable:arraysize"] == "3"
    assert [problem for problem in problems(out) if problem["severity"] == "error"] == []
    for dialect in ("sqlite", "postgresql", "mysql"):
        assert 'CREATE TABLE' in steward("create", f"--engine-url={dialect}://", out).stdout
    broken = tmp_path / "broken.parquet"
    broken.write_bytes(b"PAR1 this is none PAR1")
    done = steward("extract", "--name", "s", broken, check=False)
    assert done.returncode == 1 and "broken.parquet" in done.stderr
    assert steward("extract", "--name", "s", "--tap-schema", broken, check=False).returncode == 2
