"""TAP_SCHEMA in PostgreSQL: tables and rows are those of the real tool and those in SQLite, and are replaced whole."""

import json
import sqlite3

import pytest
import yaml
from felis_postgresql import needs_postgresql, new_database
from felis_tools import FILES, GOLDEN, needs_golden, steward, upstream

pytestmark = needs_postgresql
CHOSEN = {path.stem: path for path in FILES}
TABLES = ("schemas", "tables", "columns", "keys", "key_columns")
# Three files are called `ivoa`, of which TAP_SCHEMA takes one.
LOADED = [path for path in FILES if path.stem not in ("dp02_obscore", "obsloctap")]


def rows(database, postfix="", schema='"TAP_SCHEMA"'):
    found = {}
    for table in TABLES:
        lines = database.sql(f'SELECT row_to_json(t)::text FROM {schema}."{table}{postfix}" AS t')
        found[table] = sorted((tuple(json.loads(line).values()) for line in lines), key=repr)
    return found


def sqlite_rows(path, postfix=""):
    database = sqlite3.connect(path)
    return {
        table: sorted(database.execute(f'SELECT * FROM "{table}{postfix}"').fetchall(), key=repr) for table in TABLES
    }


def test_rows_of_all_schemas_are_those_of_the_real_tool_and_of_sqlite(tmp_path):
    ours, theirs, file = new_database(), new_database(), tmp_path / "t.db"
    steward("init-tap-schema", ours.option)
    upstream("init-tap-schema", theirs.upstream_option)
    steward("init-tap-schema", f"--engine-url=sqlite:///{file}")
    assert ours.definitions() == theirs.definitions()
    for number, path in enumerate(LOADED):
        for tool, option in ((steward, ours.option), (upstream, theirs.upstream_option), (steward, f"--engine-url=sqlite:///{file}")):
            tool("load-tap-schema", option, "-u", "-i", str(number), path)
    assert rows(ours) == rows(theirs)
    assert rows(ours) == sqlite_rows(file)
    assert len(rows(ours)["columns"]) > 10000


@pytest.mark.parametrize(
    "options", [("--tap-schema-name=tap_schema", "--tap-tables-postfix=11"), ("--no-insert-metadata",)])
def test_options(options):
    ours, theirs = new_database(), new_database()
    steward("init-tap-schema", ours.option, *options)
    upstream("init-tap-schema", theirs.upstream_option, *options)
    assert ours.definitions() == theirs.definitions()
    more = [option for option in options if option != "--no-insert-metadata"]
    before = ("--column-ref-index-increment", "10")
    for tool, option in ((steward, ours.option), (upstream, theirs.upstream_option)):
        tool(*before, "load-tap-schema", option, *more, "--force-unbounded-arraysize", CHOSEN["ppdb"])
    found = (("11", "tap_schema") if more else ("", '"TAP_SCHEMA"'))
    assert rows(ours, *found) == rows(theirs, *found)


def test_update_replaces_one_schema_and_leaves_others(tmp_path):
    database = new_database()
    steward("init-tap-schema", database.option)
    steward("load-tap-schema", database.option, CHOSEN["cdb_latiss"])
    steward("load-tap-schema", database.option, CHOSEN["dp1"])
    before = rows(database)
    done = steward("load-tap-schema", database.option, CHOSEN["dp1"], check=False)
    assert done.returncode == 1
    assert rows(database) == before
    steward("load-tap-schema", database.option, "--update", CHOSEN["dp1"])
    assert rows(database) == before
    # A version with a table less and another description.
    model = yaml.safe_load(CHOSEN["dp1"].read_text())
    gone = model["tables"].pop()["name"]
    model["description"] = "Another, of 100%"
    model["tables"][0]["description"] = "of another kind"
    changed = tmp_path / "dp1.yaml"
    changed.write_text(yaml.safe_dump(model, sort_keys=False))
    database.sql("""ALTER TABLE "TAP_SCHEMA".tables ADD COLUMN owner_id text""")
    database.sql("""UPDATE "TAP_SCHEMA".tables SET owner_id = 'me'""")
    steward("load-tap-schema", database.option, "--update", "--previous", CHOSEN["dp1"], changed)
    assert set(database.sql("""SELECT DISTINCT owner_id FROM "TAP_SCHEMA".tables""")) == {"me"}
    after = rows(database)
    assert ("dp1", None, "Another, of 100%", None) in after["schemas"]
    assert all(row[0] != f"dp1.{gone}" for row in after["columns"])
    assert [row for row in after["columns"] if row[0].startswith("cdb_latiss.")] == [
        row for row in before["columns"] if row[0].startswith("cdb_latiss.")
    ]


def test_an_update_that_fails_changes_nothing():
    """Constraints of two schemas have the same names, so the second needs --unique-keys."""
    database = new_database()
    steward("init-tap-schema", database.option)
    steward("load-tap-schema", database.option, "-u", CHOSEN["cdb_latiss"])
    steward("load-tap-schema", database.option, CHOSEN["cdb_lsstcam"])
    before = rows(database)
    done = steward("load-tap-schema", database.option, "--update", CHOSEN["cdb_latiss"], check=False)
    assert done.returncode == 1 and "keys" in done.stderr
    assert rows(database) == before


def test_extraction_with_what_tap_schema_says(tmp_path):
    """All that services and databases know comes back."""
    database = new_database()
    steward("create", database.option, "--initialize", CHOSEN["dp1"])
    steward("init-tap-schema", database.option)
    steward("load-tap-schema", database.option, CHOSEN["dp1"])
    found = tmp_path / "found.yaml"
    steward("extract", database.option, "--name", "dp1", "--tap-schema", "-o", found)
    lines = steward("diff", found, CHOSEN["dp1"]).stdout.splitlines()
    rest = [
        line for line in lines
        if " version:" not in line and "fits:tunit: " not in line and "ivoa:unit: " not in line
        and not (line.startswith("changed index") and " description: none" in line)
        and "autoincrement" not in line
        # Keys may be NULL in the file, and are not in the database.
        and not line.endswith("nullable: false → none")
    ]
    assert rest == []
    refused = steward("extract", database.option, "--name", "x", "--schema-name", "dp1", "--tap-schema", check=False)
    assert refused.returncode == 1 and "has no row for a schema 'x'" in refused.stderr


@needs_golden
def test_extraction_with_tap_schema_of_sqlite(tmp_path):
    path = GOLDEN / "yaml-input" / "features.yaml"
    url = f"--engine-url=sqlite:///{tmp_path / 's.db'}"
    steward("create", url, path)
    steward("init-tap-schema", url)
    steward("load-tap-schema", url, path)
    found = tmp_path / "found.yaml"
    steward("extract", url, "--name", yaml.safe_load(path.read_text())["name"], "--tap-schema", "-o", found)
    model = yaml.safe_load(found.read_text())
    assert {table["name"] for table in model["tables"]} == {
        table["name"] for table in yaml.safe_load(path.read_text())["tables"]
    }
    assert any("ivoa:ucd" in column for table in model["tables"] for column in table["columns"])
