"""Sends files to one storage service: with `steward s3daemon`, the Python s3daemon, boto3, curl and the least of all
daemons, in one run.

    python transfers.py [--s3daemon s3daemon.py] [--quick] [--output FILE]

The service is `rclone serve s3`, which checks signatures and digests, on a file system in memory. Each sender gets the
same files. The clients of the daemons are those of line_sender.c, over the line protocol; bare_daemon.c shows the bound of
what daemons can reach. Needs boto3 and aiobotocore in this Python, rclone (from `STEWARD_STORAGE_TOOLS/bin` or the path),
curl and cc; STEWARD_BIN is the program.
"""

import argparse
import concurrent.futures
import functools
import json
import os
import pathlib
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time

KEYS = {"AWS_ACCESS_KEY_ID": "AKIDTEST", "AWS_SECRET_ACCESS_KEY": "SECRETTEST", "AWS_DEFAULT_REGION": "us-east-1"}
TICK = os.sysconf("SC_CLK_TCK")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def processor_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def peak_memory(pid):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1024
    return 0


class Service:
    def __init__(self, folder):
        self.folder = folder
        self.port = free_port()
        self.address = f"http://127.0.0.1:{self.port}"
        (folder / "bucket").mkdir(parents=True)
        tools = os.environ.get("STEWARD_STORAGE_TOOLS")
        rclone = f"{tools}/bin/rclone" if tools else shutil.which("rclone")
        self.process = subprocess.Popen(
            [rclone, "serve", "s3", "--addr", f"127.0.0.1:{self.port}", "--auth-key", "AKIDTEST,SECRETTEST",
             "--force-path-style", "--config", str(folder / "conf"), str(folder)], stderr=subprocess.DEVNULL)
        wait(self.port, b"GET / HTTP/1.0\r\n\r\n")

    def clear(self):
        shutil.rmtree(self.folder / "bucket")
        (self.folder / "bucket").mkdir()


def wait(port, greeting=b"\n"):
    for _ in range(600):
        try:
            # A connection without a request would make the Python daemon spin: a line that is none is sent.
            with socket.create_connection(("127.0.0.1", port), timeout=1) as s:
                s.sendall(greeting)
                s.recv(100)
            return
        except OSError:
            time.sleep(0.05)
    sys.exit(f"nothing answers on port {port}")


@functools.cache
def program(name):
    """A program in C: the clients of the daemons, which must not take from them the processors that they share, or the
    least of all daemons."""
    target = tempfile.mkdtemp(prefix="steward-bench-") + "/" + name
    source = pathlib.Path(__file__).with_name(name + ".c")
    subprocess.run(["cc", "-O2", "-pthread", "-o", target, str(source)], check=True)
    return target


class Daemon:
    def __init__(self, command, service, folder, targets=None):
        self.port = free_port()
        self.process = subprocess.Popen(
            [str(self.port) if word == "PORT" else word for word in command], stdin=targets, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            env=os.environ | KEYS | {
                "S3_ENDPOINT_URL": service.address, "S3DAEMON_PORT": str(self.port), "S3DAEMON_HOST": "127.0.0.1",
                "STEWARD_S3DAEMON_SPOOL": str(folder / "spool"), "S3DAEMON_LOG": str(folder / "log")})
        wait(self.port)

    def send(self, files, width):
        """Seconds in all, and those of each file."""
        lines = "".join(f"{file} al/bucket/k/{number}\n" for number, file in enumerate(files))
        done = subprocess.run([program("line_sender"), str(self.port), str(width)], input=lines, text=True, capture_output=True)
        if done.returncode != 0:
            sys.exit(done.stderr)
        seconds, *times = map(float, done.stdout.split())
        return seconds, times

    def stop(self):
        self.process.kill()
        self.process.wait()


def run(send, files, width):
    """Seconds in all, and those of each file."""
    start = time.perf_counter()
    with concurrent.futures.ThreadPoolExecutor(width) as pool:
        times = list(pool.map(lambda pair: send(pair[1], f"k/{pair[0]}"), enumerate(files)))
    return time.perf_counter() - start, times


def row(seconds, times, size, processor=None, memory=None):
    times = sorted(times)
    return {
        "files_per_second": len(times) / seconds, "p50_ms": statistics.median(times) * 1000,
        "p99_ms": times[min(len(times) - 1, int(len(times) * 0.99))] * 1000,
        "processor_seconds_per_gigabyte": processor and processor / (len(times) * size / 1e9),
        "peak_memory_mb": memory}


def with_daemon(command, service, folder, files, size, width, targets=None):
    folder.mkdir(exist_ok=True)
    daemon = Daemon(command, service, folder, targets)
    try:
        daemon.send(files[:2 * width], width)
        before = processor_seconds(daemon.process.pid)
        seconds, times = daemon.send(files, width)
        used = processor_seconds(daemon.process.pid) - before
        return row(seconds, times, size, used, peak_memory(daemon.process.pid))
    finally:
        daemon.stop()


