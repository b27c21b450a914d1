"""While a request waits for a call that has its own limit, the request's time limit stands still."""

import asyncio

import pytest

from server.runtime.deadline import TookTooLong, paused, within


async def test_work_that_takes_too_long_is_ended():
    with pytest.raises(TookTooLong):
        async with within(0.01):
            await asyncio.Event().wait()


async def test_time_of_others_does_not_count_and_ours_goes_on_after_it():
    reached = []

    async def request() -> None:
        async with within(0.05):
            with paused():
                await asyncio.sleep(0.1)
            reached.append("after the pause")
            await asyncio.Event().wait()

    with pytest.raises(TookTooLong):
        await request()
    assert reached == ["after the pause"]


async def test_another_limit_that_passes_is_told_as_it_is():
    with pytest.raises(TimeoutError):
        async with within(5), asyncio.timeout(0.01):
            await asyncio.Event().wait()


async def test_work_beside_a_request_does_not_stop_its_limit():
    works = []

    async def beside() -> None:
        with paused():
            await asyncio.Event().wait()

    async def request() -> None:
        async with within(0.05):
            works.append(asyncio.create_task(beside()))
            await asyncio.Event().wait()

    with pytest.raises(TookTooLong):
        await request()
    works[0].cancel()


def test_pausing_without_a_limit_does_nothing():
    with paused():
        pass
