"""Reads for pages: a few at a time, first come, first served, so that digs and money never wait behind them.

Motor asks MongoDB from a limited number of threads. If pages took all of these, a dig would wait until some
page is read.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from server.errors import Unavailable

# A read that is not answered by then is given up. Digs and money wait for the store's own limit, which is
# longer.
SILENT_SECONDS = 2.0
# Far fewer than Motor's threads (`server/__init__.py`).
AT_ONCE = 4
# How long a read waits for its turn: with the read itself, less than a person's patience.
WAIT_SECONDS = 2.0

T = TypeVar("T")


class PageReads:
    """Reads that share a few turns."""

    def __init__(self, at_once: int = AT_ONCE) -> None:
        self._turns = asyncio.Semaphore(at_once)
        self._silent_at = float("-inf")  # when a read was given up last (the loop's time)

    async def answered(self, read: Callable[[], Awaitable[T]], seconds: float | None = SILENT_SECONDS) -> T:
        """Return what a read answers, once it has its turn.

        `read` must not wait for another read that shares these turns: that read might need the turn of this
        one. Raises Unavailable if its turn does not come within WAIT_SECONDS, or if it takes longer than
        `seconds`; or what the read raises.
        """
        loop = asyncio.get_running_loop()
        came = loop.time()
        reads = False
        try:
            async with asyncio.timeout(WAIT_SECONDS) as limit, self._turns:
                if came < self._silent_at:  # MongoDB is silent: this read would only be given up later
                    raise Unavailable
                reads = True
                limit.reschedule(None if seconds is None else loop.time() + seconds)
                return await read()
        except TimeoutError:
            if reads:
                self._silent_at = loop.time()
            raise Unavailable from None
