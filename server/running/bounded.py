"""How many connections a process takes, how many per address, and which one is closed when it is full.

It builds on `listening.py`. All counts are per process.
"""

from __future__ import annotations

import os
import resource
import socket
import time
from collections import Counter
from collections.abc import Awaitable, Iterable
from dataclasses import dataclass
from http.client import responses
from typing import Any, NamedTuple

from tornado.http1connection import HTTP1ServerConnection
from tornado.httpserver import HTTPServer
from tornado.httputil import (
    HTTPConnection,
    HTTPHeaders,
    HTTPMessageDelegate,
    RequestStartLine,
    ResponseStartLine,
)

from server import metrics
from server.addresses import Network, counted_address
from server.errors import Refusal, TooMany, Unavailable
from server.running.listening import Connection, Door, Lobby, Newcomer, TurnedAway, reply_of, turn_away

# Descriptors set aside: for files and connections to the stores; for newcomers in the lobby; for health and
# operators. They are at most a quarter, a quarter and an eighth of the free ones.
OWN_DESCRIPTORS, LOBBY_PLACES, SPARE_PLACES = 128, 512, 64
# The paths that a spare connection may ask for.
KEPT_PATHS = frozenset({"/healthz", "/readyz", "/metrics", "/ops"})
KEPT_BELOW = ("/ops/", "/static/ops/")
# A connection younger than this is not closed for another: the loop may not have read its request yet.
GRACE_SECONDS = 0.05
FREED_AT_ONCE = 8
UNLIMITED = 1 << 20
FULL_ADDRESS = "这个网络地址的连接太多，请关闭一些页面再试"


@dataclass(frozen=True, slots=True)
class Bounds:
    """What one process allows.

    `an_address` bounds an address's open connections; behind a trusted proxy, its websockets and its requests
    under way. 0 is no bound. A websocket counts until a token proves whose it is, since a mobile network has
    thousands of people behind one address. A person's websockets have a bound of their own.

    `header_seconds` limits the time to the end of the headers. It begins with the connection, or with the
    first byte of a later request. `idle_seconds` limits it from a reply to the end of the next headers.
    `body_seconds` limits a body that nobody takes; handlers that take one have limits of their own.
    """

    an_address: int = 0
    trusted: tuple[Network, ...] = ()
    header_seconds: float = 10
    idle_seconds: float = 60
    body_seconds: float = 20
    only_https: bool = False


class Room(NamedTuple):
    """How many connections there is room for and, besides them, how many newcomers and spare connections."""

    connections: int
    lobby: int
    spare: int


