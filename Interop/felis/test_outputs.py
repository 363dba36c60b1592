"""VOTable metadata, data link columns, the JSON Schema of the language, lints."""

import json
import os
import shutil
import subprocess
import warnings
import xml.etree.ElementTree

import pytest
import yaml
from felis_tools import FILES, GOLDEN, needs_golden, problems, steward

CHOSEN = {path.stem: path for path in FILES}
# Valid for the real tool, which makes numbers of texts and the like, but nothing that an editor should offer.
LENIENT = {
    "016_schema_version_unknown_key.yaml", "025_table_index_numeric_string.yaml", "065_nullable_yes_string_ok.yaml",
    "068_tap_principal_true.yaml", "158_field_names_instead_of_aliases_ok.yaml",
}
SPACE = "{http://www.ivoa.net/xml/VOTable/v1.3}"


def test_votables_are_read_by_astropy_and_have_all_columns():
    import io

    import astropy.io.votable

    for path in FILES:
        text = steward("votable", path).stdout
        root = xml.etree.ElementTree.fromstring(text)
        dump = steward_model(path)
        tables = {table.get("name"): table for table in root.iter(SPACE + "TABLE")}
        assert set(tables) == {f"{dump['name']}.{table['name']}" for table in dump["tables"]}
        for table in dump["tables"]:
            fields = {f.get("name"): f for f in tables[f"{dump['name']}.{table['name']}"].iter(SPACE + "FIELD")}
            assert set(fields) == {column["name"] for column in table["columns"]}
            for column in table["columns"]:
                field = fields[column["name"]]
                assert field.get("ucd") == column.get("ivoa:ucd")
                assert (field.get("unit") or "") == (column.get("ivoa:unit") or column.get("fits:tunit") or "")
                assert field.get("arraysize") == column.get("votable:arraysize")
        if path.stem in ("dp1", "obsloctap", "cdb_latiss"):
            with warnings.catch_warnings(record=True) as complaints:
                warnings.simplefilter("always")
                read = astropy.io.votable.parse(io.BytesIO(text.encode()), verify="warn")
            # Units beyond those of VOTable are warnings (W50), and that a single character is one (W47); nothing else is.
            kinds = {type(c.message).__name__ for c in complaints if "W50" not in str(c.message)}
            assert kinds <= {"W47"}
            assert sum(len(table.fields) for table in read.iter_tables()) == sum(len(t["columns"]) for t in dump["tables"])


@pytest.mark.skipif(shutil.which("stilts") is None, reason="stilts is not installed")
@pytest.mark.parametrize("name", sorted(CHOSEN))
def test_votables_are_read_by_stilts_without_complaint(name, tmp_path):
    path = tmp_path / "metadata.xml"
    steward("votable", CHOSEN[name], "-o", path)
    done = subprocess.run(["stilts", "votlint", str(path)], capture_output=True, text=True, timeout=300)
    lines = (done.stdout + done.stderr).splitlines()
    # A single character needs no arraysize. Some schemas write an xtype that is none of the standard's, which stays.
    lines = [line for line in lines if not line.startswith("INFO") and not line.endswith('Non-DALI xtype value "clob"')]
    assert [line for line in lines if line.strip()] == []


def steward_model(path):
    import tempfile
    from pathlib import Path

    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out.json"
        steward("dump", "--dereference-resources", path, out)
        model = json.loads(out.read_text())
    for table in model["tables"]:
        table.setdefault("columns", [])
    return model


def test_data_link_columns():
    found = yaml.safe_load(steward("datalink-columns", CHOSEN["dp1"], CHOSEN["ivoa_obscore"]).stdout)["tables"]
    model = steward_model(CHOSEN["dp1"])
    for table in model["tables"]:
        columns = sorted(table["columns"], key=lambda column: column.get("tap:column_index", 10**9))
        names = [column["name"] for column in columns if column.get("tap:principal") == 1]
        assert found[f"dp1.{table['name']}"] == {"tap:principal": names}


def test_the_schema_of_the_language_names_all_keys():
    schema = json.loads(steward("json-schema").stdout)
    assert schema["$schema"].startswith("https://json-schema.org/")
    keys = set(schema["$defs"]["column"]["properties"])
    from felis.datamodel import Column

    assert keys == {field.alias or name for name, field in Column.model_fields.items()}


