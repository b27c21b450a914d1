"""A websocket to which encoded frames are sent: its protocol, its close codes, its bounds.

Nothing here knows a task or what a client says: that is in `push.py` and, for operators, `ops/screen.py`.
"""

import asyncio
import secrets
import socket
import time
from typing import Any
from urllib.parse import urlsplit

import msgspec
from tornado.httputil import HTTPServerRequest
from tornado.iostream import IOStream, SSLIOStream, StreamClosedError
from tornado.log import app_log
from tornado.web import stream_request_body
from tornado.websocket import WebSocketHandler, WebSocketProtocol13

from handlers.base import HTTPS_ONLY, RefusalReply
from server.context import Context
from server.errors import BadRequest, Internal, TokenRequired, Unavailable
from server.telemetry import metrics

# How much is queued for a client that does not read, and for how long. A frame has a few hundred bytes: this
# is a thousand digs, or far more than one replay of 300.
UNSENT_BYTES = 256 << 10
STUCK_SECONDS = 10.0
PIECE_BYTES = 16 << 10
FRAMES_A_SECOND = 200
# Tornado cuts off a larger message while it comes. Up to this size a message is read, and we refuse it.
READ_BYTES = 64 << 10
PING_SECONDS = 25
PONG_SECONDS = 10

GOING_AWAY = 1001
PROTOCOL_ERROR = 1002
NO_CLOSE_FRAME = 1006
MESSAGE_TOO_BIG = 1009
IDENTITY_REFUSED = 4001
NO_SUCH_TASK = 4004
TOO_SLOW = 4008
MISBEHAVED = 4009
REPLACED = 4010
TOO_MANY = 4029
# The codes below 3000 that a close frame may carry.
REGISTERED = frozenset({*range(1000, 1004), *range(1007, 1015)})
OUR_CODES = frozenset({IDENTITY_REFUSED, NO_SUCH_TASK, TOO_SLOW, MISBEHAVED, REPLACED, TOO_MANY})


class CodedProtocol(WebSocketProtocol13):
    """Tornado's protocol with other close codes and a limit on the number of frames."""

    _second = 0
    _frames = 0

    async def _receive_frame(self) -> None:
        """Count frames. Tornado reports only whole messages, but an empty fragment costs as much."""
        await super()._receive_frame()
        second = int(time.monotonic())
        if second != self._second:
            self._second = second
            self._frames = 0
        self._frames += 1
        if self._frames > FRAMES_A_SECOND and not self.client_terminated:
            handler = self.handler
            if isinstance(handler, Socket):
                handler.leave(MISBEHAVED, "too much")
            self._abort()

    def _write_frame(self, fin: bool, opcode: int, data: bytes, flags: int = 0) -> asyncio.Future[None]:
        """Write a frame of Tornado's: a ping, a pong, a close. It may have to wait in the stream."""
        if isinstance(self.handler, Socket):
            self.handler.all_sent = False
        return super()._write_frame(fin, opcode, data, flags)

    async def periodic_ping(self) -> None:
        """Drop a peer that answers no ping at once. Tornado would wait 5 s more for its close frame."""
        await super().periodic_ping()  # returns only when no pong came
        self._abort()

    def close(self, code: int | None = None, reason: str | None = None) -> None:
        """Close. Tornado's 1009 becomes 4009, which says that the client must not reconnect.

        A peer's close is answered with its own code, or with 1002 if that code may not be sent (RFC 6455,
        7.4).
        """
        if self.client_terminated:
            if code is not None and code not in REGISTERED and not 3000 <= code <= 4999:
                code = PROTOCOL_ERROR
        elif code == MESSAGE_TOO_BIG:
            code = MISBEHAVED
        super().close(code, reason)


def _speaks_websocket(request: HTTPServerRequest) -> bool:
    """Whether a request asks properly for a websocket. Tornado would answer others in plain text.

    A request that announces a body is not proper: a handshake has none.
    """
    headers = request.headers
    connection = [option.strip().lower() for option in headers.get("Connection", "").split(",")]
    return (
        request.method == "GET"
        and headers.get("Content-Length", "0") == "0"
        and "Transfer-Encoding" not in headers
        and headers.get("Upgrade", "").lower() == "websocket"
        and "upgrade" in connection
        and bool(headers.get("Sec-WebSocket-Key"))
        and headers.get("Sec-WebSocket-Version") in ("7", "8", "13")
        and _is_address(headers.get("Origin", ""))
    )


def _is_address(origin: str) -> bool:
    """Whether an Origin can be read. Tornado would raise, and log a bug."""
    try:
        urlsplit(origin)
    except ValueError:
        return False
    return True


