"""What databases have that is written in many ways, or not in the language at all."""

import json
import sqlite3

import pytest
import yaml
from felis_postgresql import needs_postgresql, new_database
from felis_tools import steward, upstream_verdict


@pytest.fixture
def extract(tmp_path):
    def extract(script):
        """The model of a database, and what is said about it."""
        file = tmp_path / "s.db"
        file.unlink(missing_ok=True)
        database = sqlite3.connect(file)
        database.executescript(script)
        database.close()
        found = tmp_path / "found.yaml"
        url = f"--engine-url=sqlite:///{file}"
        done = steward("extract", url, "--name", "s", "-o", found)
        assert upstream_verdict(found), found.read_text()
        assert steward("diff", url, "-E", found).stdout == ""
        return yaml.safe_load(found.read_text()), done.stderr

    return extract


def constraints(model):
    return {
        constraint["name"]: {key: value for key, value in constraint.items() if key not in ("name", "@id")}
        for table in model["tables"] for constraint in table.get("constraints", [])
    }


def test_constraints_without_names(extract):
    model, said = extract(
        """
        CREATE TABLE a (id INTEGER PRIMARY KEY, "it's" INT); -- it's the parent
        CREATE TABLE b (
            aid INT REFERENCES A ON DELETE SET NULL DEFERRABLE INITIALLY DEFERRED, -- it's the key
            v INT DEFAULT (1) CHECK (v > 0 AND v <> ')'), /* it's "more" */ U TEXT CONSTRAINT own UNIQUE,
            w INT NOT NULL CONSTRAINT c CHECK (w IN (1, 2)) REFERENCES a (ID),
            CONSTRAINT pair UNIQUE (u, V), UNIQUE (w, v), CHECK (v < w), FOREIGN KEY (w, v) REFERENCES b (W, V)
        );
        """)
    assert constraints(model) == {
        "b_aid_fkey": {
            "@type": "ForeignKey", "columns": ["#b.aid"], "referencedColumns": ["#a.id"], "on_delete": "SET NULL",
            "deferrable": True, "initially": "DEFERRED"},
        "b_check": {"@type": "Check", "expression": "v > 0 AND v <> ')'"},
        "own": {"@type": "Unique", "columns": ["#b.U"]},
        "c": {"@type": "Check", "expression": "w IN (1, 2)"},
        "b_w_fkey": {"@type": "ForeignKey", "columns": ["#b.w"], "referencedColumns": ["#a.id"]},
        "pair": {"@type": "Unique", "columns": ["#b.U", "#b.v"]},
        "b_w_v_key": {"@type": "Unique", "columns": ["#b.w", "#b.v"]},
        "b_check1": {"@type": "Check", "expression": "v < w"},
        "b_w_v_fkey": {"@type": "ForeignKey", "columns": ["#b.w", "#b.v"], "referencedColumns": ["#b.w", "#b.v"]},
    }
    assert "Left out" not in said


def test_names_that_come_twice(extract):
    model, said = extract(
        """
        CREATE TABLE a (x INT, CONSTRAINT k UNIQUE (x));
        CREATE INDEX k ON a (x);
        CREATE TABLE b (x INT, CONSTRAINT k UNIQUE (x), CONSTRAINT a CHECK (x > 0));
        """)
    assert list(constraints(model)) == ["k", "b_x_key", "a"] and "'k' of table b is called b_x_key" in said


def test_defaults(extract):
    model, said = extract(
        """
        CREATE TABLE t (a INT DEFAULT (1+1), b INT DEFAULT 0x10, c TEXT DEFAULT (datetime('now')), d TEXT DEFAULT "q",
            e TEXT DEFAULT 'datetime()', f INT DEFAULT '5', g DOUBLE DEFAULT -1.5, h TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
            i BLOB DEFAULT x'00', j TEXT DEFAULT 5, k BOOLEAN DEFAULT TRUE, l TEXT DEFAULT (upper(1)), m INT DEFAULT +3);
        """)
    values = {column["name"]: column.get("value") for column in model["tables"][0]["columns"]}
    assert values == {
        "a": None, "b": 16, "c": None, "d": "q", "e": "datetime()", "f": 5, "g": -1.5, "h": "CURRENT_TIMESTAMP",
        "i": None, "j": "5", "k": True, "l": None, "m": 3,
    }
    for column in "acil":
        assert f"the default of column {column}, " in said


def test_what_sqlite_has_and_the_language_not(extract):
    model, said = extract(
        """
        CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT, a TEXT COLLATE NOCASE, b INT GENERATED ALWAYS AS (id + 1),
            c INT UNIQUE ON CONFLICT IGNORE, d INT REFERENCES nowhere (x));
        CREATE TABLE r (a INT PRIMARY KEY) WITHOUT ROWID;
        CREATE UNIQUE INDEX one ON t (a);
        CREATE INDEX part ON t (a) WHERE c > 0;
        CREATE INDEX down ON t (a DESC, c);
        CREATE INDEX shout ON t (upper(a || ','), c COLLATE NOCASE);
        CREATE VIEW v AS SELECT a FROM t;
        CREATE TRIGGER g AFTER INSERT ON t BEGIN SELECT 1; END;
        CREATE VIRTUAL TABLE f USING fts5 (words);
        """)
    assert [table["name"] for table in model["tables"]] == ["t", "r"]
    indexes = {index["name"]: index for index in model["tables"][0]["indexes"]}
    assert set(indexes) == {"down", "shout"}
    assert indexes["down"]["columns"] == ["#t.a", "#t.c"]
    for part in ("AUTOINCREMENT", "collation of column a", "column b is computed", "conflicts of column c", "nowhere",
                 "WITHOUT ROWID", "the index 'one', which is unique", "the index 'part', which covers",
                 "descending order of the index 'down'", "collation of the index 'shout'", "view 'v'", "trigger 'g'",
                 "table f is virtual"):
        assert part in said, part


