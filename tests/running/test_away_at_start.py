"""A worker that starts while a store is away answers at once, and serves as soon as the store is there."""

import asyncio
import errno
import json
import os
import re
import select
import socket
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any
from unittest.mock import AsyncMock, Mock
from urllib.parse import urlsplit

import httpx
import pytest
from tornado.testing import bind_unused_port
from tornado.web import Application, RequestHandler
from tornado.websocket import websocket_connect

from handlers.base import Interface
from server.app import needs_database
from server.context import Context
from server.running import worker
from server.running.port import Port
from server.running.stores import free_port
from server.running.worker import Waiting, accept_soon
from server.runtime.background import Background
from server.settings import read_settings
from support.interfaces import ALL
from support.servers import PATIENCE_SECONDS, Running, takes_connections, until

AT_ONCE_SECONDS = 0.5
REFUSED_SECONDS = 1.0
EVERYTHING: list[type[Interface]] = [*ALL]
OTHERS = ["/files/x.jpg", "/miniProgramCode", "/nowhere", "/sandbox/wallet", "/payNotify", "/ops/feed"]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A server whose MongoDB accepts connections but never answers, and whose Redis refuses them."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        running = Running(
            tmp_path_factory.mktemp("away"),
            MONGODB_URI=f"mongodb://127.0.0.1:{silent.getsockname()[1]}/wabao",
            REDIS_URL=f"redis://127.0.0.1:{free_port()}/0",
        )
        until(lambda: takes_connections(running.port))
        assert httpx.get(f"{running.address}/healthz", timeout=30).status_code == 200
        yield running
        assert running.end() == 0
        said = "".join(running.said)
        assert "Traceback" not in said
        assert "never retrieved" not in said
        assert "wabao.worker serving" not in said


async def timed(http: httpx.AsyncClient, method: str, path: str) -> tuple[httpx.Response, float]:
    began = time.monotonic()
    reply = await http.request(method, path)
    return reply, time.monotonic() - began


async def quickest(http: httpx.AsyncClient, method: str, path: str) -> float:
    """Return the least time of a few replies. A busy machine may delay some, but hardly all."""
    return min([(await timed(http, method, path))[1] for _ in range(5)])


def test_it_is_alive_at_once_and_refuses_the_rest_within_a_second(server):
    async def scene() -> list[tuple[str, httpx.Response, float]]:
        async with httpx.AsyncClient(base_url=server.address, timeout=30) as http:
            assert await quickest(http, "GET", "/healthz") < AT_ONCE_SECONDS
            asked = [(each.method, each.path) for each in EVERYTHING] + [("GET", path) for path in OTHERS]
            asked += [("POST", "/uploadFile"), ("GET", "/readyz")]
            found = []
            for at in range(0, len(asked), 20):  # in groups: all requests at once would wait for each other
                some = asked[at : at + 20]
                replies = await asyncio.gather(*(timed(http, method, path) for method, path in some))
                for (method, path), (reply, took) in zip(some, replies, strict=True):
                    seconds = took if took < REFUSED_SECONDS else await quickest(http, method, path)
                    found.append((path, reply, seconds))
            return found

    upload = {"file": ("a.jpg", b"x" * (4 << 20))}
    reply = httpx.post(f"{server.address}/uploadFile", files=upload, timeout=30)
    assert (reply.status_code, reply.json()["error"]) == (503, "unavailable")
    assert httpx.get(f"{server.address}/readyz", timeout=5).json()["silent"] == ["mongodb"]
    for path, reply, seconds in asyncio.run(scene()):
        assert reply.status_code == 503, path
        assert reply.json()["error"] == "unavailable", path
        assert path == "/readyz" or reply.headers["Retry-After"] == "1", path
        assert seconds < REFUSED_SECONDS, path


def test_its_pages_open_and_their_socket_is_told_that_the_service_is_down(server):
    page = httpx.get(f"{server.address}/", timeout=5)
    assert page.status_code == 200
    assert "Content-Security-Policy" in page.headers
    for path in re.findall(r'(?:src|href)="(/static/[^"]+)"', page.text):
        assert httpx.get(f"{server.address}{path}", timeout=5).status_code == 200
    assert httpx.get(f"{server.address}/ops", timeout=5).status_code == 200

    async def scene() -> tuple[list[dict[str, Any]], int | None]:
        connection = await websocket_connect(f"{server.address.replace('http', 'ws')}/ws?unionid=somebody")
        frames = []
        while isinstance(message := await connection.read_message(), str):
            frames.append(json.loads(message))
        connection.close()
        return frames, connection.close_code

    frames, code = asyncio.run(scene())
    assert [(frame["type"], frame.get("state"), frame.get("error")) for frame in frames] == [
        ("service", "down", None),
        ("error", None, "unavailable"),
    ]
    assert code == 1001, "come back soon"


