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
    # Another file with a schema of the same name: what came from the first stays, and is told.
    done = steward("load-tap-schema", url, "--update", chosen["obsloctap"])
    assert "also has ivoa.ObsCore" in done.stderr
    names = {row[1] for row in rows(database)["tables"]}
    assert {name for name in names if name.startswith("ivoa.")} == {"ivoa.ObsCore", "ivoa.ObsPlan"}
    assert any(name.startswith("dp1.") for name in names)
    after = rows(database)
    steward("load-tap-schema", url, "--update", chosen["obsloctap"])
    assert rows(database) == after
    # If told that it was the version before, its tables go.
    steward("load-tap-schema", url, "--update", "--previous", chosen["ivoa_obscore"], chosen["obsloctap"])
    assert {row[1] for row in rows(database)["tables"] if row[1].startswith("ivoa.")} == {"ivoa.ObsPlan"}
    assert not any(row[0] == "ivoa.ObsCore" for row in rows(database)["columns"])
    assert steward("load-tap-schema", url, "--previous", chosen["dp1"], chosen["dp1"], check=False).returncode == 2


OLD = """name: s
description: old
tables:
- name: t
  tap:table_index: 3
  columns: [{name: a, datatype: int}, {name: b, datatype: int, description: b}, {name: gone, datatype: int}]
  constraints:
  - {name: f_1, '@type': ForeignKey, columns: ['#t.a'], referencedColumns: ['#u.c']}
  - {name: f_2, '@type': ForeignKey, columns: ['#t.a', '#t.b'], referencedColumns: ['#u.c', '#u.d']}
- name: u
  columns: [{name: c, datatype: int}, {name: d, datatype: int}]
- name: v
  columns: [{name: e, datatype: int}]
  constraints:
  - {name: f_3, '@type': ForeignKey, columns: ['#v.e'], referencedColumns: ['#u.c']}
"""
NEW = """name: s
description: new
tables:
- name: t
  description: it's 100% "new"
  columns: [{name: a, datatype: long}, {name: b, datatype: int}, {name: x, datatype: text}]
  constraints:
  - {name: f_2, '@type': ForeignKey, columns: ['#t.b', '#t.x'], referencedColumns: ['#u.d', '#u.c']}
  - {name: f_4, '@type': ForeignKey, columns: ['#t.x'], referencedColumns: ['#u.c']}
- name: u
  columns: [{name: c, datatype: int}, {name: d, datatype: int}]
- name: w
  columns: [{name: f, datatype: int}]
"""
SERVICE = """
UPDATE schemas11 SET owner_id = 'me', read_anon = 1 WHERE schema_name = 's';
UPDATE tables11 SET owner_id = 'you', read_anon = 0, view_target = 'x.y', table_type = 'view' WHERE table_name = 's.t';
UPDATE columns11 SET column_id = 'id-' || column_name WHERE table_name = 's.t';
"""


@pytest.mark.parametrize("way", ["executed", "script"])
def test_updates_keep_what_services_added(way, tmp_path):
    """The place of the schema and the columns of extensions stay; all else is as if it had been loaded anew."""
    old, new = tmp_path / "old.yaml", tmp_path / "new.yaml"
    old.write_text(OLD)
    new.write_text(NEW)
    extensions = ("--extensions", "resource://felis/config/tap_schema/tap_schema_extensions.yaml")
    files = {name: tmp_path / f"{name}.db" for name in ("updated", "fresh")}
    for name, path, schema in (("updated", old, OLD), ("fresh", new, NEW)):
        url = f"--engine-url=sqlite:///{files[name]}"
        steward("init-tap-schema", url, *extensions, "--tap-tables-postfix=11")
        steward("load-tap-schema", url, "-p", "11", "-i", "5", path)
        sqlite3.connect(files[name]).executescript(SERVICE)
    url = f"--engine-url=sqlite:///{files['updated']}"
    arguments = ("load-tap-schema", "-p", "11", "--update", "--previous", old, new)
    if way == "executed":
        steward(*arguments, url)
    else:
        script = steward(*arguments, url, "--dry-run").stdout
        assert script.startswith("BEGIN;\n") and script.endswith("COMMIT;\n")
        sqlite3.connect(files["updated"]).executescript(script)
    updated, fresh = rows(files["updated"], "11"), rows(files["fresh"], "11")
    # A column that is new has no identifier yet.
    database = sqlite3.connect(files["updated"])
    assert database.execute("SELECT column_id FROM columns11 WHERE column_name = 'x'").fetchall() == [(None,)]
    database.execute("UPDATE columns11 SET column_id = 'id-x' WHERE column_name = 'x' AND table_name = 's.t'")
    database.commit()
    assert rows(files["updated"], "11") == fresh
    assert updated["schemas"] == fresh["schemas"] and updated["tables"] == fresh["tables"]
    assert updated["keys"] == fresh["keys"] and updated["key_columns"] == fresh["key_columns"]
    for dialect in DIALECTS:
        script = steward(*arguments, f"--engine-url={dialect}://").stdout
        assert script.startswith("BEGIN;\n") and ("FROM DUAL" in script) == (dialect == "mysql")
    # A place that is given counts.
    steward("load-tap-schema", "-p", "11", "-i", "8", "--update", new, url)
    assert database.execute("SELECT schema_index FROM schemas11 WHERE schema_name = 's'").fetchall() == [(8,)]


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
