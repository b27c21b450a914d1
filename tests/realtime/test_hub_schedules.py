"""The hub on a shuffled loop: in any order of events, nobody waits forever and each dig comes once.

A worker used to hang for good in one run of twenty, when a hundred people opened one page at the same time.
Runs on a real loop seldom find such a bug; a few hundred seeds do. HUB_SEEDS=100000 sets the number of seeds.
"""

import asyncio
import logging
import os
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from pymongo.errors import AutoReconnect

from server.errors import NoSuchTask, Unavailable
from server.realtime.hub import Hub
from server.realtime.news import DigNews, EndNews
from support.histories import frames_of
from support.memory_stores import MemoryBus, World
from support.shuffled_loop import ShuffledLoop, run_shuffled

SEEDS = int(os.environ.get("HUB_SEEDS", "300"))
CODES = ["A" * 12, "B" * 12]
UNKNOWN = "Z" * 12
SCENE_SECONDS = 8.0
QUIET_SECONDS = 60.0


class Visitor:
    """A person with one open page, which checks the frames that it gets."""

    unsent_bytes = 0
    generation = None

    def __init__(self, person_id: str) -> None:
        self.person_id = person_id
        self.seq: int | None = None
        self.sent_away = asyncio.Event()

    def send(self, frames: bytes) -> None:
        for frame in frames_of(frames):
            if frame["type"] == "cd":
                assert self.seq is None or frame["seq"] == self.seq + 1, (self.seq, frame)
                self.seq = frame["seq"]
            elif frame["type"] == "snapshot":
                assert self.seq is None or frame["seq"] >= self.seq, (self.seq, frame)
                self.seq = frame["seq"]
            elif frame["type"] in ("join", "prize"):
                assert frame["seq"] == self.seq

    def cut_if_stuck(self, now: float) -> bool:
        return False

    def say_goodbye(self) -> None:
        self.sent_away.set()

    def end_session(self) -> None:
        raise AssertionError("nobody's sessions end in this world")


class Scene:
    """Two processes, and some seconds in which people and operators act and stores fail."""

    def __init__(self, loop: ShuffledLoop) -> None:
        self.loop = loop
        self.random = loop.random
        self.world = World(loop, CODES)
        clock: Any = SimpleNamespace(now_ms=self.world.now_ms, see=lambda now_ms: None)
        self.hubs = [
            Hub(self.world.store, MemoryBus(self.world, name), "", clock)  # type: ignore[arg-type]
            for name in ("one", "two")
        ]
        self.staying: list[tuple[str, Visitor]] = []

    async def some_time(self, most: float) -> None:
        await asyncio.sleep(self.random.choice((0.0, 0.0, self.random.uniform(0, most))))

    async def visit(self, number: int) -> None:
        """Open a page, perhaps stay, and perhaps come back with the last page's `seq`."""
        visitor = Visitor(f"person{number}")
        code = self.random.choice([*CODES, UNKNOWN] if number % 5 == 0 else CODES)
        stays = self.random.random() < 0.3
        await self.some_time(2)
        while True:
            hub = self.random.choice(self.hubs)
            hub.connections.add(visitor)
            try:
                watching = asyncio.ensure_future(
                    hub.watch(visitor, code, visitor.seq, self.random.random() < 0.5)
                )
                if not stays and self.random.random() < 0.3:  # leave before the page has come
                    await self.some_time(0.1)
                    watching.cancel()
                await watching
                if stays and self.loop.now > self.over:
                    self.staying.append((code, visitor))
                    return
                async with asyncio.timeout(self.random.uniform(0, 3)):
                    await visitor.sent_away.wait()
            except NoSuchTask:
                assert code == UNKNOWN
                return
            except TimeoutError:
                pass
            except (AutoReconnect, Unavailable, asyncio.CancelledError):
                await self.some_time(1)
            finally:
                if (code, visitor) not in self.staying:
                    hub.leave(visitor, code)
                    hub.connections.discard(visitor)
            visitor.sent_away.clear()
            if not stays and self.random.random() < 0.5:
                return

    async def read(self, number: int) -> None:
        """Read a page without watching. It must have all digs that the store had at the request."""
        await self.some_time(4)
        code = self.random.choice(CODES)
        hub = self.random.choice(self.hubs)
        try:
            async with hub.known.keep(code) as watched:
                before = len(self.world.digs[code])
                heard = hub._bus.hears(code)
                await hub.refresh(watched)
                assert heard or self.world.trouble or watched.seq >= before
                await self.some_time(1)
        except AutoReconnect:
            pass

    async def dig(self) -> None:
        """Dig. Some digs are never announced, as if the digging process had died."""
        for number in range(12):
            await self.some_time(1)
            code = self.random.choice(CODES)
            made = self.world.dig(code, number % 4)
            if made is not None and self.random.random() < 0.8:
                await self.random.choice(self.hubs).announce(code, DigNews(made))
        if self.random.random() < 0.5:
            self.world.ended[CODES[0]] = "operator"
            if self.random.random() < 0.5:
                news = EndNews(len(self.world.digs[CODES[0]]), "operator", "", 0)
                await self.random.choice(self.hubs).announce(CODES[0], news)

    async def disturb(self) -> None:
        """Take Redis down and bring it back, or make the store fail, or do nothing."""
        await self.some_time(4)
        what = self.random.choice((0, 0, 0, 1, 2))
        if what == 0:
            self.world.take_redis_down()
            await self.some_time(3)
            self.world.bring_redis_back()
        elif what == 1:
            self.world.trouble = 0.3
            await self.some_time(2)
            self.world.trouble = 0.0

    async def play(self) -> None:
        self.over = self.loop.now + SCENE_SECONDS
        for hub in self.hubs:
            hub.start()
        acts = [self.visit(number) for number in range(self.random.randrange(4, 14))]
        acts += [self.read(number) for number in range(12)] + [self.dig(), self.disturb()]
        self.random.shuffle(acts)
        playing = [asyncio.ensure_future(act) for act in acts]
        done, waiting = await asyncio.wait(playing, timeout=SCENE_SECONDS + QUIET_SECONDS)
        assert not waiting, f"{len(waiting)} people or acts wait for ever"
        for act in done:
            act.result()
        await self.end_when_quiet()

    async def end_when_quiet(self) -> None:
        """When all is quiet, assert that people who stayed know all digs, and leave nothing when they go."""
        await asyncio.sleep(10)
        for code, visitor in self.staying:
            assert visitor.seq == len(self.world.digs[code])
        for code, visitor in self.staying:
            for hub in self.hubs:
                hub.leave(visitor, code)
        turns = self.loop.turns
        await asyncio.sleep(QUIET_SECONDS)
        assert self.loop.turns - turns < 3000, "something keeps spinning"
        for hub in self.hubs:
            assert not hub.known.by_code
            assert not hub.known.opening
            assert not hub._reading
            assert not hub._next_read
            assert not hub._background.busy
            assert not hub._bus.wanted  # type: ignore[attr-defined]
            await hub.close()


def play(seed: int) -> None:
    async def work(loop: ShuffledLoop) -> None:
        await Scene(loop).play()

    try:
        run_shuffled(seed, work)
    except BaseException as error:
        error.add_note(f"seed {seed}")
        raise


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """Keep warnings about the stores' failures out of the log."""
    logging.disable(logging.WARNING)
    yield
    logging.disable(logging.NOTSET)


def test_nobody_waits_for_ever_and_each_dig_comes_once_in_any_order_of_events():
    for seed in range(SEEDS):
        play(seed)
