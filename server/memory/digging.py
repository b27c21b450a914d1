"""What a process keeps for digs: locks, used ids, finished digs, facts about tasks that never change, and who
may not dig."""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Callable, Mapping
from functools import partial
from typing import NamedTuple

from cachetools import LRUCache

from server.clock import Clock
from server.game import draw
from server.game.dig import Dig
from server.game.task import Task
from server.memory.batch_queue import BatchQueue
from server.runtime.single_flight import SingleFlight
from server.security.keys import Keys
from server.store import Store
from server.store.digging.tasks import View

DRAWN_REMEMBERED = 1_000
TASKS_REMEMBERED = 10_000
REFUSED_REMEMBERED = 10_000


class Drawn(NamedTuple):
    """What is drawn of a task: what each winning depth wins, and what the dig at a depth brings up."""

    rules: draw.Rules
    prizes: Mapping[int, draw.Won]
    find_at: Callable[[int], int]


class Looks:
    """Reads for people who are likely to be refused: one read at a time per task, so that the reads delay
    nobody who digs.

    People who ask for the same read while it waits share it. Nobody gets the answer of a read that began
    before they asked.
    """

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._waiting = SingleFlight[tuple[str, str, str], View | None]()
        self._turns: weakref.WeakValueDictionary[str, asyncio.Lock] = weakref.WeakValueDictionary()

    async def view(self, code: str, unionid: str, dig_id: str) -> View | None:
        """Return what `Tasks.view` returns. Raises what `Tasks.view` raises."""
        asked = code, unionid, dig_id
        return await self._waiting.result(asked, partial(self._look, *asked))

    async def _look(self, code: str, unionid: str, dig_id: str) -> View | None:
        async with self._turns.setdefault(code, asyncio.Lock()):
            self._waiting.close((code, unionid, dig_id))
            view = await self._store.tasks.view(code, unionid, dig_id)
        if view is not None:
            self._clock.see(view["now"])
        return view


class Digging:
    """One per process."""

    def __init__(self, store: Store, keys: Keys, clock: Clock) -> None:
        self._ids = BatchQueue("dig ids", self._made)
        self.looks = Looks(store, clock)
        self._store = store
        self._keys = keys
        self._turns: weakref.WeakValueDictionary[str, asyncio.Lock] = weakref.WeakValueDictionary()
        self._drawn = LRUCache[str, Drawn](DRAWN_REMEMBERED)
        # The publisher of each task, and whether it ever cools down.
        self._tasks = LRUCache[str, tuple[str, bool]](TASKS_REMEMBERED)
        self._refused = LRUCache[tuple[str, str], None](REFUSED_REMEMBERED)
        self._finished = LRUCache[str, tuple[int, str]](TASKS_REMEMBERED)  # depth and id of a task's dig

    async def used(self, code: str, unionid: str, dig_id: str) -> bool:
        """Whether the history holds a dig of this person under this id.

        When a countdown ends, every open page digs at the same instant, each under an id of its own. All but
        one are refused. Each request may repeat a dig whose reply was lost, so memory alone cannot refuse it.
        Raises Unavailable, or what the store raises.
        """
        return await self._ids.ask(f"{code}:{unionid}:{dig_id}") is not None

    async def _made(self, made_as: list[str]) -> dict[str, str]:
        return {made: made for made in await self._store.digs.made_as(made_as)}

    def turn(self, code: str) -> asyncio.Lock:
        """Return a task's lock: this process makes one dig of a task at a time.

        The lock lasts as long as somebody holds a reference to it.
        """
        return self._turns.setdefault(code, asyncio.Lock())

    def learn(self, task: Task) -> None:
        """Remember what never changes about a task that was just read."""
        self._tasks[task["_id"]] = task["publisher"], bool(task["cd_ms"])

    def publisher(self, code: str) -> str:
        """Return who published a task; "" if this process has not read it."""
        return self._tasks.get(code, ("", True))[0]

    def never_cools(self, code: str) -> bool:
        """Whether this process has read a task and it has no cooldown."""
        return not self._tasks.get(code, ("", True))[1]

    def note_refused(self, code: str, unionid: str) -> None:
        """Remember that a person may not dig a task: they published it, have won it, or are banned."""
        self._refused[code, unionid] = None

    def forget_refused(self, code: str, unionid: str) -> None:
        """Forget that a person may not dig a task: their ban is over."""
        self._refused.pop((code, unionid), None)

    def was_refused(self, code: str, unionid: str) -> bool:
        """Whether a person could not dig a task when this process last read about it. If they were banned,
        the ban may have ended since."""
        return (code, unionid) in self._refused

    def note_finished(self, dig: Dig) -> None:
        """Remember that the history has this dig, and that `prizes` has what it won."""
        known = self._finished.get(dig["code"])
        if known is None or known[0] < dig["depth"]:  # the prize of an earlier dig may take longer
            self._finished[dig["code"]] = dig["depth"], dig["dig_id"]

    def finished(self, dig: Dig) -> bool:
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
