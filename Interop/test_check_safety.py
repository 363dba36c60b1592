"""A repair takes away nothing that could be all that is left of a dataset."""

import hashlib
import os
import unicodedata

import pytest
import yaml

pytest.importorskip("lsst.daf.butler")
from command_line import needs_binary, steward  # noqa: E402
from fault_operations import ids, rows, state  # noqa: E402
from lsst.daf.butler import Butler, DatasetRef, DatasetType, FileDataset  # noqa: E402
from test_check import base, change, found, path_of, root, taken_apart  # noqa: E402, F401

pytestmark = needs_binary

GREEDY = ("--repair", "--delete-unrecorded")


def files(root):
    return sorted(str(path.relative_to(root)) for path in (root / "run").rglob("*") if path.is_file())


def repair(root, *options):
    return steward("check", str(root), "--repair", "--no-confirm", "--min-age", "0", *options)


def test_files_without_records_stay_unless_asked_for(root):  # noqa: F811
    names = [
        "run/a/notes.txt", "run/a/sub/plot.png", "run/a/count/README.md", "run/a/count/.hidden", "run/a/count/deep/er/x.dat",
        # As a graph writes them whose outputs have not been transferred yet.
        "run/a/count/count_Cam_D9_run_a.yaml", "run/a/count/k3jd_8x2.yaml",
    ]
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("x: 1\n")
    expected = sorted(("file without record", name) for name in names)
    before = files(root)
    assert found(root, "--repair") == expected
    assert files(root) == before
    outcome = repair(root)
    assert outcome.output.count("--delete-unrecorded takes such files away") == len(names)
    assert f"{len(names)} found, 0 repaired, {len(names)} left." in outcome.output
    # The option alone shows what it would do.
    assert found(root, "--delete-unrecorded") == expected and files(root) == before
    assert found(root, *GREEDY) == expected
    assert set(before) - set(files(root)) == set(names)
    assert found(root) == []


@pytest.mark.parametrize("options", [("--repair",), GREEDY])
def test_a_folder_that_was_moved_aside_keeps_files_and_records(root, options):  # noqa: F811
    records = state(root)["records"]
    os.rename(root / "run" / "a" / "count", root / "run" / "a" / "count.save")
    before = files(root)
    for _ in range(2):
        kinds = [kind for kind, _ in found(root, *options)]
        assert sorted(kinds) == ["file without record"] * 4 + ["record without file"] * 4
        assert files(root) == before and state(root)["records"] == records
    assert "'run/a/count.save/count_Cam_D1_run_a.yaml' could be it, by its name and size" in repair(root).output
    os.rename(root / "run" / "a" / "count.save", root / "run" / "a" / "count")
    assert found(root) == []


def test_a_file_that_was_renamed_keeps_its_record(root):  # noqa: F811
    records = state(root)["records"]
    path = root / path_of(root, "count", "run/a")
    other = path.with_name(path.stem + "_OLD.yaml")
    path.rename(other)
    for options in (("--repair",), GREEDY):
        assert [kind for kind, _ in found(root, *options)] == ["file without record", "record without file"]
        assert other.exists() and state(root)["records"] == records
    said = repair(root).output
    assert "by its folder and size" in said and "--delete-unrecorded takes" not in said
    other.rename(path)
    assert found(root) == []


def test_a_file_that_was_renamed_and_moved_is_known_by_its_checksum(root):  # noqa: F811
    relative = path_of(root, "count", "run/a")
    content = (root / relative).read_bytes()
    digest = hashlib.blake2b(content).hexdigest()
    change(root, "UPDATE file_datastore_records SET checksum = ? WHERE path = ?", digest, relative)
    records = state(root)["records"]
    other = root / "run" / "b" / "kept" / "z.yaml"
    other.parent.mkdir()
    (root / relative).rename(other)
    assert [kind for kind, _ in found(root, "--repair")] == ["file without record", "record without file"]
    assert "by its size and checksum" in repair(root).output
    assert state(root)["records"] == records
    # One of the same size is not taken for it.
    other.write_bytes(content[:-2] + b"!\n")
    assert [kind for kind, _ in found(root, "--repair")] == ["file without record", "record without file"]
    assert len(state(root)["records"]) == len(records) - 1


def test_files_stay_in_the_run_of_a_record_that_was_removed(root):  # noqa: F811
    lost = path_of(root, "count", "run/a")
    os.remove(root / lost)
    other = root / "run" / "a" / "count" / "other.yaml"
    other.write_text("of another size: true\n")
    young = root / "run" / "b" / "other.yaml"
    young.write_text("x")
    outcome = repair(root, "--delete-unrecorded")
    assert "1 repaired, 2 left" in outcome.output and "something else is wrong here" in outcome.output
    assert other.exists() and young.exists()
    # The dataset has no record any more: the file could be its own.
    outcome = repair(root, "--delete-unrecorded")
    assert "run 'run/a' has datasets that are registered and not stored" in outcome.output
    assert other.exists() and not young.exists()


