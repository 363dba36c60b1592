"""Tables in ECSV and Parquet: what Steward writes is read by astropy, pyarrow, pandas and the Butler's own formatter with
the same content and metadata, and the reverse.

The program `table-probe` is found through STEWARD_TABLE_PROBE, else in .build/debug or .build/release.
"""

import json
import math
import os
import subprocess
from pathlib import Path

import pytest

np = pytest.importorskip("numpy")
table_module = pytest.importorskip("astropy.table")
pa = pytest.importorskip("pyarrow")
pd = pytest.importorskip("pandas")
pytest.importorskip("lsst.daf.butler")
import pyarrow.parquet as pq  # noqa: E402
from astropy import units  # noqa: E402
from lsst.daf.butler.formatters import parquet as upstream  # noqa: E402

Table, MaskedColumn, QTable = table_module.Table, table_module.MaskedColumn, table_module.QTable


def find_probe():
    named = os.environ.get("STEWARD_TABLE_PROBE")
    root = Path(__file__).resolve().parent.parent
    candidates = [named] if named else [root / ".build" / kind / "table-probe" for kind in ("debug", "release")]
    return next((str(path) for path in candidates if Path(path).is_file()), None)


PROBE = find_probe()
pytestmark = pytest.mark.skipif(PROBE is None, reason="table-probe is not built (swift build --product table-probe)")


def run(*arguments):
    result = subprocess.run([PROBE, *map(str, arguments)], capture_output=True, text=True, timeout=120)
    assert result.returncode == 0, result.stderr
    return result.stdout


def probe(*arguments):
    output = run(*arguments)
    assert not output.startswith("ERROR"), output
    return output


def describe(path, *columns):
    return json.loads(probe("select", path, *columns) if columns else probe("describe", path))


HAS_ARROW = PROBE is not None and run("version").strip() != "none"
needs_arrow = pytest.mark.skipif(not HAS_ARROW, reason="Steward was built without Apache Arrow (STEWARD_ARROW)")

INTEGERS = ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"]


def sample(masked=True, strings=True):
    table = Table()
    for name in INTEGERS:
        info = np.iinfo(name)
        table[name] = np.array([1, info.max, info.min], dtype=name)
    table["float32"] = np.array([0.1, np.inf, -1e-30], dtype="f4")
    table["float64"] = np.array([1.5, np.nan, 1e300]) * units.mag
    table["flag"] = [True, False, True]
    if strings:
        table["text"] = ["a b", 'q"t', "é😀 #"]
        table["text"].description = "Some: # text, with 'marks'"
    table["vector"] = np.arange(9, dtype="f4").reshape(3, 3) / 7
    table["matrix"] = np.arange(12, dtype="i2").reshape(3, 2, 2)
    table["float32"].format = "%.3f"
    table["flag"].unit = units.km / units.s
    table["int8"].meta["ucd"] = "meta.id"
    if masked:
        table["m_int"] = MaskedColumn([1, 2, 3], mask=[False, True, False], description="masked")
        table["m_float"] = MaskedColumn([1.5, 2, 3], mask=[True, False, False], dtype="f8")
        table["m_flag"] = MaskedColumn([True, True, False], mask=[False, True, False])
        if strings:
            table["m_text"] = MaskedColumn(["a", "x", "c"], mask=[False, True, False])
    table.meta.update({"z": 1, "a": {"k": [1, 2.5, None, True], "j": {"deep": "er"}}, "long": "word " * 60, "uni": "é",
                       "empty": [], "none": {}, "small": 1e-7, "big": 2**63 + 5})
    return table


def assert_same(a, b, *, meta=True, descriptions=True, formats=True):
    assert a.colnames == b.colnames
    assert len(a) == len(b)
    for name in a.colnames:
        left, right = a[name], b[name]
        assert left.dtype.kind == right.dtype.kind, name
        if left.dtype.kind not in "US":
            assert left.dtype == right.dtype, name
        assert left.shape == right.shape, name
        masks = [np.ma.getmaskarray(np.ma.asarray(column)) for column in (left, right)]
        np.testing.assert_array_equal(masks[0], masks[1], err_msg=name)
        valid = ~masks[0]
        np.testing.assert_array_equal(np.ma.getdata(np.ma.asarray(left))[valid], np.ma.getdata(np.ma.asarray(right))[valid], err_msg=name)
        assert str(left.unit) == str(right.unit), name
        if descriptions:
            assert left.description == right.description, name
        if formats:
            assert left.format == right.format, name
            assert dict(left.meta) == dict(right.meta), name
    if meta:
        assert dict(a.meta) == dict(b.meta)


# ECSV