@stream_request_body
class Socket(WebSocketHandler):
    """A websocket to which encoded frames can be sent. It knows nothing of tasks.

    A request with a body is refused before the body comes: Tornado would collect a body of 100 MB from
    anybody.
    """

    # What each delivery reads: found at once in the object, unlike in a dict of some forty names.
    __slots__ = ("_plain", "all_sent")

    iostream: IOStream
    context: Context
    # The most bytes that may be queued once anything is queued.
    unsent_bytes_allowed = UNSENT_BYTES

    def initialize(self, context: Context | None = None) -> None:
        """Set the connection's state: no frame is unsent, but the reply to the handshake may be.

        `all_sent` is true if the stream has nothing to send, and false if only the stream knows.
        """
        if context is not None:
            self.context = context
        self.unsent_bytes = 0
        self.all_sent = False
        self._taken_at = 0.0
        self._plain: socket.socket | None = None
        self._cut_code = 0

    def set_default_headers(self) -> None:
        """Send no header that names the server software. If PUBLIC_URL is https, browsers must use only
        https."""
        self.clear_header("Server")
        if self.settings.get("only_https"):
            self.set_header("Strict-Transport-Security", HTTPS_ONLY)

    def check_origin(self, origin: str) -> bool:
        """Let every page connect: identity comes from a token, not from a cookie."""
        return True

    def prepare(self) -> None:
        """Answer a request that is no websocket's in JSON."""
        if not _speaks_websocket(self.request):
            self.write_error(426)

    def data_received(self, chunk: bytes) -> None:
        """Ignore a body."""

    def write_error(self, status_code: int, **_: Any) -> None:
        """Say in JSON why no websocket opens: usually because the request asked for none."""
        refusal = {403: TokenRequired(), 500: Internal(), 503: Unavailable()}.get(status_code)
        self.set_status(status_code if refusal else 426)
        self.set_header("Upgrade", "websocket")
        self.set_header("Content-Type", "application/json; charset=utf-8")
        refusal = refusal or BadRequest("这个地址只接受 websocket 连接")
        self.refused = refusal.error
        self.trace_id = secrets.token_hex(8)
        reply = RefusalReply(msg=refusal.msg, error=refusal.error, trace_id=self.trace_id)
        self.finish(msgspec.json.encode(reply))

    def get_websocket_protocol(self) -> WebSocketProtocol13 | None:
        """Return `CodedProtocol` in place of Tornado's."""
        protocol = super().get_websocket_protocol()
        return (
            CodedProtocol(self, False, protocol.params) if isinstance(protocol, WebSocketProtocol13) else None
        )

    async def open(self, *args: str, **kwargs: str) -> None:
        """Take the stream. While nothing waits, frames go straight into its socket."""
        stream = self.ws_connection.stream if self.ws_connection is not None else None
        assert stream is not None  # noqa: S101  (Tornado has both before it calls us)
        self.iostream = stream
        self.iostream.set_nodelay(True)
        # With TLS the stream has to write, since only it encrypts. Mostly a proxy in front of us ends TLS.
        if not isinstance(self.iostream, SSLIOStream):
            self._plain = self.iostream.socket

    def send(self, frames: bytes) -> None:
        """Send encoded frames: straight into the socket (`_plain`) while the stream has nothing to send
        (`all_sent`); otherwise, and with TLS, by the stream. What the socket does not take is queued; who has
        too much queued is cut off."""
        sent = 0
        # Most deliveries touch only this object and the socket: each further object would take time.
        if self._plain is not None and (self.all_sent or not self.iostream.writing()):
            self.all_sent = True
            try:
                sent = self._plain.send(frames)
            except BlockingIOError:
                pass
            except OSError:  # closed or reset by the peer, which the stream notices by itself
                return
            if sent == len(frames):
                return
        if not self.iostream.closed() and not self._cut_code:
            self._queue(memoryview(frames)[sent:])

    def _queue(self, rest: memoryview) -> None:
        if not self.unsent_bytes:
            self._taken_at = time.monotonic()
        elif self.unsent_bytes + len(rest) > self.unsent_bytes_allowed:
            # Checked only here, because one replay alone may be longer than the bound.
            self.cut(TOO_SLOW)
            return
        self.unsent_bytes += len(rest)
        self.all_sent = False
        self.on_queued()  # so that `cut_if_stuck` is called from now on
        # Written in pieces, because each piece reports when it was sent: so a long replay over a slow link is
        # not "stuck".
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

    def on_queued(self) -> None:
        """Called when bytes are queued: the subclass must have `cut_if_stuck` called once a second from now
        on."""

    def cut_if_stuck(self, now: float) -> bool:
        """Drop the connection if nothing was sent for STUCK_SECONDS; return whether bytes are queued."""
        if not self.unsent_bytes or self.iostream.closed():
            return False
        if now - self._taken_at > STUCK_SECONDS:
            self.cut(TOO_SLOW)
            return False
        return True

    def cut(self, code: int) -> None:
        """Drop the connection at once: a client that does not read would not read a close frame either."""
        self._cut_code = code
        self.iostream.close()

    def leave(self, code: int, reason: str) -> None:
        """Close with one of our codes. Nothing is sent after the close frame."""
        self._cut_code = code
        self._plain = None
        self.close(code, reason)

    def on_close(self) -> None:
        """Count the close code. Unknown codes of peers count as "other", since each code makes a time
        series."""
        if self.get_status() != 101:  # it never was a websocket
            return
        code = self._cut_code or self.close_code or NO_CLOSE_FRAME
        known = code in REGISTERED or code in OUR_CODES or code == NO_CLOSE_FRAME
        metrics.CLOSES.labels(str(code) if known else "other").inc()
