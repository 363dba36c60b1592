"""Files that wait in the trash of Steward while Steward and Python bring the same datasets, or others of the same names; and
files that a repository needs where they are."""

import json
import shutil

import postgresql
import pytest

pytest.importorskip("lsst.daf.butler")
from command_line import needs_binary, steward  # noqa: E402
from fault_operations import check_whole, fill, rows, state  # noqa: E402
from lsst.daf.butler import Butler  # noqa: E402

pytestmark = needs_binary
SOUND = "Nothing is wrong.\n"


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    root = tmp_path_factory.mktemp("waiting") / "repository"
    fill(root)
    return root


@pytest.fixture
def root(base, tmp_path):
    return shutil.copytree(base, tmp_path / "repository")


@pytest.fixture
def target(root, tmp_path):
    """Has the datasets of a run of the other repository, and their files wait in its trash."""
    target = tmp_path / "target"
    Butler.makeRepo(str(target))
    done("transfer-datasets", root, target, "--register-dataset-types", "--transfer-dimensions", *COPY)
    done("prune-datasets", target, "--purge", "run/b", "--no-confirm", "--keep-files")
    return target


COPY = ("-t", "copy", "--collections", "run/b")


def done(*arguments, environment=None):
    outcome = steward(*map(str, arguments), environment=environment)
    assert outcome.status == 0, outcome.errors
    return outcome.output


def values(root, run="run/b"):
    with Butler.from_config(str(root)) as butler:
        refs = butler.query_datasets("count", collections=run, explain=False)
        return sorted(butler.get(ref)["detector"] for ref in refs)


def export(root, folder):
    folder.mkdir()
    with Butler.from_config(str(root)) as butler, butler.export(directory=str(folder), format="yaml", transfer="copy") as made:
        made.saveDatasets(butler.query_datasets("count", collections="run/b"))


@pytest.mark.parametrize("way", ["copy", "move", "import"])
def test_datasets_in_the_trash_come_anew(root, target, tmp_path, way):
    if way == "import":
        export(root, tmp_path / "export")
        line = ["import", target, tmp_path / "export", "-t", "move"]
    else:
        line = ["transfer-datasets", root, target, "-t", way, "--collections", "run/b"]
    done(*line, "--dry-run")
    done(*line)
    assert values(target) == [0, 1, 2, 3]
    if way == "move":
        assert not [name for name in state(root)["files"] if name.startswith("run/b/")]
    assert done("check", target) == SOUND
    done("empty-trash", target, "--no-confirm")
    with Butler.from_config(str(target), writeable=True) as butler:
        butler.collections.register("run/new")
        other = butler.put({"detector": 0}, "count", instrument="Cam", detector=0, run="run/new")
        butler.pruneDatasets([other], purge=True, unstore=True, disassociate=True)
    assert values(target) == [0, 1, 2, 3]
    check_whole(target)


def test_python_brings_datasets_back_before_their_files_go(root, target):
    with Butler.from_config(str(root)) as source, Butler.from_config(str(target), writeable=True) as butler:
        butler.transfer_from(source, source.query_datasets("count", collections="run/b"), transfer="copy")
    done("empty-trash", target, "--no-confirm")
    assert values(target) == [0, 1, 2, 3]
    check_whole(target)


def test_python_brings_datasets_back_after_a_purge_that_was_killed(root, tmp_path):
    empty = tmp_path / "target"
    Butler.makeRepo(str(empty))
    done("transfer-datasets", root, empty, "--register-dataset-types", "--transfer-dimensions", *COPY)
    point = 1
    while rows(empty, "SELECT 1 FROM dataset"):
        steward(
            "prune-datasets", str(empty), "--purge", "run/b", "--no-confirm", environment={"STEWARD_KILL_AT": str(point)}
        )
        point += 1
    assert (empty / ".steward").exists()
    with Butler.from_config(str(root)) as source, Butler.from_config(str(empty), writeable=True) as butler:
        butler.transfer_from(source, source.query_datasets("count", collections="run/b"), transfer="copy")
    # Whoever writes next looks after what was killed.
    done("empty-trash", empty, "--no-confirm", "--older-than", "1d")
    assert values(empty) == [0, 1, 2, 3]
    check_whole(empty)


def table(tmp_path, *rows_):
    path = tmp_path / "table.csv"
    path.write_text("files,detector\n" + "".join(f"{source},{detector}\n" for source, detector in rows_))
    return path


def ingest(root, run, table, transfer, *more):
    line = ["ingest-files", str(root), "count", run, str(table), "--data-id", "instrument=Cam", "-t", transfer, *more]
    return steward(*line)


@pytest.mark.parametrize("option", ["--unstore", "--purge"])
def test_an_ingest_takes_nothing_out_of_the_trash(root, tmp_path, option):
    arguments = ["run/b", option] if option == "--unstore" else [option, "run/b"]
    done("prune-datasets", root, *arguments, "--no-confirm", "--keep-files")
    before = state(root)
    source = tmp_path / "new.yaml"
    source.write_text("detector: 17\n")
    lines = table(tmp_path, (source, 0), *([(tmp_path / "gone.yaml", 1)] if option == "--purge" else []))
    for more in (("--dry-run",), ()):
        assert ingest(root, "run/b", lines, "copy", *more).status == 1
        assert {**state(root), "collections": 0} == {**before, "collections": 0}
    if option == "--unstore":
        return
    lines = table(tmp_path, (source, 0))
    for more in (("--dry-run",), ()):
        outcome = ingest(root, "run/b", lines, "copy", *more)
        assert outcome.status == 0, outcome.errors
    assert state(root)["trash"] == before["trash"]
    assert before["files"].items() <= state(root)["files"].items()
    assert done("check", root) == SOUND
    assert json.loads(done("empty-trash", root, "--no-confirm", "--format", "json"))["files"] == 4
    assert values(root) == [17]
    check_whole(root)


@pytest.mark.parametrize("transfer", ["move", "link", "copy"])
def test_a_file_of_the_trash_comes_back_through_a_link(root, tmp_path, transfer):
    done("prune-datasets", root, "--purge", "run/b", "--no-confirm", "--keep-files")
    link = tmp_path / "link"
    link.symlink_to(root)
    source = root / "run/b/count/count_Cam_D2_run_b.yaml"
    outcome = ingest(link, "run/b", table(tmp_path, (source, 2)), transfer)
    assert outcome.status == 0, outcome.errors
    done("empty-trash", root, "--no-confirm")
    assert values(root) == [2]
    check_whole(root)


def test_a_move_takes_nothing_that_the_repository_needs(root, tmp_path):
    before = state(root)
    database = [] if postgresql.IS_CHOSEN else ["gen3.sqlite3"]
    for name in ("run/a/count/count_Cam_D0_run_a.yaml", "butler.yaml", *database):
        for more in (("--dry-run",), ()):
            outcome = ingest(root, "run/new", table(tmp_path, (root / name, 7)), "move", *more)
            assert outcome.status == 1 and "a move would take away" in outcome.errors, outcome
        assert (root / name).exists()
    assert {**state(root), "collections": 0} == {**before, "collections": 0}
    outcome = ingest(root, "run/new", table(tmp_path, (root / "run/a/count/count_Cam_D0_run_a.yaml", 7)), "copy")
    assert outcome.status == 0, outcome.errors
    assert values(root, "run/new") == [0]
    check_whole(root)