@pytest.mark.parametrize("delimiter", [" ", ","])
def test_ecsv_goes_there_and_back_byte_for_byte(tmp_path, delimiter):
    table = sample()
    del table["float32"]  # numpy and Swift differ in when they write small numbers with an exponent.
    table.write(tmp_path / "a.ecsv", delimiter=delimiter, format="ascii.ecsv")
    copy = tmp_path / ("b.csv" if delimiter == "," else "b.ecsv")
    probe("copy", tmp_path / "a.ecsv", copy)
    assert copy.read_text() == (tmp_path / "a.ecsv").read_text()


def test_ecsv_written_by_steward_is_the_same_table_to_astropy(tmp_path):
    table = sample()
    table.write(tmp_path / "a.ecsv")
    probe("copy", tmp_path / "a.ecsv", tmp_path / "b.ecsv")
    assert_same(Table.read(tmp_path / "a.ecsv"), Table.read(tmp_path / "b.ecsv"))
    assert_same(table, Table.read(tmp_path / "b.ecsv"))


def test_ecsv_cells_are_what_astropy_reads(tmp_path):
    table = sample()
    table.write(tmp_path / "a.ecsv")
    found = describe(tmp_path / "a.ecsv")
    assert found["rows"] == 3
    for column in found["columns"]:
        mine = np.ma.asarray(table[column["name"]])
        expected = [None if mask else value for value, mask in
                    zip(np.ma.getdata(mine).ravel().tolist(), np.ma.getmaskarray(mine).ravel())]
        if column["name"] == "uint64":
            expected = [str(value) for value in expected]
        assert len(expected) == len(column["cells"])
        for left, right in zip(expected, column["cells"]):
            assert left == right or (isinstance(left, float) and math.isnan(left) and math.isnan(right)), column["name"]
        assert tuple(column["shape"]) == table[column["name"]].shape[1:]


ODD = {
    "masked lists": lambda: Table({"a": MaskedColumn(np.arange(6.0).reshape(3, 2), mask=[[0, 1], [1, 1], [0, 0]]),
                                   "s": np.array([["a", "b c"], ["", "d"], ['"', "é\\"]])}),
    "lists of different lengths": lambda: Table({"v": np.array([np.array([1, 2]), np.array([3])], dtype=object),
                                                 "o": np.array([{"a": 1}, [1, "x"]], dtype=object)}),
    "times": lambda: Table({"t": np.array(["2020-01-01T00:00:00.5", "NaT", "1960-12-31"], dtype="M8[us]"),
                            "n": np.array(["2020-01-01", "1970-01-01", "1677-09-22"], dtype="M8[ns]")}),
    "names": lambda: Table({" a ": [1], '"q" x': [2], "c,d": [3], "é": [4], "# no": [5]}),
    "first name with a hash": lambda: Table({"#a": [1], "b": [2]}),
    "line breaks": lambda: Table({"t": ["a\nb", "c"], "u": ["1", "2"]}),
    "commas and quotes": lambda: Table({"t": ["a,b", "'c'", '"'], "b": [1, 2, 3]}),
    "no rows": lambda: Table({"a": np.zeros(0), "s": np.zeros(0, dtype="U3")}),
    "one column of texts": lambda: Table({"s": ["", "x", ""]}),
    "bytes": lambda: Table({"b": [b"ab", b"c"]}),
    "extremes": lambda: Table({"d": [5e-324, 1.7976931348623157e308, -0.0, 1e16, 123456789012345680.0, 1e-5, 0.0001],
                               "f": np.array([1e-45, 3.4e38, 0.1, 16777217, 1e16, 1e-5, 1e-4], dtype="f4")}),
}


@pytest.mark.parametrize("name", ODD)
def test_odd_ecsv_tables_are_the_same_to_astropy(tmp_path, name):
    ODD[name]().write(tmp_path / "a.ecsv")
    probe("copy", tmp_path / "a.ecsv", tmp_path / "b.ecsv")
    first, second = Table.read(tmp_path / "a.ecsv"), Table.read(tmp_path / "b.ecsv")
    if name == "lists of different lengths":
        assert (tmp_path / "a.ecsv").read_text() == (tmp_path / "b.ecsv").read_text()
    else:
        assert_same(first, second)


def test_quantities_and_times_of_astropy_survive_a_copy(tmp_path):
    from astropy.coordinates import SkyCoord
    from astropy.time import Time

    table = QTable({"q": [1.0, 2.0] * units.m, "t": Time(["2020-01-01", "2021-01-01"]),
                    "c": SkyCoord([1, 2], [3, 4], unit="deg"), "plain": [1, 2]})
    table.meta["unit"] = units.Jy
    table.meta["when"] = Time("2020-01-01")
    table.write(tmp_path / "a.ecsv")
    probe("copy", tmp_path / "a.ecsv", tmp_path / "b.ecsv")
    again = QTable.read(tmp_path / "b.ecsv")
    assert again["q"].unit == units.m and list(again["q"].value) == [1, 2]
    assert isinstance(again["t"], Time) and again["t"][1] == table["t"][1]
    assert again["c"].separation(table["c"]).max() < 1e-9 * units.deg
    assert again.meta["unit"] == units.Jy and again.meta["when"] == table.meta["when"]