class BoundedServer(HTTPServer):
    """An HTTP server that stays reachable even if very many connect.

    If it is full, a new connection that sends a request replaces the one that has been without a request for
    longest. If all are busy, the new one gets 503. For health and the operators' screens a few spare places
    are kept.
    """

    @property
    def only_https(self) -> bool:
        """Whether browsers must use only https, as replies then say."""
        return self._bounds.only_https

    def initialize(self, *args: Any, bounds: Bounds | None = None, **kwargs: Any) -> None:
        """Take what HTTPServer takes, and the bounds."""
        self._bounds = bounds or Bounds()
        self._doors: list[Door] = []
        self._turned_away = TurnedAway()
        self._lobby = Lobby(self._bounds.header_seconds, self._decide, self._drop)
        self._others = 0  # descriptors open before we accept connections
        self._served = 0
        self._spares = 0
        # Connections without a request, with the time since when; the oldest first.
        self._waiting: dict[Connection, float] = {}
        self._waiting_spares: dict[Connection, float] = {}
        self._addresses: Counter[str] = Counter()
        # The address whose request a proxy's connection carries now.
        self._carried: dict[object, str] = {}
        kwargs["idle_connection_timeout"] = self._bounds.idle_seconds
        kwargs["body_timeout"] = self._bounds.body_seconds
        super().initialize(*args, **kwargs)

    def add_sockets(self, sockets: Iterable[socket.socket]) -> None:
        """Accept from these listeners."""
        self._others = len(os.listdir("/dev/fd"))
        self._doors += [Door(listener, self._take, self._failed) for listener in sockets]

    def stop(self) -> None:
        """Accept no more."""
        for door in self._doors:
            door.close()
        self._doors.clear()
        self._lobby.close()
        self._turned_away.end()
        super().stop()

    # ---- connections

    def _room(self) -> Room:
        limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        if limit == resource.RLIM_INFINITY:
            limit = UNLIMITED
        free = max(0, limit - self._others)
        lobby, spare = min(LOBBY_PLACES, free // 4), min(SPARE_PLACES, free // 8)
        return Room(free - min(OWN_DESCRIPTORS, free // 4) - lobby - spare, lobby, spare)

    def _take(self, taken: socket.socket, peer: str) -> bool:
        newcomer = Newcomer(taken, peer, counted_address(peer, None, self._bounds.trusted), time.monotonic())
        if self._is_full(newcomer.address):
            self._turned_away.count("address")
            turn_away(taken, TooMany(FULL_ADDRESS), only_https=self._bounds.only_https)
            return False
        self._enter(newcomer.address)
        room = self._room()
        if self._served < room.connections:
            self._serve(newcomer)
            return True
        if not self._decide(newcomer):
            self._lobby.add(newcomer, room.lobby)
        return False

    def _decide(self, newcomer: Newcomer) -> bool:
        """Serve a newcomer or turn it away; return False if it has sent no request yet.

        In a full process, one with a request gets the place of an idle connection, or a spare place.
        """
        room = self._room()
        if self._served < room.connections:
            self._serve(newcomer)
            return True
        path = newcomer.path()
        if path is None:
            return False
        if not path:
            self._leave(newcomer.address)
            newcomer.taken.close()
        elif self._free_oldest(self._waiting, GRACE_SECONDS):
            self._serve(newcomer)
        elif _is_kept(path) and (self._spares < room.spare or self._free_oldest(self._waiting_spares, 0)):
            self._serve(newcomer, spare=True)
        else:
            self._turned_away.count("descriptors")
            self._leave(newcomer.address)
            turn_away(newcomer.taken, Unavailable(), only_https=self._bounds.only_https)
        return True

    def _serve(self, newcomer: Newcomer, spare: bool = False) -> None:
        self._served += 1
        self._spares += spare
        metrics.OPEN_CONNECTIONS.inc()
        self.handle_stream(Connection(newcomer, spare, self._released, self._leave), (newcomer.peer, 0))

    def _drop(self, newcomer: Newcomer, why: str) -> None:
        self._turned_away.count(why)
        self._leave(newcomer.address)
        newcomer.taken.close()

    def _is_full(self, address: str) -> bool:
        return bool(address) and 0 < self._bounds.an_address <= self._addresses[address]

    def _free_oldest(self, waiting: dict[Connection, float], grace_seconds: float) -> bool:
        """Close the connection that waits longest, if that is `grace_seconds` or more; return if one was."""
        for oldest, since in waiting.items():
            if time.monotonic() - since < grace_seconds:
                return False
            self._turned_away.count("descriptors")
            oldest.close()
            return True
        return False

    def _failed(self, error: OSError) -> None:
        """Make room after a failed accept: mostly no descriptor was left."""
        self._turned_away.count("accept", f"accept ({os.strerror(error.errno or 0)})")
        for _ in range(FREED_AT_ONCE):
            if not self._free_oldest(self._waiting or self._waiting_spares, 0):
                return

    def _released(self, connection: Connection) -> None:
        self._served -= 1
        self._spares -= connection.spare
        self._leave(connection.address)
        self._waits_no_more(connection)
        metrics.OPEN_CONNECTIONS.dec()

    def _enter(self, address: str) -> None:
        if address:
            self._addresses[address] += 1

    def _leave(self, address: str) -> None:
        if address:
            self._addresses[address] -= 1
            if not self._addresses[address]:
                del self._addresses[address]

    def _waits_no_more(self, connection: Connection) -> None:
        self._waiting.pop(connection, None)
        self._waiting_spares.pop(connection, None)

    # ---- requests

    def start_request(self, server_conn: object, request_conn: HTTPConnection) -> HTTPMessageDelegate:
        """Note that a connection waits for its next request."""
        connection: Connection = request_conn.stream  # type: ignore[attr-defined]
        self._leave(self._carried.pop(server_conn, ""))
        if not connection.closed():
            if connection.spare and self._served <= self._room().connections:
                connection.spare = False
                self._spares -= 1
            waiting = self._waiting_spares if connection.spare else self._waiting
            waiting[connection] = time.monotonic()
            connection.expect_headers(self._bounds.header_seconds, now=not connection.asked)
        return _Guarded(self, server_conn, request_conn, super().start_request(server_conn, request_conn))

    def on_close(self, server_conn: object) -> None:
        """Forget a connection that was closed or has become a websocket."""
        assert isinstance(server_conn, HTTP1ServerConnection)  # noqa: S101  (Tornado says so)
        address, connection = self._carried.pop(server_conn, ""), server_conn.stream
        if isinstance(connection, Connection):
            self._waits_no_more(connection)  # `_released` follows once its descriptor is free
        if isinstance(connection, Connection) and not (connection.closed() or connection.vouched):
            # A websocket counts until it closes or is vouched for. Without a proxy it counts already.
            connection.address = connection.address or address
        else:
            self._leave(address)
        super().on_close(server_conn)

    def headers_came(
        self, server_conn: object, connection: Connection, path: str, headers: HTTPHeaders
    ) -> Refusal | None:
        """Note that a request's headers came; return the refusal if it is turned away."""
        connection.headers_came()
        self._waits_no_more(connection)
        if connection.spare and not _is_kept(path):
            self._turned_away.count("descriptors")
            return Unavailable()
        if connection.address or not self._bounds.an_address:
            return None
        address = counted_address(connection.peer, headers.get("X-Forwarded-For"), self._bounds.trusted)
        if self._is_full(address):
            self._turned_away.count("address")
            return TooMany(FULL_ADDRESS)
        if address:
            self._enter(address)
            self._carried[server_conn] = address
        return None


class _Guarded(HTTPMessageDelegate):
    """A request that may be turned away once its headers came. Tornado then closes the connection."""

    def __init__(
        self,
        server: BoundedServer,
        server_conn: object,
        request_conn: HTTPConnection,
        delegate: HTTPMessageDelegate,
    ) -> None:
        self._server, self._server_conn, self._request_conn = server, server_conn, request_conn
        self._delegate: HTTPMessageDelegate | None = delegate

    def headers_received(
        self, start_line: RequestStartLine | ResponseStartLine, headers: HTTPHeaders
    ) -> Awaitable[None] | None:
        assert isinstance(start_line, RequestStartLine)  # noqa: S101  (a server gets requests)
        connection: Connection = self._request_conn.stream  # type: ignore[attr-defined]
        refusal = self._server.headers_came(self._server_conn, connection, start_line.path, headers)
        if refusal is None:
            assert self._delegate is not None  # noqa: S101  (headers come once)
            return self._delegate.headers_received(start_line, headers)
        self._delegate = None
        status = ResponseStartLine("", refusal.http_status, responses[refusal.http_status])
        fields, body = reply_of(refusal, only_https=self._server.only_https)
        self._request_conn.write_headers(
            status, HTTPHeaders(fields), body if start_line.method != "HEAD" else None
        )
        self._request_conn.finish()
        return None

    def data_received(self, chunk: bytes) -> Awaitable[None] | None:
        return self._delegate.data_received(chunk) if self._delegate is not None else None

    def finish(self) -> None:
        if self._delegate is not None:
            self._delegate.finish()

    def on_connection_close(self) -> None:
        if self._delegate is not None:
            self._delegate.on_connection_close()


def _is_kept(path: str) -> bool:
    path = path.partition("?")[0]
    return path in KEPT_PATHS or path.startswith(KEPT_BELOW)
