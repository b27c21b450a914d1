"""Whether the stores answer this process, and telling its pages when that changes.

A database that is not ours counts as one that does not answer. Pages are told within 3 s: the stores are
asked twice a second, and an answer may take 1.5 s. While nobody is here, they are asked less often, and at
once when somebody comes.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection
from functools import partial
from typing import Literal, TypeAlias

from server.operation.own_database import OwnDatabase
from server.realtime.bus import Bus
from server.realtime.frames import Service, encode
from server.realtime.watched_task import Sink
from server.runtime.activity import Activity
from server.runtime.background import Background
from server.runtime.single_flight import retrieve
from server.telemetry import metrics

PAUSE_SECONDS = 0.5
IDLE_PAUSE_SECONDS = 2.0
ANSWER_SECONDS = 1.25
# If this process itself stood still, an answer that has arrived is seen only after a few turns of the loop.
GRACE_SECONDS = 0.25

StoreName: TypeAlias = Literal["mongodb", "redis"]


class Outages:
    """One per process. It knows of no outage until `begin`."""

    def __init__(
        self, database: OwnDatabase, bus: Bus, connections: Collection[Sink], activity: Activity
    ) -> None:
        """`connections` are the pages to tell."""
        self.database = database
        self._connections = connections
        self._activity = activity
        self._silent: set[StoreName] = set()
        self._asked: dict[StoreName, Callable[[], Awaitable[bool]]] = {
            "mongodb": database.answers,
            "redis": bus.ping,
        }

    @property
    def silent(self) -> list[StoreName]:
        """The stores that do not answer now."""
        return sorted(self._silent)

    def frame(self) -> Service:
        """Return what a page is told. Without Redis all goes on, but news comes up to a second later."""
        if "mongodb" in self._silent:
            return Service(state="down")
        return Service(state="late" if self._silent else "ok")

    def begin(self, working: Background) -> None:
        """Ask both stores again and again, until `working` ends."""
        for name in self._asked:
            working.repeat(partial(self._ask, name), self._rest, at_once=True)

    async def _rest(self) -> None:
        await self._activity.rest(PAUSE_SECONDS, IDLE_PAUSE_SECONDS)

    async def _ask(self, name: StoreName) -> None:
        """Ask a store once. A late answer is awaited, so that a silent store has only one query to answer."""
        ask = self._asked[name]
        asked = asyncio.ensure_future(_twice(ask))
        asked.add_done_callback(retrieve)
        try:
            for seconds in (ANSWER_SECONDS, GRACE_SECONDS):
                await asyncio.wait([asked], timeout=seconds)
            if not asked.done():
                self._note(name, answers=False)
            self._note(name, answers=await asked)
        finally:
            asked.cancel()

    def _note(self, name: StoreName, *, answers: bool) -> None:
        metrics.STORE_SILENT.labels(name).set(not answers)
        before = self.frame().state
        if answers:
            self._silent.discard(name)
        else:
            self._silent.add(name)
        if self.frame().state == before:
            return
        told = encode([self.frame()])
        for connection in list(self._connections):
            connection.send(told)


async def _twice(ask: Callable[[], Awaitable[bool]]) -> bool:
    """Whether one of two queries is answered: the first may fail because its connection is old."""
    return await ask() or await ask()
