"""Datasets go from repositories of one dimension universe to those of another: what Python brings, Steward brings, row for
row; what Python refuses, Steward refuses, and changes nothing."""

import shutil

import astropy.table
import pytest
from command_line import FIXTURES, needs_binary, one_line_of, steward, upstream
from lsst.daf.butler import Butler, DatasetType
from registry_tables import contents, differences

pytestmark = [
    needs_binary,
    pytest.mark.skipif(FIXTURES is None, reason="set STEWARD_FIXTURES to the directory of fixture repositories"),
]

NAMES = ["hsc-rc2", "empty", *(f"universe-{number}" for number in range(8))]
PAIRS = [
    ("hsc-rc2", "universe-0"), ("hsc-rc2", "universe-3"), ("hsc-rc2", "universe-5"), ("hsc-rc2", "universe-7"),
    ("universe-0", "empty"), ("universe-5", "empty"), ("universe-6", "empty"), ("universe-7", "empty"),
    ("universe-7", "universe-0"), ("universe-2", "universe-6"), ("universe-0", "universe-1"), ("custom", "empty"),
]
def types_of(repository):
    with Butler.from_config(repository) as butler:
        return sorted(
            {info.name for info in butler.registry.queryDatasetTypes()
             if any(True for _ in butler.registry.queryDatasets(info, collections="*"))})


def rows(repository):
    """Without times of making."""
    found = contents(repository)
    return {table: [tuple(map(repr, row)) for row in content] for table, content in found.items()
            if table not in ("dataset", "butler_attributes")}


def paths(repository):
    return sorted(str(path.relative_to(repository)) for path in repository.rglob("*")
                  if path.is_file() and not path.name.startswith("gen3.sqlite3"))


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_transfers_between_universes(source, target, tmp_path):
    brought = 0
    origin = tmp_path / "source"
    shutil.copytree(FIXTURES / source, origin)
    if source == "hsc-rc2":
        # Python's query leaves out a dataset whose data ID has no region, see docs/butler-commands.md.
        with Butler.from_config(str(origin), writeable=True) as butler:
            butler.removeRuns(["HSC/edge/no-region"], unlink_from_chains=True)
    for name in types_of(str(origin)):
        ours, theirs = tmp_path / f"ours-{name}", tmp_path / f"theirs-{name}"
        for place in (ours, theirs):
            shutil.copytree(FIXTURES / target, place)
            Butler.from_config(str(place), writeable=True).close()  # Makes tables that are not there.
        before = contents(ours)
        words = ["-t", "copy", "--register-dataset-types", "-d", name]
        rehearsal = steward("transfer-datasets", str(origin), str(ours), *words, "--dry-run")
        assert contents(ours) == before
        mine = steward("transfer-datasets", str(origin), str(ours), *words)
        other = upstream("transfer-datasets", str(origin), str(theirs), *words)
        assert (mine.status == 0) == (other.status == 0), (name, mine, other)
        assert rehearsal.status == mine.status, (name, rehearsal, mine)
        if mine.status != 0:
            message = one_line_of(mine.errors)
            assert name in message and "universe" in message, message
            assert contents(ours) == before and paths(ours) == paths(FIXTURES / target)
            continue
        brought += 1
        assert differences(rows(ours), rows(theirs)) == {}, name
        assert paths(ours) == paths(theirs)
        with Butler.from_config(str(ours)) as butler:
            for ref in butler.registry.queryDatasets(name, collections="*"):
                assert butler.stored(ref)
    print(f"{source} to {target}: {brought} types")


@pytest.mark.parametrize(("source", "target"), [("universe-7", "empty"), ("universe-6", "universe-7"), ("empty", "universe-5")])
def test_archives_of_other_universes(source, target, tmp_path):
    """With their dimension records, if these have the same columns."""
    brought = 0
    source = "hsc-rc2" if source == "empty" else source
    for name in types_of(str(FIXTURES / source)):
        archive = tmp_path / name
        made = steward("retrieve-artifacts", str(FIXTURES / source), str(archive), "-d", name, "--collections", "*", "--zip")
        files = list(archive.glob("*.zip"))
        if made.status != 0 or not files:
            continue
        ours, theirs = tmp_path / f"ours-{name}", tmp_path / f"theirs-{name}"
        for place in (ours, theirs):
            shutil.copytree(FIXTURES / target, place)
            Butler.from_config(str(place), writeable=True).close()
        before = contents(ours)
        mine = steward("ingest-zip", str(ours), str(files[0]), "-t", "copy", "--transfer-dimensions")
        other = upstream("ingest-zip", str(theirs), str(files[0]), "-t", "copy", "--transfer-dimensions")
        if other.status == 0:
            assert mine.status == 0, (name, mine)
            # Several runs of an archive are numbered in another order.
            [mine, other] = [{table: len(content) if len(found["run"]) > 1 else content for table, content in found.items()}
                             for found in (rows(ours), rows(theirs))]
            assert mine == other and paths(ours) == paths(theirs)
            brought += 1
        elif mine.status != 0:
            assert contents(ours) == before
    assert brought > 0


@pytest.mark.parametrize(("kinds", "is_taken"), [
    (("ArrowAstropy", "DataFrame"), True), (("DataFrame", "ArrowAstropy"), True),
    (("ArrowAstropy", "StructuredDataDict"), False)])
def test_storage_classes_that_are_made_of_each_other(kinds, is_taken, tmp_path):
    """The type of the target stays as it is; files are recorded as what they are."""
    source = tmp_path / "source"
    for kind, place in zip(kinds, (source, tmp_path / "empty"), strict=True):
        Butler.makeRepo(str(place))
        with Butler.from_config(str(place), run="run", writeable=True) as butler:
            butler.registry.insertDimensionData("instrument", {"name": "Cam"})
            butler.registry.registerDatasetType(DatasetType("tab", ["instrument"], kind, universe=butler.dimensions))
            if place == source:
                table = astropy.table.Table({"a": [1, 2]})
                butler.put(table.to_pandas() if kind == "DataFrame" else table, "tab", instrument="Cam")
    archive = tmp_path / "archive"
    assert steward("retrieve-artifacts", str(source), str(archive), "-d", "tab", "--collections", "run", "--zip").status == 0
    (file,) = archive.glob("*.zip")
    for words in (["transfer-datasets", str(source), "TARGET", "-t", "copy", "-d", "tab"],
                  ["ingest-zip", "TARGET", str(file), "-t", "copy"]):
        ours, theirs = tmp_path / f"ours-{words[0]}", tmp_path / f"theirs-{words[0]}"
        for place in (ours, theirs):
            shutil.copytree(tmp_path / "empty", place)
        other = upstream(*[str(theirs) if word == "TARGET" else word for word in words])
        mine = steward(*[str(ours) if word == "TARGET" else word for word in words])
        assert (mine.status == 0, other.status == 0) == (is_taken, is_taken), (mine, other)
        if not is_taken:
            assert "tab" in one_line_of(mine.errors) and contents(ours) == contents(tmp_path / "empty")
            continue
        assert differences(rows(ours), rows(theirs)) == {} and paths(ours) == paths(theirs)
        with Butler.from_config(str(ours), collections="run") as butler:
            assert list(butler.get("tab", instrument="Cam", storageClass="ArrowAstropy")["a"]) == [1, 2]
            assert butler.get_dataset_type("tab").storageClass_name == kinds[1]
