"""A store and a Redis in memory, for tests on a shuffled loop. They await where the real stores do.

They fail and stall as real stores may, and lose what those may lose: a reply, or a connection with all
messages on their way.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any

from pymongo.errors import AutoReconnect

from server.game.dig import Dig
from server.game.task import Task
from server.runtime.background import Failures
from server.runtime.page_reads import PageReads
from support.histories import a_history, task_after
from support.shuffled_loop import ShuffledLoop

CD_MS = 3000


class World:
    """The truth: tasks and their digs. `trouble` is the share of operations that fail."""

    def __init__(self, loop: ShuffledLoop, codes: list[str]) -> None:
        self.loop = loop
        self.trouble = 0.0
        self.digs: dict[str, list[Dig]] = {code: [] for code in codes}
        self.ended: dict[str, str] = {}
        self.tasks = self
        self.redis_up = True
        self.buses: list[MemoryBus] = []
        self.store = MemoryTasks(self)

    def now_ms(self) -> int:
        return int(self.loop.now * 1000)

    async def pause(self) -> None:
        """Take a random time, as an operation may."""
        for _ in range(self.loop.random.randrange(3)):
            await asyncio.sleep(0)
        if self.loop.random.random() < 0.5:
            await asyncio.sleep(self.loop.random.choice((0.001, 0.01, 0.3)))

    def dig(self, code: str, person: int) -> Dig | None:
        """Record a dig, if the task still runs."""
        if code in self.ended:
            return None
        people = [int(dig["person_id"].removeprefix("u")) for dig in self.digs[code]]
        made = a_history([*people, person], set(), ends=False)[-1]
        made |= {"_id": f"{code}:{made['depth']}", "code": code}
        made["at"] = self.now_ms()
        made["cd_until"] = self.now_ms() + CD_MS
        self.digs[code].append(made)
        return made

    def task(self, code: str) -> Task | None:
        """Return a task as it is in the store now."""
        if code not in self.digs:
            return None
        ended = int(code in self.ended)
        task = task_after(self.digs[code])
        task["_id"] = code
        task["cd_ms"] = CD_MS
        task["status"] = ended
        task["ended_at"] = ended
        task["end_reason"] = self.ended.get(code, "")
        return task

    def take_redis_down(self) -> None:
        """End all connections, and lose all messages on their way."""
        self.redis_up = False
        for bus in self.buses:
            bus.lose()

    def bring_redis_back(self) -> None:
        """Accept connections again; each process subscribes to its tasks again."""
        self.redis_up = True
        for bus in self.buses:
            bus.connect()


class MemoryTasks:
    """The reads that a hub makes; each is one operation."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.tasks = self
        self.digs = self
        self.people = self
        self.page_reads = PageReads()

    async def _read(self, found: Callable[[], Any]) -> Any:
        world = self.world
        await world.pause()
        if world.loop.random.random() < world.trouble:
            raise AutoReconnect("gone")
        value = found()
        await world.pause()
        return value

    async def find(self, code: str) -> Any:
        return await self._read(lambda: self.world.task(code))

    async def find_at(self, code: str) -> Any:
        def found() -> Any:
            task = self.world.task(code)
            return None if task is None else (task, self.world.now_ms())

        return await self._read(found)

    async def positions(self, codes: list[str]) -> Any:
        return await self._read(
            lambda: [
                {**task, "now": self.world.now_ms()} for code in codes if (task := self.world.task(code))
            ]
        )

    async def following(self, task: Task, depth: int, limit: int) -> Any:
        return await self._read(lambda: self.world.digs[task["_id"]][depth : depth + limit])

    async def early(self, code: str, places: int) -> Any:
        return await self._read(lambda: [dig for dig in self.world.digs[code] if dig.get("n", 99) <= places])

    async def ended_since(self, at_ms: int) -> Any:
        return await self._read(dict)  # nobody's sessions end in this world


class MemoryBus:
    """A process's connection to a world's Redis. As long as it lasts, messages come in order, but late."""

    def __init__(self, world: World, process: str) -> None:
        self.world = world
        self.process = process
        self.failures = Failures()
        self.up = False
        self.wanted: set[str] = set()
        self.subscribed: set[str] = set()
        self.acknowledged: set[str] = set()
        self.way: deque[tuple[str, bytes | asyncio.Event | None]] = deque()
        self._waiting: dict[str, asyncio.Event] = {}
        self.on_message: Callable[[str, bytes], None]
        self.on_subscribed: Callable[[str], None]
        world.buses.append(self)

    def hear(self, name: str, listener: Callable[[bytes], None]) -> None:
        """Ignore the listener: in this world all news is about tasks."""

    def start(self, on_message: Callable[[str, bytes], None], on_subscribed: Callable[[str], None]) -> None:
        self.on_message = on_message
        self.on_subscribed = on_subscribed
        self.connect()

    async def close(self) -> None:
        self.lose()

    def connect(self) -> None:
        self.up = True
        for code in self.wanted:
            self._subscribe(code)

    def lose(self) -> None:
        self.up = False
        self.subscribed.clear()
        self.acknowledged.clear()
        self.way.clear()

    def wants(self, code: str) -> bool:
        return code in self.wanted

    def hears(self, code: str) -> bool:
        return self.up and code in self.acknowledged

    def _subscribe(self, code: str) -> None:
        self.subscribed.add(code)
        self.send(code, None)

    async def caught_up(self, _code: str) -> bool:
        """Return True once all messages now on their way have arrived, or False if they are lost."""
        if not self.up:
            return False
        arrived = asyncio.Event()
        self.send("", arrived)
        try:
            async with asyncio.timeout(1.0):
                await arrived.wait()
        except TimeoutError:
            return False
        return True

    def send(self, code: str, payload: bytes | asyncio.Event | None) -> None:
        """Send a message to this process. With an event as payload, the event is set when it arrives."""
        self.way.append((code, payload))
        self.world.loop.call_later(self.world.loop.random.choice((0.0, 0.005, 0.1)), self._arrive)

    def _arrive(self) -> None:
        if not self.way:
            return
        code, payload = self.way.popleft()
        if isinstance(payload, asyncio.Event):
            payload.set()
            return
        if payload is not None:
            self.on_message(code, payload)
            return
        self.acknowledged.add(code)
        if code in self._waiting:
            self._waiting[code].set()
        self.on_subscribed(code)

    async def listen(self, code: str) -> bool:
        self.wanted.add(code)
        await self.world.pause()
        if not self.up:
            return False
        self._subscribe(code)
        waiting = self._waiting.setdefault(code, asyncio.Event())
        try:
            async with asyncio.timeout(1.0):
                await waiting.wait()
        except TimeoutError:
            return False
        return True

    async def ignore(self, code: str) -> None:
        self.wanted.discard(code)
        self._waiting.pop(code, None)
        await self.world.pause()
        if code not in self.wanted:
            self.subscribed.discard(code)
            self.acknowledged.discard(code)

    async def publish(self, code: str, payload: bytes) -> bool:
        await self.world.pause()
        if not self.up:
            return False
        for bus in self.world.buses:
            if code in bus.subscribed:
                bus.send(code, payload)
        return True
