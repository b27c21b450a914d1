"""A websocket that finished frames are put into: its protocol, its close codes, and what bounds it.

Nothing here knows a task, or what a client says: that is `push.py` and, for operators, `ops.py`.
"""

from __future__ import annotations

import asyncio
import secrets
import socket
import time
from typing import Any, Protocol, runtime_checkable

import msgspec
from tornado.httputil import HTTPServerRequest
from tornado.iostream import IOStream, SSLIOStream, StreamClosedError
from tornado.log import app_log
from tornado.websocket import WebSocketHandler, WebSocketProtocol13

from handlers.base import RefusalReply
from server import metrics
from server.errors import BadRequest, Internal, TokenRequired, Unavailable

# What a stalled client makes us hold, and for how long. A frame is some hundred bytes: this is a thousand
# digs, or one replay of 300 with much to spare.
UNSENT_BYTES = 256 << 10
STUCK_SECONDS = 10.0
PIECE_BYTES = 16 << 10
FRAMES_A_SECOND = 200
# A larger message is cut off by Tornado while it comes; up to here it is read, and refused in good order.
READ_BYTES = 64 << 10
PING_SECONDS = 25
PONG_SECONDS = 10

GOING_AWAY, IDENTITY_REFUSED, NO_SUCH_TASK, TOO_SLOW, MISBEHAVED = 1001, 4001, 4004, 4008, 4009
REPLACED = 4010
PROTOCOL_ERROR, NO_CLOSE_FRAME, MESSAGE_TOO_BIG = 1002, 1006, 1009
# The codes below 3000 that a close frame may carry.
REGISTERED = frozenset({*range(1000, 1004), *range(1007, 1015)})
OUR_CODES = frozenset({IDENTITY_REFUSED, NO_SUCH_TASK, TOO_SLOW, MISBEHAVED, REPLACED})


class CodedProtocol(WebSocketProtocol13):
    """Tornado's protocol, but for some of the codes that it closes with, and for a peer's endless frames."""

    _second = 0
    _frames = 0

    async def _receive_frame(self) -> None:
        """Count frames: Tornado tells of whole messages only, and empty fragments cost as much."""
        await super()._receive_frame()
        second = int(time.monotonic())
        if second != self._second:
            self._second, self._frames = second, 0
        self._frames += 1
        if self._frames > FRAMES_A_SECOND and not self.client_terminated:
            handler = self.handler
            if isinstance(handler, Socket):
                handler.leave(MISBEHAVED, "too much")
            self._abort()

    async def periodic_ping(self) -> None:
        """Let a peer that answers no ping go at once: Tornado would wait 5 s more for its close frame."""
        await super().periodic_ping()  # returns only when no pong came
        self._abort()

    def close(self, code: int | None = None, reason: str | None = None) -> None:
        """Close. Our own 1009 is told as 4009, which says that reconnecting is no use.

        A peer's close is answered with its code, one that nobody may send with 1002 (RFC 6455, 7.4).
        """
        if self.client_terminated:
            code = code if code is None or _may_be_sent(code) else PROTOCOL_ERROR
        elif code == MESSAGE_TOO_BIG:
            code = MISBEHAVED
        super().close(code, reason)


@runtime_checkable
class Countable(Protocol):
    """A stream that counts against its address (`server/running/listening.py`)."""

    def vouch(self) -> None:
        """Count no more."""


def _speaks_websocket(request: HTTPServerRequest) -> bool:
    """Whether a request is whole enough for Tornado, which answers others in plain text."""
    headers = request.headers
    connection = [option.strip().lower() for option in headers.get("Connection", "").split(",")]
    return (
        request.method == "GET"
        and headers.get("Upgrade", "").lower() == "websocket"
        and "upgrade" in connection
        and bool(headers.get("Sec-WebSocket-Key"))
        and headers.get("Sec-WebSocket-Version") in ("7", "8", "13")
    )


def _may_be_sent(code: int) -> bool:
    return code in REGISTERED or 3000 <= code <= 4999


