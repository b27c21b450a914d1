"""Visits of tasks' pages, written together; and the share tokens of links.

A share token is (task, sharer), encrypted, so handing one out and reading one take no trip to the store.
"""

from collections.abc import Callable, Mapping
from functools import lru_cache

from cachetools import TTLCache

from server.memory.batch_queue import BatchQueue
from server.runtime.deadline import loop_time
from server.security.keys import SHARE_CHARACTERS, Keys
from server.store import Store
from server.store.digging.visits import Visit, visit_id

REMEMBERED_SHARES = 10_000
# A visit is not written again within this time: pages ask anew after each reconnect.
NOTED_SECONDS = 60.0
REMEMBERED_VISITS = 20_000

# A task's code, who opened it, and who brought them, "" for nobody.
_Opened = tuple[str, str, str]


class Visiting:
    """One per process."""

    def __init__(self, store: Store, keys: Keys, now_ms: Callable[[], int]) -> None:
        self._store = store
        self._now_ms = now_ms
        # The last visit of each person here.
        self._last = TTLCache[str, _Opened](REMEMBERED_VISITS, NOTED_SECONDS, loop_time)
        self._visits = BatchQueue(self._write)
        self.token = lru_cache(REMEMBERED_SHARES)(keys.seal_share)
        self._opened = lru_cache(REMEMBERED_SHARES)(keys.open_share)

    def resolve(self, code_or_share: str) -> tuple[str | None, str | None]:
        """Return a task's code and, for a share token, the sharer's id. (None, None) for an unknown token.

        A code is returned unchecked.
        """
        if len(code_or_share) != SHARE_CHARACTERS:
            return code_or_share, None
        return self._opened(code_or_share) or (None, None)

    async def note(self, code: str, person_id: str, sharer: str | None) -> None:
        """Write that a person opened a task, and who brought them there, unless it is the task that they
        opened here last, a minute ago at most.

        Raises Unavailable, or what MongoDB raises.
        """
        opened = code, person_id, "" if sharer in (None, person_id) else sharer or ""
        if self._last.get(person_id) == opened:
            return
        self._last[person_id] = opened
        try:
            await self._visits.ask(opened)
        except BaseException:
            self._last.pop(person_id, None)
            raise

    def last_opened(self, person_id: str) -> str | None:
        """Return the code of the task that a person opened last, if they did so here within a minute. Its
        visit may not be written yet."""
        last = self._last.get(person_id)
        return last and last[0]

    async def close(self) -> None:
        """Refuse all who wait."""
        await self._visits.close()

    async def _write(self, opened: list[_Opened]) -> Mapping[_Opened, None]:
        visits: dict[str, Visit] = {}
        for code, person_id, sharer in opened:
            key = visit_id(code, person_id)
            visit = visits.setdefault(
                key, Visit(_id=key, code=code, person_id=person_id, opened_at=self._now_ms())
            )
            if sharer:
                visit.setdefault("sharer", sharer)
        await self._store.visits.open(list(visits.values()))
        return {}
