"""Datasets that are tables, in one repository: Steward writes for every storage class of tables and Python reads, and the
reverse, components and parts of them included."""

import io

import pytest

from test_repositories import FIXTURES, PROBE, STEWARD, Steward, needs_fixtures
from test_tables import FRAMES, HAS_ARROW, assert_same, np, pa, pd, pq, sample, Table, upstream

from lsst.daf.butler import Butler, DatasetType

pytestmark = pytest.mark.skipif(
    STEWARD is None or PROBE is None, reason="steward and butler-probe are not built; run swift build"
)
needs_arrow = pytest.mark.skipif(not HAS_ARROW, reason="Steward was built without Apache Arrow (STEWARD_ARROW)")

PARQUET = ["ArrowAstropy", "ArrowNumpy", "ArrowNumpyDict", "ArrowTable", "DataFrame"]
SCHEMAS = ["ArrowSchema"]
ID = {"instrument": "Cam", "detector": 0}


def text(table):
    out = io.StringIO()
    table.write(out, format="ascii.ecsv")
    return out.getvalue()


def parse(answer):
    return Table.read(answer["ecsv"], format="ascii.ecsv")


@pytest.fixture
def repository(tmp_path):
    root = tmp_path / "repository"
    Butler.makeRepo(str(root))
    with Butler.from_config(str(root), writeable=True) as butler:
        butler.registry.insertDimensionData(
            "instrument", {"name": "Cam", "class_name": "x.Y", "detector_max": 4, "visit_system": 0})
        butler.registry.insertDimensionData(
            "detector", {"instrument": "Cam", "id": 0, "full_name": "D0", "purpose": "SCIENCE"})
        for name in [*PARQUET, *SCHEMAS, "AstropyTable", "AstropyQTable"]:
            butler.registry.registerDatasetType(
                DatasetType(f"t_{name}", ["detector"], name, universe=butler.dimensions))
        for run in ("python", "steward"):
            butler.collections.register(run)
    return root


def in_python(table, storage_class):
    """A table of astropy as the type of a storage class."""
    match storage_class:
        case "ArrowAstropy" | "AstropyTable": return table
        case "AstropyQTable": return table
        case "ArrowTable": return upstream.astropy_to_arrow(table)
        case "ArrowNumpy": return upstream.arrow_to_numpy(upstream.astropy_to_arrow(table))
        case "ArrowNumpyDict": return upstream.arrow_to_numpy_dict(upstream.astropy_to_arrow(table))
        case "DataFrame": return upstream.astropy_to_pandas(table)


def as_astropy(value, storage_class):
    match storage_class:
        case "ArrowTable": return upstream.arrow_to_astropy(value)
        case "ArrowNumpy": return upstream.numpy_to_astropy(value)
        case "ArrowNumpyDict": return Table(value)
        case _: return value


def plain(table):
    """A table without what only astropy keeps. Texts that are masked become empty: as ECSV, which brings tables here, they
    are the same."""
    table = Table(table)
    table.meta.clear()
    for name in table.colnames:
        if table[name].dtype.kind in "US" and hasattr(table[name], "filled"):
            table[name] = table[name].filled("")
        column = table[name]
        column.unit = column.format = column.description = None
        column.meta = {}
    return table


