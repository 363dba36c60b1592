"""diff, extract, migrate and merge: from files to databases and back, and from release to release."""

import json
import shutil
import sqlite3

import pytest
from felis_tools import FILES, GOLDEN, needs_golden, steward

CHOSEN = {path.stem: path for path in FILES}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_what_is_extracted_from_a_made_database_does_not_differ(path, tmp_path):
    url = f"--engine-url=sqlite:///{tmp_path / 's.db'}"
    steward("create", url, path)
    assert steward("diff", url, "-E", path).stdout == ""
    steward("extract", url, "--name", "s", "-o", tmp_path / "found.yaml")
    assert steward("validate", tmp_path / "found.yaml").returncode == 0
    assert steward("diff", "--as", "sqlite", "-E", tmp_path / "found.yaml", path).stdout == ""


def test_a_changed_database_differs(tmp_path):
    file = tmp_path / "s.db"
    url = f"--engine-url=sqlite:///{file}"
    steward("create", url, CHOSEN["dp1"])
    database = sqlite3.connect(file)
    database.execute('ALTER TABLE "Visit" ADD COLUMN extra INTEGER')
    database.commit()
    done = steward("diff", url, "-E", CHOSEN["dp1"], check=False)
    assert done.returncode == 1
    assert done.stdout == "removed column Visit.extra: extra INTEGER\n"


def test_files_are_the_same_as_themselves():
    for path in FILES[:6]:
        assert steward("diff", "-E", path, path).stdout == ""


OLD = """\
# The model.
name: m   # its name
version: "1.0"
description: >
  A model
  of things
tables:
- name: t
  description: a table
  primaryKey: "#t.id"
  columns:
  - name: id          # the key
    datatype: long
    nullable: false
    description: identifier
  # Brightness.
  - name: flux
    datatype: float
    ivoa:unit: nJy
    description: 'flux, it''s bright'
  - {name: short, datatype: string, length: 8, description: short one}
  - name: gone
    datatype: int
    description: goes away
  - name: was
    datatype: double
    description: gets another name
"""


def edited(text, *pairs):
    for old, new in pairs:
        assert old in text
        text = text.replace(old, new)
    return text


NEW = edited(
    OLD,
    ('"1.0"', '"1.1"'),
    ("datatype: float", "datatype: double"),
    ("length: 8", "length: 16"),
    ("name: was", "name: became"),
    ("  - name: gone\n    datatype: int\n    description: goes away\n", ""),
    ("description: a table", "description: the table"),
) + """\
  - name: fresh
    datatype: int
    value: 7
    description: "new: here"
  indexes:
  - {name: i_flux, columns: ["#t.flux"]}
"""


@pytest.fixture
def versions(tmp_path):
    old, new = tmp_path / "old.yaml", tmp_path / "new.yaml"
    old.write_text(OLD)
    new.write_text(NEW)
    return old, new


def test_differences_are_found_by_name(versions):
    assert steward("diff", *versions).stdout.splitlines() == [
        "changed schema m version: 1.0 → 1.1",
        "changed table t description: a table → the table",
        "removed column t.gone",
        "changed column t.flux datatype: float → double",
        "changed column t.short length: 8 → 16",
        "changed column t.short votable:arraysize: 8* → 16*",
        "renamed column t.was → became",
        "added column t.fresh",
        "added index t.i_flux",
    ]
    found = json.loads(steward("diff", "--format", "json", *versions).stdout)
    assert found[3] == {
        "kind": "changed", "object": "column", "table": "t", "name": "flux", "field": "datatype", "old": "float",
        "new": "double",
    }
    page = steward("diff", "--format", "html", *versions).stdout
    assert page.startswith("<!DOCTYPE html>") and "<del>float</del>" in page and "<ins>double</ins>" in page
    assert steward("diff", "-E", *versions, check=False).returncode == 1


def test_migration_of_sqlite_keeps_rows(versions, tmp_path):
    old, new = versions
    file = tmp_path / "s.db"
    url = f"--engine-url=sqlite:///{file}"
    steward("create", url, old)
    database = sqlite3.connect(file)
    database.execute("INSERT INTO t VALUES (1, 1.5, 'a', 3, 2.5)")
    database.commit()
    refused = steward("migrate", "--dialect", "sqlite", old, new, check=False)
    assert refused.returncode == 1 and "would lose data" in refused.stderr and "gone" in refused.stderr
    script = steward("migrate", "--dialect", "sqlite", "--allow-data-loss", old, new).stdout
    assert "LOSES DATA" in script
    database.executescript(script)
    rows = database.execute("SELECT id, flux, short, became, fresh FROM t").fetchall()
    assert rows == [(1, 1.5, "a", 2.5, 7)]
    database.close()
    assert steward("diff", url, "-E", new).stdout == ""


