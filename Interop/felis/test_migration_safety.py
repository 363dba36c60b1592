"""Migrations lose nothing without a word: SQLite scripts that stop half-way, types, and what the language cannot say."""

import shutil
import sqlite3
import subprocess

import pytest
from felis_postgresql import needs_postgresql, new_database
from felis_tools import steward

CLIENT = shutil.which("sqlite3")
needs_client = pytest.mark.skipif(CLIENT is None, reason="the client sqlite3 is not installed")


def by_client(script, file):
    """The documented way: the client goes on after errors."""
    return subprocess.run([CLIENT, file], input=script, capture_output=True, text=True)


def by_python(script, file):
    database = sqlite3.connect(file)
    try:
        database.executescript(script)
        return subprocess.CompletedProcess([], 0, "", "")
    except sqlite3.Error as error:
        return subprocess.CompletedProcess([], 1, "", str(error))
    finally:
        database.close()


RUNNERS = [pytest.param(by_client, marks=needs_client, id="sqlite3"), pytest.param(by_python, id="python")]


@pytest.fixture
def write(tmp_path):
    def write(name, tables):
        path = tmp_path / f"{name}.yaml"
        path.write_text(f"name: s\ntables:\n{tables}")
        return path

    return write


def contents(file):
    """All that is in a database."""
    database = sqlite3.connect(file)
    found = database.execute("SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY name").fetchall()
    rows = {
        name: database.execute(f'SELECT * FROM "{name}" ORDER BY 1').fetchall()
        for kind, name, *_ in found if kind == "table"
    }
    database.close()
    return found, rows


def made(file, path, *statements):
    url = f"--engine-url=sqlite:///{file}"
    steward("create", url, path)
    database = sqlite3.connect(file)
    for statement in statements:
        database.execute(statement)
    database.commit()
    database.close()
    return url


NULLABLE = """\
- {name: t, columns: [{name: a, datatype: int}], indexes: [{name: i, columns: ['#t.a']}]}
- {name: u, columns: [{name: b, datatype: int}]}
- {name: gone, columns: [{name: c, datatype: int}]}
"""
STRICT = """\
- {name: t, columns: [{name: a, datatype: int, nullable: false}], indexes: [{name: i, columns: ['#t.a']}]}
- name: u
  columns: [{name: b, datatype: long}, {name: more, datatype: int}]
  indexes: [{name: i_b, columns: ['#u.b']}]
- {name: fresh, columns: [{name: d, datatype: int}]}
"""


@pytest.mark.parametrize("run", RUNNERS)
@pytest.mark.parametrize("values", ["(1), (NULL), (3)", "(1), (3)"])
def test_a_script_that_fails_changes_nothing(run, values, write, tmp_path):
    file = tmp_path / "s.db"
    url = made(
        file, write("old", NULLABLE), f"INSERT INTO t VALUES {values}", "INSERT INTO u VALUES (4)",
        "INSERT INTO gone VALUES (5)")
    new = write("new", STRICT)
    script = steward("migrate", url, "--allow-data-loss", new).stdout
    before = contents(file)
    done = run(script, file)
    if "NULL" in values:
        assert done.returncode != 0 and ("NOT NULL" in done.stderr or "nothing is changed" in done.stderr)
        assert contents(file) == before
    else:
        assert (done.returncode, done.stderr) == (0, "")
        assert contents(file)[1] == {"t": [(1,), (3,)], "u": [(4, None)], "fresh": []}
        assert steward("diff", url, "-E", new).stdout == ""


@pytest.mark.parametrize("run", RUNNERS)
def test_a_script_with_any_statement_broken_changes_nothing(run, write, tmp_path):
    """As on a full disk, or with another process in the way."""
    file = tmp_path / "s.db"
    url = made(
        file, write("old", NULLABLE), "INSERT INTO t VALUES (1)", "INSERT INTO u VALUES (4)",
        "INSERT INTO gone VALUES (5)")
    script = steward("migrate", url, "--allow-data-loss", write("new", STRICT)).stdout
    start, end = script.index("BEGIN;\n") + 7, script.index("-- Undo all")
    statements = [part for part in script[start:end].split(";\n") if part.strip()]
    assert len(statements) > 20
    before = contents(file)
    for number in range(len(statements)):
        broken = [*statements[:number], "SELECT nothing", *statements[number + 1 :]]
        run(script[:start] + ";\n".join(broken) + ";\n" + script[end:], file)
        assert contents(file) == before, statements[number]
    run(script, file)
    assert contents(file)[1]["u"] == [(4, None)]


