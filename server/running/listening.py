"""Accepting connections, turning them away, and closing those that are silent or slow.

`bounded.py` decides how many there may be. Nothing here knows an interface or a person.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import select
import socket
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from http.client import responses

import msgspec
from tornado.ioloop import IOLoop
from tornado.iostream import IOStream, StreamClosedError

from server import metrics
from server.errors import Refusal

# At most so many are accepted, and so many heard in the lobby, in one turn of the loop. After CROWDED_A_TURN
# for which there was no room, the door rests. So a flood of connections takes only a part of a core.
ACCEPTS_A_TURN, HEARD_A_TURN, CROWDED_A_TURN, CROWDED_SECONDS = 128, 64, 64, 0.005
FAILED_SECONDS = 0.1
TOLD_SECONDS = 60
# A newcomer leaves the lobby once this much of its headers has come, even if they are not complete.
HEAD_BYTES = 8 << 10
RETRY_SECONDS = 5
UNREAD_BYTES = 64 << 10
# Each chunk of a body takes about 40 microseconds, even if it is one byte: 40 s for a megabyte of them.
FEW_CHUNKS, CHUNK_BYTES, CHUNKS_A_TURN = 128, 256, 16
# A client that reads nothing of a reply for this long is cut off.
TAKEN_SECONDS = 20.0

log = logging.getLogger("wabao.listening")


@dataclass(eq=False, slots=True)
class Newcomer:
    """An accepted connection that is not read yet. `address` is what it counts against, "" if nothing."""

    taken: socket.socket
    peer: str
    address: str
    since: float

    def path(self) -> str | None:
        """Return the path of its request, which stays unread; None if none came yet, "" if it is gone."""
        try:
            head = self.taken.recv(HEAD_BYTES, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except BlockingIOError:
            return None
        except OSError:
            return ""
        whole = b"\r\n\r\n" in head or b"\n\n" in head
        if head and not whole and len(head) < HEAD_BYTES:
            return None
        _, _, rest = head.partition(b" ")
        return rest.partition(b" ")[0].decode("latin-1")


class Connection(IOStream):
    """An accepted connection. It calls `released` when its descriptor is free.

    It closes if headers come late, if a body comes in very small chunks, or if the client does not read a
    reply.
    """

    def __init__(
        self,
        newcomer: Newcomer,
        spare: bool,
        released: Callable[[Connection], None],
        left: Callable[[str], None],
    ) -> None:
        super().__init__(newcomer.taken)
        self.peer = newcomer.peer
        self.address = newcomer.address
        self.vouched = False
        self.spare = spare
        self.asked = False
        self._released = released
        self._left = left
        self._header_seconds = 0.0
        self._timer: object | None = None
        self._untaken: object | None = None
        self._came_bytes = 0
        self._chunks = 0

    def vouch(self) -> None:
        """Stop counting against the address: the person is known, and their connections have a bound."""
        self.vouched = True
        self._left(self.address)
        self.address = ""

    def expect_headers(self, seconds: float, *, now: bool) -> None:
        """Close if headers do not come within `seconds` from now or, without `now`, from the next byte."""
        self._header_seconds = seconds
        if now:
            self._begin()

    def _begin(self) -> None:
        self._timer = self.io_loop.call_later(self._header_seconds, self._late)
        self._header_seconds = 0.0

    def headers_came(self) -> None:
        """Note that a request's headers came: stop their timer."""
        self.asked = True
        self._chunks = 0
        self._header_seconds = 0.0
        if self._timer is not None:
            self.io_loop.remove_timeout(self._timer)
            self._timer = None

    def _late(self) -> None:
        self._timer = None
        metrics.TURNED_AWAY.labels("headers").inc()
        self.close()

    def read_from_fd(self, buf: bytearray | memoryview) -> int | None:
        """Read, and start the timer for headers at a request's first byte."""
        count = super().read_from_fd(buf)
        if count and self._header_seconds:
            self._begin()
        self._came_bytes += count or 0
        return count

    def read_until(self, delimiter: bytes, max_bytes: int | None = None) -> Awaitable[bytes]:
        """Read a line. Tornado calls this only before each chunk of a body.

        Tornado itself yields to others only after 256 chunks, so a hundred connections would hold the loop
        for a second.
        """
        self._chunks += 1
        # All bytes of the connection count, because a body's begin may arrive together with its headers.
        if self._chunks > FEW_CHUNKS and self._came_bytes < self._chunks * CHUNK_BYTES:
            metrics.TURNED_AWAY.labels("chunks").inc()
            self.close()
            raise StreamClosedError
        if self._chunks % CHUNKS_A_TURN == 0:
            return asyncio.ensure_future(self._read_later(delimiter, max_bytes))
        return super().read_until(delimiter, max_bytes)

    async def _read_later(self, delimiter: bytes, max_bytes: int | None) -> bytes:
        await asyncio.sleep(0)
        return await super().read_until(delimiter, max_bytes)

    def write_to_fd(self, data: memoryview) -> int:
        """Write, and start a timer if the client reads nothing."""
        try:
            count = super().write_to_fd(data)
        except BlockingIOError:
            if self._untaken is None:
                self._untaken = self.io_loop.call_later(TAKEN_SECONDS, self._not_taken)
            raise
        self._taken()
        return count

    def _taken(self) -> None:
        if self._untaken is not None:
            self.io_loop.remove_timeout(self._untaken)
            self._untaken = None

    def _not_taken(self) -> None:
        self._untaken = None
        metrics.TURNED_AWAY.labels("reply").inc()
        self.close()

    def close_fd(self) -> None:
        """Give the descriptor back."""
        super().close_fd()
        self.headers_came()
        self._taken()
        self._released(self)


