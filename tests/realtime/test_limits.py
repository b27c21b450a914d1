"""Limits over all processes; while Redis is away, in each process by itself."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from typing import Any

import pytest

from server.errors import TooOften
from server.memory import limits
from server.memory.limits import Count, Limits
from server.realtime import bus
from server.realtime.bus import Bus
from server.running.stores import EmbeddedRedis
from server.settings import Settings, read_settings
from support.buses import KEYS, PREFIX, a_bus
from support.servers import stopped

HOUR = 3600
MOST = 100


class Process:
    """One process's limits, with its bus."""

    def __init__(self, settings: Settings, bus: Bus) -> None:
        self.bus = bus
        self.limits = Limits(settings, KEYS, bus)

    async def admits(self, *counts: Count) -> bool:
        try:
            await self.limits.take(counts)
        except TooOften:
            return False
        return True

    async def admitted(self, name: str, tries: int, most: int = MOST) -> int:
        """Try `tries` times, one after the other; return how many tries were admitted."""
        return sum([await self.admits(a_count(name, most)) for _ in range(tries)])


def a_count(name: str, most: int = MOST, by: int = 1) -> Count:
    return Count("publishes", name, most, HOUR, by)


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for Redis however busy the machine is: a process to which it is late counts by itself."""
    monkeypatch.setattr(bus, "QUICK_SECONDS", 10.0)


@pytest.fixture
def start(io_loop: Any, redis: EmbeddedRedis) -> Iterator[Callable[[], Awaitable[Process]]]:
    """Starts processes and waits until they are connected to Redis."""
    started = AsyncExitStack()

    async def starting(**environment: str) -> Process:
        settings = read_settings({"REDIS_URL": redis.uri, **environment})
        return Process(settings, await started.enter_async_context(a_bus(settings)))

    yield starting
    io_loop.run_sync(started.aclose)


async def lost(*processes: Process) -> None:
    """Wait until these processes know that Redis is gone."""
    async with asyncio.timeout(10):
        for process in processes:
            while process.bus.up:
                await process.bus.ping()


async def test_all_processes_together_admit_exactly_the_limit(start):
    one = await start()
    other = await start()
    found = await asyncio.gather(*(p.admits(a_count("a")) for p in (one, other) for _ in range(MOST)))
    assert sum(found) == MOST
    assert not await one.admits(a_count("a"))
    assert await other.admits(a_count("somebody else"))


async def test_a_refusal_says_when_to_try_again_and_counts_nothing_of_what_was_asked(start):
    process = await start()
    narrow = a_count("narrow", 1)
    wide = a_count("wide", 10)
    await process.limits.take([narrow, wide])
    for _ in range(20):
        with pytest.raises(TooOften) as refused:
            await process.limits.take([narrow, wide])
        assert HOUR - 60 < refused.value.retry_after_seconds <= HOUR
        assert refused.value.extra == {"retry_after": refused.value.retry_after_seconds}
        assert refused.value.msg == "操作太频繁，请 60 分钟后再试"
    assert await process.admitted("wide", 20, 10) == 9


async def test_a_window_ends_and_the_next_begins_with_the_first(start):
    process = await start()
    assert await process.admitted("brief", 3, 2) == 2
    redis = process.bus.client
    (key,) = await redis.keys("*brief*")
    assert 0 < await redis.pttl(key) <= HOUR * 1000
    await redis.pexpire(key, 1)
    while await redis.exists(key):
        pass
    assert await process.admitted("brief", 3, 2) == 2


async def test_a_count_that_is_given_back_may_be_taken_by_another_process(start):
    one = await start()
    other = await start()
    assert await one.admitted("a", MOST) == MOST
    await one.limits.give_back([a_count("a")])
    assert await other.admitted("a", 3) == 1


async def test_while_redis_is_away_each_process_counts_by_itself(start, redis):
    one = await start()
    other = await start()
    assert await one.admitted("a", 10) == 10
    redis.kill()
    await lost(one, other)
    assert await asyncio.gather(*(each.admitted("a", MOST + 1) for each in (one, other))) == [MOST, MOST]
    await one.limits.give_back([a_count("a")])
    assert await one.admitted("a", 3) == 1
    await asyncio.to_thread(redis.start)
    await asyncio.wait_for(one.bus.connected.wait(), 10)
    assert await one.admits(a_count("a")), "Redis came back empty, and counts again"


async def test_a_redis_that_hangs_delays_one_request_and_the_next_ones_count_here(start, redis, monkeypatch):
    process = await start()
    assert await process.admits(a_count("a"))
    monkeypatch.setattr(bus, "QUICK_SECONDS", 0.3)
    with stopped([redis.pid]):
        loop = asyncio.get_running_loop()
        began = loop.time()
        assert await process.admitted("a", MOST + 1) == MOST
        assert loop.time() - began < 2


async def test_counts_kept_while_redis_is_away_are_bounded(monkeypatch):
    monkeypatch.setattr(limits, "REMEMBERED", 5)
    settings = Settings(redis_url="redis://127.0.0.1:1")
    process = Process(settings, Bus(settings, PREFIX, KEYS))
    for person in range(20):
        assert await process.admits(a_count(f"person {person}"))
    assert len(process.limits._memory.storage) <= 6
    await process.bus.close()


async def test_a_limit_of_nothing_asks_nobody(start, monkeypatch):
    process = await start(LIMITS_A_PERSON="0")

    async def refuse(*_: Any) -> None:
        raise AssertionError("Redis was asked")

    monkeypatch.setattr(process.bus, "within", refuse)
    assert process.limits.counts("publishes", "alice", "192.0.2.1") == []
    await process.limits.take([])


async def test_redis_is_given_no_id_and_no_address(start):
    process = await start(LIMITS_AN_ADDRESS="1")
    await process.limits.take(process.limits.counts("publishes", "alice", "192.0.2.1"))
    names = b" ".join(await process.bus.client.keys("*"))
    assert names.count(f"{PREFIX}:count:".encode()) == 2
    assert b"alice" not in names
    assert b"192.0.2.1" not in names
    for each in await process.bus.client.keys("*"):
        assert 0 < await process.bus.client.pttl(each) <= HOUR * 1000
