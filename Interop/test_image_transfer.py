"""The image transfer daemon: both protocols, real storage services, and what happens when it is killed."""

import hashlib
import json
import os
import pathlib
import random
import re
import socket
import subprocess
import threading
import time
import uuid

import pytest
from transfer_daemon import KEY, SECRET, Daemon, Store, start, store  # noqa: F401

pytestmark = pytest.mark.skipif("STEWARD_BIN" not in os.environ, reason="needs STEWARD_BIN")


@pytest.fixture
def image(tmp_path):
    path = tmp_path / "image.fits"
    path.write_bytes(random.Random(1).randbytes(100_001))
    return path


def stored(store, key):
    return (store.folder / "bucket" / key).read_bytes()


# MARK: The line protocol


def test_answers_to_lines_are_those_of_the_python_daemon(store, start, image, tmp_path):
    daemon = start()
    for key, line in [("k1", f"{image} al/bucket/k1\n"), ("k2", f"{image} al/bucket/k2\r\n"),
                      ("k/3", f"{image} /bucket/k/3\n")]:
        assert daemon.line(line.encode()) == "Success"
        assert stored(store, key) == image.read_bytes()
    two = "ValueError('too many values to unpack (expected 2)')"
    for line, answer in [
        (f"{image}  al/bucket/k\n", two), (f"{image} al/bucket/k\n{image} al/bucket/l\n", two),
        ("\n", "ValueError('not enough values to unpack (expected 2, got 1)')"),
        (f"{image} bucket\n", "ValueError('not enough values to unpack (expected 3, got 1)')"),
        (f"{tmp_path}/none al/bucket/k\n", "FileNotFoundError(2, 'No such file or directory')"),
        (f"{tmp_path} al/bucket/k\n", "IsADirectoryError(21, 'Is a directory')"),
    ]:
        assert daemon.line(line.encode()) == answer
    assert daemon.line(b"\xff\xfe al/bucket/k\n").startswith("UnicodeDecodeError(")
    assert daemon.line(f"{image} al/nobucket/k\n".encode()).startswith("RuntimeError(")
    text = daemon.log.read_text()
    moment = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}"
    assert re.search(rf"^INFO {moment} s3daemon - \d+\.\d{{6}} \d\.\d{{6}} sec - k1$", text, re.M)


def test_senders_that_vanish_stay_silent_or_talk_nonsense_harm_nobody(store, start, image):
    daemon = start()
    silent = [socket.create_connection(("127.0.0.1", daemon.port)) for _ in range(50)]
    for data in [b"", b"GE", b"POST /upl", b"x" * 1000, b"GET / HTTP/1.1\r\nHost", os.urandom(2000)]:
        with socket.create_connection(("127.0.0.1", daemon.port)) as s:
            s.sendall(data)
    # One that leaves without its answer: what was accepted is sent all the same.
    with socket.create_connection(("127.0.0.1", daemon.port)) as s:
        s.sendall(f"{image} al/bucket/left\n".encode())
    # One whose line comes in pieces, and that ends its side at once.
    with socket.create_connection(("127.0.0.1", daemon.port)) as s:
        for part in [str(image)[:5], str(image)[5:], " al/buc", "ket/pieces\n"]:
            s.sendall(part.encode())
            time.sleep(0.05)
        s.shutdown(socket.SHUT_WR)
        assert s.recv(100) == b"Success"
    assert daemon.line(b"x" * 70_000).startswith("ValueError")
    daemon.wait_until_empty()
    assert stored(store, "left") == image.read_bytes() == stored(store, "pieces")
    for s in silent:
        s.close()


def test_the_send_command(store, start, image, tmp_path):
    daemon = start()

    def send(*arguments):
        return subprocess.run([os.environ["STEWARD_BIN"], "send", *arguments, "--host", "127.0.0.1", "--port",
                               str(daemon.port)], capture_output=True, text=True)

    done = send(str(image), "al/bucket/sent")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert stored(store, "sent") == image.read_bytes()
    failed = send(str(tmp_path / "none"), "al/bucket/none")
    assert failed.returncode == 1 and "FileNotFoundError" in failed.stderr
    daemon.stop()
    gone = send(str(image), "al/bucket/sent")
    assert gone.returncode == 1 and "no daemon at" in gone.stderr


