"""Keep-alive HTTP connections with as little code as possible, so that the client is not what is measured."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import msgspec

from parts.login import log_in
from parts.serving import Person

CONNECT_SECONDS = 20
REPLY_SECONDS = 20


class Lost(Exception):
    """The connection ended before the reply came."""


class Line:
    """One connection: send a request's bytes, then wait for its reply."""

    def __init__(self, port: int) -> None:
        self.port = port
        self._writer: asyncio.StreamWriter | None = None

    @property
    def is_open(self) -> bool:
        return self._writer is not None

    @property
    def own_port(self) -> int:
        """The client's port of this connection."""
        if self._writer is None:
            raise Lost
        port: int = self._writer.get_extra_info("sockname")[1]
        return port

    async def connect(self) -> None:
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self.port)
        except (OSError, TimeoutError) as error:
            raise Lost from error

    def send(self, request: bytes) -> None:
        if self._writer is None:
            raise Lost
        self._writer.write(request)

    async def reply(self) -> dict[str, Any]:
        """Return the reply's JSON. Raises Lost; the line is then closed."""
        found: dict[str, Any] = msgspec.json.decode(await self.body())
        return found

    async def body(self) -> bytes:
        """Return the reply's body. Raises Lost; the line is then closed."""
        try:
            async with asyncio.timeout(REPLY_SECONDS):
                head = await self._reader.readuntil(b"\r\n\r\n")
                length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
                return await self._reader.readexactly(int(length))
        except (OSError, EOFError, TimeoutError) as error:
            self.close()
            raise Lost from error

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None


def get(path: str, token: str) -> bytes:
    """Return the bytes of a GET."""
    return f"GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\r\n".encode()


def post(path: str, asked: dict[str, Any], token: str) -> bytes:
    """Return the bytes of a POST with JSON."""
    body = msgspec.json.encode(asked)
    head = (
        f"POST {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def log_in_all(port: int, number: int, at_once: int = 8) -> list[Person]:
    """Log `number` people in through the sandbox, `at_once` at a time. They give neither name nor face."""
    with (
        httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as http,
        ThreadPoolExecutor(at_once) as threads,
    ):

        def one(user: str) -> Person:
            data = log_in(http, user, "")
            return Person(data["unionid"], data["token"])

        return list(threads.map(one, (f"person{index}" for index in range(number))))
