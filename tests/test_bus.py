"""Ending what listens to Redis."""

from __future__ import annotations

import asyncio

import pytest

from server.bus import end_tasks


@pytest.mark.gen_test
async def test_a_task_ends_even_where_its_first_cancellation_is_lost() -> None:
    """As asyncio.wait_for loses one that arrives just when what it waits for is done."""
    lost = asyncio.Event()

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            lost.set()
        await asyncio.Event().wait()

    tasks = [asyncio.create_task(work()) for _ in range(2)]
    await asyncio.sleep(0)
    await end_tasks(tasks)
    assert lost.is_set()
    assert all(task.cancelled() for task in tasks)
    await end_tasks([])
