"""Steward and the Python Butler side by side, in one run: whole commands, single requests over HTTP, idle memory.

Prints medians and ratios, and writes them as JSON. Nothing here passes or fails: it measures.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import signal
import socket
import statistics
import subprocess
import sys
import time

import repositories

HERE = os.path.dirname(os.path.abspath(__file__))


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def time_command(command: list[str], runs: int) -> list[float]:
    """Wall seconds of whole processes, after one warm-up."""
    seconds = []
    for number in range(runs + 1):
        start = time.perf_counter()
        done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        elapsed = time.perf_counter() - start
        if done.returncode != 0:
            raise SystemExit(f"{' '.join(command)} failed: {done.stderr.decode()[-500:]}")
        if number:
            seconds.append(elapsed)
    return seconds


class Server:
    """A server process on a free port of 127.0.0.1, stopped by its process id."""

    def __init__(self, command: list[str], port: int, environment: dict[str, str] | None = None):
        self.port = port
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, **(environment or {})},
        )
        for _ in range(600):
            if self.process.poll() is not None:
                raise SystemExit(f"{command} exited with {self.process.returncode}")
            try:
                with socket.create_connection(("127.0.0.1", port), timeout=1):
                    return
            except OSError:
                time.sleep(0.1)
        raise SystemExit(f"{command} did not start")

    def memory(self) -> tuple[float, float]:
        """Resident and peak resident memory in MB."""
        values = {}
        with open(f"/proc/{self.process.pid}/status") as status:
            for line in status:
                if line.startswith(("VmRSS", "VmHWM")):
                    key, amount, *_ = line.split()
                    values[key.rstrip(":")] = int(amount) / 1024
        return values["VmRSS"], values["VmHWM"]

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Connection:
    """One keep-alive connection with as little of a client as HTTP/1.1 allows, so that the server is what is timed."""

    def __init__(self, port: int):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=60)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.rest = b""

    def exchange(self, request: bytes) -> tuple[int, bytes]:
        self.socket.sendall(request)
        data = self.rest
        while (end := data.find(b"\r\n\r\n")) < 0:
            data += self.receive()
        head = data[:end].lower()
        start = head.index(b"content-length:") + len(b"content-length:")
        stop = head.find(b"\r\n", start)
        length = int(head[start : stop if stop > 0 else len(head)])
        while len(data) < end + 4 + length:
            data += self.receive()
        self.rest = data[end + 4 + length :]
        return int(head[9:12]), data[end + 4 : end + 4 + length]

    def receive(self) -> bytes:
        if not (data := self.socket.recv(1 << 18)):
            raise SystemExit("the server closed the connection")
        return data


def time_requests(port: int, method: str, path: str, body: object, runs: int) -> list[float]:
    """Seconds of single requests over one keep-alive connection, after a warm-up."""
    payload = json.dumps(body).encode() if body is not None else b""
    head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
    if payload:
        head += f"Content-Type: application/json\r\nContent-Length: {len(payload)}\r\n"
    request = head.encode() + b"\r\n" + payload
    connection = Connection(port)
    seconds = []
    for number in range(runs + 50):
        start = time.perf_counter()
        status, answer = connection.exchange(request)
        elapsed = time.perf_counter() - start
        if status != 200:
            raise SystemExit(f"{method} {path} answered {status}: {answer[:300]!r}")
        if number >= 50:
            seconds.append(elapsed)
    connection.socket.close()
    return seconds


def row(name: str, ours: list[float], theirs: list[float]) -> dict:
    mine, other = statistics.median(ours), statistics.median(theirs)
    return {
        "name": name,
        "steward_ms": round(mine * 1000, 3),
        "python_ms": round(other * 1000, 3),
        "ratio": round(other / mine, 1),
        "steward_min_max_ms": [round(min(ours) * 1000, 3), round(max(ours) * 1000, 3)],
        "python_min_max_ms": [round(min(theirs) * 1000, 3), round(max(theirs) * 1000, 3)],
        "runs": [len(ours), len(theirs)],
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--server-python", required=True, help="Python with lsst-daf-butler[server]")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--work", default=os.path.join(HERE, "..", "bench-results"))
    arguments = parser.parse_args()
    steward = os.environ["STEWARD_BIN"]
    butler = os.path.join(os.path.dirname(sys.executable), "butler")
    work = os.path.abspath(arguments.work)
    os.makedirs(work, exist_ok=True)
    repository = repositories.hsc(work)
    signed = repositories.with_object_store_root(repository, os.path.join(work, "hsc-rc2-s3"))
    results = []

    print(f"{platform.platform()}, {os.cpu_count()} cores, {repository}")
    few, many = (3, 10) if arguments.quick else (5, 30)
    commands = {
        "query-collections": ["query-collections", repository],
        "query-datasets": ["query-datasets", repository, "calexp_metadata", "--collections", "HSC/runs/RC2"],
    }
    for name, tail in commands.items():
        ours = time_command([steward, "butler", *tail], many)
        theirs = time_command([butler, *tail], few)
        results.append(row(f"command {name}", ours, theirs))

    label = "bench"
    base = f"/api/butler/repo/{label}/v1"
    our_port, their_port = free_port(), free_port()
    ours = Server(
        [steward, "serve", "--host", "127.0.0.1", "--port", str(our_port), "--repo", f"{label}={repository}"], our_port
    )
    theirs = Server(
        [arguments.server_python, os.path.join(HERE, "python_server.py"), signed, str(their_port), label], their_port
    )
    try:
        time.sleep(1)
        idle = ours.memory()
        probe = repositories.probes(repository)
        requests = {
            "find_dataset (chain)": ("POST", f"{base}/find_dataset", probe["find_dataset"]),
            "get_file": ("GET", f"{base}/get_file/{probe['dataset_id']}", None),
            "dataset_type": ("GET", f"{base}/dataset_type/calexp_metadata", None),
        }
        runs = 200 if arguments.quick else 1000
        for name, (method, path, body) in requests.items():
            mine = time_requests(our_port, method, path, body, runs)
            other = time_requests(their_port, method, path, body, max(50, runs // 5))
            results.append(row(f"HTTP {name}", mine, other))
        busy = ours.memory()
        python = theirs.memory()
    finally:
        ours.stop()
        theirs.stop()
    memory = {
        "steward_idle_peak_mb": round(idle[1], 1),
        "steward_after_requests_mb": round(busy[0], 1),
        "python_after_requests_mb": round(python[0], 1),
    }
    print(f"{'measurement':32} {'Steward':>12} {'Python':>12} {'ratio':>8}")
    for r in results:
        print(f"{r['name']:32} {r['steward_ms']:>9.2f} ms {r['python_ms']:>9.2f} ms {r['ratio']:>7.1f}x")
    print(f"memory: {memory}")
    with open(os.path.join(work, "bench.json"), "w") as stream:
        json.dump({"machine": platform.platform(), "results": results, "memory": memory}, stream, indent=1)
    return 0


if __name__ == "__main__":
    sys.exit(main())
