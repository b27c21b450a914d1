"""What a process keeps for digs: a lock per task, the used ids, the depths that win, who published."""

from __future__ import annotations

import asyncio
import weakref

import msgspec

from server.errors import Unavailable
from server.game import draw
from server.keys import Keys
from server.store import Store, is_unavailable
from server.store.dig_ids import DigIds
from server.store.silence import answered
from server.store.tasks import Task

WINNING_REMEMBERED = 1_000
PUBLISHERS_REMEMBERED = 10_000


class Digging:
    """One per process."""

    def __init__(self, store: Store, keys: Keys) -> None:
        self.ids = DigIds(store)
        self._store = store
        self._keys = keys
        self._turns: weakref.WeakValueDictionary[str, asyncio.Lock] = weakref.WeakValueDictionary()
        self._winning: dict[str, frozenset[int]] = {}
        self._publishers: dict[str, str] = {}
        self._asking: dict[str, asyncio.Task[str]] = {}

    def turn(self, code: str) -> asyncio.Lock:
        """Return a task's lock: this process makes one dig of a task at a time.

        The lock lasts as long as somebody holds a reference to it.
        """
        return self._turns.setdefault(code, asyncio.Lock())

    def learn_publisher(self, task: Task) -> None:
        """Remember who published a task that was read."""
        while len(self._publishers) >= PUBLISHERS_REMEMBERED:
            self._publishers.pop(next(iter(self._publishers)))
        self._publishers[task["_id"]] = task["publisher"]

    async def publisher(self, code: str) -> str:
        """Return who published a task; "" if the store is silent. It is read once, for all who ask."""
        known = self._publishers.get(code)
        if known is not None:
            return known
        asking = self._asking.get(code)
        if asking is None:
            asking = self._asking[code] = asyncio.get_running_loop().create_task(self._read_publisher(code))
        return await asyncio.shield(asking)

    async def _read_publisher(self, code: str) -> str:
        try:
            task = await answered(self._store.tasks.find(code))
        except Exception as error:
            if not (isinstance(error, Unavailable) or is_unavailable(error)):
                raise
            return ""
        finally:
            del self._asking[code]
        if task is None:
            return ""
        self.learn_publisher(task)
        return task["publisher"]

    def winning_depths(self, task: Task) -> frozenset[int]:
        """Return the depths of a task that win. Raises ValueError if no known secret opens its seed."""
        code = task["_id"]
        known = self._winning.get(code)
        if known is None:
            seed = self._keys.open("seed", bytes(task["seed_box"]), code)
            rules = msgspec.json.decode(task["params"], type=draw.Rules)
            known = frozenset(draw.winning_depths(seed, rules))
            while len(self._winning) >= WINNING_REMEMBERED:
                self._winning.pop(next(iter(self._winning)))
            self._winning[code] = known
        return known
