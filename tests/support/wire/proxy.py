"""A proxy between PyMongo and MongoDB that sees each message whole; what to do with it, subclasses say.

A connection has a thread of its own, which reads a request, sends it on and waits for the reply. That is how
MongoDB's protocol goes, and it keeps each fault a few lines in order.
"""

from __future__ import annotations

import socket
import threading
from contextlib import suppress

from support.wire.messages import Gone, Stream, more_to_come


class Link:
    """A client's connection and the one to MongoDB that stands for it."""

    def __init__(self, client: socket.socket, store: socket.socket) -> None:
        self.client, self.store = Stream(client), Stream(store)

    def forward(self, request: bytes) -> bytes | None:
        """Send a request on and return MongoDB's reply, None where none is due."""
        self.store.socket.sendall(request)
        return None if more_to_come(request) else self.store.read()

    def answer(self, reply: bytes) -> None:
        """Send the client a reply."""
        self.client.socket.sendall(reply)

    def cut(self) -> None:
        """End both connections."""
        for stream in (self.client, self.store):
            with suppress(OSError):
                stream.socket.shutdown(socket.SHUT_RDWR)
            stream.socket.close()


class Wire:
    """Takes connections on `port` of 127.0.0.1 from `start` to `end`, and passes on all that comes."""

    def __init__(self, host: str, port: int) -> None:
        self._target = host, port
        self._listening = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port: int = self._listening.getsockname()[1]
        self._links: set[Link] = set()
        self._ended = False

    def start(self) -> None:
        """Serve in threads."""
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self) -> None:
        """Take connections until `end`."""
        while not self._ended:
            try:
                client, _ = self._listening.accept()
            except OSError:
                return  # ended
            self.connected(client)
            threading.Thread(target=self._converse, args=(client,), daemon=True).start()

    def end(self) -> None:
        """Take no more connections, and cut those there are."""
        self._ended = True
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self.cut_all()

    def cut_all(self) -> None:
        """Cut the connections there are."""
        for link in list(self._links):
            link.cut()

    def exchange(self, link: Link, request: bytes) -> None:
        """Deal with one request: forward it and answer, or not."""
        reply = link.forward(request)
        while reply is not None:
            link.answer(reply)
            reply = link.store.read() if more_to_come(reply) else None

    def connected(self, client: socket.socket) -> None:
        """Note a connection, in the order in which they came."""

    def gone(self, client: socket.socket) -> None:
        """Note that a connection is closed, and that nothing of it is on its way to the store."""

    def _converse(self, client: socket.socket) -> None:
        try:
            self._pass_on(client)
        finally:
            self.gone(client)

    def _pass_on(self, client: socket.socket) -> None:
        try:
            store = socket.create_connection(self._target, timeout=5)
        except OSError:
            client.close()
            return
        store.settimeout(None)
        for connection in (client, store):
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        link = Link(client, store)
        self._links.add(link)
        try:
            while not self._ended:
                self.exchange(link, link.client.read())
        except (OSError, Gone):
            pass  # either end is gone, or we cut it
        finally:
            self._links.discard(link)
            link.cut()
