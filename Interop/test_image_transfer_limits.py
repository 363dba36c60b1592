"""What one sender, destination, key or full disk may not do to the others of the image transfer daemon."""

import os
import resource
import signal
import socket
import subprocess
import threading
import time

import pytest
from transfer_daemon import KEY, SECRET, Daemon, free_port, start, store  # noqa: F401


@pytest.fixture
def image(tmp_path):
    path = tmp_path / "image"
    path.write_bytes(b"image")
    return path


@pytest.fixture
def small(tmp_path):
    """A volume that is soon full."""
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=128k", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("this user may not mount a small file system")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def send(daemon, image, key, **options):
    return daemon.line(f"{image} al/bucket/{key}\n".encode(), **options)


def test_a_destination_that_never_answers_keeps_nobody_waiting(store, start, image, tmp_path):  # noqa: F811
    with socket.create_server(("127.0.0.1", 0), backlog=500) as silent:
        (tmp_path / "rules.yaml").write_text(
            "destinations:\n  - {name: archive, bucket: archive, profile: silent, required: false}\n")
        address = f"http://{KEY}:{SECRET}@127.0.0.1:{silent.getsockname()[1]}"
        daemon = start(STEWARD_S3DAEMON_CONFIG=str(tmp_path / "rules.yaml"), LSST_RESOURCES_S3_PROFILE_silent=address,
                       S3DAEMON_MAX_CONNECTIONS="4", STEWARD_S3DAEMON_GRACE="0s")
        for number in range(12):
            assert send(daemon, image, f"k{number}", timeout=30) == "Success"
        assert daemon.metric("transfer_spooled") == 12


def test_a_key_that_stalls_keeps_no_other_waiting(store, start, image):  # noqa: F811
    daemon = start(S3DAEMON_MAX_CONNECTIONS="4", STEWARD_S3DAEMON_GRACE="0s")
    os.mkfifo(store.folder / "bucket" / "same")  # The service waits for a reader.
    for _ in range(12):
        assert daemon.upload(file=str(image), uri="s3://bucket/same", wait="no")[0] == 202
    assert send(daemon, image, "other", timeout=30) == "Success"


def test_a_disk_that_the_spool_has_filled_is_of_use_again(store, start, small, image):  # noqa: F811
    daemon = start(STEWARD_S3DAEMON_SPOOL=str(small / "spool"))
    assert {send(daemon, image, f"k{number}") for number in range(900)} == {"Success"}
    store.process.send_signal(signal.SIGSTOP)
    accepted = 0
    while daemon.upload(file=str(image), uri=f"s3://bucket/late{accepted}", wait="no")[0] == 202:
        accepted += 1
    assert accepted > 100
    # What is there is sent also by a process that begins on the full disk.
    daemon.kill()
    store.process.send_signal(signal.SIGCONT)
    daemon.start()
    daemon.wait_until_empty()
    assert len(list((store.folder / "bucket").glob("late*"))) == accepted
    assert send(daemon, image, "afterwards") == "Success"
    daemon.stop()
    daemon.start()
    assert daemon.metric("transfer_spooled") == 0


