"""`steward felis validate` against the real tool: verdicts on the corpus and on all schemas, units, UCDs."""

import json
import random

import pytest
import yaml
from felis_tools import ARCHIVE, FILES, GOLDEN, SCHEMAS, errors, needs_golden, problems, steward, upstream_verdict

FLAGS = {
    "check_description": "--check-description",
    "check_redundant_datatypes": "--check-redundant-datatypes",
    "check_tap_table_indexes": "--check-tap-table-indexes",
    "check_tap_principal": "--check-tap-principal",
}


def corpus():
    if not GOLDEN.exists():
        return []
    return json.loads((GOLDEN / "invalid" / "verdicts.json").read_text())


UNION_MEMBERS = ("SchemaVersion", "constrained-str", "int", "float", "bool")


def dotted(location):
    return [str(step) for step in location if step not in UNION_MEMBERS]


@needs_golden
def test_every_verdict_and_kind_of_the_corpus_is_the_same():
    wrong = []
    for case in corpus():
        context = case["context"]
        flags = [flag for key, flag in FLAGS.items() if context.get(key)]
        before = [] if context.get("id_generation", True) else ["--no-id-generation"]
        done = steward(
            *before, "validate", "--format", "json", *flags, GOLDEN / "invalid" / case["file"], check=False
        )
        found = [json.loads(line) for line in done.stdout.splitlines()]
        found = [problem for problem in found if problem["severity"] == "error"]
        if (done.returncode == 0) != (case["verdict"] == "valid"):
            wrong.append((case["file"], case["verdict"], found))
            continue
        for error in case.get("errors", []):
            # One error of ours stands for those of all members of a union, so its path may be a part of theirs.
            location = dotted(error["loc"])
            kinds = {e["type"] for e in case["errors"]}
            same = [
                problem
                for problem in found
                if problem["kind"] in kinds
                and (not problem["path"] or related([s.strip("`") for s in split(problem["path"])], location))
            ]
            if not same:
                wrong.append((case["file"], error, found))
    assert not wrong, "\n".join(map(str, wrong))


def split(path):
    """The steps of a dotted path with back-quoted keys."""
    steps, quoted, step = [], False, ""
    for character in path:
        if character == "`":
            quoted = not quoted
        elif character == "." and not quoted:
            steps.append(step)
            step = ""
        else:
            step += character
    return steps + [step]


def related(ours, theirs):
    shared = min(len(ours), len(theirs))
    return ours[:shared] == theirs[:shared]


@needs_golden
def test_every_error_of_the_corpus_has_a_place():
    for case in corpus():
        if case["verdict"] == "valid":
            continue
        for problem in errors(GOLDEN / "invalid" / case["file"]):
            assert "line" in problem or "cannot be read" in problem["message"] or "There is no file" in problem["message"]


@pytest.mark.parametrize("path", FILES + ARCHIVE, ids=lambda path: path.stem)
def test_every_schema_has_the_same_verdict(path):
    assert (not errors(path)) == upstream_verdict(path)


@pytest.mark.parametrize("check", FLAGS)
def test_checks_have_the_same_verdicts_on_all_schemas(check):
    found = {problem["file"] for problem in errors(FLAGS[check], *FILES)}
    for path in FILES:
        assert (str(path) not in found) == upstream_verdict(path, **{check: True}), path


def verdicts(tmp_path, key, texts):
    """Whether each text is good as the value of a key of a column."""
    columns = [{"name": f"c{n}", "datatype": "int", key: text} for n, text in enumerate(texts)]
    path = tmp_path / "columns.yaml"
    path.write_text(yaml.safe_dump({"name": "s", "tables": [{"name": "t", "columns": columns}]}, allow_unicode=True))
    bad = {int(split(problem["path"])[3]) for problem in errors(path)}
    return [n not in bad for n in range(len(texts))]


@needs_golden
def test_units_of_the_golden_list(tmp_path):
    cases = json.loads((GOLDEN / "units-ucd" / "unit-verdicts.json").read_text())
    # Blanks around values never get to the check of units.
    cases = [case for case in cases if case["unit"] == case["unit"].strip()]
    found = verdicts(tmp_path, "ivoa:unit", [case["unit"] for case in cases])
    assert [c for c, ours in zip(cases, found) if c["accepted"] != ours] == []


@needs_golden
def test_ucds_of_the_golden_list(tmp_path):
    cases = json.loads((GOLDEN / "units-ucd" / "ucd-verdicts.json").read_text())
    found = verdicts(tmp_path, "ivoa:ucd", [case["ucd"] for case in cases])
    assert [c for c, ours in zip(cases, found) if c["accepted"] != ours] == []


