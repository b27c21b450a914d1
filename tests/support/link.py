"""A TCP proxy, whose connections can be slow, stop passing data on, or be cut."""

import asyncio
import contextlib
import ssl
import sys
from collections.abc import AsyncIterator
from urllib.parse import urlsplit


class Link:
    """A proxy in front of a server. `answers_after_seconds` delays what the server sends."""

    def __init__(self, url: str, tls: ssl.SSLContext | None = None, cut_after: int = sys.maxsize) -> None:
        """`url` is the server's. With `tls`, clients speak TLS.

        Each connection is reset after `cut_after` bytes from the server.
        """
        self._server = urlsplit(url)
        self._tls = tls
        self._cut_after = cut_after
        self.passed = 0  # connections
        self.answers_after_seconds = 0.0
        self._passing: set[asyncio.Task[None]] = set()
        self._serving: set[asyncio.Task[None] | None] = set()
        self._clients: list[asyncio.StreamWriter] = []
        self._ups: list[asyncio.StreamWriter] = []

    @contextlib.asynccontextmanager
    async def port(self) -> AsyncIterator[int]:
        """Listen on localhost; yield the port."""
        listening = await asyncio.start_server(self._serve, "localhost", 0, ssl=self._tls, family=2)
        yield listening.sockets[0].getsockname()[1]
        listening.close()
        # A connection that came just now would stay open, and be logged in the test that collects it.
        await asyncio.gather(*(each for each in self._serving if each))
        self.go_half_open()
        writers = (*self._clients, *self._ups)
        for writer in writers:
            writer.close()
        await asyncio.gather(*(each.wait_closed() for each in writers), return_exceptions=True)

    @contextlib.asynccontextmanager
    async def redis(self) -> AsyncIterator[str]:
        """Listen; yield the URL of the Redis behind this link."""
        async with self.port() as port:
            yield f"redis{'s' if self._tls else ''}://localhost:{port}/0"

    def go_half_open(self) -> None:
        """Pass nothing more over the connections that are open, and keep them open. New connections work."""
        for each in self._passing:
            each.cancel()
        self._passing.clear()

    def inject(self, data: bytes) -> None:
        """Send bytes to all clients, as if they came from the server."""
        for writer in self._clients:
            writer.write(data)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving = asyncio.current_task()
        self._serving.add(serving)
        self._clients.append(writer)
        try:
            up_reader, up_writer = await asyncio.open_connection(self._server.hostname, self._server.port)
        except OSError:
            writer.close()
            return
        finally:
            self._serving.discard(serving)
        self.passed += 1
        self._ups.append(up_writer)
        self._passing.add(asyncio.create_task(self._ask(reader, up_writer)))
        self._passing.add(asyncio.create_task(self._answer(up_reader, writer, up_writer)))

    async def _ask(self, client: asyncio.StreamReader, up_writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await client.read(65536):
                up_writer.write(data)
                await up_writer.drain()
            up_writer.close()

    async def _answer(
        self, up_reader: asyncio.StreamReader, client: asyncio.StreamWriter, up_writer: asyncio.StreamWriter
    ) -> None:
        left = self._cut_after
        with contextlib.suppress(ConnectionError):
            while left and (data := await up_reader.read(min(left, 65536))):
                await asyncio.sleep(self.answers_after_seconds)
                client.write(data)
                left -= len(data)
                await client.drain()
            client.close()
        if not left:
            for writer in (client, up_writer):
                writer.transport.abort()
