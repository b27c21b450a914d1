"""What Tornado holds without a proxy: long heads, silent clients, bodies that stop; and what a drain does."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager, suppress
from typing import Any, TypeAlias

import pytest
from tornado.netutil import bind_sockets
from tornado.web import Application, RequestHandler

from handlers.bodies import STRANGERS_BYTES
from server.running import port
from server.running.port import HEAD_BYTES, Port
from support.replies import raw_reply

PATIENCE_SECONDS = 10
CROWD = 100
FEW = 8
FIRST = b"GET /healthz HTTP/1.1\r\nHost: wabao\r\n"
LARGE = b"POST /uploadFile HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=b\r\n"
LARGE += b"Content-Length: %d\r\n\r\n{" % (STRANGERS_BYTES + 1)
Ends: TypeAlias = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Served:
    """A port with the application, and how to connect to it."""

    def __init__(self, app: Application) -> None:
        (listener,) = bind_sockets(0, "127.0.0.1")
        self.number = listener.getsockname()[1]
        self.port = Port(app)
        self.port.add_socket(listener)

    @asynccontextmanager
    async def line(self) -> AsyncIterator[Ends]:
        async with asyncio.timeout(PATIENCE_SECONDS):
            reader, writer = await asyncio.open_connection("127.0.0.1", self.number)
            try:
                yield reader, writer
            finally:
                writer.close()


@pytest.fixture
def serve(io_loop: Any) -> Iterator[Callable[[Application], Awaitable[Served]]]:
    begun: list[Served] = []

    async def serving(app: Application) -> Served:
        begun.append(Served(app))
        return begun[-1]

    yield serving
    for served in begun:
        io_loop.run_sync(served.port.drain)


async def test_of_a_crowd_that_comes_at_once_a_few_are_let_in_each_turn(serve, app, monkeypatch):
    served = await serve(app)
    let_in: list[Any] = []
    monkeypatch.setattr(served.port, "handle_stream", lambda stream, address: let_in.append(stream))
    with ExitStack() as stack:
        for _ in range(CROWD):
            stack.enter_context(socket.create_connection(("127.0.0.1", served.number)))
        while len(let_in) < CROWD:
            before = len(let_in)
            await asyncio.sleep(0)
            assert len(let_in) - before <= FEW
    for stream in let_in:
        stream.close()


async def test_a_head_may_have_8_kb_and_a_longer_one_ends_its_connection(serve, app):
    served = await serve(app)
    for size, served_it in ((HEAD_BYTES, True), (HEAD_BYTES + 1, False), (900 << 10, False)):
        head = FIRST + b"x: " + b"a" * (size - len(FIRST) - len(b"x: \r\n\r\n")) + b"\r\n\r\n"
        assert len(head) == size
        async with served.line() as (reader, writer):
            writer.write(head)
            with suppress(ConnectionError):
                assert (await reader.read(12) == b"HTTP/1.1 200") == served_it


@pytest.mark.parametrize(
    "sent", [b"", b"GET / HTTP/1.1\r\nHost: wab", FIRST + b"Content-Length: 2\r\n\r\n{", LARGE], ids=ascii
)
async def test_a_silent_client_is_closed_after_a_while(serve, app, monkeypatch, sent):
    monkeypatch.setattr(port, "IDLE_SECONDS", 0.2)
    monkeypatch.setattr(port, "BODY_SECONDS", 60 if sent == LARGE else 0.2)
    monkeypatch.setattr(port, "LARGE_SECONDS", 0.2)
    served = await serve(app)
    async with served.line() as (reader, writer):
        writer.write(sent)
        assert await reader.read() == b""


async def test_a_websocket_outlives_these_times(serve, app, client, code, monkeypatch):
    monkeypatch.setattr(port, "IDLE_SECONDS", 1.0)
    monkeypatch.setattr(port, "BODY_SECONDS", 0.5)
    served = await serve(app)
    alice = client.people["alice"]
    async with served.line() as (reader, writer), served.line() as (silent, _):
        writer.write(
            f"GET /ws?code={code} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Authorization: Bearer {alice.token}\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
            "Sec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101")
        assert await silent.read() == b""
        writer.write(b"\x89\x80\0\0\0\0")  # a ping
        await reader.readuntil(b"\x8a\0")


async def test_a_reply_may_take_longer_than_a_body_may(serve, monkeypatch):
    monkeypatch.setattr(port, "BODY_SECONDS", 0.2)
    came = asyncio.Event()
    goes_on = asyncio.Event()

    class Slow(RequestHandler):
        async def post(self) -> None:
            came.set()
            await goes_on.wait()
            self.finish({"status": 0})

    served = await serve(Application([("/healthz", Slow)]))
    head = FIRST.replace(b"GET", b"POST") + b"Content-Length: 2\r\n\r\n"
    async with served.line() as (slow, asks), served.line() as (stalled, stalls):
        asks.write(head + b"{}")
        await came.wait()
        stalls.write(head + b"{")
        assert await stalled.read() == b""
        goes_on.set()
        assert (await raw_reply(slow))[1] == {"status": 0}


async def test_a_drain_answers_what_has_begun_and_says_in_the_next_replies_that_they_are_the_last(serve):
    came = asyncio.Event()
    goes_on = asyncio.Event()

    class Slow(RequestHandler):
        async def get(self) -> None:
            came.set()
            await goes_on.wait()
            self.finish({"status": 0})

    class Quick(RequestHandler):
        def get(self) -> None:
            self.finish({"status": 0})

    served = await serve(Application([("/slow", Slow), ("/healthz", Quick)]))
    async with served.line() as (slow, asks), served.line() as (used, uses):
        asks.write(FIRST.replace(b"/healthz", b"/slow") + b"\r\n")
        uses.write(FIRST + b"\r\n")
        assert (await raw_reply(used))[0] == 200
        await came.wait()
        draining = asyncio.ensure_future(served.port.drain())
        await asyncio.sleep(0)
        with pytest.raises(ConnectionError):
            await asyncio.open_connection("127.0.0.1", served.number)
        uses.write(FIRST + b"\r\n")
        assert b"\r\nConnection: close\r\n" in await used.readuntil(b"\r\n\r\n")
        assert json.loads(await used.read()) == {"status": 0}
        goes_on.set()
        assert (await raw_reply(slow))[1] == {"status": 0}
        asks.write(FIRST + b"\r\n")
        assert b"\r\nConnection: close\r\n" in await slow.readuntil(b"\r\n\r\n")
        await draining
