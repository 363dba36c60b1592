"""Compare `retrieve-artifacts` and `create` of `steward butler` with Rubin's `butler`, and test what Steward adds: JSON
lines, colour, progress, log files, options from a file, the link named `butler`.
"""

import json
import re
import shlex
from pathlib import Path

import pytest
import yaml
from command_line import (  # noqa: F401
    BINARY,
    fixtures,
    in_terminal,
    made,
    needs_binary,
    one_line_of,
    steward,
    upstream,
)
from lsst.daf.butler import Butler, DatasetType

pytestmark = needs_binary


# Retrieving files


def files_below(folder: Path) -> dict[str, bytes]:
    """Contents by relative path, without the index, whose records have no fixed order."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "_butler_zip_index.json"
    }


RETRIEVALS = [
    "REPO DEST/ -d count",
    "REPO DEST/ -d count -v",
    "REPO DEST/ -dcount,summary --collections inner --find-first -v -t copy",
    "REPO DEST/ --dataset-type 'c*' --no-preserve-path --collections run/a --verbose",
    "REPO DEST/ -d count -t symlink",
    "REPO DEST/ -d count -t RELSYMLINK -v",
    "REPO DEST/ -d count --limit 0 -t auto",
    "REPO DEST/ -d nosuch",
    "REPO DEST/ -d 'no*such' -v",
    "REPO DEST/ -d unused_log",
    "REPO DEST/ -d count --collections nosuch",
    "REPO DEST/ -d count -t move",
    "REPO DEST -d count",
    "REPO DEST/ -d count -t bogus",
]


@pytest.mark.parametrize("line", RETRIEVALS)
def test_retrieve_artifacts_brings_the_same_files(made, tmp_path, line):
    outcomes = []
    for name, run in (("theirs", upstream), ("ours", steward)):
        destination = str(tmp_path / name)
        arguments = shlex.split(line.replace("REPO", made).replace("DEST", destination))
        outcome = run("retrieve-artifacts", *arguments)
        outcomes.append((outcome.status, sorted(outcome.output.replace(destination, "DEST").splitlines())))
    assert outcomes[0] == outcomes[1], outcome.errors
    assert files_below(tmp_path / "theirs") == files_below(tmp_path / "ours")
    links = [{p.name for p in (tmp_path / n).rglob("*") if p.is_symlink()} for n in ("theirs", "ours")]
    assert links[0] == links[1]


def test_retrieve_artifacts_overwrites_only_when_told_to(made, tmp_path):
    # Copies, because a hard link would lead into the repository.
    line = ["retrieve-artifacts", made, f"{tmp_path}/", "-d", "count", "--no-preserve-path", "-t", "copy"]
    assert steward(*line).status == 0
    target = next(path for path in sorted(tmp_path.iterdir()) if path.name.startswith("count_"))
    target.write_text("changed")
    again = steward("--no-log-tty", *line)
    assert again.status == 1
    assert "already exists" in one_line_of(again.errors)
    assert target.read_text() == "changed"
    assert steward(*line, "--clobber").status == 0
    assert target.read_text() != "changed"


def test_datasets_without_the_record_of_a_relation_are_retrieved_too(fixtures, tmp_path):
    # Upstream joins dimension records and so leaves the dataset in run HSC/edge/no-region out.
    outcome = steward("retrieve-artifacts", str(fixtures / "hsc-rc2"), f"{tmp_path}/", "-d", "calexp_metadata")
    assert outcome.status == 0, outcome.errors
    assert (tmp_path / "HSC" / "edge" / "no-region").is_dir()


def test_linked_artifacts_can_be_retrieved_again(made, tmp_path):
    line = ["retrieve-artifacts", made, f"{tmp_path}/", "-d", "count"]
    assert steward(*line) == upstream(*line)
    assert steward(*line) == upstream(*line)


def test_files_of_one_name_are_refused_without_folders(fixtures, tmp_path):
    line = ["retrieve-artifacts", str(fixtures / "custom"), f"{tmp_path / 'a'}/", "--no-preserve-path"]
    assert steward(*line).status == upstream(*line[:2], f"{tmp_path / 'b'}/", *line[3:]).status == 1
    assert not (tmp_path / "a").exists()


def test_python_packs_the_index_of_a_retrieval(made, tmp_path):
    from lsst.daf.butler.datastores.file_datastore.retrieve_artifacts import ZipIndex

    with Butler.from_config(made) as butler:
        indexes = {}
        for name, run in (("theirs", upstream), ("ours", steward)):
            assert run("retrieve-artifacts", made, f"{tmp_path / name}/", "-d", "count,summary").status == 0
            text = (tmp_path / name / ZipIndex.index_name).read_text()
            indexes[name] = ZipIndex.model_validate_json(text)
            refs = indexes[name].refs.to_refs(universe=butler.dimensions)
            assert {ref.id for ref in refs} == {
                ref.id
                for name in ("count", "summary")
                for ref in butler.query_datasets(name, collections="*", find_first=False)
            }
            assert all(ref.dataId.hasRecords() for ref in refs)
        assert indexes["ours"].artifact_map == indexes["theirs"].artifact_map


def test_retrieve_artifacts_from_custom_datastores(fixtures, tmp_path):
    outputs = []
    for name, run in (("theirs", upstream), ("ours", steward)):
        outcome = run("retrieve-artifacts", str(fixtures / "custom"), f"{tmp_path / name}/", "-v")
        assert outcome.status == 0, outcome.errors
        outputs.append(sorted(outcome.output.replace(str(tmp_path / name), "DEST").splitlines()))
    assert outputs[0] == outputs[1]
    assert files_below(tmp_path / "theirs") == files_below(tmp_path / "ours")


# Making repositories


@pytest.mark.parametrize(
    "options", ["", "--standalone", "--outfile OUT/conf.yaml", "-f OUT/other.yaml --override", "--seed-config SEED"]
)
def test_create_makes_what_the_python_command_makes(tmp_path, options):
    trees = []
    (tmp_path / "seed.yaml").write_text("datastore:\n  checksum: true\n")
    for name, run in (("theirs", upstream), ("ours", steward)):
        root = tmp_path / name / "repo"
        out = tmp_path / name / "out"
        out.mkdir(parents=True)
        words = shlex.split(options.replace("OUT", str(out)).replace("SEED", str(tmp_path / "seed.yaml")))
        outcome = run("create", str(root), *words)
        assert (outcome.status, outcome.output) == (0, ""), outcome.errors
        trees.append(
            {
                # Parsed, because Python writes repeated values as YAML aliases.
                str(path.relative_to(tmp_path / name)): yaml.safe_load(
                    path.read_text().replace(str(tmp_path / name), "")
                )
                for path in sorted((tmp_path / name).rglob("*"))
                if path.suffix == ".yaml"
            }
        )
        assert (root / "gen3.sqlite3").exists()
        again = run("create", str(root), *words)
        assert again.status == 1
    assert trees[0] == trees[1]
    elsewhere = list((tmp_path / "ours" / "out").iterdir())
    with Butler.from_config(str(elsewhere[0] if elsewhere else root), writeable=True) as butler:
        butler.collections.register("run")
        butler.registry.registerDatasetType(DatasetType("x", [], "StructuredDataDict", universe=butler.dimensions))
        butler.put({"a": 1}, "x", run="run")
        assert butler.get("x", collections="run") == {"a": 1}


# What Steward adds


def test_through_a_link_named_butler_it_is_that_command(made, tmp_path):
    link = tmp_path / "butler"
    link.symlink_to(BINARY.resolve())
    direct = steward("query-collections", made)
    assert steward("query-collections", made, program=link, prefix=()) == direct
    failed = steward("query-collections", "/no/such/repository", program=link, prefix=())
    assert failed.status == 1
    assert one_line_of(failed.errors).startswith("butler: error: ")
    wrong = steward("query-collections", made, "--nosuch", program=link, prefix=())
    assert wrong.status == 2
    assert "butler query-collections --help" in one_line_of(wrong.errors)


def json_lines(*arguments: str) -> list[dict]:
    outcome = steward(*arguments, "--format", "json")
    assert outcome.status == 0, outcome.errors
    return [json.loads(line) for line in outcome.output.splitlines()]


def test_json_lines_hold_what_the_python_client_finds(made):
    with Butler.from_config(made) as butler:
        collections = {info.name: info for info in butler.collections.query_info("*", include_summary=True)}
        lines = json_lines("query-collections", made, "-t", "--exclude-dataset-types", "-")
        found = {line["name"]: line for line in lines}
        assert found.keys() == collections.keys()
        for name, info in collections.items():
            assert found[name]["type"] == info.type.name
            assert tuple(found[name]["children"]) == info.children
            assert set(found[name]["dataset_types"]) == set(info.dataset_types)

        types = {t.name: t for t in butler.registry.queryDatasetTypes()}
        for line in json_lines("query-dataset-types", made):
            assert line == {
                "name": line["name"],
                "dimensions": list(types[line["name"]].dimensions.names),
                "storage_class": types[line["name"]].storageClass_name,
                "is_calibration": types[line["name"]].isCalibration(),
            }

        refs = {str(r.id): r for r in butler.query_datasets("summary", collections="*", find_first=False)}
        lines = json_lines("query-datasets", made, "summary", "--collections", "*", "--show-uri")
        assert {line["id"] for line in lines} == refs.keys()
        for line in lines:
            ref = refs[line["id"]]
            assert (line["run"], line["dataset_type"]) == (ref.run, "summary")
            assert line["data_id"] == dict(ref.dataId.mapping)
            assert line["uris"] == [{"component": None, "uri": str(butler.getURI(ref))}]

        records = butler.query_dimension_records("visit")
        lines = json_lines("query-dimension-records", made, "visit")
        assert [line["record"]["id"] for line in lines] == sorted(r.id for r in records)
        assert {line["definition"] for line in lines} == {"visit"}


def test_json_of_configurations_and_of_creation(made, tmp_path):
    [whole] = json_lines("config-dump", made)
    theirs = yaml.safe_load(steward("config-dump", made).output)
    assert whole == theirs and whole["datastore"]["cls"]
    [part] = json_lines("config-dump", made, "-s", ".datastore.root")
    assert part == {".datastore.root": whole["datastore"]["root"]}
    assert json_lines("config-validate", made) == [{"valid": True, "problems": []}]
    root = tmp_path / "new"
    [line] = json_lines("create", str(root))
    assert line == {"repository": str(root), "configuration": str(root / "butler.yaml"), "dry_run": False}
    settings = yaml.safe_load((root / "butler.yaml").read_text())
    settings["datastore"]["templates"] = {"nosuch": "{run:/}/{id}"}
    (root / "butler.yaml").write_text(yaml.safe_dump(settings))
    for options in ([], ["--quiet"]):
        outcome = steward("config-validate", str(root), "--format", "json", *options)
        line = json.loads(outcome.output)
        assert outcome.status == 1 and not line["valid"] and bool(line.get("problems")) != bool(options)


def test_json_without_results_prints_nothing(made):
    assert json_lines("query-dataset-types", made, "nosuch") == []
    assert json_lines("query-dimension-records", made, "tract") == []
    assert json_lines("query-datasets", made, "nosuch", "--collections", "*") == []


def test_colour_only_on_a_terminal_and_not_if_refused(made):
    assert "\x1b" not in steward("query-collections", made).output
    assert "\x1b[1m" in in_terminal("query-collections", made)
    plain = in_terminal("query-collections", made, environment={"NO_COLOR": "1"})
    assert plain.replace("\r\n", "\n") == steward("query-collections", made).output


def test_progress_on_a_terminal_tells_rate_and_time_left(made, tmp_path):
    shown = in_terminal("retrieve-artifacts", made, f"{tmp_path / 'a'}/", "-d", "count")
    assert re.search(r"Retrieving 4 of 4 \(100 %\), \S+ \S*/s, 0 s left", shown)
    quiet = in_terminal("--no-progress", "retrieve-artifacts", made, f"{tmp_path / 'b'}/", "-d", "count")
    assert "left" not in quiet


def test_options_come_from_a_file_where_the_command_line_gives_none(made, tmp_path):
    presets = tmp_path / "presets.yaml"
    presets.write_text("query-datasets:\n  collections: [run/a, run/b]\n  find-first: true\n  limit: 2\n")
    for more in ([], ["--no-find-first"], ["--limit", "0"], ["--collections", "run/b"]):
        line = ["query-datasets", made, "summary", "-@", str(presets), *more]
        theirs, ours = upstream(*line), steward(*line)
        assert ours.status == theirs.status == 0, ours.errors + theirs.errors
        assert len(ours.output.splitlines()) == len(theirs.output.splitlines())
    for content in ("query-datasets:\n  nosuch: 1\n", "other: {}\n", "a: [\n"):
        presets.write_text(content)
        assert steward("query-datasets", made, "count", "-@", str(presets)).status == 2
    assert steward("query-datasets", made, "count", "-@", str(tmp_path / "none.yaml")).status == 2


def test_a_reached_limit_is_told_on_standard_error(made):
    cut = steward("query-datasets", made, "summary", "--collections", "*", "--limit", "-3")
    assert "Requested limit of 3 hit for number of datasets returned. Use --limit" in cut.errors
    exact = steward("query-datasets", made, "summary", "--collections", "*", "--limit", "3")
    assert exact.errors == ""
    quiet = steward("--log-level", "ERROR", "query-datasets", made, "summary", "--collections", "*", "--limit", "-3")
    assert quiet.errors == ""
    silent = steward("--no-log-tty", "query-datasets", made, "summary", "--collections", "*", "--limit", "-3")
    assert silent.errors == ""


def test_log_files_take_text_and_records(made, tmp_path):
    from lsst.daf.butler.logging import ButlerLogRecord

    text, records = tmp_path / "log.txt", tmp_path / "log.json"
    line = ["query-datasets", made, "summary", "--collections", "*", "--limit", "-3"]
    for _ in range(2):
        outcome = steward("--log-file", f"{text},{records}", "--log-label", "night=7", *line)
        assert outcome.status == 0, outcome.errors
    assert len(text.read_text().splitlines()) == 2
    parsed = [ButlerLogRecord.model_validate_json(one) for one in records.read_text().splitlines()]
    assert [record.levelname for record in parsed] == ["WARNING"] * 2
    assert dict(parsed[0].MDC) == {"NIGHT": "7"}


@pytest.mark.parametrize(
    "command",
    ["query-datasets REPO count", "query-datasets REPO *", "query-dimension-records REPO visit",
     "query-data-ids REPO visit", "retrieve-artifacts REPO out/ -d count"],
)
def test_a_wrong_condition_is_shown_with_its_place(made, command):
    words = [made if word == "REPO" else word for word in command.split()]
    refused = steward("--log-level", "ERROR", *words, "--where", "visit = = 8")
    assert (refused.status, refused.output) == (1, "")
    message, text, caret = refused.errors.splitlines()
    assert message.startswith("steward: error: Failed to parse expression 'visit = = 8': expected a value")
    assert text.index("= 8") == caret.index("^")
    refused = steward("--log-level", "ERROR", *words, "--where", "instrument = 'CamA' AND nosuch = 8")
    assert refused.status == 1
    assert "Unrecognized identifier 'nosuch'" in refused.errors.splitlines()[0]
    assert refused.errors.splitlines()[2].index("^") == refused.errors.splitlines()[1].index("nosuch")


def test_artifacts_of_datasets_that_satisfy_a_condition(made, tmp_path):
    for rest in (
        ["-d", "summary", "--collections", "run/a", "--where", "instrument='CamA' AND visit = 8 AND detector = 2"],
        ["--collections", "run/a,run/b", "--find-first", "--where", "instrument='CamA' AND visit IN (8, 9)"],
        ["-d", "count", "--collections", "inner", "--where", "run = 'run/b'"],
        ["-d", "count", "--collections", "inner", "--order-by", "-visit.exposure_time", "--limit", "1"],
        ["-d", "count", "--collections", "inner", "--where", "instrument='CamA' AND visit = 77", "--limit", "0"],
    ):
        outcomes = []
        for name, run in (("theirs", upstream), ("ours", steward)):
            folder = tmp_path / name
            outcome = run("retrieve-artifacts", made, f"{folder}/", "--clobber", *rest)
            found = sorted(str(path.relative_to(folder)) for path in folder.rglob("*.json")) if folder.exists() else []
            outcomes.append((outcome.status, outcome.output.replace(str(folder), "out"), found))
        assert outcomes[0] == outcomes[1], rest


def test_version_and_help():
    assert re.fullmatch(r"\d+\.\d+\.\d+\n", steward("--version", prefix=()).output)
    for arguments in (["--help"], ["butler", "-h"], ["butler", "query-datasets", "--help"]):
        shown = steward(*arguments, prefix=())
        assert shown.status == 0
        assert "USAGE: steward" in shown.output
