"""Fixtures of all tests: real stores, and a real server in this loop.

The stores are the embedded ones, or those of MONGODB_URI and REDIS_URL if set. Each test has a database of
its own, which may have been another test's before (`support/kept_databases.py`).
"""

from __future__ import annotations

import asyncio
import functools
import inspect
import io
import logging
import os
import secrets
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import httpx._transports.default as httpx_default
import hypothesis
import msgspec
import pytest
import redis.utils
from pymongo import MongoClient
from pymongo.errors import PyMongoError
from redis import Redis
from tornado.httpclient import HTTPRequest
from tornado.httpserver import HTTPServer
from tornado.testing import bind_unused_port
from tornado.web import Application
from tornado.websocket import websocket_connect

pytest.register_assert_rewrite("support")  # so that a failed assertion there shows its values

from devtools.sandbox import Sandbox
from devtools.sandbox.store import merchant as sandbox_merchant
from devtools.sandbox.store.keys import SandboxKeyPairs
from devtools.sandbox.store.merchant import make_key_pairs
from server.actions.people import erase
from server.app import make_app
from server.cash.pay import client as pay_client
from server.context import Context
from server.pictures import process as pictures
from server.running.stores import EmbeddedMongoDB, EmbeddedRedis
from server.settings import Settings, read_settings
from server.store import Store
from server.telemetry.logs import OneLine
from support.client import Client, Someone
from support.databases import database_of, primary_of, with_database
from support.kept_databases import KeptDatabases, prepare_for_tests
from support.limits import NO_LIMITS
from support.merchant import Shop, a_shop
from support.open_pages import Page
from support.operators import operator
from support.payout_limits import NO_PAYOUT_LIMITS
from support.trips import Trips
from support.wire.faulty import FaultyWire
from support.wire.strict_process import StrictWire

ANSWER_MS = 10_000
TESTS_A_STORE = 250

log = logging.getLogger(__name__)

# A bare `pytest`, which takes four minutes on two cores, leaves out the tests whose ids begin like this. They
# need browsers, whole servers or crowds, or test failovers, crashes at each step or random sequences. `pytest
# -m slow` runs them. If you name a file or a test, it runs too.
SLOW = (
    "actions/test_erasure.py::test_killed_",
    "actions/test_kills.py",
    "actions/test_rotation.py",
    "crowd/",
    "game/test_model.py",
    "game/test_model_guards.py",
    "handlers/test_growing_reads.py",
    "memory/test_fair_start.py",
    "money/test_freezes.py",
    "money/test_money_sequences.py",
    "operation/test_audit.py::test_the_command_prints",
    "operation/test_operator_sessions.py",
    "operation/test_ops.py",
    "pages/",
    "pictures/test_uploads.py::test_forty_stalled_uploads",
    "realtime/test_frozen_store.py",
    "realtime/test_hub_schedules.py",
    "realtime/test_outages.py",
    "realtime/test_push_faults.py::test_a_client_that_does_not_read",
    "running/",
    "store/test_denials.py::test_a_denial_ends_a_server",
    "store/test_failovers.py",
    "store/test_hung_store.py",
    "store/test_schema.py::test_data_that_a_server",
    "store/test_strict_wire.py::test_a_command_that_mongodb_refuses",
    "test_check.py::test_release_checks_first",
    "test_regular_expressions.py",
    "test_settings.py::test_a_store_address_that_cannot_be_read_ends",
)
# The folders whose files take longest.
LONGEST = {"actions", "crowd", "money", "operation", "pages", "running"}
HERE = Path(__file__).parent
MEMORY = Path("/dev/shm")  # noqa: S108
MEMORY_BYTES = 2 << 30  # a container's /dev/shm may have only 64 MB


# A busy machine must not fail a test.
hypothesis.settings.register_profile("wabao", deadline=None)
hypothesis.settings.load_profile("wabao")


def pytest_configure(config: pytest.Config) -> None:
    """Leave out the slow tests, unless the command line says which tests are wanted.

    Keep temporary files in memory: each test makes a database of its own, which is slow on a disk.
    """
    if not _says_which(config):
        config.option.markexpr = "not slow"
    if MEMORY.is_dir() and shutil.disk_usage(MEMORY).free >= MEMORY_BYTES:
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(MEMORY))


def pytest_xdist_auto_num_workers() -> int:
    """Return one more than the number of cores: sometimes a test waits for a timeout or a process."""
    return len(os.sched_getaffinity(0)) + 1


