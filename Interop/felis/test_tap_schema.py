"""`init-tap-schema` and `load-tap-schema` write the rows of the real tool."""

import sqlite3

import pytest
from felis_tools import DIALECTS, FILES, GOLDEN, needs_golden, statements, steward, upstream, upstream_file

TABLES = ("schemas", "tables", "columns", "keys", "key_columns")


def rows(path, postfix=""):
    database = sqlite3.connect(path)
    return {
        table: sorted(database.execute(f'SELECT * FROM "{table}{postfix}"').fetchall(), key=repr) for table in TABLES
    }


def definitions(path):
    return sorted(sqlite3.connect(path).execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL").fetchall())


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_statements_for_all_schemas(path):
    for dialect in DIALECTS:
        arguments = ("load-tap-schema", f"--engine-url={dialect}://", "--dry-run", "-i", "3")
        ours = steward(*arguments, path).stdout
        assert statements(ours) == statements(upstream_file(*arguments, "-o", "OUT", path, suffix=".sql"))


def test_options_of_the_service_images():
    (path,) = (path for path in FILES if path.stem == "ppdb")
    before = ("--column-ref-index-increment", "10")
    arguments = ("load-tap-schema", "--engine-url=mysql://", "--dry-run", "--tap-schema-name=tap_schema")
    arguments += ("--tap-tables-postfix=11", "--force-unbounded-arraysize", "-u", "-i", "5")
    ours = steward(*before, *arguments, path).stdout
    assert statements(ours) == statements(upstream_file(*before, *arguments, "-o", "OUT", path, suffix=".sql"))


@pytest.mark.parametrize("options", [(), ("--tap-tables-postfix=11",), ("--no-insert-metadata",)])
def test_tables_and_rows_are_those_of_the_real_tool(options, tmp_path):
    ours, theirs = tmp_path / "ours.db", tmp_path / "theirs.db"
    steward("init-tap-schema", f"--engine-url=sqlite:///{ours}", *options)
    upstream("init-tap-schema", f"--engine-url=sqlite:///{theirs}", *options)
    postfix = "11" if "--tap-tables-postfix=11" in options else ""
    assert rows(ours, postfix) == rows(theirs, postfix)
    assert definitions(ours) == definitions(theirs)
    more = [f"--tap-tables-postfix={postfix}"] if postfix else []
    for path in FILES:
        if path.stem in ("dp1", "ivoa_obscore", "cdb_lsstcam"):
            steward("load-tap-schema", f"--engine-url=sqlite:///{ours}", *more, path)
            upstream("load-tap-schema", f"--engine-url=sqlite:///{theirs}", *more, path)
    assert rows(ours, postfix) == rows(theirs, postfix)


def test_extensions(tmp_path):
    extensions = tmp_path / "extensions.yaml"
    extensions.write_text(
        """name: more
tables:
- name: schemas
  columns: [{name: owner, datatype: char, length: 32}, {name: readable, datatype: int}]
- name: columns
  columns: [{name: column_id, datatype: char, length: 32}]
"""
    )
    ours, theirs = tmp_path / "ours.db", tmp_path / "theirs.db"
    options = (f"--extensions={extensions}", "--tap-tables-postfix=11")
    steward("init-tap-schema", f"--engine-url=sqlite:///{ours}", *options)
    upstream("init-tap-schema", f"--engine-url=sqlite:///{theirs}", *options)
    assert rows(ours, "11") == rows(theirs, "11")
    assert definitions(ours) == definitions(theirs)


def test_the_extensions_of_the_real_tool(tmp_path):
    """They are known without its package."""
    ours, theirs = tmp_path / "ours.db", tmp_path / "theirs.db"
    address = "resource://felis/config/tap_schema/tap_schema_extensions.yaml"
    options = ("--extensions", address, "--tap-tables-postfix=11")
    steward("init-tap-schema", f"--engine-url=sqlite:///{ours}", *options)
    upstream("init-tap-schema", f"--engine-url=sqlite:///{theirs}", *options)
    assert rows(ours, "11") == rows(theirs, "11")
    assert definitions(ours) == definitions(theirs)


def test_update_replaces_one_schema_and_leaves_others(tmp_path):
    database = tmp_path / "t.db"
    url = f"--engine-url=sqlite:///{database}"
    steward("init-tap-schema", url)
    chosen = {path.stem: path for path in FILES}
    steward("load-tap-schema", url, chosen["dp1"])
    steward("load-tap-schema", url, chosen["ivoa_obscore"])
    before = rows(database)
    assert steward("load-tap-schema", url, chosen["dp1"], check=False).returncode == 1
    assert rows(database) == before
    steward("load-tap-schema", url, "--update", chosen["dp1"])
    assert rows(database) == before
    # Another schema of the same name.
    steward("load-tap-schema", url, "--update", chosen["obsloctap"])
    names = {row[1] for row in rows(database)["tables"]}
    assert [name for name in names if name.startswith("ivoa.")] == ["ivoa.ObsPlan"]
    assert any(name.startswith("dp1.") for name in names)


@needs_golden
def test_golden_rows(tmp_path):
    database = tmp_path / "t.db"
    steward("init-tap-schema", f"--engine-url=sqlite:///{database}")
    for name, options in (("features", ["-i", "1"]), ("refs", ["-i", "2"])):
        path = GOLDEN / "yaml-input" / f"{name}.yaml"
        steward("load-tap-schema", f"--engine-url=sqlite:///{database}", *options, path)
    golden = tmp_path / "golden.db"
    sqlite3.connect(golden).executescript((GOLDEN / "tap" / "loaded-features+refs.sqlite.dump.sql").read_text())
    assert rows(database) == rows(golden)
