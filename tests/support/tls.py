"""TLS in front of a server that does not speak it."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from pathlib import Path
from urllib.parse import urlsplit

from server.runtime.background import end_tasks


class TlsFront:
    """Listens with TLS on a port of its own, and passes everything on to `url`."""

    def __init__(self, url: str, certificate: Path) -> None:
        """`certificate` is a PEM file with the certificate and its key."""
        address = urlsplit(url)
        self._host, self._port = address.hostname, address.port
        self._tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self._tls.load_cert_chain(certificate)
        self._passing: set[asyncio.Task[None]] = set()

    async def start(self) -> int:
        """Listen; return the port."""
        self._server = await asyncio.start_server(self._serve, "localhost", 0, ssl=self._tls, family=2)
        return int(self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Close everything."""
        self._server.close()
        await end_tasks(self._passing)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        up_reader, up_writer = await asyncio.open_connection(self._host, self._port)
        for pair in ((reader, up_writer), (up_reader, writer)):
            self._passing.add(asyncio.create_task(_pass_on(*pair)))


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        try:
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        finally:
            writer.close()
