"""Connections as they are accepted: the door that takes them, what turns them away, how long they are silent.

How many there may be is `bounded.py`'s. Nothing here knows an interface or a person.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
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

# How many are accepted in one turn of the loop. When so many of them were turned away or cost another its
# place, the door rests: a flood of connections then costs a fraction of a core.
ACCEPTS_A_TURN, CROWDED_A_TURN, CROWDED_SECONDS = 128, 64, 0.005
FAILED_SECONDS = 0.1
REPORT_SECONDS = 60
# How often it is asked whether those for whom there is no room said something.
LOOK_SECONDS = 0.01
# Headers of this size are not waited for in the lobby.
HEAD_BYTES = 8 << 10
RETRY_SECONDS = 5
UNREAD_BYTES = 64 << 10
# Each chunk of a body costs some 40 microseconds, however small it is: a megabyte in bytes, 40 s.
FEW_CHUNKS, CHUNK_BYTES, CHUNKS_A_TURN = 128, 256, 16
# A client that takes nothing of a reply for so long is cut off.
TAKEN_SECONDS = 20.0

log = logging.getLogger("wabao.listening")


@dataclass(eq=False, slots=True)
class Newcomer:
    """A connection that was accepted and not read yet. `address` is what it counts against, "" if nothing."""

    taken: socket.socket
    peer: str
    address: str
    since: float

    def path(self) -> str | None:
        """Return the path that is asked for, and leave it unread; "" if it is gone, None if none came."""
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
    """An accepted connection. It tells when its descriptor is free.

    It closes if headers come late, if a body comes in chunks that are too small, and if a reply is not taken.
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
        """Count no more against the address: a person is known whose connections are bounded."""
        self.vouched = True
        self._left(self.address)
        self.address = ""

    def expect_headers(self, seconds: float, *, now: bool) -> None:
        """Close after so many seconds from now, or else from the next byte."""
        self._header_seconds = seconds
        if now:
            self._begin()

    def _begin(self) -> None:
        self._timer = self.io_loop.call_later(self._header_seconds, self._late)
        self._header_seconds = 0.0

    def headers_came(self) -> None:
        """Wait no more."""
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
        """Notice a request's first byte."""
        count = super().read_from_fd(buf)
        if count and self._header_seconds:
            self._begin()
        self._came_bytes += count or 0
        return count

    def read_until(self, delimiter: bytes, max_bytes: int | None = None) -> Awaitable[bytes]:
        """Read a line: Tornado reads one before each chunk of a body, and nothing else by this.

        Tornado lets others have their turn after 256 chunks only. A hundred connections would then hold the
        loop for a second.
        """
        self._chunks += 1
        # All that ever came counts, since some of a body may come with what was before it.
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
        """Notice that a client takes nothing."""
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

    `take` gets each connection, and returns whether there was room for it without turning anybody away.
    `failed` is told why nothing can be accepted; the door then rests instead of asking again at once.
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
    """Newcomers for whom there is no room, and who ask for nothing yet. They cost a descriptor and no more.

    `settle` is asked again and again whether one of them can leave, until it returns True. One that does not
    in time, or is the oldest of too many, goes to `drop`.
    """

    def __init__(
        self, seconds: float, settle: Callable[[Newcomer], bool], drop: Callable[[Newcomer, str], None]
    ) -> None:
        self._seconds = seconds
        self._settle = settle
        self._drop = drop
        self._inside: dict[Newcomer, None] = {}
        self._timer: object | None = None

    def add(self, newcomer: Newcomer, most: int) -> None:
        """Let a newcomer wait; of more than `most`, the oldest goes."""
        self._inside[newcomer] = None
        if len(self._inside) > most:
            oldest = next(iter(self._inside))
            del self._inside[oldest]
            self._drop(oldest, "descriptors")
        self._look_soon()

    def _look_soon(self) -> None:
        if self._timer is None and self._inside:
            self._timer = IOLoop.current().call_later(LOOK_SECONDS, self._look)

    def _look(self) -> None:
        self._timer = None
        began = time.monotonic() - self._seconds
        for newcomer in list(self._inside):
            if self._settle(newcomer):
                del self._inside[newcomer]
            elif newcomer.since < began:
                del self._inside[newcomer]
                self._drop(newcomer, "headers")
        self._look_soon()

    def close(self) -> None:
        """Drop everybody."""
        if self._timer is not None:
            IOLoop.current().remove_timeout(self._timer)
            self._timer = None
        for newcomer in self._inside:
            self._drop(newcomer, "descriptors")
        self._inside.clear()


class Report:
    """Counts who is turned away, and says so in the log at most once a minute."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._timer: object | None = None

    def count(self, why: str, problem: str = "") -> None:
        """Count one; `problem` is for the log only."""
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
            self._timer = IOLoop.current().call_later(REPORT_SECONDS, self._tell)

    def end(self) -> None:
        """Say nothing more."""
        if self._timer is not None:
            IOLoop.current().remove_timeout(self._timer)


def reply_of(refusal: Refusal) -> tuple[dict[str, str], bytes]:
    """Return the headers and the body of a reply that turns a request away."""
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
    return fields, body


def turn_away(taken: socket.socket, refusal: Refusal) -> None:
    """Reply without reading what is asked, and close."""
    fields, body = reply_of(refusal)
    head = f"HTTP/1.1 {refusal.http_status} {responses[refusal.http_status]}\r\n"
    head += "".join(f"{name}: {value}\r\n" for name, value in fields.items()) + "\r\n"
    with taken:
        taken.setblocking(False)
        try:
            taken.send(head.encode() + body)
            # What is unread when a socket closes makes the kernel reset it, and the reply may be lost.
            taken.recv(UNREAD_BYTES)
        except OSError:  # nothing to read yet, or it is gone: it gets no more than this either way
            return
