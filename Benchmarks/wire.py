"""As little of an HTTP/1.1 client as can be, so that the server is what is timed."""

from __future__ import annotations

import dataclasses
import multiprocessing
import socket
import statistics
import time

class NotServed(Exception):
    """The server does not have the route."""


LAST_CHUNK = b"\r\n0\r\n\r\n"


def request_bytes(port: int, method: str, path: str, body: bytes = b"") -> bytes:
    head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
    if body:
        head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    return head.encode() + b"\r\n" + body


class Connection:
    """One keep-alive connection. Bodies have a length or come in chunks."""

    def __init__(self, port: int):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=600)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.rest = b""

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def exchange(self, request: bytes) -> tuple[int, bytes]:
        """The status and the body; a body in chunks keeps their lengths between them."""
        self.socket.sendall(request)
        data = self.rest
        while (end := data.find(b"\r\n\r\n")) < 0:
            data += self.receive()
        head = data[:end].lower()
        if b"chunked" in head:
            while not data.endswith(LAST_CHUNK):
                data += self.receive()
            self.rest = b""
            return int(head[9:12]), data[end + 4 :]
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


def time_requests(port: int, request: bytes, runs: int, warm_up: int) -> list[float]:
    """Seconds of single requests over one connection."""
    seconds = []
    with Connection(port) as connection:
        for number in range(runs + warm_up):
            start = time.perf_counter()
            status, answer = connection.exchange(request)
            elapsed = time.perf_counter() - start
            if status != 200 or b'"type":"error"' in answer[:100]:
                raise SystemExit(f"{request[:200]!r} was answered with {status}: {answer[:300]!r}")
            if number >= warm_up:
                seconds.append(elapsed)
    return seconds


@dataclasses.dataclass
class Streamed:
    """What came of one streamed response."""

    rows: int
    size: int
    first_page: float
    """Seconds until the first page was there as a whole."""
    seconds: float
    processor_seconds: float = 0
    """Of the server, where somebody looked."""

    @property
    def rows_per_second(self) -> float:
        return self.rows / self.seconds


def stream(port: int, request: bytes, mark: bytes) -> Streamed:
    """Drains a chunked response. Rows are counted by `mark`, which each has once."""
    buffer = bytearray(1 << 20)
    view = memoryview(buffer)
    keep = max(len(mark), len(LAST_CHUNK)) - 1  # A mark may come in two parts.
    rows, size, first_page, filled = 0, 0, 0.0, 0
    with Connection(port) as connection:
        start = time.perf_counter()
        connection.socket.sendall(request)
        while True:
            received = connection.socket.recv_into(view[filled:])
            if not received:
                raise SystemExit(f"the server closed the connection after {rows} rows: {bytes(view[:300])!r}")
            if not size and buffer.startswith(b"HTTP/1.1 404"):
                raise NotServed
            if not size and not buffer.startswith(b"HTTP/1.1 200"):
                raise SystemExit(f"{request[:200]!r} was answered with {bytes(view[:received])!r}")
            size += received
            end = filled + received
            # What is counted ends with the new bytes, so that no mark counts twice.
            rows += buffer.count(mark, max(0, filled - len(mark) + 1), end)
            if not first_page and rows and buffer.find(b"}\n", 0, end) >= 0:
                first_page = time.perf_counter() - start
            # Only the end of a JSON text is followed by these bytes: it has no line breaks inside.
            if buffer.endswith(LAST_CHUNK, 0, end):
                break
            filled = min(keep, end)
            view[:filled] = view[end - filled : end]
        seconds = time.perf_counter() - start
    if buffer.find(b'{"type":"error"', 0, end) >= 0:
        raise SystemExit(f"the stream ended with an error: {bytes(view[:end])[-400:]!r}")
    return Streamed(rows, size, first_page, seconds)


# The client's own speed


def client_ceiling(page: bytes, mark: bytes, pages: int, runs: int) -> float:
    """Rows per second that `stream` takes from a server that only sends the same page again and again."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        server = multiprocessing.get_context("fork").Process(
            target=_send_canned, args=(listener, page, pages, runs), daemon=True
        )
        server.start()
        speeds = [stream(port, request_bytes(port, "POST", "/"), mark).rows_per_second for _ in range(runs)]
        server.join()
    return statistics.median(speeds)


def _send_canned(listener: socket.socket, page: bytes, pages: int, runs: int) -> None:
    chunk = b"%x\r\n%s\r\n" % (len(page), page)
    for _ in range(runs):
        connection, _ = listener.accept()
        with connection:
            connection.recv(1 << 16)
            connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            for _ in range(pages):
                connection.sendall(chunk)
            connection.sendall(LAST_CHUNK[2:])
            connection.recv(1)
