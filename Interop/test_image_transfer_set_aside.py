"""The image transfer daemon and requests that cannot arrive: they leave the spool, and nothing is lost."""

import hashlib
import os
import random
import re
import subprocess
import threading
import time

import pytest
from test_image_transfer_safety import FakeHandler, FakeStore, rules, wait
from transfer_daemon import KEY, SECRET, Daemon, Store, start, store  # noqa: F401

pytestmark = pytest.mark.skipif("STEWARD_BIN" not in os.environ, reason="needs STEWARD_BIN")

SOON = {"STEWARD_S3DAEMON_SET_ASIDE_AFTER": "1s"}


def command(daemon, *arguments, status=0):
    """What `steward s3daemon` prints about the requests of a daemon's spool; it needs no other settings."""
    done = subprocess.run([os.environ["STEWARD_BIN"], "s3daemon", "--spool", daemon.environment[
        "STEWARD_S3DAEMON_SPOOL"], *arguments], env={"PATH": os.environ["PATH"], "HOME": "/nowhere"},
        capture_output=True, text=True, timeout=60)
    assert done.returncode == status, done.stderr
    return done.stdout + done.stderr


def listed(daemon):
    """Fields of the lines of the list."""
    return [line.split("\t") for line in command(daemon, "--list-set-aside").splitlines()]


def metric(daemon, name):
    return sum(float(line.rsplit(" ", 1)[1]) for line in daemon.get("/metrics")[1].splitlines()
               if re.match(name + r"[ {]", line))


def aside(daemon, count, seconds=60):
    wait(lambda: metric(daemon, "transfer_set_aside") == count and metric(daemon, "transfer_spooled") == 0, seconds)


def test_requests_that_cannot_arrive_make_room_and_come_back(store, start, tmp_path):
    image, folder, gone = tmp_path / "image", tmp_path / "folder", tmp_path / "gone"
    for path in (image, folder, gone):
        path.write_bytes(path.name.encode())
    daemon = start(STEWARD_S3DAEMON_SPOOL_LIMIT="5", **SOON)
    store.process.send_signal(19)
    for file, uri in [(image, "s3://nobucket/a"), (image, "s3://nobucket/b%0Ac"), (folder, "s3://bucket/folder"),
                      (gone, "s3://bucket/gone"), (image, "s3://bucket/" + "long" * 300)]:
        assert daemon.upload(file=str(file), uri=uri, wait="no")[0] == 202
    assert daemon.upload(file=str(image), uri="s3://bucket/refused", wait="no")[0] == 503
    daemon.kill()
    folder.unlink()
    folder.mkdir()
    gone.unlink()
    store.process.send_signal(18)
    daemon.start()
    aside(daemon, 5)
    assert daemon.upload(file=str(image), uri="s3://bucket/there-is-room", wait="no")[0] == 202
    log = daemon.log.read_text()
    assert len(re.findall(r"^ERROR [^\n]* s3daemon - set aside: ", log, re.M)) == 5
    assert f"set aside: {image} for a of 'main': " in log and "there is no bucket 'nobucket'" in log
    assert " for b c of 'main': " in log, "it stays within its line"
    assert metric(daemon, "transfer_set_aside_total") == 5 and metric(daemon, "transfer_lost_total") == 1
    reasons = {fields[4]: fields[5] for fields in listed(daemon)}
    assert "no file" in reasons["bucket/gone"] and "not a regular file" in reasons["bucket/folder"]
    assert "KeyTooLong" in reasons["bucket/" + "long" * 300]
    # They outlive the process, and are not tried again by themselves.
    daemon.kill()
    store.client().create_bucket(Bucket="nobucket")
    folder.rmdir()
    folder.write_bytes(b"folder")
    daemon.start()
    time.sleep(3)
    assert metric(daemon, "transfer_set_aside") == 5 and list((store.folder / "nobucket").iterdir()) == []
    [one] = [fields[1] for fields in listed(daemon) if fields[4] == "nobucket/a"]
    assert "1 request" in command(daemon, "--retry-set-aside", "--request", one)
    wait(lambda: (store.folder / "nobucket/a").exists())
    assert metric(daemon, "transfer_set_aside") == 4
    assert "4 requests" in command(daemon, "--retry-set-aside")
    wait(lambda: (store.folder / "nobucket/b\nc").exists() and (store.folder / "bucket/folder").exists())
    aside(daemon, 2)
    assert {fields[4] for fields in listed(daemon)} == {"bucket/gone", "bucket/" + "long" * 300}
    command(daemon, "--forget-set-aside")
    aside(daemon, 0)
    assert listed(daemon) == [] and "Nothing" in command(daemon, "--retry-set-aside")
    assert "No such requests" in command(daemon, "--forget-set-aside", "--request", one, status=1)


