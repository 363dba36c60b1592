"""Every command of the real tool with its options: exit status, standard output and files are the same."""

import os
import re
from pathlib import Path

import pytest
from click.testing import CliRunner
from felis import cli as felis_cli
from felis_tools import statements, steward

GOOD = """name: s
description: d
tables:
- name: t
  description: d
  columns:
  - {name: a, datatype: int, description: x}
  indexes: [{name: i, columns: ['#t.a']}]
"""
FILES = {
    "good.yaml": GOOD,
    "other.yaml": GOOD.replace("int,", "long,"),
    "bad.yaml": GOOD.replace("description: x", "descriptio: x"),
    "key.yaml": GOOD.replace("  columns:", "  primaryKey: '#t.z'\n  columns:"),
}
DATABASE = "--engine-url=sqlite:///x.db"

CASES = """
nothing
--log-level X validate good.yaml
--log-level debug validate good.yaml
--column-ref-index-increment 0 validate good.yaml
--column-ref-index-increment x validate good.yaml
--column-ref-index-increment 5 validate good.yaml
--no-id-generation validate good.yaml
--id-generation validate good.yaml
--log-file log.txt --log-level ERROR validate bad.yaml
validate
validate good.yaml
validate bad.yaml
validate bad.yaml good.yaml
validate good.yaml bad.yaml
validate none.yaml
validate none.yaml bad.yaml
validate --check-description good.yaml
validate --check-description bad.yaml
validate --check-tap-principal good.yaml
validate --check-tap-table-indexes good.yaml
validate --check-redundant-datatypes good.yaml
validate --check-description --check-tap-principal --check-tap-table-indexes --check-redundant-datatypes good.yaml
validate --nonsense good.yaml
create
create good.yaml other.yaml
create good.yaml
create key.yaml
create bad.yaml
create none.yaml
create --engine-url=mysql:// good.yaml
create --engine-url=postgresql:// good.yaml
create --engine-url=postgresql+psycopg:// good.yaml
create --engine-url=nonsense good.yaml
create --initialize --drop good.yaml
create --ignore-constraints --skip-indexes good.yaml
create --schema-name z --engine-url=postgresql:// good.yaml
create DATABASE --dry-run good.yaml
create-indexes DATABASE good.yaml
create DATABASE --skip-indexes good.yaml
create DATABASE good.yaml
create --engine-url=sqlite:///nofolder/x.db good.yaml
create -o out.sql good.yaml
create --output-file out.sql --engine-url=mysql:// good.yaml
create -o nofolder/out.sql good.yaml
create DATABASE --drop good.yaml
create DATABASE --initialize good.yaml
create-indexes good.yaml
create-indexes DATABASE good.yaml
drop-indexes DATABASE good.yaml
drop-indexes DATABASE good.yaml
create-indexes DATABASE good.yaml
init-tap-schema
init-tap-schema --engine-url=sqlite:///t.db
init-tap-schema --engine-url=sqlite:///t.db
init-tap-schema --engine-url=sqlite:///t.db --tap-tables-postfix 11
init-tap-schema --engine-url=sqlite:///u.db --no-insert-metadata
init-tap-schema --engine-url=sqlite:///v.db --extensions none.yaml
load-tap-schema
load-tap-schema good.yaml
load-tap-schema --engine-url=sqlite:///t.db --dry-run -e good.yaml
load-tap-schema --engine-url=sqlite:///t.db -D -o l.sql good.yaml
load-tap-schema --engine-url=sqlite:///t.db -i 7 good.yaml
load-tap-schema --engine-url=sqlite:///t.db good.yaml
load-tap-schema --engine-url=sqlite:///t.db -p 11 -u --force-unbounded-arraysize -o m.sql good.yaml
load-tap-schema --engine-url=sqlite:///t.db bad.yaml
load-tap-schema --engine-url=sqlite:///t.db -i x good.yaml
load-tap-schema --engine-url=sqlite:///empty.db good.yaml
diff
diff good.yaml
diff good.yaml good.yaml
diff -E good.yaml good.yaml
diff -E good.yaml other.yaml
diff --error-on-change -c deepdiff good.yaml other.yaml
diff -c alembic good.yaml good.yaml
diff -c alembic -E good.yaml other.yaml
diff -c nonsense good.yaml other.yaml
diff good.yaml other.yaml good.yaml
diff DATABASE good.yaml
diff DATABASE -E other.yaml
diff bad.yaml good.yaml
dump
dump good.yaml
dump good.yaml d.yaml
dump good.yaml d.json
dump good.yaml d.txt
dump bad.yaml d.yaml
dump good.yaml nofolder/d.yaml
dump --strip-ids --no-strip-ids --sort-columns --dereference-resources good.yaml d.yaml
dump --no-strip-ids --strip-ids --no-sort-columns --no-dereference-resources good.yaml e.yaml
--help
validate --help
""".strip().splitlines()


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Both tools in folders of their own, all commands one after the other."""
    ours, theirs = tmp_path_factory.mktemp("ours"), tmp_path_factory.mktemp("theirs")
    for folder in (ours, theirs):
        for name, text in FILES.items():
            (folder / name).write_text(text)
    environment = {key: value for key, value in os.environ.items() if not key.startswith("FELIS_")}
    found = {}
    here = os.getcwd()
    for number, case in enumerate(CASES):
        arguments = [DATABASE if word == "DATABASE" else word for word in case.split()]
        done = steward(*arguments, check=False, cwd=ours, env=environment)
        os.chdir(theirs)
        try:
            result = CliRunner().invoke(felis_cli.cli, arguments)
        finally:
            os.chdir(here)
        found[number] = (done, result, files(ours), files(theirs))
    return found


def files(folder: Path):
    return {path.name: path.read_text() for path in folder.iterdir() if path.suffix in (".sql", ".yaml", ".json")}


def same_text(ours, theirs):
    return ours == theirs or statements(ours) == statements(theirs)


@pytest.mark.parametrize("number", range(len(CASES)), ids=lambda number: CASES[number].replace("/", "|"))
def test_commands(number, runs):
    case = CASES[number]
    done, result, ours, theirs = runs[number]
    assert done.returncode == result.exit_code, (done.stderr, result.output)
    # What differs is said in words, not as positions and Python tuples.
    if case.split()[0] == "diff" or "--help" in case:
        assert bool(done.stdout) == bool(result.stdout)
    # The real tool does nothing.
    elif case == "create-indexes good.yaml":
        assert done.stdout == "CREATE INDEX i ON t (a);\n"
    else:
        assert same_text(done.stdout, result.stdout)
    if done.returncode != 0:
        assert done.stderr or "--log-file" in case
    assert set(ours) == set(theirs) - ({"out.sql"} if "nofolder" in case and "out.sql" not in ours else set())
    for name in ours:
        assert same_text(ours[name], theirs[name]), name


def test_environment(tmp_path):
    path = tmp_path / "s.yaml"
    path.write_text(FILES["bad.yaml"])
    log = tmp_path / "log.txt"
    done = steward("validate", path, check=False, env={**os.environ, "FELIS_LOGFILE": str(log)})
    assert done.returncode == 1 and done.stderr == "" and "descriptio" in log.read_text()
    done = steward("validate", path, check=False, env={**os.environ, "FELIS_LOGLEVEL": "CRITICAL"})
    assert (done.returncode, done.stderr) == (1, "")
    path.write_text(GOOD)
    for dialect, word in (("mysql", "ENGINE=MyISAM"), ("postgresql", "COMMENT ON TABLE s.t")):
        assert word in steward("create", path, env={**os.environ, "FELIS_ENGINE_URL": f"{dialect}://"}).stdout


def test_a_link_named_felis(tmp_path):
    import subprocess

    from felis_tools import BINARY

    link = tmp_path / "felis"
    link.symlink_to(BINARY.resolve())
    done = subprocess.run([link, "--version"], capture_output=True, text=True)
    assert done.returncode == 0 and re.fullmatch(r"felis, version \d+\.\d+\.\d+\n", done.stdout)
    path = tmp_path / "s.yaml"
    path.write_text(GOOD)
    assert subprocess.run([link, "validate", path]).returncode == 0
    assert subprocess.run([link], capture_output=True).returncode == 2
