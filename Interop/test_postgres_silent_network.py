"""Repositories in PostgreSQL over a network that loses all packets, of both ends: the systems know no more than they."""

import json
import os
import shutil
import subprocess
import time

import postgresql
import pytest
from silent_network import Cable

pytest.importorskip("lsst.daf.butler")
psycopg = pytest.importorskip("psycopg", reason="needs psycopg")
from postgresql_repositories import run, seed  # noqa: E402
from test_repositories import STEWARD  # noqa: E402

pytestmark = [
    pytest.mark.skipif(postgresql.programs() is None, reason="PostgreSQL's server is not installed"),
    pytest.mark.skipif(STEWARD is None, reason="steward is not built"),
    pytest.mark.skipif(shutil.which("ip") is None or shutil.which("nsenter") is None, reason="needs ip and nsenter"),
]


@pytest.fixture
def cable():
    try:
        made = Cable()
    except OSError as error:
        pytest.skip(f"the system lets no network be made: {error}")
    yield made
    made.remove()


@pytest.fixture
def cluster(cable):
    made = postgresql.Cluster()
    with open(f"{made.data}/pg_hba.conf", "a") as rules:
        rules.write(f"host all all {cable.there}/32 trust\n")
    made.stop()
    made.options += f" -c listen_addresses=127.0.0.1,{cable.here}"
    made.start()
    yield made
    made.remove()


def sessions(cluster, cable):
    return cluster.sql(f"SELECT state FROM pg_stat_activity WHERE client_addr = '{cable.there}'")


def test_both_ends_notice_and_let_go(cluster, cable, tmp_path):
    name, root = cluster.database(), tmp_path / "repo"
    run("create", "--seed-config", seed(tmp_path, f"{cluster.url}/{name}"), root)
    configuration = postgresql.configuration(root)
    configuration["registry"]["db"] = f"postgresql://postgres@{cable.here}:{cluster.port}/{name}"
    (root / "butler.yaml").write_text(json.dumps(configuration))

    def begin(*words):
        return subprocess.Popen(cable.command(STEWARD, "butler", *words), stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True, env=dict(os.environ))

    done = begin("register-dataset-type", root, "before", "StructuredDataDict")
    assert done.wait(60) == 0, done.stderr.read()
    with psycopg.connect(f"{cluster.url}/{name}") as blocker:
        # They wait for this lock, and hold others.
        blocker.execute("LOCK TABLE dataset_type IN ACCESS EXCLUSIVE MODE")
        writer = begin("register-dataset-type", root, "after", "StructuredDataDict")
        reader = begin("query-dataset-types", root)
        for _ in range(300):
            if len(sessions(cluster, cable)) >= 2:
                break
            time.sleep(0.1)
        time.sleep(1)
        with cable.silence():
            began = time.monotonic()
            for process in (writer, reader):
                _, text = process.communicate(timeout=100)
                assert process.returncode != 0 and "Traceback" not in text
                assert "connection" in text or "answer" in text, text
            assert time.monotonic() - began < 90
            # The sessions get their lock, and answer to nobody.
            blocker.rollback()
            began = time.monotonic()
            while sessions(cluster, cable):
                assert time.monotonic() - began < 90, sessions(cluster, cable)
                time.sleep(0.5)
            local = tmp_path / "local"
            shutil.copytree(root, local)
            configuration["registry"]["db"] = f"{cluster.url}/{name}"
            (local / "butler.yaml").write_text(json.dumps(configuration))
            run("register-dataset-type", local, "local", "StructuredDataDict")
    done = begin("query-dataset-types", root)
    names = done.communicate(timeout=60)[0]
    assert done.returncode == 0 and "before" in names and "local" in names