@needs_golden
def test_all_names_of_units(tmp_path):
    lines = (GOLDEN / "units-ucd" / "unit-names.tsv").read_text().splitlines()
    names = [line.split("\t")[0] for line in lines if not line.startswith("#")]
    found = verdicts(tmp_path, "ivoa:unit", names)
    assert [name for name, ours in zip(names, found) if not ours] == []


def generated_units(count):
    """Units that follow the grammar, and such with a mistake in them."""
    pick = random.Random(11)
    names = "m s kg mag deg arcsec pixel ct DN adu nJy mJy km um Angstrom erg W Hz eV yr d h pc AU % dex dB".split()
    marks = list(".*/^+-() ,012359") + ["**", "e", "x", "sqrt(", "mag(", "log(", "10", ".5", "1e-3"]

    def power():
        n = pick.choice(["2", "3", "10"])
        return pick.choice(
            ["", "", "", n, "-" + n, "+" + n, "**" + n, "^" + n, f"**-{n}", f"({n})", f"(-{n})", "(1/2)", "**(1/2)", "(1.5)"]
        )

    def term(depth):
        shape = pick.random()
        if depth and shape < 0.1:
            return f"({product(depth - 1)})"
        if depth and shape < 0.15:
            return f"{pick.choice(['sqrt', 'mag', 'dex', 'dB', 'log'])}({unit(depth - 1)})"
        return pick.choice(names) + power()

    def product(depth):
        return pick.choice([" ", ".", "*", " * "]).join(term(depth) for _ in range(pick.choice([1, 1, 2, 3])))

    def factor():
        return pick.choice(
            ["10", "2", "1.5", "1e-7", "10**3", "10^-2", "10+4", "10(-2)", "2**3", "3 10**2", "-2", "1.5 10-3", "2**(1.5)"]
        )

    def unit(depth):
        text = product(depth)
        for _ in range(pick.choice([0, 0, 1, 2])):
            text += pick.choice(["/", " / "]) + product(depth)
        if pick.random() < 0.2:
            text = factor() + pick.choice(["", " ", ".", "*"]) + text
        if pick.random() < 0.05:
            text = "/" + text
        return text

    result = []
    while len(result) < count:
        text = unit(2)
        if pick.random() < 0.5:
            for _ in range(pick.choice([1, 1, 2])):
                at = pick.randrange(len(text) + 1)
                text = text[:at] + pick.choice(marks) + text[at + pick.choice([0, 1]) :]
        result.append(text.strip())
    return [text for text in result if text]


def test_generated_units_have_the_verdicts_of_astropy(tmp_path):
    import warnings

    import astropy.units

    def accepted(text):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                astropy.units.Unit(text)
            except (ValueError, TypeError, ArithmeticError) as error:
                # The scales of powers such as nJy10 leave the range of its numbers; the grammar allows them.
                return None if "scale of 0" in str(error) or "out of range" in str(error) else False
        return True

    units = generated_units(6000)
    found = verdicts(tmp_path, "ivoa:unit", units)
    verdicts_there = [accepted(text) for text in units]
    wrong = [(text, ours) for text, ours, theirs in zip(units, found, verdicts_there) if theirs not in (ours, None)]
    assert sum(verdict is not None for verdict in verdicts_there) >= 5000
    assert 1000 < sum(verdict is True for verdict in verdicts_there) < len(units) - 1000
    assert wrong == []


YAML_SCALARS = """yes no on off TRUE y n ~ null Null 010 0x1F 0b11 1_000 0o10 1e3 1.0e3 1.0e+3 1. .5 .inf 1:30 1.0.0
1.0 2024-01-01 '12' "yes" 12.0 1.5 -3 +4 0 1 [] {}""".split()


@pytest.mark.parametrize(
    "template",
    [
        "name: {}\ntables: []\n",
        "name: s\nversion: {}\ntables: []\n",
        "name: s\ntables: [{{name: t, columns: [{{name: c, datatype: long, tap:column_index: {}}}]}}]\n",
        "name: s\ntables: [{{name: t, columns: [{{name: c, datatype: long, nullable: {}}}]}}]\n",
        "name: s\ntables: [{{name: t, columns: [{{name: c, datatype: long, value: {}}}]}}]\n",
        "name: s\ntables: [{{name: t, columns: [{{name: c, datatype: double, value: {}}}]}}]\n",
        "name: s\ntables: [{{name: t, columns: [{{name: c, datatype: timestamp, value: {}}}]}}]\n",
        "name: s\ntables: [{{name: t, columns: [{{name: c, datatype: boolean, value: {}}}]}}]\n",
        "name: s\ntables: [{{name: t, columns: [{{name: c, datatype: int, votable:arraysize: {}}}]}}]\n",
        "name: s\ntables: [{{name: t, columns: [{{name: c, datatype: int, autoincrement: {}}}]}}]\n",
    ],
)
def test_scalars_are_those_of_yaml_1_1(template, tmp_path):
    paths = []
    for number, scalar in enumerate(YAML_SCALARS):
        path = tmp_path / f"{number}.yaml"
        path.write_text(template.format(scalar))
        paths.append(path)
    wrong = {problem["file"] for problem in errors(*paths)}
    different = [s for s, path in zip(YAML_SCALARS, paths) if (str(path) not in wrong) != upstream_verdict(path)]
    assert different == []


