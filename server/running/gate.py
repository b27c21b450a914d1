"""Which application answers while a process does not serve yet, and for how long requests wait for that.

A process answers from its first moment. Usually the stores answer and it serves a moment later; earlier
requests wait until then, longer on a busy machine. If MongoDB does not answer, requests are refused within a
second.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

from tornado.httputil import HTTPConnection, HTTPMessageDelegate, HTTPServerConnectionDelegate
from tornado.web import Application

from server.app import needs_database

# How long a request waits: while MongoDB has not answered, and once it has.
WAIT_SECONDS, LONGER_WAIT_SECONDS = 0.6, 4.0
LOOK_SECONDS = 0.1


class Gate(HTTPServerConnectionDelegate):
    """What a server calls for each request: lets it wait, and says which application then answers it."""

    def __init__(self, waiting: Application, opens_soon: Callable[[], bool]) -> None:
        """`waiting` answers until `open`: at once what needs no database, the rest after a wait.

        `opens_soon` says whether MongoDB answers and nothing so far forbids serving from it.
        """
        self.app = waiting
        self._opens_soon = opens_soon
        self._opened = asyncio.Event()

    def open(self, app: Application) -> None:
        """From now on let an application answer, also the requests that wait."""
        self.app = app
        self._opened.set()

    def start_request(self, server_conn: object, request_conn: HTTPConnection) -> HTTPMessageDelegate:
        """Return the object that takes a request whose head came; the request may go on after `ready_for`."""
        return self.app.start_request(server_conn, request_conn)

    async def ready_for(self, target: str) -> None:
        """Return once the gate is open, or a request for this path and query has waited long enough."""
        if self._opened.is_set():
            return
        loop = asyncio.get_running_loop()
        began = loop.time()
        while not self._opened.is_set() and needs_database(target.partition("?")[0]):
            longest = LONGER_WAIT_SECONDS if self._opens_soon() else WAIT_SECONDS
            if loop.time() - began >= longest:
                return
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_SECONDS):
                    await self._opened.wait()
