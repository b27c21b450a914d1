"""Heads and bodies that no honest client sends, over real sockets: they are refused, and nothing remains."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from typing import Any, TypeAlias

import pytest
from tornado.http1connection import HTTP1Connection
from tornado.netutil import bind_sockets
from tornado.web import Application
from tornado.websocket import WebSocketHandler

from handlers.base import Receiver, uploads_of
from handlers.ops.operators import OpsLogin, OpsLogout
from handlers.uploads import UploadFile
from server.running import bounded
from server.running.bounded import BoundedServer
from server.running.listening import HEAD_BYTES, HEAD_LINES, Connection
from support.replies import raw_reply

PATIENCE_SECONDS = 10
FIRST = b"GET /healthz HTTP/1.1\r\nHost: wabao\r\n"
HEALTHY = FIRST + b"\r\n"
Ends: TypeAlias = tuple[asyncio.StreamReader, asyncio.StreamWriter]
# Tornado needs 40 ms to parse this head.
LONG_HEAD = FIRST + b"a:b\r\n" * 10_000 + b"\r\n"


@pytest.fixture
def server(io_loop: Any, app: Application) -> Iterator[BoundedServer]:
    """A server of the application, with its port as `port`."""
    serving = BoundedServer(app)
    (listener,) = bind_sockets(0, "127.0.0.1")
    serving.add_socket(listener)
    serving.port = listener.getsockname()[1]  # type: ignore[attr-defined]
    yield serving
    io_loop.run_sync(serving.drain)


@asynccontextmanager
async def connected(server: BoundedServer) -> AsyncIterator[Ends]:
    async with asyncio.timeout(PATIENCE_SECONDS):
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)  # type: ignore[attr-defined]
        try:
            yield reader, writer
        finally:
            writer.close()


async def told(server: BoundedServer, sent: bytes) -> tuple[int, dict[str, Any]]:
    async with connected(server) as (reader, writer):
        writer.write(sent)
        return await raw_reply(reader)


def of_bytes(number: int) -> bytes:
    filler = b"x: " + b"a" * (number - len(HEALTHY) - len(b"x: \r\n")) + b"\r\n"
    return FIRST + filler + b"\r\n"


def of_lines(number: int, field: Callable[[int], str] = "x{}: a".format) -> bytes:
    fields = [field(line) for line in range(number - FIRST.count(b"\n"))]
    return FIRST + "".join(f"{each}\r\n" for each in fields).encode() + b"\r\n"


async def test_a_head_may_have_16_kb_and_100_lines_and_no_more(server):
    assert (len(of_bytes(HEAD_BYTES)), of_lines(HEAD_LINES).count(b"\r\n")) == (16 << 10, 101)
    for fine in (of_bytes(HEAD_BYTES), of_lines(HEAD_LINES), of_lines(HEAD_LINES, lambda _: "x: a")):
        assert (await told(server, fine))[0] == 200
    for long in (
        of_bytes(HEAD_BYTES + 1),
        of_lines(HEAD_LINES + 1),
        of_lines(1002, lambda _: "x: a"),
        LONG_HEAD,
        b"GET /" + b"a" * (100 << 10) + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /" + b"a" * (900 << 10),
    ):
        status, reply = await told(server, long)
        assert (status, reply["status"], reply["error"]) == (431, 1, "bad_request")
        assert "16 KB" in reply["msg"]
        assert "100 行" in reply["msg"]
        assert reply["trace_id"]
    async with connected(server) as (reader, writer):
        writer.write(b"POST /postTask HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + b"a" * 200)
        assert b"431" not in await reader.read()  # the line with a chunk's length does not count as a head


@pytest.mark.parametrize(
    "head",
    [HEALTHY.replace(b"\r\n", b"\n"), FIRST + b"a: b\n\r\n", FIRST + b"a: b\r\n\n", b"\n" + HEALTHY],
    ids=["each", "a field", "the last", "before the first"],
)
async def test_a_head_with_bare_lf_is_refused(server, head):
    status, reply = await told(server, head)
    assert (status, reply["status"], reply["error"]) == (400, 1, "bad_request")
    assert "CRLF" in reply["msg"]


async def test_a_head_may_come_in_64_pieces_and_no_more(server, monkeypatch):
    came = asyncio.Semaphore(0)
    read = Connection.read_from_fd

    def noted(connection: Connection, buf: bytearray | memoryview) -> int | None:
        try:
            count = read(connection, buf)
        except ConnectionAbortedError:
            came.release()
            raise
        if count:
            came.release()
        return count

    monkeypatch.setattr(Connection, "read_from_fd", noted)
    head = of_lines(12)
    for pieces, end in ((64, b"HTTP/1.1 200"), (65, b"")):
        async with connected(server) as (reader, writer):
            for at in range(pieces - 1):
                writer.write(head[at : at + 1])
                await came.acquire()
            writer.write(head[pieces - 1 :])
            await came.acquire()
            with suppress(ConnectionError):  # a reset, if the server did not read everything
                assert await reader.read(12) == end


async def test_what_is_refused_by_its_head_never_reaches_the_parser(server, monkeypatch):
    parsed: list[int] = []
    parse = HTTP1Connection._parse_headers

    def counted(connection: HTTP1Connection, data: bytes) -> Any:
        parsed.append(len(data))
        return parse(connection, data)

    monkeypatch.setattr(HTTP1Connection, "_parse_headers", counted)
    async with connected(server) as (reader, writer):
        writer.write(HEALTHY)
        assert (await raw_reply(reader))[0] == 200
        writer.write(LONG_HEAD)
        assert (await raw_reply(reader))[0] == 431
        assert await reader.read() == b""
    assert (await told(server, of_lines(HEAD_LINES + 1)))[0] == 431
    assert parsed == [len(HEALTHY)]


async def test_only_some_of_many_heads_are_parsed_in_a_turn_of_the_loop(server, monkeypatch):
    turn, turns = 0, list[int]()
    parse = HTTP1Connection._parse_headers

    def counted(connection: HTTP1Connection, data: bytes) -> Any:
        turns.append(turn)
        return parse(connection, data)

    def next_turn() -> None:
        nonlocal turn
        turn += 1
        if len(turns) < 50:
            asyncio.get_running_loop().call_soon(next_turn)

    monkeypatch.setattr(HTTP1Connection, "_parse_headers", counted)
    connections = [await asyncio.open_connection("127.0.0.1", server.port) for _ in range(50)]  # type: ignore[attr-defined]
    next_turn()
    for _, writer in connections:
        writer.write(HEALTHY)
    async with asyncio.timeout(PATIENCE_SECONDS):
        for reader, writer in connections:
            assert (await raw_reply(reader))[0] == 200
            writer.close()
    assert len(turns) == 50
    assert max(map(turns.count, turns)) <= bounded.HEADS_A_TURN


async def test_an_upload_that_stops_after_any_byte_of_its_forms_head_is_refused_and_leaves_nothing(
    server, client, context, monkeypatch
):
    monkeypatch.setattr(UploadFile, "silence_seconds", 0.05)
    alice = await client.log_in("alice")
    form = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.jpg"\r\n\r\n'
    head = (
        "POST /uploadFile HTTP/1.1\r\nHost: wabao\r\nContent-Type: multipart/form-data; boundary=b\r\n"
        f"Authorization: Bearer {alice.token}\r\nContent-Length: 1000\r\n\r\n"
    ).encode()
    few = asyncio.Semaphore(2)  # one person may send two uploads at once

    async def stop_after(sent: int) -> tuple[int, dict[str, Any]]:
        async with few:
            return await told(server, head + form[:sent])

    replies = await asyncio.gather(*map(stop_after, range(len(form) + 1)))
    assert {(status, reply["error"]) for status, reply in replies} == {(408, "bad_request")}
    assert uploads_of(context).held_bytes == 0


async def test_an_operators_body_has_ten_seconds(server, monkeypatch):
    assert OpsLogin.body_seconds == OpsLogout.body_seconds == 10 < Receiver.body_seconds
    monkeypatch.setattr(OpsLogin, "body_seconds", 0.2)
    async with connected(server) as (reader, writer):
        writer.write(b"POST /ops/login HTTP/1.1\r\nHost: wabao\r\nContent-Length: 1000\r\n\r\n")

        async def trickle() -> None:
            while True:
                writer.write(b" ")
                await asyncio.sleep(0.02)

        trickling = asyncio.create_task(trickle())
        assert (await raw_reply(reader))[0] == 408
        assert await reader.read() == b""
        trickling.cancel()


async def test_a_handshake_under_way_is_finished_by_a_server_that_drains(io_loop):
    came, goes_on = asyncio.Event(), asyncio.Event()

    class Slow(WebSocketHandler):
        async def prepare(self) -> None:
            came.set()
            await goes_on.wait()

    server = BoundedServer(Application([("/ws", Slow)]))
    (listener,) = bind_sockets(0, "127.0.0.1")
    server.add_socket(listener)
    server.port = listener.getsockname()[1]  # type: ignore[attr-defined]
    async with connected(server) as (reader, writer):
        writer.write(
            b"GET /ws HTTP/1.1\r\nHost: wabao\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
        )
        await came.wait()
        draining = asyncio.ensure_future(server.drain())
        await asyncio.sleep(0)  # the server knows now that it drains
        goes_on.set()
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 101 ")
        assert b"\r\nConnection: Upgrade\r\n" in head
        await draining
