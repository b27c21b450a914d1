"""The gauges of the database: computed when a scrape finds them old, by one process for all."""

from __future__ import annotations

import asyncio
import logging
import time

from server.context import Context
from server.game.findings import PaymentKind
from server.store import is_unavailable
from server.store.gauges import Alarms, MoneyGauges

# They are computed at most so often, and rest for twenty times as long as that took.
FRESH_MS = 10_000
RESTS = 20
# A process that died while it computed them holds them up for so long.
LEASE_MS = 30_000
# What is older is not shown: a gap says that the books could not be read.
SHOWN_MS = 300_000

log = logging.getLogger("wabao.metrics")


async def money_gauges(context: Context, patience_seconds: float) -> MoneyGauges | None:
    """Return the gauges of the database, computed anew if they are due; None if there are none to be shown.

    What takes longer than `patience_seconds` is done beside, and the gauges from before are returned.
    """
    gauges, now_ms = context.store.gauges, context.clock.now_ms()
    known = await gauges.find()
    if (known is None or known["due_at"] <= now_ms) and await gauges.claim(now_ms, now_ms + LEASE_MS):
        computed = asyncio.Event()
        context.background.spawn(_compute(context, known, computed))
        try:
            async with asyncio.timeout(patience_seconds):
                await computed.wait()
        except TimeoutError:
            log.warning("the gauges of the database take more than %.1f s", patience_seconds)
        known = await gauges.find()
    return None if known is None or known["at"] < now_ms - SHOWN_MS else known


async def _compute(context: Context, before: MoneyGauges | None, computed: asyncio.Event) -> None:
    store, began = context.store, time.monotonic()
    try:
        sums = await store.ledger.sums_fen()
        held_fen = sums["paid"] - sums["given"] - sums["refunded"]
        # What was an alarm before and is none now stays in the list, as 0.
        numbers = {(row["kind"], row["alarm"]): 0 for row in (before["alarms"] if before else ())}
        found: dict[PaymentKind, dict[str, int]] = {
            "order": await store.orders.alarms(),
            "bill": await store.bills.alarms(),
            "refund": await store.refunds.alarms(),
        }
        for kind, counted in found.items():
            numbers |= {(kind, alarm): number for alarm, number in counted.items()}
        now_ms = context.clock.now_ms()
        rest_ms = max(FRESH_MS, round(RESTS * 1000 * (time.monotonic() - began)))
        alarms = [Alarms(kind=kind, alarm=alarm, number=n) for (kind, alarm), n in sorted(numbers.items())]
        sums_fen = {**{str(kind): fen for kind, fen in sums.items()}, "held": held_fen}
        await store.gauges.save(
            MoneyGauges(at=now_ms, due_at=now_ms + rest_ms, sums_fen=sums_fen, alarms=alarms)
        )
    except Exception as error:
        if not is_unavailable(error):
            raise
        log.warning("the gauges of the database are not computed: %s", error)
    finally:
        computed.set()
