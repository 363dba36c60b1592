"""Export files and zip archives of Python come into repositories through Steward, and the reverse; Python then reads every
dataset and compares it, its records, tags and validity ranges with those of the repository that it came from.
"""

import shutil
from pathlib import Path

import pytest
import yaml
from command_line import FIXTURES, needs_binary, one_line_of, steward, upstream
from exchange_repositories import NAMES, content, empty_like, exportable, probe, sources  # noqa: F401
from lsst.daf.butler import Butler, CollectionType, DatasetType, Timespan

pytestmark = [
    needs_binary,
    pytest.mark.skipif(FIXTURES is None, reason="set STEWARD_FIXTURES to the directory of fixture repositories"),
]


def python_export(repository: str, directory: Path, transfer, progress=None) -> set:
    directory.mkdir()
    with Butler.from_config(repository) as butler:
        refs = exportable(butler)
        with butler.export(directory=str(directory), format="yaml", transfer=transfer) as export:
            export.saveDatasets(refs)
            for info in butler.collections.query_info("*", include_chains=True, flatten_chains=False):
                export.saveCollection(info.name)
    assert refs
    return {ref.id for ref in refs}


def steward_export(repository: str, directory: Path, transfer) -> set:
    with Butler.from_config(repository) as butler:
        ids = {ref.id for ref in exportable(butler)}
        names = list(butler.collections.query("*", include_chains=True, flatten_chains=False))
    (count,) = probe(
        repository,
        {
            "op": "export",
            "ids": [str(id) for id in ids],
            "collections": names,
            "directory": str(directory),
            "transfer": transfer or "none",
        },
    )
    assert count == len(ids)
    return ids


@pytest.mark.parametrize("name", NAMES)
def test_steward_imports_what_python_exports(name, sources, tmp_path):
    source = sources(name)
    ids = python_export(source, tmp_path / "export", "copy")
    target = empty_like(source, tmp_path, "target")
    outcome = steward("import", target, str(tmp_path / "export"), "-t", "copy")
    assert (outcome.status, outcome.output) == (0, ""), outcome.errors
    assert content(target, ids) == content(source, ids)


@pytest.mark.parametrize("name", NAMES)
def test_python_imports_what_steward_exports(name, sources, tmp_path):
    source = sources(name)
    ids = steward_export(source, tmp_path / "export", "copy")
    target = empty_like(source, tmp_path, "target")
    outcome = upstream("import", target, str(tmp_path / "export"), "-t", "copy")
    assert outcome.status == 0, outcome
    assert content(target, ids) == content(source, ids)


@pytest.mark.parametrize("name", NAMES)
def test_both_write_the_same_file(name, sources, tmp_path):
    source = sources(name)
    python_export(source, tmp_path / "theirs", "copy")
    steward_export(source, tmp_path / "ours", "copy")

    def sections(folder):
        text = (tmp_path / folder / "export.yaml").read_text()
        document = yaml.safe_load(text)
        for section in document["data"]:
            for key in ("dataset_ids",):
                if key in section:
                    section[key].sort()
            if "validity_ranges" in section:
                for validity in section["validity_ranges"]:
                    validity["dataset_ids"].sort()
                section["validity_ranges"].sort(key=str)
        return document

    theirs, ours = sections("theirs"), sections("ours")
    assert [list(section) for section in ours["data"]] == [list(section) for section in theirs["data"]]
    assert ours == theirs
    files = [
        {str(p.relative_to(tmp_path / f)): p.read_bytes() for p in (tmp_path / f).rglob("*") if p.is_file()}
        for f in ("theirs", "ours")
    ]
    assert set(files[0]) == set(files[1])
    assert all(files[0][path] == files[1][path] for path in files[0] if path != "export.yaml")


TRANSFERS = ["auto", "link", "hardlink", "symlink", "relsymlink", "copy", "move"]


