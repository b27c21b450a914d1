"""Whether a dig_id was used before, asked for many people in one round trip.

When a countdown ends, every open page digs at the same instant, each under a dig_id of its own. All but
one are refused. Each may repeat a dig whose reply was lost, so memory alone cannot refuse it. All who ask
while a query is under way share the next one.
"""

from __future__ import annotations

import asyncio
import weakref
from dataclasses import dataclass, field

from server.runtime.single_flight import retrieve
from server.store import Store


@dataclass(slots=True)
class _Question:
    made_as: set[str] = field(default_factory=set)
    answer: asyncio.Task[set[str]] | None = None


class DigIds:
    """One per process.

    Not SingleFlight: a question may be joined only until it is put, and each who joins adds to it.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._gathering: dict[str, _Question] = {}
        self._turns: weakref.WeakValueDictionary[str, asyncio.Lock] = weakref.WeakValueDictionary()

    async def used(self, code: str, unionid: str, dig_id: str) -> bool:
        """Whether the history holds a dig of this person under this id."""
        question = self._gathering.get(code)
        if question is None:
            question = self._gathering[code] = _Question()
            question.answer = asyncio.get_running_loop().create_task(self._ask(code, question))
            question.answer.add_done_callback(retrieve)
        made_as = f"{code}:{unionid}:{dig_id}"
        question.made_as.add(made_as)
        assert question.answer is not None  # noqa: S101  (set where the question is made)
        return made_as in await asyncio.shield(question.answer)

    async def _ask(self, code: str, question: _Question) -> set[str]:
        turn = self._turns.setdefault(code, asyncio.Lock())
        async with turn:
            del self._gathering[code]  # those who come from now on share the next question
            return await self._store.digs.made_as(list(question.made_as))
