"""A process's connection to Redis: many commands at once, half-open links, and how it ends."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator

import msgspec
import pytest
from redis.asyncio import Redis
from redis.exceptions import OutOfMemoryError, RedisError
from tornado.log import app_log
from tornado.testing import ExpectLog

from server.realtime import links
from server.realtime.bus import FORM, HEARTBEATS, LATE_MS, Bus
from server.realtime.links import OPERATION_SECONDS
from server.runtime.background import end_tasks
from server.security.keys import Keys
from server.settings import Settings
from server.telemetry import metrics
from support.buses import a_bus
from support.link import Link
from support.servers import stopped

CODE = "aaaaaaaa"
NEW, OLD = (b"the secret of the tests: %d, 32 characters" % number for number in (1, 2))
KEYS = Keys(NEW, OLD)


@contextlib.asynccontextmanager
async def hearing(url: str) -> AsyncIterator[tuple[Bus, asyncio.Queue[bytes], asyncio.Queue[str]]]:
    """A bus that listens to CODE, a queue of what it hears, and a queue of its later subscriptions."""
    heard = asyncio.Queue[bytes]()
    subscribed = asyncio.Queue[str]()
    settings = Settings(redis_url=url)
    take = heard.put_nowait
    async with a_bus(settings, KEYS, lambda _, payload: take(payload), subscribed.put_nowait) as listening:
        assert await listening.listen(CODE)
        assert await subscribed.get() == CODE
        yield listening, heard, subscribed


async def test_a_crowd_that_publishes_at_once_waits_its_turn_and_loses_no_message(redis_url):
    async with hearing(redis_url) as (listening, heard, _):
        sent = [b"%d" % number for number in range(60)]  # of six connections
        assert all(await asyncio.gather(*(listening.publish(CODE, payload) for payload in sent)))
        assert sorted([await heard.get() for _ in sent]) == sorted(sent)


async def test_who_has_caught_up_has_heard_all_that_was_published_before(redis_url):
    heard: list[bytes] = []
    listening, telling = (Bus(Settings(redis_url=redis_url), "test_caught_up", KEYS) for _ in range(2))
    listening.start(lambda _, payload: heard.append(payload), lambda _: None)
    telling.start(lambda *_: None, lambda _: None)
    assert not await listening.caught_up(CODE), "it is not connected yet"
    await asyncio.gather(listening.connected.wait(), telling.connected.wait())
    assert await listening.listen("aaaaaaaa")
    for number in range(1, 201):
        assert await telling.publish("aaaaaaaa", b"%d" % number)
        # All calls in one turn of the loop share a ping.
        assert await asyncio.gather(*(listening.caught_up(CODE) for _ in range(3))) == [True] * 3
        assert len(heard) == number
    assert not listening._link("")._pings
    await asyncio.gather(listening.close(), telling.close())
    assert not await listening.caught_up(CODE)


async def test_a_half_open_link_is_given_up_and_its_codes_are_reported_as_gaps(redis_url, monkeypatch):
    monkeypatch.setattr(links, "PING_SECONDS", 0.2)
    monkeypatch.setattr(links, "SILENCE_SECONDS", 1.0)
    link = Link(redis_url)
    async with link.redis() as url, hearing(url) as (listening, _, subscribed):
        with ExpectLog(app_log, "redis is gone: silent"):
            link.go_half_open()
            assert await subscribed.get() == CODE
        assert listening.up
        assert await listening.publish(CODE, b"") or await listening.publish(CODE, b"")


async def test_a_connection_that_was_closed_is_not_replaced_in_silence(redis_url):
    async with Redis.from_url(redis_url) as client:
        for ask in (lambda news: news.subscribe("b"), lambda news: news.get_message(timeout=1)):
            news = links.OneConnection(client.connection_pool)
            await news.subscribe("a")
            await news.connection.disconnect(nowait=True)
            with pytest.raises(RedisError):
                await ask(news)
            await news.aclose()
        assert await client.ping()  # the connection serves others again


async def test_a_reply_that_cannot_be_read_is_logged_and_a_new_connection_made(redis_url):
    link = Link(redis_url)
    async with link.redis() as url, hearing(url) as (listening, _, subscribed):
        with ExpectLog(app_log, "Link._read_until_gone failed"):
            link.inject(b":no number\r\n")
            assert await subscribed.get() == CODE
        assert listening.up


async def test_nobody_has_caught_up_on_a_link_that_is_half_open(redis_url):
    link = Link(redis_url)
    async with link.redis() as url, hearing(url) as (listening, _, _):
        assert await listening.caught_up(CODE)
        link.go_half_open()
        assert not await listening.caught_up(CODE)
        assert not listening.hears(CODE), "so the next page is read at once"


async def test_a_link_that_may_be_half_open_does_not_count_as_hearing(redis_url):
    link = Link(redis_url)
    with ExpectLog(app_log, ".*", required=False):
        async with link.redis() as url, hearing(url) as (listening, _, _):
            assert await listening.publish(CODE, b"")  # gives the pool a connection that can go half open
            assert listening.hears(CODE)
            link.go_half_open()
            assert not await listening.publish(CODE, b"")
            assert listening.up
            assert not listening.hears(CODE)


async def test_nobody_waits_a_second_for_a_frozen_redis_again_and_again(redis):
    """Each dig waits until its news is sent, and a task's first page waits for the subscription."""
    loop = asyncio.get_running_loop()
    with ExpectLog(app_log, ".*", required=False):
        async with hearing(redis.uri) as (listening, _, subscribed):
            with stopped([redis.pid]):
                assert not await listening.publish(CODE, b"")
                began = loop.time()
                assert not await listening.publish(CODE, b"")
                assert not await listening.listen("bbbbbbbb")
                assert listening.up
                assert loop.time() - began < OPERATION_SECONDS
            assert await subscribed.get() == "bbbbbbbb"


