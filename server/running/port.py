"""The HTTP server: Tornado's, which accepts no more than it has descriptors for, and cuts off no reply.

A proxy in front of it holds back who sends slowly, too much or too often: `deploy/nginx.conf`.
"""

import asyncio
import logging
import resource
import socket
from collections.abc import Awaitable, Callable, Iterable

from tornado.http1connection import HTTP1Connection
from tornado.httpserver import HTTPServer
from tornado.httputil import (
    HTTPConnection,
    HTTPHeaders,
    HTTPMessageDelegate,
    HTTPServerRequest,
    RequestStartLine,
    ResponseStartLine,
)
from tornado.iostream import IOStream

from handlers.bodies import THROWN_AWAY_BYTES, is_small
from server.runtime.deadline import happened
from server.telemetry import metrics

HEAD_BYTES = 8 << 10  # Tornado parses so much in 1,600 lines in 5 ms.
# A connection may wait so long for its next request: longer than a proxy keeps it.
IDLE_SECONDS = 75.0
BODY_SECONDS = 20.0
# How long a body above STRANGERS_BYTES may take: a photo of 3 MB over a slow 3G takes 60 s.
LARGE_SECONDS = 110.0
# Descriptors for files and for connections to the stores: at most a quarter of all.
OWN_DESCRIPTORS = 128
# So few connections begin in one turn of the loop that a dig, which takes several turns, is not delayed by a
# crowd that comes at once.
ACCEPTED_A_TURN = 4
# How long nothing is accepted after accepting failed, mostly because no descriptor was left.
REST_SECONDS = 0.1
TOLD_SECONDS = 60.0
# The supervisor kills a worker 25 s after SIGTERM. These times and CONTEXT_SECONDS in `worker.py` add up to
# less.
REQUESTS_SECONDS = 17
LAST_REPLIES_SECONDS = 1
CONNECTIONS_SECONDS = 1

log = logging.getLogger("wabao.worker")


class Port(HTTPServer):
    """An HTTP server that knows which of its connections have a request under way.

    An open websocket has left the server, so it does not count as one.
    """

    def initialize(self, request_callback: Callable[[HTTPServerRequest], None]) -> None:  # type: ignore[override]
        """Take what answers requests."""
        self._accepting: list[asyncio.Task[None]] = []
        self._tell_at = 0.0
        self._open: dict[object, _UnderWay] = {}  # with the request that is awaited or under way
        self._busy: set[object] = set()
        self._empty = asyncio.Event()
        self._idle = asyncio.Event()
        self._empty.set()
        self._idle.set()
        super().initialize(
            request_callback,
            max_header_size=HEAD_BYTES,
            max_body_size=THROWN_AWAY_BYTES,
        )
        # `_UnderWay` has limits of its own: Tornado's make two futures and a task for each request.
        self.conn_params.header_timeout = None

    def add_sockets(self, sockets: Iterable[socket.socket]) -> None:
        """Accept from these listeners."""
        loop = asyncio.get_running_loop()
        self._accepting += [loop.create_task(self._accept(listener)) for listener in sockets]

    async def _accept(self, listener: socket.socket) -> None:
        """Accept connections until cancelled. Tornado would try again at once, for ever, if accepting
        fails."""
        loop = asyncio.get_running_loop()
        with listener:
            while True:
                try:
                    for _ in range(ACCEPTED_A_TURN):
                        self._take(*await loop.sock_accept(listener))
                    await asyncio.sleep(0)
                except OSError as error:
                    self._turned_away("accept", f"accepting failed: {error.strerror}")
                    await asyncio.sleep(REST_SECONDS)

    def _take(self, taken: socket.socket, address: tuple[str, int]) -> None:
        """Serve a connection, or close it if few descriptors are left: the kernel gives the lowest free
        one."""
        limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        if 0 <= limit - min(OWN_DESCRIPTORS, limit // 4) <= taken.fileno():
            taken.close()
            self._turned_away("descriptors", "all descriptors are taken")
            return
        self.handle_stream(IOStream(taken), address)

    def _turned_away(self, why: str, words: str) -> None:
        metrics.TURNED_AWAY.labels(why).inc()
        now = asyncio.get_running_loop().time()
        if now >= self._tell_at:
            self._tell_at = now + TOLD_SECONDS
            log.warning("connections are turned away (at most one line a minute): %s", words)

    def stop(self) -> None:
        """Accept no more."""
        for accepting in self._accepting:
            accepting.cancel()
        super().stop()

    async def drain(self) -> None:
        """Accept no more, answer the requests under way, then close all connections.

        From now on the reply to each new request says that it is its connection's last. A connection in use
        sends a request within a second, so none meets a connection that closes without a word.
        """
        self.stop()
        self.conn_params.no_keep_alive = True
        if not await happened(self._idle, REQUESTS_SECONDS):
            log.warning("%d requests were not answered within %d s", len(self._busy), REQUESTS_SECONDS)
        await happened(self._empty, LAST_REPLIES_SECONDS)
        try:
            async with asyncio.timeout(CONNECTIONS_SECONDS):
                await self.close_all_connections()
        except TimeoutError:
            log.warning("connections did not close within %d s", CONNECTIONS_SECONDS)

    def start_request(self, server_conn: object, request_conn: HTTPConnection) -> HTTPMessageDelegate:
        """Expect a connection's next request. The earlier request on it, if any, is answered."""
        self._answered(server_conn)
        self._empty.clear()
        assert isinstance(request_conn, HTTP1Connection)  # noqa: S101  (we serve HTTP/1 alone)
        answers = super().start_request(server_conn, request_conn)
        begun = _UnderWay(answers, request_conn.stream, lambda: self._begun(server_conn))
        self._open[server_conn] = begun
        return begun

    def on_close(self, server_conn: object) -> None:
        """Forget a connection that was closed or has become a websocket."""
        self._answered(server_conn)
        self._open.pop(server_conn).late.cancel()
        if not self._open:
            self._empty.set()
        super().on_close(server_conn)

    def _begun(self, server_conn: object) -> None:
        self._busy.add(server_conn)
        self._idle.clear()

    def _answered(self, server_conn: object) -> None:
        self._busy.discard(server_conn)
        if not self._busy:
            self._idle.set()


class _UnderWay(HTTPMessageDelegate):
    """Says when a request's headers have come, and closes a connection whose headers or body come too
    late."""

    def __init__(self, answers: HTTPMessageDelegate, stream: IOStream, began: Callable[[], None]) -> None:
        self._answers = answers
        self._stream = stream
        self._began = began
        self._expect(IDLE_SECONDS)

    def _expect(self, seconds: float) -> None:
        self.late = asyncio.get_running_loop().call_later(seconds, self._stream.close)

    def headers_received(
        self, start_line: RequestStartLine | ResponseStartLine, headers: HTTPHeaders
    ) -> Awaitable[None] | None:
        self._began()
        self.late.cancel()
        self._expect(BODY_SECONDS if is_small(headers) else LARGE_SECONDS)
        return self._answers.headers_received(start_line, headers)

    def data_received(self, chunk: bytes) -> Awaitable[None] | None:
        return self._answers.data_received(chunk)

    def finish(self) -> None:
        self.late.cancel()
        self._answers.finish()

    def on_connection_close(self) -> None:
        self._answers.on_connection_close()
