"""What is wrong: stores that do not answer, invariants that do not hold, a ledger that does not balance.

This module only reads, and repairs nothing. Reading is expensive, so one process checks for all processes
(`monitor.py`), and after each run a check waits for twenty times as long as the run took.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

import msgspec

from server.game.amounts import FEN_PER_YUAN, NEARLY, day_of
from server.game.findings import Finding, FindingKind
from server.game.invariants import broken_by_totals
from server.game.task import Task
from server.operation.audit import all_waiting, audit_task, differences, read_money
from server.operation.findings import texts_of
from server.realtime.own_database import OwnDatabase
from server.telemetry import metrics

if TYPE_CHECKING:
    from server.store import Store

# How often a check runs, unless its own interval is longer.
CHECK_SECONDS = 30.0
LEDGER_SECONDS = 60.0
# Less than LATE_SECONDS: the last task may take some looks.
LEDGER_RUN_SECONDS = 5.0
# Nobody can do anything about a message that may not have arrived. So its alarm ends by itself after this
# time.
UNCLEAR_MS = 3_600_000
# WeChat answers most checks within seconds; the check of a picture may take half an hour.
REVIEW_LATE_MS = 600_000
# How long something may wait for an operator before an alarm tells them.
QUEUE_LATE_MS = 600_000
REST_FACTOR = 20
# A check is late if it is overdue by this much, or if its first run takes this long.
LATE_SECONDS = 15.0
# A longer step of time means that this process stood still.
STEP_SECONDS = 3.0
# Tasks with more digs than this are not checked: adding them up each time costs too much.
CHECKED_DIGS = 20_000
# After the check of each task, the store is left to others for as long as that check took, but no longer than
# this.
PAUSE_SECONDS = 0.1
ALARMS_TOLD = 30
FAILED_SECONDS = 60.0

Kind: TypeAlias = Literal[
    "redis", "mongodb", "database", "disk", "start", "ended", "work",
    "unchecked", "message", "review", "queue", "payouts", "pattern", "held", FindingKind,
]


class Alarm(msgspec.Struct, frozen=True):
    """Something wrong. `code` is the task's, "" if it concerns no task. Its kinds, with what `what` and
    `values` hold:

    - redis: `what` is a fault of the bus, or "".
    - mongodb: `what` is "".
    - database (it is not ours, or sealed under secrets that we lack): `what` is as `OwnDatabase` says.
    - disk: `what` is `free`, `values` the MiB that are free and the MiB that should be.
    - start (the supervisor cannot start a process): `what` is the process's name.
    - ended (many workers ended lately): told to the webhook alone, like `start`.
    - work (work that no request waits for failed within the last minute): `what` is its name.
    - unchecked (a check is late): `what` is the check's name, `values` when it last ended (unix ms, or "").
    - message (WeChat takes no messages): `what` is WeChat's error code, or `late` if it does not answer;
      `values` is how many wait.
    - message (nobody knows whether WeChat took some messages): `what` is `unclear`, `values` how many in the
      last hour.
    - review (WeChat does not judge content): `what` is `late`, `values` how many wait.
    - queue (an operator has not decided): `what` is `reviews` or `reports`, `values` how many wait.
    - queue (reports alone hide tasks, for hours at most): `what` is `hidden`, `values` how many tasks.
    - payouts (the day's limit at WeChat is nearly reached): `what` is `day`, `values` the yuan paid out today
      and the limit.
    - pattern: `what` is one of `patterns.py`, `values` its numbers.
    - held (red packets wait for the operator): `what` is `held`, `values` how many, and their sum in yuan.
    - order, bill, refund (the operator is needed): `what` is `waits`, `values` its number and what WeChat Pay
      said.
    - order, bill, refund (many of them wait for one reason): `what` is `many`, `values` what WeChat Pay said,
      and how many.
    - bill (over a week old, and WeChat puts it off for the day): `what` is `overdue`, `values` its number.
    - order (this mini-program may not report deliveries): `what` is `shipping`.
    - invariant, books: `what` is a finding's name, `values` are its values.
    """

    kind: Kind
    code: str = ""
    what: str = ""
    values: tuple[str, ...] = ()


def silence(database: OwnDatabase) -> Alarm:
    """Return the alarm for a MongoDB that counts as silent: it does not answer, or may not be served from."""
    wrong = database.wrong
    return Alarm("mongodb") if wrong is None else Alarm("database", "", wrong.what, wrong.values)


class FailedWork:
    """Which work of this process failed within the last minute, by its own metrics."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._counts = _failures()
        self._failed_at: dict[str, float] = {}

    def names(self) -> list[str]:
        """Return the names of that work. Call it more than once a minute."""
        now, before = self._clock(), self._counts
        self._counts = _failures()
        for name, number in self._counts.items():
            if number > before.get(name, 0):
                self._failed_at[name] = now
        return sorted(name for name, at in self._failed_at.items() if now - at < FAILED_SECONDS)


def _failures() -> dict[str, float]:
    samples = [sample for family in metrics.FAILED_WORK.collect() for sample in family.samples]
    return {each.labels["work"]: each.value for each in samples if each.name.endswith("_total")}


class Check:
    """A check that runs again and again, and finds alarms of some `kinds`.

    `found` is what its last run found, `ran` whether it has run at all.
    """

    def __init__(
        self,
        name: str,
        kinds: Sequence[Kind],
        look: Callable[[], Awaitable[list[Alarm]]],
        least_seconds: float = CHECK_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name, self.kinds = name, kinds
        self._look = look
        self._least_seconds = least_seconds
        self._clock = clock
        self._ended_ms = ""
        self.begin()

    def begin(self) -> None:
        """Forget what was found, and make the check due, because another process was the leader until now."""
        self.found: list[Alarm] = []
        self.ran = False
        self._due = 0.0
        self._expected = self._seen = self._clock()

    def pass_time(self, *, able: bool) -> None:
        """Note that time passed. Call it once a second.

        A check that was not `able` to run, or whose process stood still, is not late because of that. Once it
        can run, it has the whole of LATE_SECONDS again.
        """
        now = self._clock()
        if not able or now - self._seen > STEP_SECONDS:
            self._expected = max(self._expected, now)
        self._seen = now

    def late(self) -> list[Alarm]:
        """Return the alarm that this check is late; [] if it is not."""
        if self._seen - self._expected <= LATE_SECONDS:
            return []
        return [Alarm("unchecked", "", self.name, (self._ended_ms,))]

    async def run_if_due(self, now_ms: Callable[[], int]) -> None:
        """Run the check if it is due. If it fails, it is late, and is tried again after its interval."""
        began = self._clock()
        if began < self._due:
            return
        self._due = began + self._least_seconds
        try:
            self.found = await self._look()
        except asyncio.CancelledError:
            self._due = 0.0
            raise
        self.ran = True
        ended = self._clock()
        self._due = self._expected = max(self._due, ended + REST_FACTOR * (ended - began))
        self._ended_ms = str(now_ms())


async def check_invariants(store: Store, tasks: list[Task]) -> list[Alarm]:
    """Compare tasks with their history. Tasks with more than CHECKED_DIGS digs are left out."""
    found: list[Finding] = []
    for task in tasks:
        began = time.monotonic()
        found += await compare_totals(store, task) or []
        await asyncio.sleep(min(time.monotonic() - began, PAUSE_SECONDS))
    return list(map(_alarm, found))


async def compare_totals(store: Store, task: Task) -> list[Finding] | None:
    """Return where a task contradicts its history; None if the two cannot be compared.

    A task cannot be compared if it has more than CHECKED_DIGS digs, or was dug meanwhile.
    """
    if task["now_depth"] > CHECKED_DIGS:
        return None
    code = task["_id"]
    before = {task["now_depth"] for task in await store.tasks.find_many([code])}
    totals = await store.digs.totals(code)
    for after in await store.tasks.find_many([code]):
        if after["now_depth"] in before:
            return broken_by_totals(after, totals)
    return None


@dataclass(slots=True)
class Progress:
    """How far the check of the ledger has come: the next run goes on after this task's code."""

    after: str = ""


async def check_ledger(store: Store, progress: Progress | None = None) -> list[Alarm]:
    """Find the payments that need the operator, and compare the fen of some tasks with the ledger.

    Tasks are compared for LEDGER_RUN_SECONDS. So a run does not get longer with each task that ever was; it
    is the rounds over all tasks that do. A task with a difference is compared in each run until it has none.
    A run that fails is repeated, since what it found is lost.
    """
    progress, until = progress or Progress(), time.monotonic() + LEDGER_RUN_SECONDS
    differ = {alarm["code"] for alarm in await store.alarms.lasting() if alarm["kind"] == "books"}
    found = [each for code in sorted(differ) for each in differences(await read_money(store, code))]
    async for code in store.ledger.codes(progress.after):
        if code not in differ:
            found += (await audit_task(store, code))[1]
        if time.monotonic() > until:
            after = code
            break
    else:
        after = ""
    found += await all_waiting(store)
    progress.after = after
    return list(map(_alarm, found))


async def check_messages(store: Store, now_ms: int) -> list[Alarm]:
    """Return an alarm for each reason why WeChat does not take messages."""
    found = await store.messages.alarms()
    if unclear := await store.messages.unclear_number(now_ms - UNCLEAR_MS):
        found["unclear"] = unclear
    return [Alarm("message", "", why, (str(number),)) for why, number in sorted(found.items())]


async def check_reviews(store: Store, now_ms: int) -> list[Alarm]:
    """Return an alarm if WeChat is late with its checks of what people publish."""
    number = await store.reviews.number("checking", now_ms - REVIEW_LATE_MS)
    return [Alarm("review", "", "late", (str(number),))] if number else []


async def check_queues(store: Store, now_ms: int) -> list[Alarm]:
    """Return an alarm for each queue in which something waits too long, and one if reports hide any task."""
    before_ms = now_ms - QUEUE_LATE_MS
    waiting = {
        "reviews": await store.reviews.number("held", before_ms),
        "reports": await store.reports.waiting_number(before_ms),
        "hidden": await store.tasks.reported_number(),
    }
    return [Alarm("queue", "", what, (str(number),)) for what, number in waiting.items() if number]


async def check_payouts(store: Store, most_yuan: int, now_ms: int) -> list[Alarm]:
    """Return an alarm if today's payouts are NEARLY at the limit, or above; `most_yuan` 0 means no limit."""
    paid_yuan = await store.payout_days.fen(day_of(now_ms)) // FEN_PER_YUAN
    if not most_yuan or paid_yuan < NEARLY * most_yuan:
        return []
    return [Alarm("payouts", "", "day", (str(paid_yuan), str(most_yuan)))]


def _alarm(finding: Finding) -> Alarm:
    return Alarm(finding.kind, finding.code, finding.what, texts_of(finding))