# Beyond the real tool


def test_all_errors_are_found_at_once_with_places(tmp_path):
    path = tmp_path / "s.yaml"
    path.write_text(
        """name: s
tables:
- name: t
  columns:
  - {name: a, datatype: Int}
  - name: b
    datatype: string
  - name: c
    datatype: int
    ivoa:ucd: meta.idd
    desciption: x
  constraints:
  - {name: k, '@type': Unique, columns: ['#t.zz']}
"""
    )
    found = errors(path)
    assert [(p["line"], p["kind"]) for p in found] == [
        (5, "value_error"),
        (6, "value_error"),
        (11, "extra_forbidden"),
        (10, "value_error"),
    ]
    assert found[0]["remedy"] == "did you mean 'int'?"
    assert found[2]["remedy"] == "did you mean 'description'?"
    assert found[3]["remedy"] == "did you mean 'meta.id'?"
    assert found[2]["path"] == "tables.0.columns.2.desciption"


def test_repeated_keys_get_a_warning(tmp_path):
    path = tmp_path / "s.yaml"
    path.write_text("name: s\ntables: []\nname: t\n")
    (problem,) = problems(path)
    assert (problem["severity"], problem["kind"], problem["line"]) == ("warning", "duplicate_key", 3)


def test_workflow_annotations(tmp_path):
    path = tmp_path / "s.yaml"
    path.write_text("name: s\ntabels: []\n")
    done = steward("validate", "--format", "github", path, check=False)
    assert done.returncode == 1
    assert f"::error file={path},line=2,col=1::tabels: unknown key 'tabels'" in done.stdout


PLAIN = "name: s\ntables: [{{name: t, columns: [{{name: a, datatype: {}}}]}}]\n"
SAME = {
    "both names": "name: s\n'@id': '#a'\nid: '#b'\ntables: []\n",
    "the other name of an id": "name: s\ntables: [{name: t, id: '#x', columns: [{name: a, datatype: int}]}]\n",
    "both table indexes": "name: s\ntables: [{name: t, tap_table_index: 1, tap:table_index: 3, columns: []}]\n",
    "other names": "name: s\nvotable_utype: x\ntables: [{name: t, tap_table_index: 1, primary_key: '#t.a', columns: "
    "[{name: a, datatype: int, votable_arraysize: '7', ivoa_ucd: meta.id, tap_principal: 1}]}]\n",
    "a size that is derived": PLAIN.format("string, length: 3, votable_arraysize: '7'"),
    "a size of text": PLAIN.format("text, votable_arraysize: '7'"),
    "a table that is merged into another": "name: s\ntables:\n"
        "- &t {name: t, columns: [&c {name: a, datatype: int}, {<<: *c, name: b}]}\n- {<<: *t, name: u}\n",
    "columns of two tables": "name: s\ntables:\n"
        "- {name: t, columns: &c [{name: a, datatype: int}]}\n- {name: u, columns: *c}\n",
    "a column merged into another": "name: s\ntables:\n- {name: t, columns: [&c {name: a, datatype: int}]}\n"
        "- {name: u, columns: [{<<: *c}]}\n",
    "a column in a group": "name: s\ntables: [{name: t, columns: [{name: a, datatype: int}], "
        "columnGroups: [{name: g, columns: [{name: a, datatype: int}]}]}]\n",
    "groups by their other name": "name: s\ntables: [{name: t, columns: [{name: a, datatype: int}], "
        "column_groups: [{name: g, columns: ['#t.a']}]}]\n",
    "a double of many digits": PLAIN.format("double, value: 9223372036854775808"),
    "a size of many digits": PLAIN.format("double, 'votable:arraysize': 99999999999999999999999"),
    "a number with a dot": PLAIN.format("long, tap:column_index: '12.'"),
    "a number with a dot and a zero": PLAIN.format("long, tap:column_index: '12.0'"),
    "a binary text": PLAIN.format("text, description: !!binary aGk=, value: !!binary aGk="),
    "a binary that is no text": PLAIN.format("text, description: !!binary /w=="),
}


