"""A crowd of websocket clients in a process of its own.

It uses bare sockets and epoll, so that it is not the bottleneck. It answers pings, checks that each dig comes
once and in order, and notes the time.

The parent process uses `Crowd`; `Watchers` runs in the child.
"""

from __future__ import annotations

import base64
import errno
import multiprocessing
import os
import resource
import select
import socket
import struct
import time
from collections import Counter, defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import Any

import msgspec

WAIT_SECONDS = 60
PONG = b"\x8a\x80\0\0\0\0"


class Head(msgspec.Struct):
    """The fields of a frame that the crowd reads."""

    type: str
    seq: int = 0
    time: int = 0
    server_time: int = 0
    error: str = ""


@dataclass(slots=True)
class Asked:
    """A connection to make. `first` is sent once it is open.

    `seq` is the last dig that the page has. `dig` is a request to send when a cooldown ends.

    A connection that does not read gets small buffers, like a phone's: loopback would buffer megabytes before
    the server noticed.
    """

    path: str
    seq: int = 0
    headers: str = ""
    first: bytes = b""
    dig: bytes = b""
    reads: bool = True


@dataclass(slots=True)
class Connected:
    """The results of opening the connections."""

    seconds: float
    refused: Counter[str]


@dataclass(slots=True)
class Heard:
    """How the crowd heard of a dig: milliseconds from the dig, by the server's clock, to each delivery."""

    delays_ms: list[float]


class Crowd:
    """The parent's end. A method returns when the crowd has done its work; raises TimeoutError after 60 s."""

    def __init__(self, kind: type[Watchers] | None = None) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_run, args=(kind or Watchers, theirs), daemon=True)
        self._process.start()
        theirs.close()

    @property
    def pid(self) -> int:
        """The child's process id."""
        assert self._process.pid is not None
        return self._process.pid

    def ask(self, name: str, *arguments: Any) -> None:
        """Call a method of the child; `answer()` returns the result."""
        self._pipe.send((name, arguments))

    def answered(self, seconds: float) -> bool:
        """Wait up to `seconds` for an answer; return whether it came."""
        return self._pipe.poll(seconds)

    def answer(self) -> Any:
        if not self._pipe.poll(WAIT_SECONDS):
            raise TimeoutError
        found = self._pipe.recv()
        if isinstance(found, Exception):
            raise found
        return found

    def call(self, name: str, *arguments: Any) -> Any:
        self.ask(name, *arguments)
        return self.answer()

    def connect(
        self, port: int, asked: list[Asked], ready: str = "snapshot", at_once: int = 200
    ) -> Connected:
        """Connect, `at_once` at a time. A connection is ready after its first frame of type `ready`."""
        found: Connected = self.call("connect", port, asked, ready, at_once)
        return found

    def close(self) -> None:
        self._pipe.close()
        self._process.join(WAIT_SECONDS)


def masked_text(payload: bytes) -> bytes:
    """Return a client's text frame of up to 125 bytes, with a mask of zeros."""
    return bytes((0x81, 0x80 | len(payload), 0, 0, 0, 0)) + payload


def _run(kind: type[Watchers], pipe: Connection) -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    kind(pipe).run()


CONNECTING, SHAKING_HANDS, OPEN = range(3)


@dataclass(slots=True, eq=False)
class Peer:
    """One connection. `why` is the error that the server sent before it closed."""

    asked: Asked
    sock: socket.socket
    seq: int
    stage: int = CONNECTING
    is_ready: bool = False
    rest: bytes = b""
    why: str = "closed"
    digging: socket.socket | None = None


