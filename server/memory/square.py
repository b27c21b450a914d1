"""The square's pages. They are the same for everybody: read once for all who ask, and kept for a moment."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias

from cachetools import TLRUCache

from server.runtime.deadline import loop_time
from server.runtime.single_flight import SingleFlight
from server.store import Store
from server.store.digging.square import ALL, ListedTask, Wanted

_Key: TypeAlias = tuple[int, Wanted]

FRESH_SECONDS = 1.0
REMEMBERED_PAGES = 50


@dataclass(slots=True)
class SquarePage:
    """One page as it was read. In `prepared` the handler keeps the part of its reply that it made from the
    page."""

    tasks: list[ListedTask]
    read_at: float
    prepared: Any = None


class Square:
    """One per process. A task published here shows at once, any other change within FRESH_SECONDS."""

    def __init__(
        self,
        store: Store,
        now_ms: Callable[[], int],
        lasts_ms: int,
        featured: Callable[[], Sequence[str]] = tuple,
    ) -> None:
        """`lasts_ms` is how long a task may run; `featured` returns the codes of the tasks on top."""
        self._featured = featured
        self._store = store
        self._now_ms = now_ms
        self._lasts_ms = lasts_ms
        self._pages = TLRUCache[_Key, SquarePage](
            REMEMBERED_PAGES, lambda _key, page, _now: page.read_at + FRESH_SECONDS, loop_time
        )
        self._reading = SingleFlight[tuple[int, _Key], SquarePage]()
        self._forgotten = 0  # how often all pages were dropped

    async def page(self, number: int, wanted: Wanted = ALL) -> SquarePage:
        """Return a page of what is wanted; the first is number 1. Raises Unavailable.

        Pages of searches by name are not kept: they are many, and would displace the pages that all look at.
        """
        key = number, wanted
        page = self._pages.get(key)
        if page is not None:
            return page
        since = self._forgotten
        return await self._reading.result((since, key), partial(self._read, key, since))

    def forget(self) -> None:
        """A task came or went: drop all pages, and do not keep those that are being read."""
        self._pages.clear()
        self._forgotten += 1

    async def _read(self, key: _Key, since: int) -> SquarePage:
        began = loop_time()
        page = SquarePage(await self._store.page_reads.answered(lambda: self._ask(*key)), began)
        if since == self._forgotten and not key[1].name:
            self._pages[key] = page
        return page

    async def _ask(self, number: int, wanted: Wanted) -> list[ListedTask]:
        return await self._store.square.page(number, self._now_ms(), self._lasts_ms, wanted, self._featured())