def _says_which(config: pytest.Config) -> bool:
    """Return whether the command line says which tests are wanted: by mark, words, last failures or place."""
    options = ("markexpr", "keyword", "lf", "failedfirst")  # the last two are from a plugin, which may be off
    asked = any(config.getoption(option, default=False) for option in options)
    return asked or config.args_source is pytest.Config.ArgsSource.ARGS


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Do not import a file that has no wanted test; otherwise each process of a run would import it."""
    name = collection_path.relative_to(HERE).as_posix()
    if config.option.markexpr == "not slow" and name.startswith(SLOW):
        return True
    if config.option.markexpr == "slow" and collection_path.is_file():
        return None if any(each.startswith(name) or name.startswith(each) for each in SLOW) else True
    return None


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark the coroutines (for pytest-tornado) and the slow tests.

    Begin with the longest files, so that no process ends minutes after the others.
    """
    for item in items:
        if inspect.iscoroutinefunction(getattr(item, "function", None)):
            item.add_marker(pytest.mark.gen_test)
        if item.nodeid.removeprefix("tests/").startswith(SLOW):
            item.add_marker(pytest.mark.slow)
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: LONGEST.isdisjoint(item.nodeid.split("/")))


@pytest.fixture(scope="session", autouse=True)
def _current_loop() -> Iterator[None]:
    """Set a current loop. Without it, Tornado would make a loop that nobody closes."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    yield
    loop.close()


class TestedStore:
    """The SecantusDB of this run, behind a strict wire because it accepts much that MongoDB refuses."""

    def __init__(self, directory: Path) -> None:
        self._store = EmbeddedMongoDB(directory)
        self._store.start()
        self.wire = StrictWire(self._store.port, directory)
        self.client = MongoClient[dict[str, Any]](self._store.uri, timeoutMS=ANSWER_MS)
        self.kept: KeptDatabases | None = None
        self.tests = 0

    @property
    def straight(self) -> str:
        """The URI of the store itself, past the wire."""
        return self._store.uri

    @property
    def uri(self) -> str:
        """The URI of the wire. Clients seldom ask for the store's state: it does not change during a test."""
        uri = self._store.uri.replace(f":{self._store.port}/", f":{self.wire.port}/")
        return f"{uri}&serverMonitoringMode=poll"

    def objections(self) -> list[str]:
        """Return the wire's objections. After an objection, keep no database: any of them may be changed."""
        objected = self.wire.take()
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
        """End wire and store; no data has to be kept."""
        self.client.close()
        self.wire.end()
        self._store.kill()


_tested: list[TestedStore] = []
_made_pictures: dict[Any, Any] = {}


@pytest.fixture(scope="session")
def tested_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestedStore | None]:
    """The embedded MongoDB of the whole run; None if MONGODB_URI names another."""
    if "MONGODB_URI" in os.environ:
        yield None
        return
    store = TestedStore(tmp_path_factory.mktemp("mongodb"))
    _tested.append(store)
    yield store
    _tested.remove(store)
    store.end()


@pytest.fixture(scope="module")
def mongodb_uri(tested_store: TestedStore | None) -> str:
    """The URI of a MongoDB for the tests of a file."""
    if tested_store is None:
        return os.environ["MONGODB_URI"]
    tested_store.begin_file()
    return tested_store.uri


def pytest_runtest_setup() -> None:
    """Make sure that the store answers, so that no test waits for it in vain."""
    for store in _tested:
        store.begin_test()


def _refuse_what_mongodb_would(test: pytest.Item) -> None:
    """Fail a test that sends a command which is not in the reviewed list (`support/wire/manual.py`)."""
    objected = [objection for store in _tested for objection in store.objections()]
    if objected and test.get_closest_marker("refused_by_mongodb") is None:
        said = "\n".join(objected)
        pytest.fail(f"MongoDB was sent what is not in the reviewed list:\n{said}", pytrace=False)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Any:
    """Check for objections inside the call, so that the test itself fails."""
    result = yield
    _refuse_what_mongodb_would(item)
    return result


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item) -> Any:
    """Count the commands that a test's fixtures send at their end as commands of that test."""
    result = yield
    _refuse_what_mongodb_would(item)
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
    """The databases that tests hand on; None without the wire, which reports their changes.

    The database of a test that starts a process is not handed on: the process may still write to it.
    """
    if tested_store is None:
        yield None
        return
    start = subprocess.Popen.__init__
    with Redis.from_url(tested_redis) as redis, pytest.MonkeyPatch.context() as patched:
        kept = tested_store.kept = KeptDatabases(tested_store.client, tested_store.wire, redis)

        def starting(*arguments: Any, **options: Any) -> None:
            kept.keep_lent()
            start(*arguments, **options)

        patched.setattr(subprocess.Popen, "__init__", starting)
        yield kept