@dataclass
class Watchers:
    """Runs in the child. A method for the parent returns a function, which returns None until it has the
    answer.
    """

    pipe: Connection
    peers: dict[int, Peer] = field(default_factory=dict)
    digging: dict[int, socket.socket] = field(default_factory=dict)
    waiting: deque[Asked] = field(default_factory=deque)
    refused: Counter[str] = field(default_factory=Counter)
    wrong: Counter[str] = field(default_factory=Counter)
    replies: Counter[str] = field(default_factory=Counter)
    delays_ms: defaultdict[int, list[float]] = field(default_factory=lambda: defaultdict(list))
    received: int = 0
    ready: str = ""
    unready: int = 0
    answer: Callable[[], Any] | None = None

    def run(self) -> None:
        self.poll = select.epoll()
        self.poll.register(self.pipe.fileno(), select.EPOLLIN)
        self.decode = msgspec.json.Decoder(Head).decode
        while True:
            for fd, _ in self.poll.poll(1.0 if self.answer is None else 0.01, 512):
                if fd != self.pipe.fileno():
                    self._read(fd)
                    continue
                try:
                    name, arguments = self.pipe.recv()
                except EOFError:
                    return
                self.answer = getattr(self, name)(*arguments)
            if self.answer is not None:
                found = self.answer()
                if found is not None:
                    self.answer = None
                    self.pipe.send(found)

    # ---- methods for the parent

    def connect(self, port: int, asked: list[Asked], ready: str, at_once: int) -> Callable[[], Any]:
        self.port = port
        self.ready = ready
        self.waiting.extend(asked)
        self.unready = len(asked)
        self.refused.clear()
        began = time.perf_counter()
        for _ in range(min(at_once, len(asked))):
            self._connect_next()
        return lambda: None if self.unready else Connected(time.perf_counter() - began, +self.refused)

    def receive(self, count: int) -> Callable[[], Any]:
        """Answer once `count` more text frames have come."""
        self.received -= count
        return lambda: True if self.received >= 0 else None

    def hear(self, seq: int, count: int) -> Callable[[], Any]:
        """Answer with a dig's delays once `count` pages have heard of it."""
        delays = self.delays_ms[seq]
        return lambda: Heard(self.delays_ms.pop(seq)) if len(delays) >= count else None

    def found_wrong(self) -> Callable[[], Any]:
        """Answer with how often each error happened, and the number of open connections."""
        return lambda: (self.wrong, sum(peer.is_ready for peer in self.peers.values()))

    def tear_off(self) -> Callable[[], Any]:
        """Reset all connections at once."""
        for peer in list(self.peers.values()):
            peer.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self._forget(peer)
        self.delays_ms.clear()
        return lambda: True

    def dig_at_zero(self) -> Callable[[], Any]:
        """Let each page dig whenever its cooldown ends, over a connection that is open already."""
        for peer in self.peers.values():
            peer.digging = socket.create_connection(("127.0.0.1", self.port))
            peer.digging.setblocking(False)
            self.digging[peer.digging.fileno()] = peer.digging
            self.poll.register(peer.digging.fileno(), select.EPOLLIN)
        return lambda: True

    def dig_replies(self, count: int) -> Callable[[], Any]:
        """Answer with the next `count` replies to digs, counted by kind, when they have come."""

        def counted() -> Counter[str] | None:
            if self.replies.total() < count:
                return None
            replies = self.replies
            self.replies = Counter()
            return replies

        return counted

    def send_each(self, text: bytes, rounds: int) -> Callable[[], Any]:
        """Let each page send a message once a second, evenly spread, for `rounds` seconds."""
        began = time.perf_counter()
        peers = list(self.peers.values())
        sent = 0

        def due() -> bool | None:
            nonlocal sent
            wanted = min(rounds, time.perf_counter() - began) * len(peers)
            while sent < wanted:
                peers[sent % len(peers)].sock.send(text)
                sent += 1
            return True if sent >= rounds * len(peers) else None

        return due

    # ---- one connection

    def _connect_next(self) -> None:
        self._connect(self.waiting.popleft())

    def _connect(self, asked: Asked) -> Peer:
        sock = socket.socket()
        sock.setblocking(False)
        if not asked.reads:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 1400)
        if sock.connect_ex(("127.0.0.1", self.port)) not in (0, errno.EINPROGRESS):
            raise OSError("no connection")
        peer = self.peers[sock.fileno()] = Peer(asked, sock, asked.seq)
        self.poll.register(sock.fileno(), select.EPOLLOUT)
        return peer

    def _shake_hands(self, peer: Peer) -> None:
        failed = peer.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if failed:
            self._end(peer, errno.errorcode[failed])
            return
        key = base64.b64encode(os.urandom(16)).decode()
        request = (
            f"GET {peer.asked.path} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n"
            f"{peer.asked.headers}\r\n"
        )
        peer.sock.send(request.encode())
        peer.stage = SHAKING_HANDS
        self.poll.modify(peer.sock.fileno(), select.EPOLLIN if peer.asked.reads else 0)
        if not peer.asked.reads:
            peer.sock.send(peer.asked.first)
            self._now_ready(peer)

    def _read(self, fd: int) -> None:
        if fd in self.digging:
            self._take_replies(self.digging[fd].recv(1 << 16))
            return
        peer = self.peers.get(fd)
        if peer is None:  # closed earlier in this turn
            return
        if peer.stage == CONNECTING:
            self._shake_hands(peer)
            return
        try:
            data = peer.sock.recv(1 << 18)
        except OSError as error:
            self._end(peer, type(error).__name__)
            return
        now_ms = time.time() * 1000
        if not data:
            self._end(peer, peer.why)
            return
        if peer.rest:
            data = peer.rest + data
        if peer.stage == OPEN:
            self._take(peer, data, now_ms)
        else:
            self._take_headers(peer, data, now_ms)

    def _take_headers(self, peer: Peer, data: bytes, now_ms: float) -> None:
        headers, end, rest = data.partition(b"\r\n\r\n")
        if not end:
            peer.rest = data
            return
        status = headers.split(maxsplit=2)[1].decode()
        if status != "101":
            self._end(peer, status)
            return
        peer.stage = OPEN
        peer.rest = b""
        if peer.asked.first:
            peer.sock.send(peer.asked.first)
        if not self.ready:
            self._now_ready(peer)
        self._take(peer, rest, now_ms)

    def _take(self, peer: Peer, data: bytes, now_ms: float) -> None:
        at = 0
        end = len(data)
        while end - at >= 2:
            opcode = data[at] & 15
            length = data[at + 1]
            begin = at + 2
            if length == 126:
                length = int.from_bytes(data[at + 2 : at + 4], "big")
                begin = at + 4
            elif length == 127:
                length = int.from_bytes(data[at + 2 : at + 10], "big")
                begin = at + 10
            if end < begin + length:
                break
            at = begin + length
            if opcode == 1:
                self._take_frame(peer, data[begin:at], now_ms)
            elif opcode == 9:
                peer.sock.send(PONG)
            elif opcode == 8 and not peer.is_ready:
                self._end(peer, peer.why)
                return
            elif opcode == 8:
                self.wrong[f"close {int.from_bytes(data[begin : begin + 2], 'big')}"] += 1
        peer.rest = data[at:]

    def _take_frame(self, peer: Peer, payload: bytes, now_ms: float) -> None:
        self.received += peer.is_ready
        if self.ready and not payload.startswith(b"{"):
            if payload.startswith(self.ready.encode()):
                self._now_ready(peer)
            return
        if not self.ready:
            return
        frame = self.decode(payload)
        if frame.type == "cd":
            if frame.seq != peer.seq + 1:
                self.wrong[f"dig {frame.seq} after {peer.seq}"] += 1
            peer.seq = frame.seq
            if peer.is_ready:
                self.delays_ms[frame.seq].append(now_ms - frame.server_time)
        elif frame.type == self.ready and not peer.is_ready:
            if peer.asked.seq and frame.seq != peer.seq:
                self.wrong[f"a snapshot of {frame.seq} after {peer.seq}"] += 1
            peer.seq = frame.seq
            self._now_ready(peer)
        elif frame.type == "error":
            peer.why = frame.error
        elif frame.type == "tick" and frame.time == 0 and peer.digging is not None:
            peer.digging.send(peer.asked.dig)

    def _take_replies(self, data: bytes) -> None:
        """Count a connection's replies. On a busy machine, those of two digs may have come before they are
        read."""
        assert data, "the server closed a connection for digs"
        while data:
            head, _, rest = data.partition(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
            status = head.split(maxsplit=2)[1].decode()
            reply = msgspec.json.decode(rest[:length])
            self.replies[status if status != "200" else reply.get("error", "dug")] += 1
            data = rest[length:]

    def _now_ready(self, peer: Peer) -> None:
        if not peer.is_ready:
            peer.is_ready = True
            self._settled()

    def _settled(self) -> None:
        self.unready -= 1
        if self.waiting:
            self._connect_next()

    def _end(self, peer: Peer, why: str) -> None:
        self._forget(peer)
        if peer.is_ready:
            self.wrong[why] += 1
        else:
            self.refused[why] += 1
            self._settled()

    def _forget(self, peer: Peer) -> None:
        del self.peers[peer.sock.fileno()]
        self.poll.unregister(peer.sock.fileno())
        peer.sock.close()
        if peer.digging is not None:
            del self.digging[peer.digging.fileno()]
            self.poll.unregister(peer.digging.fileno())
            peer.digging.close()
