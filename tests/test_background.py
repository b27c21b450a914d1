"""Work that nobody waits for."""

import asyncio
import re
from functools import partial

from pymongo.errors import AutoReconnect

from server.runtime.background import Background


async def test_a_turn_that_fails_is_logged_and_the_next_comes_anyway(log):
    turns: list[int] = []
    thrice = asyncio.Event()

    async def work(step: int) -> None:
        turns.append(step)
        if len(turns) == 1:
            raise AutoReconnect("gone")
        if len(turns) == 2:
            raise LookupError("a bug")
        thrice.set()

    background = Background()
    background.repeat(partial(work, 7), 0, at_once=True)
    await thrice.wait()
    await background.end()
    assert not background.busy
    assert set(turns) == {7}
    assert re.search(r" WARNING .*work: a store does not answer: gone\n", log.getvalue())
    assert re.search(r" ERROR .*work failed\n", log.getvalue())
    assert "LookupError: a bug" in log.getvalue()


async def test_repeated_work_waits_before_its_first_turn_unless_at_once():
    done: list[str] = []
    both = asyncio.Event()

    async def take(name: str) -> None:
        done.append(name)
        if len(done) == 2:
            both.set()

    background = Background()
    background.repeat(partial(take, "after a rest"), lambda: asyncio.sleep(0.01 if done else 0.001))
    background.repeat(partial(take, "at once"), 60, at_once=True)
    await both.wait()
    await background.end()
    assert done == ["at once", "after a rest"]


async def test_finish_waits_for_spawned_work_and_its_failure_is_logged(log):
    going = asyncio.Event()

    async def fail() -> None:
        await going.wait()
        raise LookupError("a bug")

    background = Background()
    background.spawn(fail())
    await background.finish(0)
    assert background.busy
    going.set()
    await background.finish()
    assert not background.busy
    assert re.search(r" ERROR .*fail failed\n", log.getvalue())
    await background.finish()  # nothing to wait for


async def test_ending_cancels_what_runs():
    background = Background()
    ended = asyncio.Event()

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    task = background.spawn(work())
    await asyncio.sleep(0)  # it begins
    await background.end()
    assert ended.is_set()
    assert task.cancelled()
    assert not background.busy