# Parquet


def write(table, path):
    """As the Butler's formatter does."""
    pq.write_table(table, path, row_group_size=upstream.compute_row_group_size(table.schema))


def same_files(first, second):
    a, b = pq.ParquetFile(first), pq.ParquetFile(second)
    assert a.schema_arrow.equals(b.schema_arrow, check_metadata=False)
    assert a.num_row_groups == b.num_row_groups and a.metadata.num_rows == b.metadata.num_rows
    assert {key: value for key, value in (b.schema_arrow.metadata or {}).items()} == (a.schema_arrow.metadata or {})
    for field in a.schema_arrow:
        assert (b.schema_arrow.field(field.name).metadata or {}) == (field.metadata or {}), field.name
    for group in range(a.num_row_groups):
        for column in range(a.metadata.num_columns):
            chunk = b.metadata.row_group(group).column(column)
            assert chunk.compression == "SNAPPY"
            assert chunk.num_values == a.metadata.row_group(group).column(column).num_values
    # Unlike equals(), this takes NaN for NaN.
    assert repr(a.read().to_pylist()) == repr(b.read().to_pylist())


@needs_arrow
def test_astropy_tables_have_the_same_file_content(tmp_path):
    table = sample()
    write(upstream.astropy_to_arrow(table), tmp_path / "a.parq")
    probe("copy", tmp_path / "a.parq", tmp_path / "b.parq", "astropy")
    same_files(tmp_path / "a.parq", tmp_path / "b.parq")
    again = upstream.arrow_to_astropy(pq.read_table(tmp_path / "b.parq"))
    assert_same(table, again)


@needs_arrow
def test_numpy_arrays_have_the_same_file_content(tmp_path):
    array = sample(masked=False).as_array()
    array = np.array(array)
    write(upstream.numpy_to_arrow(array), tmp_path / "a.parq")
    probe("copy", tmp_path / "a.parq", tmp_path / "b.parq", "numpy")
    same_files(tmp_path / "a.parq", tmp_path / "b.parq")
    again = upstream.arrow_to_numpy(pq.read_table(tmp_path / "b.parq"))
    assert again.dtype == array.dtype
    for name in array.dtype.names:
        np.testing.assert_array_equal(again[name], array[name])


@needs_arrow
def test_dictionaries_of_arrays_have_the_same_file_content(tmp_path):
    content = {"a": np.arange(3.0), "b": np.array([b"x", b"yz", b""]), "t": np.array(["2020", "2021", "NaT"], dtype="M8[ns]"),
               "m": np.arange(12).reshape(3, 2, 2)}
    write(upstream.numpy_dict_to_arrow(content), tmp_path / "a.parq")
    probe("copy", tmp_path / "a.parq", tmp_path / "b.parq", "numpy")
    same_files(tmp_path / "a.parq", tmp_path / "b.parq")
    again = upstream.arrow_to_numpy_dict(pq.read_table(tmp_path / "b.parq"))
    assert list(again) == list(content)
    for name in ("a", "b", "m"):
        np.testing.assert_array_equal(again[name], content[name])


FRAMES = {
    "plain": lambda: pd.DataFrame({"a": [1, 2], "b": [0.5, np.nan], "s": ["x", "yz"], "t": pd.to_datetime(["2020-01-01", "2021-01-01"])}),
    "named index": lambda: pd.DataFrame({"id": [5, 6], "a": [1, 2]}).set_index("id"),
    "unnamed index": lambda: pd.DataFrame({"a": [1, 2]}, index=[7, 9]),
    "levels": lambda: pd.DataFrame(
        np.arange(6.0).reshape(2, 3), columns=pd.MultiIndex.from_tuples([("g", "a"), ("g", "b"), ("r", "a")], names=["filter", "column"])),
    "time zone": lambda: pd.DataFrame({"t": pd.to_datetime(["2020-01-01", "2021-01-01"]).tz_localize("UTC")}),
    "nulls": lambda: pd.DataFrame({"s": ["x", None], "i": pd.array([1, None], dtype="Int64"), "b": pd.array([True, None], dtype="boolean")}),
    "empty": lambda: pd.DataFrame({"a": np.zeros(0), "s": np.zeros(0, dtype=object)}).astype({"s": "str"}),
}