# MARK: The HTTP protocol


def test_uploads_over_http(store, start, image):
    daemon = start()
    status, headers, body = daemon.upload(file=str(image), uri="s3://bucket/some/k e+y%20z", slug="banana")
    task = json.loads(body)["task"]
    assert status == 200 and headers["content-type"] == "application/json"
    assert json.loads(body)["msg"] == "upload succeeded" and json.loads(body)["code"] == 200
    assert stored(store, "some/k e+y z") == image.read_bytes()
    assert list(task) == ["id", "uri", "file", "duration", "duration_seconds", "attempts", "size_bytes",
                          "upload_parts", "transfer_rate", "transfer_rate_mbits", "slug"]
    assert uuid.UUID(task["id"]).version == 4
    assert (task["attempts"], task["size_bytes"], task["upload_parts"], task["slug"]) == (1, 100_001, 1, "banana")
    assert re.fullmatch(r"\d+\.\d{3}Mbit/s", task["transfer_rate"])
    # Any method, but only fields of the body.
    assert daemon.upload(method="PUT", file=str(image), uri="s3://bucket/put")[0] == 200
    for fields, message in [
        ({}, "missing field: file"), ({"file": str(image)}, "missing field: uri"),
        ({"file": "rel", "uri": "s3://b/k"}, 'only absolute file paths are supported: "rel"'),
        ({"file": "/no/file", "uri": "s3://b/k"},
         "could not stat file /no/file: stat /no/file: no such file or directory"),
        ({"file": str(image), "uri": "http://b/x"}, 'only s3 scheme is supported: "http://b/x"'),
        ({"file": str(image), "uri": "s3:///x"}, 'unable to parse bucket from URI: "s3:///x"'),
        ({"file": str(image), "uri": "s3://bucket"}, 'unable to parse key from URI: "s3://bucket"'),
    ]:
        status, headers, body = daemon.upload(**fields)
        assert status == 400
        assert json.loads(body)["msg"] == headers["x-error"] == "error parsing request: " + message
    status, headers, body = daemon.upload(file=str(image), uri="s3://nobucket/k")
    assert status == 500 and "the bucket nobucket does not exist" in json.loads(body)["msg"]
    assert json.loads(daemon.get("/version")[1])["config"]["S3ND_ENDPOINT_URL"] == store.address
    assert 'uploads{endpoint_url="' in daemon.get("/metrics")[1]
    assert daemon.get("/nothing")[0] == 404


def test_large_files_go_in_parts(store, start, tmp_path):
    daemon = start(S3ND_UPLOAD_PARTSIZE="5Mi", S3ND_UPLOAD_MAX_PARALLEL="2")
    large = tmp_path / "large"
    large.write_bytes(random.Random(2).randbytes(23 << 20))
    status, _, body = daemon.upload(file=str(large), uri="s3://bucket/large")
    assert status == 200 and json.loads(body)["task"]["upload_parts"] == 5
    assert stored(store, "large") == large.read_bytes()


# MARK: Rules


def test_roots_full_spools_and_changing_files(store, start, image, tmp_path):
    inside = tmp_path / "inside"
    inside.mkdir()
    (inside / "a").write_bytes(b"a")
    (inside / "link").symlink_to(image)
    daemon = start(STEWARD_S3DAEMON_ROOTS=str(inside), STEWARD_S3DAEMON_SPOOL_LIMIT="3")
    assert daemon.line(f"{inside}/a al/bucket/a\n".encode()) == "Success"
    for path in [image, inside / "link", inside / ".." / "image.fits"]:
        assert daemon.line(f"{path} al/bucket/x\n".encode()).startswith("PermissionError(1")
    assert daemon.upload(file=str(image), uri="s3://bucket/x")[0] == 403
    store.stop()
    for number in range(3):
        assert daemon.upload(file=f"{inside}/a", uri=f"s3://bucket/{number}", wait="no")[0] == 202
    assert daemon.line(f"{inside}/a al/bucket/y\n".encode()).startswith("OSError(28")
    assert daemon.upload(file=f"{inside}/a", uri="s3://bucket/y")[0] == 503
    assert not (store.folder / "bucket/x").exists()


