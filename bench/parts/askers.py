"""HTTP clients in a process of their own: each asks again as soon as it is answered.

The class `Askers` extends `Tappers`, which use bare sockets and epoll. It also counts the bytes of pages'
frames.

    crowd = Crowd(Askers)
    crowd.call("keep_asking", port, [[request, ...], ...], b'"status":0', 3.0)
"""

import itertools
import select
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from parts.tappers import Tappers
from parts.watchers import Peer


@dataclass(slots=True)
class Asked:
    """The results of the requests. `wrong` counts replies without the expected text."""

    waits_ms: list[float]
    seconds: float  # until the last reply
    reply_bytes: int
    request_bytes: int
    wrong: Counter[bytes]


@dataclass(slots=True, eq=False)
class _Asker:
    sock: socket.socket
    requests: Iterator[bytes]
    began: float = 0.0
    rest: bytes = b""


@dataclass
class Askers(Tappers):
    askers: dict[int, _Asker] = field(default_factory=dict)
    frames: Counter[str] = field(default_factory=Counter)
    frame_bytes: Counter[str] = field(default_factory=Counter)

    def keep_asking(
        self, port: int, requests: list[list[bytes]], expected: bytes, seconds: float
    ) -> Callable[[], Any]:
        """Send each list of requests over a connection of its own, again and again, for `seconds`."""
        self.expected = expected
        self.asked = Asked([], 0.0, 0, 0, Counter())
        for each in requests:
            sock = socket.create_connection(("127.0.0.1", port))
            sock.setblocking(False)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.askers[sock.fileno()] = _Asker(sock, itertools.cycle(each))
            self.poll.register(sock.fileno(), select.EPOLLIN)
        self.began = time.perf_counter()
        self.ends = self.began + seconds
        for asker in list(self.askers.values()):
            self._ask_next(asker)
        return lambda: None if self.askers else self.asked

    def weigh(self) -> Callable[[], Any]:
        """Answer with the frames of each type since the last call: how many, and their bytes with headers."""
        found = dict(self.frames), dict(self.frame_bytes)
        self.frames.clear()
        self.frame_bytes.clear()
        return lambda: found

    def _ask_next(self, asker: _Asker) -> None:
        asker.began = time.perf_counter()
        if asker.began > self.ends:
            self._stop(asker)
            return
        request = next(asker.requests)
        self.asked.request_bytes += len(request)
        asker.sock.send(request)

    def _stop(self, asker: _Asker) -> None:
        self.poll.unregister(asker.sock.fileno())
        del self.askers[asker.sock.fileno()]
        asker.sock.close()
        self.asked.seconds = time.perf_counter() - self.began

    def _read(self, fd: int) -> None:
        asker = self.askers.get(fd)
        if asker is None:
            super()._read(fd)
            return
        data = asker.sock.recv(1 << 18)
        if not data:
            self.asked.wrong[b"closed"] += 1
            self._stop(asker)
            return
        data = asker.rest + data
        head, end, body = data.partition(b"\r\n\r\n")
        if not end or len(body) < int(head.partition(b"Content-Length: ")[2].partition(b"\r\n")[0]):
            asker.rest = data
            return
        asker.rest = b""
        self.asked.waits_ms.append(1000 * (time.perf_counter() - asker.began))
        self.asked.reply_bytes += len(data)
        if self.expected not in body:
            self.asked.wrong[body[:200]] += 1
        self._ask_next(asker)

    def _take_frame(self, peer: Peer, payload: bytes, now_ms: float) -> None:
        kind = payload.partition(b'"type":"')[2].partition(b'"')[0].decode()
        self.frames[kind] += 1
        self.frame_bytes[kind] += len(payload) + (2 if len(payload) < 126 else 4)
        super()._take_frame(peer, payload, now_ms)
