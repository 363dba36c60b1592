"""Servers and clients of the query tests.

The tests judge `steward serve`. With STEWARD_CHECK_REFERENCE=1 they run against Rubin's Python server instead: so one
sees whether the tests themselves are right. That needs ../shared/harness/differential/serve_python.py and a Python with
the server's packages, .venv-server/bin/python unless STEWARD_REFERENCE_PYTHON names another.

STEWARD_BIN names the program (else the newest one under .build), STEWARD_SHARED the directory of the shared material
(else ../shared).
"""

import json
import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent
SHARED = Path(os.environ.get("STEWARD_SHARED") or PACKAGE.parent / "shared")
DIFFERENTIAL = SHARED / "harness" / "differential"
IS_REFERENCE = os.environ.get("STEWARD_CHECK_REFERENCE") == "1"
REFERENCE_PYTHON = Path(os.environ.get("STEWARD_REFERENCE_PYTHON") or PACKAGE / ".venv-server" / "bin" / "python")
LABEL = "test"


def find_program() -> Path | None:
    if named := os.environ.get("STEWARD_BIN"):
        return Path(named)
    built = [p for kind in ("debug", "release") if (p := PACKAGE / ".build" / kind / "steward").exists()]
    return max(built, key=lambda p: p.stat().st_mtime, default=None)


def command(repository: Path, port: int) -> list[str]:
    """The command of a server for one repository; skips the test when there is none."""
    if IS_REFERENCE:
        script = DIFFERENTIAL / "serve_python.py"
        for needed in (script, REFERENCE_PYTHON):
            if not needed.exists():
                pytest.skip(f"no {needed}, which STEWARD_CHECK_REFERENCE=1 needs")
        return [str(REFERENCE_PYTHON), str(script), str(repository), "--label", LABEL, "--port", str(port)]
    program = find_program()
    if program is None or not program.exists():
        pytest.skip("steward is not built; run swift build --product steward or set STEWARD_BIN")
    return [str(program), "serve", "--repo", f"{LABEL}={repository}", "--port", str(port)]


@dataclass
class Answer:
    """What a server said to one request."""

    status: int
    headers: dict[str, str]
    body: bytes

    @staticmethod
    def read(response, status: int, deadline: float) -> "Answer":
        pieces = []
        while piece := response.read1(1 << 16):
            pieces.append(piece)
            if time.monotonic() > deadline:
                raise TimeoutError
        return Answer(status, {k.lower(): v for k, v in response.headers.items()}, b"".join(pieces))

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def lines(self) -> list[dict]:
        """The objects of a stream, without what only keeps the connection alive."""
        assert self.status == 200, (self.status, self.body[:500])
        assert self.headers["content-type"] == "application/jsonlines"
        assert self.body == b"" or self.body.endswith(b"\n")
        lines = [json.loads(line) for line in self.body.split(b"\n")[:-1]]
        return [line for line in lines if line["type"] != "keep-alive"]

    @property
    def rows(self) -> list:
        assert all("rows" in line for line in self.lines), self.lines[-1]
        return [row for line in self.lines for row in line["rows"]]

    @property
    def error(self) -> dict:
        """The error, in the stream or by status; fails when there is none."""
        if self.status == 200:
            found = self.lines[-1]["error"] if self.lines and self.lines[-1]["type"] == "error" else None
            assert found, f"no error in {self.body[:500]!r}"
            return found
        assert 400 <= self.status < 500, (self.status, self.body[:500])
        return self.json


class Service:
    """A server of one repository on a free port of this machine."""

    def __init__(self, repository: Path, log: Path):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.log = log
        self.url = f"http://127.0.0.1:{self.port}/api/butler/repo/{LABEL}"
        keep = {k: v for k, v in os.environ.items() if not k.startswith("DAF_BUTLER_")}
        with open(log, "wb") as output:
            self.process = subprocess.Popen(
                command(repository, self.port), env=keep, stdin=subprocess.DEVNULL, stdout=output, stderr=output
            )
        deadline = time.monotonic() + 60
        while not self.is_healthy():
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.process.kill()
                pytest.fail(f"the server did not start: {log.read_text(errors='replace')}")
            time.sleep(0.1)

    def is_healthy(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/", timeout=10) as response:
                return response.status == 200
        except OSError:
            return False

    def post(self, route: str, body, timeout: float = 60) -> Answer:
        """Sends a JSON value, or bytes as they are, to a route of the repository: `query/execute`.

        Raises TimeoutError when the whole answer has not come in time; what keeps a connection alive does not count.
        """
        deadline = time.monotonic() + timeout
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        request = urllib.request.Request(
            f"{self.url}/v1/{route}", data=data, headers={"Content-Type": "application/json"}
        )
        try:
            with urllib.request.urlopen(request, timeout=timeout) as response:
                return Answer.read(response, response.status, deadline)
        except urllib.error.HTTPError as error:
            with error:
                return Answer.read(error, error.code, deadline)
        except urllib.error.URLError as error:
            raise error.reason from None

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def connect(url: str):
    """The Python client. Rubin's server drops a connection after an internal error, so it gets a new one each time."""
    import httpx2
    from lsst.daf.butler.remote_butler._factory import RemoteButlerFactory

    limits = httpx2.Limits(max_keepalive_connections=0) if IS_REFERENCE else httpx2.Limits()
    client = httpx2.Client(timeout=120, limits=limits)
    factory = RemoteButlerFactory.create_factory_for_url(f"{url}/butler.json", client)
    return factory.create_butler_for_access_token("local")
