"""Archives and exports that would do harm: links that lead out, bombs, files that several datasets own by other names."""

import json
import shutil
import subprocess
import zipfile

import pytest

pytest.importorskip("lsst.daf.butler")
from command_line import BINARY, needs_binary, steward  # noqa: E402
from fault_operations import check_whole, fill, rows  # noqa: E402
from lsst.daf.butler import Butler, Config, DatasetRef, FileDataset  # noqa: E402

pytestmark = needs_binary


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    root = tmp_path_factory.mktemp("safety") / "repository"
    fill(root)
    return root


@pytest.fixture
def root(base, tmp_path):
    return shutil.copytree(base, tmp_path / "repository")


@pytest.fixture
def target(root, tmp_path):
    """The same repository without its runs."""
    target = shutil.copytree(root, tmp_path / "target")
    with Butler.from_config(str(target), writeable=True) as butler:
        butler.removeRuns(["run/a", "run/b"], unlink_from_chains=True)
    return target


def export(root, directory, transfer="copy"):
    directory.mkdir()
    with Butler.from_config(str(root)) as butler:
        refs = butler.query_datasets("count", collections="run/a")
        with butler.export(directory=str(directory), format="yaml", transfer=transfer) as export:
            export.saveDatasets(refs)


def archive(root, folder):
    folder.mkdir()
    done = steward("retrieve-artifacts", str(root), str(folder), "--zip", "--collections", "run/a", "--dataset-type", "count")
    assert done.status == 0, done.errors
    (packed,) = folder.glob("*.zip")
    return packed


def test_a_move_follows_no_link_out_of_an_export(root, target, tmp_path):
    export(root, tmp_path / "linked", transfer="symlink")
    before = {path: path.read_bytes() for path in root.rglob("*.yaml")}
    outcome = steward("import", str(target), str(tmp_path / "linked"), "-t", "move")
    assert outcome.status == 1 and "symbolic link out of the export" in outcome.errors
    assert {path: path.read_bytes() for path in root.rglob("*.yaml")} == before
    assert steward("import", str(target), str(tmp_path / "linked"), "-t", "copy").status == 0
    check_whole(target)


def test_a_move_takes_links_that_stay_in_the_export(root, target, tmp_path):
    export(root, tmp_path / "export")
    first = sorted((tmp_path / "export").rglob("count*.yaml"))[0]
    first.rename(tmp_path / "export" / "elsewhere.yaml")
    first.symlink_to(tmp_path / "export" / "elsewhere.yaml")
    outcome = steward("import", str(target), str(tmp_path / "export"), "-t", "move")
    assert outcome.status == 0, outcome.errors
    check_whole(target)


@pytest.mark.parametrize("text", [b"0,", b"[],", b"{},"])
def test_an_index_that_would_fill_the_memory_is_refused(root, target, tmp_path, text):
    packed = archive(root, tmp_path / "archive")
    bomb = tmp_path / "bomb.zip"
    for size in (12_000_000, 200_000_000):
        with zipfile.ZipFile(packed) as old, zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as new:
            for name in old.namelist():
                if name.startswith("_butler"):
                    count = size // len(text)
                    new.writestr(name, b'{"index_version":[' + text * count + b"0]}")
                else:
                    new.writestr(name, old.read(name))
        done = subprocess.run(
            ["/usr/bin/env", "bash", "-c", f'ulimit -v 4000000; exec "{BINARY}" butler ingest-zip "{target}" "{bomb}"'],
            capture_output=True, text=True,
        )
        assert done.returncode == 1 and "its index" in done.stderr, done.stderr
        assert not (target / ".steward").exists()


@pytest.mark.parametrize(
    "change, reason",
    [
        ({"formatter": "os.system; x"}, "no class name"),
        ({"storage_class": "Nonsense"}, "Nonsense"),
        ({"component": "nope"}, "does not have"),
    ],
)
def test_an_index_that_means_nothing_here_is_refused(root, target, tmp_path, change, reason):
    packed = archive(root, tmp_path / "archive")
    changed = tmp_path / "changed.zip"
    with zipfile.ZipFile(packed) as old, zipfile.ZipFile(changed, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if name.startswith("_butler"):
                index = json.loads(content)
                next(iter(index["artifact_map"].values()))["info"].update(change)
                content = json.dumps(index)
            new.writestr(name, content)
    outcome = steward("ingest-zip", str(target), str(changed))
    assert outcome.status == 1 and reason in outcome.errors, outcome.errors
    assert steward("ingest-zip", str(target), str(packed)).status == 0


@pytest.mark.parametrize("mode", ["copy", "move", "link"])
def test_an_archive_goes_to_all_parts_of_a_chain(root, tmp_path, mode):
    packed = archive(root, tmp_path / "archive")
    config = Config({"datastore": {"cls": "lsst.daf.butler.datastores.chainedDatastore.ChainedDatastore"}})
    config["datastore", "datastores"] = [
        {
            "datastore": {
                "cls": "lsst.daf.butler.datastores.fileDatastore.FileDatastore",
                "root": f"<butlerRoot>/{number}",
                "name": f"Store{number}",
                "records": {"table": f"t{number}"},
            }
        }
        for number in (0, 1)
    ]
    target = tmp_path / "chain"
    fill(target, config)
    with Butler.from_config(str(target), writeable=True) as butler:
        butler.removeRuns(["run/a", "run/b"], unlink_from_chains=True)
    outcome = steward("ingest-zip", str(target), str(packed), "-t", mode)
    assert outcome.status == 0, outcome.errors
    assert packed.exists() == (mode != "move")
    for table in ("t0", "t1"):
        assert len(rows(target, f"SELECT * FROM {table}")) == 4
    assert len(list(target.rglob("*.zip"))) == 2
    assert steward("check", str(target), "--checksums").status == 0


def test_a_file_stays_that_another_dataset_names_by_its_location(root):
    with Butler.from_config(str(root), writeable=True) as butler:
        kind = butler.get_dataset_type("count")
        data_id = butler.registry.expandDataId(instrument="Cam", detector=9, dimensions=kind.dimensions)
        owned = butler.query_datasets("count", collections="run/a")[0]
        path = butler.getURI(owned).ospath
        ref = DatasetRef(kind, data_id, run="run/b")
        butler.ingest(FileDataset(path=path, refs=[ref]), transfer="direct")
    assert steward("prune-datasets", str(root), "run/a", "--unstore", "--no-confirm").status == 0
    with Butler.from_config(str(root)) as butler:
        assert butler.get(ref)
        assert not butler.stored(owned)


def test_members_of_archives_are_imported_where_they_are(root, target, tmp_path):
    packed = archive(root, tmp_path / "archive")
    source = shutil.copytree(target, tmp_path / "source")
    with Butler.from_config(str(source), writeable=True) as butler:
        butler.ingest_zip(str(packed), transfer="copy")
    export(source, tmp_path / "export", transfer="direct")
    outcome = steward("import", str(target), str(tmp_path / "export"), "-t", "direct")
    assert outcome.status == 0, outcome.errors
    with Butler.from_config(str(target)) as butler:
        refs = butler.query_datasets("count", collections="run/a")
        assert len(refs) == 4
        for ref in refs:
            assert butler.get(ref) == {"run": "run/a", "detector": ref.dataId["detector"]}
    assert steward("check", str(target)).status == 0