@pytest.mark.parametrize("transfer", TRANSFERS)
def test_import_brings_files_as_python_does(transfer, sources, tmp_path):
    source = sources("universe-7")
    outcomes = []
    for program, run in (("theirs", upstream), ("ours", steward)):
        export = tmp_path / f"export-{program}"
        ids = python_export(source, export, "copy")
        target = empty_like(source, tmp_path, program)
        outcome = run("import", target, str(export), "--transfer", transfer)
        assert outcome.status == 0, outcome
        files = {
            str(path.relative_to(target)): ("link" if path.is_symlink() else "file", path.stat().st_nlink)
            for path in Path(target).rglob("*")
            if not path.is_dir() and not path.name.startswith(("gen3", "butler"))
        }
        left = sorted(str(path.relative_to(export)) for path in export.rglob("*") if path.is_file())
        outcomes.append((files, left, content(target, ids)))
    assert outcomes[0] == outcomes[1]


def test_import_of_files_that_stay_where_they_are(sources, tmp_path):
    source = sources("universe-7")
    for program, run in (("theirs", upstream), ("ours", steward)):
        ids = python_export(source, tmp_path / f"export-{program}", "direct")
        target = empty_like(source, tmp_path, program)
        outcome = run("import", target, str(tmp_path / f"export-{program}"), "-t", "direct")
        assert outcome.status == 0, outcome
        assert content(target, ids) == content(source, ids)


def test_options_of_import(sources, tmp_path):
    source = sources("hsc-rc2")
    ids = python_export(source, tmp_path / "export", "copy")
    (tmp_path / "export" / "export.yaml").rename(tmp_path / "export" / "other.yaml")
    line = [str(tmp_path / "export"), "--export-file", "other.yaml", "-t", "copy", "--no-track-file-attrs"]
    targets = [empty_like(source, tmp_path, name) for name in ("theirs", "ours")]
    assert upstream("import", targets[0], *line).status == 0
    assert steward("import", targets[1], *line).status == 0
    assert content(targets[1], ids) == content(targets[0], ids)
    for target in targets:
        with Butler.from_config(target) as butler:
            ref = butler.get_dataset(min(ids))
            assert butler._datastore.getStoredItemsInfo(ref)[0].file_size == -1
    # The records are there now, so the rest can come without them.
    missing = steward("import", empty_like(source, tmp_path, "third"), *line, "-s", "visit,instrument")
    assert missing.status == 1
    assert "visit" in one_line_of(missing.errors) or "instrument" in one_line_of(missing.errors)


def test_an_import_that_fails_changes_nothing(sources, tmp_path):
    source = sources("hsc-rc2")
    python_export(source, tmp_path / "export", "copy")
    victim = sorted((tmp_path / "export").rglob("*.parq"))[0]
    victim.unlink()
    target = empty_like(source, tmp_path, "target")
    before = sorted(str(path) for path in Path(target).rglob("*"))
    outcome = steward("import", target, str(tmp_path / "export"), "-t", "copy")
    assert outcome.status == 1
    assert victim.name in one_line_of(outcome.errors)
    with Butler.from_config(target) as butler:
        assert list(butler.collections.query("*")) == []
        assert list(butler.registry.queryDatasetTypes()) == []
        assert list(butler.query_dimension_records("instrument", explain=False)) == []
    after = sorted(str(p) for p in Path(target).rglob("*") if not p.name.startswith((".steward", "gen3")))
    assert [path for path in before if "gen3" not in path] == after


def test_a_second_import_is_refused(sources, tmp_path):
    source = sources("universe-7")
    python_export(source, tmp_path / "export", "copy")
    target = empty_like(source, tmp_path, "target")
    assert steward("import", target, str(tmp_path / "export"), "-t", "copy").status == 0
    again = steward("import", target, str(tmp_path / "export"), "-t", "copy")
    assert again.status == 1
    assert "already" in one_line_of(again.errors)