@pytest.fixture(scope="module")
def language():
    jsonschema = pytest.importorskip("jsonschema")
    schema = json.loads(steward("json-schema").stdout)
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_schema_of_the_language_takes_all_schemas(path, language):
    assert list(language.iter_errors(yaml.safe_load(path.read_text()))) == []


@needs_golden
def test_the_schema_of_the_language_on_the_corpus(language):
    """It takes what is valid, and refuses what is wrong by the form of single values."""
    verdicts = json.loads((GOLDEN / "invalid" / "verdicts.json").read_text())
    formal = {
        "missing", "extra_forbidden", "union_tag_invalid", "union_tag_not_found", "literal_error", "too_short",
        "greater_than", "greater_than_equal", "less_than_equal",
    }
    wrong, refused = [], 0
    for case in verdicts:
        try:
            model = yaml.safe_load((GOLDEN / "invalid" / case["file"]).read_text())
        except yaml.YAMLError:
            continue
        is_valid = not any(True for _ in language.iter_errors(model))
        if case["verdict"] == "valid" and not is_valid and case["file"] not in LENIENT:
            wrong.append(case["file"])
        kinds = {error["type"] for error in case.get("errors", [])}
        if kinds & formal and case["context"].get("id_generation", True):
            refused += not is_valid
            if is_valid:
                wrong.append((case["file"], kinds))
    assert wrong == []
    assert refused > 20


def test_lints(tmp_path):
    path = tmp_path / "s.yaml"
    path.write_text(
        """name: s
tables:
- name: t
  columns:
  - {name: a-b, datatype: double, description: x}
  - {name: c, datatype: int, ivoa:ucd: meta.id}
  constraints:
  - {name: k, '@type': ForeignKey, columns: ['#t.c'], referencedColumns: ['#t.c']}
"""
    )
    other = tmp_path / "o.yaml"
    other.write_text("name: o\ntables: [{name: t, columns: [{name: c, datatype: long}]}]\n")
    heads = [p["message"].split(":")[0] for p in problems("--lint", "all", path, other) if p["file"] == str(path)]
    assert sorted(heads) == ["description", "description", "foreign-key-index", "naming", "ucd", "unit"]
    drift = [p for p in problems("--lint", "type-drift", path, other)]
    assert [p["message"] for p in drift] == [f"type-drift: column 't.c' is long here and int in {path}"]
    both = [p["message"].split(":")[0] for p in problems("--lint", "ucd,unit", "--lint=naming", path)]
    assert sorted(both) == ["naming", "ucd", "unit"]


def test_a_file_is_never_taken_for_a_rule(tmp_path):
    path = tmp_path / "s.yaml"
    path.write_text("name: s\ntabels: []\n")
    assert steward("validate", "--lint", "all", path, check=False).returncode == 1
    for arguments in (["--lint", path], ["--lint", "all"], ["--lint", "all,", path], ["--lint", "nonsense", path]):
        done = steward("validate", *arguments, check=False)
        assert done.returncode == 2 and "--lint" in done.stderr, arguments


def test_a_votable_of_a_table_without_columns(tmp_path):
    import astropy.io.votable

    path, out = tmp_path / "s.yaml", tmp_path / "s.xml"
    path.write_text("name: s\ntables: [{name: t}, {name: u, columns: [{name: a, datatype: int}]}]\n")
    steward("votable", path, "-o", out)
    assert "<DATA>" in out.read_text() and out.read_text().count("<DATA>") == 1
    assert [len(table.fields) for table in astropy.io.votable.parse(out).iter_tables()] == [0, 1]


def test_results_go_through_links_and_into_pipes(tmp_path):
    """A rename would put a file in the place of the link, the pipe, or a device."""
    source = tmp_path / "s.yaml"
    source.write_text("name: s\ntables: [{name: t, columns: [{name: c, datatype: long}]}]\n")
    wanted = steward("dump", source, tmp_path / "plain.yaml").stdout or (tmp_path / "plain.yaml").read_text()
    target, link, pipe = (tmp_path / name for name in ("target.yaml", "link.yaml", "pipe.yaml"))
    target.write_text("old")
    link.symlink_to(target)
    steward("dump", source, link)
    assert link.is_symlink() and target.read_text() == wanted
    os.mkfifo(pipe)
    reader = subprocess.Popen(["cat", str(pipe)], stdout=subprocess.PIPE, text=True)
    try:
        steward("dump", source, pipe)
        assert reader.communicate(timeout=60)[0] == wanted
    finally:
        reader.kill()
    assert pipe.is_fifo()