def test_files_that_grow_are_never_acknowledged_with_a_part_of_them(store, start, tmp_path):
    daemon = start(S3DAEMON_MAX_RETRIES="3")
    growing = tmp_path / "growing"
    growing.write_bytes(b"0" * 3_000_000)
    done = threading.Event()

    def grow():
        while not done.is_set():
            with growing.open("ab") as file:
                file.write(b"1" * 1000)
            time.sleep(0.001)

    thread = threading.Thread(target=grow)
    thread.start()
    answer = daemon.line(f"{growing} al/bucket/growing\n".encode())
    done.set()
    thread.join()
    assert answer != "Success"
    assert daemon.line(f"{growing} al/bucket/growing\n".encode()) == "Success"
    assert stored(store, "growing") == growing.read_bytes()


def test_further_destinations_and_folders_that_are_watched(store, start, tmp_path):
    (store.folder / "archive").mkdir()
    camera = tmp_path / "camera"
    (camera / "deep").mkdir(parents=True)
    config = tmp_path / "rules.yaml"
    config.write_text(f"""
priorities:
  - {{match: "*guider*", priority: urgent}}
destinations:
  - {{name: archive, bucket: archive, prefix: copies/, match: "*.fits", required: true}}
watch:
  - folder: {camera}
    match: '(?<day>\\d{{8}})_.*\\.fits'
    bucket: bucket
    key: "cam/{{day}}/{{file}}"
    settle: 0.3
    afterwards: delete
""")
    (camera / "20260101_old.fits").write_bytes(b"old")
    daemon = start(STEWARD_S3DAEMON_CONFIG=str(config))
    image = tmp_path / "x_guider.fits"
    image.write_bytes(b"guider")
    assert daemon.line(f"{image} al/bucket/x_guider.fits\n".encode()) == "Success"
    assert stored(store, "x_guider.fits") == (store.folder / "archive/copies/x_guider.fits").read_bytes() == b"guider"
    (camera / "deep/20260102_new.fits").write_bytes(b"new")
    (camera / "notes.txt").write_bytes(b"no image")
    end = time.monotonic() + 30
    while list(camera.rglob("*.fits")) and time.monotonic() < end:
        time.sleep(0.1)
    daemon.wait_until_empty()
    assert stored(store, "cam/20260101/20260101_old.fits") == b"old"
    assert stored(store, "cam/20260102/20260102_new.fits") == b"new"
    assert (store.folder / "archive/copies/cam/20260102/20260102_new.fits").exists()
    assert [path.name for path in camera.rglob("*") if path.is_file()] == ["notes.txt"]
    metrics = daemon.get("/metrics")[1]
    assert 'transfer_files_total{destination="archive",priority="urgent"} 1' in metrics