@needs_golden
def test_migrations_of_all_features(tmp_path):
    old, new = (GOLDEN / "yaml-input" / name for name in ("features.yaml", "features_v2.yaml"))
    file = tmp_path / "s.db"
    steward("create", f"--engine-url=sqlite:///{file}", old)
    script = steward("migrate", "--dialect", "sqlite", "--allow-data-loss", old, new).stdout
    database = sqlite3.connect(file)
    database.executescript(script)
    database.close()
    assert steward("diff", f"--engine-url=sqlite:///{file}", "-E", new).stdout == ""


def test_migrations_for_other_databases(versions):
    text = steward("migrate", "--dialect", "postgresql", "--allow-data-loss", *versions).stdout
    assert 'ALTER TABLE m.t ALTER COLUMN short TYPE VARCHAR(16) USING short::VARCHAR(16);' in text
    assert "ALTER TABLE m.t RENAME COLUMN was TO became;" in text
    assert "ALTER TABLE m.t ADD COLUMN fresh INTEGER DEFAULT 7;" in text
    assert "CREATE INDEX i_flux ON m.t (flux);" in text
    text = steward("migrate", "--dialect", "mysql", "--allow-data-loss", *versions).stdout
    assert "ALTER TABLE m.t MODIFY COLUMN flux DOUBLE COMMENT 'flux, it''s bright';" in text


def test_no_changes_make_no_migration():
    for dialect in ("sqlite", "postgresql", "mysql"):
        assert steward("migrate", "--dialect", dialect, CHOSEN["dp1"], CHOSEN["dp1"]).stdout == ""


def test_a_merge_keeps_comments_order_and_quotes(versions, tmp_path):
    old, new = versions
    reference = tmp_path / "reference.yaml"
    # The reference has grown by a column and has an opinion of its own about a description.
    mine = edited(OLD, ("description: a table", "description: my table"), ("name: m ", "name: r "))
    mine += "  - {name: own, datatype: int}  # mine\n"
    reference.write_text(mine)
    done = steward("merge", "--in-place", old, new, reference, check=False)
    assert done.returncode == 1, done.stderr
    assert "conflict: changed table t description: a table → the table (the reference model has 'my table')" in done.stdout
    assert "applied: added index t.i_flux" in done.stdout
    expected = edited(
        mine,
        ('"1.0"', '"1.1"'),
        ("datatype: float", "datatype: double"),
        ("length: 8", "length: 16"),
        ("  - name: gone\n    datatype: int\n    description: goes away\n", ""),
        ("# mine\n", "# mine\n  - name: fresh\n    description: 'new: here'\n    datatype: int\n    value: 7\n"
         "  indexes:\n  - name: i_flux\n    columns:\n    - '#t.flux'\n"),
    )
    assert reference.read_text() == expected
    # Once more changes nothing.
    assert "applied" not in steward("merge", "--in-place", old, new, reference, check=False).stdout
    assert reference.read_text() == expected


def test_a_merge_of_chosen_keys(versions, tmp_path):
    old, new = versions
    reference = tmp_path / "reference.yaml"
    shutil.copy(old, reference)
    steward("merge", "--in-place", "--only", "description", old, new, reference)
    assert reference.read_text() == OLD.replace("a table", "the table")


def test_a_release_merged_into_its_ancestor_has_its_descriptions(tmp_path):
    """A real file, with descriptions and UCDs changed everywhere."""
    import yaml

    path = CHOSEN["dp1"]
    text = path.read_text()
    model = yaml.safe_load(text)
    for table in model["tables"]:
        for number, column in enumerate(table["columns"]):
            column["description"] = f"Number {number}: it's \"new\" # here"
            if number % 3 == 0:
                column["ivoa:ucd"] = "meta.number"
    release = tmp_path / "release.yaml"
    release.write_text(yaml.safe_dump(model, sort_keys=False))
    merged = tmp_path / "merged.yaml"
    done = steward("merge", "-o", merged, path, release, path)
    assert "by hand" not in done.stdout and "conflict" not in done.stdout
    assert yaml.safe_load(merged.read_text()) == model
    comments = [line for line in text.splitlines() if line.strip().startswith("#")]
    assert [line for line in merged.read_text().splitlines() if line.strip().startswith("#")] == comments


