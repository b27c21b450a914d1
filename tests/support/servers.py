"""`python -m server` as a process: start it, read its output, end it."""

import os
import re
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from queue import Empty, Queue
from typing import Protocol, TypeVar

import httpx
import pytest

from server.running.stores import free_port
from server.runtime.children import tie_to
from server.settings import Settings
from support import SOURCE
from support.limits import NO_LIMITS

PATIENCE_SECONDS = 120.0  # two workers took 60 to start beside thirty busy processes
_IN_COMMANDS = {"SecantusDB": "secantus", "Valkey": "valkey", "crowd": "\0crowd\0"}


class Running:
    """A running `python -m server`; `said` has the lines read so far."""

    def __init__(self, data_dir: Path, *arguments: str, source: Path = SOURCE, **environment: str) -> None:
        self.data_dir = data_dir
        self.port = int(environment.get("PORT") or free_port())
        self.address = f"http://127.0.0.1:{self.port}"
        self.said: list[str] = []
        self._lines: Queue[str] = Queue()
        # Only tests about the random order or about limits set these otherwise.
        quick = {"PYTHONPATH": str(source), "FAIR_START_MS": "0", "PORT": str(self.port), **NO_LIMITS}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "server", *arguments],
            cwd=source,
            env=clean_environment(DATA_DIR=str(data_dir), **quick | environment),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            preexec_fn=partial(tie_to, os.getpid()),  # or a failing test might leave the server running
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.put(line)

    def wait_for(self, pattern: str) -> re.Match[str]:
        """Read the output up to the next line that has the pattern; return the match."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                line = self._lines.get(timeout=deadline - time.monotonic())
            except (Empty, ValueError):
                self.kill()
                pytest.fail(f"no line had {pattern!r} in:\n{''.join(self.said)}")
            self.said.append(line)
            if found := re.search(pattern, line):
                return found

    def children(self) -> dict[str, list[int]]:
        """Return the pids of the children, by `worker`, `SecantusDB`, `Valkey`, and if any, `crowd`."""
        found: dict[str, list[int]] = {"worker": [], "SecantusDB": [], "Valkey": []}
        for pid in child_pids(self.process.pid):
            command = Path(f"/proc/{pid}/cmdline").read_text()
            kind = next((kind for kind in _IN_COMMANDS if _IN_COMMANDS[kind] in command), "worker")
            found.setdefault(kind, []).append(pid)
        return found

    def metric(self, series: str) -> float:
        """Return the sum of the series of `/metrics` that begin like this."""
        text = httpx.get(f"{self.address}/metrics", timeout=PATIENCE_SECONDS).text
        return sum(map(float, re.findall(rf"^{series}\S* (\S+)$", text, re.MULTILINE)))

    def end(self, number: int = signal.SIGTERM) -> int:
        """Send the signal, read the rest of the output, and return the exit code."""
        self.process.send_signal(number)
        return self.wait()

    def kill(self) -> None:
        """Kill the server, and so its children. An orderly end takes seconds, and here no data is needed."""
        self.end(signal.SIGKILL)

    def wait(self) -> int:
        """Wait for the end, read the rest of the output, and return the exit code."""
        code = self.process.wait(PATIENCE_SECONDS)
        self._reader.join(PATIENCE_SECONDS)
        assert self.process.stdout is not None
        self.process.stdout.close()
        while not self._lines.empty():
            self.said.append(self._lines.get())
        return code


class Store(Protocol):
    """What `started` starts and kills."""

    def start(self) -> None: ...
    def kill(self) -> None: ...


S = TypeVar("S", bound=Store)


@contextmanager
def started(store: S) -> Iterator[S]:
    """Start a store of the test's own, and kill it at the end."""
    try:
        store.start()
        yield store
    finally:
        store.kill()


@contextmanager
def stopped(pids: list[int]) -> Iterator[None]:
    """Stop processes for a while, as if they hung."""
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


@contextmanager
def a_server(data_dir: Path, **environment: str) -> Iterator[Running]:
    """A running server, started as a person starts it, and killed afterwards."""
    running = Running(data_dir, source=SOURCE, **environment)
    try:
        running.wait_for("is ready")
        yield running
    finally:
        running.kill()


def clean_environment(**values: str) -> dict[str, str]:
    """Return this process's environment without the server's settings, plus these values."""
    settings = {name.upper() for name in Settings.__struct_fields__}
    return {name: value for name, value in os.environ.items() if name not in settings} | values


def child_pids(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def pidfds_of(pids: list[int]) -> list[int]:
    """Return a pidfd for each process. A pidfd shows the end even of a process that is not our child."""
    return [os.pidfd_open(pid) for pid in pids]


def assert_all_end(descriptors: list[int]) -> None:
    for descriptor in descriptors:
        ready, _, _ = select.select([descriptor], [], [], PATIENCE_SECONDS)
        assert ready, "a process that should have ended did not"
        os.close(descriptor)


def is_ready(address: str) -> bool:
    """Return whether a server says that it is ready."""
    try:
        return httpx.get(f"{address}/readyz", timeout=PATIENCE_SECONDS).status_code == 200
    except httpx.HTTPError:
        return False


def takes_connections(port: int) -> bool:
    """Return whether a supervisor listens. It listens before any worker runs: connections wait for one."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_SECONDS).close()
    except ConnectionError:
        return False
    return True


def until(holds: Callable[[], bool], every: float = 0.05) -> None:
    """Wait until something holds. It is asked again after `every` seconds: the processes need the cores."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(every)
