"""Websockets below the protocol of `/ws`: frames, closes, and slow readers."""

from __future__ import annotations

import asyncio
import contextlib
import queue
import select
import socket
import threading
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import Future
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application

from handlers.websocket import STUCK_SECONDS, UNSENT_BYTES, Socket
from server.realtime.frames import text_frame
from server.telemetry import metrics
from support.open_pages import handshake

SECONDS = 10


class Twice(Socket):
    """Sends each message back twice: by Tornado's `write_message`, and by `Socket.send`."""

    opened: queue.SimpleQueue[Twice]
    took: threading.Event
    ended: threading.Event

    async def open(self, *args: str, **kwargs: str) -> None:
        await super().open()
        self.took = threading.Event()
        self.ended = threading.Event()
        self.opened.put(self)

    def on_message(self, message: str | bytes) -> None:
        assert isinstance(message, str)
        self.write_message(message)
        self.send(text_frame(message.encode()))

    def _taken(self, size: int, written: asyncio.Future[None]) -> None:
        super()._taken(size, written)
        self.took.set()

    def on_close(self) -> None:
        super().on_close()
        self.ended.set()


class Served:
    """A server in a thread of its own, so that a test may block on its sockets."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self._opened: queue.SimpleQueue[Twice] = queue.SimpleQueue()
        self._connected: list[tuple[socket.socket, Twice]] = []
        self._server, self.port = self.call(self._start)

    def call(self, work: Callable[[], Awaitable[Any] | Any]) -> Any:
        """Call `work` in the server's loop and return its result."""

        async def doing() -> Any:
            found = work()
            return await found if asyncio.iscoroutine(found) else found

        done: Future[Any] = asyncio.run_coroutine_threadsafe(doing(), self._loop)
        return done.result(SECONDS)

    def _start(self) -> tuple[HTTPServer, int]:
        handler = type("Watched", (Twice,), {"opened": self._opened})
        server = HTTPServer(Application([("/", handler)], websocket_max_message_size=1 << 20))
        (listener,) = bind_sockets(0, "127.0.0.1")
        server.add_socket(listener)
        return server, listener.getsockname()[1]

    def connect(self, receive_bytes: int = 0) -> tuple[socket.socket, Twice]:
        """Return a client's bare socket after the handshake, and the server's handler of this connection."""
        client = socket.socket()
        if receive_bytes:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 536)
        client.settimeout(SECONDS)
        client.connect(("127.0.0.1", self.port))
        client.sendall(handshake("/"))
        headers = b""
        while not headers.endswith(b"\r\n\r\n"):
            headers += client.recv(1)
        assert headers.startswith(b"HTTP/1.1 101 ")
        self._connected.append((client, self._opened.get(timeout=SECONDS)))
        return self._connected[-1]

    def stop(self) -> None:
        async def stopping() -> None:
            for client, server in self._connected:
                client.close()
                server.iostream.close()
            self._server.stop()
            await self._server.close_all_connections()

        self.call(stopping)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(SECONDS)
        self._loop.close()


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    server = Served()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def client(served: Served) -> socket.socket:
    return served.connect()[0]


def masked(opcode: int, payload: bytes) -> bytes:
    """Return a client's frame, with a mask of zeros."""
    head = bytearray(text_frame(payload)[: -len(payload) or None])
    head[0] = 0x80 | opcode
    head[1] |= 0x80
    return bytes(head) + bytes(4) + payload


