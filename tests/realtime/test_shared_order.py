"""A random order over all processes, even while Redis is away, slow or killed.

`bench/fair_start.py` checks that a person who asks four processes wins no more than their share.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, nullcontext
from itertools import count
from types import SimpleNamespace
from typing import Any

import pytest

from server.clock import Clock
from server.memory import fair_start
from server.memory.fair_start import FairStart, how_many_go_at_once
from server.realtime.bus import Bus, SharedOrder
from server.realtime.cooldowns import Cooldowns
from server.runtime.background import Background
from server.settings import Settings
from support.buses import a_bus
from support.histories import a_history
from support.link import Link

WINDOW_MS = 200
# How much longer a window and its order may take on a busy machine.
BUSY_SECONDS = 1.5


def learn_end(cooldowns: Cooldowns, code: str, cd_until: int, depth: int = 1) -> None:
    (dug,) = a_history([0], set(), ends=False)
    cooldowns.learn(dug | {"code": code, "cd_until": cd_until, "depth": depth})  # type: ignore[arg-type]


class Process:
    """The fair start of one process, which hears of digs only through `learn_end`."""

    def __init__(self, bus: Bus) -> None:
        self.bus = bus
        self.background = Background()
        self.cooldowns = Cooldowns()
        self.clock = Clock()
        deaf: Any = SimpleNamespace(cooldowns=self.cooldowns, hearing=lambda _: nullcontext())
        self.start = FairStart(WINDOW_MS, deaf, self.clock, self.background, bus.enter_places)


@pytest.fixture
def processes(io_loop: Any) -> Iterator[Callable[..., Awaitable[list[Process]]]]:
    """Starts two processes and waits until they are connected to Redis."""
    started = AsyncExitStack()

    async def start_one(url: str) -> Process:
        process = Process(await started.enter_async_context(a_bus(Settings(redis_url=url))))
        started.push_async_callback(process.background.end)
        return process

    async def start(url: str) -> list[Process]:
        return [await start_one(url) for _ in range(2)]

    yield start
    io_loop.run_sync(started.aclose)


class Window:
    """One window of a task: who went on, in order, and after how many seconds."""

    def __init__(self, code: str, processes: list[Process]) -> None:
        self.code = code
        self.went: list[tuple[int, str]] = []
        self.after: list[float] = []
        self.somebody = asyncio.Event()
        self.began = time.monotonic()
        self._processes = processes
        cd_until = processes[0].clock.now_ms()
        for each in processes:
            learn_end(each.cooldowns, code, cd_until)

    async def wait(self, at: int, who: str) -> None:
        await self._processes[at].start.wait(self.code, who)
        self.went.append((at, who))
        self.after.append(time.monotonic() - self.began)
        self.somebody.set()

    async def all(self, *asked: tuple[int, str]) -> None:
        await asyncio.gather(*(self.wait(at, who) for at, who in asked))


class Falling:
    """A random source that gives the first place to the person who asks last."""

    def __init__(self) -> None:
        self._next = 2**52

    def getrandbits(self, _bits: int) -> int:
        self._next -= 1
        return self._next


@pytest.fixture(autouse=True)
def _known_chance(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fair_start, "_chance", Falling())


@pytest.mark.parametrize(
    ("own", "shared", "go"),
    [
        ([], None, 0),
        ([], SharedOrder({}, 5, 3), 0),
        ([5, 7], None, 2),
        ([5, 7], SharedOrder({}, 5, 3), 1),
        ([5, 7], SharedOrder({}, 4, 3), 0),
        ([5, 7], SharedOrder({}, 5, 2), 2),
        ([5, 7], SharedOrder({}, 4, 1), 2),
    ],
)
def test_all_go_at_once_if_nobody_is_elsewhere_else_the_first_of_all(own, shared, go):
    assert how_many_go_at_once(own, shared) == go


async def test_the_first_of_all_goes_on_before_the_others_whose_clock_is_slow(redis, processes, monkeypatch):
    monkeypatch.setattr(fair_start, "OTHERS_SECONDS", 10.0)
    monkeypatch.setattr(fair_start, "QUICK_SECONDS", 10.0)
    fast, slow = await processes(redis.uri)
    window = Window("clocks", [fast, slow])
    now_ms = slow.clock.now_ms
    monkeypatch.setattr(slow.clock, "now_ms", lambda: now_ms() - 80)
    waiting = asyncio.ensure_future(window.all((0, "ann"), (1, "ben"), (0, "cyn"), (1, "dan")))
    await window.somebody.wait()
    assert window.went == [(1, "dan")], "the first of all, at the process whose clock is slow"
    assert window.after[0] > (WINDOW_MS + 70) / 1000
    for each in (fast, slow):
        learn_end(each.cooldowns, "clocks", each.clock.now_ms() + 1000, depth=2)
    await waiting
    assert sorted(window.went) == [(0, "ann"), (0, "cyn"), (1, "ben"), (1, "dan")]


async def test_who_asks_elsewhere_just_after_a_window_overtakes_nobody(redis, processes, monkeypatch):
    """Somebody could ask at the right millisecond: after the window, while the order is still being read."""
    places = count(1)
    monkeypatch.setattr(fair_start, "_chance", SimpleNamespace(getrandbits=lambda _bits: next(places)))
    monkeypatch.setattr(fair_start, "OTHERS_SECONDS", 10.0)
    monkeypatch.setattr(fair_start, "QUICK_SECONDS", 10.0)
    here, elsewhere = await processes(redis.uri)
    window = Window("late", [here, elsewhere])
    began = here.cooldowns.digging_began("late")
    monkeypatch.setattr(elsewhere.clock, "now_ms", lambda: began + WINDOW_MS)
    waiting = [asyncio.ensure_future(window.wait(0, "ann"))]
    found = None
    while found is None or not found.people:
        found = await elsewhere.bus.enter_places("late", began, {})
    assert elsewhere.start.must_wait("late", 0)
    waiting.append(asyncio.ensure_future(window.wait(1, "late")))
    await window.somebody.wait()
    assert window.went == [(0, "ann")]
    for each in (here, elsewhere):
        learn_end(each.cooldowns, "late", began + 10_000, depth=2)
    await asyncio.gather(*waiting)
    assert window.went == [(0, "ann"), (1, "late")]


async def test_without_a_dig_the_others_go_on_a_moment_later_in_their_order(redis, processes, monkeypatch):
    monkeypatch.setattr(fair_start, "QUICK_SECONDS", 10.0)
    window = Window("refused", await processes(redis.uri))
    await window.all((0, "ann"), (0, "ben"), (1, "cyn"), (1, "dan"))
    assert window.went[0] == (1, "dan")
    assert [who for at, who in window.went if at == 0] == ["ben", "ann"]
    waited = window.after[1] - window.after[0]
    assert fair_start.OTHERS_SECONDS - 0.05 < waited < fair_start.OTHERS_SECONDS + BUSY_SECONDS


@pytest.mark.parametrize("how", ["away", "slow", "stopped"])
async def test_without_a_quick_redis_each_process_draws_alone_and_at_once(redis, processes, how, monkeypatch):
    monkeypatch.setattr(fair_start, "OTHERS_SECONDS", 10.0)
    monkeypatch.setattr(fair_start, "PATIENCE_SECONDS", 10.0)
    link = Link(redis.uri)
    async with link.redis() as url:
        pair = await processes(url)
        link.answers_after_seconds = {"away": 0.0, "slow": 0.1, "stopped": 100.0}[how]
        if how == "away":
            redis.kill()
            while any(each.bus.up for each in pair):
                await asyncio.gather(*(each.bus.ping() for each in pair))
        window = Window(how, pair)
        await asyncio.wait_for(window.all((0, "ann"), (0, "ben"), (1, "cyn"), (1, "dan")), 5)
        assert [who for at, who in window.went if at == 0] == ["ben", "ann"]
        assert [who for at, who in window.went if at == 1] == ["dan", "cyn"]
        assert max(window.after) < WINDOW_MS / 1000 + BUSY_SECONDS


@pytest.mark.parametrize("how", ["emptied", "killed"])
async def test_places_that_redis_lost_keep_nobody_waiting(redis, processes, monkeypatch, how):
    monkeypatch.setattr(fair_start, "QUICK_SECONDS", 100.0)
    monkeypatch.setattr(fair_start, "OTHERS_SECONDS", 100.0)
    pair = await processes(redis.uri)
    window = Window("emptied", pair)
    waiting = asyncio.ensure_future(window.all((0, "ann"), (0, "ben"), (1, "cyn"), (1, "dan")))
    found = None
    while found is None or found.people < 4:
        found = await pair[0].bus.enter_places("emptied", pair[0].cooldowns.digging_began("emptied"), {})
    if how == "emptied":
        await pair[0].bus.client.flushall()
    else:
        redis.kill()
    await asyncio.wait_for(waiting, 40)
    assert len(window.went) == 4
