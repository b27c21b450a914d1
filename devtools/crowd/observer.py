"""A watcher of the crowd's tasks on a thread and a loop of its own.

A crowd of hundreds may be late itself: a frame has come, but its loop is busy. This watcher does nothing but
read frames, so the time at which it reads a frame depends only on the server.
"""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from collections.abc import Callable, Iterable

import msgspec
from tornado.httpclient import HTTPClientError, HTTPRequest
from tornado.iostream import StreamClosedError
from tornado.websocket import WebSocketClientConnection, WebSocketError, websocket_connect

from devtools.crowd.client import Login
from server.realtime.frames import Cd

CONNECT_SECONDS = 10
PING_SECONDS = 20
PONG_SECONDS = 10
AGAIN_SECONDS = 1.0
JOIN_SECONDS = 2.0
TURN_SECONDS = 0.1  # one message per turn: a socket may send 20 in a second
MOST_TASKS = 100  # the most that one socket may watch
# Threads of one interpreter take turns of this length: this thread must not wait long for the crowd's thread.
SWITCH_SECONDS = 0.0005


class _Cd(msgspec.Struct):
    type: str
    code: str = ""
    seq: int = 0


class Observer:
    """Calls `seen` for each dig's frame, with the task's code, the dig's number, and when the frame came.

    `seen` is called in the loop that made this observer. `running` has the codes of the tasks to watch; it
    may change at any time. Use the observer as a context manager.
    """

    def __init__(
        self,
        socket_url: str,
        login: Login,
        running: Iterable[str],
        seen: Callable[[tuple[str, int], float], None],
    ) -> None:
        self._url = socket_url
        self._login = login
        self._running = running
        self._tell = asyncio.get_running_loop().call_soon_threadsafe
        self._seen = seen
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name="observer", daemon=True)

    def __enter__(self) -> Observer:
        sys.setswitchinterval(SWITCH_SECONDS)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped = True
        self._thread.join(JOIN_SECONDS)

    def _run(self) -> None:
        asyncio.run(self._live())

    async def _live(self) -> None:
        while not self._stopped:
            try:
                request = HTTPRequest(self._url, headers=self._login.headers, connect_timeout=CONNECT_SECONDS)
                await self._watch(
                    await websocket_connect(request, ping_interval=PING_SECONDS, ping_timeout=PONG_SECONDS)
                )
            except (OSError, HTTPClientError, StreamClosedError, WebSocketError):
                await asyncio.sleep(AGAIN_SECONDS)

    async def _watch(self, connection: WebSocketClientConnection) -> None:
        """Watch the running tasks, until the connection ends or this is stopped."""
        reading = asyncio.ensure_future(self._read(connection))
        watched = set[str]()
        try:
            while not (self._stopped or reading.done()):
                running = set(list(self._running)[:MOST_TASKS])
                if ended := watched - running:
                    watched.discard(code := ended.pop())
                    await connection.write_message(_message("unsubscribe", code))
                elif wanted := running - watched:
                    watched.add(code := wanted.pop())
                    await connection.write_message(_message("subscribe", code))
                await asyncio.sleep(TURN_SECONDS)
        finally:
            connection.close()
            await reading

    async def _read(self, connection: WebSocketClientConnection) -> None:
        while (message := await connection.read_message()) is not None:
            now = time.monotonic()
            frame = msgspec.json.decode(message, type=_Cd)
            if frame.type == Cd.__struct_config__.tag:
                self._tell(self._seen, (frame.code, frame.seq), now)


def _message(action: str, code: str) -> str:
    return msgspec.json.encode({"action": action, "code": code}).decode()
