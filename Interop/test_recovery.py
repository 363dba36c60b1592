"""What recovery and the journal of Steward leave alone: files of other writers, of other users, and of runs with odd names."""

import os
import shutil
import signal
import subprocess

import pytest

pytest.importorskip("lsst.daf.butler")
from command_line import BINARY, needs_binary, steward  # noqa: E402
from fault_operations import check_whole, fill, state  # noqa: E402
from lsst.daf.butler import Butler  # noqa: E402

pytestmark = needs_binary


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    root = tmp_path_factory.mktemp("recovery") / "repository"
    fill(root)
    return root


@pytest.fixture
def root(base, tmp_path):
    return shutil.copytree(base, tmp_path / "repository")


def table(folder, content="precious: original\n"):
    (folder / "source.yaml").write_text(content)
    (folder / "table.csv").write_text(f"file,detector\n{folder}/source.yaml,7\n")
    return "count", "run/a", str(folder / "table.csv"), "--data-id", "instrument=Cam"


def test_the_source_of_a_move_stays_when_another_dataset_takes_its_name(base, tmp_path):
    dead = 0
    for point in range(1, 60):
        root = tmp_path / "repository"
        shutil.rmtree(root, ignore_errors=True)
        shutil.copytree(base, root)
        arguments = table(tmp_path)
        outcome = steward(
            "ingest-files", str(root), *arguments, "-t", "move", environment={"STEWARD_KILL_AT": str(point)}
        )
        if outcome.status == 0:
            break
        dead += 1
        with Butler.from_config(str(root), writeable=True) as butler:
            try:
                butler.put({"python": "another value"}, "count", instrument="Cam", detector=7, run="run/a")
            except Exception:
                # The dataset is committed.
                continue
        assert steward("prune-datasets", str(root), "run/b", "--unstore", "--no-confirm").status == 0
        assert (tmp_path / "source.yaml").read_text() == "precious: original\n", point
        with Butler.from_config(str(root)) as butler:
            assert butler.get("count", instrument="Cam", detector=7, collections="run/a") == {"python": "another value"}
    assert dead > 10


@pytest.mark.parametrize("mode", ["symlink", "relsymlink"])
@pytest.mark.parametrize("other", ["same link", "other link", "file", "nothing"])
def test_links_and_files_of_others_stay_where_an_ingest_of_links_was_killed(base, tmp_path, mode, other):
    sources = {detector: tmp_path / f"{detector}.yaml" for detector in (6, 7, 8)}
    for detector, path in sources.items():
        path.write_text(f"source: {detector}\n")
    listed = "".join(f"{path},{detector}\n" for detector, path in sources.items())
    (tmp_path / "table.csv").write_text("file,detector\n" + listed)
    line = ("count", "run/a", str(tmp_path / "table.csv"), "--data-id", "instrument=Cam", "-t", mode)
    root = tmp_path / "repository"

    def rows():
        return {name: value for name, value in state(root).items() if name != "files"}

    def links():
        return sorted(path for path in root.rglob("*.yaml") if path.is_symlink())

    undone, done = set(), 0
    for point in range(1, 80):
        shutil.rmtree(root, ignore_errors=True)
        shutil.copytree(base, root)
        before = rows()
        if steward("ingest-files", str(root), *line, environment={"STEWARD_KILL_AT": str(point)}).status == 0:
            break
        made = links()
        made = [path for path in made if ".steward" not in path.parts]
        is_done = rows() != before
        if is_done:
            done += 1
            assert len(made) == 3
        else:
            undone.add(len(made))
            if made and other != "nothing":
                destination = os.readlink(made[0])
                made[0].unlink()
                if other == "same link":
                    made[0].symlink_to(destination)
                elif other == "other link":
                    made[0].symlink_to(sources[8])
                else:
                    made[0].write_text("source: other\n")
        assert steward("empty-trash", str(root), "--no-confirm").status == 0
        assert not (root / ".steward").exists()
        assert links() == (made if is_done else made[:1] if "link" in other else [])
        assert (rows() != before) == is_done
        if made and other == "file" and not is_done:
            assert made[0].read_text() == "source: other\n"
    for detector, path in sources.items():
        assert path.read_text() == f"source: {detector}\n"
    # Two threads pass the points, so which of them come between two links is not always the same.
    assert {0, 3} <= undone and len(undone) > 2 and done > 1 and len(links()) == 3