@pytest.mark.parametrize("name", SAME)
def test_verdicts_on_odd_files_are_the_same(name, tmp_path):
    path = tmp_path / "s.yaml"
    path.write_text(SAME[name])
    assert (not errors(path)) == upstream_verdict(path), problems(path)


@pytest.mark.parametrize("override", [
    "VARCHAR(a)", "VARCHAR('a')", "VARCHAR(64.0)", "VARCHAR(-1)", "VARCHAR (64)", "VARCHAR(64,)", "varchar(64)",
    "VARCHAR", "VARCHAR(65)", "CHAR(64)", "TEXT(64)", "TEXT(a)", "ENUM('a','b')", "ENUM", "SET('x')", "VARBINARY(a)",
    "DOUBLE", "FLOAT(a)", "NUMERIC(10,2)", "TIMESTAMP", "DOUBLE PRECISION", "BIGINT(a)",
])
def test_redundant_overrides_are_the_same(override, tmp_path):
    different = []
    sized = ("string, length: 64", "binary, length: 3", "char, length: 64")
    for datatype in (*sized, "text", "double", "int", "timestamp"):
        for dialect in ("mysql", "postgresql"):
            path = tmp_path / "s.yaml"
            path.write_text(PLAIN.format(f'{datatype}, "{dialect}:datatype": "{override}"'))
            ours = not errors("--check-redundant-datatypes", path)
            upstream_verdict.cache_clear()
            if ours != upstream_verdict(path, check_redundant_datatypes=True):
                different.append((datatype, dialect, ours))
    assert different == []


def test_errors_of_references_and_names_have_paths(tmp_path):
    (tmp_path / "b.yaml").write_text(
        "name: b\ntables: [{name: T, tap:table_index: 1, columns: [{name: label, datatype: int}]}]\n")
    path = tmp_path / "s.yaml"
    path.write_text(
        """name: s
resources: {b: {uri: b.yaml}}
tables:
- {name: R, columnRefs: {b: {T: {labell: }, X: {y: }}}}
""" + """- name: t
  tap:table_index: 1
  columns: [{name: a, datatype: int, '@id': '#x'}]
  indexes: [{name: i, columns: ['#x']}]
""" * 2
    )
    paths = {problem["path"] for problem in errors("--check-tap-table-indexes", path)}
    assert paths >= {
        "tables.0.columnRefs.b.T.labell", "tables.0.columnRefs.b.X.y", "tables.2.name", "tables.2.`tap:table_index`",
        "tables.2.indexes.0.name", "tables.2.`@id`", "tables.2.columns.0.`@id`",
    }
    assert "" not in paths


def test_keys_that_are_called_otherwise_are_suggested(tmp_path):
    wanted = {
        "ucd": "ivoa:ucd", "unit": "ivoa:unit", "arraysize": "votable:arraysize", "utype": "votable:utype",
        "std": "tap:std", "default": "value", "defaultValue": "value", "type": "datatype",
        "tap:principle": "tap:principal", "legnth": "length",
    }
    path = tmp_path / "s.yaml"
    path.write_text(PLAIN.format("int, " + ", ".join(f"'{key}': x" for key in wanted)))
    found = {p["path"].split(".")[-1].strip("`"): p.get("remedy") for p in errors(path)}
    assert {key: found.get(key) for key in wanted} == {key: f"did you mean '{word}'?" for key, word in wanted.items()}


# Bad input


def test_circles_of_files_end(tmp_path):
    (tmp_path / "a.yaml").write_text("name: a\nresources: {b: {uri: b.yaml}}\ntables: []\n")
    (tmp_path / "b.yaml").write_text("name: b\nresources: {a: {uri: a.yaml}}\ntables: []\n")
    assert any("in a circle" in problem["message"] for problem in errors(tmp_path / "a.yaml"))


def test_files_of_web_servers_and_packages(tmp_path):
    import functools
    import http.server
    import os
    import threading

    (tmp_path / "base.yaml").write_text("name: b\ntables: [{name: T, columns: [{name: x, datatype: int}]}]\n")
    (tmp_path / "a.yaml").write_text(
        "name: a\nresources: {b: {uri: base.yaml}}\ntables: [{name: R, columnRefs: {b: {T: {x: }}}}]\n"
    )

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *arguments):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=tmp_path))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_address[1]}"
    assert steward("validate", f"{address}/a.yaml").returncode == 0
    assert "404" in errors(f"{address}/none.yaml")[0]["message"]
    server.shutdown()
    server.server_close()
    assert "Cannot read" in errors(f"{address}/a.yaml")[0]["message"]
    path = {**os.environ, "PYTHONPATH": str(SCHEMAS.parent.parent.parent)}
    steward("validate", "resource://lsst.sdm.schemas/ap_extra.yaml", env=path)
    assert "is not installed" in errors("resource://no.such.package/x.yaml")[0]["message"]


