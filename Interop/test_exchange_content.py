"""What export files may hold besides what exports usually write: keys without a value, numbers in text, merge keys, runs that
are defined elsewhere. Both programs take the same files in, and make the same of them.
"""

import re
import shutil

import pytest

pytest.importorskip("lsst.daf.butler")
from command_line import asked, needs_binary, one_line_of, steward  # noqa: E402
from lsst.daf.butler import Butler, DatasetType  # noqa: E402
from registry_tables import contents  # noqa: E402

pytestmark = needs_binary

CAM = {"instrument": "Cam"}
RUN = re.compile(r"- type: collection\n  collection_type: RUN\n  name: run/a\n(?:  .*\n)*")


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """A repository whose records have no value for alternate keys where that may be, and an export of all of it."""
    folder = tmp_path_factory.mktemp("content")
    Butler.makeRepo(str(folder / "source"))
    with Butler.from_config(str(folder / "source"), writeable=True) as butler:
        registry = butler.registry
        registry.insertDimensionData("instrument", {"name": "Cam", "class_name": "x.Y", "detector_max": 20})
        registry.insertDimensionData("physical_filter", {**CAM, "name": "f", "band": "r"})
        registry.insertDimensionData("day_obs", {**CAM, "id": 20260101})
        registry.insertDimensionData("group", {**CAM, "name": "g"})
        registry.insertDimensionData("detector", *({**CAM, "id": number, "purpose": "SCIENCE"} for number in (1, 2)))
        taken = {**CAM, "physical_filter": "f", "day_obs": 20260101}
        registry.insertDimensionData("visit", *({**taken, "id": number} for number in (1, 2)))
        registry.insertDimensionData("exposure", *({**taken, "id": number, "group": "g"} for number in (1, 2)))
        for name, dimensions in (("seen", ["visit", "detector"]), ("raw", ["exposure"])):
            registry.registerDatasetType(DatasetType(name, dimensions, "StructuredDataDict", universe=butler.dimensions))
        butler.collections.register("run/a")
        refs = [butler.put({"n": number}, "seen", visit=number, detector=1, **CAM, run="run/a") for number in (1, 2)]
        refs.append(butler.put({"n": 3}, "raw", exposure=1, **CAM, run="run/a"))
        (folder / "export").mkdir()
        with butler.export(directory=str(folder / "export"), format="yaml", transfer="copy") as export:
            export.saveDatasets(refs)
    return folder


def imported(base, folder, program, text=None, prepare=None):
    """What a program makes of an export in an empty repository."""
    folder.mkdir()
    export = shutil.copytree(base / "export", folder / "export")
    if text is not None:
        (export / "export.yaml").write_text(text)
    Butler.makeRepo(str(folder / "target"))
    if prepare:
        prepare(str(folder / "target"))
    outcome = program("import", str(folder / "target"), str(export), "-t", "copy")
    tables = contents(folder / "target")
    # The time of ingest.
    tables["dataset"] = [row[:2] + row[3:] for row in tables["dataset"]]
    return outcome, tables


def same(base, folder, text=None, prepare=None):
    theirs, expected = imported(base, folder / "theirs", asked, text, prepare)
    ours, found = imported(base, folder / "ours", steward, text, prepare)
    assert theirs.status == ours.status == 0, ours.errors + theirs.errors
    for name in expected:
        assert found[name] == expected[name], name


def test_alternate_keys_without_a_value(base, tmp_path):
    same(base, tmp_path)
    with Butler.from_config(str(tmp_path / "ours" / "target")) as butler:
        assert [r.full_name for r in butler.query_dimension_records("detector")] == [None]
        assert {r.name for r in butler.query_dimension_records("visit")} == {None}
        assert len(butler.query_datasets("seen", collections="run/a")) == 2


def test_numbers_in_text(base, tmp_path):
    text = (base / "export" / "export.yaml").read_text()
    changed = text.replace("    id: 1\n", "    id: '1'\n").replace("detector_max: 20\n", "detector_max: '20'\n")
    assert changed != text
    same(base, tmp_path, changed)


def test_a_record_that_cannot_be_is_named(base, tmp_path):
    text = (base / "export" / "export.yaml").read_text()
    wrong, _ = imported(base, tmp_path / "text", steward, text.replace("day_obs: 20260101\n", "day_obs: today\n"))
    assert wrong.status == 1
    for part in ("{instrument: 'Cam', id: ", "'today'", "'day_obs'", "a whole number"):
        assert part in one_line_of(wrong.errors)
    lacking, _ = imported(base, tmp_path / "null", steward, text.replace("physical_filter: f\n", "physical_filter: null\n", 1))
    assert lacking.status == 1
    assert "{instrument: 'Cam', id: " in lacking.errors and "a value for 'physical_filter'" in lacking.errors


