"""`steward serve` as a process, a repository for it made by the Python Butler, and the fixtures of the test modules.

The server program is STEWARD_BIN, else the newest one under .build.
"""

import http.client
import os
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest

butler_module = pytest.importorskip("lsst.daf.butler")
pytest.importorskip("httpx2", reason="needs lsst-daf-butler[remote]")
from lsst.daf.butler import Butler, CollectionType, DatasetType, Timespan  # noqa: E402
from lsst.daf.butler.remote_butler import RemoteButler  # noqa: E402

from lsst.daf.butler.remote_butler import RemoteButler  # noqa: E402

PACKAGE = Path(__file__).resolve().parent.parent
CAMERA = "ToyCam"
RUN = "toy/run"


def find_program() -> Path | None:
    if named := os.environ.get("STEWARD_BIN"):
        return Path(named)
    built = [p for kind in ("debug", "release") if (p := PACKAGE / ".build" / kind / "steward").exists()]
    return max(built, key=lambda p: p.stat().st_mtime, default=None)


PROGRAM = find_program()
needs_program = pytest.mark.skipif(
    PROGRAM is None, reason="steward is not built; run swift build --product steward or set STEWARD_BIN"
)


def make_repository(root: Path) -> dict:
    """A repository with a dict in YAML, one in JSON, zipped ones, a tag, a chain, calibrations and a missing file."""
    seed = root.parent / "seed.yaml"
    seed.write_text(
        "datastore:\n  formatters:\n"
        "    settings: lsst.daf.butler.formatters.json.JsonFormatter\n"
        "    notes: lsst.daf.butler.formatters.yaml.YamlFormatter\n"
        "    bias: lsst.daf.butler.formatters.yaml.YamlFormatter\n"
    )
    Butler.makeRepo(str(root), config=butler_module.Config(str(seed)))
    butler = Butler.from_config(str(root), writeable=True, run=RUN)
    registry = butler.registry
    registry.insertDimensionData("instrument", {"name": CAMERA, "detector_max": 4, "class_name": "toy.Cam"})
    for detector in range(4):
        registry.insertDimensionData(
            "detector", {"instrument": CAMERA, "id": detector, "full_name": f"D{detector}", "purpose": "SCIENCE"}
        )
    refs = {}
    for name in ("settings", "notes", "bias"):
        kind = DatasetType(
            name, ("instrument", "detector"), "StructuredDataDict", universe=butler.dimensions,
            isCalibration=name == "bias",
        )
        registry.registerDatasetType(kind)
        for detector in range(3):
            value = {"name": name, "detector": detector, "text": "é" * detector}
            refs[name, detector] = butler.put(value, kind, instrument=CAMERA, detector=detector)
    # Members of a zip archive.
    zipped = butler.retrieve_artifacts_zip(
        [refs["settings", 0], refs["settings", 1]], destination=str(root.parent / "zips")
    )
    butler.pruneDatasets([refs["settings", 0], refs["settings", 1]], disassociate=True, unstore=True, purge=True)
    butler.ingest_zip(zipped, transfer="copy")
    registry.registerCollection("tagged", CollectionType.TAGGED)
    registry.associate("tagged", [refs["notes", 1]])
    registry.registerCollection("calib", CollectionType.CALIBRATION)
    registry.certify("calib", [refs["bias", 0]], Timespan(None, None))
    registry.registerCollection("chain", CollectionType.CHAINED, doc="All there is")
    registry.setCollectionChain("chain", ["tagged", RUN])
    # A dataset whose file has gone.
    os.remove(butler.getURI(refs["notes", 2]).ospath)
    return {key: ref.id for key, ref in refs.items()}


class Server:
    """`steward serve` on a free port."""

    def __init__(self, *arguments: str, environment: dict[str, str] | None = None, log: Path):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.log = log
        keep = {k: v for k, v in os.environ.items() if not k.startswith("DAF_BUTLER_")}
        with open(log, "wb") as output:
            self.process = subprocess.Popen(
                [str(PROGRAM), "serve", "--port", str(self.port), *arguments],
                env=keep | (environment or {}), stdin=subprocess.DEVNULL, stdout=output, stderr=output,
            )
        deadline = time.monotonic() + 60
        while True:
            try:
                if self.request("GET", "/")[0] == 200:
                    return
            except OSError:
                pass
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.process.kill()
                pytest.fail(f"the server did not start: {log.read_text(errors='replace')}")
            time.sleep(0.05)

    def request(self, method, path, headers=None, body=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, body=body, headers=headers or {})
            response = connection.getresponse()
            return response.status, {k.lower(): v for k, v in response.getheaders()}, response.read()
        finally:
            connection.close()

    def stop(self) -> float:
        """Asks the server to stop; the time it took in seconds."""
        start = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        return time.monotonic() - start


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    root = tmp_path_factory.mktemp("server") / "toy"
    return root, make_repository(root)


@pytest.fixture(scope="module")
def server(repository, tmp_path_factory):
    root, _ = repository
    server = Server(
        "--repo", str(root), "--repo", f"second={root}/butler.yaml", "--log-format", "json",
        log=tmp_path_factory.mktemp("log") / "server.log",
    )
    yield server
    assert server.stop() < 10
    assert server.process.returncode == 0


@pytest.fixture(scope="module")
def ids(repository):
    return repository[1]


@pytest.fixture
def url(server):
    return f"http://127.0.0.1:{server.port}/api/butler/repo/toy"


@pytest.fixture
def butler(url, monkeypatch):
    monkeypatch.setenv("BUTLER_RUBIN_ACCESS_TOKEN", "local")
    opened = Butler.from_config(url)
    assert isinstance(opened, RemoteButler)
    return opened


@pytest.fixture
def direct(repository):
    return Butler.from_config(str(repository[0]))


@pytest.fixture
def own_server(repository, tmp_path):
    server = Server("--repo", str(repository[0]), log=tmp_path / "server.log")
    yield server
    if server.process.poll() is None:
        server.process.kill()


def ids_ref(repository, dataset):
    return Butler.from_config(str(repository[0])).get_dataset(dataset)
