"""What the leader counts in the database each minute, for `/metrics`, the alarms and the operator's screen.

This module only reads, and repairs nothing.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import TypeAlias

from server.game.findings import Finding
from server.game.invariants import broken_by_totals
from server.game.task import Task
from server.operation.scrape import Family
from server.store import Store
from server.store.alarms import AlarmRow
from server.store.gauges import Counted, Gauge

# What each number means. Red packets have numbers of their own: `server/cash/counting.py`.
METRICS = {
    "wabao_findings": "Contradictions: of tasks and their histories (invariant), of the ledger (books)",
    "wabao_waiting": "What waits for an operator, or for WeChat's judgement (checks), too long",
    "wabao_messages_refused": "Messages that WeChat does not take, or may not have taken, by reason",
    "wabao_alarm": "1 for each alarm that holds, as the operator's screen shows it",
    "wabao_counted_age_seconds": "Seconds since the numbers of the database were counted",
}
# How long something may wait for an operator or for WeChat. The check of a picture may take half an hour, but
# most take seconds.
LATE_MS = 600_000
# Nobody can do anything about a message that may not have arrived, so it is counted only for this long.
UNCLEAR_MS = 3_600_000
CHECKED_TASKS = 20
# Tasks with more digs than this are not checked: adding them up each time costs too much.
CHECKED_DIGS = 20_000
# After the check of each task, the store is left to others for as long as that check took, but no longer than
# this.
PAUSE_SECONDS = 0.1
# Older numbers are not shown: a gap says that nobody could count.
SHOWN_SECONDS = 600


# What adds numbers to those that were counted.
Also: TypeAlias = Callable[[Counted], Awaitable[Counted]]


async def count(store: Store, now_ms: int, also: Also | None = None) -> Counted:
    """Count; return the numbers, which are not saved."""
    gauges = [each async for each in _numbers(store, now_ms)]
    invariants = await check_invariants(store, await store.task_lists.matter_now([], CHECKED_TASKS))
    gauges.append(findings_gauge("invariant", invariants))
    counted = Counted(at=now_ms, gauges=gauges, after="", differ=[])
    return counted if also is None else await also(counted)


def findings_gauge(kind: str, found: list[Finding]) -> Gauge:
    """Return how many contradictions of a kind there are."""
    return gauge("wabao_findings", len(found), found[0].code if found else "", kind=kind)


def gauge(name: str, value: float, code: str = "", **labels: str) -> Gauge:
    """Return one number."""
    return Gauge(name=name, labels=labels, value=value, code=code)


async def _numbers(store: Store, now_ms: int) -> AsyncIterator[Gauge]:
    before_ms = now_ms - LATE_MS
    waiting = {
        "checks": await store.reviews.number("checking", before_ms),
        "reviews": await store.reviews.number("held", before_ms),
        "reports": await store.reports.waiting_number(before_ms),
        "hidden": await store.moderation.reported_number(),
        "prizes": await store.prizes.waiting_number(),
    }
    for what, number in waiting.items():
        yield gauge("wabao_waiting", number, what=what)
    refused = await store.messages.alarms()
    refused["unclear"] = await store.messages.unclear_number(now_ms - UNCLEAR_MS)
    for why, number in sorted(refused.items()):
        yield gauge("wabao_messages_refused", number, why=why)


async def check_invariants(store: Store, tasks: list[Task]) -> list[Finding]:
    """Compare tasks with their history. Tasks with more than CHECKED_DIGS digs are left out."""
    found: list[Finding] = []
    for task in tasks:
        began = time.monotonic()
        found += await compare_totals(store, task) or []
        await asyncio.sleep(min(time.monotonic() - began, PAUSE_SECONDS))
    return found


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


def gauges_of(counted: Counted | None, now_ms: int) -> list[Gauge]:
    """Return what was counted, and first its age; [] if nothing was counted yet."""
    if counted is None:
        return []
    age = gauge("wabao_counted_age_seconds", max(0, now_ms - counted["at"]) / 1000)
    return [age, *counted["gauges"]]


def families_of(
    counted: Counted | None, alarms: list[AlarmRow], now_ms: int, meanings: Mapping[str, str]
) -> list[Family]:
    """Return what was counted as metrics, and the alarms that hold. Of numbers that are older than
    SHOWN_SECONDS only the age is shown. `meanings` has what each number means, by name: "" for one that a
    process with other settings counted."""
    gauges = gauges_of(counted, now_ms)
    if gauges and gauges[0]["value"] > SHOWN_SECONDS:
        del gauges[1:]
    holding = (row for row in alarms if not row["end_at"])
    gauges += [gauge("wabao_alarm", 1, kind=row["kind"], what=row["what"]) for row in holding]
    families = []
    for each in gauges:
        name = each["name"]
        samples = [(name, each["labels"], each["value"])]
        families.append(Family(name, meanings.get(name, ""), "gauge", samples))
    return families
