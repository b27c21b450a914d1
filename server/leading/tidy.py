"""Deleting what nobody needs any more: uploads that nothing uses, old posters, old visits and reports.

It also cuts what became longer because MongoDB's clock was set back: cooldowns, the time for which reports
hide a task, and waits until work is looked at again.

The leader does it for all. It may be killed between any two writes: what was begun is found again.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable

from server.context import Context
from server.game.amounts import DAY_MS
from server.game.task import AHEAD_DAYS
from server.leading.leader import LEASE
from server.store.due import DueDocuments
from server.store.files import ROUTE

# A turn deletes for at most this long; the rest waits for the next turn.
TURN_SECONDS = 20.0
FILES_AT_ONCE = 50
AT_ONCE = 500
# How long a visit or a report is kept after all tasks of its time have ended and their prizes can no longer
# be claimed. A report without an operator's decision stays.
OVER_DAYS = 30

log = logging.getLogger("wabao.tidy")


async def tidy(context: Context) -> None:
    """Delete what is due, some at a time. The leader calls this again and again."""
    store_ms = await context.store.now_ms()
    await _cut_waits(context, store_ms)
    context.clock.see(store_ms)  # what is deleted must be old by MongoDB's clock
    until = time.monotonic() + TURN_SECONDS
    now_ms = context.clock.now_ms()
    store = context.store
    settings = context.settings
    # All tasks that ran before then are long over.
    over_ms = now_ms - DAY_MS * (AHEAD_DAYS + settings.task_days + settings.claim_days + OVER_DAYS)
    batches: tuple[tuple[str, Callable[[], Awaitable[int]]], ...] = (
        ("files", lambda: tidy_files(context)),
        ("visits", lambda: store.visits.delete_old(over_ms, AT_ONCE)),
        ("reports", lambda: store.reports.delete_old(over_ms, AT_ONCE)),
    )
    for what, batch in batches:
        looked_at = 0
        while (began := time.monotonic()) < until and (number := await batch()):
            looked_at += number
            # Leave the store to others for as long as the batch took.
            await asyncio.sleep(time.monotonic() - began)
        if looked_at:
            log.info("looked at %d %s that were due to be deleted if unused", looked_at, what)


async def _cut_waits(context: Context, store_ms: int) -> None:
    """Let nothing wait longer because MongoDB's clock, now `store_ms` (unix ms), was set back."""
    store = context.store
    set_back_ms = sum(lease.get("set_back", 0) for lease in await store.leases.find_all([LEASE]))
    if cut := await store.tasks.cut_cooldowns(store_ms):
        log.warning("MongoDB's clock was set back: cut the cooldowns of %d treasures to their length", cut)
    await store.moderation.cut_hiding(store_ms)
    if set_back_ms:
        for documents in store.stores:
            if isinstance(documents, DueDocuments):
                await documents.cut_waits(store_ms, set_back_ms)
        await store.leases.clear_set_back(LEASE, set_back_ms)


async def tidy_files(context: Context) -> int:
    """Delete some files that are due, unless a task or a person uses them; return how many were looked at.

    Files in reviews are looked at again later.
    """
    store = context.store
    now_ms = context.clock.now_ms()
    files = store.files
    rows, thumbnails = await files.due(now_ms, FILES_AT_ONCE)
    if thumbnails:
        await files.delete_cut_off(thumbnails)
    if rows:
        paths = [ROUTE + row["_id"] for row in rows]
        # Reviews are read first: a picture leaves its review once the person has it.
        reviewed = {path.removeprefix(ROUTE) for path in await store.reviews.pictures_among(paths)}
        used = await store.moderation.pictures_among(paths) | await store.people.pictures_among(paths)
        stay = {row["_id"] for row in rows if "kept" in row["metadata"] or ROUTE + row["_id"] in used}
        await files.spare(sorted(stay))
        if reviewed - stay:
            await files.renew(sorted(reviewed - stay), now_ms)
        gone = [row["_id"] for row in rows if row["_id"] not in stay | reviewed]
        await files.delete(await files.drop(gone, now_ms))
    return len(rows) + len(thumbnails)