def test_names_in_constraints_are_those_of_the_columns(extract):
    model, _ = extract("CREATE TABLE low (A INT, Bee INT, CONSTRAINT u UNIQUE (a, BEE), PRIMARY KEY (bee))")
    assert constraints(model)["u"]["columns"] == ["#low.A", "#low.Bee"]


FILE = "name: s\ntables: [{name: t, primaryKey: '#t.a', columns: [{name: a, datatype: int, description: an a}]}]\n"


def test_differences_from_a_database_as_json_and_html(tmp_path):
    path, url = tmp_path / "s.yaml", f"--engine-url=sqlite:///{tmp_path / 's.db'}"
    path.write_text(FILE)
    database = sqlite3.connect(tmp_path / "s.db")
    database.execute("CREATE TABLE t (a BIGINT, b TEXT)")
    database.close()
    found = json.loads(steward("diff", url, "--format=json", path).stdout)
    assert found == [
        {"kind": "changed", "object": "column", "table": "t", "name": "a", "field": "definition", "old": "a BIGINT",
         "new": "a INTEGER"},
        {"kind": "removed", "object": "column", "table": "t", "name": "b", "definition": "b TEXT"},
        {"kind": "changed", "object": "table", "name": "t", "field": "primary key", "old": None, "new": "a"},
    ]
    page = steward("diff", url, "--format=html", path).stdout
    assert page.startswith("<!DOCTYPE html>") and "<del>a BIGINT</del>" in page and "<ins>a INTEGER</ins>" in page
    other = tmp_path / "other.yaml"
    other.write_text(FILE.replace("int,", "long,"))
    found = json.loads(steward("diff", "--as=mysql", "--format=json", path, other).stdout)
    assert [change["new"] for change in found] == ["a BIGINT NOT NULL AUTO_INCREMENT"]


def test_an_empty_database_lacks_all_tables(tmp_path):
    path, url = tmp_path / "s.yaml", f"--engine-url=sqlite:///{tmp_path / 's.db'}"
    path.write_text(FILE)
    sqlite3.connect(tmp_path / "s.db").execute("VACUUM")
    done = steward("diff", url, path)
    assert done.stdout.startswith("added table t: table\nadded column t.a") and "no tables" in done.stderr
    script = steward("migrate", url, path).stdout
    sqlite3.connect(tmp_path / "s.db").executescript(script)
    assert steward("diff", url, "-E", path).stdout == ""
    assert "no tables" in steward("extract", "--engine-url=sqlite://", "--name=s", check=False).stderr


@needs_postgresql
def test_an_empty_database_of_postgresql(tmp_path):
    path, database = tmp_path / "s.yaml", new_database()
    path.write_text(FILE)
    done = steward("diff", database.option, path)
    assert "added table t" in done.stdout and "--schema-name" in done.stderr
    steward("migrate", database.option, "--execute", path)
    assert steward("diff", database.option, "-E", path).stdout == ""


@needs_postgresql
def test_what_postgresql_has_and_the_language_not(tmp_path):
    database = new_database()
    database.script(
        """
        CREATE SCHEMA s;
        CREATE TABLE s.a (id int PRIMARY KEY, x int, y text);
        CREATE TABLE s.b (id int, x int, y text,
            CONSTRAINT inc UNIQUE (id) INCLUDE (x), CONSTRAINT nnd UNIQUE NULLS NOT DISTINCT (x),
            CONSTRAINT full_key FOREIGN KEY (x) REFERENCES s.a (id) MATCH FULL,
            CONSTRAINT some_columns FOREIGN KEY (id) REFERENCES s.a (id) ON DELETE SET NULL (id),
            CONSTRAINT alone CHECK (x > 0) NO INHERIT);
        ALTER TABLE s.b ADD CONSTRAINT old_rows CHECK (y <> 'NO INHERIT MATCH FULL') NOT VALID;
        CREATE INDEX inc_index ON s.b (x) INCLUDE (y);
        CREATE INDEX down ON s.b (x DESC NULLS LAST);
        CREATE INDEX pattern ON s.b (y text_pattern_ops);
        CREATE INDEX plain ON s.b (x, y);
        CREATE INDEX expression ON s.b (lower(y), x);
        COMMENT ON COLUMN s.b.x IS '  with blanks
        ';
        COMMENT ON TABLE s.b IS ' ';
        CREATE VIEW s.seen AS SELECT id FROM s.a;
        CREATE FUNCTION s.f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
        CREATE TRIGGER watch BEFORE INSERT ON s.b FOR EACH ROW EXECUTE FUNCTION s.f();
        CREATE TABLE s.parts (id int) PARTITION BY RANGE (id);
        """)
    found = tmp_path / "found.yaml"
    said = steward("extract", database.option, "--name=s", "-o", found).stderr
    for name in ("inc", "nnd", "full_key", "some_columns", "alone", "old_rows", "inc_index", "down", "pattern", "seen",
                 "watch", "parts"):
        assert f"'{name}'" in said, name
    for name in ("plain", "expression"):
        assert f"'{name}'" not in said, name
    assert said.count("NO INHERIT") == 1 and said.count("MATCH FULL") == 1
    assert upstream_verdict(found)
    assert steward("diff", database.option, "-E", found).stdout == ""


def test_output_to_a_dash_is_standard_output(tmp_path):
    path = tmp_path / "s.yaml"
    path.write_text(FILE)
    done = steward("create", "--engine-url=sqlite://", "-o", "-", path, cwd=tmp_path)
    assert "CREATE TABLE t" in done.stdout and not (tmp_path / "-").exists()
