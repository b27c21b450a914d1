"""Reads for pages: a few at a time and in order, so that a dig is never behind a crowd's pages."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

import pytest
from pymongo.errors import AutoReconnect

from server.errors import Unavailable
from server.runtime.page_reads import AT_ONCE, LONGEST_SECONDS, SILENT_SECONDS, PageReads
from support.shuffled_loop import ShuffledLoop, run_shuffled


class AStore:
    """Answers each read after `seconds` with its number."""

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


def on_any_loop(work: Callable[[ShuffledLoop], Coroutine[Any, Any, None]]) -> None:
    for seed in range(50):
        run_shuffled(seed, work)


@pytest.mark.parametrize("at_once", [1, AT_ONCE])
def test_a_few_run_at_once_and_each_gets_its_own_answer_or_failure(at_once):
    async def work(loop: ShuffledLoop) -> None:
        store, reads = AStore(), PageReads("test", at_once)
        waiting = [reads.answered(partial(store.read, number)) for number in (*range(100), -1, 7)]
        *answers, failure, last = await asyncio.gather(*waiting, return_exceptions=True)
        assert (answers, last) == ([*range(100)], 7)
        assert isinstance(failure, AutoReconnect)
        assert store.most == at_once

    on_any_loop(work)


def test_reads_begin_in_the_order_in_which_they_were_asked():
    async def work() -> None:
        store, reads = AStore(), PageReads()
        waiting = []
        for number in range(50):
            waiting.append(asyncio.ensure_future(reads.answered(partial(store.read, number))))
            await asyncio.sleep(0)
        await asyncio.gather(*waiting)
        assert store.begun == [*range(50)]

    asyncio.run(work())


def test_a_caller_that_goes_away_leaves_its_place_to_the_next():
    async def work(loop: ShuffledLoop) -> None:
        store, reads = AStore(), PageReads()
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

    on_any_loop(work)


def test_a_silent_store_refuses_all_who_wait_and_is_asked_again_later():
    async def work(loop: ShuffledLoop) -> None:
        store, reads = AStore(seconds=30), PageReads()
        began = loop.now
        waiting = [reads.answered(partial(store.read, number)) for number in range(200)]
        done = await asyncio.gather(*waiting, return_exceptions=True)
        assert all(isinstance(error, Unavailable) for error in done)
        assert loop.now - began <= SILENT_SECONDS + 1
        assert store.running == 0
        store.seconds = 0.01
        assert await reads.answered(partial(store.read, 4)) == 4

    on_any_loop(work)


def test_reads_that_may_take_longer_hold_up_no_other_on_a_silent_store():
    async def work(loop: ShuffledLoop) -> None:
        store, reads = AStore(seconds=5), PageReads()
        own_lists = [
            asyncio.ensure_future(reads.answered(partial(store.read, n), None)) for n in range(AT_ONCE)
        ]
        while store.running < AT_ONCE:  # noqa: ASYNC110  (it tells nobody)
            await asyncio.sleep(0)
        began = loop.now
        with pytest.raises(Unavailable):
            await reads.answered(partial(store.read, 9))
        assert loop.now - began <= SILENT_SECONDS + 1
        assert await asyncio.gather(*own_lists) == [*range(AT_ONCE)]

    run_shuffled(0, work)


def test_nobody_joins_a_line_that_is_too_long():
    async def work(loop: ShuffledLoop) -> None:
        store, reads = AStore(seconds=1.0), PageReads()
        for _ in range(20):
            await reads.answered(partial(store.read, 0))  # the queue learns how slow the store is
        waiting = [
            asyncio.ensure_future(reads.answered(partial(store.read, number))) for number in range(100)
        ]
        done, _ = await asyncio.wait(waiting, timeout=0.5)
        assert all(isinstance(task.exception(), Unavailable) for task in done)
        assert AT_ONCE * LONGEST_SECONDS <= 100 - len(done) <= AT_ONCE * (LONGEST_SECONDS + 2)
        await asyncio.gather(*waiting, return_exceptions=True)

    run_shuffled(0, work)


async def test_a_crowd_that_opens_other_tasks_and_lists_leaves_threads_for_a_dig(
    context, monkeypatch, alice, bob
):
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
