"""The HTTP server: which connections and requests a process takes, and which of them it ends when it is full.

The path of a connection (`listening.py` has the accept queue and the connection itself):

    the kernel's queue
      │  AcceptQueue: takes some per turn of the loop; rests if there is no room, or accepting fails
      ▼
    BoundedServer._take: a free descriptor; else that of the connection that waits longest for a request;
      │                  else one of the spare ones, which are for health and operators
      ▼
    Connection: the head, at most 16 KB and 100 lines, within 10 s                     else 431, or closed
      ▼
    BoundedServer.head_came: passes few heads per turn on to Tornado, which parses them
      ▼
    _Request.headers_received: a place for a person with a good token, else one for the address. If all are
      │                        taken, a request with a slow client gives its place up             else 429
      ▼
    the application; then the connection waits for its next head, or has become a websocket

Connections that wait take no place. All counts are per process.
"""

from __future__ import annotations

import asyncio
import logging
import os
import resource
import socket
import time
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

from tornado.http1connection import HTTP1Connection, HTTP1ServerConnection
from tornado.httpserver import HTTPServer
from tornado.httputil import (
    HTTPConnection,
    HTTPHeaders,
    HTTPMessageDelegate,
    RequestStartLine,
)

from handlers.bodies import THROWN_AWAY_BYTES
from server.errors import Refusal, TooMany, Unavailable
from server.running.listening import AcceptQueue, Connection, TurnedAway
from server.security.addresses import Network, counted_address, counted_networks
from server.telemetry import metrics

# OWN_DESCRIPTORS are set aside for files and connections to the stores, and SPARE_PLACES for health and
# operators: at most a quarter and at most an eighth of the free descriptors.
OWN_DESCRIPTORS, SPARE_PLACES = 128, 64
# The paths that a spare connection may ask for.
KEPT_PATHS = frozenset({"/healthz", "/readyz", "/metrics", "/ops"})
KEPT_BELOW = ("/ops/", "/static/ops/")
# A connection younger than this is not closed for another: the loop may not have read its request yet.
GRACE_SECONDS = 0.05
FREED_AT_ONCE = 8
UNLIMITED = 1 << 20
# Each head takes up to half a millisecond to parse, and the work of its request comes on top.
HEADS_A_TURN = 8
FULL_ADDRESS = "这个网络地址同时进行的请求太多，请稍后再试"
FULL_PERSON = "你同时进行的请求太多，请关闭一些页面再试"
# The supervisor kills a worker 25 s after SIGTERM. These times and CONTEXT_SECONDS in `worker.py` add up to
# less.
LAST_REPLIES_SECONDS, REQUESTS_SECONDS, CONNECTIONS_SECONDS = 1, 17, 1

log = logging.getLogger("wabao.worker")


@dataclass(frozen=True, slots=True)
class Bounds:
    """What one process allows.

    A request takes a place from its headers to its reply, and a websocket until it closes. A request with a
    good token takes one of the places of that person (`a_person`; websockets have a bound of their own). Any
    other request takes one of the places of its address (`an_address`; ten times as many for the /48 of an
    IPv6 address). 0 is no bound.

    `header_seconds` limits the time to the end of the headers. That time begins with the connection, or with
    the first byte of a later request. `idle_seconds` limits the time from a reply to the end of the next
    headers. `body_seconds` limits a body that no handler takes; handlers that take one have their own limits.
    """

    an_address: int = 0
    a_person: int = 0
    trusted: tuple[Network, ...] = ()
    header_seconds: float = 10
    idle_seconds: float = 60
    body_seconds: float = 20
    only_https: bool = False


class Room(NamedTuple):
    """For how many connections there is room and, besides these, for how many spare connections."""

    connections: int
    spare: int


# Given a request's target and headers, returns the owner of the request's token, "" without a good token.
PersonOf = Callable[[str, HTTPHeaders], str]


def _nobody(_target: str, _headers: HTTPHeaders) -> str:
    return ""


