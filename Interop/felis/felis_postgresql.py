"""A throwaway PostgreSQL server for the tests of science data models."""

import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import postgresql  # noqa: E402

needs_postgresql = pytest.mark.skipif(postgresql.programs() is None, reason="PostgreSQL is not installed")


class Database:
    """An empty database of the server."""

    def __init__(self, server):
        self.server = server
        self.name = server.database()
        self.url = f"{server.url}/{self.name}"
        self.option = f"--engine-url={self.url}"
        # For the real tool, whose SQL toolkit has to know the client library.
        self.upstream_option = self.option.replace("postgresql://", "postgresql+psycopg://")

    def sql(self, statement):
        return self.server.sql(statement, self.name)

    def script(self, text):
        done = subprocess.run(
            ["psql", "-X", "-q", "-At", "-v", "ON_ERROR_STOP=1", self.url], input=text, capture_output=True, text=True,
        )
        assert done.returncode == 0, done.stderr[-2000:] + text[-2000:]
        return done.stdout

    def definitions(self):
        """All definitions as pg_dump writes them."""
        text = subprocess.run(
            ["pg_dump", "-s", "-O", self.url], check=True, capture_output=True, text=True).stdout
        return [line for line in text.splitlines() if line and not line.startswith(("--", "SET", "\\"))]


def new_database():
    if postgresql.programs() is None:
        pytest.skip("PostgreSQL is not installed")
    return Database(postgresql.shared())
