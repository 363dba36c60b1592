"""Where the repositories of the benchmarks have their registries: files of SQLite, or a PostgreSQL server made for
them.

The server is that of the tests (`Interop/postgresql.py`): on the loopback interface, gone at the end, without waiting
for the disk (`fsync=off`), which is the same for both sides.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, os.pardir, "Interop"))

NAMES = ("sqlite", "postgresql")


def are_available() -> list[str]:
    import postgresql

    return ["sqlite"] + (["postgresql"] if postgresql.programs() else [])


class Databases:
    """The databases of one kind. The server is started when one is first asked for."""

    def __init__(self, kind: str):
        self.kind, self.cluster = kind, None

    @property
    def is_server(self) -> bool:
        return self.kind == "postgresql"

    def url(self) -> str:
        """Of a new database."""
        if not self.is_server:
            return "sqlite:///<butlerRoot>/gen3.sqlite3"
        if self.cluster is None:
            import postgresql

            if postgresql.programs() is None:
                raise SystemExit("PostgreSQL's server is not installed; on Debian: apt-get install postgresql")
            self.cluster = postgresql.Cluster(
                "-c shared_buffers=512MB", "-c max_wal_size=4GB", "-c max_connections=100", "-c jit=off")
        return f"{self.cluster.url}/{self.cluster.database()}"

    def seed(self, folder: str, url: str, **registry) -> str:
        """A file with a configuration for a repository in a database, and more keys of its registry."""
        path = os.path.join(folder, "seed.yaml")
        with open(path, "w") as stream:
            json.dump({"registry": {"db": url, **registry}}, stream)
        return path

    def of(self, repository: str) -> str:
        """The name of a repository's database on the server."""
        import postgresql

        return postgresql.database_of(repository).rsplit("/", 1)[1]

    def settle(self, repository: str) -> None:
        """Statistics as autovacuum would make them a minute later."""
        if self.is_server:
            self.cluster.sql("VACUUM ANALYZE", self.of(repository))

    def copy(self, source: str, target: str) -> str:
        """A copy of a repository whose files are hard links, and whose database is its own."""
        shutil.rmtree(target, ignore_errors=True)
        subprocess.run(["cp", "-al", source, target], check=True)
        if self.is_server:
            name = self.of(source)
            configuration = os.path.join(target, "butler.yaml")
            with open(configuration) as stream:
                text = stream.read().replace(f"/{name}", f"/{self.cluster.copy(name)}")
            os.remove(configuration)
            with open(configuration, "w") as stream:
                stream.write(text)
            return target
        for name in os.listdir(source):
            if name.startswith("gen3.sqlite3"):
                os.remove(os.path.join(target, name))
                shutil.copy(os.path.join(source, name), target)
        return target

    def rows(self, repository: str, sql: str) -> list[tuple]:
        """What a query gives."""
        if self.is_server:
            import psycopg

            with psycopg.connect(f"{self.cluster.url}/{self.of(repository)}") as connection:
                return connection.execute(sql).fetchall()
        with sqlite3.connect(f"file:{repository}/gen3.sqlite3?mode=ro", uri=True) as connection:
            return connection.execute(sql).fetchall()

    def size(self, repository: str) -> int:
        """Bytes of the database on disk, without what the server logs."""
        if self.is_server:
            return int(self.cluster.sql(f"SELECT pg_database_size('{self.of(repository)}')")[0])
        return os.path.getsize(os.path.join(repository, "gen3.sqlite3"))

    def remove(self, repository: str) -> None:
        """Removes a repository and its database."""
        if self.is_server:
            self.cluster.sql(f"DROP DATABASE {self.of(repository)} WITH (FORCE)")
        shutil.rmtree(repository)

    def close(self) -> None:
        if self.cluster is not None:
            self.cluster.remove()
