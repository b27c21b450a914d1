"""Reads for pages: a few at a time, first come, first served, so that digs and money never wait behind them.

Motor asks MongoDB from a limited number of threads. If pages took all of these, a dig would wait until some
page is read.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable
from typing import TypeVar

from server.errors import Unavailable
from server.telemetry import metrics

# A read that is not answered by then is given up, and those who wait for it are refused. Digs and money wait
# for the store's own limit, which is longer.
SILENT_SECONDS = 2.0
# Far fewer than Motor's threads (`server/__init__.py`).
AT_ONCE = 4
# Nobody joins a queue in which they would wait longer than this.
LONGEST_SECONDS = 6.0

T = TypeVar("T")


class counted:  # noqa: N801  (used like a function)
    """Count a request among those that wait, and measure how long. `name` is the label of the metrics.

    It is a class, since each page makes one, and a generator costs three times as much.
    """

    def __init__(self, name: str) -> None:
        self._length, self._seconds = metrics.queue_length(name), metrics.queue_seconds(name)

    def __enter__(self) -> None:
        self._began = time.monotonic()
        self._length.inc()

    def __exit__(self, *_error: object) -> None:
        self._length.dec()
        self._seconds.observe(time.monotonic() - self._began)


class PageReads:
    """Reads that share a queue. `name` is a label of metrics."""

    def __init__(self, name: str = "reads", at_once: int = AT_ONCE) -> None:
        self._at_once = at_once
        self._running = 0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._took = 0.0  # seconds that the last reads took, smoothed
        self._name = name

    async def answered(self, read: Callable[[], Awaitable[T]], seconds: float | None = SILENT_SECONDS) -> T:
        """Return what a read answers, once it has its turn.

        `read` must not wait for another read in this queue: that read might need the place of this one.
        Raises Unavailable if it takes longer than `seconds` or too many wait, or what the read raises.
        """
        with counted(self._name):
            return await self.in_turn(read, seconds)

    async def in_turn(self, read: Callable[[], Awaitable[T]], seconds: float | None = SILENT_SECONDS) -> T:
        """Do what `answered` does, for a request that is counted elsewhere."""
        loop = asyncio.get_running_loop()
        await self._turn()
        began = loop.time()
        silent = loop.call_later(SILENT_SECONDS, self._refuse)  # this read may take longer
        try:
            async with asyncio.timeout(seconds):
                found = await read()
            # The time without an answer says nothing about how long the store takes once it answers again.
            self._took = 0.8 * self._took + 0.2 * (loop.time() - began)
            return found
        except TimeoutError:
            self._refuse()
            raise Unavailable from None
        finally:
            silent.cancel()
            self._leave()

    async def _turn(self) -> None:
        if self._running < self._at_once and not self._waiting:
            self._running += 1
            return
        if len(self._waiting) / self._at_once * self._took > LONGEST_SECONDS:
            raise Unavailable
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn  # a read that ends hands its place to the next
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled() and turn.exception() is None:
                self._leave()
            raise

    def _leave(self) -> None:
        """Hand the place to the first caller who still waits."""
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self._running -= 1

    def _refuse(self) -> None:
        """Refuse all that wait: MongoDB is silent, so they would only be refused later."""
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_exception(Unavailable())
