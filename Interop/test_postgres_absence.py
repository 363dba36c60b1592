"""`steward serve` while databases of its repositories are away when it starts."""

import json
import socket
import subprocess
import time

import postgresql
import pytest
import yaml

pytest.importorskip("lsst.daf.butler")
psycopg = pytest.importorskip("psycopg", reason="needs psycopg")
pytest.importorskip("httpx2", reason="needs lsst-daf-butler[remote]")
from lsst.daf.butler import Butler  # noqa: E402
from postgresql_repositories import fill, needed, run, seed  # noqa: E402
from query_service import connect  # noqa: E402
from serving import Server  # noqa: E402
from test_repositories import STEWARD  # noqa: E402

pytestmark = needed


@pytest.fixture
def two(tmp_path, monkeypatch):
    """A server for a repository that is there and one in a database of its own that is not, and how to bring that back."""
    monkeypatch.setenv("PGPASSWORD", "secret")
    here, away = postgresql.shared(), postgresql.Cluster("-c max_connections=4", "-c superuser_reserved_connections=0")
    for name, server in (("here", here), ("away", away)):
        run("create", "--seed-config", seed(tmp_path, f"{server.url}/{server.database()}"), tmp_path / name)
        with Butler.from_config(str(tmp_path / name), writeable=True) as butler:
            fill(butler)
    away.stop()
    yield tmp_path, away
    away.remove()


def asked(server, label, route="v1/universe"):
    return server.request("GET", f"/api/butler/repo/{label}/{route}")


def served_again(server, label, seconds=20):
    end = time.monotonic() + seconds
    while asked(server, label)[0] != 200:
        assert time.monotonic() < end, server.log.read_text()
        time.sleep(0.2)


def test_a_server_starts_without_one_of_its_databases(two):
    folder, away = two
    server = Server("--repo", f"away={folder / 'away'}", "--repo", f"here={folder / 'here'}", log=folder / "log")
    try:
        status, headers, body = asked(server, "away")
        assert (status, headers["retry-after"]) == (503, "2") and b"cannot be reached" in body
        assert server.request("POST", "/api/butler/repo/away/v1/query/execute", body="{}")[0] == 503
        assert asked(server, "here")[0] == 200 and asked(server, "nowhere")[0] == 404
        assert asked(server, "away", "butler.yaml")[0] == 200
        assert server.request("GET", "/healthz")[0] == 200
        status, _, body = server.request("GET", "/readyz")
        assert (status, json.loads(body)) == (200, {"status": "ready", "unavailable": ["away"]})
        assert server.request("GET", "/metrics")[0] == 200
        status, _, body = server.request("GET", "/api/butler/ui/repositories")
        assert json.loads(body)["repositories"] == ["away", "here"]
        log = server.log.read_text()
        assert "database not reachable" in log and "butler_repo=away" in log
        away.start()
        served_again(server, "away")
        assert json.loads(server.request("GET", "/readyz")[2]) == {"status": "ready"}
        assert "repository opened" in server.log.read_text()
        butler = connect(f"http://127.0.0.1:{server.port}/api/butler/repo/away")
        assert len(butler.query_datasets("bias", collections="run/a")) == 3
    finally:
        assert server.stop() < 5
    assert away.sql("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'steward'") == ["0"]


def test_a_server_starts_without_its_only_database(two):
    folder, away = two
    server = Server("--repo", f"away={folder / 'away'}", "--show-examples", log=folder / "log")
    try:
        assert asked(server, "away")[0] == 503 and server.request("GET", "/healthz")[0] == 200
        status, _, body = server.request("GET", "/readyz")
        assert (status, json.loads(body)) == (503, {"status": "not ready", "repositories": ["away"]})
        # It comes back, and at first has no connection left.
        away.start()
        held = [psycopg.connect(f"{away.url}/postgres") for _ in range(4)]
        time.sleep(5)
        assert asked(server, "away")[0] == 503
        for connection in held:
            connection.close()
        served_again(server, "away")
        assert server.request("GET", "/readyz")[0] == 200
    finally:
        assert server.stop() < 5


def test_a_server_that_waits_for_a_silent_database_stops_in_time(two):
    folder, _ = two
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(8)
        configuration = folder / "away" / "butler.yaml"
        text = yaml.safe_load(configuration.read_text())
        text["registry"]["db"] = f"postgresql://me@127.0.0.1:{silent.getsockname()[1]}/x"
        configuration.write_text(yaml.safe_dump(text))
        server = Server("--repo", f"away={folder / 'away'}", "--repo", f"here={folder / 'here'}", log=folder / "log")
        assert asked(server, "here")[0] == 200 and asked(server, "away")[0] == 503
        # In the middle of another attempt.
        time.sleep(3)
        assert server.stop() < 5


def test_silent_databases_are_waited_for_together(two):
    folder, _ = two
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(50)
        text = yaml.safe_load((folder / "away" / "butler.yaml").read_text())
        text["registry"]["db"] = f"postgresql://me@127.0.0.1:{silent.getsockname()[1]}/x"
        repositories = ["--repo", f"here={folder / 'here'}"]
        for number in range(3):
            (folder / f"silent{number}").mkdir()
            (folder / f"silent{number}" / "butler.yaml").write_text(yaml.safe_dump(text))
            repositories += ["--repo", f"silent{number}={folder / f'silent{number}'}"]
        begin = time.monotonic()
        server = Server(*repositories, log=folder / "log")
        assert asked(server, "here")[0] == 200
        assert time.monotonic() - begin < 16
        assert all(asked(server, f"silent{number}")[0] == 503 for number in range(3))
        log = server.log.read_text()
        places = [log.index(f"butler_repo=silent{number}") for number in range(3)]
        assert places == sorted(places)
        assert server.stop() < 5
        # What is wrong with one of them is told at once, also while others are waited for.
        (folder / "silent2" / "butler.yaml").unlink()
        begin = time.monotonic()
        done = subprocess.run(
            [str(STEWARD), "serve", "--port", "0", *repositories], capture_output=True, text=True, timeout=30)
        assert done.returncode == 1 and "silent2" in done.stderr, done.stderr
        assert time.monotonic() - begin < 5


def test_what_waiting_cannot_mend_stops_a_server_at_once(two):
    folder, away = two
    away.start()
    configuration = folder / "away" / "butler.yaml"
    text = yaml.safe_load(configuration.read_text())
    host = f"127.0.0.1:{away.port}"
    for url, reason in [
        (f"postgresql://nobody@{host}/made1", "nobody"), (f"postgresql://postgres@{host}/nowhere", "nowhere"),
        (f"postgresql://postgres@{host}/postgres", "butler_attributes"), (f"postgresql:/{host}", "database URL"),
        ("oracle://x/y", "oracle"),
    ]:
        text["registry"]["db"] = url
        configuration.write_text(yaml.safe_dump(text))
        done = serve_in_vain(folder)
        assert done.returncode == 1 and reason in done.stderr, done.stderr
    # Nor does one whose database is away hide what is wrong beside it.
    text["registry"]["db"] = f"postgresql://postgres@127.0.0.1:{postgresql.free_port()}/made1"
    configuration.write_text(yaml.safe_dump(text))
    (folder / "away" / "steward-types.yaml").write_text("nonsense: [")
    configuration.unlink()
    done = serve_in_vain(folder)
    assert done.returncode == 1 and "butler.yaml" in done.stderr, done.stderr


def serve_in_vain(folder):
    return subprocess.run(
        [str(STEWARD), "serve", "--repo", f"here={folder / 'here'}", "--repo", f"away={folder / 'away'}", "--port", "0"],
        capture_output=True, text=True, timeout=30)
