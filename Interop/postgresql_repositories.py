"""Repositories in PostgreSQL for tests, commands on them, and what their answers must be like."""

import contextlib
import json
import os
import subprocess
import threading
import time
import urllib.error
import urllib.request

import postgresql
import pytest
from lsst.daf.butler import Butler, CollectionType, DatasetType, Timespan
from test_repositories import PROBE, STEWARD

needed = [
    pytest.mark.skipif(postgresql.programs() is None, reason="PostgreSQL's server is not installed"),
    pytest.mark.skipif(STEWARD is None or PROBE is None, reason="steward and butler-probe are not built"),
]


def run(*arguments, environment=None, check=True):
    done = subprocess.run(
        [str(STEWARD), "butler", *map(str, arguments)], capture_output=True, text=True,
        env={**os.environ, **(environment or {})})
    assert not check or done.returncode == 0, done.stderr + done.stdout
    return done


def seed(folder, url, **registry):
    path = folder / "seed.yaml"
    path.write_text(json.dumps({"registry": {"db": url, **registry}}))
    return path


def pair(cluster, folder, url=None):
    """A new repository made by each side."""
    names = cluster.database(), cluster.database()
    Butler.makeRepo(str(folder / "python"), config=str(seed(folder, f"{cluster.url}/{names[0]}")))
    run("create", "--seed-config", seed(folder, f"{cluster.url}/{names[1]}"), folder / "steward")
    return names


def fill(butler):
    """The content of a small repository, by Python."""
    registry = butler.registry
    registry.insertDimensionData(
        "instrument", {"name": "Cam", "visit_max": 9, "exposure_max": 9, "detector_max": 4, "class_name": "x.Cam"})
    for n in range(4):
        registry.insertDimensionData(
            "detector", {"instrument": "Cam", "id": n, "full_name": f"D{n}", "purpose": "SCIENCE"})
    registry.registerDatasetType(
        DatasetType("bias", ["instrument", "detector"], "StructuredDataDict", universe=butler.dimensions,
                    isCalibration=True))
    butler.collections.register("run/a")
    refs = [butler.put({"n": n}, "bias", instrument="Cam", detector=n, run="run/a") for n in range(3)]
    butler.collections.register("tag", CollectionType.TAGGED)
    registry.associate("tag", refs[:2])
    butler.collections.register("calib", CollectionType.CALIBRATION)
    registry.certify("calib", refs, Timespan(None, None))
    butler.collections.register("chain", CollectionType.CHAINED)
    butler.collections.redefine_chain("chain", ["tag", "run/a"])
    return refs


def found(butler):
    return {
        (ref.id, ref.run, tuple(ref.dataId.required_values))
        for ref in butler.query_datasets("bias", collections="*", find_first=False)
    }


def clear(done, *words):
    """One line that says what is wrong, and no password."""
    assert done.returncode != 0
    text = done.stderr.strip()
    assert all(word in text for word in words), text
    assert "secret" not in text and "Traceback" not in text and "Fatal" not in text


def requests(service, stop, statuses, texts=None):
    """Asks for collections until told to stop, or once for their names, and keeps the statuses."""
    body = json.dumps({
        "expression": ["*"], "collection_types": [1, 2, 3, 4], "flatten_chains": False, "include_chains": True,
        "include_parents": False, "include_summary": False, "include_doc": False, "summary_datasets": None,
    }).encode()
    headers = {"Content-Type": "application/json", "Authorization": "Bearer x"}
    while not stop.is_set():
        request = urllib.request.Request(f"{service.url}/v1/query_collection_info", data=body, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=60) as response:
                statuses.append((time.monotonic(), response.status))
                if texts is not None:
                    texts.append(response.read().decode())
                    return
        except urllib.error.HTTPError as error:
            statuses.append((time.monotonic(), error.code))


@contextlib.contextmanager
def load(service, clients):
    """That many clients, each of which asks again and again until the end; gives the statuses."""
    stop, statuses = threading.Event(), []
    threads = [threading.Thread(target=requests, args=(service, stop, statuses)) for _ in range(clients)]
    for thread in threads:
        thread.start()
    try:
        yield statuses
    finally:
        stop.set()
        for thread in threads:
            thread.join()
