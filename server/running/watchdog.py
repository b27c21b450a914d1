"""Heartbeats: each worker sends them from its event loop, and the supervisor replaces a worker that sends
none.

Such a worker hangs or is frozen. It has not ended, so nothing else would restart it.

The connections that it accepted end with it, and their clients come back (a watcher with `since`, so that it
misses no dig). New connections wait in its listening socket, which the supervisor holds open, until the next
worker serves. The kernel still gives that socket its share: with N workers, one new connection in N waits.
"""

import asyncio
import logging
import os
import signal
import subprocess
from collections.abc import Callable
from contextlib import suppress

from server.runtime.background import Background
from server.runtime.children import ended

HEARTBEAT_SECONDS = 1.0
MISSED_TURNS = 10
# Turns allowed until the first heartbeat. The imports come before it, and a slow disk delays them; indexes
# are made after it.
STARTING_TURNS = 60
# Time for faulthandler to write the stacks to the log, on a busy machine.
ABORT_SECONDS = 3.0
STARTING = b"0"
SERVING = b"1"
_READ_BYTES = 1 << 16  # the capacity of a pipe

log = logging.getLogger("wabao.supervisor")


class Heart:
    """A worker's end of the pipe."""

    def __init__(self, descriptor: int) -> None:
        os.set_blocking(descriptor, False)
        self._descriptor = descriptor
        self._says = STARTING

    def serving(self) -> None:
        """Say that the worker serves, now and in all heartbeats from now on."""
        self._says = SERVING
        self._send()

    def begin(self, working: Background) -> None:
        """Send a heartbeat each second, until `working` ends: from the loop's first turn to its last, even
        while draining."""
        working.repeat(self.beat, HEARTBEAT_SECONDS, at_once=True)

    async def beat(self) -> None:
        """Send a heartbeat."""
        self._send()

    def _send(self) -> None:
        # If the supervisor is stopped, it finds heartbeats in the full pipe when it continues. If the pipe is
        # broken, it is about to end, and we with it.
        with suppress(BlockingIOError, BrokenPipeError):
            os.write(self._descriptor, self._says)


class Watchdog:
    """Watches one worker: start it with `worker_end` inherited, then await `ended`.

    It looks for heartbeats once per turn of `turn_seconds`. A late turn does not count against the worker:
    this process was stopped, or the machine slept or was too busy.
    """

    def __init__(
        self,
        turn_seconds: float = HEARTBEAT_SECONDS,
        missed_turns: int = MISSED_TURNS,
        starting_turns: int = STARTING_TURNS,
        serves: Callable[[], None] = lambda: None,
        aborting: asyncio.Lock | None = None,
    ) -> None:
        """`serves` is called in each turn in which the worker said that it serves.

        Watchdogs that share `aborting` end their workers one after another: faulthandler writes a line in
        pieces, so the stacks of two workers that it writes at the same time cannot be read.
        """
        self.served = False
        self.stood_still = False
        self._serves = serves
        self._aborting = aborting or asyncio.Lock()
        self._turn_seconds = turn_seconds
        self._missed_turns = missed_turns
        self._allowed = starting_turns  # `missed_turns` after the first heartbeat
        self._missed = 0
        self._our_end, self.worker_end = os.pipe()
        os.set_blocking(self._our_end, False)

    def close(self) -> None:
        """Close the pipe of a worker that could not be started."""
        os.close(self._our_end)
        os.close(self.worker_end)

    async def ended(self, child: subprocess.Popen[bytes], name: str) -> int:
        """Wait until the worker has ended, and return its exit code. A worker that stands still is ended."""
        os.close(self.worker_end)
        loop = asyncio.get_running_loop()
        end = loop.create_task(ended(child))
        try:
            while not end.done():
                due = loop.time() + self._turn_seconds
                await asyncio.wait([end], timeout=self._turn_seconds)
                late = loop.time() - due > self._turn_seconds / 2
                if not end.done() and self._stands_still(self._read(), late):
                    async with self._aborting:
                        log.error(
                            "%s (pid %d) stands still; the stacks of its threads follow", name, child.pid
                        )
                        self.stood_still = True
                        await _abort(child, end)
                    break
            code = await end
            self._hear(self._read())
            return code
        finally:
            end.cancel()
            os.close(self._our_end)

    def _read(self) -> bytes:
        try:
            return os.read(self._our_end, _READ_BYTES)
        except BlockingIOError:
            return b""

    def _stands_still(self, heartbeats: bytes, late: bool) -> bool:
        if heartbeats:
            self._missed = 0
            self._allowed = self._missed_turns
            self._hear(heartbeats)
        elif not late:
            self._missed += 1
        return self._missed >= self._allowed

    def _hear(self, heartbeats: bytes) -> None:
        if SERVING in heartbeats:
            self.served = True
            self._serves()


async def _abort(child: subprocess.Popen[bytes], end: asyncio.Task[int]) -> None:
    """End a worker. Before that, faulthandler writes its stacks, if it still can."""
    child.send_signal(signal.SIGABRT)
    child.send_signal(signal.SIGCONT)  # a stopped process handles SIGABRT only after this
    await asyncio.wait([end], timeout=ABORT_SECONDS)
    if not end.done():
        child.kill()
