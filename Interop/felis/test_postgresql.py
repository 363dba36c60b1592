"""PostgreSQL: databases are made, read, compared and changed, and are those of the real tool."""

import pytest
from felis_postgresql import needs_postgresql, new_database
from felis_tools import FILES, GOLDEN, needs_golden, steward, upstream

pytestmark = needs_postgresql
CHOSEN = {path.stem: path for path in FILES}


@pytest.fixture
def database():
    return new_database()


def schema_name(path):
    return next(line for line in path.read_text().splitlines() if line.startswith("name:")).split()[1].strip("\"'")


# Databases that are made


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_databases_of_all_schemas_are_those_of_the_real_tool(path, database):
    theirs = new_database()
    steward("create", database.option, "--initialize", path)
    upstream("create", theirs.upstream_option, "--initialize", path)
    assert database.definitions() == theirs.definitions()


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_what_is_extracted_from_a_made_database_does_not_differ(path, database, tmp_path):
    steward("create", database.option, "--initialize", path)
    assert steward("diff", database.option, "-E", path).stdout == ""
    steward("extract", database.option, "--name", schema_name(path), "-o", tmp_path / "found.yaml")
    assert steward("validate", tmp_path / "found.yaml").returncode == 0
    assert steward("diff", "--as", "postgresql", "-E", tmp_path / "found.yaml", path).stdout == ""
    # What was read makes the same database again.
    again = new_database()
    steward("create", again.option, "--initialize", tmp_path / "found.yaml")
    assert steward("diff", again.option, "-E", path).stdout == ""


@needs_golden
@pytest.mark.parametrize("name", ["features", "features_v2", "base", "refs", "quirk-cyclic-fk-comment"])
def test_all_features(name, database, tmp_path):
    path = GOLDEN / "yaml-input" / f"{name}.yaml"
    steward("create", database.option, "--initialize", path)
    assert steward("diff", database.option, "-E", path).stdout == ""
    steward("extract", database.option, "--name", schema_name(path), "-o", tmp_path / "found.yaml")
    again = new_database()
    steward("create", again.option, "--initialize", tmp_path / "found.yaml")
    assert steward("diff", again.option, "-E", path).stdout == ""


def test_preparations_existing_tables_and_indexes(database):
    path = CHOSEN["dp1"]
    done = steward("create", database.option, path, check=False)
    assert done.returncode == 1 and 'schema "dp1" does not exist' in done.stderr
    assert database.sql("SELECT count(*) FROM pg_tables WHERE schemaname = 'dp1'") == ["0"]
    steward("create", database.option, "--initialize", "--skip-indexes", path)
    indexes = "SELECT count(*) FROM pg_indexes WHERE schemaname = 'dp1' AND indexname LIKE 'idx%'"
    assert database.sql(indexes) == ["0"]
    steward("create-indexes", database.option, path)
    assert database.sql(indexes) == ["16"]
    assert "exists already" in steward("create-indexes", database.option, path).stderr
    steward("drop-indexes", database.option, path)
    assert database.sql(indexes) == ["0"]
    assert "There is no index" in steward("drop-indexes", database.option, path).stderr
    # Tables that are there stay, with their rows; what is missing comes back.
    database.sql('INSERT INTO dp1."Visit" (visit) VALUES (1)')
    database.sql('DROP TABLE dp1."Object" CASCADE')
    steward("create", database.option, path)
    assert database.sql('SELECT count(*) FROM dp1."Visit"') == ["1"]
    assert database.sql('SELECT count(*) FROM dp1."Object"') == ["0"]
    steward("create", database.option, "--drop", path)
    assert database.sql('SELECT count(*) FROM dp1."Visit"') == ["0"]
    assert steward("diff", database.option, "-E", path).stdout == ""
    # Under another name.
    steward("create", database.option, "--initialize", "--schema-name", "Other", "--ignore-constraints", path)
    assert database.sql("SELECT count(*) FROM pg_constraint WHERE connamespace = '\"Other\"'::regnamespace AND contype <> 'p'") == ["0"]
    lines = steward("diff", database.option, "--schema-name", "Other", path).stdout.splitlines()
    # A key that points nowhere counts by itself.
    lines = [line for line in lines if "BIGSERIAL" not in line]
    assert lines and all(line.startswith(("added constraint", "added description of constraint")) for line in lines)


def test_nothing_stays_of_a_database_that_cannot_be_made(database, tmp_path):
    path = tmp_path / "s.yaml"
    path.write_text(
        """name: s
tables:
- {name: good, columns: [{name: a, datatype: int}]}
- name: bad
  columns: [{name: a, datatype: int}]
  constraints: [{name: k, '@type': Check, expression: nothing > 0}]
"""
    )
    done = steward("create", database.option, "--initialize", path, check=False)
    assert done.returncode == 1 and 'column "nothing" does not exist' in done.stderr
    assert database.sql("SELECT count(*) FROM pg_namespace WHERE nspname = 's'") == ["0"]