def with_boto(service, files, size, width):
    import boto3
    from botocore.config import Config

    client = boto3.client("s3", endpoint_url=service.address, config=Config(max_pool_connections=width))

    def send(file, key):
        start = time.perf_counter()
        with open(file, "rb") as body:
            client.put_object(Bucket="bucket", Key=key, Body=body)
        return time.perf_counter() - start

    run(send, files[:2 * width], width)
    before = time.process_time()
    seconds, times = run(send, files, width)
    return row(seconds, times, size, time.process_time() - before)


def signed_addresses(service, count):
    """Presigned PUTs of the keys that the clients of the daemons use."""
    import boto3
    from botocore.config import Config

    client = boto3.client("s3", endpoint_url=service.address, config=Config(
        signature_version="s3v4", s3={"addressing_style": "path"}))
    return [client.generate_presigned_url("put_object", Params={"Bucket": "bucket", "Key": f"k/{index}"})
            for index in range(count)]


def with_bare_daemon(service, files, size, width, folder):
    """The least that a daemon can do, which bounds what the others can reach with this service."""
    targets = folder / "targets"
    targets.write_text("".join(
        url.removeprefix(service.address) + "\n" for url in signed_addresses(service, len(files))))
    with targets.open() as file:
        return with_daemon([program("bare_daemon"), "PORT", str(service.port), str(width)], service, folder / "bare",
                           files, size, width, file)


def with_curl(service, files, size, width, folder):
    """Presigned PUTs; each of `width` processes keeps its connection."""
    urls = signed_addresses(service, len(files))
    commands = []
    for number in range(width):
        lines = []
        for index in range(number, len(files), width):
            lines += [f'url = "{urls[index]}"', f'upload-file = "{files[index]}"', 'output = "/dev/null"',
                      r'write-out = "%{http_code} %{time_total}\n"', "silent", 'header = "Expect:"', "next"]
        config = folder / f"curl{number}"
        config.write_text("\n".join(lines[:-1]) + "\n")
        commands.append(["curl", "-K", str(config)])
    start = time.perf_counter()
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for command in commands]
    times = []
    for process in processes:
        for line in process.communicate()[0].splitlines():
            code, seconds = line.split()
            assert code == "200", code
            times.append(float(seconds))
    return row(time.perf_counter() - start, times, size)


def in_flight(service, folder, size, count):
    """Memory of the daemon while it is asked for many files at once."""
    folder.mkdir(exist_ok=True)
    file = folder / "image"
    file.write_bytes(os.urandom(size))
    daemon = Daemon([os.environ["STEWARD_BIN"], "s3daemon"], service, folder)
    try:
        sockets = [socket.create_connection(("127.0.0.1", daemon.port)) for _ in range(count)]
        for number, s in enumerate(sockets):
            s.sendall(f"{file} al/bucket/many/{number}\n".encode())
        assert all(s.recv(100) == b"Success" for s in sockets)
        return peak_memory(daemon.process.pid)
    finally:
        daemon.stop()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--s3daemon", default=os.environ.get("STEWARD_S3DAEMON"), help="the Python daemon's file")
    parser.add_argument("--quick", action="store_true", help="a tenth of the files")
    parser.add_argument("--output", help="a JSON file for the results")
    arguments = parser.parse_args()
    os.environ.update(KEYS)
    part = 10 if arguments.quick else 1
    results = {}
    base = "/dev/shm" if os.path.isdir("/dev/shm") else None
    with tempfile.TemporaryDirectory(dir=base) as scratch:
        scratch = pathlib.Path(scratch)
        service = Service(scratch / "store")
        try:
            for name, size, count in [("64 KiB", 65_536, 2000 // part), ("8 MiB", 8 << 20, 200 // part)]:
                # A tenth of the files with other bytes each, so that they fit into memory.
                distinct = []
                for number in range(max(10, count // 10)):
                    distinct.append(scratch / f"file{size}-{number}")
                    distinct[-1].write_bytes(os.urandom(size))
                files = [distinct[number % len(distinct)] for number in range(count)]
                for width in (1, 8, 25):
                    senders = {
                        "steward s3daemon": lambda: with_daemon([os.environ["STEWARD_BIN"], "s3daemon"], service,
                                                                scratch / "steward", files, size, width),
                        "bare daemon": lambda: with_bare_daemon(service, files, size, width, scratch),
                        "curl": lambda: with_curl(service, files, size, width, scratch),
                        "boto3": lambda: with_boto(service, files, size, width)}
                    if arguments.s3daemon:
                        senders["s3daemon (Python)"] = lambda: with_daemon(
                            [sys.executable, arguments.s3daemon], service, scratch / "python", files, size, width)
                    for sender, measure in senders.items():
                        service.clear()
                        found = results[f"{name}, {width} at a time: {sender}"] = measure()
                        print(f"{name:7} {width:3} {sender:20} " + "  ".join(
                            f"{key} {value:.1f}" for key, value in found.items() if value is not None), flush=True)
                for file in distinct:
                    file.unlink()
            service.clear()
            memory = in_flight(service, scratch / "many", 1 << 20, 1000 // part)
            results["memory with 1000 files in flight"] = memory
            print(f"peak memory with {1000 // part} files of 1 MiB in flight: {memory:.0f} MB")
        finally:
            service.process.kill()
    if arguments.output:
        pathlib.Path(arguments.output).write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