@pytest.mark.parametrize("runs", [(".steward", ".steward/deeper"), (".steward/6f2b3a52-5d7c-4b54-9f0c-3f5f1c9a7a10",)])
def test_runs_named_like_the_journal_keep_their_files(root, runs):
    with Butler.from_config(str(root), writeable=True) as butler:
        for run in runs:
            butler.collections.register(run)
            butler.put({"run": run}, "count", instrument="Cam", detector=5, run=run)
    before = {path for path in root.rglob("*") if path.is_file()}
    assert steward("prune-datasets", str(root), "run/b", "--unstore", "--no-confirm").status == 0
    assert {path for path in before if ".steward" in str(path)} <= {path for path in root.rglob("*") if path.is_file()}
    assert len(runs) == 1 or not (root / ".steward" / "lock").exists()
    with Butler.from_config(str(root)) as butler:
        for run in runs:
            assert butler.get("count", instrument="Cam", detector=5, collections=run) == {"run": run}


def test_failures_leave_no_folder_behind(root, tmp_path):
    arguments = table(tmp_path)
    (tmp_path / "source.yaml").unlink()
    assert steward("ingest-files", str(root), *arguments, "-t", "copy").status == 1
    assert not (root / ".steward").exists()
    (tmp_path / "export").mkdir()
    assert steward("import", str(root), str(tmp_path / "export"), "-t", "copy").status == 1
    assert not (root / ".steward").exists()
    (tmp_path / "broken.zip").write_bytes(b"PK")
    assert steward("ingest-zip", str(root), str(tmp_path / "broken.zip")).status == 1
    assert not (root / ".steward").exists()


def test_rehearsals_change_nothing(root, base, tmp_path):
    killed = steward(
        "ingest-files", str(root), *table(tmp_path), "-t", "move", environment={"STEWARD_KILL_AT": "9"}
    )
    assert killed.status == -signal.SIGKILL
    before = {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}
    arguments = ("transfer-datasets", str(base), str(root), "--collections", "run/b", "--dry-run")
    assert steward(*arguments).status == 0
    assert {path: path.read_bytes() for path in root.rglob("*") if path.is_file()} == before


def open_to_all(base, tmp_path):
    """A copy of a repository that every user may write to."""
    root = shutil.copytree(base, tmp_path / "repository")
    for folder in tmp_path.parents:
        if str(folder) == "/tmp":
            break
        folder.chmod(folder.stat().st_mode | 0o055)
    tmp_path.chmod(0o755)
    for path in [root, *root.rglob("*")]:
        path.chmod(0o777 if path.is_dir() else 0o666)
    return root


@pytest.mark.skipif(os.geteuid() != 0, reason="acts as other users")
def test_users_do_not_lock_each_other_out(base, tmp_path):
    root = open_to_all(base, tmp_path)

    def ingest(user, run, kill=None):
        folder = tmp_path / f"{user}{run}"
        folder.mkdir()
        _, _, name, *rest = table(folder)
        environment = {**os.environ, "HOME": "/tmp", **({"STEWARD_KILL_AT": str(kill)} if kill else {})}
        return subprocess.run(
            ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups", BINARY, "butler", "ingest-files",
             str(root), "count", run, name, *rest, "-t", "copy"],
            capture_output=True, text=True, env=environment, cwd="/",
        )

    assert ingest(1001, "first").returncode == 0
    assert ingest(1001, "second", kill=9).returncode == -signal.SIGKILL
    assert (root / ".steward").exists()
    done = ingest(1002, "third")
    assert done.returncode == 0, done.stderr
    assert not (root / ".steward").exists()
    check_whole(root)


