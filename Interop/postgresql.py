"""A throwaway PostgreSQL server for tests, and repositories on it.

With STEWARD_TEST_DATABASE=postgresql, every repository that a test makes with `Butler.makeRepo` has its registry there,
in a database of its own, and a copied folder of such a repository gets a copy of its database; so tests written for
SQLite run on PostgreSQL as they are. STEWARD_TEST_POSTGRESQL may name a server, as postgresql://user@host:port.
"""

import atexit
import glob
import itertools
import os
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path

import yaml

IS_CHOSEN = os.environ.get("STEWARD_TEST_DATABASE") == "postgresql"


def programs() -> str | None:
    """The folder of the newest server's programs."""
    found = glob.glob("/usr/lib/postgresql/*/bin/initdb")
    newest = max(found, key=lambda path: int(path.split("/")[4]), default=None)
    return newest and os.path.dirname(newest)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Cluster:
    """A server on the loopback interface, which ends with this process."""

    def __init__(self, *options: str, authentication: str = "trust"):
        self.folder = Path(tempfile.mkdtemp(prefix="postgresql-"))
        self.folder.chmod(0o755)
        self.programs = programs()
        self.port = free_port()
        self.url = f"postgresql://postgres@127.0.0.1:{self.port}"
        self.names = (f"made{n}" for n in itertools.count(1))
        if os.geteuid() == 0:
            shutil.chown(self.folder, "postgres")
        secret = self.folder / "secret"
        secret.write_text("secret\n")
        secret.chmod(0o644)
        self.environment = {**os.environ, "PGPASSWORD": "secret"}
        self._run(
            "initdb", "-D", self.data, "-A", authentication, "-U", "postgres", "-E", "UTF8", "--locale=C", "--no-sync",
            f"--pwfile={secret}",
        )
        self.options = (
            f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={self.folder} -c fsync=off "
            + " ".join(options)
        )
        self.start()
        atexit.register(self.remove)
        for database in ("template1", "postgres"):
            self.sql("CREATE EXTENSION btree_gist", database)

    @property
    def data(self) -> str:
        return str(self.folder / "data")

    def _run(self, program, *arguments):
        command = [f"{self.programs}/{program}", *map(str, arguments)]
        if os.geteuid() == 0:
            command = ["runuser", "-u", "postgres", "--", *command]
        with open(self.folder / "log", "ab") as log:
            subprocess.run(command, check=True, stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd=self.folder)

    def start(self):
        self._run("pg_ctl", "-D", self.data, "-w", "-l", self.folder / "server.log", "-o", self.options, "start")

    def stop(self, mode="fast"):
        self._run("pg_ctl", "-D", self.data, "-w", "-m", mode, "stop")

    def replica(self) -> int:
        """Starts a server that follows this one; its port."""
        port, data = free_port(), self.folder / "replica"
        self._run("pg_basebackup", "-R", "-c", "fast", "-X", "stream", "-D", data, "-d", f"{self.url}/postgres")
        options = self.options.replace(f"-p {self.port}", f"-p {port}")
        self._run("pg_ctl", "-D", data, "-w", "-l", self.folder / "replica.log", "-o", options, "start")
        atexit.register(lambda: self.folder.exists() and self._run("pg_ctl", "-D", data, "-m", "immediate", "stop"))
        return port

    def remove(self):
        if not self.folder.exists():
            return
        try:
            self.stop("immediate")
        except subprocess.CalledProcessError:
            pass  # It has been stopped.
        shutil.rmtree(self.folder, ignore_errors=True)

    def sql(self, statement: str, database: str = "postgres") -> list[str]:
        """Runs a statement as the owner; the lines of its result, with | between columns."""
        done = subprocess.run(
            ["psql", "-X", "-q", "-At", "-v", "ON_ERROR_STOP=1", f"{self.url}/{database}", "-c", statement],
            check=True, capture_output=True, text=True, env=self.environment,
        )
        return done.stdout.splitlines()

    def database(self) -> str:
        """The name of a new, empty database."""
        name = next(self.names)
        self.sql(f"CREATE DATABASE {name}")
        return name

    def copy(self, name: str) -> str:
        """The name of a new database with the content of another."""
        new = next(self.names)
        try:
            self.sql(f"CREATE DATABASE {new} TEMPLATE {name}")
        except subprocess.CalledProcessError:
            # Somebody is connected to it.
            self.sql(f"CREATE DATABASE {new}")
            dump = subprocess.run(
                ["pg_dump", f"{self.url}/{name}"], check=True, capture_output=True, env=self.environment)
            subprocess.run(
                ["psql", "-X", "-q", f"{self.url}/{new}"], input=dump.stdout, check=True, capture_output=True,
                env=self.environment)
        return new

    def schema(self, name: str) -> str:
        """The definitions in a database, without comments."""
        text = subprocess.run(
            ["pg_dump", "-s", "-O", f"{self.url}/{name}"], check=True, capture_output=True, text=True,
            env=self.environment,
        ).stdout
        lines = [line for line in text.splitlines() if line and not line.startswith(("--", "SET", "\\", "COMMENT"))]
        return "\n".join(lines)


_shared = None


def shared() -> Cluster:
    global _shared
    if _shared is None:
        _shared = Cluster("-c max_connections=300")
    return _shared


def configuration(root) -> dict:
    path = Path(root)
    path = path / "butler.yaml" if path.is_dir() else path
    return yaml.safe_load(path.read_text()) if path.exists() else {}


def database_of(root) -> str | None:
    """The URL of a repository's database if it is on PostgreSQL."""
    url = configuration(root).get("registry", {}).get("db", "")
    return url if url.startswith("postgresql") else None


def put_repositories_there():
    """Lets all repositories that are made from now on have their registries on the server."""
    from lsst.daf.butler import Butler, Config

    make, copy_tree = Butler.makeRepo, shutil.copytree

    def make_repository(root, config=None, *arguments, **named):
        config = Config(config)
        if "registry" not in config or "db" not in config["registry"]:
            config["registry", "db"] = f"{shared().url}/{shared().database()}"
        return make(root, config, *arguments, **named)

    def copy_repository(source, target, *arguments, **named):
        result = copy_tree(source, target, *arguments, **named)
        for file in Path(target).rglob("butler.yaml"):
            if url := database_of(file):
                new = f"{shared().url}/{shared().copy(url.rsplit('/', 1)[1])}"
                file.write_text(file.read_text().replace(url, new))
        return result

    Butler.makeRepo = staticmethod(make_repository)
    shutil.copytree = copy_repository