@pytest.mark.parametrize("by_daemon", [True, False])
def test_what_had_no_room_in_the_journal_is_not_sent_over_what_came_later(
        store, start, image, tmp_path, by_daemon):  # noqa: F811
    """Another destination is away, so that the request stays in the spool."""
    (store.folder / "archive").mkdir()
    (tmp_path / "rules.yaml").write_text(
        "destinations:\n  - {name: archive, bucket: archive, profile: away, required: false}\n")
    profile, keys = "LSST_RESOURCES_S3_PROFILE_away", f"{KEY}:{SECRET}@"
    daemon = start(STEWARD_S3DAEMON_CONFIG=str(tmp_path / "rules.yaml"),
                   **{profile: f"http://{keys}127.0.0.1:{free_port()}"})
    daemon.kill()
    daemon.start(restore_signals=False)
    journal = tmp_path / "spool/journal"
    assert send(daemon, image, "first") == "Success"
    acceptance, end = journal.read_bytes().splitlines(keepends=True)[-2:]
    assert acceptance.startswith(b"A ") and end.startswith(b"D ")
    # There is room for the request, and none for its end, nor for the journal to be written anew.
    (tmp_path / "spool/journal.new").mkdir()
    size = journal.stat().st_size
    daemon.limit_files(size + len(acceptance) + len(end) // 2)
    assert send(daemon, image, "later") == "Success"
    assert journal.read_bytes()[size:].splitlines()[0].startswith(b"A ")
    assert b"\nD " not in journal.read_bytes()[size:]
    daemon.limit_files(resource.RLIM_INFINITY)
    (tmp_path / "spool/journal.new").rmdir()
    if by_daemon:
        (tmp_path / "newer").write_bytes(b"newer")
        assert send(daemon, tmp_path / "newer", "later") == "Success"
    else:
        store.client().put_object(Bucket="bucket", Key="later", Body=b"newer")
    daemon.stop()
    daemon.environment[profile] = store.address.replace("://", f"://{keys}")
    daemon.start()
    daemon.wait_until_empty()
    assert (store.folder / "archive/later").exists()
    assert (store.folder / "bucket/later").read_bytes() == b"newer"


def test_connections_leave_room_for_files(store, start, image, tmp_path, monkeypatch):  # noqa: F811
    program = tmp_path / "few-files"
    program.write_text(f'#!/bin/sh\nulimit -n 100\nexec "{os.environ["STEWARD_BIN"]}" "$@"\n')
    program.chmod(0o755)
    monkeypatch.setenv("STEWARD_BIN", str(program))
    daemon = start(S3DAEMON_MAX_CONNECTIONS="4")
    assert "100 files and sockets open: no more than 24 connections" in daemon.log.read_text()
    # Before the first of them is answered all wait, most of them outside.
    store.process.send_signal(signal.SIGSTOP)
    connections = [socket.create_connection(("127.0.0.1", daemon.port), timeout=60) for _ in range(200)]
    for number, connection in enumerate(connections):
        connection.sendall(f"{image} al/bucket/many/{number}\n".encode())
    store.process.send_signal(signal.SIGCONT)
    for connection in connections:
        assert connection.recv(100) == b"Success"
        connection.close()


def test_requests_that_never_end_give_their_places_back(store, start, image):  # noqa: F811
    daemon = start(S3DAEMON_MAX_CLIENTS="4")
    ended = threading.Event()

    def drip(connection, beginning):
        connection.sendall(beginning)
        while not ended.wait(2):
            try:
                connection.sendall(b"x")
            except OSError:
                return

    beginnings = [b"/a", b"POST /upload HTTP/1.1\r\nHost: x\r\nX: ",
                  b"POST /upload HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nfile="]
    connections = [socket.create_connection(("127.0.0.1", daemon.port)) for _ in range(4)]
    threads = [threading.Thread(target=drip, args=pair) for pair in zip(connections, beginnings)]
    for thread in threads:
        thread.start()
    connections[3].sendall(beginnings[2])
    time.sleep(0.5)
    try:
        assert send(daemon, image, "k", timeout=90) == "Success"
    finally:
        ended.set()
        for thread in threads:
            thread.join()
        for connection in connections:
            connection.close()


def test_roots_are_told_apart_by_the_bytes_of_their_names(store, start, tmp_path):  # noqa: F811
    inside, outside = tmp_path / "caf\u00e9", tmp_path / "cafe\u0301"
    for folder in (inside, outside):
        folder.mkdir()
        for name in ("f", "\u0301g"):
            (folder / name).write_bytes(b"image")
    daemon = start(STEWARD_S3DAEMON_ROOTS=str(inside))
    assert [send(daemon, inside / name, "k") for name in ("f", "\u0301g")] == ["Success"] * 2
    for place in (outside / "f", inside / ".." / outside.name / "f"):
        assert send(daemon, place, "k").startswith("PermissionError")


def test_keys_that_are_no_text_and_ports_that_are_none(store, start, image, tmp_path):  # noqa: F811
    daemon = start()
    for key in ("%ff", "%zz", "a%c3"):
        status, _, body = daemon.upload(file=str(image), uri=f"s3://bucket/{key}")
        assert status == 400 and b"unable to parse URI" in body
    assert not list((store.folder / "bucket").iterdir())
    (tmp_path / "other").mkdir()
    done = Daemon(store, tmp_path / "other", S3DAEMON_PORT="70000").attempt()
    assert done.returncode == 1 and "S3DAEMON_PORT is invalid: '70000' is not a port" in done.stderr + done.stdout