@pytest.mark.skipif(os.geteuid() != 0, reason="acts as other users")
def test_what_one_user_keeps_in_the_trash_locks_nobody_out(base, tmp_path):
    root = open_to_all(base, tmp_path)

    def act(user, *arguments):
        line = ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups", "sh", "-c", 'umask 022; exec "$@"', "x"]
        done = subprocess.run(
            [*line, BINARY, "butler", *arguments], capture_output=True, text=True, cwd="/", timeout=120,
            env={**os.environ, "HOME": "/tmp"},
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    keeps = ("--unstore", "--no-confirm", "--keep-files")
    act(1001, "prune-datasets", str(root), "run/a", "--datasets", "count", *keeps)
    arguments = table(tmp_path)
    act(1002, "ingest-files", str(root), *arguments, "-t", "copy")
    act(1002, "prune-datasets", str(root), "run/b", *keeps)
    assert "0 file(s)" in act(1001, "empty-trash", str(root), "--no-confirm", "--older-than", "1d")
    assert "8 file(s)" in act(1002, "empty-trash", str(root), "--no-confirm", "--older-than", "0s")
    assert not (root / ".steward").exists()
    check_whole(root)


@pytest.mark.parametrize("name", [".steward", ".steward/lock"])
def test_a_journal_that_leads_nowhere_is_an_error(root, tmp_path, name):
    (root / name).parent.mkdir(exist_ok=True)
    (root / name).symlink_to("nowhere/at/all")
    arguments = table(tmp_path)
    for line in (
        ("ingest-files", str(root), *arguments, "-t", "copy"),
        ("prune-datasets", str(root), "run/a", "--unstore", "--no-confirm", "--keep-files"),
    ):
        done = subprocess.run([BINARY, "butler", *line], capture_output=True, text=True, timeout=60)
        assert done.returncode == 1 and ".steward" in done.stderr, done.stderr


@pytest.mark.parametrize("damage", ["empty", "cut in a line", "cut after a line", "zeros"])
def test_a_damaged_intent_locks_nobody_out(base, tmp_path, damage):
    point = 0
    while True:
        point += 1
        root = tmp_path / "repository"
        shutil.rmtree(root, ignore_errors=True)
        shutil.copytree(base, root)
        (tmp_path / "first").mkdir(exist_ok=True)
        arguments = table(tmp_path / "first")
        killed = steward(
            "ingest-files", str(root), *arguments, "-t", "copy", environment={"STEWARD_KILL_AT": str(point)})
        assert killed.status == -signal.SIGKILL
        if found := list(root.glob(".steward/*/*.intent")):
            break
    text = found[0].read_bytes()
    lines = text.splitlines(keepends=True)
    assert len(lines) > 1
    found[0].write_bytes(
        {"empty": b"", "cut in a line": text[: len(text) // 2], "cut after a line": lines[0], "zeros": bytes(len(text))}[
            damage])
    done = steward("prune-datasets", str(root), "run/b", "--unstore", "--no-confirm")
    assert done.status == 0, done.errors
    kept = list(root.glob(".steward/damaged/*"))
    assert len(kept) == 1 and str(kept[0]) in done.errors and "warning" in done.errors.lower()
    again = steward("ingest-files", str(root), *arguments, "-t", "copy")
    assert again.status == 0 and again.errors.count("damaged") == 0, again.errors
    assert steward("check", str(root), "--repair", "--no-confirm").output.endswith("Nothing is wrong.\n")
    assert [path.name for path in (root / ".steward").iterdir()] == ["damaged"]
    shutil.rmtree(root / ".steward")
    check_whole(root)


def test_damage_in_the_trash_keeps_its_files(root):
    keeps = ("--unstore", "--no-confirm", "--keep-files")
    assert steward("prune-datasets", str(root), "run/b", *keeps).status == 0
    (piece,) = root.glob(".steward/trash/*.intent")
    piece.write_bytes(b"")
    done = steward("empty-trash", str(root), "--no-confirm", "--older-than", "0s")
    assert done.status == 0 and "damaged" in done.errors, done.errors
    assert len(list(root.glob("run/b/count/*"))) == 4
    assert steward("empty-trash", str(root), "--no-confirm").status == 0
    assert list(root.glob("run/b/count/*")) == []


def test_a_prune_that_died_makes_no_files_old(base, tmp_path):
    dead = 0
    for point in range(1, 60):
        root = tmp_path / "repository"
        shutil.rmtree(root, ignore_errors=True)
        shutil.copytree(base, root)
        line = ("prune-datasets", str(root), "run/b", "--unstore", "--no-confirm", "--keep-files")
        if steward(*line, environment={"STEWARD_KILL_AT": str(point)}).status == 0:
            break
        # What it wrote down is an hour old.
        for piece in root.glob(".steward/trash/*.intent"):
            since, rest = piece.name.split("-", 1)
            piece.rename(piece.with_name(f"{int(since) - 3_600_000}-{rest}"))
        if state(root)["trash"]:
            # It was done.
            continue
        dead += 1
        assert steward(*line).status == 0
        done = steward("empty-trash", str(root), "--no-confirm", "--older-than", "30m")
        assert done.status == 0 and "0 file(s)" in done.output, (point, done.output)
        assert len(list(root.glob("run/b/count/*"))) == 4
        assert steward("empty-trash", str(root), "--no-confirm", "--older-than", "0s").status == 0
        assert list(root.glob("run/b/count/*")) == [] and not (root / ".steward").exists()
        check_whole(root)
    assert dead > 3


def test_files_that_are_put_into_the_trash_again_wait_again(root, tmp_path):
    line = ("prune-datasets", str(root), "run/b", "--unstore", "--no-confirm", "--keep-files")
    assert steward(*line).status == 0
    (old,) = root.glob(".steward/trash/*.intent")
    kept = shutil.copy(old, tmp_path / f"1000-{old.name.split('-', 1)[1]}")
    shutil.copy(kept, old.parent)
    done = steward("empty-trash", str(root), "--no-confirm", "--older-than", "1d")
    assert done.status == 0 and "0 file(s)" in done.output
    assert len(list(root.glob("run/b/count/*"))) == 4