def test_the_rules_of_the_example_route_guider_stamps_and_shutter_profiles(store, start, tmp_path):
    example = (pathlib.Path(__file__).parents[1] / "deploy/s3daemon.example.yaml").read_text()
    for name in ("rubin-summit", "rubinobs-lfa-cp", "archive-raw"):
        (store.folder / name).mkdir()
    for name in ("guider", "shutter"):
        (tmp_path / name).mkdir()
    config = tmp_path / "rules.yaml"
    config.write_text(example.replace("/data/", f"{tmp_path}/"))
    obs = "MC_O_20250526_000095"
    guider, opened, closed = (f"{obs}_R00_SG0_guider.fits", f"{obs}_shutterMotionProfileOpen.json",
                              f"{obs}_shutterMotionProfileClose.json")
    daemon = start(STEWARD_S3DAEMON_CONFIG=str(config),
                   LSST_RESOURCES_S3_PROFILE_archive=store.address.replace("//", f"//{KEY}:{SECRET}@"))
    (tmp_path / "guider" / guider).write_bytes(b"stamps")
    (tmp_path / "guider" / "notes.fits").write_bytes(b"of no exposure")
    for name in (opened, closed):
        (tmp_path / "shutter" / name).write_text(name)
    folder, annex = f"LSSTCam/20250526/{obs}", "MTCamera/shutterMotionProfile/2025/05/26"
    places = (f"rubin-summit/{folder}", f"rubinobs-lfa-cp/{annex}")
    expected = {f"rubin-summit/{folder}/{guider}", f"archive-raw/{folder}/{guider}"} | {
        f"{place}/{name}" for place in places for name in (opened, closed)}

    def found():
        return {str(path.relative_to(store.folder)) for bucket in ("rubin-summit", "rubinobs-lfa-cp", "archive-raw")
                for path in (store.folder / bucket).rglob("*") if path.is_file()}

    end = time.monotonic() + 30
    while found() != expected and time.monotonic() < end:
        time.sleep(0.1)
    daemon.wait_until_empty()
    assert found() == expected
    assert (store.folder / f"archive-raw/{folder}/{guider}").read_bytes() == b"stamps"
    assert sorted(path.name for path in tmp_path.glob("guider/*")) == ["notes.fits"]
    assert len(list(tmp_path.glob("shutter/*"))) == 2