@pytest.fixture
def _unused_port() -> Iterator[tuple[Any, int]]:
    """Replace pytest-tornado's fixture, which leaves the socket open if a test starts no server."""
    sock, port = bind_unused_port()
    yield sock, port
    sock.close()


@pytest.fixture
def environment(request: pytest.FixtureRequest) -> dict[str, str]:
    """Further settings: the ENVIRONMENT of a test's class or module, which may override this fixture."""
    of_module = getattr(request.module, "ENVIRONMENT", {})
    found: dict[str, str] = getattr(request.cls, "ENVIRONMENT", of_module)
    return found


@pytest.fixture
def settings(
    request: pytest.FixtureRequest,
    mongodb_uri: str,
    redis_url: str,
    environment: dict[str, str],
    tmp_path: Any,
    _unused_port: tuple[Any, int],
    kept_databases: KeptDatabases | None,
) -> Settings:
    """Settings with the test's own database: a new database or, for `context`, perhaps an emptied one."""
    values = {
        "MONGODB_URI": with_database(mongodb_uri, f"test_{secrets.token_hex(6)}"),
        "REDIS_URL": redis_url,
        "DATA_DIR": str(tmp_path / "data"),
        "PORT": str(_unused_port[1]),
        "SECRET_KEY": "a secret that only the tests know, 32+",
        "FAIR_START_MS": "0",  # only tests about the random order wait for it
        **NO_PAYOUT_LIMITS,
    }
    found = read_settings(values | NO_LIMITS | environment)
    if kept_databases and mongodb_uri == _tested[0].uri and "context" in request.fixturenames:
        name = kept_databases.lend(database_of(found.mongodb_uri), sandboxed=found.sandboxed)
        return msgspec.structs.replace(found, mongodb_uri=with_database(mongodb_uri, name))
    return found


@pytest.fixture
def wire(mongodb_uri: str) -> Iterator[FaultyWire]:
    """A faulty wire in front of the MongoDB of this run."""
    started = FaultyWire(*primary_of(mongodb_uri))
    started.start()
    yield started
    started.release()
    started.end()


@pytest.fixture(scope="session")
def key_pairs() -> SandboxKeyPairs:
    """The sandbox's keys, made once: making them takes longer than most tests."""
    return make_key_pairs()


@pytest.fixture(scope="session", autouse=True)
def _read_once() -> Iterator[None]:
    """Read slow values once. For the merchant and for the sandbox, the check of a key's primes takes 80 ms.

    Each client of httpx reads all certificate authorities in 14 ms; each connection to Redis reads the
    version of its library in 0.6 ms.
    """
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(pay_client, "load_private_key", functools.cache(pay_client.load_private_key))
        patched.setattr(sandbox_merchant, "_certificate", functools.cache(sandbox_merchant._certificate))
        patched.setattr(httpx_default, "create_ssl_context", functools.cache(httpx.create_ssl_context))
        patched.setattr(redis.utils, "get_lib_version", functools.cache(redis.utils.get_lib_version))
        yield


@pytest.fixture(scope="session", autouse=True)
def _erased_at_once() -> Iterator[None]:
    """Skip the waits of an erasure: in these tests a person has no request under way."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(erase, "UNDER_WAY_SECONDS", 0.0)
        yield


@pytest.fixture(name="log")
def server_log() -> Iterator[io.StringIO]:
    """The log, as the server writes it."""
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(OneLine())
    logging.getLogger().addHandler(handler)
    yield written
    logging.getLogger().removeHandler(handler)


@pytest.fixture(scope="module", autouse=True)
def _pictures_made_once() -> Iterator[None]:
    """Make each picture once: starting a process takes 0.1 s, and most tests upload the same picture.

    Tests of pictures override this fixture.
    """
    make_anew = pictures._Process.make

    async def remember(process: pictures._Process, make: Any, thing: Any) -> Any:
        job = make, thing
        if job not in _made_pictures:
            _made_pictures[job] = await make_anew(process, make, thing)
        return _made_pictures[job]

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(pictures._Process, "make", remember)
        yield


@pytest.fixture
def trips(monkeypatch: pytest.MonkeyPatch) -> Trips:
    """The commands that the context under test sends to MongoDB."""
    counted = Trips()
    monkeypatch.setattr("server.context.Store", functools.partial(Store, listeners=[counted]))
    return counted


@pytest.fixture
def context(
    request: pytest.FixtureRequest,
    io_loop: Any,
    settings: Settings,
    key_pairs: SandboxKeyPairs,
    kept_databases: KeptDatabases | None,
) -> Iterator[Context]:
    """An open context. Its database is kept for the next test, or dropped if MONGODB_URI names a MongoDB."""
    if "trips" in request.fixturenames:
        request.getfixturevalue("trips")
    name = database_of(settings.mongodb_uri)

    async def open_prepared() -> Context:
        if kept_databases is None or not kept_databases.is_prepared(name):
            await prepare_for_tests(settings, key_pairs)
            if kept_databases:
                kept_databases.note_prepared(name)
        return await Context.open(settings, Sandbox)

    opened = io_loop.run_sync(open_prepared)
    yield opened

    async def close() -> None:
        if "MONGODB_URI" in os.environ:
            await opened.store.client.drop_database(name)
        await opened.close()

    io_loop.run_sync(close)
    if kept_databases:
        kept_databases.give_back(name, sandboxed=settings.sandboxed)


@pytest.fixture
def app(context: Context) -> Application:
    """The application that pytest-tornado's `http_server` serves."""
    return make_app(context)