class MendedHandler(FakeHandler):
    """Denies everything, until its policy is mended."""

    is_open = False

    def do_HEAD(self):
        self.answer(404 if type(self).is_open else 403)

    def do_GET(self):
        self.answer(404)

    def do_PUT(self):
        body = self.content()
        if not type(self).is_open:
            return self.answer(403, b"<Error><Code>AccessDenied</Code></Error>")
        self.server.objects[self.path] = body
        self.answer(200, ETag=f'"{hashlib.md5(body).hexdigest()}"')


def test_what_a_policy_refuses_arrives_when_it_is_mended(start, tmp_path):
    MendedHandler.is_open = False
    fake = FakeStore(MendedHandler)
    image = tmp_path / "image"
    image.write_bytes(b"image")
    daemon = start(fake)
    assert daemon.upload(file=str(image), uri="s3://bucket/k", wait="no")[0] == 202
    wait(lambda: daemon.log.read_text().count("no permission") >= 6)
    assert metric(daemon, "transfer_set_aside") == 0, "a day has not passed"
    # After a restart the time goes on; that of this daemon is short.
    daemon.kill()
    daemon.environment |= SOON
    daemon.start()
    aside(daemon, 1)
    MendedHandler.is_open = True
    command(daemon, "--retry-set-aside")
    daemon.wait_until_empty()
    assert fake.objects == {"/bucket/k": b"image"}


def test_a_store_that_is_away_is_waited_for(store, start, tmp_path):
    image = tmp_path / "image"
    image.write_bytes(b"image")
    daemon = start(STEWARD_S3DAEMON_SET_ASIDE_AFTER="0s")
    store.stop()
    assert daemon.upload(file=str(image), uri="s3://bucket/k", wait="no")[0] == 202
    wait(lambda: metric(daemon, "transfer_failures_total") >= 6)
    assert metric(daemon, "transfer_set_aside") == 0 and metric(daemon, "transfer_spooled") == 1


def test_a_destination_that_is_not_configured_any_more(store, tmp_path):
    image = tmp_path / "image"
    image.write_bytes(b"image")
    text = "destinations:\n  - {name: archive, bucket: archive}\n"
    daemon = Daemon(store, tmp_path, **rules(tmp_path, text), **SOON).start()
    try:
        assert daemon.line(f"{image} al/bucket/k\n".encode()) == "Success"
        assert metric(daemon, "transfer_spooled") == 1
        daemon.kill()
        rules(tmp_path, "watch: []")
        daemon.start()
        aside(daemon, 1)
        assert "not configured" in listed(daemon)[0][5]
        command(daemon, "--retry-set-aside")
        wait(lambda: "stay set aside" in daemon.log.read_text())
        assert metric(daemon, "transfer_set_aside") == 1
        daemon.kill()
        store.client().create_bucket(Bucket="archive")
        rules(tmp_path, text)
        assert "The next one" in command(daemon, "--retry-set-aside")
        daemon.start()
        daemon.wait_until_empty()
        assert (store.folder / "archive/k").read_bytes() == b"image" and listed(daemon) == []
    finally:
        daemon.stop()


def test_a_watched_file_stays_as_long_as_a_destination_does_not_have_it(store, start, tmp_path):
    camera = tmp_path / "camera"
    camera.mkdir()
    (camera / "a.fits").write_bytes(b"image")
    daemon = start(**SOON, **rules(tmp_path, f"""
destinations:
  - {{name: archive, bucket: archive}}
watch:
  - {{folder: {camera}, bucket: bucket, key: "w/{{file}}", settle: 0.3, afterwards: delete}}
"""))
    aside(daemon, 1)
    assert (store.folder / "bucket/w/a.fits").exists() and (camera / "a.fits").exists()
    # A watch that begins anew does not take it once more.
    daemon.kill()
    daemon.start()
    time.sleep(3)
    assert metric(daemon, "transfer_set_aside") == 1 and metric(daemon, "transfer_spooled") == 0
    store.client().create_bucket(Bucket="archive")
    command(daemon, "--retry-set-aside")
    wait(lambda: not (camera / "a.fits").exists())
    assert (store.folder / "archive/w/a.fits").read_bytes() == b"image"