class Socket(WebSocketHandler):
    """A websocket that finished frames can be put into; it knows nothing of tasks."""

    iostream: IOStream

    def initialize(self, **_: Any) -> None:
        """Hold nothing yet."""
        self.unsent_bytes = 0
        self._taken_at = 0.0
        self._plain: socket.socket | None = None
        self._cut_code = 0

    def check_origin(self, origin: str) -> bool:
        """Let every page connect: a token proves who it is, and no cookie does."""
        return True

    def prepare(self) -> None:
        """Answer whoever does not speak websocket in JSON, as everywhere."""
        if not _speaks_websocket(self.request):
            self.write_error(426)

    def write_error(self, status_code: int, **_: Any) -> None:
        """Say in JSON why no websocket opens: mostly, that none was asked for."""
        refusal = {403: TokenRequired(), 500: Internal(), 503: Unavailable()}.get(status_code)
        self.set_status(status_code if refusal else 426)
        self.set_header("Upgrade", "websocket")
        self.set_header("Content-Type", "application/json; charset=utf-8")
        refusal = refusal or BadRequest("这个地址只接受 websocket 连接")
        reply = RefusalReply(msg=refusal.msg, error=refusal.error, trace_id=secrets.token_hex(8))
        self.finish(msgspec.json.encode(reply))

    def get_websocket_protocol(self) -> WebSocketProtocol13 | None:
        """Return Tornado's protocol with our code for messages that are too large."""
        protocol = super().get_websocket_protocol()
        return (
            CodedProtocol(self, False, protocol.params) if isinstance(protocol, WebSocketProtocol13) else None
        )

    async def open(self, *args: str, **kwargs: str) -> None:
        """Take the stream: frames go straight into its socket while nothing waits before them."""
        stream = self.ws_connection.stream if self.ws_connection is not None else None
        assert stream is not None  # noqa: S101  (Tornado has both before it calls us)
        self.iostream = stream
        self.iostream.set_nodelay(True)
        # TLS ends before us; where it does not, only the stream's own write encrypts.
        if not isinstance(self.iostream, SSLIOStream):
            self._plain = self.iostream.socket

    @property
    def unsent_bytes_allowed(self) -> int:
        """How much may wait behind what waits already."""
        return UNSENT_BYTES

    def send(self, frames: bytes) -> None:
        """Send finished frames; what the socket does not take at once waits, within bounds."""
        sent = 0
        if self._plain is not None and not self.iostream.writing():
            try:
                sent = self._plain.send(frames)
            except BlockingIOError:
                pass
            except OSError:  # closed, or reset by the other side, which the stream notices on its own
                return
            if sent == len(frames):
                return
        if not self.iostream.closed() and not self._cut_code:
            self._queue(memoryview(frames)[sent:])

    def _queue(self, rest: memoryview) -> None:
        if not self.unsent_bytes:
            self._taken_at = time.monotonic()
        elif self.unsent_bytes + len(rest) > self.unsent_bytes_allowed:
            # One replay may be longer than that by itself.
            self.cut(TOO_SLOW)
            return
        self.unsent_bytes += len(rest)
        self.waits()
        # In pieces, since each tells when it was taken: a long replay over a slow line is not stuck.
        for at in range(0, len(rest), PIECE_BYTES):
            if not self.iostream.closed():
                self._write(rest[at : at + PIECE_BYTES])

    def _write(self, piece: memoryview) -> None:
        size = len(piece)
        self.iostream.write(piece).add_done_callback(lambda written: self._taken(size, written))

    def _taken(self, size: int, written: asyncio.Future[None]) -> None:
        self.unsent_bytes -= size
        self._taken_at = time.monotonic()
        if not written.cancelled() and not isinstance(written.exception(), StreamClosedError | None):
            app_log.error("a frame could not be written", exc_info=written.exception())

    def waits(self) -> None:
        """Note that something waits in this connection; `cut_if_stuck` wants to be asked."""

    def cut_if_stuck(self, now: float) -> bool:
        """Drop the connection where nothing was taken for 10 s; return whether anything still waits."""
        if not self.unsent_bytes or self.iostream.closed():
            return False
        if now - self._taken_at > STUCK_SECONDS:
            self.cut(TOO_SLOW)
            return False
        return True

    def cut(self, code: int) -> None:
        """Drop the connection at once: whoever does not read would not read a close frame either."""
        self._cut_code = code
        self.iostream.close()

    def leave(self, code: int, reason: str) -> None:
        """Close in good order with one of our codes; nothing may follow a close frame."""
        self._cut_code, self._plain = code, None
        self.close(code, reason)

    def on_close(self) -> None:
        """Count why it ended. A peer may close with any code, and each would be a time series."""
        code = self._cut_code or self.close_code or NO_CLOSE_FRAME
        known = code in REGISTERED or code in OUR_CODES or code == NO_CLOSE_FRAME
        metrics.CLOSES.labels(str(code) if known else "other").inc()
