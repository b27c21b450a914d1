"""An open page of a task, as the server sees it: a websocket."""

import asyncio
import json
from typing import Any

import msgspec
from tornado.httpclient import HTTPRequest
from tornado.websocket import WebSocketClientConnection, websocket_connect

from support.declared import check_frame

SECONDS = 10
SHAKE = (
    "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
)


def handshake(path: str) -> bytes:
    """Return the request that opens a websocket on a bare connection."""
    return f"GET {path} HTTP/1.1\r\nHost: wabao\r\n{SHAKE}\r\n".encode()


async def watch(address: str, token: str, code: str, since: int = 0) -> "Page":
    """Open a treasure's page at a server's address, for who has this token and knows the dig `since`."""
    url = f"{address.replace('http', 'ws', 1)}/ws?code={code}&since={since}"
    asked = HTTPRequest(url, headers={"Authorization": f"Bearer {token}"}, validate_cert=False)
    return Page(await websocket_connect(asked))


class Page:
    """A websocket that collects its frames."""

    check = staticmethod(check_frame)

    def __init__(self, connection: WebSocketClientConnection) -> None:
        self.connection = connection
        self.frames: list[dict[str, Any]] = []
        self.ended = False

    async def next(self) -> dict[str, Any] | None:
        """Return the next frame; None once the socket is closed."""
        if self.ended:
            return None
        async with asyncio.timeout(SECONDS):
            message = await self.connection.read_message()
        if message is None:
            self.ended = True
            return None
        frame: dict[str, Any] = json.loads(message)
        self.check(frame)
        self.frames.append(frame)
        return frame

    async def until(self, kind: str, **values: Any) -> dict[str, Any]:
        """Read frames until one has this type and these values, and return it."""
        while True:
            frame = await self.next()
            assert frame is not None, f"closed with {self.connection.close_code} before a {kind}"
            if frame["type"] == kind and all(frame[name] == value for name, value in values.items()):
                return frame

    async def closed(self) -> int | None:
        """Read to the end and return the close code."""
        while await self.next() is not None:
            pass
        return self.connection.close_code

    async def ask(self, **message: Any) -> None:
        """Send a message."""
        await self.connection.write_message(msgspec.json.encode(message).decode())

    async def answers(self) -> bool:
        """Return True once the server has answered a ping, so that the socket is open and served."""
        await self.ask(action="ping")
        return bool(await self.until("pong"))