def test_pipes_are_read(tmp_path):
    import os
    import threading

    done = steward("validate", "--format", "json", "/dev/stdin", input=PLAIN.format("nope"), check=False)
    assert "is not a datatype" in done.stdout
    os.mkfifo(tmp_path / "pipe")
    text = PLAIN.format("int, description: " + "x" * 300_000)
    threading.Thread(target=lambda: (tmp_path / "pipe").write_text(text)).start()
    assert steward("validate", tmp_path / "pipe").returncode == 0
    assert "has more than 16777216 bytes" in errors("/dev/zero")[0]["message"]


def test_a_file_that_an_installed_package_lacks(tmp_path):
    import os

    (tmp_path / "venv" / "bin").mkdir(parents=True)
    (tmp_path / "venv" / "bin" / "python3").symlink_to("/bin/true")
    package = tmp_path / "venv" / "lib" / "python3.99" / "site-packages" / "some" / "models"
    package.mkdir(parents=True)
    (package / "a.yaml").write_text(PLAIN.format("int"))
    environment = {**os.environ, "PATH": f"{tmp_path}/venv/bin:{os.environ['PATH']}"}
    steward("validate", "resource://some.models/a.yaml", env=environment)
    done = steward("validate", "resource://some.models/b.yaml", env=environment, check=False)
    assert done.returncode == 1 and "There is no file 'resource://some.models/b.yaml'" in done.stderr


def test_a_server_that_refuses_is_told_instead_of_waited_for(tmp_path):
    import socket

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{free.getsockname()[1]}"
    path = tmp_path / "s.yaml"
    resources = ", ".join(f"r{n}: {{uri: '{address}/{n}.yaml'}}" for n in range(5))
    path.write_text(f"name: s\nresources: {{{resources}}}\ntables: []\n")
    found = errors(path)
    assert len(found) == 5 and all("refused" in problem["message"].lower() for problem in found), found


def test_many_unknown_references_end(tmp_path):
    columns = ", ".join(f"{{name: column_{n:06}, datatype: int}}" for n in range(10_000))
    (tmp_path / "b.yaml").write_text(f"name: b\ntables: [{{name: T, columns: [{columns}]}}]\n")
    references = ", ".join(f"colunm_{n:06}: " for n in range(4_000))
    path = tmp_path / "s.yaml"
    tables = f"[{{name: R, columnRefs: {{b: {{T: {{{references}}}}}}}}}]"
    path.write_text(f"name: s\nresources: {{b: {{uri: b.yaml}}}}\ntables: {tables}\n")
    found = errors(path)
    assert len(found) == 4_000 and found[0]["remedy"].startswith("did you mean 'column_0")
    keys = ", ".join(f"'#R.colunm_{n:06}'" for n in range(4_000))
    path.write_text(f"name: s\ntables: [{{name: R, columns: [{columns}], primaryKey: [{keys}]}}]\n")
    assert len(problems(path)) == 4_000


def test_bombs_end(tmp_path):
    columns = "\n".join(f"    - &c{n} [{', '.join([f'*c{n - 1}'] * 9) if n else 'x'}]" for n in range(12))
    path = tmp_path / "bomb.yaml"
    path.write_text(f"name: s\ntables:\n  - name: t\n    columns:\n{columns}\n")
    assert errors(path)
    wide = "name: s\ntables:\n- &t\n  name: t\n  columns: &cs\n" + "".join(
        f"  - {{name: c{n}, datatype: int}}\n" for n in range(5000)
    )
    path.write_text(wide + "".join("- *t\n" for _ in range(5000)))
    assert any("too many values" in problem["message"] for problem in errors(path))


def test_files_that_are_no_text_or_missing_or_too_large(tmp_path):
    path = tmp_path / "s.yaml"
    path.write_bytes(b"name: \xff\xfe\n")
    assert "Invalid YAML" in errors(path)[0]["message"]
    assert "There is no file" in errors(tmp_path / "none.yaml")[0]["message"]
    assert "is a directory" in errors(tmp_path)[0]["message"]
    with open(path, "wb") as file:
        file.truncate(100 << 20)
    assert "more than the limit" in errors(path)[0]["message"]
