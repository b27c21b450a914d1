"""All that the supervisor and a worker repeat: whatever it raises, it goes on, and tells of it."""

import asyncio
import io
import os
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import msgspec
import pytest
from prometheus_client import REGISTRY
from pymongo.errors import OperationFailure

from server.operation.alarms import COMPARED, TABLE, Comparison
from server.running.stores import free_port
from server.running.supervisor import Supervisor
from server.running.watchdog import Heart
from server.running.worker import begin_repeated
from server.runtime import background
from server.runtime.background import Background, Failures
from server.security.keys import Keys

WORKERS = {
    "Link._read_until_gone",
    "Feed._count_queues",
    "Feed._count_stock",
    "Feed._read_alarms",
    "Feed._tell_board",
    "Feed._tell_heartbeats",
    "Heart.beat",
    "Heartbeats._beat",
    "Audience.renew",
    "Audience.tell",
    "Hub._clear_away",
    "Hub._poll",
    "Hub._poll_alone",
    "Hub._poll_sessions",
    "Hub._poll_unheard",
    "Leader.ask",
    "Leading.look",
    "Monitor.compare",
    "Monitor.count",
    "Monitor.look_at_disk",
    "Outages._ask",
    "delete_old_messages",
    "tidy",
}
SUPERVISORS = {
    "Supervisor._replace_workers",
    "Valkey",
    "announcing",
    "starting",
    "worker 1",
    "the crowd",
}
ENVIRONMENT = {"ALARM_WEBHOOK": "http://127.0.0.1:1/robot"}


class Repeated(NamedTuple):
    """Work that was to be repeated; it was not begun."""

    name: str
    failures: Failures
    work: Callable[[], Awaitable[None]]


@dataclass
class Time:
    """A clock that goes on while somebody rests."""

    now: float = 0.0

    async def rest(self, seconds: float) -> None:
        self.now += seconds
        await asyncio.sleep(0)


really_repeat = Background.repeat


@pytest.fixture(autouse=True)
def repeated(monkeypatch: pytest.MonkeyPatch) -> list[Repeated]:
    """All that is to be repeated from now on. Nothing repeats it."""
    found = list[Repeated]()

    def repeat(self: Background, work: Any, *_: Any, at_once: bool = False, name: str = "") -> None:
        del at_once
        found.append(Repeated(name or background._name(work), self.failures, work))

    monkeypatch.setattr(Background, "repeat", repeat)
    monkeypatch.setattr(Background, "persist", lambda self, work, name: repeat(self, work, name=name))
    return found


def failures_of(name: str) -> float:
    return REGISTRY.get_sample_value("wabao_failed_work_total", {"work": name}) or 0


async def fail(each: Repeated, seconds: float) -> int:
    """Let this work fail once, and on for some seconds; return how often it failed, once it has gone on."""
    failed = 0
    went_on = asyncio.Event()
    time = Time()

    async def work() -> None:
        nonlocal failed
        if not failed or time.now < seconds:
            failed += 1
            raise asyncio.CancelledError if failed == 2 else LookupError("a bug")
        went_on.set()

    working = Background(each.failures)
    working.pause = time.rest  # type: ignore[method-assign,assignment]
    really_repeat(working, work, 0.1, name=each.name)
    async with asyncio.timeout(10):
        await went_on.wait()
    await working.end()
    return failed


async def check_each(repeated: list[Repeated], log: io.StringIO, seconds: float) -> None:
    """Assert that each work goes on after failures, and that they are counted and logged."""
    for each in {each.name: each for each in repeated}.values():
        before = failures_of(each.name)
        said = len(log.getvalue())
        failed = await fail(each, seconds)
        assert 2 < failed < 20 if seconds else failed == 1, each.name
        assert failures_of(each.name) - before == failed, each.name
        lines = re.findall(rf" {re.escape(each.name)} failed", log.getvalue()[said:])
        assert len(lines) == (2 if seconds else 1), "one for each kind of error"


@pytest.mark.parametrize("seconds", [0, 10])
async def test_what_a_worker_repeats_goes_on_after_failures_and_tells_so(context, repeated, log, seconds):
    Heart(os.open(os.devnull, os.O_WRONLY)).begin(Background())
    context.bus.start(lambda *_: None, lambda _: None)
    begin_repeated(context)
    context.feed._telling.spawn(context.feed._run())
    async with asyncio.timeout(10):
        while {each.name for each in repeated} != WORKERS:  # noqa: ASYNC110  (nothing tells)
            await asyncio.sleep(0)
    comparison = Comparison(TABLE)
    comparison.alarms(await context.scrape.gather(COMPARED), [], 0)
    await check_each(repeated, log, seconds)
    found = comparison.alarms(await context.scrape.gather(COMPARED), [], 1)
    assert {alarm.what for alarm in found if alarm.kind == "work"} >= WORKERS


@pytest.mark.parametrize("seconds", [0, 10])
async def test_what_the_supervisor_repeats_goes_on_and_tells_of_failures(settings, repeated, log, seconds):
    given = msgspec.structs.replace(settings, redis_url="", web_concurrency=1, port=free_port())
    supervisor = Supervisor(given, demo=True)
    running = asyncio.create_task(supervisor.run())
    await asyncio.sleep(0)
    (starting,) = repeated
    await starting.work()
    supervisor._keep_crowd(Keys(b"a secret that only the tests know, 32+"))
    assert {each.name for each in repeated} == SUPERVISORS
    await check_each(repeated, log, seconds)
    assert not running.done()
    supervisor._stopping.set()
    assert await running == 0


@pytest.mark.parametrize("failed", [RuntimeError("can't start new thread"), OperationFailure("x", 96)])
def test_a_silent_store_is_one_line_a_minute_for_all_work_together_and_counts_as_no_failure(log, failed):
    time = Time()
    failures = Failures(clock=lambda: time.now)
    before = failures_of("some work")
    for name in ("some work", "other work") * 10:
        failures.note(name, failed)
    time.now += 60
    failures.note("some work", failed)
    first, second = log.getvalue().splitlines()
    assert " some work: a store does not answer: " in first
    assert second.endswith(" (19 times more since the last line)")
    assert failures_of("some work") == before


def test_work_that_a_store_denies_us_is_counted_though_other_work_goes_on():
    before = failures_of("denied work")
    Failures().note("denied work", OperationFailure("not authorized", 13))
    assert failures_of("denied work") == before + 1