class Door:
    """Accepts from one listener.

    `take` gets each connection, and returns whether there was free room for it. `failed` gets the error of a
    failed accept; the door then rests before it tries again.
    """

    def __init__(
        self,
        listener: socket.socket,
        take: Callable[[socket.socket, str], bool],
        failed: Callable[[OSError], None],
    ) -> None:
        self._listener = listener
        self._take = take
        self._failed = failed
        self._loop = IOLoop.current()
        self._resting: object | None = None
        self._open()

    def _open(self) -> None:
        self._resting = None
        self._loop.add_handler(self._listener, self._accept, IOLoop.READ)

    def _rest(self, seconds: float) -> None:
        self._loop.remove_handler(self._listener)
        self._resting = self._loop.call_later(seconds, self._open)

    def close(self) -> None:
        """Accept no more, and close the listener."""
        if self._resting is not None:
            self._loop.remove_timeout(self._resting)
        else:
            self._loop.remove_handler(self._listener)
        self._listener.close()

    def _accept(self, _listener: object, _events: int) -> None:
        crowded = 0
        for _ in range(ACCEPTS_A_TURN):
            try:
                taken, peer = self._listener.accept()
            except BlockingIOError:
                return
            except ConnectionAbortedError:
                continue
            except OSError as error:
                self._failed(error)
                self._rest(FAILED_SECONDS)
                return
            crowded += not self._take(taken, peer[0] if isinstance(peer, tuple) else "")
            if crowded == CROWDED_A_TURN:
                self._rest(CROWDED_SECONDS)
                return


