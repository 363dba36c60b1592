"""Server processes on free ports of 127.0.0.1."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time

HERE = os.path.dirname(os.path.abspath(__file__))


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Server:
    """A server process, stopped by its process id."""

    def __init__(self, command: list[str], port: int):
        self.port = port
        self.process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        for _ in range(600):
            if self.process.poll() is not None:
                raise SystemExit(f"{command} exited with {self.process.returncode}")
            try:
                with socket.create_connection(("127.0.0.1", port), timeout=1):
                    return
            except OSError:
                time.sleep(0.1)
        self.stop()
        raise SystemExit(f"{command} did not start")

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def memory(self) -> tuple[float, float]:
        """Resident and peak resident memory in MB."""
        values = {}
        with open(f"/proc/{self.process.pid}/status") as status:
            for line in status:
                if line.startswith(("VmRSS", "VmHWM")):
                    key, amount, *_ = line.split()
                    values[key.rstrip(":")] = int(amount) / 1024
        return values["VmRSS"], values["VmHWM"]

    def processor_seconds(self) -> float:
        """What the process has used of all processors so far."""
        with open(f"/proc/{self.process.pid}/stat") as stat:
            fields = stat.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def steward(binary: str, repository: str, label: str) -> Server:
    port = free_port()
    place = ["--host", "127.0.0.1", "--port", str(port)]
    return Server([binary, "serve", *place, "--repo", f"{label}={repository}"], port)


def python(interpreter: str, repository: str, label: str) -> Server:
    port = free_port()
    return Server([interpreter, os.path.join(HERE, "python_server.py"), repository, str(port), label], port)