class BoundedServer(HTTPServer):
    """An HTTP server that stays reachable even if very many connect, and that cuts off no reply when it ends.

    It knows which of its connections have a request under way. An open websocket has left the server, so it
    does not count as one.
    """

    @property
    def only_https(self) -> bool:
        """Whether browsers must use only https, as replies then say."""
        return self._bounds.only_https

    def initialize(
        self,
        *args: Any,
        bounds: Bounds | None = None,
        person_of: PersonOf = _nobody,
        **kwargs: Any,
    ) -> None:
        """Take what HTTPServer takes, and the bounds."""
        self._bounds = bounds or Bounds()
        self._person_of = person_of
        self._accept_queues: list[AcceptQueue] = []
        self._turned_away = TurnedAway()
        self._others = 0  # descriptors open before we accept connections
        self._served = 0
        self._spares = 0
        # Connections without a request, with the time since which they wait; the oldest first.
        self._waiting: dict[Connection, float] = {}
        self._waiting_spares: dict[Connection, float] = {}
        # Heads that came and wait for their turn, and how many have gone on in this turn of the loop.
        self._heads: deque[asyncio.Future[None]] = deque()
        self._passed = 0
        self._closes_idle: asyncio.TimerHandle | None = None
        # The connections that hold a person's or an address's places, the oldest first.
        self._places: defaultdict[str, dict[Connection, None]] = defaultdict(dict)
        self._draining = False
        self._open: dict[Connection, HTTP1Connection] = {}  # each with its present or next request
        self._busy: set[Connection] = set()
        self._empty, self._idle = asyncio.Event(), asyncio.Event()
        self._empty.set()
        self._idle.set()
        kwargs["body_timeout"] = self._bounds.body_seconds
        kwargs["max_body_size"] = THROWN_AWAY_BYTES
        super().initialize(*args, **kwargs)
        # One timer closes all idle connections. Tornado's own timeout would take a task, a timer and two
        # futures per request.
        self.conn_params.header_timeout = None

    def add_sockets(self, sockets: Iterable[socket.socket]) -> None:
        """Accept from these listeners."""
        self._others = len(os.listdir("/dev/fd"))
        self._accept_queues += [AcceptQueue(listener, self._take, self._failed) for listener in sockets]

    def stop(self) -> None:
        """Accept no more."""
        for queue in self._accept_queues:
            queue.close()
        self._accept_queues.clear()
        self._turned_away.end()
        super().stop()

    async def drain(self) -> None:
        """Accept no more, answer the requests under way, then close all connections.

        From now on each reply says that it is its connection's last. A connection in use sends a reply within
        a second, so no request meets a connection that closes without a word.
        """
        self._draining = True
        self.stop()
        for connection in self._open:
            if not connection.replied:
                self._end_after_reply(connection)
        with suppress(TimeoutError):
            async with asyncio.timeout(LAST_REPLIES_SECONDS):
                await self._empty.wait()
        try:
            async with asyncio.timeout(REQUESTS_SECONDS):
                await self._idle.wait()
        except TimeoutError:
            log.warning("%d requests were not answered within %d s", len(self._busy), REQUESTS_SECONDS)
        try:
            async with asyncio.timeout(CONNECTIONS_SECONDS):
                await self.close_all_connections()
        except TimeoutError:
            log.warning("connections did not close within %d s", CONNECTIONS_SECONDS)

    def _end_after_reply(self, connection: Connection) -> None:
        """Let Tornado say in a reply that is not sent yet that it is the last, and close after it.

        The reply to a handshake is not the last: the hub sends watchers away.
        """
        request = self._open[connection]
        headers = request._request_headers
        if headers is None or headers.get("Upgrade", "").lower() != "websocket":
            request._disconnect_on_finish = True

    # ---- connections

    def _room(self) -> Room:
        limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        if limit == resource.RLIM_INFINITY:
            limit = UNLIMITED
        free = max(0, limit - self._others)
        spare = min(SPARE_PLACES, free // 8)
        return Room(free - min(OWN_DESCRIPTORS, free // 4) - spare, spare)

    def _take(self, taken: socket.socket, peer: str) -> bool:
        """Serve a new connection, or close it; return whether there was free room for it."""
        room = self._room()
        free = self._served < room.connections
        spare = not free and not self._free_oldest(self._waiting, GRACE_SECONDS)
        if spare and self._spares >= room.spare and not self._free_spare():
            self._turned_away.count("descriptors")
            taken.close()
            return False
        self._served += 1
        self._spares += spare
        metrics.OPEN_CONNECTIONS.inc()
        self.handle_stream(Connection(taken, peer, self, spare=spare), (peer, 0))
        return free

    def _free_spare(self) -> bool:
        """Close a spare connection that waits for a request or, if there is none, for the rest of a
        request."""
        if self._free_oldest(self._waiting_spares, 0):
            return True
        slowest = next((each for each in self._busy if each.spare and each.waits_for_client), None)
        if slowest is None:
            return False
        self._turned_away.count("descriptors")
        slowest.close()
        return True

    def _free_oldest(self, waiting: dict[Connection, float], grace_seconds: float) -> bool:
        """Close the connection that has waited longest, if it has waited for `grace_seconds`; return whether
        one was closed."""
        for oldest, since in waiting.items():
            if time.monotonic() - since < grace_seconds:
                return False
            self._turned_away.count("descriptors")
            oldest.close()
            return True
        return False

    def _close_idle_in(self, seconds: float) -> None:
        self._closes_idle = asyncio.get_running_loop().call_later(seconds, self._close_idle)

    def _close_idle(self) -> None:
        """Close the connections that have waited for a request for too long."""
        self._closes_idle = None
        now, idle_seconds = time.monotonic(), self._bounds.idle_seconds
        left = []
        for waiting in (self._waiting, self._waiting_spares):
            while waiting:
                oldest, since = next(iter(waiting.items()))
                if now - since < idle_seconds:
                    left.append(since + idle_seconds - now)
                    break
                self._waits_no_more(oldest)
                oldest.close()
        if left:
            self._close_idle_in(min(left))

    def _failed(self, error: OSError) -> None:
        """Make room after a failed accept: mostly no descriptor was left."""
        self._turned_away.count("accept", f"accept ({os.strerror(error.errno or 0)})")
        for _ in range(FREED_AT_ONCE):
            if not self._free_oldest(self._waiting or self._waiting_spares, 0):
                return

    def released(self, connection: Connection) -> None:
        """Note that a connection's descriptor is free."""
        self._served -= 1
        self._spares -= connection.spare
        self._waits_no_more(connection)
        self.leave_place(connection)
        metrics.OPEN_CONNECTIONS.dec()

    def _waits_no_more(self, connection: Connection) -> None:
        self._waiting.pop(connection, None)
        self._waiting_spares.pop(connection, None)

    # ---- requests

    def start_request(self, server_conn: object, request_conn: HTTPConnection) -> HTTPMessageDelegate:
        """Expect a connection's next request. The earlier request on it, if any, is answered."""
        assert isinstance(request_conn, HTTP1Connection)  # noqa: S101  (Tornado says so)
        connection = request_conn.stream
        assert isinstance(connection, Connection)  # noqa: S101  (so we do)
        self._answered(connection)
        self.leave_place(connection)
        if not connection.closed():
            self._open[connection] = request_conn
            self._empty.clear()
            if connection.spare:
                self._become_ordinary(connection, self._served <= self._room().connections)
            waiting = self._waiting_spares if connection.spare else self._waiting
            waiting[connection] = time.monotonic()
            if self._closes_idle is None:
                self._close_idle_in(self._bounds.idle_seconds)
            connection.expect_headers(self._bounds.header_seconds, now=not connection.asked)
        return _Request(self, connection, partial(super().start_request, server_conn, request_conn))

    def _become_ordinary(self, connection: Connection, may: bool) -> None:
        if connection.spare and may:
            connection.spare = False
            self._spares -= 1

    def head_came(self, connection: Connection) -> Awaitable[None] | None:
        """Return None if Tornado may parse a head now; if there are many heads, return what to await
        first."""
        self._waits_no_more(connection)
        self._busy.add(connection)
        self._idle.clear()
        loop = asyncio.get_running_loop()
        if self._passed == HEADS_A_TURN or self._heads:
            turn = loop.create_future()
            self._heads.append(turn)
            return turn
        if not self._passed:
            loop.call_soon(self._pass_heads)
        self._passed += 1
        return None

    def _pass_heads(self) -> None:
        """In the next turn of the loop, pass on some of the heads that were too many for this turn."""
        self._passed = min(HEADS_A_TURN, len(self._heads))
        for _ in range(self._passed):
            turn = self._heads.popleft()
            if not turn.done():
                turn.set_result(None)
        if self._passed:
            asyncio.get_running_loop().call_soon(self._pass_heads)

    def headers_came(self, connection: Connection, target: str, headers: HTTPHeaders) -> Refusal | None:
        """Note that a request's headers came; return the refusal if it is turned away."""
        if connection.spare and not _is_kept(target):
            self._become_ordinary(connection, self._free_oldest(self._waiting, GRACE_SECONDS))
            if connection.spare:
                self._turned_away.count("descriptors")
                return Unavailable()
        connection.receives = True
        if self._draining:
            self._end_after_reply(connection)
        bounds = self._bounds
        if not (bounds.an_address or bounds.a_person):
            return None
        person = self._person_of(target, headers)
        if person:
            most = {f"person {person}": bounds.a_person} if bounds.a_person else {}
            return self._take_place(connection, most, FULL_PERSON)
        address = counted_address(connection.peer, headers.get("X-Forwarded-For"), bounds.trusted)
        networks = counted_networks(address) if bounds.an_address else {}
        most = {name: times * bounds.an_address for name, times in networks.items()}
        return self._take_place(connection, most, FULL_ADDRESS)

    def _take_place(self, connection: Connection, most: dict[str, int], full: str) -> Refusal | None:
        """Count a request under all of these names; return the refusal if a name has no place for it.

        If all places of a name are taken, its oldest request with a slow client is refused, and gives up its
        place.
        """
        for name, bound in most.items():
            places = self._places.get(name, {})
            if len(places) < bound:
                continue
            self._turned_away.count("address" if full == FULL_ADDRESS else "requests")
            slowest = next((each for each in places if each.waits_for_client), None)
            if slowest is None:
                return TooMany(full)
            self.leave_place(slowest)
            slowest.refuse(TooMany(full))
        connection.places = tuple(most)
        for name in most:
            self._places[name][connection] = None
        return None

    def leave_place(self, connection: Connection) -> None:
        """Give back the place of a connection's request."""
        for name in connection.places:
            places = self._places[name]
            del places[connection]
            if not places:
                del self._places[name]
        connection.places = ()

    def on_close(self, server_conn: object) -> None:
        """Forget a connection that was closed or has become a websocket, which keeps its place."""
        assert isinstance(server_conn, HTTP1ServerConnection)  # noqa: S101  (Tornado says so)
        connection = server_conn.stream
        assert isinstance(connection, Connection)  # noqa: S101  (so we do)
        self._answered(connection)
        self._waits_no_more(connection)  # `released` follows once its descriptor is free
        self._open.pop(connection, None)
        if not self._open:
            self._empty.set()
        super().on_close(server_conn)

    def _answered(self, connection: Connection) -> None:
        connection.receives = False
        self._busy.discard(connection)
        if not self._busy:
            self._idle.set()


class _Request(HTTPMessageDelegate):
    """A request that may be refused, or wait, once its headers came. If it is not refused, `start` returns
    the delegate that takes it.

    A refusal closes the connection; Tornado notices that by itself.
    """

    def __init__(
        self, server: BoundedServer, connection: Connection, start: Callable[[], HTTPMessageDelegate]
    ) -> None:
        self._server, self._connection, self._start = server, connection, start
        self._delegate: HTTPMessageDelegate | None = None

    async def headers_received(  # type: ignore[override]
        self, start_line: RequestStartLine, headers: HTTPHeaders
    ) -> None:
        refusal = self._server.headers_came(self._connection, start_line.path, headers)
        if refusal is not None:
            self._connection.refuse(refusal, with_body=start_line.method != "HEAD")
            return
        self._delegate = self._start()
        prepared = self._delegate.headers_received(start_line, headers)
        # A request without a body needs no preparation, and not waiting for it saves two turns of the loop.
        if prepared is not None and ("Content-Length" in headers or "Transfer-Encoding" in headers):
            await prepared

    def data_received(self, chunk: bytes) -> Awaitable[None] | None:
        return self._delegate.data_received(chunk) if self._delegate is not None else None

    def finish(self) -> None:
        self._connection.receives = False
        if self._delegate is not None:
            self._delegate.finish()

    def on_connection_close(self) -> None:
        if self._delegate is not None:
            self._delegate.on_connection_close()


def _is_kept(path: str) -> bool:
    path = path.partition("?")[0]
    return path in KEPT_PATHS or path.startswith(KEPT_BELOW)
