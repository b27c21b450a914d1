"""Whether anybody uses this process. While nobody uses it, the process asks its stores less often."""

import asyncio
import time
from collections.abc import Collection
from contextlib import suppress
from typing import Any

IDLE_SECONDS = 10.0


class Activity:
    """One per process. Somebody is here while they have a connection, and for a while after a request."""

    def __init__(self, connections: Collection[Any]) -> None:
        self._connections = connections
        self._asked_at = float("-inf")
        self._came = asyncio.Event()

    def note(self) -> None:
        """Note that somebody asked for something that needs the database."""
        self._asked_at = time.monotonic()
        self._came.set()

    def idle(self, seconds: float = IDLE_SECONDS) -> bool:
        """Whether nobody has a connection, and nobody has asked for anything for `seconds`."""
        return not self._connections and time.monotonic() - self._asked_at > seconds

    async def rest(self, seconds: float, idle_seconds: float) -> None:
        """Sleep for `seconds`. If nobody is here, sleep until somebody comes, at most `idle_seconds`."""
        if not self.idle():
            await asyncio.sleep(seconds)
            return
        self._came.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(idle_seconds):
                await self._came.wait()