@pytest.fixture
def client(io_loop: Any, http_server: HTTPServer, settings: Settings, context: Context) -> Iterator[Client]:
    """A client of the running server."""
    http = httpx.AsyncClient(
        base_url=f"http://127.0.0.1:{settings.port}", timeout=20, limits=httpx.Limits(max_connections=300)
    )
    # With checks, everybody has the default name of WeChat, which is not checked.
    yield Client(http, nickname="微信用户" if settings.checks_content else None, context=context)
    io_loop.run_sync(http.aclose)


@pytest.fixture
def operating(io_loop: Any, client: Client) -> None:
    """Log the client in as an operator who may do everything."""
    io_loop.run_sync(lambda: operator(client))


def _logged_in(user: str) -> Any:
    @pytest.fixture(name=user)
    def log_in(io_loop: Any, client: Client) -> Someone:
        """A person who is logged in."""
        person: Someone = io_loop.run_sync(lambda: client.log_in(user))
        return person

    return log_in


alice, bob, carol, dave = map(_logged_in, ("alice", "bob", "carol", "dave"))


@pytest.fixture
def code(io_loop: Any, alice: Someone) -> str:
    """The code of alice's goods: without a cooldown, and too deep to be won by a few digs."""
    published: str = io_loop.run_sync(alice.publish)
    return published


@pytest.fixture
def pages(io_loop: Any) -> Iterator[list[Page]]:
    """Pages that are closed after the test."""
    opened: list[Page] = []
    yield opened

    async def close() -> None:
        for page in opened:
            page.connection.close()
            await page.closed()

    io_loop.run_sync(close)


@pytest.fixture
def open_page(client: Client, settings: Settings, pages: list[Page]) -> Any:
    """Open `/ws` as this person, for this task if there is a code, with the further parameters in `query`."""

    async def opening(
        who: Someone | None, code: str | None = None, headers: dict[str, str] | None = None, **query: Any
    ) -> Page:
        asked = dict(query)
        if who is not None:
            asked = {"unionid": who.unionid, "token": who.token} | asked
        if code is not None:
            asked["code"] = code
        url = f"ws://127.0.0.1:{asked.pop('port', settings.port)}/ws?" + "&".join(
            f"{k}={v}" for k, v in asked.items()
        )
        page = Page(await websocket_connect(HTTPRequest(url, headers=headers)))
        pages.append(page)
        return page

    return opening


@pytest.fixture
def other(io_loop: Any, context: Context, settings: Settings) -> Iterator[Context]:
    """A second context, which the stores take for a second process."""
    opened = io_loop.run_sync(lambda: Context.open(settings, Sandbox))
    yield opened
    io_loop.run_sync(opened.close)


@pytest.fixture
def serve(io_loop: Any) -> Iterator[Callable[[Application], int]]:
    """Serve an application until the test ends; return its port."""
    servers: list[HTTPServer] = []

    def begin(application: Application) -> int:
        listening, port = bind_unused_port()
        servers.append(HTTPServer(application))
        servers[-1].add_socket(listening)
        return int(port)

    yield begin
    for server in servers:
        server.stop()
        io_loop.run_sync(server.close_all_connections)


@pytest.fixture
def other_port(serve: Callable[[Application], int], other: Context) -> int:
    """The port at which the second context serves."""
    return serve(make_app(other))


@pytest.fixture
def elsewhere(io_loop: Any, other: Context, other_port: int) -> Iterator[Client]:
    """A client of the second process."""
    http = httpx.AsyncClient(base_url=f"http://127.0.0.1:{other_port}", timeout=20)
    yield Client(http, context=other)
    io_loop.run_sync(http.aclose)


@pytest.fixture
def shop(io_loop: Any, context: Context, client: Client) -> Iterator[Shop]:
    """The merchant's side of WeChat Pay."""
    with a_shop(io_loop, context, client.http) as opened:
        yield opened
