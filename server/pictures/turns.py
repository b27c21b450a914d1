"""Whose picture is made next: people share the processes fairly, by the work that their pictures take.

This is fair queueing. A clock shows how much work each person could have had done by now. An upload's due
time is its own work plus the clock's time or, if later, the due time of its owner's previous upload. The
upload with the earliest due time is next. So many or large pictures of a person wait behind other people's
small ones, but not for ever. https://dl.acm.org/doi/10.1145/75247.75248 (Demers, Keshav, Shenker)
"""

from __future__ import annotations

import asyncio
from bisect import insort
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from server.errors import TooMany
from server.pictures.cost import Cost

OWNER_JOBS = 4
HALVES = 2

P = TypeVar("P")


@dataclass(order=True)
class _Turn(Generic[P]):
    """A job that waits or is being done. Drawings are due at 0, so they come before all uploads."""

    due: float
    number: int
    owner: str = field(compare=False)
    cost: Cost = field(compare=False)
    came: asyncio.Future[None] = field(compare=False)
    process: P | None = field(default=None, compare=False)


DRAWING = Cost(0, 0, 0)


class Turns(Generic[P]):
    """Hands out processes. An owner (mostly a person) has only one at a time.

    The memory is enough for one large picture or two pictures half as large, and for any number of small
    ones. A picture that waits for memory is overtaken only by small ones.
    """

    def __init__(self, processes: list[P]) -> None:
        self.free = processes.copy()  # taken from the end, so that few jobs start only one process
        self._free_halves = HALVES
        self._waiting: list[_Turn[P]] = []
        self._jobs: Counter[str] = Counter()
        self._at_work: set[str] = set()
        self._due: dict[str, float] = {}  # the due time of each owner's last upload
        self._clock = 0.0
        self._number = 0

    @asynccontextmanager
    async def turn(self, owner: str, cost: Cost = DRAWING) -> AsyncIterator[P]:
        """Wait for a process. Raises TooMany if the owner already has OWNER_JOBS jobs here."""
        if self._jobs[owner] >= OWNER_JOBS:
            raise TooMany("你有太多图片正在处理，请等它们完成后再试")
        turn = self._enter(owner, cost)
        try:
            self._begin()
            await turn.came
            assert turn.process is not None  # noqa: S101  (`_begin` gave it)
            yield turn.process
        finally:
            self._leave(turn)
            self._begin()

    def _enter(self, owner: str, cost: Cost) -> _Turn[P]:
        due = 0.0
        if cost.work:
            due = self._due[owner] = max(self._clock, self._due.get(owner, 0.0)) + cost.work
        self._number += 1
        self._jobs[owner] += 1
        came: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        turn: _Turn[P] = _Turn(due, self._number, owner, cost, came)
        insort(self._waiting, turn)
        return turn

    def _begin(self) -> None:
        """Give free processes to those whose turn it is."""
        halves = self._free_halves
        for turn in self._waiting.copy():
            if not self.free:
                return
            if turn.owner in self._at_work:
                continue
            if turn.cost.halves > halves:
                halves = 0
                continue
            halves -= turn.cost.halves
            self._free_halves -= turn.cost.halves
            self._waiting.remove(turn)
            self._at_work.add(turn.owner)
            turn.process = self.free.pop()
            if not turn.came.done():  # else the upload was just cancelled, and is about to leave
                turn.came.set_result(None)

    def _leave(self, turn: _Turn[P]) -> None:
        if turn.process is None:
            self._waiting.remove(turn)
        else:
            self.free.append(turn.process)
            self._free_halves += turn.cost.halves
            self._at_work.remove(turn.owner)
            self._clock += turn.cost.work / len(self._jobs)
        self._jobs[turn.owner] -= 1
        if not self._jobs[turn.owner]:
            del self._jobs[turn.owner]
            self._due.pop(turn.owner, None)
