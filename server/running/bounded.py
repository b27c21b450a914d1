"""How many connections a process takes, of whom, and which one goes when it is full.

It stands on `listening.py`. Counts are one process's.
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
from ipaddress import ip_network
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
from server.addresses import UNKNOWN, Network, client_address
from server.errors import Refusal, TooMany, Unavailable
from server.running.listening import Connection, Door, Lobby, Newcomer, Report, reply_of, turn_away

# Descriptors that are kept: for the stores' connections and for files; for newcomers who do not ask yet; for
# health and operators. With few descriptors it is a quarter, a quarter and an eighth of what is free.
OWN_DESCRIPTORS, LOBBY_PLACES, SPARE_PLACES = 128, 512, 64
# What a spare connection may ask for.
KEPT_PATHS = frozenset({"/healthz", "/readyz", "/metrics", "/ops"})
KEPT_BELOW = ("/ops/", "/static/ops/")
# A connection is not closed for another one before the loop had time to read its request.
GRACE_SECONDS = 0.05
FREED_AT_ONCE = 8
UNLIMITED = 1 << 20
FULL_ADDRESS = "这个网络地址的连接太多，请关闭一些页面再试"


@dataclass(frozen=True, slots=True)
class Bounds:
    """What one process allows.

    `an_address` bounds the open connections of an address, behind trusted proxies its websockets and requests
    in flight; 0 is no bound. A websocket counts until a token proves whose it is: a mobile network has
    thousands of people behind one address, and a person's sockets are bounded by themselves.

    `header_seconds` is from a connection's begin, or from a later request's first byte, to the end of the
    headers; `idle_seconds` is from a reply to the end of the next headers.
    """

    an_address: int = 0
    trusted: tuple[Network, ...] = ()
    header_seconds: float = 10
    idle_seconds: float = 60


class Room(NamedTuple):
    """How many connections there is room for, and how many newcomers and spare connections besides."""

    connections: int
    lobby: int
    spare: int


class BoundedServer(HTTPServer):
    """An HTTP server that stays reachable however many connect.

    When its room is used up, a new connection that asks for something takes the place of the one that has
    waited longest without a request. If all are busy, it gets 503, unless it asks for health or for what
    operators use: a few spare places are kept for that.
    """

    def initialize(self, *args: Any, bounds: Bounds | None = None, **kwargs: Any) -> None:
        """Take what HTTPServer takes, and the bounds."""
        self._bounds = bounds or Bounds()
        self._doors: list[Door] = []
        self._report = Report()
        self._lobby = Lobby(self._bounds.header_seconds, self._settle, self._drop)
        self._others = 0  # descriptors that are no connections of ours
        self._served = 0
        self._spares = 0
        # Connections without a request, and since when. The oldest is first.
        self._waiting: dict[Connection, float] = {}
        self._waiting_spares: dict[Connection, float] = {}
        self._addresses: Counter[str] = Counter()
        # Whose request a proxy's connection carries now.
        self._carried: dict[object, str] = {}
        kwargs["idle_connection_timeout"] = self._bounds.idle_seconds
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
        self._report.end()
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
        newcomer = Newcomer(taken, peer, _counted(peer, None, self._bounds.trusted), time.monotonic())
        if self._is_full(newcomer.address):
            self._report.count("address")
            turn_away(taken, TooMany(FULL_ADDRESS))
            return False
        self._enter(newcomer.address)
        room = self._room()
        if self._served < room.connections:
            self._serve(newcomer)
            return True
        if not self._settle(newcomer):
            self._lobby.add(newcomer, room.lobby)
        return False

    def _settle(self, newcomer: Newcomer) -> bool:
        """Serve or turn away a newcomer to a full process; False while it asks for nothing.

        One that asks takes the place of a connection that does not, or a spare place.
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
            self._report.count("descriptors")
            self._leave(newcomer.address)
            turn_away(newcomer.taken, Unavailable())
        return True

    def _serve(self, newcomer: Newcomer, spare: bool = False) -> None:
        self._served += 1
        self._spares += spare
        metrics.OPEN_CONNECTIONS.inc()
        self.handle_stream(Connection(newcomer, spare, self._released, self._leave), (newcomer.peer, 0))

    def _drop(self, newcomer: Newcomer, why: str) -> None:
        self._report.count(why)
        self._leave(newcomer.address)
        newcomer.taken.close()

    def _is_full(self, address: str) -> bool:
        return bool(address) and 0 < self._bounds.an_address <= self._addresses[address]

    def _free_oldest(self, waiting: dict[Connection, float], grace_seconds: float) -> bool:
        """Close the connection that waits longest, if it had its time; return whether there was one."""
        for oldest, since in waiting.items():
            if time.monotonic() - since < grace_seconds:
                return False
            self._report.count("descriptors")
            oldest.close()
            return True
        return False

    def _failed(self, error: OSError) -> None:
        """Make some room after an accept that failed: mostly, since no descriptor was left."""
        self._report.count("accept", f"accept ({os.strerror(error.errno or 0)})")
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
        """Wait for a connection's next request."""
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
        """Forget a connection that was closed, or that is a websocket now."""
        assert isinstance(server_conn, HTTP1ServerConnection)  # noqa: S101  (Tornado says so)
        address, connection = self._carried.pop(server_conn, ""), server_conn.stream
        if isinstance(connection, Connection):
            self._waits_no_more(connection)  # its descriptor may be in use for a little longer
        if isinstance(connection, Connection) and not (connection.closed() or connection.vouched):
            # It counts until the websocket closes. Without a proxy it has counted all along.
            connection.address = connection.address or address
        else:
            self._leave(address)
        super().on_close(server_conn)

    def came(
        self, server_conn: object, connection: Connection, path: str, headers: HTTPHeaders
    ) -> Refusal | None:
        """Note that a request's headers came; return why it is turned away, if it is."""
        connection.headers_came()
        self._waits_no_more(connection)
        if connection.spare and not _is_kept(path):
            self._report.count("descriptors")
            return Unavailable()
        if connection.address or not self._bounds.an_address:
            return None
        address = _counted(connection.peer, headers.get("X-Forwarded-For"), self._bounds.trusted)
        if self._is_full(address):
            self._report.count("address")
            return TooMany(FULL_ADDRESS)
        if address:
            self._enter(address)
            self._carried[server_conn] = address
        return None


class _Guarded(HTTPMessageDelegate):
    """A request that may be turned away once its headers came; Tornado then closes the connection."""

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
        refusal = self._server.came(self._server_conn, connection, start_line.path, headers)
        if refusal is None:
            assert self._delegate is not None  # noqa: S101  (headers come once)
            return self._delegate.headers_received(start_line, headers)
        self._delegate = None
        status = ResponseStartLine("", refusal.http_status, responses[refusal.http_status])
        fields, body = reply_of(refusal)
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


def _counted(peer: str, forwarded_for: str | None, trusted: tuple[Network, ...]) -> str:
    """Return the address that a connection or request counts against; "" if only a proxy is known."""
    address = client_address(peer, forwarded_for, trusted)
    if address == UNKNOWN or any(network.overlaps(ip_network(address)) for network in trusted):
        return ""
    return address
