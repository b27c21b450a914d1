"""Fixtures of the stores: the embedded ones, or those of MONGODB_URI and REDIS_URL if set.

Each test has a database of its own, which may have been another test's before (`support/kept_databases.py`).
"""

import logging
import os
import secrets
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pymongo import MongoClient, monitoring
from pymongo.database import Database
from pymongo.errors import PyMongoError
from redis import Redis

from server.running.stores import EmbeddedMongoDB, EmbeddedRedis
from support.databases import database_of, primary_of, with_database
from support.kept_databases import KeptDatabases
from support.wire.faulty import FaultyWire
from support.wire.strict import Strict

ANSWER_MS = 10_000


TESTS_A_STORE = 250


log = logging.getLogger(__name__)


class _Unsynced(EmbeddedMongoDB):
    """The embedded MongoDB, which here need not keep what it acknowledged when it is killed."""

    def command(self) -> list[str]:
        """Return the command line without the flag that syncs at each commit: that takes CPU time."""
        return [word for word in super().command() if word != "--sync-on-commit"]


class TestedStore:
    """The SecantusDB of this run. All commands are checked, since it accepts much that MongoDB refuses."""

    def __init__(self, directory: Path) -> None:
        self.strict = Strict()
        monitoring.register(self.strict)  # for all clients from now on
        self._store = _Unsynced(directory)
        self._store.start()
        self.client = MongoClient[dict[str, Any]](self._store.uri, timeoutMS=ANSWER_MS)
        self.kept: KeptDatabases | None = None
        self.tests = 0

    @property
    def uri(self) -> str:
        """The store's URI. Clients seldom ask for the store's state: it does not change during a test."""
        return f"{self._store.uri}&serverMonitoringMode=poll"

    def objections(self) -> list[str]:
        """Return what was objected to. After an objection, keep no database: any of them may be changed."""
        objected = self.strict.take()
        if objected and self.kept:
            self.kept.clear()
        return objected

    def begin_test(self) -> None:
        """Start the store again if it lives but does not answer, as the supervisor does."""
        self.tests += 1
        try:
            self.client.wabao.tasks.find_one()
        except PyMongoError as error:
            log.warning("SecantusDB is started again: %s", error)
            self._start_again()

    def begin_file(self) -> None:
        """Start with an empty store from time to time.

        Three times, SecantusDB let all commands wait forever in its cache after 400 to 600 tests.
        """
        if self.tests >= TESTS_A_STORE:
            self._start_again(emptied=True)
            self.tests = 0

    def _start_again(self, *, emptied: bool = False) -> None:
        self._store.kill()
        if emptied:
            shutil.rmtree(self._store.directory / "mongodb")
        self._store.start()
        if self.kept:
            self.kept.clear()

    def end(self) -> None:
        """End the store; no data has to be kept."""
        self.client.close()
        self._store.kill()


tested: list[TestedStore] = []


@pytest.fixture(scope="session")
def tested_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestedStore | None]:
    """The embedded MongoDB of the whole run; None if MONGODB_URI names another."""
    if "MONGODB_URI" in os.environ:
        yield None
        return
    store = TestedStore(tmp_path_factory.mktemp("mongodb"))
    tested.append(store)
    yield store
    tested.remove(store)
    store.end()


@pytest.fixture(scope="module")
def mongodb_uri(tested_store: TestedStore | None) -> str:
    """The URI of a MongoDB for the tests of a file."""
    if tested_store is None:
        return os.environ["MONGODB_URI"]
    tested_store.begin_file()
    return tested_store.uri


def pytest_runtest_setup(item: pytest.Function) -> None:
    """Make sure that the store answers, so that no test waits for it in vain."""
    if "mongodb_uri" in item.fixturenames:
        for store in tested:
            store.begin_test()


def _refuse_what_mongodb_would() -> None:
    """Fail a test that sends a command which is not in the reviewed list (`support/wire/manual.py`)."""
    objected = [objection for store in tested for objection in store.objections()]
    if objected:
        said = "\n".join(objected)
        pytest.fail(f"MongoDB was sent what is not in the reviewed list:\n{said}", pytrace=False)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call() -> Any:
    """Check for objections inside the call, so that the test itself fails."""
    result = yield
    _refuse_what_mongodb_would()
    return result


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown() -> Any:
    """Count the commands that a test's fixtures send at their end as commands of that test."""
    result = yield
    _refuse_what_mongodb_would()
    return result


@pytest.fixture(scope="session")
def tested_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The Redis of the whole run."""
    given = os.environ.get("REDIS_URL")
    if given:
        yield given
        return
    store = EmbeddedRedis(tmp_path_factory.mktemp("redis"))
    store.start()
    yield store.uri
    store.kill()  # no data has to be kept


@pytest.fixture(scope="session")
def redis_url(tested_redis: str) -> str:
    """A Redis for the tests; the tests of Redis itself have a Redis of their own."""
    return tested_redis


@pytest.fixture(scope="session")
def kept_databases(tested_store: TestedStore | None, tested_redis: str) -> Iterator[KeptDatabases | None]:
    """The databases that tests hand on; None for a named MongoDB.

    The database of a test that starts a process is not handed on: the process may still write to it.
    """
    if tested_store is None:
        yield None
        return
    start = subprocess.Popen.__init__
    with Redis.from_url(tested_redis) as redis, pytest.MonkeyPatch.context() as patched:
        kept = tested_store.kept = KeptDatabases(tested_store.client, tested_store.strict, redis)

        def starting(*arguments: Any, **options: Any) -> None:
            kept.keep_lent()
            start(*arguments, **options)

        patched.setattr(subprocess.Popen, "__init__", starting)
        yield kept


@pytest.fixture
def own_uri(mongodb_uri: str) -> Iterator[str]:
    """The URI of a database of the test's own, which is not there yet, and is dropped after the test."""
    uri = with_database(mongodb_uri, f"test_{secrets.token_hex(6)}")
    yield uri
    with MongoClient[dict[str, Any]](uri) as client:
        client.drop_database(database_of(uri))


@pytest.fixture
def own_database(own_uri: str) -> Iterator[Database[dict[str, Any]]]:
    """The database at `own_uri`."""
    with MongoClient[dict[str, Any]](own_uri) as client:
        yield client.get_default_database()


@pytest.fixture
def wire(mongodb_uri: str) -> Iterator[FaultyWire]:
    """A faulty wire in front of the MongoDB of this run."""
    started = FaultyWire(*primary_of(mongodb_uri))
    started.start()
    yield started
    started.release()
    started.end()
