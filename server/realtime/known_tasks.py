"""The tasks that this process knows: read once for all who ask, kept while in use and a while longer.

A task is entered when it is first asked for. All who wait for it are counted from then on, so that it is not
forgotten while they wait.
"""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial

from cachetools import TTLCache

from server.errors import NoSuchTask
from server.realtime.watched_task import WatchedTask
from server.runtime.deadline import loop_time
from server.runtime.single_flight import SingleFlight

# How long unused tasks are kept, how many of them, and how many bytes.
IDLE_SECONDS = 30.0
IDLE_TASKS = 1000
IDLE_BYTES = 16 << 20
# Codes that belong to no task are remembered, so that nobody can make us read the same code again and again.
UNKNOWN_SECONDS = 1.0
UNKNOWN_CODES = 10_000


class KnownTasks:
    """One per process.

    `read(watched)` fills a task; it raises NoSuchTask if there is none. `forgotten(code)` is called when a
    task has been forgotten.
    """

    def __init__(
        self, read: Callable[[WatchedTask], Awaitable[None]], forgotten: Callable[[str], None]
    ) -> None:
        self.by_code: dict[str, WatchedTask] = {}
        self._read = read
        self._forgotten = forgotten
        self._opening = SingleFlight[WatchedTask, None]()
        self._idle: OrderedDict[WatchedTask, tuple[float, int]] = OrderedDict()  # unused since; bytes
        self._idle_bytes = 0
        self._unknown = TTLCache[str, None](UNKNOWN_CODES, UNKNOWN_SECONDS, loop_time)

    def loaded(self) -> list[WatchedTask]:
        """Return the tasks that have been read."""
        return [watched for watched in self.by_code.values() if watched.loaded]

    @property
    def opening(self) -> list[asyncio.Task[None]]:
        """The reads under way."""
        return self._opening.tasks

    @asynccontextmanager
    async def keep(self, code: str) -> AsyncIterator[WatchedTask]:
        """Yield a task once it is read, and keep it in memory during the `async with`. Raises NoSuchTask, or
        what `read` raises.

        The first caller starts the read; others wait for the same read.
        """
        watched = self.by_code.get(code)
        if watched is None:
            if code in self._unknown:
                raise NoSuchTask
            watched = self.by_code[code] = WatchedTask(code)
        self._use(watched)
        watched.waiting += 1
        try:
            if not watched.loaded:
                await self._opening.result(watched, partial(self._open, watched))
            if watched.gone:
                raise NoSuchTask
            yield watched
        finally:
            watched.waiting -= 1
            self.rest(watched)

    async def _open(self, watched: WatchedTask) -> None:
        try:
            await self._read(watched)
        except NoSuchTask:
            self._unknown[watched.code] = None
            raise
        finally:
            # Without an await: the next caller finds the task read, or begins anew.
            if watched.loaded:
                self.rest(watched)
            else:
                self._forget(watched)

    def rest(self, watched: WatchedTask) -> None:
        """Keep a task for a while if nobody uses it. If too many unused tasks are kept, forget the oldest."""
        known = watched.loaded and self.by_code.get(watched.code) is watched
        if watched.in_use or not known or watched in self._idle:
            return
        size = watched.size()
        self._idle[watched] = (loop_time(), size)
        self._idle_bytes += size
        while len(self._idle) > IDLE_TASKS or self._idle_bytes > IDLE_BYTES:
            self._forget(next(iter(self._idle)))

    def clear_away(self) -> None:
        """Forget tasks that nobody has used for IDLE_SECONDS. Call it once a second."""
        now = loop_time()
        while self._idle:
            watched, (since, _) = next(iter(self._idle.items()))
            if now - since < IDLE_SECONDS:
                return
            self._forget(watched)

    def _use(self, watched: WatchedTask) -> None:
        """Note that a task is not idle, if it was."""
        _, size = self._idle.pop(watched, (0.0, 0))
        self._idle_bytes -= size

    def _forget(self, watched: WatchedTask) -> None:
        del self.by_code[watched.code]
        self._use(watched)
        self._forgotten(watched.code)
