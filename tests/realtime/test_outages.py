"""How a process finds out whether the stores answer, and tells its pages."""

import asyncio
import time
from collections.abc import Iterator
from typing import Any

import pytest

from server.context import Context
from server.operation import outages
from server.running.stores import EmbeddedRedis
from server.runtime.background import Background
from server.store.meta import Meta


@pytest.fixture
def redis_url(redis: EmbeddedRedis) -> str:
    return redis.uri


@pytest.fixture
def _asking(io_loop: Any, context: Context) -> Iterator[None]:
    asking = Background()

    async def begin() -> None:
        context.outages.begin(asking)

    io_loop.run_sync(begin)
    yield
    io_loop.run_sync(asking.end)


@pytest.mark.usefixtures("_asking")
async def test_pages_are_told_that_redis_is_gone_and_that_it_is_back(client, context, open_page, redis):
    await context.bus.connected.wait()
    alice, bob = await client.log_in_all("alice", "bob")
    early = await open_page(alice)
    redis.kill()
    assert (await early.until("service"))["state"] == "late"
    assert context.outages.silent == ["redis"]
    later = await open_page(bob)
    assert (await later.until("service"))["state"] == "late"
    redis.start()
    for page in (early, later):
        await page.until("service", state="ok")


@pytest.mark.usefixtures("_asking")
async def test_a_process_that_stands_still_blames_no_store(client, context, open_page, monkeypatch):
    page = await open_page(await client.log_in("alice"))
    asked = asyncio.Event()
    look = Meta.look

    async def noting(own: Meta) -> Any:
        asked.set()
        return await look(own)

    monkeypatch.setattr(Meta, "look", noting)
    for _ in range(3):
        asked.clear()
        await asked.wait()
        time.sleep(outages.ANSWER_SECONDS + 0.5)  # noqa: ASYNC251  (this is the standing still)
    await page.answers()
    assert "service" not in [frame["type"] for frame in page.frames]