@needs_client
def test_a_transaction_that_is_gone_half_way_destroys_nothing(write, tmp_path):
    """Some errors, as of a full disk, end the transaction; the client then runs what follows outside of one."""
    file = tmp_path / "s.db"
    url = made(file, write("old", NULLABLE), "INSERT INTO t VALUES (1)", "INSERT INTO gone VALUES (5)")
    script = steward("migrate", url, "--allow-data-loss", write("new", STRICT)).stdout
    place = script.index("-- Make table t anew")
    by_client(script[:place] + "ROLLBACK;\n" + script[place:], file)
    _, rows = contents(file)
    assert rows["t"] == [(1,)] and rows["gone"] == [(5,)]


@pytest.mark.parametrize("run", RUNNERS)
def test_tables_with_the_names_that_a_migration_wants(run, write, tmp_path):
    others = "".join(
        f"- {{name: {name}, columns: [{{name: id, datatype: int}}]}}\n"
        for name in ("t_new", "t_old", "T_OLD2", "migration_checks"))
    table = "- {{name: t, columns: [{{name: label, datatype: string, length: {}}}]}}\n"
    file = tmp_path / "s.db"
    old, new = write("old", table.format(6) + others), write("new", table.format(60) + others)
    made(file, old, "INSERT INTO t VALUES ('x')", "INSERT INTO t_new VALUES (1)", "INSERT INTO t_old VALUES (2)",
         "INSERT INTO migration_checks VALUES (3)")
    before = contents(file)[1]
    assert run(steward("migrate", "--dialect=sqlite", old, new).stdout, file).returncode == 0
    assert contents(file)[1] == before
    assert steward("diff", f"--engine-url=sqlite:///{file}", "-E", new).stdout == ""


@pytest.mark.parametrize("run", RUNNERS)
def test_keys_triggers_and_views_of_others_stay(run, write, tmp_path):
    parent = "- {{name: p, primaryKey: '#p.id', columns: [{{name: id, datatype: {}}}, {{name: {}, datatype: int}}]}}\n"
    child = """\
- name: c
  columns: [{name: pid, datatype: long}]
  constraints: [{name: k, '@type': ForeignKey, columns: ['#c.pid'], referencedColumns: ['#p.id']}]
- {name: other, columns: [{name: x, datatype: int, description: an x}]}
"""
    old, new = write("old", parent.format("int", "x") + child), write("new", parent.format("long", "x") + child.replace(
        "name: x,", "name: y,"))
    file = tmp_path / "s.db"
    url = made(
        file, old, "INSERT INTO p VALUES (1, 2)", "INSERT INTO c VALUES (1)",
        "CREATE VIEW v AS SELECT id FROM p", "CREATE TRIGGER g AFTER INSERT ON c BEGIN UPDATE p SET x = 7; END")
    assert run(steward("migrate", "--dialect=sqlite", "--allow-data-loss", old, new).stdout, file).returncode == 0
    database = sqlite3.connect(file)
    database.execute("PRAGMA foreign_keys = ON")
    database.execute("INSERT INTO c VALUES (1)")
    assert database.execute("SELECT * FROM p").fetchall() == [(1, 7)]
    assert database.execute("SELECT * FROM v").fetchall() == [(1,)]
    with pytest.raises(sqlite3.IntegrityError):
        database.execute("INSERT INTO c VALUES (9)")
    database.close()
    assert steward("diff", url, "-E", new).stdout == ""


@pytest.mark.parametrize("run", RUNNERS)
def test_an_index_moves_from_table_to_table(run, write, tmp_path):
    tables = "- {{name: a, columns: [{{name: x, datatype: {}}}]{}}}\n- {{name: b, columns: [{{name: x, datatype: {}}}]{}}}\n"
    index = ", indexes: [{{name: i, columns: ['#{}.x']}}]"
    on_a, on_b = (index.format(table).replace("{{", "{").replace("}}", "}") for table in "ab")
    for types in (("int", "int"), ("long", "int"), ("int", "long"), ("long", "long")):
        for first, second in (((on_a, ""), ("", on_b)), (("", on_b), (on_a, ""))):
            old = write("old", tables.format("int", first[0], "int", first[1]))
            new = write("new", tables.format(types[0], second[0], types[1], second[1]))
            file = tmp_path / "s.db"
            file.unlink(missing_ok=True)
            url = made(file, old)
            assert run(steward("migrate", url, new).stdout, file).returncode == 0
            assert steward("diff", url, "-E", new).stdout == ""


HIDDEN = """
CREATE TABLE a (id integer PRIMARY KEY);
CREATE TABLE b (aid int REFERENCES a (id), v int CHECK (v > 0), u text UNIQUE, j text,
    g int GENERATED ALWAYS AS (v + 1) STORED, p int CHECK (p < 10));
CREATE TABLE log (x int);
CREATE TRIGGER watch AFTER INSERT ON b BEGIN INSERT INTO log VALUES (1); END;
CREATE UNIQUE INDEX once ON b (j);
"""
PLAIN = """\
- {name: a, primaryKey: '#a.id', columns: [{name: id, datatype: int}]}
- name: b
  columns:
  - {name: aid, datatype: int}
  - {name: v, datatype: long}
  - {name: u, datatype: text}
  - {name: j, datatype: text}
  - {name: p, datatype: int}
- {name: log, columns: [{name: x, datatype: int}]}
"""