def test_tables_constraints_and_indexes_are_merged_with_the_ids_of_the_reference(tmp_path):
    ancestor, release, reference = (tmp_path / f"{name}.yaml" for name in ("ancestor", "release", "reference"))
    base = """\
name: m
tables:
# The parent.
- name: parent
  "@id": "#P"
  primaryKey: "#P.id"
  columns:
  - {name: id, "@id": "#P.id", datatype: long}
  - {name: x, "@id": "#P.x", datatype: double}
  indexes:   # all of them
  - {name: i_gone, columns: ["#P.x"]}
  - {name: i_gone_too, columns: ["#P.id", "#P.x"]}
- name: old
  columns: [{name: a, datatype: int}]
- name: kept
  columns: [{name: a, datatype: int}]
"""
    ancestor.write_text(base)
    # The reference has ids of its own, comments, and has changed a table that the release drops.
    mine = edited(base, ("#P", "#Parent"), ("int}]\n- name: kept", "int}]  # old\n- name: kept"))
    mine = mine[: mine.rindex("int")] + "long}]\n"
    reference.write_text(mine)
    release.write_text("""\
name: m
tables:
- name: parent
  "@id": "#P"
  description: has children
  primaryKey: "#P.id"
  columns:
  - {name: id, "@id": "#P.id", datatype: long}
  - {name: x, "@id": "#P.x", datatype: double}
  constraints:
  - {name: u_x, "@type": Unique, columns: ["#P.x"], description: only once}
- name: child
  description: "of a parent: so"
  primaryKey: ["#child.a"]
  columns:
  - {name: a, datatype: long, nullable: false}
  - {name: at, datatype: timestamp}
  constraints:
  - {name: fk, "@type": ForeignKey, columns: ["#child.a"], referencedColumns: ["#P.id"], on_delete: CASCADE}
  indexes: [{name: i_at, columns: ["#child.at"]}]
""")
    done = steward("merge", "--in-place", ancestor, release, reference, check=False)
    assert done.returncode == 1, done.stderr
    assert done.stdout.splitlines() == [
        "applied: removed table old",
        "conflict: removed table kept (the reference model has changed it)",
        "applied: changed table parent description: none → has children",
        "applied: added constraint parent.u_x",
        "applied: removed index parent.i_gone",
        "applied: removed index parent.i_gone_too",
        "applied: added table child",
    ]
    text = reference.read_text()
    assert "# The parent." in text and '"@id": "#Parent"' in text and "indexes:   # all" not in text
    steward("validate", reference)
    rest = steward("diff", reference, release).stdout.splitlines()
    assert rest == ["removed table kept"]


def test_what_is_left_is_told_by_the_exit_status(tmp_path):
    ancestor, release, reference = (tmp_path / f"{name}.yaml" for name in ("ancestor", "release", "reference"))
    base = "name: m\ntables:\n- name: t\n  columns:\n  - {name: a, datatype: int}\n  - {name: b, datatype: int}\n"
    ancestor.write_text(base)
    reference.write_text(base.replace("  - {name: b, datatype: int}\n", ""))
    release.write_text(base.replace("name: b, datatype: int", "name: b, datatype: long"))
    done = steward("merge", ancestor, release, reference, check=False)
    assert done.returncode == 1 and done.stdout.startswith("by hand: changed column t.b datatype")
    release.write_text(base.replace("columns:", "primaryKey: '#t.a'\n  columns:"))
    ancestor.write_text(base.replace("columns:", "primaryKey: ['#t.a', '#t.b']\n  columns:"))
    done = steward("merge", ancestor, release, ancestor, check=False)
    assert done.returncode == 1 and "lists are not merged" in done.stdout
    done = steward("merge", "--only", "lenght", ancestor, release, ancestor, check=False)
    assert done.returncode == 1 and "did you mean 'length'?" in done.stderr
    done = steward("merge", "--only", "length", ancestor, release, ancestor, check=False)
    assert done.returncode == 1 and "Nothing has changed" in done.stderr


def test_new_keys_go_below_comments(tmp_path):
    ancestor, release = tmp_path / "a.yaml", tmp_path / "r.yaml"
    lines = ["name: m", "tables:", "- name: t", "  columns:", "  - name: a", "    datatype: int  # whole", ""]
    ancestor.write_bytes("\r\n".join(lines).encode())
    release.write_text("name: m\ntables: [{name: t, columns: [{name: a, datatype: int, description: new}]}]\n")
    steward("merge", "--in-place", ancestor, release, ancestor)
    assert ancestor.read_bytes().endswith(b"    datatype: int  # whole\r\n    description: new\r\n")


PAIRS = [("dp1", "dp2"), ("cdb_latiss", "cdb_lsstcam"), ("apdb", "ppdb"), ("dp02_dc2", "drp_base"), ("hsc", "imsim")]


@pytest.mark.parametrize("pair", PAIRS, ids="-".join)
def test_migrations_of_sqlite_between_schemas(pair, tmp_path):
    """There, and back again by what the database has."""
    old, new = (CHOSEN[name] for name in pair)
    file = tmp_path / "s.db"
    url = f"--engine-url=sqlite:///{file}"
    steward("create", url, old)
    for arguments, wanted in ((("--dialect=sqlite", old, new), new), ((url, old), old)):
        database = sqlite3.connect(file)
        database.executescript(steward("migrate", "--allow-data-loss", *arguments).stdout)
        database.close()
        assert steward("diff", url, "-E", wanted).stdout == ""
        assert steward("migrate", url, wanted).stdout == ""
    refused = steward("migrate", url, "--execute", new, check=False)
    assert refused.returncode == 1 and "PostgreSQL only" in refused.stderr
