"""Reads at the same time: sent together, a few at once and in order, and refused if the store is silent."""

import asyncio
from functools import partial
from typing import Any

import pytest
from pymongo.errors import AutoReconnect

from server.errors import Unavailable
from server.memory.batch_queue import MOST_AT_ONCE, BatchQueue
from server.runtime.page_reads import AT_ONCE, SILENT_SECONDS, WAIT_SECONDS, PageReads
from support.shuffled_loop import on_any_loop


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


@on_any_loop
async def test_requests_at_the_same_time_are_sent_together_and_get_their_own_answers(loop):
    store = AStore()
    queue = BatchQueue(store)
    answers = await asyncio.gather(*(queue.ask(key) for key in [*range(500), -1, 7]))
    assert answers == [*range(500), None, 7]
    assert len(store.asked) <= 1 + -(-502 // MOST_AT_ONCE)
    assert all(len(keys) <= MOST_AT_ONCE for keys in store.asked)


def test_there_is_a_pause_between_an_answer_and_the_next_query_unless_a_batch_is_full(monkeypatch):
    monkeypatch.setattr("server.memory.batch_queue.MOMENT_SECONDS", 0.3)

    async def pauses(number: int) -> list[float]:
        loop = asyncio.get_running_loop()
        times = list[float]()
        asked = asyncio.Event()

        async def query(keys: list[int]) -> dict[int, int]:
            times.append(loop.time())
            asked.set()
            await asyncio.sleep(0.05)
            times.append(loop.time())
            return {}

        queue = BatchQueue(query)
        first = asyncio.ensure_future(queue.ask(-1))
        await asked.wait()
        await asyncio.gather(first, *(queue.ask(key) for key in range(number)))
        return [after - before for before, after in zip(times[1:-1:2], times[2::2], strict=True)]

    [pause] = asyncio.run(pauses(1))
    assert pause > 0.28
    [pause] = asyncio.run(pauses(MOST_AT_ONCE))
    assert pause < 0.2


@on_any_loop
async def test_requests_are_sent_in_the_order_in_which_they_came(loop):
    store = AStore()
    queue = BatchQueue(store)
    waiting = []
    for key in range(3 * MOST_AT_ONCE):
        waiting.append(asyncio.ensure_future(queue.ask(key)))
        await asyncio.sleep(0)
    await asyncio.gather(*waiting)
    assert [key for keys in store.asked for key in keys] == sorted(range(3 * MOST_AT_ONCE))


@on_any_loop
async def test_a_failure_reaches_only_its_own_requests_and_the_next_are_sent(loop):
    store = AStore()
    queue = BatchQueue(store)
    store.error = AutoReconnect("gone")
    failed = await asyncio.gather(*(queue.ask(key) for key in range(3)), return_exceptions=True)
    assert all(isinstance(error, AutoReconnect) for error in failed)
    store.error = None
    assert await queue.ask(4) == 4


@on_any_loop
async def test_a_silent_store_is_given_up_soon_and_asked_again_later(loop):
    store = AStore(seconds=5.0)
    queue = BatchQueue(store)
    began = loop.now
    waiting = [asyncio.ensure_future(queue.ask(key)) for key in range(1000)]
    done = await asyncio.gather(*waiting, return_exceptions=True)
    assert all(isinstance(error, Unavailable) for error in done)
    assert loop.now - began <= SILENT_SECONDS + 1
    store.seconds = 0.01
    await asyncio.sleep(4)
    assert await queue.ask(2) == 2


@on_any_loop
async def test_closing_leaves_nobody_waiting(loop):
    queue = BatchQueue(AStore(seconds=1.0))
    waiting = [asyncio.ensure_future(queue.ask(key)) for key in range(300)]
    await asyncio.sleep(0.5)
    await queue.close()
    done, left = await asyncio.wait(waiting, timeout=0)
    assert not left
    assert all(isinstance(task.exception(), Unavailable) for task in done)


class SlowReads:
    """Answers each read after `seconds`, with the read's number."""

    def __init__(self, seconds: float = 0.01) -> None:
        self.seconds = seconds
        self.running = self.most = 0
        self.begun: list[int] = []

    async def read(self, number: int) -> int:
        self.begun.append(number)
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            await asyncio.sleep(self.seconds)
        finally:
            self.running -= 1
        if number < 0:
            raise AutoReconnect("gone")
        return number


@on_any_loop
async def test_a_few_run_at_once_and_each_gets_its_own_answer_or_failure(loop):
    for at_once in (1, AT_ONCE):
        store = SlowReads(seconds=0.0)
        reads = PageReads(at_once)
        waiting = [reads.answered(partial(store.read, number)) for number in (*range(100), -1, 7)]
        *answers, failure, last = await asyncio.gather(*waiting, return_exceptions=True)
        assert (answers, last) == ([*range(100)], 7)
        assert isinstance(failure, AutoReconnect)
        assert store.most == at_once


@on_any_loop
async def test_a_caller_that_goes_away_leaves_its_place_to_the_next(loop):
    store = SlowReads()
    reads = PageReads()
    waiting = [asyncio.ensure_future(reads.answered(partial(store.read, number))) for number in range(40)]
    for seconds in (0.0, 0.01, 0.01):
        await asyncio.sleep(seconds)
        for number in range(0, 40, 3):
            waiting[number].cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    assert await asyncio.gather(
        *(reads.answered(partial(store.read, number)) for number in range(20))
    ) == [*range(20)]
    assert store.most == AT_ONCE


@on_any_loop
async def test_a_silent_store_refuses_all_who_wait_and_is_asked_again_later(loop):
    store = SlowReads(seconds=30)
    reads = PageReads()
    began = loop.now
    waiting = [reads.answered(partial(store.read, number)) for number in range(200)]
    done = await asyncio.gather(*waiting, return_exceptions=True)
    assert all(isinstance(error, Unavailable) for error in done)
    assert loop.now - began <= SILENT_SECONDS + 1
    assert store.running == 0
    store.seconds = 0.01
    assert await reads.answered(partial(store.read, 4)) == 4


@on_any_loop
async def test_reads_that_may_take_longer_hold_up_no_other_on_a_silent_store(loop):
    store = SlowReads(seconds=5)
    reads = PageReads()
    own_lists = [
        asyncio.ensure_future(reads.answered(partial(store.read, n), None)) for n in range(AT_ONCE)
    ]
    while store.running < AT_ONCE:  # noqa: ASYNC110  (it tells nobody)
        await asyncio.sleep(0)
    began = loop.now
    with pytest.raises(Unavailable):
        await reads.answered(partial(store.read, 9))
    assert loop.now - began <= WAIT_SECONDS + 1
    assert await asyncio.gather(*own_lists) == [*range(AT_ONCE)]


@on_any_loop
async def test_nobody_waits_long_for_a_turn_on_a_slow_store(loop):
    store = SlowReads(seconds=0.9)
    reads = PageReads()
    began = loop.now
    waiting = [reads.answered(partial(store.read, number)) for number in range(100)]
    found = await asyncio.gather(*waiting, return_exceptions=True)
    assert [each for each in found if isinstance(each, int)] == sorted(store.begun)
    assert AT_ONCE * 2 <= len(store.begun) <= AT_ONCE * 3
    assert sum(isinstance(each, Unavailable) for each in found) == 100 - len(store.begun)
    assert loop.now - began <= WAIT_SECONDS + 1


async def test_a_crowd_that_opens_tasks_and_lists_leaves_threads_for_a_dig(context, monkeypatch, alice, bob):
    code, *others = [await alice.publish(forecast_num=100_000) for _ in range(9)]
    begun: list[str] = []
    go_on = asyncio.Event()

    async def held(ask: Any, *given: Any) -> Any:
        begun.append(ask.__name__)
        await go_on.wait()
        return await ask(*given)

    for store, name in ((context.store.tasks, "find_at"), (context.store.digs, "tasks_joined")):
        monkeypatch.setattr(store, name, partial(held, getattr(store, name)))
    pages = [asyncio.ensure_future(bob.get("/getTaskDetails", code=other)) for other in others]
    lists = [asyncio.ensure_future(bob.get("/getMyPartake")) for _ in range(9)]
    assert (await bob.dig(code))["status"] == 0
    assert len(begun) == AT_ONCE
    go_on.set()
    assert {reply["status"] for reply in await asyncio.gather(*pages, *lists)} == {0}
    assert len(begun) == len(pages) + len(lists)
