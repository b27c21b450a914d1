"""What is wrong: stores that do not answer, statements that do not hold, books that do not balance.

It reads and never mends. Checks cost what they read, so they run only while an operator looks, and rest
for twenty times as long as they took.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Literal, TypeAlias

import msgspec

from server.audit import audit
from server.statements import broken_by_totals
from server.store.tasks import Task

if TYPE_CHECKING:
    from server.store import Store

STATEMENTS_SECONDS = 15.0
BOOKS_SECONDS = 60.0
RESTS = 20
# A history longer than this is not added up each 15 s.
CHECKED_DIGS = 20_000
ALARMS_TOLD = 30


Kind: TypeAlias = Literal["redis", "mongodb", "statement", "books", "waiting"]


class Alarm(msgspec.Struct, frozen=True):
    """Something wrong. `code` is the task's, "" where it is of none; `text` says it in English.

    What is `waiting` agrees with everything and needs the operator all the same.
    """

    kind: Kind
    code: str = ""
    text: str = ""


class Check:
    """Something to be looked at again and again: what it found last, and when it is due."""

    def __init__(self, look: Callable[[], Awaitable[list[Alarm]]], least_seconds: float) -> None:
        self.found: list[Alarm] = []
        self._look = look
        self._least_seconds = least_seconds
        self._due = 0.0

    async def run_if_due(self) -> None:
        """Look, unless that was done a moment ago."""
        began = time.monotonic()
        if began < self._due:
            return
        self._due = began + self._least_seconds
        self.found = await self._look()
        ended = time.monotonic()
        self._due = max(self._due, ended + RESTS * (ended - began))


async def check_statements(store: Store, tasks: list[Task]) -> list[Alarm]:
    """Hold tasks against their history."""
    found = []
    for task in tasks:
        code = task["_id"]
        if task["now_depth"] > CHECKED_DIGS:
            continue
        before = await store.tasks.find(code)
        totals = await store.digs.totals(code)
        after = await store.tasks.find(code)
        # Only what did not move meanwhile can be compared.
        if before is not None and after is not None and before["now_depth"] == after["now_depth"]:
            found += [_alarm("statement", text) for text in broken_by_totals(after, totals)]
    return found


async def check_books(store: Store) -> list[Alarm]:
    """Hold every fen against the books."""
    report = await audit(store)
    return [_alarm("books", text) for text in report.differences] + [
        _alarm("waiting", text) for text in report.waiting
    ]


def _alarm(kind: Kind, sentence: str) -> Alarm:
    """Return a sentence that begins with a task's code as an alarm of that task."""
    code, _, text = sentence.partition(": ")
    return Alarm(kind, code, text)
