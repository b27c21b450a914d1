"""Fixtures of a real server in this loop: its settings, context, clients and people."""

import functools
import gc
import io
import logging
import os
import secrets
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import httpx._transports.default as httpx_default
import msgspec
import pytest
import redis.utils
from tornado.httpclient import HTTPRequest
from tornado.httpserver import HTTPServer
from tornado.testing import bind_unused_port
from tornado.web import Application
from tornado.websocket import websocket_connect

from devtools.sandbox import Sandbox
from devtools.sandbox.store import merchant as sandbox_merchant
from devtools.sandbox.store.keys import SandboxKeyPairs
from devtools.sandbox.store.merchant import make_key_pairs
from server.actions.people import erase
from server.app import make_app
from server.cash.pay import client as pay_client
from server.context import Context
from server.pictures import process as pictures
from server.security import keys
from server.settings import Settings, read_settings
from server.store import Store
from server.telemetry import metrics
from server.telemetry.logs import OneLine
from support.client import Client, Someone
from support.databases import database_of, with_database
from support.kept_databases import KeptDatabases, prepare_for_tests
from support.limits import NO_LIMITS
from support.merchant import Shop
from support.open_pages import Page
from support.operators import operator
from support.servers import Running, a_server
from support.stores import tested
from support.trips import Trips

_made_pictures: dict[Any, Any] = {}


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
        "PAY_ORDER_KIND": "virtual",
        "FAIR_START_MS": "0",  # only tests about the random order wait for it
    }
    found = read_settings(values | NO_LIMITS | environment)
    if kept_databases and mongodb_uri == tested[0].uri and "context" in request.fixturenames:
        name = kept_databases.lend(database_of(found.mongodb_uri), sandboxed=found.sandboxed)
        return msgspec.structs.replace(found, mongodb_uri=with_database(mongodb_uri, name))
    return found


@pytest.fixture(scope="session")
def key_pairs() -> SandboxKeyPairs:
    """The sandbox's keys, made once: making them takes longer than most tests."""
    return make_key_pairs()


@pytest.fixture(scope="session", autouse=True)
def _read_once() -> Iterator[None]:
    """Read slow values once. For the merchant and for the sandbox, the check of a key's primes takes 80 ms.

    Each client of httpx reads all certificate authorities in 14 ms; a key is derived in 2 ms; each connection
    to Redis reads the version of its library in 0.6 ms.
    """
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(pay_client, "load_private_key", functools.cache(vars(pay_client)["load_private_key"]))
        patched.setattr(sandbox_merchant, "_certificate", functools.cache(sandbox_merchant._certificate))
        patched.setattr(keys, "HKDF", functools.cache(vars(keys)["HKDF"]))
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
    gc.collect()  # what earlier tests left unfinished is logged when it is collected: not in this test's log
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(OneLine())
    logging.getLogger().addHandler(handler)
    yield written
    logging.getLogger().removeHandler(handler)


@pytest.fixture(scope="session")
def _process_of_pictures() -> Iterator[pictures._Process]:
    """A process that makes pictures for all tests: starting one takes 0.3 s of CPU."""
    process = pictures._Process(pictures.CPU_SECONDS, pictures.MEMORY_BYTES)
    yield process
    process.close()


@pytest.fixture(scope="module", autouse=True)
def _pictures_made_once(_process_of_pictures: pictures._Process) -> Iterator[None]:
    """Make each picture once, in one process: most tests upload the same picture.

    The tests of the processes themselves override this fixture.
    """
    make_anew = pictures._Process.make

    async def remember(_: pictures._Process, make: Any, thing: Any) -> Any:
        job = make, thing
        if job not in _made_pictures:
            _made_pictures[job] = await make_anew(_process_of_pictures, make, thing)
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
        # The next test's alarms must not know of this test's full disk or silent store.
        metrics.DISK_LOW.set(0)
        metrics.STORE_SILENT.clear()

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


@pytest.fixture(scope="module")
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A server in processes of its own for the tests of a file, with the settings in its ENVIRONMENT."""
    environment: dict[str, str] = getattr(request.module, "ENVIRONMENT", {})
    with a_server(tmp_path_factory.mktemp("server"), **environment) as running:
        yield running


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
    opened = Shop(context, client.http)
    yield opened
    io_loop.run_sync(opened.close)
