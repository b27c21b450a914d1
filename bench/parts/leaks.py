"""Looks for secrets in replies, frames and the log."""

import base64
import re
import threading
from collections.abc import Iterable, Iterator
from typing import Any

import websockets.exceptions
from websockets.sync.client import ClientConnection, connect

from parts.cast import Actor, Cast, kept_by
from parts.serving import Server

WATCHED_TASKS = 20  # no more: the server limits a connection's messages per second
PROOF = "/getProof"
_LONG_WORD = re.compile("[0-9A-Za-z+/_-]{20,}")
_PROCESS = re.compile('"process":"([0-9a-f]{12})"')


class Leaks:
    """Finds secrets shown to others. Keeps all replies, because seeds and session keys become known last."""

    def __init__(self, cast: Cast) -> None:
        self._cast = cast
        self._replies: list[str] = []
        self._proofs: list[str] = []

    def in_reply(self, path: str, response: Any, actor: Actor | None, addresses: bool) -> Iterator[str]:
        """Yield each secret of other people in a reply to `actor`. With `addresses`, winners' addresses are
        allowed."""
        cookie = self._cast.cookie if path != "/ops/login" else ""
        headers = "\n".join(value for values in response.headers.values() for value in values)
        text = f"{headers}\n{response.text}"
        (self._proofs if path == PROOF else self._replies).append(text)
        for what in self._told(text, actor, cookie):
            if not (addresses and what.startswith("address")):
                yield f"{what} in a reply"

    def in_frames(self, frames: Iterable[str]) -> Iterator[str]:
        """Yield each secret of anybody in these frames."""
        for frame in frames:
            yield from (f"{what} in a frame" for what in self._told(frame, None, self._cast.cookie))

    def kept_from_all(self, server: Server, secret: str, frames: list[str]) -> Iterator[str]:
        """Yield the secrets found in the log, and the seeds and session keys found anywhere."""
        log = server.log.read_text()
        kept = kept_by(server, secret)
        yield from (f"{what} in the log" for what in self._told(log, None, self._cast.cookie))
        everywhere = _long_words([log, *frames, *self._replies])
        with_proofs = everywhere + _long_words(self._proofs)
        for code, seed in kept.seeds.items():
            # Only the proof of an ended task may have its seed.
            where = with_proofs if code in kept.running else everywhere
            if any(form in where for form in _forms(seed)):
                yield f"the seed of {code}"
        if any(key.rstrip("=") in with_proofs for key in kept.session_keys):
            yield "a session key"

    def _told(self, text: str, actor: Actor | None, cookie: str) -> Iterator[str]:
        for person in self._cast.people:
            if person is not actor:
                yield from (what for secret, what in person.secrets() if secret in text)
        if self._cast.operator_token in text:
            yield "the operators' token"
        if cookie and cookie in text:
            yield "an operator's cookie"


def _long_words(texts: Iterable[str]) -> str:
    """Return every word long enough for a secret, once each."""
    return "\n".join({word for text in texts for word in _LONG_WORD.findall(text)})


def _forms(secret: bytes) -> tuple[str, ...]:
    return (
        secret.hex(),
        base64.b64encode(secret).decode().rstrip("="),
        base64.urlsafe_b64encode(secret).decode().rstrip("="),
    )


class Listener:
    """Two websockets that listen until `close` is called: a watcher of tasks, and an operator's screen."""

    def __init__(self, port: int, cast: Cast) -> None:
        self.frames: list[str] = []
        self._address = f"ws://127.0.0.1:{port}"
        self._cast = cast
        self._over = threading.Event()
        self._watched = 0
        self._threads = [
            threading.Thread(target=self._keep, args=(each,)) for each in (self._watch, self._operate)
        ]
        for thread in self._threads:
            thread.start()

    def _keep(self, open_it: Any) -> None:
        """Listen; connect again whenever the connection ends, as after a logout."""
        while not self._over.is_set():
            try:
                with open_it() as connection:
                    self._listen(connection, watches=open_it == self._watch)
            except (OSError, websockets.exceptions.WebSocketException):
                self._over.wait(0.2)

    def _watch(self) -> ClientConnection:
        watcher = self._cast.people[-1]
        connection = connect(f"{self._address}/ws?unionid={watcher.unionid}&token={watcher.tokens[-1]}")
        self._watched = 0
        return connection

    def _watch_more(self, connection: ClientConnection) -> None:
        """Subscribe to the newest tasks."""
        codes = list(self._cast.publishers)
        for code in codes[max(self._watched, len(codes) - WATCHED_TASKS) :]:
            connection.send(f'{{"action":"subscribe","code":"{code}"}}')
        self._watched = len(codes)

    def _operate(self) -> ClientConnection:
        cookie = f"wabao_operator={self._cast.cookie}"
        return connect(f"{self._address}/ops/feed", additional_headers={"Cookie": cookie}, max_size=8 << 20)

    def _listen(self, connection: ClientConnection, *, watches: bool) -> None:
        while not self._over.is_set():
            if watches:
                self._watch_more(connection)
            try:
                frame = str(connection.recv(timeout=0.5))
            except TimeoutError:
                continue
            self.frames.append(frame)
            for process in _PROCESS.findall(frame):
                if process not in self._cast.pool["process"]:
                    self._cast.pool["process"].append(process)

    def close(self) -> None:
        """Stop listening."""
        self._over.set()
        for thread in self._threads:
            thread.join(10)