def test_what_the_language_cannot_say_is_not_lost_without_a_word(write, tmp_path):
    file = tmp_path / "s.db"
    database = sqlite3.connect(file)
    database.executescript(HIDDEN)
    database.execute("INSERT INTO a VALUES (1)")
    database.execute("INSERT INTO b VALUES (1, 2, 'u', 'j', 3)")
    database.commit()
    database.close()
    url, new = f"--engine-url=sqlite:///{file}", write("new", PLAIN)
    differences = steward("diff", url, new).stdout
    for place in ("constraint b.b_aid_fkey", "constraint b.b_u_key", "constraint b.b_check", "constraint b.b_check1",
                  "column b.g"):
        assert f"removed {place}" in differences
    done = steward("migrate", url, new, check=False)
    assert done.returncode == 1
    for part in ("the trigger 'watch'", "the index 'once'", "column g is computed", "column g"):
        assert part in done.stderr
    assert by_python(steward("migrate", "--allow-data-loss", url, new).stdout, file).returncode == 0
    assert contents(file)[1]["b"] == [(1, 2, "u", "j", 3)]
    # A migration between two files, of which neither knows of all this, does not change the table.
    file.unlink()
    database = sqlite3.connect(file)
    database.executescript(HIDDEN)
    database.close()
    before = contents(file)
    old = write("old", PLAIN.replace("long", "int"))
    done = by_python(steward("migrate", "--dialect=sqlite", old, new).stdout, file)
    assert done.returncode == 1 and "nothing is changed" in done.stderr
    assert contents(file) == before


ONE = "- {{name: t, primaryKey: '#t.id', columns: [{{name: id, datatype: long}}, {{name: c, {}}}]}}\n"
NARROWINGS = [
    ("postgresql", "datatype: string, length: 64, 'postgresql:datatype': VARCHAR(64)", "VARCHAR(8)"),
    ("postgresql", "datatype: long, 'postgresql:datatype': BIGINT", "SMALLINT"),
    ("postgresql", "datatype: double, 'postgresql:datatype': NUMERIC(30)", "DOUBLE_PRECISION"),
    ("postgresql", "datatype: timestamp, 'postgresql:datatype': TIMESTAMP", "DATE"),
    ("postgresql", "datatype: text, 'postgresql:datatype': TEXT", "UUID"),
    ("mysql", "datatype: double, 'mysql:datatype': DOUBLE", "FLOAT"),
    ("mysql", "datatype: long, 'mysql:datatype': BIGINT", "TINYINT"),
    ("mysql", "datatype: text, 'mysql:datatype': LONGTEXT", "TINYTEXT"),
    ("mysql", "datatype: binary, length: 20, 'mysql:datatype': VARBINARY(20)", "VARBINARY(10)"),
    ("mysql", "datatype: string, length: 9, 'mysql:datatype': CHAR(9)", "CHAR(2)"),
    ("mysql", "datatype: timestamp, 'mysql:datatype': DATETIME", "DATE"),
]


@pytest.mark.parametrize("dialect, before, after", NARROWINGS)
def test_narrower_overrides_lose_data(dialect, before, after, write):
    wide = write("wide", ONE.format(before))
    narrow = write("narrow", ONE.format(before.rsplit(": ", 1)[0] + f": {after}"))
    done = steward("migrate", f"--dialect={dialect}", wide, narrow, check=False)
    assert done.returncode == 1 and "would lose data" in done.stderr
    assert "LOSES DATA" in steward("migrate", f"--dialect={dialect}", "--allow-data-loss", wide, narrow).stdout
    # Nothing goes on the way back, but what the wider type has no values for.
    if after not in ("DATE", "DOUBLE_PRECISION"):
        assert "LOSES" not in steward("migrate", f"--dialect={dialect}", narrow, wide).stdout


def test_fractions_of_seconds_in_mysql(write):
    old = write("old", ONE.format("datatype: timestamp, precision: 6"))
    new = write("new", ONE.format("datatype: timestamp"))
    assert "fractions" in steward("migrate", "--dialect=mysql", old, new, check=False).stderr
    assert steward("migrate", "--dialect=mysql", new, old).returncode == 0


