"""`steward felis dump` writes what the real tool writes."""

import pytest
from felis_tools import FILES, GOLDEN, needs_golden, steward, upstream_file

COMBINATIONS = [(), ("--strip-ids", "--sort-columns"), ("--dereference-resources", "--strip-ids")]


def ours(tmp_path, before, location, flags, suffix):
    path = tmp_path / f"out{suffix}"
    steward(*before, "dump", location, path, *flags)
    return path.read_text()


@needs_golden
@pytest.mark.parametrize(
    "name",
    sorted(path.name for path in (GOLDEN / "dump").glob("*")) if GOLDEN.exists() else [],
)
def test_golden_dumps(name, tmp_path):
    stem, *options, suffix = name.split(".")
    flags = {"plain": [], "strip-ids": ["--strip-ids"], "strip": ["--strip-ids"], "sort": ["--sort-columns"]}
    arguments, before = [], []
    for option in options:
        if option == "deref":
            arguments.append("--dereference-resources")
        elif option == "inc10":
            before = ["--column-ref-index-increment", "10"]
        else:
            arguments += flags[option]
    found = ours(tmp_path, before, GOLDEN / "yaml-input" / f"{stem}.yaml", arguments, f".{suffix}")
    assert found == (GOLDEN / "dump" / name).read_text()


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_dumps_of_all_schemas(path, tmp_path):
    for flags in COMBINATIONS:
        theirs = upstream_file("dump", *flags, path, "OUT", suffix=".yaml")
        assert ours(tmp_path, (), path, flags, ".yaml") == theirs
    assert ours(tmp_path, (), path, (), ".json") == upstream_file("dump", path, "OUT", suffix=".json")