@needs_arrow
@pytest.mark.parametrize("storage_class", PARQUET)
def test_steward_puts_tables_that_python_gets(repository, storage_class):
    table = sample(masked=storage_class not in ("ArrowNumpy", "ArrowNumpyDict", "DataFrame"))
    if storage_class == "DataFrame":
        table.remove_columns(["vector", "matrix"])
    with Steward(repository, writeable=True) as steward:
        ref = steward.do("put_table", type=f"t_{storage_class}", run="steward", data_id=ID, ecsv=text(table))
    with Butler.from_config(str(repository)) as butler:
        found = butler.get_dataset(ref["id"])
        value = butler.get(found)
        if storage_class == "DataFrame":
            pd.testing.assert_frame_equal(value, upstream.astropy_to_pandas(table), check_dtype=False)
        elif storage_class == "ArrowAstropy":
            # Upstream drops what only its header has, unless asked.
            assert_same(table, value, meta=False, formats=False)
            whole = butler.get(found, parameters={"strip_astropy_meta_yaml": False})
            meta = {key: whole.meta[key] for key in whole.meta if not key.startswith("LSST.BUTLER")}
            assert meta == dict(table.meta)
            assert {key: whole.meta[key] for key in whole.meta if key.startswith("LSST.BUTLER")} == {
                "LSST.BUTLER.ID": ref["id"], "LSST.BUTLER.RUN": "steward", "LSST.BUTLER.DATASETTYPE": "t_ArrowAstropy",
                "LSST.BUTLER.DATAID.DETECTOR": 0, "LSST.BUTLER.DATAID.INSTRUMENT": "Cam", "LSST.BUTLER.N_INPUTS": 0}
        else:
            assert_same(plain(table), plain(as_astropy(value, storage_class)))
        assert butler.get(found.makeComponentRef("rowcount")) == 3
        assert list(butler.get(found.makeComponentRef("columns"))) == table.colnames
        part = butler.get(found, parameters={"columns": ["int8", "text"]})
        names = part.keys() if storage_class == "ArrowNumpyDict" else part.dtype.names if storage_class == "ArrowNumpy" else (
            part.column_names if storage_class == "ArrowTable" else list(part.columns))
        assert list(names) == ["int8", "text"]
        # Each class reads what was written for any other.
        for other in PARQUET:
            assert butler.get(found, storageClass=other) is not None


@needs_arrow
@pytest.mark.parametrize("storage_class", PARQUET)
def test_the_files_have_the_metadata_of_pythons(repository, storage_class):
    table = sample(masked=False)
    if storage_class == "DataFrame":
        # pandas makes lists of any length of them.
        table.remove_columns(["vector", "matrix"])
    with Butler.from_config(str(repository), writeable=True, run="python") as butler:
        mine = butler.put(in_python(table, storage_class), f"t_{storage_class}", ID)
        with Steward(repository, writeable=True) as steward:
            copy = steward.do("get_table", id=str(mine.id))
            assert copy["rows"] == 3
            ref = steward.do("put_table", type=f"t_{storage_class}", run="steward", data_id=ID, ecsv=text(table))
        paths = [butler.getURI(one).ospath for one in (mine, butler.get_dataset(ref["id"]))]
        first, second = (pq.read_schema(path) for path in paths)
        metadata = [dict(schema.metadata) for schema in (first, second)]
        if storage_class == "DataFrame":
            # Its own key names the version of pandas, and text may be of the large type.
            assert metadata[0].keys() - {b"pandas"} <= metadata[1].keys()
            assert first.names == second.names
            return
        assert first.equals(second, check_metadata=False)
        for one in metadata:
            if yaml := one.get(b"table_meta_yaml"):
                lines = yaml.decode().splitlines()
                one[b"table_meta_yaml"] = [line for line in lines if "LSST.BUTLER.ID" not in line and "LSST.BUTLER.RUN" not in line]
        assert metadata[0] == metadata[1]
        for name in first.names:
            assert (first.field(name).metadata or {}) == (second.field(name).metadata or {}), name
        assert [pq.ParquetFile(path).metadata.row_group(0).num_rows for path in paths] == [3, 3]


@needs_arrow
@pytest.mark.parametrize("storage_class", PARQUET)
def test_python_puts_tables_that_steward_gets(repository, storage_class):
    table = sample(masked=storage_class not in ("ArrowNumpy", "ArrowNumpyDict", "DataFrame"))
    if storage_class == "DataFrame":
        table.remove_columns(["vector", "matrix"])
    with Butler.from_config(str(repository), writeable=True, run="python") as butler:
        value = in_python(table, storage_class)
        ref = butler.put(value, f"t_{storage_class}", ID)
        columns = list(butler.get(ref.makeComponentRef("columns")))
    with Steward(repository) as steward:
        found = parse(steward.do("get", id=str(ref.id))["table"])
        if storage_class in ("ArrowAstropy", "ArrowTable"):
            for key in [key for key in found.meta if key.startswith("LSST.BUTLER")]:
                del found.meta[key]
            expected = sample()
            for key in [key for key in expected.meta if key.startswith("LSST.BUTLER")]:
                del expected.meta[key]
            assert_same(expected, found)
        elif storage_class == "DataFrame":
            # Through pandas a NaN becomes a null.
            assert_same(plain(upstream.pandas_to_astropy(value)), plain(found))
        else:
            assert_same(plain(table), plain(found))
        part = parse(steward.do("get_table", id=str(ref.id), columns=["text", "int*"]))
        assert part.colnames == ["text", "int8", "int16", "int32", "int64"]
        assert steward.do("get", id=str(ref.id), component="rowcount")["value"] == 3
        assert steward.do("get", id=str(ref.id), component="columns")["value"] == columns
        schema = parse(steward.do("get", id=str(ref.id), component="schema")["table"]) if storage_class == "DataFrame" else None
        assert schema is None or (len(schema) == 0 and schema.colnames == found.colnames)
        refused = steward.ask("get_table", id=str(ref.id), columns=["Text"])
        assert refused["error"] == "DatastoreError" and "has no column 'Text'" in refused["message"]