def test_merge_keys(base, tmp_path):
    text = (base / "export" / "export.yaml").read_text()
    changed = text.replace(
        "description:", "x-shared: {cam: &cam {instrument: Cam}, more: &more {detector: 1, visit: 77}}\ndescription:", 1
    )
    changed = re.sub(
        r"    - instrument: Cam\n      detector: 1\n      visit: (\d)\n",
        r"    - {<<: [*cam, *more], visit: \1}\n", changed,
    )  # fmt: skip
    changed = re.sub(r"  - instrument: Cam\n    id: 1\n    full_name", r"  - <<: *cam\n    id: 1\n    full_name", changed)
    assert changed.count("<<: [*cam") == 2 and "<<: *cam\n" in changed
    same(base, tmp_path, changed)


def test_a_run_that_the_file_does_not_define(base, tmp_path):
    text = (base / "export" / "export.yaml").read_text()
    changed = RUN.sub("", text)
    assert changed != text
    theirs, _ = imported(base, tmp_path / "theirs", asked, changed)
    ours, found = imported(base, tmp_path / "ours", steward, changed)
    assert theirs.status == ours.status == 1
    assert "'run/a'" in one_line_of(ours.errors)
    assert not found["collection"] and not found["dataset"]
    again = steward("import", str(tmp_path / "ours" / "target"), str(tmp_path / "ours" / "export"), "-t", "copy", "--dry-run")
    assert again.status == 1 and "'run/a'" in again.errors

    def prepare(target):
        with Butler.from_config(target, writeable=True) as butler:
            butler.collections.register("run/a")

    (tmp_path / "known").mkdir()
    same(base, tmp_path / "known", changed, prepare)


def test_an_archive_of_alternate_keys_without_a_value(base, tmp_path):
    for number, program in enumerate((asked, steward)):
        folder = tmp_path / str(number)
        folder.mkdir()
        line = ("retrieve-artifacts", str(base / "source"), str(folder), "--dataset-type", "raw", "--collections", "run/a")
        assert program(*line, "--zip").status == 0
        (archive,) = folder.glob("*.zip")
        target = str(folder / "target")
        Butler.makeRepo(target)
        done = steward("ingest-zip", target, str(archive), "--transfer-dimensions")
        assert done.status == 0, done.errors
        with Butler.from_config(target) as butler:
            assert butler.get("raw", exposure=1, **CAM, collections="run/a") == {"n": 3}
            assert [record.obs_id for record in butler.query_dimension_records("exposure")] == [None]


def test_bands_without_a_filter(tmp_path):
    """What is made of several exposures has a band and no filter, and its records come without those of filters."""
    source = tmp_path / "source"
    Butler.makeRepo(str(source))
    with Butler.from_config(str(source), writeable=True) as butler:
        registry = butler.registry
        registry.insertDimensionData("instrument", {"name": "Cam", "class_name": "x.Y"})
        registry.insertDimensionData("physical_filter", {**CAM, "name": "f", "band": "r"})
        registry.registerDatasetType(DatasetType("deep", ["band"], "StructuredDataDict", universe=butler.dimensions))
        butler.collections.register("run/a")
        refs = [butler.put({"n": 1}, "deep", band="r", run="run/a")]
        (tmp_path / "export").mkdir()
        with butler.export(directory=str(tmp_path / "export"), format="yaml", transfer="copy") as export:
            export.saveDatasets(refs)
        archive = butler.retrieve_artifacts_zip(refs, destination=str(tmp_path))
    # Neither has the filter.
    text = (tmp_path / "export" / "export.yaml").read_text()
    assert "physical_filter" not in text
    commands = {
        "import": ["import", "ROOT", str(tmp_path / "export"), "-t", "copy"],
        "ingest-zip": ["ingest-zip", "--transfer-dimensions", "ROOT", str(archive)],
    }
    for name, command in commands.items():
        root = tmp_path / name
        Butler.makeRepo(str(root))
        if name == "ingest-zip":
            with Butler.from_config(str(root), writeable=True) as butler:
                butler.registry.registerDatasetType(
                    DatasetType("deep", ["band"], "StructuredDataDict", universe=butler.dimensions))
        outcome = steward(*[str(root) if word == "ROOT" else word for word in command])
        assert outcome.status == 0, outcome.errors
        with Butler.from_config(str(root)) as butler:
            assert butler.get("deep", band="r", collections="run/a") == {"n": 1}
        # A file that could be anybody's has the check ask for all names of the run.
        (root / "run/a").mkdir(parents=True, exist_ok=True)
        (root / "run/a/stray.yaml").write_text("x")
        outcome = steward("check", str(root), "--min-age", "0")
        assert outcome.status == 1 and "1 found" in outcome.output, outcome.errors