@needs_arrow
@pytest.mark.parametrize("name", FRAMES)
def test_data_frames_have_the_same_file_content(tmp_path, name):
    frame = FRAMES[name]()
    write(upstream.pandas_to_arrow(frame), tmp_path / "a.parq")
    probe("copy", tmp_path / "a.parq", tmp_path / "b.parq", "pandas")
    same_files(tmp_path / "a.parq", tmp_path / "b.parq")
    again = upstream.arrow_to_pandas(pq.read_table(tmp_path / "b.parq"))
    pd.testing.assert_frame_equal(frame, again)


@needs_arrow
def test_a_table_that_pandas_has_not_seen_becomes_a_data_frame(tmp_path):
    sample().write(tmp_path / "a.ecsv")
    probe("copy", tmp_path / "a.ecsv", tmp_path / "b.parq", "pandas")
    frame = upstream.arrow_to_pandas(pq.read_table(tmp_path / "b.parq"))
    assert isinstance(frame.index, pd.RangeIndex) and len(frame) == 3
    assert frame["int16"].dtype == "int16" and list(frame["text"]) == ["a b", 'q"t', "é😀 #"]


@needs_arrow
def test_arrow_tables_keep_what_they_have(tmp_path):
    table = pa.table({"a": pa.array([1, None, 3], pa.int32()), "s": ["x", None, "é"], "b": [b"\xff", b"", None],
                      "v": pa.array([[1.0, 2.0], [3.0, None], [4.0, 5.0]], pa.list_(pa.float64(), 2)),
                      "t": pa.array([1, 2, None], pa.timestamp("ns", tz="UTC"))})
    fields = [field.with_metadata({"unit": "m", "own": "thing"}) if field.name == "a" else field for field in table.schema]
    table = table.cast(pa.schema(fields)).replace_schema_metadata({"mine": "x", "raw": b"\xff\x00"})
    write(table, tmp_path / "a.parq")
    probe("copy", tmp_path / "a.parq", tmp_path / "b.parq", "arrow")
    same_files(tmp_path / "a.parq", tmp_path / "b.parq")


@needs_arrow
def test_other_types_of_arrow_are_read_or_refused_by_name(tmp_path):
    table = pa.table({"d": pa.array(["a", "b", "a"]).dictionary_encode(), "h": pa.array([1.5, 2, 3], pa.float16()),
                      "l": pa.array(["x", "y", None], pa.large_string()), "n": pa.nulls(3),
                      "f": pa.array([b"ab", b"cd", None], pa.binary(2)),
                      "bad": pa.array([[1], [2, 3], []], pa.list_(pa.int8()))})
    pq.write_table(table, tmp_path / "a.parq")
    found = {column["name"]: column for column in describe(tmp_path / "a.parq", "[!b]*")["columns"]}
    assert found["d"]["cells"] == ["a", "b", "a"] and found["d"]["type"] == "string"
    assert found["h"]["cells"] == [1.5, 2, 3] and found["h"]["type"] == "float32"
    assert found["l"]["cells"] == ["x", "y", None] and found["n"]["cells"] == [None] * 3
    assert found["f"]["type"] == "bytes" and found["f"]["cells"][2] is None
    output = run("describe", tmp_path / "a.parq")
    assert output.startswith("ERROR column 'bad' has the type list<element: int8>")


@needs_arrow
def test_columns_are_selected_as_upstream_selects_them(tmp_path):
    write(upstream.astropy_to_arrow(sample()), tmp_path / "a.parq")
    names = [column["name"] for column in describe(tmp_path / "a.parq", "m_*", "int?", "text")["columns"]]
    assert names == ["m_int", "m_float", "m_flag", "m_text", "int8", "text"]
    assert "has no column 'nothing*'" in run("select", tmp_path / "a.parq", "nothing*")
    assert "has no column 'INT8'" in run("select", tmp_path / "a.parq", "INT8")
    write(upstream.pandas_to_arrow(FRAMES["named index"]()), tmp_path / "p.parq")
    assert [column["name"] for column in describe(tmp_path / "p.parq", "a")["columns"]] == ["a", "id"]


@needs_arrow
def test_tables_go_from_parquet_to_ecsv_and_back(tmp_path):
    table = sample()
    write(upstream.astropy_to_arrow(table), tmp_path / "a.parq")
    probe("copy", tmp_path / "a.parq", tmp_path / "b.ecsv")
    probe("copy", tmp_path / "b.ecsv", tmp_path / "c.parq")
    assert_same(table, Table.read(tmp_path / "b.ecsv"))
    assert_same(table, upstream.arrow_to_astropy(pq.read_table(tmp_path / "c.parq")))