class Lobby:
    """Newcomers for whom there is no room and who have sent no request yet. Each costs only a descriptor.

    `decide` is called for a newcomer each time it sends something, until it returns True. After `seconds`, or
    if it is the oldest of too many, a newcomer goes to `drop`.
    """

    def __init__(
        self, seconds: float, decide: Callable[[Newcomer], bool], drop: Callable[[Newcomer, str], None]
    ) -> None:
        self._seconds = seconds
        self._decide = decide
        self._drop = drop
        self._inside: dict[int, Newcomer] = {}  # by descriptor, the oldest first
        self._timer: object | None = None
        # The loop's own would tell of unread bytes again and again; this one tells once of what has come.
        self._epoll = select.epoll()
        self._loop = IOLoop.current()
        self._loop.add_handler(self._epoll.fileno(), self._hear, IOLoop.READ)

    def add(self, newcomer: Newcomer, most: int) -> None:
        """Let a newcomer wait. If more than `most` wait, drop the oldest."""
        self._inside[newcomer.taken.fileno()] = newcomer
        self._epoll.register(newcomer.taken, select.EPOLLIN | select.EPOLLET)
        if len(self._inside) > most:
            self._drop_oldest("descriptors")
        if self._timer is None and self._inside:
            self._timer = self._loop.call_later(self._seconds, self._expire)

    def _hear(self, _descriptor: object, _events: int) -> None:
        for descriptor, _ in self._epoll.poll(0, HEARD_A_TURN):
            newcomer = self._inside[descriptor]
            if self._decide(newcomer):
                del self._inside[descriptor]
                if newcomer.taken.fileno() == descriptor:  # served; a closed one has left by itself
                    self._epoll.unregister(descriptor)

    def _drop_oldest(self, why: str) -> None:
        descriptor, oldest = next(iter(self._inside.items()))
        del self._inside[descriptor]
        self._epoll.unregister(descriptor)
        self._drop(oldest, why)

    def _expire(self) -> None:
        self._timer = None
        now = time.monotonic()
        while self._inside:
            left = next(iter(self._inside.values())).since + self._seconds - now
            if left > 0:
                self._timer = self._loop.call_later(left, self._expire)
                return
            self._drop_oldest("headers")

    def close(self) -> None:
        """Drop everybody."""
        if self._timer is not None:
            self._loop.remove_timeout(self._timer)
            self._timer = None
        while self._inside:
            self._drop_oldest("descriptors")
        if not self._epoll.closed:
            self._loop.remove_handler(self._epoll.fileno())
            self._epoll.close()


class TurnedAway:
    """Counts connections that are turned away; logs the counts at most once a minute."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._timer: object | None = None

    def count(self, why: str, problem: str = "") -> None:
        """Count one under `why`; the log says `problem` instead, if given."""
        metrics.TURNED_AWAY.labels(why).inc()
        self._counts[problem or why] += 1
        if self._timer is None:
            self._tell()

    def _tell(self) -> None:
        self._timer = None
        if self._counts:
            told = ", ".join(f"{why} {count}" for why, count in sorted(self._counts.items()))
            log.warning("connections turned away (at most one line a minute): %s", told)
            self._counts.clear()
            self._timer = IOLoop.current().call_later(TOLD_SECONDS, self._tell)

    def end(self) -> None:
        """Stop logging."""
        if self._timer is not None:
            IOLoop.current().remove_timeout(self._timer)


def reply_of(refusal: Refusal, *, only_https: bool) -> tuple[dict[str, str], bytes]:
    """Return the headers and the body of a reply that turns a request away, and count the refusal."""
    metrics.REFUSALS.labels(refusal.error).inc()
    body = msgspec.json.encode(
        {"status": 1, "msg": refusal.msg, "error": refusal.error, "trace_id": secrets.token_hex(8)}
    )
    fields = {
        "Content-Type": "application/json; charset=utf-8",
        "Content-Length": str(len(body)),
        "Cache-Control": "no-store",
        "Connection": "close",
        "Retry-After": str(RETRY_SECONDS),
    }
    if only_https:
        fields["Strict-Transport-Security"] = "max-age=31536000"
    return fields, body


def turn_away(taken: socket.socket, refusal: Refusal, *, only_https: bool) -> None:
    """Send a refusal without reading the request, and close."""
    fields, body = reply_of(refusal, only_https=only_https)
    head = f"HTTP/1.1 {refusal.http_status} {responses[refusal.http_status]}\r\n"
    head += "".join(f"{name}: {value}\r\n" for name, value in fields.items()) + "\r\n"
    with taken:
        taken.setblocking(False)
        try:
            taken.send(head.encode() + body)
            # If a socket closes with unread bytes, the kernel resets it and the reply may be lost.
            taken.recv(UNREAD_BYTES)
        except OSError:  # nothing to read yet, or the client is gone: we do no more for it
            return