@needs_postgresql
def test_narrower_types_of_a_live_table_are_refused(write):
    database = new_database()
    database.script(
        """
        CREATE SCHEMA s;
        CREATE TABLE s.t (id bigint PRIMARY KEY, n numeric(30, 0), m numeric(10, 2), at timestamp(6), v varchar(64));
        INSERT INTO s.t VALUES (1, 123456789012345678901234567890, 1.25, '2024-01-01 12:34:56', 'abcdefghijklm');
        """)
    columns = {
        "n": "datatype: double", "m": "datatype: long", "at": "datatype: timestamp, 'postgresql:datatype': DATE",
        "v": "datatype: string, length: 64, 'postgresql:datatype': VARCHAR(8)",
    }
    kept = {
        "n": "datatype: double, 'postgresql:datatype': NUMERIC(30)",
        "m": "datatype: double, 'postgresql:datatype': NUMERIC(10)", "at": "datatype: timestamp, precision: 6",
        "v": "datatype: string, length: 64",
    }
    row = database.sql("SELECT * FROM s.t")
    for changed in columns:
        lines = "".join(
            f"  - {{name: {name}, {(columns if name == changed else kept)[name]}}}\n" for name in columns)
        new = write("new", "- name: t\n  primaryKey: '#t.id'\n  columns:\n"
                    "  - {name: id, datatype: long, autoincrement: false}\n" + lines)
        done = steward("migrate", database.option, "--execute", new, check=False)
        assert done.returncode == 1 and f"t.{changed}" in done.stderr
        assert database.sql("SELECT * FROM s.t") == row


VALUES = {
    "boolean": "true", "short": "7", "long": "7", "double": "1.5", "text": "'12'", "binary, length: 9": "'\\x3132'",
    "timestamp": "'2024-01-01'", "string, length: 8, 'postgresql:datatype': JSON": "'1'",
}


JSON = "string, length: 8, 'postgresql:datatype': JSON"
# What the values above, as texts, are not.
UNREADABLE = {
    ("text", "boolean"), ("text", "timestamp"), (JSON, "timestamp"), ("timestamp", JSON), ("binary, length: 9", JSON),
}


@needs_postgresql
@pytest.mark.parametrize("before", VALUES)
def test_postgresql_runs_every_change_of_type(before, write):
    for after in VALUES:
        database = new_database()
        old, new = write("old", ONE.format(f"datatype: {before}")), write("new", ONE.format(f"datatype: {after}"))
        steward("create", database.option, "--initialize", old)
        database.sql(f"INSERT INTO s.t (c) VALUES (NULL), ({VALUES[before]})")
        if (before, after) in UNREADABLE:
            continue
        script = steward("migrate", "--dialect=postgresql", "--allow-data-loss", old, new).stdout
        database.script(script)
        assert database.sql("SELECT count(*) FROM s.t") == ["2"]
        assert steward("diff", database.option, "-E", new).stdout == ""


def test_renamed_columns_are_guesses(write):
    column = "datatype: double, description: brightness of it"
    old, new = write("old", ONE.format(column)), write("new", ONE.replace("name: c", "name: d").format(column))
    for dialect in ("sqlite", "postgresql", "mysql"):
        done = steward("migrate", f"--dialect={dialect}", old, new)
        assert "(GUESSED: c, which has the same definition, is now called d)" in done.stdout
        assert "WARNING" in done.stderr and "a guess" in done.stderr


def test_keys_and_storage_of_mysql(write):
    old = """\
- name: p
  primaryKey: '#p.id'
  mysql:engine: MyISAM
  mysql:charset: latin1
  columns: [{name: id, datatype: long, description: key of p}]
"""
    renamed = old.replace("name: id", "name: pid").replace("#p.id", "#p.pid")
    text = steward("migrate", "--dialect=mysql", write("old", old), write("new", renamed)).stdout
    assert "RENAME COLUMN id TO pid" in text and "PRIMARY KEY" not in text
    more = renamed.replace("columns: [", "columns: [{name: a, datatype: int}, ")
    more = more.replace("'#p.pid'", "['#p.pid', '#p.a']")
    text = steward("migrate", "--dialect=mysql", write("old", old), write("new", more)).stdout
    assert "DROP PRIMARY KEY, ADD PRIMARY KEY (pid, a)" in text
    stored = old.replace("MyISAM", "InnoDB").replace("latin1", "utf8mb4")
    text = steward("migrate", "--dialect=mysql", write("old", old), write("new", stored)).stdout
    assert "ALTER TABLE s.p ENGINE=InnoDB;" in text and "CONVERT TO CHARACTER SET utf8mb4;" in text
    assert steward("migrate", "--dialect=mysql", write("old", stored), write("new", old), check=False).returncode == 1
    assert steward("diff", "--as=mysql", write("old", old), write("new", stored)).stdout.splitlines() == [
        "changed storage engine of table p: MyISAM → InnoDB", "changed character set of table p: latin1 → utf8mb4",
    ]
