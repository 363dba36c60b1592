"""VOTable documents of astropy, read by Steward: the same columns, cells and nulls."""

import math

import pytest

np = pytest.importorskip("numpy")
table_module = pytest.importorskip("astropy.table")
from astropy import units  # noqa: E402
from astropy.io.votable import from_table, writeto  # noqa: E402
from test_tables import describe, pytestmark, run  # noqa: E402, F401

Table, MaskedColumn = table_module.Table, table_module.MaskedColumn


def sample():
    table = Table()
    table["path"] = ["a <b>.yaml", "c & \"d\".yaml", "é.yaml"]
    for name in ("uint8", "int16", "int32", "int64"):
        info = np.iinfo(name)
        table[name] = np.array([1, info.max, info.min], dtype=name)
    table["float32"] = np.array([0.1, np.inf, -1e-30], dtype="f4")
    table["float64"] = np.array([1.5, np.nan, 1e300]) * units.mag
    table["flag"] = [True, False, True]
    table["a name, with blanks"] = MaskedColumn([1, 2, 3], mask=[False, True, False], description="masked")
    table["matrix"] = np.arange(12, dtype="i2").reshape(3, 2, 2)
    return table


@pytest.mark.parametrize("serialization", ["tabledata", "binary", "binary2"])
def test_a_votable_has_the_cells_that_astropy_reads(tmp_path, serialization):
    path = tmp_path / "table.vot"
    table = sample()
    if serialization == "binary":
        # It has no way to leave out an integer.
        table["a name, with blanks"] = table["a name, with blanks"].filled(7)
    writeto(from_table(table), str(path), tabledata_format=serialization)
    expected = Table.read(path, format="votable")
    found = describe(path)
    assert found["rows"] == len(expected)
    assert [column["name"] for column in found["columns"]] == expected.colnames
    for column in found["columns"]:
        theirs = expected[column["name"]]
        assert column["unit"] == (str(theirs.unit) if theirs.unit else None)
        assert column["shape"] == list(theirs.shape[1:])
        flat = np.ma.asarray(theirs).reshape(-1)
        for ours, value, masked in zip(column["cells"], flat.data, np.ma.getmaskarray(flat), strict=True):
            if isinstance(value, (float, np.floating)) and math.isnan(value):
                assert ours is None or ours == "NaN" or math.isnan(ours)
            elif masked:
                assert ours is None
            elif isinstance(value, np.floating):
                assert type(value)(ours) == value or ours in ("Infinity", "-Infinity")
            else:
                assert ours == (value.item() if hasattr(value, "item") else value)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("<VOTABLE><RESOURCE></RESOURCE></VOTABLE>", "no table"),
        ("<VOTABLE><TABLE></TABLE><TABLE></TABLE></VOTABLE>", "several tables"),
        ("<VOTABLE><TABLE>", "not closed"),
        ('<!DOCTYPE x [<!ENTITY a "b">]><VOTABLE/>', "entities"),
        ('<VOTABLE><TABLE><FIELD name="a" datatype="floatComplex"/></TABLE></VOTABLE>', "type floatComplex"),
        (
            '<VOTABLE><TABLE><FIELD name="a" datatype="int"/><DATA><TABLEDATA>\n<TR><TD>x</TD></TR></TABLEDATA></DATA>'
            "</TABLE></VOTABLE>",
            "line 2: column 'a': 'x' is no int",
        ),
        (
            '<VOTABLE><TABLE><FIELD name="a" datatype="int"/><DATA><BINARY><STREAM encoding="base64">AAA=</STREAM>'
            "</BINARY></DATA></TABLE></VOTABLE>",
            "is cut",
        ),
        (
            '<VOTABLE><TABLE><FIELD name="a" datatype="int"/><DATA><BINARY><STREAM href="http://x/"/></BINARY></DATA>'
            "</TABLE></VOTABLE>",
            "elsewhere",
        ),
    ],
)
def test_what_is_no_usable_votable_is_refused(tmp_path, text, reason):
    path = tmp_path / "bad.vot"
    path.write_text(text)
    answer = run("describe", path)
    assert answer.startswith("ERROR") and reason in answer and len(answer.splitlines()) == 1