def test_what_needs_no_database_is_told_by_its_path():
    assert not any(map(needs_database, ("/", "/healthz", "/readyz", "/ops", "/ops/", "/static/app/1/a.js")))
    assert all(map(needs_database, ("/ws", "/ops/feed", "/opsx", "/files/a", "/healthz/", "//", "/\n")))


class Echo(RequestHandler):
    """Answers with its application's name and the request's body."""

    def initialize(self, name: str, came: list[str]) -> None:
        self.name = name
        self.came = came

    def post(self) -> None:
        self.came.append(self.name)
        self.finish(f"{self.name} {self.request.body.decode()}")

    get = post


@pytest.fixture
def came() -> list[str]:
    """The names of the applications that took a request."""
    return []


def application(name: str, came: list[str]) -> Application:
    return Application([(".*", Echo, {"name": name, "came": came})])


@pytest.fixture
def starting(io_loop: Any, came: list[str]) -> Iterator[tuple[Port, socket.socket, str]]:
    """A server that accepts nothing yet, its listener, and its address."""
    listening, port = bind_unused_port()
    server = Port(application("waiting", came))
    yield server, listening, f"http://127.0.0.1:{port}"
    server.stop()
    io_loop.run_sync(server.close_all_connections)


async def test_a_request_that_comes_before_the_application_waits_with_its_body(starting, came, monkeypatch):
    monkeypatch.setattr("server.running.worker.WAIT_SECONDS", 0)  # this limit is for silent stores
    server, listening, address = starting
    waiting = Waiting()
    serving = asyncio.Event()
    waiting.serves_soon = True
    accepting = asyncio.create_task(accept_soon(server, listening, waiting, serving))
    async with httpx.AsyncClient(base_url=address, timeout=10) as http:
        asked = asyncio.create_task(http.post("/postTask", content=b"x" * 200_000))
        await asyncio.to_thread(select.select, [listening], [], [])  # wait for the client's connection
        server.request_callback = application("serving", came)
        serving.set()
        assert (await asked).text == "serving " + "x" * 200_000
    await accepting


async def test_no_request_waits_long_for_a_store_that_is_silent(starting, came, monkeypatch):
    monkeypatch.setattr("server.running.worker.WAIT_SECONDS", 0.05)
    server, listening, address = starting
    await accept_soon(server, listening, Waiting(), asyncio.Event())
    async with httpx.AsyncClient(base_url=address, timeout=10) as http:
        assert (await http.get("/healthz")).text == "waiting "


async def test_a_worker_that_cannot_accept_ends_and_never_says_that_it_serves(settings, context, monkeypatch):
    async def fails(*_: object) -> None:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    async def opened(*_: object, **_more: object) -> Context:
        return context

    monkeypatch.setattr(worker, "accept_soon", fails)
    monkeypatch.setattr(Context, "open", opened)
    monkeypatch.setattr(worker, "begin_repeated", lambda _: Background())
    monkeypatch.setattr(worker, "gc", Mock())
    heart = Mock(beat=AsyncMock())
    listening, _ = bind_unused_port()
    with closing(listening), pytest.raises(OSError, match=os.strerror(errno.EMFILE)):
        async with asyncio.timeout(30):  # it takes no second where the machine is not busy
            await worker.serve(settings, listening, heart, {}, [], "", None, prepares=True)
    heart.serving.assert_not_called()


async def test_a_worker_serves_soon_once_mongodb_answers_unless_the_database_is_another_one(
    settings, redis_url, wire, caplog
):
    uri = wire.uri(urlsplit(settings.mongodb_uri).path[1:])
    known = read_settings({"MONGODB_URI": uri, "REDIS_URL": redis_url, "SECRET_KEY": settings.secret_key})
    waiting = Waiting()
    asked_to_stop = asyncio.Event()
    wire.hold()
    looking = asyncio.create_task(waiting.wait_for_data(known, asked_to_stop, "", prepares=True))
    assert await asyncio.to_thread(wire.held.wait, PATIENCE_SECONDS)
    assert not waiting.serves_soon
    wire.release()
    assert await looking
    assert waiting.serves_soon
    looking = asyncio.create_task(waiting.wait_for_data(known, asked_to_stop, "another", prepares=True))
    while "not ready" not in caplog.text:
        assert not looking.done()
        await asyncio.sleep(0)
    assert not waiting.serves_soon
    asked_to_stop.set()
    assert await looking == ""
