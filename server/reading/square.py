"""The square's pages. They are the same for everybody: read once for all who ask, and kept for a moment."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, TypeAlias

from server.store import Store
from server.store.silence import answered
from server.store.square import Wanted
from server.store.tasks import ALL, Task

_Key: TypeAlias = tuple[int, Wanted]

FRESH_SECONDS = 1.0
REMEMBERED_PAGES = 50
REMEMBERED_WINNERS = 1000  # tasks whose winners are kept


class SquarePage:
    """One page as it was read. `prepared` is what the handler keeps of the reply it made from it.

    `winners` has the unionids of who won, by the code of each running task.
    """

    def __init__(self, tasks: list[Task], winners: dict[str, set[str]], read_at: float) -> None:
        self.tasks = tasks
        self.winners = winners
        self.read_at = read_at
        self.prepared: Any = None


class Square:
    """One per process. A task published here shows at once, any other change within FRESH_SECONDS."""

    def __init__(self, store: Store, now_ms: Callable[[], int], lasts_ms: int) -> None:
        """`lasts_ms` is how long a task may run."""
        self._store = store
        self._now_ms = now_ms
        self._lasts_ms = lasts_ms
        self._pages: OrderedDict[_Key, SquarePage] = OrderedDict()
        self._reading: dict[_Key, asyncio.Task[SquarePage]] = {}
        self._winners: OrderedDict[str, set[str]] = OrderedDict()

    async def page(self, number: int, wanted: Wanted = ALL) -> SquarePage:
        """Return a page of what is wanted; the first is number 1. Raises Unavailable.

        Searches by name are not kept: they are many, and would drive out the pages that all look at.
        """
        key = number, wanted
        page = self._pages.get(key)
        if page is not None and asyncio.get_running_loop().time() - page.read_at < FRESH_SECONDS:
            return page
        reading = self._reading.get(key)
        if reading is None:
            reading = asyncio.get_running_loop().create_task(self._read(key))
            self._reading[key] = reading
        return await asyncio.shield(reading)

    def forget(self) -> None:
        """A task came or went: drop all pages, and do not keep those that are being read."""
        self._pages.clear()
        self._reading.clear()

    async def _read(self, key: _Key) -> SquarePage:
        began = asyncio.get_running_loop().time()
        own = asyncio.current_task()
        try:
            page = SquarePage(*await answered(self._ask(*key)), began)
            if self._reading.get(key) is own and not key[1].name:
                self._pages[key] = page
                self._pages.move_to_end(key)
                if len(self._pages) > REMEMBERED_PAGES:
                    self._pages.popitem(last=False)
        finally:
            if self._reading.get(key) is own:
                del self._reading[key]
        return page

    async def _ask(self, number: int, wanted: Wanted) -> tuple[list[Task], dict[str, set[str]]]:
        """Return the tasks of a page, and who won those that run."""
        tasks = await self._store.tasks.square(number, self._now_ms(), self._lasts_ms, wanted)
        return tasks, await self._winners_of(tasks)

    async def _winners_of(self, tasks: list[Task]) -> dict[str, set[str]]:
        """Return who won each running task. A task's winners are read again only after another win."""
        running = {t["_id"]: t["prize_num"] - t["prizes_left"] for t in tasks if not t["status"]}
        changed = [code for code, wins in running.items() if wins != len(self._winners.get(code, ()))]
        if changed:
            self._winners |= await self._store.prizes.winners(changed)
        found = {code: self._winners.get(code, set()) for code in running}
        for code in running.keys() & self._winners.keys():
            self._winners.move_to_end(code)
        while len(self._winners) > REMEMBERED_WINNERS:
            self._winners.popitem(last=False)
        return found