# Databases that are read


def test_a_changed_database_differs(database):
    path = CHOSEN["dp1"]
    steward("create", database.option, "--initialize", path)
    database.script(
        """
        ALTER TABLE dp1."Visit" ADD COLUMN extra integer DEFAULT -7;
        ALTER TABLE dp1."Visit" ALTER COLUMN band TYPE varchar(99);
        COMMENT ON COLUMN dp1."Visit".ra IS 'something else';
        COMMENT ON TABLE dp1."CcdVisit" IS NULL;
        """
    )
    done = steward("diff", database.option, "-E", path, check=False)
    assert done.returncode == 1
    found = [line.split(":")[0] for line in done.stdout.splitlines()]
    assert sorted(found) == [
        "added description of table CcdVisit", "changed column Visit.band", "changed description of column Visit.ra",
        "removed column Visit.extra",
    ]


def test_a_reader_can_compare(database):
    """Without any right but to read, and without that to make temporary tables."""
    path = CHOSEN["apdb"]
    steward("create", database.option, "--initialize", path)
    name = f"reader_{database.name}"
    database.script(
        f"""
        CREATE ROLE {name} LOGIN;
        REVOKE TEMPORARY ON DATABASE {database.name} FROM PUBLIC;
        ALTER ROLE {name} SET default_transaction_read_only = on;
        """
    )
    option = database.option.replace("postgres@", f"{name}@")
    assert steward("diff", option, "-E", path).stdout == ""


TYPES = """
CREATE SCHEMA s;
CREATE TABLE s.other (id uuid PRIMARY KEY, j jsonb, t timestamptz(3), n numeric(10,2), v varchar, a int[], d date,
    r real DEFAULT '-1.5', b bytea, x timestamp(3) DEFAULT now(), c char(3) DEFAULT 'it''s', f boolean DEFAULT true,
    g int GENERATED ALWAYS AS (1 + 1) STORED, i int GENERATED BY DEFAULT AS IDENTITY, e double precision DEFAULT 1e-30,
    CHECK (r > 0), EXCLUDE USING gist (i WITH =));
CREATE UNIQUE INDEX u ON s.other (v);
CREATE INDEX p ON s.other (v) WHERE r > 0;
CREATE INDEX l ON s.other (lower(v), d);
CREATE VIEW s.seen AS SELECT 1 AS one;
"""


def test_types_that_the_language_does_not_have(database, tmp_path):
    database.script(TYPES)
    done = steward("extract", database.option, "--name", "s", "-o", tmp_path / "s.yaml")
    text = tmp_path.joinpath("s.yaml").read_text()
    for what in ("other.a has no counterpart", "decimal places", "'u'", "'p'", "computed from others", "other.i counts"):
        assert what in done.stderr.replace("' of column ", "' ").replace("The type 'integer[]'", "The type"), what
    for line in ("postgresql:datatype: JSONB", "postgresql:datatype: UUID", "postgresql:datatype: TIMESTAMP(6)",
                 "value: -1.5", "value: NOW()", "value: it's", "value: true", "value: 1.0e-30", "- lower(v::text)"):
        assert line in text, line
    assert "seen" not in text
    steward("validate", tmp_path / "s.yaml")
    again = new_database()
    steward("create", again.option, "--initialize", tmp_path / "s.yaml")
    assert steward("diff", again.option, "-E", tmp_path / "s.yaml").stdout == ""


def test_what_cannot_be_reached_is_named(database, tmp_path):
    path = CHOSEN["obsloctap"]
    done = steward("diff", database.option, path, check=False)
    assert "added table" in done.stdout
    assert "no tables in a schema 'ivoa'" in done.stderr and "--schema-name" in done.stderr
    done = steward("diff", "--engine-url=postgresql://postgres:secret@127.0.0.1:1/x", path, check=False)
    assert done.returncode == 1 and "127.0.0.1:1" in done.stderr and "secret" not in done.stderr
    done = steward("create", f"{database.option}_none", path, check=False)
    assert done.returncode == 1 and "does not exist" in done.stderr
    done = steward("create", "--engine-url=mysql://user@host/x", path, check=False)
    assert done.returncode == 1 and "--dry-run" in done.stderr


# Migrations

PAIRS = [("dp1", "dp2"), ("dp2", "dp1"), ("cdb_latiss", "cdb_lsstcam"), ("cdb_lsstcam", "cdb_lsstcomcam"),
         ("apdb", "ppdb"), ("sso_base", "ppdb"), ("dp02_dc2", "drp_base"), ("hsc", "imsim"), ("efd_latiss", "efd_lsstcam")]


