"""Bad input: one line that names the thing and the remedy, the right exit status, and an unharmed repository."""

import http.client
import shutil
import socket
import sqlite3
import subprocess
import time
from pathlib import Path

import pytest
from test_repositories import STEWARD, Steward, fill_with_steward, pytestmark  # noqa: F401


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    root = tmp_path_factory.mktemp("bad-input") / "repo"
    subprocess.run([str(STEWARD), "butler", "create", str(root)], check=True, capture_output=True)
    fill_with_steward(root)
    return root


@pytest.fixture
def repository(original, tmp_path):
    return Path(shutil.copytree(original, tmp_path / "repo"))


def sql(repository, statement, *values):
    with sqlite3.connect(repository / "gen3.sqlite3") as database:
        database.execute(statement, values)
    database.close()


def fails(*command, status=1, names=()):
    """Runs a command that must fail with one line on standard error which holds each of `names`."""
    done = subprocess.run([str(STEWARD), *map(str, command)], capture_output=True, text=True, timeout=120)
    assert done.returncode == status, (done.returncode, done.stdout, done.stderr)
    lines = [line for line in done.stderr.splitlines() if line.strip() and " WARNING: " not in line]
    if status == 1:
        assert len(lines) == 1, done.stderr
    for name in names:
        assert str(name) in done.stderr, done.stderr
    assert "Fatal error" not in done.stderr and "Swift/" not in done.stderr
    return done.stderr


def files(repository):
    return sorted(p for p in repository.rglob("*.yaml") if p.name != "butler.yaml")