def test_a_file_of_which_a_destination_is_forgotten_stays(store, start, tmp_path):
    camera = tmp_path / "camera"
    camera.mkdir()
    (camera / "a.fits").write_bytes(b"image")
    daemon = start(**SOON, **rules(tmp_path, f"""
destinations:
  - {{name: archive, bucket: archive}}
  - {{name: copy, bucket: copy}}
watch:
  - {{folder: {camera}, bucket: bucket, key: "w/{{file}}", settle: 0.3, afterwards: delete}}
"""))
    aside(daemon, 2)
    # The copy comes last, once the archive is forgotten.
    order = threading.Thread(target=command, args=(daemon, "--retry-set-aside"))
    store.process.send_signal(19)
    order.start()
    order.join()
    wait(lambda: metric(daemon, "transfer_spooled") == 1 and metric(daemon, "transfer_set_aside") == 0)
    store.process.send_signal(18)
    # Both buckets are still missing: they are set aside again.
    aside(daemon, 2)
    daemon.kill()
    rules(tmp_path, f"""
destinations:
  - {{name: copy, bucket: copy}}
watch:
  - {{folder: {camera}, bucket: bucket, key: "w/{{file}}", settle: 0.3, afterwards: delete}}
""")
    daemon.start()
    # That of a destination that is not configured stays set aside; the other one waits for the store.
    store.client().create_bucket(Bucket="copy")
    store.process.send_signal(19)
    command(daemon, "--retry-set-aside")
    wait(lambda: metric(daemon, "transfer_spooled") == 1 and [fields[2] for fields in listed(daemon)] == ["archive"])
    command(daemon, "--forget-set-aside")
    wait(lambda: metric(daemon, "transfer_set_aside") == 0)
    store.process.send_signal(18)
    daemon.wait_until_empty()
    assert (store.folder / "copy/w/a.fits").read_bytes() == b"image"
    time.sleep(1)
    assert (camera / "a.fits").exists()


def test_what_is_brought_back_leaves_room_for_new_images(store, start, tmp_path):
    image = tmp_path / "image"
    image.write_bytes(b"image")
    daemon = start(STEWARD_S3DAEMON_SPOOL_LIMIT="10", **SOON)
    for number in range(10):
        assert daemon.upload(file=str(image), uri=f"s3://late/{number}", wait="no")[0] == 202
    aside(daemon, 10)
    store.client().create_bucket(Bucket="late")
    store.process.send_signal(19)
    assert "Some wait" in command(daemon, "--retry-set-aside")
    time.sleep(2.5)
    assert metric(daemon, "transfer_spooled") == 5 and metric(daemon, "transfer_set_aside") == 5
    for number in range(5):
        assert daemon.upload(file=str(image), uri=f"s3://bucket/{number}", wait="no")[0] == 202
    assert daemon.upload(file=str(image), uri="s3://bucket/more", wait="no")[0] == 503
    # The order outlives the daemon.
    daemon.kill()
    store.process.send_signal(18)
    daemon.start()
    wait(lambda: len(list((store.folder / "late").iterdir())) == 10)
    aside(daemon, 0)
    assert len(list((store.folder / "bucket").iterdir())) == 5
    assert sorted(path.name for path in (tmp_path / "spool").iterdir()) == ["journal", "lock", "set-aside"]


def test_a_spool_that_others_may_write_to_is_not_used(store, start, tmp_path):
    """A line of theirs would have files sent, and removed."""
    victim = tmp_path / "victim"
    victim.write_bytes(b"victim")
    spool = tmp_path / "spool"
    spool.mkdir()
    spool.chmod(0o777)
    (spool / "journal").write_text(f"A 01234567-89AB-4CDE-8F01-23456789ABCD normal 1.0 main delete {victim} bucket k = =\n")
    done = Daemon(store, tmp_path).attempt()
    assert done.returncode != 0 and "all users may write there" in done.stderr and "Traceback" not in done.stderr
    assert victim.exists() and list((store.folder / "bucket").iterdir()) == []
    spool.chmod(0o700)
    start()
    wait(lambda: not victim.exists())


