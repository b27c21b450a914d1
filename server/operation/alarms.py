"""What is wrong: stores that do not answer, statements that do not hold, books that do not balance.

It reads and never mends. Checks cost what they read, so they run only while an operator looks, and rest
for twenty times as long as they took.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Literal, TypeAlias

import msgspec

from server.game.findings import Finding, FindingKind
from server.game.invariants import broken_by_totals
from server.operation.books import audit
from server.operation.findings import texts_of
from server.store.tasks import Task

if TYPE_CHECKING:
    from server.store import Store

STATEMENTS_SECONDS = 30.0
BOOKS_SECONDS = 60.0
RESTS = 20
# A check may be so much later than it is due, and take so long the first time, before that is said.
LATE_SECONDS = 15.0
# A history longer than this is not added up each time.
CHECKED_DIGS = 20_000
# Read together before and after their digs are added up, which must not take as long as a cooldown.
TASKS_AT_ONCE = 5
ALARMS_TOLD = 30

Kind: TypeAlias = Literal["redis", "mongodb", "unchecked", FindingKind]


class Alarm(msgspec.Struct, frozen=True):
    """Something wrong. `code` is the task's, "" if it is of none; `what` and `values` are a finding's.

    A check that is late is `unchecked`: `what` names it, and its value is when it last ended (unix ms), ""
    if it never has. An `order`, a `bill` and a `refund` agree with everything and need the
    operator all the same: their values are their number and what WeChat Pay said.
    """

    kind: Kind
    code: str = ""
    what: str = ""
    values: tuple[str, ...] = ()


class Check:
    """Something to be looked at again and again: what it found last, when it did, and when it is due."""

    def __init__(
        self,
        name: str,
        look: Callable[[], Awaitable[list[Alarm]]],
        least_seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.found: list[Alarm] = []
        self._name = name
        self._look = look
        self._least_seconds = least_seconds
        self._clock = clock
        self._due = 0.0
        self._expected = 0.0
        self._ended_ms = ""

    def begin(self) -> None:
        """Expect to be run from now on: nothing was late while nobody looked, and what was found is old."""
        now = self._clock()
        if self._expected < now:
            self._expected = now
            self.found = []

    def late(self) -> list[Alarm]:
        """Return that this check is later than it should be; [] where it is not."""
        if self._clock() - self._expected <= LATE_SECONDS:
            return []
        return [Alarm("unchecked", "", self._name, (self._ended_ms,))]

    async def run_if_due(self, now_ms: Callable[[], int]) -> None:
        """Look, unless that was done a moment ago. One that fails is late, and tried again in a while."""
        began = self._clock()
        if began < self._due:
            return
        self._due = began + self._least_seconds
        try:
            self.found = await self._look()
        except asyncio.CancelledError:  # nobody looks on any more; whoever comes next wants to know
            self._due = 0.0
            raise
        ended = self._clock()
        self._due = self._expected = max(self._due, ended + RESTS * (ended - began))
        self._ended_ms = str(now_ms())


async def check_statements(store: Store, tasks: list[Task]) -> list[Alarm]:
    """Hold tasks against their history."""
    found: list[Finding] = []
    codes = [task["_id"] for task in tasks if task["now_depth"] <= CHECKED_DIGS]
    for at in range(0, len(codes), TASKS_AT_ONCE):
        some = codes[at : at + TASKS_AT_ONCE]
        before = {task["_id"]: task["now_depth"] for task in await store.tasks.find_many(some)}
        totals = {code: await store.digs.totals(code) for code in some}
        for task in await store.tasks.find_many(some):
            # Only what did not move meanwhile can be compared.
            if before.get(task["_id"]) == task["now_depth"]:
                found += broken_by_totals(task, totals[task["_id"]])
    return list(map(_alarm, found))


async def check_books(store: Store) -> list[Alarm]:
    """Hold every fen against the books."""
    report = await audit(store)
    return list(map(_alarm, report.differences + report.waiting))


def _alarm(finding: Finding) -> Alarm:
    return Alarm(finding.kind, finding.code, finding.what, texts_of(finding))
