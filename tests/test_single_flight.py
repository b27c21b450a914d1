"""Work that several callers ask for at once."""

import asyncio
import gc
from typing import Any

from server.runtime.single_flight import SingleFlight


class Work:
    """Counts how often it was begun and waits until it is told to end."""

    def __init__(self) -> None:
        self.begun = 0
        self.has_begun = asyncio.Event()
        self.may_end = asyncio.Event()
        self.failure: Exception | None = None

    async def __call__(self) -> int:
        self.begun += 1
        self.has_begun.set()
        own = self.begun
        await self.may_end.wait()
        if self.failure is not None:
            raise self.failure
        return own


async def begin(shared: SingleFlight[str, int], work: Work, waiters: int) -> list[asyncio.Task[int]]:
    """Start `waiters` tasks that wait for the work of "key"; return them once the work has begun."""
    waiting = [asyncio.create_task(shared.result("key", work)) for _ in range(waiters)]
    await work.has_begun.wait()
    return waiting


def hear_complaints() -> list[dict[str, Any]]:
    """Return a list to which asyncio adds its warnings about exceptions that nobody retrieved."""
    told: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context))
    return told


async def test_all_who_ask_meanwhile_get_the_same_result_and_the_next_starts_anew():
    shared = SingleFlight[str, int]()
    work = Work()
    waiting = await begin(shared, work, 3)
    assert "key" in shared
    assert "other" not in shared
    assert len(shared.tasks) == 1
    work.may_end.set()
    assert await asyncio.gather(*waiting) == [1, 1, 1]
    assert "key" not in shared
    assert shared.tasks == []
    assert await shared.result("key", work) == 2


async def test_a_waiter_finds_the_key_free_as_soon_as_it_has_the_result():
    shared = SingleFlight[str, int]()
    work = Work()
    work.may_end.set()

    async def twice() -> list[int]:
        return [await shared.result("key", work), await shared.result("key", work)]

    assert await asyncio.gather(twice(), twice()) == [[1, 2], [1, 2]]


async def test_all_waiters_are_cancelled_and_the_work_goes_on_for_the_next():
    shared = SingleFlight[str, int]()
    work = Work()
    waiting = await begin(shared, work, 3)
    for each in waiting:
        each.cancel()
    await asyncio.wait(waiting)
    late = asyncio.create_task(shared.result("key", work))
    await asyncio.sleep(0)
    work.may_end.set()
    assert await late == 1
    assert work.begun == 1


async def test_a_failure_reaches_all_who_wait_and_the_next_starts_anew():
    complaints = hear_complaints()
    shared = SingleFlight[str, int]()
    work = Work()
    waiting = await begin(shared, work, 3)
    work.failure = LookupError("a bug")
    work.may_end.set()
    assert await asyncio.gather(*waiting, return_exceptions=True) == [work.failure] * 3
    work.failure = None
    assert await shared.result("key", work) == 2
    gc.collect()
    assert complaints == []


async def test_a_failure_for_which_nobody_waits_any_more_is_retrieved():
    complaints = hear_complaints()
    shared = SingleFlight[str, int]()
    work = Work()
    waiting = await begin(shared, work, 3)
    (task,) = shared.tasks
    for each in waiting:
        each.cancel()
    await asyncio.wait(waiting)
    work.failure = LookupError("a bug")
    work.may_end.set()
    await asyncio.wait([task])
    del task, waiting, each  # the last references to the task
    work.failure = None
    gc.collect()
    assert complaints == []
    assert "key" not in shared


async def test_work_that_is_cancelled_cancels_all_who_wait_and_frees_its_key():
    shared = SingleFlight[str, int]()
    work = Work()
    waiting = await begin(shared, work, 3)
    (task,) = shared.tasks
    task.cancel()
    await asyncio.wait([task, *waiting])
    assert all(each.cancelled() for each in waiting)
    work.may_end.set()
    assert await shared.result("key", work) == 2