@pytest.mark.parametrize("options", [("--repair",), GREEDY])
def test_other_templates_do_not_make_files_nobodys(root, options):  # noqa: F811
    """Rows of datasets are lost, and their files have names of a template that is not configured any more."""
    config = yaml.safe_load((root / "butler.yaml").read_text())
    config["datastore"].setdefault("templates", {})["default"] = (
        "{run:/}/{datasetType}.{component:?}/{detector:?}/{datasetType}_{component:?}_{instrument:?}_{detector:?}_"
        "{exposure:?}_{skypix:?}_{visit:?}_{run}"
    )
    for identifier in ids(root, "count", "run/a"):
        for table in ("file_datastore_records", "dataset_location"):
            change(root, f"DELETE FROM {table} WHERE dataset_id = ?", identifier.replace("-", ""))
    (root / "butler.yaml").write_text(yaml.safe_dump(config))
    before = files(root)
    assert [kind for kind, _ in found(root, *options)] == ["file without record"] * 4
    assert files(root) == before


def test_other_templates_do_not_make_a_component_nobodys(tmp_path):
    """Its row is lost, and those of the others are there."""
    made, parts = taken_apart(tmp_path)
    lost = str(parts[0].relative_to(made))
    change(made, "DELETE FROM file_datastore_records WHERE path = ?", lost)
    assert found(made, *GREEDY) == [("file without record", lost)]
    config = yaml.safe_load((made / "butler.yaml").read_text())
    config["datastore"].setdefault("templates", {})["default"] = (
        "{run:/}/{datasetType}.{component:?}/{datasetType}_{component:?}_{instrument:?}_{detector:?}_"
        "{exposure:?}_{skypix:?}_{visit:?}_{run}_of_today"
    )
    (made / "butler.yaml").write_text(yaml.safe_dump(config))
    assert found(made, *GREEDY) == [("file without record", lost)]
    assert "run 'run/m' has datasets of which components have no record" in repair(made, "--delete-unrecorded").output
    assert all(part.exists() for part in parts)


def test_a_run_that_a_path_names_elsewhere_counts(root):  # noqa: F811
    """As with '{datasetType}/{run}/...': a dataset of run 'a' is registered, and its file has a name of such a template."""
    with Butler.from_config(str(root), writeable=True, run="a") as butler:
        data_id = butler.registry.expandDataId(instrument="Cam", detector=4)
        butler.registry.insertDatasets("count", [data_id], run="a")
    path = root / "run" / "a" / "count.yaml"
    path.write_text("x: 1\n")
    assert found(root, *GREEDY) == [("file without record", "run/a/count.yaml")] and path.exists()
    assert "run 'a' has datasets that are registered and not stored" in repair(root, "--delete-unrecorded").output


@pytest.fixture
def accented(tmp_path):
    """A repository whose files have letters that can be spelled in two ways."""
    made = tmp_path / "accented"
    Butler.makeRepo(str(made))
    with Butler.from_config(str(made), writeable=True, run="run/\N{LATIN SMALL LETTER E WITH ACUTE}") as butler:
        butler.registry.insertDimensionData("instrument", {"name": "Cam"})
        butler.registry.insertDimensionData(
            "detector", *[{"instrument": "Cam", "id": i, "full_name": f"D{i}"} for i in range(4)]
        )
        butler.registry.registerDatasetType(
            DatasetType("c", ["instrument", "detector"], "StructuredDataDict", universe=butler.dimensions)
        )
        for detector in range(3):
            butler.put({"d": detector}, "c", instrument="Cam", detector=detector)
    return made


def test_names_are_compared_by_their_bytes(accented):
    path = next(accented.rglob("*D1_*.yaml"))
    twin = path.with_name(unicodedata.normalize("NFD", path.name))
    assert twin.name != path.name
    twin.write_text("orphan: 1\n")
    assert found(accented) == [("file without record", str(twin.relative_to(accented)))]
    found(accented, *GREEDY)
    assert path.exists()
    # The file itself, as a copy through another system spells its name.
    os.replace(path, twin)
    records = state(accented)["records"]
    for options in (("--repair",), GREEDY):
        assert [kind for kind, _ in found(accented, *options)] == ["file without record", "record without file"]
        assert twin.exists() and state(accented)["records"] == records


FORMS = [("NFC", "NFD"), ("NFD", "NFC")]


