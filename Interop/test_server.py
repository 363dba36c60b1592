"""The Python RemoteButler against `steward serve`, over plain HTTP on the loopback interface.

The server program is STEWARD_BIN, else the newest one under .build. The repository is made by the Python Butler.
"""

import http.client
import json
import os
import signal
import socket
import subprocess
import threading
import time
import urllib.parse
import uuid
from pathlib import Path

import pytest

butler_module = pytest.importorskip("lsst.daf.butler")
pytest.importorskip("httpx2", reason="needs lsst-daf-butler[remote]")
from lsst.daf.butler import (  # noqa: E402
    Butler,
    CollectionType,
    DataIdValueError,
    DatasetExistence,
    DatasetNotFoundError,
    DatasetType,
    DimensionNameError,
    LabeledButlerFactory,
    MissingCollectionError,
    MissingDatasetTypeError,
    Timespan,
)
from lsst.daf.butler._exceptions import DimensionValueError  # noqa: E402
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
pytestmark = pytest.mark.skipif(
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


# Opening


def test_a_token_is_all_that_a_client_needs(url, monkeypatch):
    for name in ("BUTLER_RUBIN_ACCESS_TOKEN", "ACCESS_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(RuntimeError):
        Butler.from_config(url)
    factory = LabeledButlerFactory({"toy": url})
    assert factory.create_butler(label="toy", access_token="any").get_dataset_type("notes").name == "notes"


def test_a_second_label_serves_the_same_repository(url, ids, monkeypatch):
    monkeypatch.setenv("BUTLER_RUBIN_ACCESS_TOKEN", "local")
    second = Butler.from_config(url.replace("/toy", "/second"))
    assert second.get_dataset(ids["notes", 0]).run == RUN


def test_the_universe_is_that_of_the_repository(butler, direct):
    assert butler.dimensions == direct.dimensions
    assert [e.name for e in butler.dimensions.elements] == [e.name for e in direct.dimensions.elements]


# Metadata


def test_dataset_types(butler, direct):
    for name in ("settings", "notes", "bias"):
        assert butler.get_dataset_type(name) == direct.get_dataset_type(name)
    assert {t.name for t in butler.registry.queryDatasetTypes("*t*")} == {"settings", "notes"}
    with pytest.raises(MissingDatasetTypeError):
        butler.get_dataset_type("nope")


def test_components_are_resolved_for_older_clients(server):
    base = "/api/butler/repo/toy/v1/dataset_type/"
    status, _, body = server.request("GET", base + "notes.nope")
    assert (status, json.loads(body)["error_type"]) == (422, "unknown_component")


def test_datasets_by_identifier(butler, direct, ids):
    for dataset in ids.values():
        assert butler.get_dataset(dataset) == direct.get_dataset(dataset)
    assert butler.get_dataset(uuid.uuid4()) is None
    expanded = butler.get_dataset(ids["notes", 1], dimension_records=True)
    assert expanded.dataId.records["detector"].full_name == "D1"
    assert set(butler.get_many_datasets([*ids.values(), uuid.uuid4()])) == set(direct.get_many_datasets(ids.values()))


@pytest.mark.parametrize("collections", [[RUN], ["chain"], ["tagged", RUN], ["toy/*"]])
def test_find_dataset(butler, direct, collections):
    for detector in range(4):
        found = butler.find_dataset("notes", instrument=CAMERA, detector=detector, collections=collections)
        assert found == direct.find_dataset("notes", instrument=CAMERA, detector=detector, collections=collections)
    by_name = butler.find_dataset("notes", instrument=CAMERA, full_name="D1", collections=collections)
    assert by_name.dataId["detector"] == 1


def test_find_calibration(butler, direct):
    when = Timespan.fromInstant(butler_module.time_utils.TimeConverter().nsec_to_astropy(1_600_000_000_000_000_000))
    for timespan in (None, when):
        arguments = {"instrument": CAMERA, "detector": 0, "collections": ["calib"], "timespan": timespan}
        assert butler.find_dataset("bias", **arguments) == direct.find_dataset("bias", **arguments)
    assert butler.find_dataset("bias", instrument=CAMERA, detector=0, collections=["calib"], timespan=when)


def test_defaults(url, monkeypatch, ids):
    monkeypatch.setenv("BUTLER_RUBIN_ACCESS_TOKEN", "local")
    butler = Butler.from_config(url, collections="chain", instrument=CAMERA)
    assert butler.find_dataset("notes", detector=1).id == ids["notes", 1]
    assert butler.get("notes", detector=1)["detector"] == 1
    inferred = Butler.from_config(url, collections=RUN)
    assert inferred.registry.defaults.dataId["instrument"] == CAMERA


def test_collections(butler, direct):
    for options in ({}, {"include_parents": True, "include_summary": True, "include_doc": True}):
        mine = sorted(butler.collections.query_info("*", **options), key=lambda info: info.name)
        theirs = sorted(direct.collections.query_info("*", **options), key=lambda info: info.name)
        assert mine == theirs
    assert list(butler.collections.query("chain", flatten_chains=True)) == ["tagged", RUN]
    assert butler.registry.getCollectionDocumentation("chain") == "All there is"
    summary = butler.registry.getCollectionSummary("chain")
    assert {t.name for t in summary.dataset_types} == {"settings", "notes", "bias"}
    assert summary.governors["instrument"] == {CAMERA}


def test_expand_data_id(butler, direct):
    mine = butler.registry.expandDataId(instrument=CAMERA, detector=2)
    assert mine == direct.registry.expandDataId(instrument=CAMERA, detector=2)
    assert mine.records["instrument"].class_name == "toy.Cam"


def test_errors_are_those_of_the_direct_butler(butler, ids):
    with pytest.raises(MissingCollectionError):
        butler.find_dataset("notes", instrument=CAMERA, detector=1, collections=["nope"])
    with pytest.raises(DimensionNameError):
        butler.find_dataset("notes", instrument=CAMERA, collections=[RUN])
    with pytest.raises(DimensionValueError):
        butler.find_dataset("notes", instrument=CAMERA, detector=1, nonsense=1, collections=[RUN])
    with pytest.raises(DataIdValueError):
        butler.registry.expandDataId(instrument=CAMERA, detector=99)
    with pytest.raises(DatasetNotFoundError):
        butler.get("notes", instrument=CAMERA, detector=3, collections=[RUN])
    with pytest.raises(MissingCollectionError):
        butler.collections.get_info("nope")


# Files


@pytest.mark.parametrize("name", ["settings", "notes", "bias"])
def test_get(butler, direct, ids, name):
    for detector in range(2):
        ref = butler.get_dataset(ids[name, detector])
        assert butler.get(ref) == {"name": name, "detector": detector, "text": "é" * detector}
        assert butler.get(name, instrument=CAMERA, detector=detector, collections=[RUN]) == direct.get(ref)


def test_uris_and_existence(butler, ids):
    ref = butler.get_dataset(ids["notes", 0])
    uri = butler.getURI(ref)
    assert uri.scheme == "http" and uri.getExtension() == ".yaml"
    assert uri.exists() and uri.size() == len(uri.read())
    with uri.open("rb") as stream:
        stream.seek(2)
        assert stream.read(4) == uri.read()[2:6]
    assert butler.exists(ref) == DatasetExistence.VERIFIED
    assert butler.exists(ref, full_check=False) == DatasetExistence.KNOWN
    assert butler.exists("notes", instrument=CAMERA, detector=0, collections=[RUN]) == DatasetExistence.VERIFIED
    gone = butler.get_dataset(ids["notes", 2])
    assert butler.exists(gone) == DatasetExistence.RECORDED | DatasetExistence.DATASTORE
    assert butler.exists("notes", instrument=CAMERA, detector=3, collections=[RUN]) == DatasetExistence.UNRECOGNIZED
    with pytest.raises(FileNotFoundError):
        butler.get(gone)


def test_zip_members(butler, ids):
    uri = butler.getURI(butler.get_dataset(ids["settings", 0]))
    assert uri.getExtension() == ".zip" and uri.unquoted_fragment.startswith("zip-path=")
    assert butler.exists(butler.get_dataset(ids["settings", 0])) == DatasetExistence.VERIFIED


def test_retrieve_artifacts(butler, direct, ids, tmp_path):
    refs = [butler.get_dataset(ids[name, 1]) for name in ("settings", "notes", "bias")]
    for folder in ("files", "zip"):
        (tmp_path / folder).mkdir()
    paths = butler.retrieveArtifacts(refs, str(tmp_path / "files"))
    assert len(paths) == 3
    for name in ("notes", "bias"):
        mine = [p for p in paths if f"{name}_" in p.basename()]
        assert mine[0].read() == direct.getURI(direct.get_dataset(ids[name, 1])).read()
    archive = butler.retrieve_artifacts_zip(refs, str(tmp_path / "zip"))
    assert archive.size() > 0


def test_transfer_to_another_repository(butler, ids, tmp_path):
    target_root = tmp_path / "target"
    Butler.makeRepo(str(target_root))
    target = Butler.from_config(str(target_root), writeable=True)
    refs = [butler.get_dataset(ids[name, 1], dimension_records=True) for name in ("notes", "settings")]
    for element in ("instrument", "detector"):
        target.registry.insertDimensionData(element, refs[0].dataId.records[element])
    moved = target.transfer_from(butler, refs, transfer="copy", register_dataset_types=True, transfer_dimensions=False)
    assert len(moved) == 2
    assert target.get(target.get_dataset(ids["notes", 1]))["name"] == "notes"


def test_ranges_and_validators_on_the_wire(server, butler, ids):
    path = urllib.parse.urlsplit(butler.getURI(butler.get_dataset(ids["notes", 0])).geturl()).path
    status, headers, whole = server.request("GET", path)
    assert status == 200 and headers["accept-ranges"] == "bytes"
    assert server.request("HEAD", path)[1]["content-length"] == str(len(whole))
    status, part_headers, part = server.request("GET", path, {"Range": "bytes=2-5"})
    assert (status, part) == (206, whole[2:6])
    assert part_headers["content-range"] == f"bytes 2-5/{len(whole)}"
    assert server.request("GET", path, {"If-None-Match": headers["etag"]})[0] == 304
    assert server.request("GET", path, {"Range": "bytes=100000-"})[0] == 416


# The service


def test_nothing_outside_the_records_is_served(server, ids):
    base = f"/api/butler/repo/toy/v1/dataset/{ids['notes', 0]}/file/"
    for name in ("../../../../../../../../etc/passwd", "..%2f..%2fbutler.yaml", "butler.yaml", "%2e%2e/butler.yaml"):
        assert server.request("GET", base + name)[0] == 404


def test_new_datasets_are_visible_at_once(butler, repository):
    writer = Butler.from_config(str(repository[0]), writeable=True, run="toy/later")
    ref = writer.put({"a": 1}, "notes", instrument=CAMERA, detector=3)
    assert butler.get_dataset(ref.id) == ref
    assert butler.find_dataset("notes", instrument=CAMERA, detector=3, collections=["toy/later"]) == ref
    writer.removeRuns(["toy/later"])
    assert butler.get_dataset(ref.id) is None


def test_requests_are_logged_as_json(server, butler, ids):
    butler.get_dataset(ids["notes", 0])
    lines = [json.loads(line) for line in server.log.read_text().splitlines() if line.startswith("{")]
    entry = [e for e in lines if e["message"] == "request" and e["path"].endswith(str(ids["notes", 0]))][-1]
    assert entry["status"] == 200 and entry["bytes"] > 0 and entry["duration_ms"] >= 0
    assert uuid.UUID(entry["client_request_id"])


def test_many_clients_at_once(url, ids, monkeypatch):
    monkeypatch.setenv("BUTLER_RUBIN_ACCESS_TOKEN", "local")
    failures = []

    def work():
        try:
            butler = Butler.from_config(url)
            for _ in range(5):
                assert butler.get(butler.get_dataset(ids["bias", 1]))["detector"] == 1
        except Exception as error:  # noqa: BLE001
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures


def test_a_port_in_use_is_one_clear_line(server, repository):
    run = subprocess.run(
        [PROGRAM, "serve", "--repo", str(repository[0]), "--port", str(server.port)],
        capture_output=True, text=True, timeout=30,
    )
    assert run.returncode != 0
    assert [line for line in run.stderr.splitlines() if f"Port {server.port}" in line]
    assert "Traceback" not in run.stderr


@pytest.fixture
def own_server(repository, tmp_path):
    server = Server("--repo", str(repository[0]), log=tmp_path / "server.log")
    yield server
    if server.process.poll() is None:
        server.process.kill()


def test_idle_connections_do_not_delay_the_stop(own_server):
    idle = http.client.HTTPConnection("127.0.0.1", own_server.port)
    idle.request("GET", "/")
    idle.getresponse().read()
    half = socket.create_connection(("127.0.0.1", own_server.port))
    half.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n")
    assert own_server.stop() < 10
    assert own_server.process.returncode == 0
    idle.close()
    half.close()


def test_a_response_that_has_begun_is_finished(own_server, repository, ids):
    big = repository[0] / "big.bin"
    big.write_bytes(bytes(64 << 20))
    file = Path(Butler.from_config(str(repository[0])).getURI(ids_ref(repository, ids["bias", 2])).ospath)
    original = file.read_bytes()
    try:
        os.replace(big, file)
        path = f"/api/butler/repo/toy/v1/dataset/{ids['bias', 2]}/download"
        client = socket.create_connection(("127.0.0.1", own_server.port))
        client.settimeout(20)
        client.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        received = len(client.recv(1000))
        stopper = threading.Thread(target=own_server.stop)
        stopper.start()
        time.sleep(0.5)
        with pytest.raises(OSError):
            socket.create_connection(("127.0.0.1", own_server.port), timeout=2)
        while data := client.recv(1 << 20):
            received += len(data)
        assert received > 64 << 20
        stopper.join()
        assert own_server.process.returncode == 0
    finally:
        file.write_bytes(original)


def ids_ref(repository, dataset):
    return Butler.from_config(str(repository[0])).get_dataset(dataset)


def test_a_client_that_does_not_read_cannot_hold_up_the_stop(own_server, repository, ids):
    file = Path(Butler.from_config(str(repository[0])).getURI(ids_ref(repository, ids["bias", 2])).ospath)
    original = file.read_bytes()
    try:
        file.write_bytes(bytes(64 << 20))
        client = socket.create_connection(("127.0.0.1", own_server.port))
        path = f"/api/butler/repo/toy/v1/dataset/{ids['bias', 2]}/download"
        client.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        client.recv(1000)
        assert own_server.stop() < 10
    finally:
        file.write_bytes(original)


def test_the_environment_of_the_python_server_is_understood(repository, tmp_path):
    server = Server(
        log=tmp_path / "server.log",
        environment={
            "DAF_BUTLER_SERVER_REPOSITORIES": json.dumps(
                {"toy": {"config_uri": f"{repository[0]}/butler.yaml", "authorized_groups": ["*"]}}
            ),
            "DAF_BUTLER_SERVER_GAFAELFAWR_URL": "http://127.0.0.1:9/auth",
            "DAF_BUTLER_SERVER_AUTHENTICATION": "rubin_science_platform",
        },
    )
    try:
        path = "/api/butler/repo/toy/v1/universe"
        assert server.request("GET", path)[0] == 403
        assert server.request("GET", path, {"X-Auth-Request-User": "a", "X-Auth-Request-Token": "t"})[0] == 200
    finally:
        server.stop()


def test_an_unknown_label_is_not_found(server):
    status, _, body = server.request("GET", "/api/butler/repo/nope/v1/universe")
    assert status == 404 and json.loads(body) == {"detail": "Unknown repository 'nope'"}