FILTERS = [
    [["number", "=", 3]],
    [["number", ">", 1], ["number", "<=", 4]],
    [["number", "!=", 3], ["flux", ">=", 0.5]],
    [["flux", "<", 2]],
    [["text", "in", ["a", "c"]]],
    [["text", "not in", ["a"]], ["flag", "=", True]],
    [["small", ">", 2.5]],
    [["text", ">", "b"]],
    [["number", "=", 99]],
]


@needs_arrow
def test_rows_are_selected_as_pyarrow_does(repository):
    table = Table(
        {
            "number": [1, 2, 3, 4, 5],
            "flux": np.ma.MaskedArray([0.5, np.nan, 1.5, 2.5, 3.5], mask=[0, 0, 0, 1, 0]),
            "text": ["a", "b", "c", "é", "a"],
            "flag": [True, False, True, True, False],
            "small": np.array([1, 2, 3, 4, 5], dtype="u1"),
            "pair": np.arange(10).reshape(5, 2),
        }
    )
    with Butler.from_config(str(repository), writeable=True, run="python") as butler:
        ref = butler.put(table, "t_ArrowAstropy", ID)
        path = butler.getURI(ref).ospath
    groups = [[group] for group in FILTERS] + [[FILTERS[0], FILTERS[4]], []]
    with Steward(repository) as steward:
        for columns in (None, ["text", "pair"]):
            for filters in groups:
                given = [[(name, operation, value) for name, operation, value in group] for group in filters]
                expected = pq.read_table(path, filters=given or None, columns=columns)
                answer = steward.do("get_table", id=str(ref.id), filters=filters, columns=columns)
                assert answer["rows"] == expected.num_rows, filters
                if expected.num_rows == 0:
                    # Astropy does not read lists of no rows.
                    continue
                found = parse(answer)
                assert found.colnames == expected.column_names
                assert [str(text) for text in found["text"]] == expected["text"].to_pylist(), filters
                assert found["pair"].tolist() == expected["pair"].to_pylist()
        for filters, reason in (
            ([[["nosuch", "=", 1]]], "has no column 'nosuch'"),
            ([[["text", "=", 1]]], "cannot be filtered"),
            ([[["pair", "=", 1]]], "its cells are lists"),
        ):
            assert reason in steward.ask("get_table", id=str(ref.id), filters=filters)["message"]


@needs_arrow
def test_metadata_of_astropy_is_left_out_where_python_leaves_it_out(repository):
    table = sample()
    with Butler.from_config(str(repository), writeable=True, run="python") as butler:
        ref = butler.put(table, "t_ArrowAstropy", ID)
        with Steward(repository) as steward:
            for strips in (True, False):
                expected = butler.get(ref, parameters={"strip_astropy_meta_yaml": strips})
                found = parse(steward.do("get_table", id=str(ref.id), strip=strips))
                assert dict(found.meta) == dict(expected.meta)
                assert [found[name].unit for name in found.colnames] == [expected[name].unit for name in expected.colnames]
                for name in found.colnames:
                    assert found[name].description == expected[name].description


@needs_arrow
@pytest.mark.parametrize("name", FRAMES)
def test_data_frames_with_indexes_and_levels_are_read(repository, name):
    frame = FRAMES[name]()
    with Butler.from_config(str(repository), writeable=True, run="python") as butler:
        ref = butler.put(frame, "t_DataFrame", ID)
        columns = [str(column) for column in butler.get(ref.makeComponentRef("columns"))]
    with Steward(repository) as steward:
        answer = steward.do("get_table", id=str(ref.id))
        assert answer["rows"] == len(frame) and "pandas" in answer["schema_metadata"]
        found = steward.do("get", id=str(ref.id), component="columns")["value"]
        assert found == columns


