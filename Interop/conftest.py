"""Repositories and servers that several modules of query tests use; each is made once, when the first test asks."""

import importlib.util
import itertools

import postgresql
import pytest

if postgresql.IS_CHOSEN:
    postgresql.put_repositories_there()


class Servers:
    """Servers by repository, started when first asked for, and again when they have ended."""

    def __init__(self, directory):
        self.directory = directory
        self.running = {}
        self.numbers = itertools.count()

    def of(self, repository):
        from query_service import Service

        known = self.running.get(repository)
        if known is None or known.process.poll() is not None:
            self.running[repository] = Service(repository, self.directory / f"server{next(self.numbers)}.log")
        return self.running[repository]


def pytest_configure(config):
    """Warnings of astropy's reader of VOTables cannot be handed from a worker to the one that reports."""
    if importlib.util.find_spec("astropy"):
        config.addinivalue_line("filterwarnings", "ignore::astropy.io.votable.exceptions.VOWarning")


@pytest.fixture(scope="session")
def servers(tmp_path_factory):
    servers = Servers(tmp_path_factory.mktemp("query-servers"))
    yield servers
    for service in servers.running.values():
        service.stop()


def made(tmp_path_factory, name):
    pytest.importorskip("lsst.daf.butler")
    pytest.importorskip("httpx2", reason="needs lsst-daf-butler[remote]")
    import query_repositories

    root = tmp_path_factory.mktemp("query-repositories") / name
    getattr(query_repositories, f"make_{name}")(root)
    return root


@pytest.fixture(scope="session")
def repository_a(tmp_path_factory):
    return made(tmp_path_factory, "repository_a")


@pytest.fixture(scope="session")
def repository_h(tmp_path_factory):
    return made(tmp_path_factory, "repository_h")


@pytest.fixture(scope="session")
def rich_repository(tmp_path_factory):
    return made(tmp_path_factory, "rich_repository")


@pytest.fixture(scope="session")
def rich_reference(rich_repository, tmp_path_factory):
    return made(tmp_path_factory, "rich_reference") if postgresql.IS_CHOSEN else rich_repository
