"""Deleting what nobody needs any more: uploads that nothing uses, old posters, old visits and reports.

The leader does it for all. It may be killed between any two writes: what was begun is found again.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable

from server.context import Context
from server.game.amounts import DAY_MS
from server.game.task import AHEAD_DAYS
from server.store.files import ROUTE
from server.store.money.places import PLACE_DAYS

# The most that is deleted in a turn; the rest waits for the next turn.
TURN_SECONDS = 20.0
FILES_AT_ONCE = 50
VISITS_AT_ONCE = REPORTS_AT_ONCE = PLACES_AT_ONCE = 500
# How long a visit or a report is kept after all tasks of its time have ended and their prizes can no longer
# be claimed. A report without an operator's decision stays.
OVER_DAYS = 30

log = logging.getLogger("wabao.tidy")


async def tidy(context: Context) -> None:
    """Delete what is due, some at a time. The leader calls this again and again."""
    context.clock.see(await context.store.now_ms())  # what is deleted must be old by MongoDB's clock
    until = time.monotonic() + TURN_SECONDS
    batches = (
        ("files", tidy_files),
        ("visits", tidy_visits),
        ("reports", tidy_reports),
        ("places", tidy_places),
    )
    for what, batch in batches:
        await _repeat(context, what, batch, until)


async def _repeat(
    context: Context, what: str, batch: Callable[[Context], Awaitable[int]], until: float
) -> None:
    looked_at = 0
    while (began := time.monotonic()) < until and (number := await batch(context)):
        looked_at += number
        await asyncio.sleep(time.monotonic() - began)  # leave the store to others for as long as it took
    if looked_at:
        log.info("looked at %d %s that were due to be deleted if unused", looked_at, what)


async def tidy_files(context: Context) -> int:
    """Delete some files that are due, unless a task or a person uses them; return how many were looked at.

    Files in reviews are looked at again later.
    """
    store, now_ms = context.store, context.clock.now_ms()
    files = store.files
    rows, thumbnails = await files.due(now_ms, FILES_AT_ONCE)
    if thumbnails:
        await files.delete_cut_off(thumbnails)
    if rows:
        paths = [ROUTE + row["_id"] for row in rows]
        # Reviews are read first: a picture leaves its review once the person has it.
        reviewed = {path.removeprefix(ROUTE) for path in await store.reviews.pictures_among(paths)}
        used = await store.tasks.pictures_among(paths) | await store.people.pictures_among(paths)
        stay = {row["_id"] for row in rows if "kept" in row["metadata"] or ROUTE + row["_id"] in used}
        await files.spare(sorted(stay))
        if reviewed - stay:
            await files.renew(sorted(reviewed - stay), now_ms)
        gone = [row["_id"] for row in rows if row["_id"] not in stay | reviewed]
        await files.delete(await files.drop(gone, now_ms))
    return len(rows) + len(thumbnails)


async def tidy_visits(context: Context) -> int:
    """Delete some visits that nobody needs; return how many."""
    return await context.store.visits.delete_old(_long_over_ms(context), VISITS_AT_ONCE)


async def tidy_reports(context: Context) -> int:
    """Delete some reports that are decided and old; return how many."""
    return await context.store.reports.delete_old(_long_over_ms(context), REPORTS_AT_ONCE)


async def tidy_places(context: Context) -> int:
    """Delete some hashes of addresses where nobody was seen for long; return how many."""
    seen_before_ms = context.clock.now_ms() - PLACE_DAYS * DAY_MS
    return await context.store.places.delete_old(seen_before_ms, PLACES_AT_ONCE)


def _long_over_ms(context: Context) -> int:
    """Return a time such that tasks that ran then are long over, in unix ms."""
    days = AHEAD_DAYS + context.settings.task_days + context.settings.claim_days + OVER_DAYS
    return context.clock.now_ms() - days * DAY_MS