@needs_arrow
def test_names_of_several_levels_become_those_of_pandas(repository):
    table = Table({"('g', 'flux')": [1.0, 2.0], "('g', \"it's\")": [1, 2], "('r', 'flux')": [3.0, 4.0]})
    with Steward(repository, writeable=True) as steward:
        ref = steward.do("put_table", type="t_DataFrame", run="steward", data_id=ID, ecsv=text(table), levels=["band", "column"])
    with Butler.from_config(str(repository)) as butler:
        frame = butler.get(butler.get_dataset(ref["id"]))
        assert frame.columns.names == ["band", "column"]
        assert list(frame.columns) == [("g", "flux"), ("g", "it's"), ("r", "flux")]
        assert list(frame["g"]["flux"]) == [1.0, 2.0]
        part = butler.get(butler.get_dataset(ref["id"]), parameters={"columns": {"band": "r", "column": "flux"}})
        assert list(part.columns) == [("r", "flux")]


@needs_arrow
def test_an_index_column_becomes_that_of_pandas(repository):
    table = Table({"x": [1.5, 2.5], "id": [7, 9]})
    with Steward(repository, writeable=True) as steward:
        ref = steward.do("put_table", type="t_DataFrame", run="steward", data_id=ID, ecsv=text(table), index=["id"])
    with Butler.from_config(str(repository)) as butler:
        frame = butler.get(butler.get_dataset(ref["id"]))
        assert frame.index.name == "id" and list(frame.index) == [7, 9] and list(frame.columns) == ["x"]


@needs_arrow
def test_schemas_go_both_ways(repository):
    schema = upstream.astropy_to_arrow(sample()).schema
    with Butler.from_config(str(repository), writeable=True, run="python") as butler:
        mine = butler.put(schema, "t_ArrowSchema", ID)
        with Steward(repository, writeable=True) as steward:
            table = Table({"a": np.zeros(0, "i4"), "f": np.zeros(0)})
            ref = steward.do("put_table", type="t_ArrowSchema", run="steward", data_id=ID, ecsv=text(table))
            answer = steward.do("get_table", id=str(mine.id))
            assert answer["rows"] == 0 and "name: int8" in answer["ecsv"]
            refused = steward.ask("put_table", type="t_ArrowSchema", run="python", data_id={**ID, "detector": 0},
                                  ecsv=text(Table({"a": [1]})))
            assert refused["error"] == "DatastoreError" or "no rows" in refused["message"]
        found = butler.get(butler.get_dataset(ref["id"]))
        assert found.names == ["a", "f"] and found.field("a").type == pa.int32()


@pytest.mark.parametrize("storage_class", ["AstropyTable", "AstropyQTable"])
def test_ecsv_datasets_go_both_ways(repository, storage_class):
    table = sample()
    with Steward(repository, writeable=True) as steward:
        ref = steward.do("put_table", type=f"t_{storage_class}", run="steward", data_id=ID, ecsv=text(table))
    with Butler.from_config(str(repository), writeable=True, run="python") as butler:
        value = butler.get(butler.get_dataset(ref["id"]))
        if storage_class == "AstropyTable":
            assert_same(table, value)
        mine = butler.put(value, f"t_{storage_class}", ID)
    with Steward(repository) as steward:
        answer = steward.do("get", id=str(mine.id))["table"]
        if storage_class == "AstropyTable":
            assert_same(table, parse(answer))
        # As in Python, the storage class has no parameters.
        assert "columns" in steward.ask("get_table", id=str(mine.id), columns=["int8"])["message"]


@needs_fixtures
def test_the_tables_of_the_fixtures_are_what_python_reads():
    root = FIXTURES / "hsc-rc2"
    read = 0
    with Butler.from_config(str(root)) as butler, Steward(root) as steward:
        for name in ("visitTable", "refCat", "numpyTable", "arrowTable", "ecsvTable"):
            if name != "ecsvTable" and not HAS_ARROW:
                continue
            storage_class = butler.get_dataset_type(name).storageClass_name
            for ref in butler.query_datasets(name, collections="*", find_first=False, explain=False):
                if not butler.stored(ref):
                    continue
                value = as_astropy(butler.get(ref), storage_class)
                answer = steward.do("get", id=str(ref.id))["table"]
                assert_same(plain(value), plain(parse(answer)))
                if name in ("visitTable", "refCat"):
                    for column in value.colnames:
                        assert value[column].unit == parse(answer)[column].unit
                        assert value[column].description == parse(answer)[column].description
                read += 1
    assert read