async def test_many_commands_at_once_wait_their_turn_and_end_no_connection(redis_url, monkeypatch):
    codes = [f"code{number}" for number in range(5)]
    async with a_bus(Settings(redis_url=redis_url)) as listening:
        connection = listening.connection
        monkeypatch.setattr(links, "OPERATION_SECONDS", 0.5)
        async with listening._link("")._commands:
            commands = asyncio.gather(*(listening.listen(code) for code in codes))
            await asyncio.sleep(links.OPERATION_SECONDS)  # as if the commands before them took this long
        await commands
        while not all(listening.hears(code) for code in codes):
            await listening.ping()
        assert listening.connection == connection


async def test_a_task_ends_even_if_its_first_cancellation_is_lost():
    """asyncio.wait_for can lose a cancellation that arrives just as the awaited work is done."""
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


async def test_a_full_redis_loses_charts_and_no_news(redis):
    async with hearing(redis.uri) as (ours, heard, _):
        async with Redis.from_url(redis.uri) as admin:
            await admin.config_set("maxmemory", "1")
            with pytest.raises(OutOfMemoryError):
                await admin.set("key", "value")
        with ExpectLog(app_log, "a heartbeat was lost"):
            await ours.write_heartbeat(b"heartbeat")
        assert await ours.publish(CODE, b"a dig")
        assert await heard.get() == b"a dig"


def forged() -> float:
    return float(metrics.FORGED._value.get())


async def test_what_no_process_of_ours_signed_is_counted_and_dropped(redis_url):
    async with hearing(redis_url) as (listening, heard, _):
        channel = listening._channel(CODE)
        heartbeats = listening._channel(HEARTBEATS)
        stranger = Keys(b"another secret: 32 characters or more")
        older = Keys(OLD)
        now_ms = time.time_ns() // 1_000_000
        news = KEYS.sign_message(channel, FORM + b"news", now_ms)
        old = [
            KEYS.sign_message(channel, b"sent again", now_ms + by) for by in (-LATE_MS - 1, LATE_MS + 60_000)
        ]
        nonsense = [
            *(b"", b"x", b"news", b"x" * 16, b"x" * 16 + b"news"),
            stranger.sign_message(channel, b"news", now_ms),
            KEYS.sign_message(listening._channel("bbbbbbbb"), b"news", now_ms),
            news[:-1],
            news + b"x",
        ]
        before = forged()
        for each in nonsense:
            await listening.client.publish(channel, each)
            await listening.client.xadd(heartbeats, {"heartbeat": each})
        for each in old:
            await listening.client.publish(channel, each)
        await listening.client.xadd(heartbeats, {"another field": news})
        ours = older.sign_message(channel, FORM + b"whose turn comes", now_ms)
        await listening.client.publish(channel, ours)
        await listening.publish(CODE, b"ours")
        assert [await heard.get(), await heard.get()] == [b"whose turn comes", b"ours"]
        await listening.write_heartbeat(b"ours")
        read = await listening.read_heartbeats()
        assert read[1] == [b"ours"]
        assert forged() - before == 2 * len(nonsense) + len(old) + 1
        assert heard.empty()


async def test_a_message_of_a_version_to_come_is_counted_and_left_out(redis_url):
    def unknown() -> float:
        return float(metrics.UNKNOWN._value.get())

    async with hearing(redis_url) as (listening, heard, _):
        taken = listening._on_message

        def take(code: str, payload: bytes) -> None:
            msgspec.json.decode(payload, type=int)
            taken(code, payload)

        listening._on_message = take
        channel = listening._channel(CODE)
        now_ms = time.time_ns() // 1_000_000
        before = unknown()
        await listening.client.publish(channel, KEYS.sign_message(channel, b"\x03" + b"1", now_ms))
        for payload in (b'"of a kind that is not known here"', b"2"):
            await listening.publish(CODE, payload)
        assert await heard.get() == b"2"
        assert (unknown() - before, heard.empty()) == (2, True)
        assert not listening.failures._logged
