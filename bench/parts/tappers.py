"""A crowd that taps a link.

Each person asks for the details over a new connection, then opens the page's websocket over another
connection. Like `Watchers`, the crowd runs in a process of its own, on bare sockets and epoll.

    crowd = Crowd(Tappers)
    crowd.call("tap", port, taps, 30.0)  # returns when all pages are live or refused, or after 30 s
    crowd.call("told", 56, 58)           # returns when all live pages have these digs, or after 10 s
"""

import errno
import resource
import select
import socket
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec

from parts.watchers import Asked, Peer, Watchers

HEARD_SECONDS = 10


class Details(msgspec.Struct):
    """The fields of the details that the crowd reads."""

    status: int
    error: str = ""
    code: str = ""
    seq: int = 0


@dataclass(slots=True)
class Tap:
    """One person's tap: the request for the details, and the websocket to open after the reply.

    With `since`, the websocket asks for the digs from the last dig in the details on, as the page `/` does.
    """

    code: str
    request: bytes
    page: Asked
    since: bool = False


@dataclass(slots=True)
class Tapped:
    """The results of the taps: milliseconds from each tap to its details and to its snapshot.

    `refused` counts refusals by step and reason. `waiting` counts taps that were not answered in time.
    """

    details_ms: list[float]
    live_ms: list[float]
    refused: Counter[str]
    waiting: int
    cpu_seconds: float


@dataclass(slots=True)
class Told:
    """How the live pages learned of some digs.

    Per dig: how many pages got its frame, and when the last of these pages got it. The other pages got a
    snapshot after the dig. `missed` counts pages that lack a dig after 10 s.
    """

    frames: list[int]
    last_ms: list[float]
    missed: int


@dataclass(slots=True, eq=False)
class _Request:
    """A request for details. `began` is the time of the tap."""

    tap: Tap
    sock: socket.socket
    began: float
    is_sent: bool = False
    rest: bytes = b""


@dataclass(slots=True)
class _Shown:
    """The state of a page before its websocket is open."""

    began: float
    seq: int


@dataclass
class Tappers(Watchers):
    requests: dict[int, _Request] = field(default_factory=dict)
    shown: dict[Peer, _Shown] = field(default_factory=dict)
    kept: list[socket.socket] = field(default_factory=list)

    # ---- methods for the parent

    def tap(self, port: int, taps: list[Tap], seconds: float) -> Callable[[], Any]:
        """Let all people tap now; answer when all pages are live or refused, or after `seconds`."""
        self.port = port
        self.ready = "snapshot"
        self.unready = len(taps)
        self.refused.clear()
        self.details_ms: list[float] = []
        self.live_ms: list[float] = []
        began = time.perf_counter()
        used = _cpu_seconds()
        for tap in taps:
            self._ask(tap)

        def tapped() -> Tapped | None:
            if self.unready and time.perf_counter() < began + seconds:
                return None
            cpu = _cpu_seconds() - used
            return Tapped(self.details_ms, self.live_ms, +self.refused, self.unready, cpu)

        return tapped

    def told(self, first: int, last: int) -> Callable[[], Any]:
        """Answer how the live pages got these digs, once every page has all of them, or after 10 s."""
        deadline = time.perf_counter() + HEARD_SECONDS

        def counted() -> Told | None:
            missed = sum(peer.seq < last for peer in self.peers.values() if peer.is_ready)
            if missed and time.perf_counter() < deadline:
                return None
            delays = [self.delays_ms.pop(seq, []) for seq in range(first, last + 1)]
            return Told([len(each) for each in delays], [max(each, default=0) for each in delays], missed)

        return counted

    def tear_off(self) -> Callable[[], Any]:
        """Reset all connections at once, including those of requests."""
        for request in list(self.requests.values()):
            self._forget_request(request).close()
        for sock in self.kept:
            sock.close()
        self.kept.clear()
        self.shown.clear()
        return super().tear_off()

    # ---- the details

    def _ask(self, tap: Tap) -> None:
        sock = socket.socket()
        sock.setblocking(False)
        self.requests[sock.fileno()] = _Request(tap, sock, time.perf_counter())
        if sock.connect_ex(("127.0.0.1", self.port)) not in (0, errno.EINPROGRESS):
            raise OSError("no connection")
        self.poll.register(sock.fileno(), select.EPOLLOUT)

    def _read(self, fd: int) -> None:
        request = self.requests.get(fd)
        if request is None:
            super()._read(fd)
            return
        try:
            if request.is_sent:
                self._take_details(request, request.sock.recv(1 << 18))
                return
            request.sock.send(request.tap.request)
            request.is_sent = True
            self.poll.modify(fd, select.EPOLLIN)
        except OSError as error:
            self._refused(request, type(error).__name__)

    def _take_details(self, request: _Request, data: bytes) -> None:
        if not data:
            self._refused(request, "closed")
            return
        request.rest += data
        head, end, body = request.rest.partition(b"\r\n\r\n")
        length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
        if not end or len(body) < int(length):
            return
        details = msgspec.json.decode(body, type=Details)
        if details.status:
            self._refused(request, details.error)
            return
        self.details_ms.append((time.perf_counter() - request.began) * 1000)
        tap = request.tap
        if details.code != tap.code:
            self.wrong["details of another task"] += 1
        # Keep the connection open, as a phone does. No later tap uses it.
        self.kept.append(self._forget_request(request))
        page = tap.page
        seq = details.seq - 1
        if tap.since and seq > 0:
            page = replace(page, path=f"{page.path}&since={seq}", seq=seq)
        self.shown[self._connect(page)] = _Shown(request.began, details.seq)

    def _refused(self, request: _Request, why: str) -> None:
        self._forget_request(request).close()
        self.refused[f"details: {why}"] += 1
        self._settled()

    def _forget_request(self, request: _Request) -> socket.socket:
        del self.requests[request.sock.fileno()]
        self.poll.unregister(request.sock.fileno())
        return request.sock

    # ---- the socket

    def _now_ready(self, peer: Peer) -> None:
        shown = self.shown.pop(peer, None)  # None if the page was opened without a tap
        if shown is not None:
            self.live_ms.append((time.perf_counter() - shown.began) * 1000)
            if peer.seq < shown.seq:
                self.wrong["a snapshot older than the details"] += 1
        super()._now_ready(peer)

    def _end(self, peer: Peer, why: str) -> None:
        super()._end(peer, f"socket: {why}")


def _cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime
