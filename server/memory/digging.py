"""What a process keeps for digs: a lock per task, the used ids, the depths that win, who published."""

from __future__ import annotations

import asyncio
import weakref

from server.game import draw
from server.game.task import Task
from server.keys import Keys
from server.store import Store
from server.store.dig_ids import DigIds

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

    def publisher(self, code: str) -> str:
        """Return who published a task; "" if this process has not read it."""
        return self._publishers.get(code, "")

    def winning_depths(self, task: Task) -> frozenset[int]:
        """Return the depths of a task that win. Raises ValueError if no known secret opens its seed."""
        code = task["_id"]
        known = self._winning.get(code)
        if known is None:
            seed = self._keys.open("seed", bytes(task["seed_box"]), code)
            rules = draw.read_rules(task["params"])
            known = frozenset(draw.winning_depths(seed, rules))
            while len(self._winning) >= WINNING_REMEMBERED:
                self._winning.pop(next(iter(self._winning)))
            self._winning[code] = known
        return known
