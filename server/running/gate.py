"""Which application answers while a process does not serve yet, and for how long requests wait for that.

A process answers from its first moment. Mostly the stores are there, and it serves a moment later: requests
that come before wait for that, longer on a busy machine. If MongoDB does not answer, they are told so within
a second.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

from tornado.httputil import (
    HTTPConnection,
    HTTPHeaders,
    HTTPMessageDelegate,
    HTTPServerConnectionDelegate,
    RequestStartLine,
)
from tornado.web import Application

from server.app import needs_database

# How long a request waits: while MongoDB has not answered, and once it has.
HELD_SECONDS, HELD_LONGER_SECONDS = 0.6, 4.0
LOOK_SECONDS = 0.1


class Gate(HTTPServerConnectionDelegate):
    """What a server calls for each request: passes it to the application that may answer it by then."""

    def __init__(self, waiting: Application, opens_soon: Callable[[], bool]) -> None:
        """`waiting` answers until `open`: at once what needs no database, the rest once it was held.

        `opens_soon` says whether MongoDB answers, and nothing stands against serving from it.
        """
        self.app = waiting
        self._opens_soon = opens_soon
        self._opened = asyncio.Event()

    def open(self, app: Application) -> None:
        """From now on let an application answer, also what waits."""
        self.app = app
        self._opened.set()

    def start_request(self, server_conn: object, request_conn: HTTPConnection) -> HTTPMessageDelegate:
        """Return what takes the next request of a connection."""
        if self._opened.is_set():
            return self.app.start_request(server_conn, request_conn)
        return _Held(self, server_conn, request_conn)

    async def opened(self) -> None:
        """Return when it is open, or when a request has been held long enough."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        while not self._opened.is_set():
            longest = HELD_LONGER_SECONDS if self._opens_soon() else HELD_SECONDS
            if loop.time() - began >= longest:
                return
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_SECONDS):
                    await self._opened.wait()


class _Held(HTTPMessageDelegate):
    """A request that came before the gate was open. Its body is read when it is passed on."""

    def __init__(self, gate: Gate, server_conn: object, request_conn: HTTPConnection) -> None:
        self._gate, self._server_conn, self._request_conn = gate, server_conn, request_conn
        self._delegate: HTTPMessageDelegate | None = None

    async def headers_received(  # type: ignore[override]
        self, start_line: RequestStartLine, headers: HTTPHeaders
    ) -> None:
        """Wait for the application, and pass the head on."""
        if needs_database(start_line.path.partition("?")[0]):
            await self._gate.opened()
        self._delegate = self._gate.app.start_request(self._server_conn, self._request_conn)
        taken = self._delegate.headers_received(start_line, headers)
        if taken is not None:
            await taken

    def data_received(self, chunk: bytes) -> Awaitable[None] | None:
        return self._delegate.data_received(chunk) if self._delegate is not None else None

    def finish(self) -> None:
        if self._delegate is not None:
            self._delegate.finish()

    def on_connection_close(self) -> None:
        if self._delegate is not None:
            self._delegate.on_connection_close()