def check_migration(database, old, new, back=True):
    steward("create", database.option, "--initialize", "--schema-name=m", old)
    script = steward(
        "migrate", "--dialect=postgresql", "--schema-name=m", "--allow-data-loss", old, new).stdout
    database.script(script)
    assert steward("diff", database.option, "--schema-name=m", "-E", new).stdout == ""
    assert steward("migrate", database.option, "--schema-name=m", new).stdout == ""
    # And back again, by what the database says.
    if not back:
        return
    steward("migrate", database.option, "--schema-name=m", "--execute", "--allow-data-loss", old)
    assert steward("diff", database.option, "--schema-name=m", "-E", old).stdout == ""


@pytest.mark.parametrize("pair", PAIRS, ids="-".join)
def test_migrations_between_schemas(pair, database):
    # PostgreSQL counts columns that are gone too, and does not take more than 1600.
    check_migration(database, *(CHOSEN[name] for name in pair), back=not {"dp2", "dp02_dc2"} & set(pair))


@needs_golden
def test_migration_of_all_features(database):
    check_migration(database, *(GOLDEN / "yaml-input" / name for name in ("features.yaml", "features_v2.yaml")))


OLD = """name: m
tables:
- name: parent
  description: one
  primaryKey: '#parent.id'
  columns:
  - {name: id, datatype: int}
  - {name: flux, datatype: double, value: 1.5, description: brightness}
  - {name: note, datatype: string, length: 8, description: a note}
  constraints: [{name: u_note, '@type': Unique, columns: ['#parent.note'], description: only once}]
- name: child
  primaryKey: ['#child.a', '#child.b']
  columns: [{name: a, datatype: int}, {name: b, datatype: int}, {name: note, datatype: string, length: 8}]
  constraints:
  - {name: k_note, '@type': ForeignKey, columns: ['#child.note'], referencedColumns: ['#parent.note']}
"""
NEW = """name: m
tables:
- name: child
  primaryKey: '#child.a'
  columns: [{name: a, datatype: long}, {name: b, datatype: int}, {name: note, datatype: string, length: 16}]
  constraints:
  - {name: k_child, '@type': ForeignKey, columns: ['#child.b'], referencedColumns: ['#fresh.id'], description: new}
- name: fresh
  primaryKey: '#fresh.id'
  columns: [{name: id, datatype: int}, {name: back, datatype: long}]
  constraints:
  - {name: k_back, '@type': ForeignKey, columns: ['#fresh.back'], referencedColumns: ['#child.a']}
- name: parent
  description: two
  primaryKey: '#parent.id'
  columns:
  - {name: id, datatype: long}
  - {name: flux, datatype: float, value: 2.5, description: brightness}
  - {name: remark, datatype: string, length: 8, description: a note}
"""


def test_migration_keeps_rows(database, tmp_path):
    old, new = tmp_path / "old.yaml", tmp_path / "new.yaml"
    old.write_text(OLD)
    new.write_text(NEW)
    steward("create", database.option, "--initialize", old)
    database.script("INSERT INTO m.parent (flux, note) VALUES (0.1, 'x'); INSERT INTO m.child VALUES (7, 1, NULL);")
    refused = steward("migrate", "--dialect=postgresql", old, new, check=False)
    assert refused.returncode == 1 and "not every double is a float" in refused.stderr
    # The database has the same type for both.
    assert steward("migrate", database.option, new).stdout.startswith("BEGIN;\n")
    before = database.definitions()
    database.script("INSERT INTO m.child VALUES (7, 2, NULL);")
    done = steward("migrate", database.option, "--execute", "--allow-data-loss", new, check=False)
    assert done.returncode == 1 and "child_pkey" in done.stderr
    assert database.definitions() == before
    database.script("DELETE FROM m.child WHERE b = 2; UPDATE m.child SET b = 1;")
    done = steward("migrate", database.option, "--execute", "--allow-data-loss", new, check=False)
    # The row of the child points to none of the new table.
    assert done.returncode == 1 and "k_child" in done.stderr
    database.script("ALTER TABLE m.child DROP CONSTRAINT child_pkey; ALTER TABLE m.child ALTER b DROP NOT NULL; "
                    "UPDATE m.child SET b = NULL; ALTER TABLE m.child ADD PRIMARY KEY (a)")
    steward("migrate", database.option, "--execute", "--allow-data-loss", new)
    assert steward("diff", database.option, "-E", new).stdout == ""
    assert database.sql("SELECT id, flux, remark FROM m.parent") == ["1|0.1|x"]
    # Keys go on counting.
    assert database.sql("INSERT INTO m.child (note) VALUES ('y') RETURNING a") == ["8"]
    refused = steward("migrate", database.option, "--execute", old, check=False)
    assert refused.returncode == 1 and "all rows of fresh" in refused.stderr
