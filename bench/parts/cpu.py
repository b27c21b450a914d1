"""CPU per delivery of the five senders of `senders.py`. Each round measures all of them in turn."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from parts.senders import KINDS
from parts.watchers import Asked, Crowd, masked_text

SOCKETS = 1000
ROUNDS = 15
SENDS = 20
SOCKETIO = Asked("/socket.io/?EIO=4&transport=websocket", first=masked_text(b"40"))


class Sender:
    """A server in a process of its own, and its crowd in another."""

    def __init__(self, kind: str, sockets: int) -> None:
        self.sockets = sockets
        self._process = subprocess.Popen(
            [sys.executable, Path(__file__).with_name("senders.py"), kind],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={"PYTHONPATH": str(Path(__file__).parents[2])},
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._commands = self._process.stdin
        self._answers = self._process.stdout
        port = int(self._answers.readline())
        self.crowd = Crowd()
        socketio = kind == "python-socketio"
        asked = SOCKETIO if socketio else Asked("/")
        refused = self.crowd.connect(port, [asked] * sockets, "40" if socketio else "").refused
        assert not refused, refused

    def _cpu_us(self) -> int:
        self._commands.write("cpu\n")
        self._commands.flush()
        return int(self._answers.readline())

    def round(self) -> float:
        """Send SENDS messages, each after all sockets got the one before; return the CPU µs per delivery."""
        before = self._cpu_us()
        for _ in range(SENDS):
            self.crowd.ask("receive", self.sockets)
            self._commands.write("send\n")
            self._commands.flush()
            self.crowd.answer()
        return (self._cpu_us() - before) / (SENDS * self.sockets)

    def close(self) -> None:
        self._commands.close()
        self._process.wait(30)
        self._answers.close()
        self.crowd.close()


@contextmanager
def running(sockets: int) -> Iterator[dict[str, Sender]]:
    with ExitStack() as stack:
        senders = {}
        for kind in KINDS:
            senders[kind] = Sender(kind, sockets)
            stack.callback(senders[kind].close)
        yield senders


def measure(sockets: int = SOCKETS, rounds: int = ROUNDS) -> dict[str, list[float]]:
    """Return the CPU µs per delivery of each round; a first round that warms up is left out."""
    found: dict[str, list[float]] = {kind: [] for kind in KINDS}
    with running(sockets) as senders:
        for number in range(rounds + 1):
            for kind, sender in senders.items():
                us = sender.round()
                if number:
                    found[kind].append(us)
    return found