def test_a_spool_that_others_may_replace_is_not_used(store, tmp_path):
    """By renaming it, as the folder above lets them."""
    above = tmp_path / "above"
    above.mkdir()
    above.chmod(0o777)
    daemon = Daemon(store, tmp_path, STEWARD_S3DAEMON_SPOOL=str(above / "spool"))
    done = daemon.attempt()
    assert done.returncode != 0 and f"all users may write to '{above}'" in done.stderr
    assert f"chmod o-w '{above}'" in done.stderr and done.stderr.count("\n") == 1 and list(above.iterdir()) == []
    above.chmod(0o1777)
    daemon.start()
    assert daemon.metric("transfer_spooled") == 0 and (above / "spool/journal").exists()
    assert daemon.stop() == 0


def test_what_commands_that_died_have_left_goes(start, tmp_path):
    spool = tmp_path / "spool"
    spool.mkdir(0o700)
    old, young = spool / "new-old", spool / "new-young"
    for path in (old, young):
        path.write_text("half an or")
    os.utime(old, (0, time.time() - 4000))
    start()
    wait(lambda: not old.exists())
    assert young.exists()


def test_kills_while_requests_are_set_aside_and_brought_back(tmp_path):
    """The store keeps every version, so what is sent twice is seen."""
    kills = int(os.environ.get("STEWARD_KILLS", "200")) // 20
    rng = random.Random(11)
    store = Store("moto", tmp_path / "store")
    client = store.client()
    daemon = Daemon(store, tmp_path, STEWARD_S3DAEMON_SET_ASIDE_AFTER="0s")
    images = []
    for number in range(30):
        images.append(tmp_path / f"image{number}")
        images[-1].write_bytes(rng.randbytes(1000))
    promised, over = {}, threading.Event()

    def load():
        number = 0
        while not over.is_set() and number < 1000:
            number += 1
            file = rng.choice(images)
            try:
                if daemon.upload(file=str(file), uri=f"s3://late/{number}", wait="no")[0] == 202:
                    promised[str(number)] = file
            except OSError:
                pass
            time.sleep(0.03)

    daemon.start()
    worker = threading.Thread(target=load)
    worker.start()
    try:
        # The spool is tried two seconds after a start, and set aside after five attempts.
        for _ in range(kills):
            time.sleep(rng.uniform(4, 6) if rng.random() < 0.4 else rng.uniform(0.01, 0.3))
            daemon.kill()
            daemon.start()
        over.set()
        worker.join()
        wait(lambda: metric(daemon, "transfer_spooled") == 0, 120)
        rows = listed(daemon)
        keys = [fields[4].removeprefix("late/") for fields in rows]
        assert len(set(keys)) == len(keys) and set(promised) <= set(keys) and len(promised) >= 100
        store.versioned("late")
        rest = [fields[1] for fields in rows]
        rng.shuffle(rest)
        while rest:
            some, rest = rest[:200], rest[200:]
            daemon.kill()  # The order is carried out as the next one starts, and by the one after it if that dies.
            command_line = [word for one in some for word in ("--request", one)]
            order = threading.Thread(target=command, args=(daemon, "--retry-set-aside", *command_line))
            order.start()
            for _ in range(3):
                daemon.start()
                time.sleep(rng.uniform(0.01, 0.2) if rng.random() < 0.7 else 2.2)
                daemon.kill()
            daemon.start()
            order.join()
        wait(lambda: metric(daemon, "transfer_set_aside") == 0, 60)
        daemon.wait_until_empty()
        versions = {}
        for page in client.get_paginator("list_object_versions").paginate(Bucket="late"):
            for version in page.get("Versions", []):
                versions.setdefault(version["Key"], []).append(version)
        assert set(versions) == set(keys) and all(len(all_of) == 1 for all_of in versions.values())
        for key, file in promised.items():
            assert client.get_object(Bucket="late", Key=key)["Body"].read() == file.read_bytes()
        print(f"{len(keys)} set aside and brought back")
    finally:
        over.set()
        daemon.stop()
        store.stop()
