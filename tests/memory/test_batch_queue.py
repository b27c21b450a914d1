"""Queries of the same moment: sent together and in order, and soon refused if the store is silent."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from pymongo.errors import AutoReconnect

from server.errors import Unavailable
from server.memory.batch_queue import MOST_AT_ONCE, BatchQueue
from server.runtime.page_reads import SILENT_SECONDS
from support.shuffled_loop import ShuffledLoop, run_shuffled


class AStore:
    """Answers after `seconds`, each key with itself; `asked` has the keys of each call."""

    def __init__(self, seconds: float = 0.01) -> None:
        self.seconds = seconds
        self.asked: list[list[int]] = []
        self.error: Exception | None = None

    async def __call__(self, keys: list[int]) -> dict[int, int]:
        self.asked.append(keys)
        await asyncio.sleep(self.seconds)
        if self.error is not None:
            raise self.error
        return {key: key for key in keys if key >= 0}


def on_any_loop(work: Callable[[ShuffledLoop], Coroutine[Any, Any, None]]) -> None:
    for seed in range(50):
        run_shuffled(seed, work)


def test_requests_at_the_same_time_are_sent_together_and_get_their_own_answers():
    async def work(loop: ShuffledLoop) -> None:
        store = AStore()
        queue = BatchQueue("test", store)
        answers = await asyncio.gather(*(queue.ask(key) for key in [*range(500), -1, 7]))
        assert answers == [*range(500), None, 7]
        assert len(store.asked) <= 1 + -(-502 // MOST_AT_ONCE)
        assert all(len(keys) <= MOST_AT_ONCE for keys in store.asked)

    on_any_loop(work)


def test_there_is_a_pause_between_an_answer_and_the_next_query_unless_a_batch_is_full(monkeypatch):
    monkeypatch.setattr("server.memory.batch_queue.MOMENT_SECONDS", 0.3)

    async def pauses(number: int) -> list[float]:
        loop, times, asked = asyncio.get_running_loop(), list[float](), asyncio.Event()

        async def query(keys: list[int]) -> dict[int, int]:
            times.append(loop.time())
            asked.set()
            await asyncio.sleep(0.05)
            times.append(loop.time())
            return {}

        queue = BatchQueue("test", query)
        first = asyncio.ensure_future(queue.ask(-1))
        await asked.wait()
        await asyncio.gather(first, *(queue.ask(key) for key in range(number)))
        return [after - before for before, after in zip(times[1:-1:2], times[2::2], strict=True)]

    [pause] = asyncio.run(pauses(1))
    assert pause > 0.28
    [pause] = asyncio.run(pauses(MOST_AT_ONCE))
    assert pause < 0.2


def test_requests_are_sent_in_the_order_in_which_they_came():
    async def work(loop: ShuffledLoop) -> None:
        store = AStore()
        queue = BatchQueue("test", store)
        waiting = []
        for key in range(3 * MOST_AT_ONCE):
            waiting.append(asyncio.ensure_future(queue.ask(key)))
            await asyncio.sleep(0)
        await asyncio.gather(*waiting)
        assert [key for keys in store.asked for key in keys] == sorted(range(3 * MOST_AT_ONCE))

    run_shuffled(0, work)


def test_a_failure_reaches_only_its_own_requests_and_the_next_are_sent():
    async def work(loop: ShuffledLoop) -> None:
        store = AStore()
        queue = BatchQueue("test", store)
        store.error = AutoReconnect("gone")
        failed = await asyncio.gather(*(queue.ask(key) for key in range(3)), return_exceptions=True)
        assert all(isinstance(error, AutoReconnect) for error in failed)
        store.error = None
        assert await queue.ask(4) == 4

    on_any_loop(work)


def test_a_silent_store_is_given_up_soon_and_asked_again_later():
    async def work(loop: ShuffledLoop) -> None:
        store = AStore(seconds=5.0)
        queue = BatchQueue("test", store)
        began = loop.now
        waiting = [asyncio.ensure_future(queue.ask(key)) for key in range(1000)]
        done = await asyncio.gather(*waiting, return_exceptions=True)
        assert all(isinstance(error, Unavailable) for error in done)
        assert loop.now - began <= SILENT_SECONDS + 1
        store.seconds = 0.01
        await asyncio.sleep(4)
        assert await queue.ask(2) == 2

    on_any_loop(work)


def test_a_crowd_that_comes_after_a_silence_gets_its_answers():
    async def work(loop: ShuffledLoop) -> None:
        store = AStore(seconds=30.0)
        queue = BatchQueue("test", store)
        with pytest.raises(Unavailable):
            await queue.ask(0)
        store.seconds = 0.01
        await asyncio.sleep(30)
        assert await asyncio.gather(*(queue.ask(key) for key in range(2000))) == list(range(2000))

    on_any_loop(work)


def test_closing_leaves_nobody_waiting():
    async def work(loop: ShuffledLoop) -> None:
        queue = BatchQueue("test", AStore(seconds=1.0))
        waiting = [asyncio.ensure_future(queue.ask(key)) for key in range(300)]
        await asyncio.sleep(0.5)
        await queue.close()
        done, left = await asyncio.wait(waiting, timeout=0)
        assert not left
        assert all(isinstance(task.exception(), Unavailable) for task in done)

    run_shuffled(3, work)
