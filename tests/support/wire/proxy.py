"""A proxy between PyMongo and MongoDB that reads whole messages. Subclasses say what to do with each message.

A connection has a thread of its own, which reads a request, sends it on and waits for the reply, as MongoDB's
protocol does. So each fault is a few lines, in the order of events.
"""

import socket
import threading
from contextlib import suppress

from support.wire.messages import Gone, Stream, more_to_come


class Link:
    """A client's connection, and the proxy's connection to MongoDB for it."""

    def __init__(self, client: socket.socket, store: socket.socket) -> None:
        self.client = Stream(client)
        self.store = Stream(store)

    def forward(self, request: bytes) -> bytes | None:
        """Send a request on and return MongoDB's reply; None if the request gets no reply."""
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
    """Accepts connections on `port` of 127.0.0.1 from `start` to `end`, and passes all messages on."""

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
        """Accept connections until `end`."""
        while not self._ended:
            try:
                client, _ = self._listening.accept()
            except OSError:
                return  # ended
            threading.Thread(target=self._pass_on, args=(client,), daemon=True).start()

    def end(self) -> None:
        """Accept no more connections, and cut the open ones."""
        self._ended = True
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self.cut_all()

    def cut_all(self) -> None:
        """Cut the open connections."""
        for link in list(self._links):
            link.cut()

    def exchange(self, link: Link, request: bytes) -> None:
        """Handle one request: forward and answer it, or do something else in a subclass."""
        reply = link.forward(request)
        while reply is not None:
            link.answer(reply)
            reply = link.store.read() if more_to_come(reply) else None

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
            pass  # either end closed the connection, or the proxy cut it
        finally:
            self._links.discard(link)
            link.cut()