@pytest.mark.parametrize("number", range(8))
def test_files_of_older_universes_come_into_new_repositories(number, sources, tmp_path):
    source = sources(f"universe-{number}")
    ids = python_export(source, tmp_path / "export", "copy")
    contents = []
    for name, run in (("theirs", upstream), ("ours", steward)):
        target = tmp_path / name
        Butler.makeRepo(str(target))
        outcome = run("import", str(target), str(tmp_path / "export"), "-t", "copy")
        assert outcome.status == 0, outcome
        contents.append(content(str(target), ids))
    assert contents[0] == contents[1]


# Export files that mean harm


def hostile(tmp_path, sources, change):
    """An export with one dataset record changed, imported."""
    source = sources("universe-7")
    python_export(source, tmp_path / "export", "copy")
    path = tmp_path / "export" / "export.yaml"
    path.write_text(change(path.read_text()))
    target = empty_like(source, tmp_path, "target")
    outcome = steward("import", target, str(tmp_path / "export"), "-t", "copy")
    with Butler.from_config(target) as butler:
        assert list(butler.collections.query("*")) == []
    return outcome


def first_path(text: str) -> str:
    return next(line.split(": ", 1)[1] for line in text.splitlines() if line.startswith("    path: "))


@pytest.mark.parametrize(
    "path, complaint",
    [
        ("/etc/passwd", "absolute"),
        ("file:///etc/passwd", "absolute"),
        ("https://example.org/file.yaml", "absolute"),
        ("../../../../etc/passwd", "leads out"),
        ("a/../../b.yaml", "leads out"),
        ("nothing/here.yaml", "here.yaml"),
        ("''", "no file"),
        ("null", "no file"),
        ("[a]", "must be text"),
    ],
)
def test_paths_that_lead_elsewhere_are_refused(path, complaint, sources, tmp_path):
    outcome = hostile(tmp_path, sources, lambda text: text.replace(first_path(text), path, 1))
    assert outcome.status == 1
    assert complaint in one_line_of(outcome.errors)


@pytest.mark.parametrize("kind", ["folder", "broken link", "link to a folder", "link to itself", "device"])
def test_things_that_are_no_files_are_refused(kind, sources, tmp_path):
    def change(text):
        path = tmp_path / "export" / first_path(text)
        path.unlink()
        if kind == "folder":
            path.mkdir()
        elif kind == "broken link":
            path.symlink_to("nothing")
        elif kind == "link to a folder":
            path.symlink_to(tmp_path)
        elif kind == "link to itself":
            path.symlink_to(path.name)
        else:
            path.symlink_to("/dev/zero")
        return text

    outcome = hostile(tmp_path, sources, change)
    assert outcome.status == 1
    one_line_of(outcome.errors)


# Zip archives


@pytest.mark.parametrize("name", ["hsc-rc2", "universe-7", "custom"])
@pytest.mark.parametrize("direction", ["from python", "from steward"])
def test_zips_are_interchangeable(name, direction, sources, tmp_path):
    source = sources(name)
    with Butler.from_config(source) as butler:
        refs = exportable(butler)
        types = ",".join(sorted({ref.datasetType.name for ref in refs}))
    line = ["retrieve-artifacts", source, f"{tmp_path}/", "--zip", "--limit", "0"]
    line += ["-d", types]
    if name == "hsc-rc2":
        # Without the dataset that lacks the record of a relation, which Python cannot take in again.
        line += ["--collections", "HSC/runs/*,HSC/calib/gen/*"]
    made, taken = (upstream, steward) if direction == "from python" else (steward, upstream)
    outcome = made(*line)
    assert outcome.status == 0, outcome
    archives = list(tmp_path.glob("*.zip"))
    assert len(archives) == 1
    assert outcome.output == f"Zip file written to file://{archives[0]}\n"
    target = empty_like(source, tmp_path, "target")
    with Butler.from_config(target, writeable=True) as butler:
        for ref in refs:
            butler.registry.registerDatasetType(ref.datasetType)
    outcome = taken("ingest-zip", target, str(archives[0]), "--transfer-dimensions", "-t", "copy")
    assert outcome.status == 0, outcome
    with Butler.from_config(target) as butler:
        ids = {
            ref.id for t in butler.registry.queryDatasetTypes() for ref in butler.registry.queryDatasets(t, collections="*")
        }
    assert ids
    theirs, ours = content(source, ids), content(target, ids)
    assert ours["datasets"] == theirs["datasets"]
    assert ours["records"] == theirs["records"]


