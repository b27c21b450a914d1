"""What a process keeps for digs: locks, used ids, finished digs, facts about tasks that never change."""

import asyncio
import weakref
from collections.abc import Callable, Mapping
from functools import partial
from typing import NamedTuple

from cachetools import LRUCache

from server.game import draw
from server.game.dig import Dig
from server.game.task import Task
from server.memory.batch_queue import BatchQueue
from server.security.keys import Keys
from server.store import Store

DRAWN_REMEMBERED = 1_000
TASKS_REMEMBERED = 10_000


class Drawn(NamedTuple):
    """What is drawn of a task: what each winning depth wins, and what the dig at a depth brings up."""

    rules: draw.Rules
    prizes: Mapping[int, draw.Won]
    find_at: Callable[[int], int]


class Digging:
    """One per process."""

    def __init__(self, store: Store, keys: Keys) -> None:
        self._ids = BatchQueue(self._made)
        self._store = store
        self._keys = keys
        self._turns: weakref.WeakValueDictionary[str, asyncio.Lock] = weakref.WeakValueDictionary()
        self._drawn = LRUCache[str, Drawn](DRAWN_REMEMBERED)
        # The publisher of each task, and whether it ever cools down.
        self._tasks = LRUCache[str, tuple[str, bool]](TASKS_REMEMBERED)
        self._finished = LRUCache[str, tuple[int, str]](TASKS_REMEMBERED)  # depth and id of a task's dig

    async def dig_id_is_used(self, code: str, person_id: str, dig_id: str) -> bool:
        """Whether the history holds a dig of this person under this id.

        When a countdown ends, every open page digs at the same instant, each under an id of its own. All but
        one are refused. Each request may repeat a dig whose reply was lost, so memory alone cannot refuse it.
        Raises Unavailable, or what the store raises.
        """
        return await self._ids.ask(f"{code}:{person_id}:{dig_id}") is not None

    async def _made(self, made_as: list[str]) -> dict[str, str]:
        return {made: made for made in await self._store.digs.made_as(made_as)}

    def tasks_turn(self, code: str) -> asyncio.Lock:
        """Return a task's lock: this process makes one dig of a task at a time.

        The lock lasts as long as somebody holds a reference to it.
        """
        return self._turns.setdefault(code, asyncio.Lock())

    def persons_turn(self, code: str, person_id: str, *, proven: bool) -> asyncio.Lock:
        """Return a person's lock for a task. Who only knows their id (not `proven`) has another lock."""
        return self._turns.setdefault(f"{code}:{person_id}:{proven}", asyncio.Lock())

    def learn(self, task: Task) -> None:
        """Remember what never changes about a task that was just read."""
        self._tasks[task["_id"]] = task["publisher"], bool(task["cd_ms"])

    def publisher(self, code: str) -> str:
        """Return who published a task; "" if this process has not read it."""
        return self._tasks.get(code, ("", True))[0]

    def never_cools(self, code: str) -> bool:
        """Whether this process has read a task and it has no cooldown."""
        return not self._tasks.get(code, ("", True))[1]

    def remember_finished(self, dig: Dig) -> None:
        """Remember that the history has this dig, and that `prizes` has what it won."""
        known = self._finished.get(dig["code"])
        if known is None or known[0] < dig["depth"]:  # the prize of an earlier dig may take longer
            self._finished[dig["code"]] = dig["depth"], dig["dig_id"]

    def is_newest_finished(self, dig: Dig) -> bool:
        """Whether this process finished this dig, and no later dig of its task."""
        return self._finished.get(dig["code"]) == (dig["depth"], dig["dig_id"])

    def drawn(self, task: Task) -> Drawn:
        """Return a task's draw. Raises ValueError if no secret opens its seed."""
        code = task["_id"]
        known = self._drawn.get(code)
        if known is None:
            seed = self._keys.open("seed", task["seed_box"], code)
            rules = draw.read_rules(task["params"])
            known = Drawn(rules, draw.prizes_at(seed, rules), partial(draw.find_at, seed, rules))
            self._drawn[code] = known
        return known