def read_exactly(client: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        chunk = client.recv(size - len(data))
        assert chunk, "closed"
        data += chunk
    return data


def read_to_the_end(client: socket.socket) -> bytes:
    data = b""
    while chunk := client.recv(1 << 16):
        data += chunk
    return data


@given(st.integers(0, 70_000).map("x".__mul__) | st.text(st.characters(codec="utf-8")))
@example("")
@example("x" * 125)
@example("x" * 126)
@example("x" * 127)
@example("x" * 65_535)
@example("x" * 65_536)
@example("挖" * 42)
@example("挖" * 21_845)
def test_a_frame_is_byte_for_byte_what_tornado_writes(client, text):
    payload = text.encode()
    client.sendall(masked(1, payload))
    ours = text_frame(payload)
    assert read_exactly(client, len(ours)) == ours  # Tornado's write_message
    assert read_exactly(client, len(ours)) == ours  # and Socket.send


@pytest.mark.parametrize(
    ("sent", "answered"),
    [(code, code) for code in (1000, 1001, 1003, 1007, 1009, 1011, 1014, 3000, 4009, 4999)]
    + [(code, 1002) for code in (0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535)],
)
def test_a_close_is_answered_with_its_code_and_an_illegal_one_with_1002(served, sent, answered):
    client, server = served.connect()
    client.sendall(masked(8, sent.to_bytes(2, "big")))
    assert read_to_the_end(client) == b"\x88\x02" + answered.to_bytes(2, "big")
    assert server.ended.wait(SECONDS)
    labels = {
        sample.labels.get("close_code") for family in metrics.CLOSES.collect() for sample in family.samples
    }
    assert labels.isdisjoint({"3000", "4999"}), "who chooses codes makes no time series"


def test_nothing_follows_a_close_frame(served):
    client, server = served.connect()

    def leave_and_send() -> None:
        server.send(text_frame(b"before"))
        server.leave(4009, "x")
        server.send(text_frame(b"after"))

    served.call(leave_and_send)
    client.sendall(masked(8, b"\x0f\xa9"))
    assert read_to_the_end(client) == text_frame(b"before") + b"\x88\x03\x0f\xa9x"


def test_a_slow_reader_of_a_long_replay_is_not_stuck(served):
    client, server = served.connect(receive_bytes=4096)
    replay = text_frame(b"x" * (8 << 20))
    served.call(lambda: server.send(replay))
    assert server.unsent_bytes > UNSENT_BYTES
    before = server.unsent_bytes
    began = server._taken_at
    server.took.clear()
    taken = b""
    while not server.took.is_set():
        taken += client.recv(1 << 12)
        assert len(taken) < len(replay) // 2, "the server must notice before everything is read"
    assert server.unsent_bytes < before
    assert served.call(lambda: server.cut_if_stuck(began + STUCK_SECONDS + 0.0001))
    assert not server.iostream.closed()
    served.call(lambda: server.cut_if_stuck(server._taken_at + STUCK_SECONDS + 1))
    assert server.iostream.closed()


def test_waiting_frames_reach_a_slow_reader_whole_and_in_order(served):
    client, server = served.connect(receive_bytes=4096)
    frames = [text_frame(b"%07d" % number * 4_000) for number in range(8)]

    def send_all() -> None:
        server.send(b"".join(frames[:5]))
        for frame in frames[5:]:
            server.send(frame)

    served.call(send_all)
    assert read_exactly(client, sum(map(len, frames))) == b"".join(frames)


def test_a_frame_does_not_overtake_a_ping_that_waits(served):
    client, server = served.connect(receive_bytes=4096)
    junk = text_frame(b"j" * 100)
    read = bytearray()

    def fill_and_send() -> int:
        server.send(text_frame(b"first"))
        filled = 0
        with contextlib.suppress(BlockingIOError):
            while True:
                filled += server.iostream.socket.send(junk)
        server.ping(b"p")
        assert server.iostream.writing()
        while not select.select([], [server.iostream.socket], [], 0)[1]:
            read.extend(client.recv(1 << 16))
        server.send(text_frame(b"last"))
        return filled

    filled = served.call(fill_and_send)
    expected = text_frame(b"first") + (junk * (filled // len(junk) + 1))[:filled]
    expected += b"\x89\x01p" + text_frame(b"last")
    assert bytes(read) + read_exactly(client, len(expected) - len(read)) == expected
