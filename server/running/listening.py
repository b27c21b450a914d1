"""Accepting connections, and closing or refusing connections that are silent, slow or not HTTP.

`bounded.py` has the server, decides how many connections there may be, and draws their path. Nothing here
knows an interface or a person.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import math
import secrets
import socket
from collections import Counter
from collections.abc import Awaitable, Callable
from http.client import responses
from typing import TYPE_CHECKING

import msgspec
from tornado.ioloop import IOLoop
from tornado.iostream import IOStream, StreamClosedError, UnsatisfiableReadError

from server.errors import BareLineFeed, HeadTooLarge, Refusal
from server.telemetry import metrics

if TYPE_CHECKING:
    from server.running.bounded import BoundedServer

# The most connections accepted in one turn of the loop. After CROWDED_A_TURN connections without room the
# accept queue rests for CROWDED_SECONDS. So a flood of connections takes only part of a core.
ACCEPTS_A_TURN, CROWDED_A_TURN, CROWDED_SECONDS = 128, 16, 0.005
FAILED_SECONDS = 0.1
TOLD_SECONDS = 60
# A request's first line and headers. Tornado parses 10,000 short lines in 40 ms, 100 in 0.4 ms.
HEAD_BYTES, HEAD_LINES = 16 << 10, 100
# A head is searched for its end each time more of it comes. For 16 KB Tornado's own expression takes 0.4 ms.
# Our expression ends at the same byte and takes a hundredth of that time, or a third if there are only line
# ends.
HEAD_END, HEAD_PIECES = rb"\n\r?\n", 64
RETRY_SECONDS = 5
# A client that is cut off while it sends may not get the reply. So some of what it sends is read and dropped.
LINGER_SECONDS, LINGER_BYTES, PIECE_BYTES = 2.0, 1 << 20, 64 << 10
# Each chunk of a body takes about 40 microseconds, even if it is one byte: a megabyte in such chunks would
# take 40 s.
FEW_CHUNKS, CHUNK_BYTES, CHUNKS_A_TURN = 128, 256, 16
# What Tornado sends to a client that asks before it sends a body; the real reply follows.
GO_ON = b"HTTP/1.1 100 "
# A client that reads nothing of a reply for this long is cut off.
TAKEN_SECONDS = 20.0

log = logging.getLogger("wabao.listening")
_lingering: set[asyncio.Task[None]] = set()


class Connection(IOStream):
    """An accepted connection.

    It closes if headers come late, if a body comes in very small chunks, or if the client does not read a
    reply. A head that is too long, or not one of HTTP, is refused before Tornado parses it.
    """

    def __init__(self, taken: socket.socket, peer: str, server: BoundedServer, *, spare: bool) -> None:
        super().__init__(taken)
        self.peer = peer
        self.spare = spare
        self.asked = False
        self.receives = False  # a request's headers came, and not yet all of its body
        self.awaits = False  # a websocket whose client has not said yet who it is
        self.places: tuple[str, ...] = ()  # what its request counts for: a person, or an address
        self._server = server
        self._in_head = False
        self.replied = False  # a reply to its present request has begun
        self._head_pieces = 0
        self._last_words = b""
        self._header_seconds = 0.0
        self._headers_due = math.inf
        self._timer: asyncio.TimerHandle | None = None
        self._untaken: object | None = None
        self._came_bytes = 0
        self._chunks = 0

    @property
    def waits_for_client(self) -> bool:
        """Whether its request lasts because the client sends or reads slowly."""
        return self.receives or self.awaits or self._untaken is not None

    def leave_place(self) -> None:
        """Give back the request's place: it has become a websocket, which is counted separately, or it only
        waits."""
        self._server.leave_place(self)

    # ---- a request's first line and headers

    def expect_headers(self, seconds: float, *, now: bool) -> None:
        """Close if headers do not come within `seconds` from now or, without `now`, from the next byte."""
        self._header_seconds = seconds
        if now:
            self._begin()

    def _begin(self) -> None:
        loop = asyncio.get_running_loop()  # the time of Tornado's loop is the wall clock's, which may be set
        self._headers_due = loop.time() + self._header_seconds
        self._header_seconds = 0.0
        if self._timer is None:
            self._timer = loop.call_at(self._headers_due, self._look_at_headers)

    def _look_at_headers(self) -> None:
        """Close if headers are late. One timer serves many requests: it is not stopped when headers come."""
        self._timer = None
        loop = asyncio.get_running_loop()
        if loop.time() >= self._headers_due:
            metrics.TURNED_AWAY.labels("headers").inc()
            self.close()
        elif self._headers_due < math.inf:
            self._timer = loop.call_at(self._headers_due, self._look_at_headers)

    def read_from_fd(self, buf: bytearray | memoryview) -> int | None:
        """Read, and start the timer for headers at a request's first byte.

        A head is read only up to its limits of size and of pieces, because each piece is searched for its
        end.
        """
        count = super().read_from_fd(memoryview(buf)[: HEAD_BYTES + 1] if self._in_head else buf)
        if count and self._in_head:
            self._head_pieces += 1
            if self._head_pieces > HEAD_PIECES:
                metrics.TURNED_AWAY.labels("head").inc()
                raise ConnectionAbortedError(errno.ECONNABORTED, "a head in too many pieces")
        if count and self._header_seconds:
            self._begin()
        self._came_bytes += count or 0
        return count

    def read_until_regex(self, regex: bytes, max_bytes: int | None = None) -> Awaitable[bytes]:
        """Read a head. Tornado calls this only for heads."""
        self._in_head, self._head_pieces, self.replied = True, 0, False
        return self._read_head()

    async def _read_head(self) -> bytes:
        head = await super().read_until_regex(HEAD_END, HEAD_BYTES)
        self._in_head, self.asked, self._chunks = False, True, 0
        self._header_seconds, self._headers_due = 0.0, math.inf
        turn = self._server.head_came(self)
        if turn is not None:
            await turn
        refusal: Refusal | None = None
        if head.count(b"\n") - 1 > HEAD_LINES:  # the line at the end is empty
            refusal = HeadTooLarge()
        elif b"\n" in head.replace(b"\r\n", b""):
            refusal = BareLineFeed()
        if refusal is not None:
            metrics.TURNED_AWAY.labels("head").inc()
            self.refuse(refusal)
        if self.closed():
            raise StreamClosedError
        return head

    # ---- its body

    def read_until(self, delimiter: bytes, max_bytes: int | None = None) -> Awaitable[bytes]:
        """Read a line. Tornado calls this only before each chunk of a body.

        Tornado itself yields to others only after 256 chunks, so a hundred connections would hold the loop
        for a second.
        """
        self._chunks += 1
        # All bytes of the connection count, because the start of a body may arrive together with its headers.
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

    # ---- its reply

    def write_to_fd(self, data: memoryview) -> int:
        """Write, and start a timer if the client reads nothing."""
        if not self.replied:
            self.replied = data[: len(GO_ON)] != GO_ON
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

    # ---- its end

    def refuse(self, refusal: Refusal, *, with_body: bool = True) -> None:
        """Close, and say why unless the request has a reply already. Tornado does not know of this reply."""
        if not self.closed():
            if not self.replied:
                self._last_words = last_words(refusal, self._server.only_https, with_body=with_body)
            self.close()

    def close_fd(self) -> None:
        """Give the descriptor back, after the last reply if there is one."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._taken()
        if self._in_head and isinstance(self.error, UnsatisfiableReadError):
            metrics.TURNED_AWAY.labels("head").inc()
            self._last_words = last_words(HeadTooLarge(), self._server.only_https)
        if self._last_words:
            said, self._last_words = self._last_words, b""
            # A closed stream must have no socket, and `IOStream.close_fd` needs one.
            taken, self.socket = self.socket, None  # type: ignore[assignment]
            task = asyncio.get_running_loop().create_task(self._end_with(taken, said))
            _lingering.add(task)
            task.add_done_callback(_lingering.discard)
        else:
            self._close_now()

    def _close_now(self) -> None:
        super().close_fd()
        self._server.released(self)

    async def _end_with(self, taken: socket.socket, said: bytes) -> None:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(LINGER_SECONDS):
                await loop.sock_sendall(taken, said)
                taken.shutdown(socket.SHUT_WR)
                left = LINGER_BYTES
                while left > 0 and (found := await loop.sock_recv(taken, PIECE_BYTES)):
                    left -= len(found)
        except (OSError, TimeoutError) as error:
            log.debug("who was refused is gone: %s", error)
        finally:
            self.socket = taken
            self._close_now()