def is_healthy(repository):
    done = subprocess.run([str(STEWARD), "butler", "query-collections", str(repository)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "sw/chain" in done.stdout


@pytest.mark.parametrize("verb", [["query-collections"], ["query-dataset-types"], ["query-datasets"]])
def test_what_is_no_repository(tmp_path, verb):
    fails("butler", *verb, tmp_path / "nowhere", names=["nowhere"])
    (tmp_path / "empty").mkdir()
    fails("butler", *verb, tmp_path / "empty", names=["butler.yaml"])


def test_a_broken_configuration(repository):
    (repository / "butler.yaml").write_text("registry: [unclosed\n")
    fails("butler", "query-collections", repository, names=["butler.yaml"])
    (repository / "butler.yaml").write_text("just text\n")
    fails("butler", "query-collections", repository, names=["butler.yaml"])


def test_a_missing_or_foreign_database(repository):
    database = repository / "gen3.sqlite3"
    database.rename(repository / "away")
    fails("butler", "query-collections", repository, names=["gen3.sqlite3"])
    assert not database.exists()
    database.write_bytes(b"this is no database at all, but long enough to have a header" * 40)
    fails("butler", "query-collections", repository, names=["gen3.sqlite3"])
    database.unlink()
    with sqlite3.connect(database) as other:
        other.execute("CREATE TABLE x (a)")
    other.close()
    fails("butler", "query-collections", repository, names=["butler_attributes"])


def test_a_newer_or_unknown_manager(repository):
    sql(repository, "UPDATE butler_attributes SET value = '9.1.0' WHERE name LIKE 'version:%CollectionManager'")
    fails("butler", "query-collections", repository, names=["9.1.0", "2.0.0"])
    sql(repository, "UPDATE butler_attributes SET value = '2.0.0' WHERE name LIKE 'version:%CollectionManager'")
    is_healthy(repository)
    sql(repository, "UPDATE butler_attributes SET value = 'x.NewManager' WHERE name = 'config:registry.managers.datasets'")
    fails("butler", "query-collections", repository, names=["x.NewManager"])


@pytest.mark.parametrize("document", ["not json", "{}", '{"version": 9, "skypix": {"common": "cube3", "cube": '
                                      '{"class": "lsst.sphgeom.CubePixelization"}}, "elements": {}}'])
def test_an_unsupported_universe(repository, document):
    sql(repository, "UPDATE butler_attributes SET value = ? WHERE name = 'config:dimensions.json'", document)
    fails("butler", "query-collections", repository, names=["universe"])


def test_unknown_names(repository):
    fails("butler", "query-datasets", repository, "metrics", "--collections", "no/such/run", names=["no/such/run"])
    fails("butler", "query-dimension-records", repository, "galaxy", names=["galaxy"])


def test_usage_errors_have_status_2(repository):
    fails("butler", "query-collections", status=2)
    fails("butler", "query-datasets", repository, "--no-such-option", status=2, names=["no-such-option"])
    fails("butler", "query-collections", repository, "--chains", "circle", status=2, names=["circle"])
    fails("butler", "check", repository, "--min-age", "-1", status=2, names=["from 0 to 10000000"])
    fails("butler", "import", repository, repository, "--jobs", "-1", status=2, names=["a number above 0"])
    for age in ("30x", "-5d", "d", ""):
        fails("butler", "empty-trash", repository, "--older-than", age, status=2, names=["as in 30d", "s, m, h or d"])


@pytest.mark.parametrize("line", ["associate REPO nt -xh", "remove-runs REPO -dash --no-confirm", "query-collections REPO -th"])
def test_help_is_a_word_of_its_own(repository, line):
    words = [repository if word == "REPO" else word for word in line.split()]
    fails("butler", *words, status=2, names=["There is no option '-", "-h as a word of its own"])
    done = subprocess.run([STEWARD, "butler", "remove-runs", "-h"], capture_output=True, text=True)
    assert done.returncode == 0 and "USAGE" in done.stdout


def test_a_colon_makes_no_url_of_a_path(repository, tmp_path):
    named = shutil.copytree(repository, tmp_path / "c:d")
    for argument in ("c:d", "c:d/butler.yaml", str(named)):
        done = subprocess.run([STEWARD, "butler", "query-collections", argument], capture_output=True, text=True, cwd=tmp_path)
        assert done.returncode == 0 and "sw/chain" in done.stdout, done.stderr
    done = subprocess.run([STEWARD, "butler", "create", "e:f"], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0 and (tmp_path / "e:f" / "butler.yaml").exists(), done.stderr


def test_a_dataset_type_that_exists_otherwise(repository):
    line = ["butler", "register-dataset-type", repository, "tally", "StructuredDataDict", "instrument"]
    subprocess.run([STEWARD, *line], check=True, capture_output=True)
    fails(*line, "--is-calibration", names=["not as a calibration", "--is-calibration"])


def test_a_where_expression_is_refused_in_one_line(repository):
    fails("butler", "query-datasets", repository, "metrics", "--where", "visit = 1", names=["where"])


def test_damaged_files(repository):
    victim = next(p for p in files(repository) if "metrics" in p.name)
    with sqlite3.connect(repository / "gen3.sqlite3") as database:
        (dataset,) = database.execute(
            "SELECT dataset_id FROM file_datastore_records WHERE path = ?", (str(victim.relative_to(repository)),)
        ).fetchone()
    database.close()
    whole = victim.read_bytes()
    with Steward(repository) as steward:
        victim.write_bytes(whole[:-3])
        answer = steward.ask("get", id=dataset)
        assert str(len(whole)) in answer["message"] and str(len(whole) - 3) in answer["message"]
        victim.write_bytes(b"\xff\xfe: [" + whole[4:])
        assert "error" in steward.ask("get", id=dataset)
        victim.unlink()
        assert victim.name in steward.ask("get", id=dataset)["message"]
        victim.write_bytes(whole)
        assert "value" in steward.ask("get", id=dataset)


@pytest.mark.parametrize("region", ["AAAA", "cA==", "not base64!"])
def test_corrupt_region_bytes(repository, region):
    sql(repository, "UPDATE visit SET region = ? WHERE id = 1", region)
    where = "visit.region OVERLAPS CIRCLE(60, -40, 40)"
    fails("butler", "query-data-ids", repository, "visit", "--where", where, names=["region"])


def test_data_ids_that_lack_or_contradict(repository):
    with Steward(repository) as steward:
        def kind(**data_id):
            return steward.ask("find", type="metrics", data_id=data_id, collections=["sw/chain"]).get("error")

        assert kind(instrument="Cam", visit=1) == "dimension_name"
        assert kind(instrument="Cam", visit=1, detector="nowhere") == "dimension_value"
        assert kind(instrument="Cam", visit=1, detector=3, colour="red") == "dimension_value"
        assert steward.ask("find", type="nope", data_id={}, collections=["sw/chain"])["error"] == "missing_dataset_type"
        known = {"instrument": "Cam", "visit": 1, "detector": 3}
        assert steward.ask("find", type="metrics", data_id=known, collections=["nope"])["error"] == "missing_collection"


def test_writing_to_a_repository_opened_for_reading(repository):
    with Steward(repository) as steward:
        answer = steward.ask("put", type="metrics", run="sw/b", value={}, data_id={
            "instrument": "Cam", "visit": 3, "detector": 1})
        assert "reading" in answer["message"] or "read" in answer["message"]
    is_healthy(repository)


def serve(repository, port):
    return subprocess.Popen([str(STEWARD), "serve", "--repo", f"r={repository}", "--port", str(port)],
                            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def test_a_port_in_use(repository):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        server = serve(repository, port)
        _, errors = server.communicate(timeout=60)
        assert server.returncode == 1
        assert str(port) in errors


@pytest.mark.parametrize("path", ["../../gen3.sqlite3", "%2e%2e/%2e%2e/butler.yaml", "..%2fbutler.yaml", "/etc/passwd"])
def test_no_path_leads_out_of_the_download_route(repository, path):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = serve(repository, port)
    try:
        for _ in range(100):
            try:
                connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
                connection.connect()
                break
            except OSError:
                time.sleep(0.1)
        with sqlite3.connect(repository / "gen3.sqlite3") as database:
            (dataset,) = database.execute("SELECT dataset_id FROM file_datastore_records LIMIT 1").fetchone()
        database.close()
        for route in (f"/api/butler/repo/r/v1/file/{dataset}/{path}",
                      f"/api/butler/repo/r/v1/dataset/{path}/download", f"/api/butler/repo/{path}/butler.yaml"):
            connection.putrequest("GET", route, skip_host=False)
            connection.endheaders()
            response = connection.getresponse()
            body = response.read()
            # The client configuration is the same for every label, known or not.
            is_configuration = route.endswith("/butler.yaml") and b"RemoteButler" in body
            assert is_configuration or response.status in (301, 307, 308, 400, 404, 422), (route, response.status)
            assert b"SQLite format" not in body and b"root:" not in body and b"datastore:" not in body
    finally:
        server.terminate()
        server.wait(20)
        server.stderr.close()


class SmallDisk:
    """A file system of half a megabyte, where this user may mount one."""

    def __init__(self, path, kilobytes=1536):
        self.path = path
        path.mkdir()
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", str(path)], capture_output=True)
        if done.returncode:
            pytest.skip("this user may not mount a small file system")

    def remount(self, options):
        subprocess.run(["mount", "-o", f"remount,{options}", str(self.path)], check=True)

    def close(self):
        subprocess.run(["umount", "-l", str(self.path)], check=False)


@pytest.fixture
def small_disk(tmp_path):
    disk = SmallDisk(tmp_path / "disk")
    yield disk
    disk.close()


def test_a_read_only_file_system(original, small_disk):
    root = Path(shutil.copytree(original, small_disk.path / "repo"))
    small_disk.remount("ro")
    is_healthy(root)
    fails("butler", "create", small_disk.path / "new", names=["new"])
    with Steward(root, writeable=True) as steward:
        answer = steward.ask("put", type="metrics", run="sw/b", value={}, data_id={
            "instrument": "Cam", "visit": 3, "detector": 1})
        assert "error" in answer
    is_healthy(root)


def test_a_disk_that_fills(original, small_disk):
    root = Path(shutil.copytree(original, small_disk.path / "repo"))
    before = {p: p.stat().st_size for p in root.rglob("*") if p.is_file()}
    with Steward(root, writeable=True) as steward:
        answer = steward.ask("put", type="metrics", run="sw/b", value={"text": "x" * 4_000_000}, data_id={
            "instrument": "Cam", "visit": 3, "detector": 1})
        assert "error" in answer, answer
        assert "\n" not in answer["message"]
    after = {p: p.stat().st_size for p in root.rglob("*") if p.is_file() and not p.name.endswith("-journal")}
    assert after == before
    is_healthy(root)
    with Steward(root, writeable=True) as steward:
        assert "error" not in steward.ask("put", type="metrics", run="sw/b", value={"a": 1}, data_id={
            "instrument": "Cam", "visit": 3, "detector": 1})