def test_both_make_the_same_zip(sources, tmp_path):
    import zipfile

    source = sources("universe-7")
    for name, run in (("theirs", upstream), ("ours", steward)):
        assert run("retrieve-artifacts", source, f"{tmp_path}/{name}/", "--zip").status == 0
    theirs, ours = (next((tmp_path / name).glob("*.zip")) for name in ("theirs", "ours"))
    assert theirs.name == ours.name
    with zipfile.ZipFile(theirs) as a, zipfile.ZipFile(ours) as b:
        assert b.testzip() is None
        assert sorted(a.namelist()) == sorted(b.namelist())
        for info in a.infolist():
            other = b.getinfo(info.filename)
            assert other.compress_type == info.compress_type
            if info.filename != "_butler_zip_index.json":
                assert a.read(info) == b.read(other)
        indexes = [yaml.safe_load(z.read("_butler_zip_index.json")) for z in (a, b)]
    for index in indexes:
        # The order of records is that of Python's sets.
        index["refs"]["dimension_records"] = {
            name: sorted(rows, key=str) for name, rows in index["refs"]["dimension_records"].items() if rows
        }
    assert indexes[0] == indexes[1]


@pytest.fixture
def archive(sources, tmp_path):
    source = sources("universe-7")
    assert steward("retrieve-artifacts", source, f"{tmp_path}/zip/", "--zip").status == 0
    target = empty_like(source, tmp_path, "target")
    return str(next((tmp_path / "zip").glob("*.zip"))), target


@pytest.mark.parametrize("transfer", ["auto", "copy", "link", "hardlink", "symlink", "relsymlink", "move", "direct"])
def test_ingest_zip_brings_the_archive_as_python_does(transfer, sources, archive, tmp_path):
    path, target = archive
    other = empty_like(sources("universe-7"), tmp_path, "other")
    for program, (run, repository) in {"theirs": (upstream, other), "ours": (steward, target)}.items():
        own = tmp_path / program / Path(path).name
        own.parent.mkdir()
        shutil.copy(path, own)
        outcome = run("ingest-zip", repository, str(own), "-t", transfer, "--transfer-dimensions")
        assert outcome.status == 0, outcome
    files = [
        {
            str(p.relative_to(repository)): ("link" if p.is_symlink() else "file", p.stat().st_nlink)
            for p in Path(repository).rglob("*.zip")
        }
        for repository in (other, target)
    ]
    assert files[0] == files[1]
    assert [(tmp_path / n / Path(path).name).exists() for n in ("theirs", "ours")] in ([True] * 2, [False] * 2)


def test_ingest_zip_checks_first(archive):
    path, target = archive
    line = ["ingest-zip", target, path, "--transfer-dimensions", "-t", "copy"]
    dry = steward(*line, "--dry-run")
    assert (dry.status, dry.output) == (0, "")
    with Butler.from_config(target) as butler:
        assert list(butler.collections.query("*")) == []
    without = steward("ingest-zip", target, path, "-t", "copy")
    assert without.status == 1
    one_line_of(without.errors)
    assert steward(*line).status == 0
    again = steward(*line)
    assert again.status == 1
    assert "already" in one_line_of(again.errors)