def test_a_link_with_the_name_of_the_newer_program_takes_its_options(store, image, tmp_path):
    link = tmp_path / "s3nd"
    link.symlink_to(os.environ["STEWARD_BIN"])
    done = subprocess.run([str(link), "-version"], capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout.strip()
    done = subprocess.run([str(link), "-endpoint-url", store.address, "-upload-partsize", "x"], capture_output=True,
                          text=True, env={"PATH": os.environ["PATH"], "HOME": str(tmp_path)})
    assert done.returncode == 1 and "S3ND_UPLOAD_PARTSIZE is invalid" in done.stderr + done.stdout


@pytest.mark.parametrize("text, message", [
    ("priorities: 3", "not a list"), ("what: []", "'what'"), ("priorities: [{match: x, priority: soon}]", "'soon'"),
    ("watch: [{folder: /x, bucket: b, match: '('}]", "rules.yaml"), ("destinations: [{name: main}]", "main"),
    ("a: [", "rules.yaml"),
])
def test_bad_rules_are_named(store, tmp_path, text, message):
    config = tmp_path / "rules.yaml"
    config.write_text(text)
    daemon = Daemon(store, tmp_path, STEWARD_S3DAEMON_CONFIG=str(config))
    done = daemon.attempt()
    assert done.returncode == 1 and message in done.stderr + done.stdout


def test_missing_and_bad_settings_are_named(store, tmp_path):
    for change, message in [({"S3_ENDPOINT_URL": ""}, "is required"),
                            ({"S3ND_UPLOAD_PARTSIZE": "x"}, "S3ND_UPLOAD_PARTSIZE is invalid"),
                            ({"S3ND_QUEUE_TIMEOUT": "5"}, "S3ND_QUEUE_TIMEOUT is invalid")]:
        daemon = Daemon(store, tmp_path, **change)
        done = daemon.attempt()
        assert done.returncode == 1 and message in done.stderr + done.stdout


def test_two_daemons_do_not_share_a_spool(store, start, tmp_path):
    start()
    second = Daemon(store, tmp_path)
    done = second.attempt()
    assert done.returncode == 1 and "in use by another daemon" in done.stderr + done.stdout


# MARK: The end of a process


def test_a_stop_in_order_finishes_what_is_being_sent(store, start, tmp_path):
    daemon = start()
    large = tmp_path / "large"
    large.write_bytes(random.Random(3).randbytes(60 << 20))
    answers = []
    thread = threading.Thread(target=lambda: answers.append(daemon.line(f"{large} al/bucket/large\n".encode())))
    thread.start()
    time.sleep(0.15)
    assert daemon.stop() == 0
    thread.join()
    if answers == ["Success"]:
        assert stored(store, "large") == large.read_bytes()
    else:
        assert answers[0].startswith("ConnectionAbortedError")


def test_what_was_accepted_outlives_the_process(store, start, image):
    daemon = start()
    store.process.send_signal(19)  # SIGSTOP: the store falls silent.
    assert daemon.upload(file=str(image), uri="s3://bucket/spooled", wait="no", slug="s l u g")[0] == 202
    daemon.kill()
    store.process.send_signal(18)
    daemon.start()
    daemon.wait_until_empty()
    assert stored(store, "spooled") == image.read_bytes()


def test_kills_under_load_lose_nothing_and_send_nothing_twice(tmp_path):
    """At least 200 kills; the store keeps every version of an object, so what is sent twice is seen."""
    kills = int(os.environ.get("STEWARD_KILLS", "200"))
    rng = random.Random(7)
    store = Store("moto", tmp_path / "store")
    client = store.versioned()
    daemon = Daemon(store, tmp_path, S3ND_UPLOAD_PARTSIZE="5Mi", S3DAEMON_MAX_RETRIES="3")
    files, digests = [], {}
    for number, size in enumerate([0, 1, 1000, 65_536, 65_536, 300_000, 1_500_000, 6_000_000]):
        path = tmp_path / f"file{number}"
        path.write_bytes(rng.randbytes(size))
        files.append(path)
        digests[path] = hashlib.md5(path.read_bytes()).hexdigest()
    asked, promised, lock, over = {}, set(), threading.Lock(), threading.Event()

    def load(worker):
        mine = random.Random(worker)
        number = 0
        while not over.is_set():
            number += 1
            # Large ones are rare, as the store is slow.
            path = mine.choices(files, [4, 4, 8, 8, 8, 4, 2, 0.3])[0]
            key = f"w{worker}/{number}"
            with lock:
                asked[key] = path
            try:
                if worker % 2:
                    good = daemon.line(f"{path} al/bucket/{key}\n".encode(), timeout=20) == "Success"
                else:
                    good = daemon.upload(timeout=20, file=str(path), uri=f"s3://bucket/{key}",
                                         wait=mine.choice(["yes", "no"]))[0] in (200, 202)
            except (OSError, Exception):  # The daemon is dead, or died: nothing was promised.
                good = False
                time.sleep(0.01)
            if good:
                with lock:
                    promised.add(key)

    daemon.start()
    workers = [threading.Thread(target=load, args=(number,)) for number in range(6)]
    for worker in workers:
        worker.start()
    for _ in range(kills):
        time.sleep(rng.uniform(0.01, 0.15))
        daemon.kill()
        daemon.start()
    over.set()
    for worker in workers:
        worker.join()
    daemon.wait_until_empty(300)
    versions = {}
    for page in client.get_paginator("list_object_versions").paginate(Bucket="bucket"):
        for version in page.get("Versions", []):
            versions.setdefault(version["Key"], []).append(version)
    unfinished = client.list_multipart_uploads(Bucket="bucket").get("Uploads", [])
    daemon.stop()
    try:
        lost = [key for key in promised if key not in versions]
        twice = [key for key, all in versions.items() if len(all) > 1]
        assert len(promised) >= kills, "there was no load"
        assert lost == [] and twice == [] and unfinished == []
        for key, all in versions.items():
            path = asked[key]
            assert all[0]["Size"] == path.stat().st_size
            if "-" not in all[0]["ETag"]:
                assert all[0]["ETag"].strip('"') == digests[path]
            else:
                content = client.get_object(Bucket="bucket", Key=key)["Body"].read()
                assert hashlib.md5(content).hexdigest() == digests[path]
        print(f"{kills} kills, {len(asked)} asked, {len(promised)} promised, {len(versions)} stored")
    finally:
        store.stop()
