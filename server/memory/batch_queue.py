"""Batching: simultaneous queries of one kind are sent to the store as a single one.

Pages wait here and digs do not, so a crowd that opens pages leaves the store to those who dig. Queries wait,
and are refused, by the rules of `PageReads`.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Hashable, Mapping
from functools import partial
from typing import Generic, TypeAlias, TypeVar

from server.errors import Unavailable
from server.runtime.page_reads import PageReads

# The least time from an answer to the next query. Meanwhile a crowd's requests are gathered: the slower the
# store, the more requests share one query. A batch that is full does not wait.
MOMENT_SECONDS = 0.015
MOST_AT_ONCE = 200
# A crowd's replies are made in portions, so that a dig never waits for more than one portion.
ANSWERED_A_TURN = 20

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")
_Batch: TypeAlias = deque[tuple[K, "asyncio.Future[V | None]"]]


class BatchQueue(Generic[K, V]):
    """Awaits `query(keys)` for all who wait, one call at a time. `query` returns what the store has, by key.

        views = BatchQueue(store.tasks.views)
        view = await views.ask(code)
    """

    def __init__(self, query: Callable[[list[K]], Awaitable[Mapping[K, V]]]) -> None:
        self._query = query
        self._reads = PageReads(at_once=1)
        self._gathering: _Batch[K, V] = deque()
        self._answered_at = float("-inf")
        self._tasks: set[asyncio.Task[Mapping[K, V]]] = set()

    async def ask(self, key: K) -> V | None:
        """Return what was found for `key`, None if nothing was. Raises Unavailable, or the store's error."""
        loop = asyncio.get_running_loop()
        if not 0 < len(self._gathering) < MOST_AT_ONCE:
            self._gathering = deque()
            task = loop.create_task(self._reads.answered(partial(self._put, self._gathering)))
            self._tasks.add(task)
            task.add_done_callback(partial(self._end, self._gathering))
        answer: asyncio.Future[V | None] = loop.create_future()
        self._gathering.append((key, answer))
        return await answer

    async def _put(self, batch: _Batch[K, V]) -> Mapping[K, V]:
        loop = asyncio.get_running_loop()
        if len(batch) < MOST_AT_ONCE:
            await asyncio.sleep(self._answered_at + MOMENT_SECONDS - loop.time())
        self._close_batch(batch)
        try:
            return await self._query(list(dict.fromkeys(key for key, _ in batch)))
        finally:
            self._answered_at = loop.time()

    def _close_batch(self, batch: _Batch[K, V]) -> None:
        """Let all who ask from now on share the next query."""
        if batch is self._gathering:
            self._gathering = deque()

    def _end(self, batch: _Batch[K, V], task: asyncio.Task[Mapping[K, V]]) -> None:
        self._tasks.discard(task)
        self._close_batch(batch)  # the batch may be refused before its query is sent
        error = Unavailable() if task.cancelled() else task.exception()
        if error is None:
            self._answer(batch, task.result())
            return
        for _, answer in batch:
            if not answer.done():
                answer.set_exception(error)

    def _answer(self, batch: _Batch[K, V], found: Mapping[K, V]) -> None:
        """Answer the first requests now, and the others in the loop's next turns, beside the next batch."""
        for _ in range(min(ANSWERED_A_TURN, len(batch))):
            key, answer = batch.popleft()
            if not answer.done():
                answer.set_result(found.get(key))
        if batch:
            asyncio.get_running_loop().call_soon(self._answer, batch, found)

    async def close(self) -> None:
        """Refuse all who wait, and cancel the query under way."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
