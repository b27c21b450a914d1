"""Limits over all processes, even while Redis is away and after it has come back empty."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest

from server.errors import TooOften
from server.realtime import limits
from server.realtime.bus import Bus
from server.realtime.limits import Count, Limits
from server.running.stores import EmbeddedRedis
from server.runtime.background import Background
from server.security.keys import Keys
from server.settings import read_settings

KEYS = Keys(b"a secret that only the tests know, 32+")
HOUR = 3600
MOST = 100


class Process:
    """One process's limits, with its bus."""

    def __init__(self, url: str, **environment: str) -> None:
        settings = read_settings({"REDIS_URL": url, **environment})
        self.bus = Bus(settings, "limits-of-tests", KEYS)
        self.background = Background()
        self.bus.start(lambda *_: None, lambda _: None)
        self.limits = Limits(settings, KEYS, self.bus, self.background)

    async def admits(self, *counts: Count) -> bool:
        try:
            await self.limits.take(counts)
        except TooOften:
            return False
        return True

    async def admitted(self, name: str, tries: int, most: int = MOST) -> int:
        """Try `tries` times, one after the other; return how many tries were admitted."""
        return sum([await self.admits(a_count(name, most)) for _ in range(tries)])

    async def close(self) -> None:
        await self.background.end()
        await self.bus.close()


def a_count(name: str, most: int = MOST, by: int = 1) -> Count:
    return Count("publishes", name, most, HOUR, by)


@pytest.fixture
def start(io_loop: Any, redis: EmbeddedRedis) -> Iterator[Callable[[], Awaitable[Process]]]:
    """Starts processes and waits until they are connected to Redis."""
    started: list[Process] = []

    async def starting(**environment: str) -> Process:
        process = Process(redis.uri, **environment)
        started.append(process)
        await asyncio.wait_for(process.bus.connected.wait(), 10)
        return process

    async def close() -> None:
        for process in started:
            await process.close()

    yield starting
    io_loop.run_sync(close)


async def lost(*processes: Process) -> None:
    """Wait until these processes know that Redis is gone."""
    async with asyncio.timeout(10):
        for process in processes:
            while process.bus.up:
                await process.bus.ping()


async def back(redis: EmbeddedRedis, *processes: Process) -> None:
    """Start Redis again, and wait until these processes are connected."""
    await asyncio.to_thread(redis.start)
    for process in processes:
        await asyncio.wait_for(process.bus.connected.wait(), 10)


async def test_all_processes_together_admit_exactly_the_limit(start):
    one, other = await start(), await start()
    found = await asyncio.gather(*(p.admits(a_count("a")) for p in (one, other) for _ in range(MOST)))
    assert sum(found) == MOST
    assert not await one.admits(a_count("a"))
    assert await other.admits(a_count("somebody else"))


async def test_a_refusal_says_when_to_try_again_and_counts_nothing_of_what_was_asked(start):
    process = await start()
    narrow, wide = a_count("narrow", 1), a_count("wide", 10)
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
    brief = Count("publishes", "brief", 2, 1)
    assert [await process.admits(brief) for _ in range(3)] == [True, True, False]
    with pytest.raises(TooOften) as refused:
        await process.limits.take([brief])
    assert refused.value.retry_after_seconds == 1
    async with asyncio.timeout(10):
        while not await process.admits(brief):
            await process.bus.ping()
    assert [await process.admits(brief) for _ in range(2)] == [True, False]


async def test_a_count_that_is_given_back_may_be_taken_by_another_process(start):
    one, other = await start(), await start()
    assert await one.admitted("a", MOST) == MOST
    await one.limits.give_back([a_count("a")] * 1)
    assert await other.admitted("a", 3) == 1


@pytest.mark.parametrize("used", [0, 75])
async def test_the_limit_holds_while_redis_is_away_and_after_it_came_back_empty(
    start, redis, used, monkeypatch
):
    monkeypatch.setattr(limits, "CATCH_UP_SECONDS", 0.5)
    one, other = await start(), await start()
    admitted = await one.admitted("a", used)  # all in one process, so the other must hear of it
    assert admitted == used
    await one.background.finish()
    assert await one.admits(a_count("b"))
    assert await other.admits(a_count("b"))  # now each process knows how many processes there are
    redis.kill()
    await lost(one, other)
    admitted += await one.admitted("a", MOST // 8)
    admitted += await other.admitted("a", MOST // 8)
    await back(redis, one, other)
    for _ in range(2):  # first each process keeps to its share, then Redis decides again
        for _ in range(MOST):
            admitted += await one.admits(a_count("a")) + await other.admits(a_count("a"))
        for process in (one, other):
            while time.monotonic() < process.limits._caught_up_at or process.bus._doubted:
                await process.bus.publish("", b"")  # a message ends the doubt whether Redis answers
    assert 0.95 * MOST <= admitted <= 1.05 * MOST


@pytest.mark.parametrize("tries", [[MOST, MOST], [MOST // 4, MOST]])
async def test_without_redis_no_process_admits_more_than_its_share(start, redis, tries):
    processes = [await start(), await start()]
    for process in processes:
        assert await process.admitted("a", 10) == 10
    redis.kill()
    await lost(*processes)
    admitted = [await process.admitted("a", number) for process, number in zip(processes, tries, strict=True)]
    for found, number in zip(admitted, tries, strict=True):
        assert abs(found - min(number, (MOST - 20) // 2)) <= 5
    assert 20 + sum(admitted) <= 1.05 * MOST


async def test_a_process_that_never_met_redis_admits_its_share_by_the_number_of_workers():
    alone = Process("redis://127.0.0.1:1/0", WEB_CONCURRENCY="4")
    assert await alone.admitted("a", MOST) == MOST // 4
    await alone.limits.give_back([a_count("a")])
    assert await alone.admitted("a", 3) == 1
    await alone.close()


async def test_counts_kept_while_redis_is_away_are_bounded_and_of_open_windows(monkeypatch):
    monkeypatch.setattr(limits, "REMEMBERED", 5)
    process = Process("redis://127.0.0.1:1", WEB_CONCURRENCY="4")
    try:
        for person in range(20):
            assert await process.admits(a_count(f"person {person}"))
        assert list(process.limits._unsent) == [f"person {person}" for person in range(15, 20)]
        process.limits._known["person 19"].ends_at = time.monotonic()
        assert not await process.admits(a_count("person 19", most=0))  # a new window, with no count
        assert list(process.limits._unsent) == [f"person {person}" for person in range(15, 19)]
    finally:
        await process.close()


async def test_a_limit_of_nothing_asks_nobody(start, monkeypatch):
    process = await start(PUBLISHES_A_PERSON="0")

    async def refuse(*_: Any) -> None:
        raise AssertionError("Redis was asked")

    monkeypatch.setattr(process.bus, "run_script", refuse)
    assert process.limits.counts("publishes", "alice", "192.0.2.1") == []
    await process.limits.take([])


async def test_redis_is_given_no_id_and_no_address(start, redis):
    process = await start(PUBLISHES_AN_ADDRESS="5")
    await process.limits.take(process.limits.counts("publishes", "alice", "192.0.2.1"))
    names = b" ".join(await process.bus._redis.keys("*"))
    assert names.count(b":count:publishes:") == 2
    assert b"alice" not in names
    assert b"192.0.2.1" not in names
    for each in await process.bus._redis.keys("*"):
        assert 0 < await process.bus._redis.pttl(each) <= HOUR * 1000