def with_runs(root, *runs):
    """A repository with three datasets in each of some runs."""
    Butler.makeRepo(str(root))
    with Butler.from_config(str(root), writeable=True) as butler:
        butler.registry.insertDimensionData("instrument", {"name": "Cam"})
        details = [{"instrument": "Cam", "id": i, "full_name": f"D{i}"} for i in range(3)]
        butler.registry.insertDimensionData("detector", *details)
        group = butler.dimensions.conform(["instrument", "detector"])
        butler.registry.registerDatasetType(DatasetType("c", group, "StructuredDataDict"))
        for run in runs:
            butler.collections.register(run)
            for detector in range(3):
                butler.put({"d": detector}, "c", instrument="Cam", detector=detector, run=run)
    return root


@pytest.mark.parametrize("forms", FORMS)
@pytest.mark.parametrize("is_renamed", [True, False])
def test_runs_are_told_apart_by_their_bytes(tmp_path, forms, is_renamed):
    """The rows of one dataset are lost; the run whose name looks the same has all of its own."""
    first, second = (unicodedata.normalize(form, "run/\N{LATIN SMALL LETTER E WITH ACUTE}") for form in forms)
    made = with_runs(tmp_path / "repository", first, second)
    with Butler.from_config(str(made)) as butler:
        ref = butler.query_datasets("c", collections=second)[0]
        path = made / butler.getURI(ref).ospath
    for table in ("file_datastore_records", "dataset_location"):
        change(made, f"DELETE FROM {table} WHERE dataset_id = ?", ref.id.hex)
    if is_renamed:
        path = path.rename(path.with_name("other.yaml"))
    assert found(made, *GREEDY) == [("file without record", str(path.relative_to(made)))]
    assert path.exists()


@pytest.mark.parametrize("forms", FORMS)
@pytest.mark.parametrize("is_repository", [True, False])
def test_folders_are_told_apart_by_their_bytes(tmp_path, forms, is_repository):
    """A folder of notes, or of another repository, looks like that of a run in which a file is nobody's."""
    run, name = (unicodedata.normalize(form, "u/\N{LATIN SMALL LETTER E WITH ACUTE}") for form in forms)
    made = with_runs(tmp_path / "repository", run)
    nobodys = made / run / "c" / "nobodys.txt"
    nobodys.write_text("x")
    if is_repository:
        with_runs(made / name, "mine")
    else:
        (made / name / "notes").mkdir(parents=True)
        (made / name / "notes" / "x.txt").write_text("x")
    before = {path for path in (made / name).rglob("*") if path.is_file()}
    expected = {str(nobodys.relative_to(made))}
    if not is_repository:
        expected.add(f"{name}/notes/x.txt")
    assert {subject for _, subject in found(made, *GREEDY)} == expected
    assert {path for path in (made / name).rglob("*") if path.is_file()} == before and not nobodys.exists()


@pytest.mark.parametrize("spelling", ["file:{quoted}", "file://localhost{quoted}", "{plain}", "file://{plain}"])
def test_a_location_counts_however_it_is_spelled(root, spelling):  # noqa: F811
    path = root / "run" / "a" / "raw d" / "y.yaml"
    path.parent.mkdir()
    path.write_text("k: 1\n")
    with Butler.from_config(str(root), writeable=True, run="run/d") as butler:
        kind = butler.get_dataset_type("count")
        data_id = butler.registry.expandDataId(instrument="Cam", detector=4, dimensions=kind.dimensions)
        ref = DatasetRef(kind, data_id, run="run/d")
        butler.ingest(FileDataset(path=str(path), refs=[ref]), transfer="direct")
    ((recorded,),) = rows(root, "SELECT path FROM file_datastore_records WHERE path LIKE 'file:%'")
    quoted = recorded.removeprefix("file://")
    other = spelling.format(quoted=quoted, plain=quoted.replace("%20", " "))
    change(root, "UPDATE file_datastore_records SET path = ? WHERE path = ?", other, recorded)
    with Butler.from_config(str(root)) as butler:
        assert butler.get(ref) == {"k": 1}
    assert found(root, *GREEDY) == [] and path.exists()
    # Nor does it go with another dataset that has the same file.
    identifier = ids(root, "count", "run/a")[0].replace("-", "")
    change(root, "UPDATE file_datastore_records SET path = 'run/a/raw d/y.yaml', file_size = -1 WHERE dataset_id = ?", identifier)
    outcome = steward("prune-datasets", str(root), "run/a", "--unstore", "--no-confirm")
    assert outcome.status == 0, outcome.errors
    assert path.exists()
    with Butler.from_config(str(root)) as butler:
        assert butler.get(ref) == {"k": 1}