class AcceptQueue:
    """Accepts from one listener.

    `take` gets each connection, and returns whether there was free room for it. `failed` gets the error of a
    failed accept; the accept queue then rests before it tries again.
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


class TurnedAway:
    """Counts connections that are turned away; logs the counts at most once a minute."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._timer: object | None = None

    def count(self, why: str, problem: str = "") -> None:
        """Count one connection under `why`; the log says `problem` instead, if given."""
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


def last_words(refusal: Refusal, only_https: bool, *, with_body: bool = True) -> bytes:
    """Return a whole reply that refuses and ends the connection, and count the refusal."""
    metrics.REFUSALS.labels(refusal.error).inc()
    body = msgspec.json.encode(
        {"status": 1, "msg": refusal.msg, "error": refusal.error, "trace_id": secrets.token_hex(8)}
    )
    fields = {
        "Content-Type": "application/json; charset=utf-8",
        "Content-Length": str(len(body)),
        "Cache-Control": "no-store",
        "Connection": "close",
    }
    if refusal.http_status in (429, 503):
        fields["Retry-After"] = str(RETRY_SECONDS)
    if only_https:
        fields["Strict-Transport-Security"] = "max-age=31536000"
    head = f"HTTP/1.1 {refusal.http_status} {responses[refusal.http_status]}\r\n"
    head += "".join(f"{name}: {value}\r\n" for name, value in fields.items()) + "\r\n"
    return head.encode() + (body if with_body else b"")