def test_a_truncated_zip_is_refused(archive, tmp_path):
    path, target = archive
    short = tmp_path / "short.zip"
    short.write_bytes(Path(path).read_bytes()[:-30])
    outcome = steward("ingest-zip", target, str(short))
    assert outcome.status == 1
    assert "zip" in one_line_of(outcome.errors)


# Calibrations


CALIBRATIONS = [
    "",
    "HSC/calib",
    "HSC/defaults -d flatCoeffs",
    "HSC/defaults,HSC/calib --dataset-type flat*",
    "-d nothing",
    "HSC/runs/RC2",
    "nosuch",
]


@pytest.mark.parametrize("line", CALIBRATIONS)
def test_export_calibs_writes_the_same(line, sources, tmp_path):
    import shlex

    source = sources("hsc-rc2")
    outcomes = []
    for name, run in (("theirs", upstream), ("ours", steward)):
        folder = tmp_path / name
        outcome = run("export-calibs", source, str(folder), *shlex.split(line), "-t", "copy")
        path = folder / "export.yaml"
        document = yaml.safe_load(path.read_text()) if path.exists() else None
        # The order of collections and of members is that of Python's sets.
        text = sorted(str(section) for section in document["data"] if section["type"] != "associations") if document else None
        files = sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())
        outcomes.append((outcome.status, sorted(outcome.output.splitlines()), text, files))
    assert outcomes[0] == outcomes[1]


def test_export_calibs_shows_implied_values(sources, tmp_path):
    root = tmp_path / "repository"
    Butler.makeRepo(str(root))
    with Butler.from_config(str(root), writeable=True, run="r") as butler:
        for element, record in (
            ("instrument", {"name": "Cam"}),
            ("physical_filter", {"instrument": "Cam", "name": "r_01", "band": "r"}),
        ):
            butler.registry.insertDimensionData(element, record)
        kind = DatasetType(
            "flat", ["instrument", "physical_filter"], "StructuredDataDict", universe=butler.dimensions, isCalibration=True)
        butler.registry.registerDatasetType(kind)
        ref = butler.put({"a": 1}, "flat", instrument="Cam", physical_filter="r_01")
        butler.collections.register("calib", CollectionType.CALIBRATION)
        butler.registry.certify("calib", [ref], Timespan(None, None))
    said = [run("export-calibs", str(root), str(tmp_path / name)) for name, run in (("theirs", upstream), ("ours", steward))]
    assert [outcome.status for outcome in said] == [0, 0]
    assert said[0].output.split() == said[1].output.split() and " r " in said[1].output


def test_an_export_of_nothing_is_an_export(sources, tmp_path):
    source = sources("hsc-rc2")
    assert steward("export-calibs", source, str(tmp_path / "nothing"), "HSC/calib/gen/2026A").status == 0
    for name, run in (("theirs", upstream), ("ours", steward)):
        empty = tmp_path / name
        Butler.makeRepo(str(empty))
        outcome = run("import", str(empty), str(tmp_path / "nothing"))
        assert outcome.status == 0, outcome.errors


def test_runs_keep_what_is_said_about_them_in_transfers(sources, tmp_path):
    source, said = sources("hsc-rc2"), []
    for name, run in (("theirs", upstream), ("ours", steward)):
        target = empty_like(source, tmp_path, name)
        outcome = run(
            "transfer-datasets", source, str(target), "--collections", "HSC/runs/*", "-d", "srcCount,visitTable",
            "--register-dataset-types", "-t", "copy")
        assert outcome.status == 0, outcome.errors
        with Butler.from_config(str(target)) as butler:
            said.append({info.name: info.doc for info in butler.collections.query_info("*", include_doc=True)})
    assert said[0] == said[1] and any(said[0].values())


def test_export_calibs_keeps_what_is_there(sources, tmp_path):
    outcome = steward("--no-log-tty", "export-calibs", sources("hsc-rc2"), str(tmp_path), "HSC/calib")
    assert outcome.status == 1
    assert "exists" in one_line_of(outcome.errors)
