"""A line before the store: requests within a moment are put to it as one question, first come, first served.

Pages wait here and digs do not, so a crowd that opens pages leaves the store to those who dig. A request that
cannot be answered in time is refused as soon as this is known, before the store's own limit.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Hashable, Mapping
from typing import Generic, NamedTuple, TypeVar

from server.errors import Unavailable
from server.runtime.page_reads import LONGEST_SECONDS, SILENT_SECONDS
from server.runtime.single_flight import retrieve
from server.telemetry import metrics

# Least time between two questions, so that a crowd's requests are gathered.
MOMENT_SECONDS = 0.015
MOST_AT_ONCE = 200
# A crowd's replies are made in portions, so that a dig never waits behind more than one of them.
ANSWERED_A_TURN = 20

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class _Waiting(NamedTuple, Generic[K, V]):
    key: K
    answer: asyncio.Future[V | None]
    since: float


class BatchQueue(Generic[K, V]):
    """Asks `question(keys)` for all who wait. It returns what it found, by key.

    One question runs at a time. If it takes longer than SILENT_SECONDS, all who wait are refused, and so is
    everybody who comes until it ends. `name` is a label of metrics.
    """

    def __init__(self, name: str, question: Callable[[list[K]], Awaitable[Mapping[K, V]]]) -> None:
        self._question = question
        self._waiting: deque[_Waiting[K, V]] = deque()
        self._asking: asyncio.Task[None] | None = None
        self._asked_at = float("-inf")
        self._took = 0.0  # seconds that the last questions took, smoothed
        self._silent = False
        self._length = metrics.LINE_LENGTH.labels(name)
        self._seconds = metrics.LINE_SECONDS.labels(name)

    async def ask(self, key: K) -> V | None:
        """Return what was found for `key`, None if nothing. Raises Unavailable, or what the store raised."""
        loop = asyncio.get_running_loop()
        questions_ahead = -(-len(self._waiting) // MOST_AT_ONCE)
        if self._silent or questions_ahead * self._took > LONGEST_SECONDS:
            raise Unavailable
        waiting = _Waiting[K, V](key, loop.create_future(), loop.time())
        self._waiting.append(waiting)
        self._length.inc()
        if self._asking is None:
            self._asking = loop.create_task(self._keep_asking())
        try:
            return await waiting.answer
        finally:
            self._length.dec()
            self._seconds.observe(loop.time() - waiting.since)

    async def _keep_asking(self) -> None:
        """Ask until nobody waits."""
        loop = asyncio.get_running_loop()
        try:
            while self._waiting:
                await asyncio.sleep(self._asked_at + MOMENT_SECONDS - loop.time())
                self._asked_at = loop.time()
                asked = [self._waiting.popleft() for _ in range(min(MOST_AT_ONCE, len(self._waiting)))]
                # A silence does not say how long the store takes once it answers again.
                if await self._ask(asked):
                    self._took = 0.5 * self._took + 0.5 * (loop.time() - self._asked_at)
        finally:
            self._asking = None

    async def _ask(self, asked: list[_Waiting[K, V]]) -> bool:
        """Ask once; return whether the answer came in time. If it is late, refuse all until it comes."""
        keys = list(dict.fromkeys(waiting.key for waiting in asked))
        question = asyncio.ensure_future(self._question(keys))
        question.add_done_callback(retrieve)
        try:
            await asyncio.wait([question], timeout=SILENT_SECONDS)
            in_time = question.done()
            if not in_time:
                self._silent = True
                self._refuse([*asked, *self._waiting], Unavailable())
                self._waiting.clear()
                await asyncio.wait([question])
            error = question.exception()
            if error is None:
                self._answer(deque(asked), question.result())
            else:
                self._refuse(asked, error)
            return in_time
        except asyncio.CancelledError:
            question.cancel()
            self._refuse(asked, Unavailable())
            raise
        finally:
            self._silent = False

    def _answer(self, asked: deque[_Waiting[K, V]], found: Mapping[K, V]) -> None:
        """Answer the first of them, and the others in the loop's next turns, while the next question runs."""
        for _ in range(min(ANSWERED_A_TURN, len(asked))):
            waiting = asked.popleft()
            if not waiting.answer.done():
                waiting.answer.set_result(found.get(waiting.key))
        if asked:
            asyncio.get_running_loop().call_soon(self._answer, asked, found)

    def _refuse(self, asked: list[_Waiting[K, V]], error: BaseException) -> None:
        for waiting in asked:
            if not waiting.answer.done():
                waiting.answer.set_exception(error)

    async def close(self) -> None:
        """Refuse all who wait, and cancel the question under way."""
        self._refuse(list(self._waiting), Unavailable())
        if self._asking is not None:
            self._asking.cancel()
            await asyncio.wait([self._asking])
