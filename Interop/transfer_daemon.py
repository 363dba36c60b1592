"""The image transfer daemon and storage services, as the tests of transfers start them."""

import http.client
import os
import pathlib
import resource
import shutil
import signal
import socket
import subprocess
import time
import urllib.parse

import pytest

KEY, SECRET = "AKIDTEST", "SECRETTEST"


def tool(name):
    """A program from `STEWARD_STORAGE_TOOLS`, or from the path; skips the test without it."""
    folder = os.environ.get("STEWARD_STORAGE_TOOLS")
    path = pathlib.Path(folder) / "bin" / name if folder else None
    if path is None or not path.exists():
        found = shutil.which(name)
        path = None if found is None or "/shims/" in found else found
    if path is None:
        pytest.skip(f"{name} is not installed; ./test installs it")
    return str(path)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_for_port(port, process):
    for _ in range(1200):
        if process.poll() is not None:
            break
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.01)
    raise AssertionError("the server did not start")


class Store:
    """An S3 service: rclone, which checks signatures and digests, or moto, which keeps versions."""

    def __init__(self, kind, folder):
        self.port = free_port()
        self.address = f"http://127.0.0.1:{self.port}"
        self.folder = folder
        (folder / "bucket").mkdir(parents=True, exist_ok=True)
        if kind == "rclone":
            command = [tool("rclone"), "serve", "s3", "--addr", f"127.0.0.1:{self.port}", "--auth-key",
                       f"{KEY},{SECRET}", "--force-path-style", "--config", str(folder / "rclone.conf"), str(folder)]
        else:
            command = [tool("moto_server"), "-H", "127.0.0.1", "-p", str(self.port)]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for_port(self.port, self.process)

    def client(self):
        boto3 = pytest.importorskip("boto3")
        return boto3.client("s3", endpoint_url=self.address, aws_access_key_id=KEY, aws_secret_access_key=SECRET,
                            region_name="us-east-1")

    def versioned(self, bucket="bucket"):
        """A client, and a new bucket that keeps every version, so that what is sent twice is seen; of moto."""
        client = self.client()
        client.create_bucket(Bucket=bucket)
        client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
        return client

    def stop(self):
        self.process.terminate()
        self.process.wait()


class Daemon:
    def __init__(self, store, folder, **environment):
        self.port = free_port()
        self.log = folder / "daemon.log"
        self.environment = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "S3ND_", "S3DAEMON_"))}
        self.environment |= {
            "S3_ENDPOINT_URL": store.address, "AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET,
            "S3DAEMON_PORT": str(self.port), "S3DAEMON_HOST": "127.0.0.1", "S3DAEMON_LOG": str(self.log),
            "STEWARD_S3DAEMON_SPOOL": str(folder / "spool"),
        } | environment
        self.process = None

    def start(self, **options):
        self.process = subprocess.Popen([os.environ["STEWARD_BIN"], "s3daemon"], env=self.environment,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, **options)
        wait_for_port(self.port, self.process)
        return self

    def attempt(self):
        """Runs it to its end, for settings with which it does not start."""
        return subprocess.run([os.environ["STEWARD_BIN"], "s3daemon"], env=self.environment, capture_output=True,
                              text=True, timeout=60)

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.communicate()

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
        self.process.communicate(timeout=60)
        return self.process.returncode

    def line(self, data, timeout=60):
        """The answer to bytes on the socket."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=timeout) as s:
            s.sendall(data)
            answer = b""
            while part := s.recv(4096):
                answer += part
            return answer.decode()

    def upload(self, timeout=60, method="POST", **fields):
        """Status, headers and body of an upload."""
        return self.send_form(urllib.parse.urlencode(fields), "application/x-www-form-urlencoded", timeout, method)

    def send_form(self, form, kind, timeout=60, method="POST"):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            connection.request(method, "/upload", form, {"Content-Type": kind})
            response = connection.getresponse()
            return response.status, dict(response.getheaders()), response.read()
        finally:
            connection.close()

    def get(self, path):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read().decode()
        finally:
            connection.close()

    def metric(self, name):
        for line in self.get("/metrics")[1].splitlines():
            if line.startswith(name) and not line.startswith("#"):
                return float(line.rsplit(" ", 1)[1])
        raise AssertionError(f"no metric {name}")

    def limit_files(self, size):
        """Lets no file grow beyond a size, of one that was started with `restore_signals=False`: else it would end."""
        resource.prlimit(self.process.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

    def wait_until_empty(self, seconds=120):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self.metric("transfer_spooled") == 0:
                return
            time.sleep(0.05)
        raise AssertionError("the spool did not become empty")


# Fixtures of those that import them


@pytest.fixture
def store(tmp_path):
    store = Store("rclone", tmp_path / "store")
    yield store
    store.stop()


@pytest.fixture
def start(store, tmp_path):
    daemons = []

    def start(store=store, **environment):
        daemons.append(Daemon(store, tmp_path, **environment).start())
        return daemons[-1]

    yield start
    for daemon in daemons:
        daemon.stop()
