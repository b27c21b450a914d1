"""Gauges computed from the database: when a scrape finds them old, one process computes them for all."""

from __future__ import annotations

import asyncio
import logging
import time

from server.context import Context
from server.game.findings import PaymentKind
from server.store import is_unavailable, said_by
from server.store.gauges import AlarmCount, MoneyGauges

# After computing, rest at least FRESH_MS and at least REST_FACTOR times as long as the computation took.
FRESH_MS = 10_000
REST_FACTOR = 20
# If a process dies while it computes the gauges, another may begin after this long.
LEASE_MS = 30_000
# Older gauges are not shown: a gap says that the ledger could not be read.
SHOWN_MS = 300_000

log = logging.getLogger("wabao.metrics")


async def money_gauges(context: Context, patience_seconds: float) -> MoneyGauges | None:
    """Return the gauges, computed anew if they are due; None if there are none, or only too old ones.

    If computing takes longer than `patience_seconds`, it goes on in the background and the old gauges are
    returned.
    """
    gauges, now_ms = context.store.gauges, context.clock.now_ms()
    known = await gauges.find()
    if (known is None or known["due_at"] <= now_ms) and await gauges.lease(now_ms, now_ms + LEASE_MS):
        computing = context.background.spawn(_compute(context, known))
        done, _ = await asyncio.wait([computing], timeout=patience_seconds)
        if not done:
            log.warning("the gauges of the database take more than %.1f s", patience_seconds)
        known = await gauges.find()
    return None if known is None or known["at"] < now_ms - SHOWN_MS else known


async def _compute(context: Context, before: MoneyGauges | None) -> None:
    store, began = context.store, time.monotonic()
    try:
        sums = await store.ledger.sums_fen(context.clock.now_ms())
        held_fen = sums["paid"] - sums["given"] - sums["refunded"]
        # An alarm that is over stays in the list, as 0.
        numbers = {(row["kind"], row["alarm"]): 0 for row in (before["alarms"] if before else ())}
        found: dict[PaymentKind, dict[str, int]] = {
            "order": await store.orders.alarms(),
            "bill": await store.bills.alarms(),
            "refund": await store.refunds.alarms(),
        }
        for kind, counted in found.items():
            numbers |= {(kind, alarm): number for alarm, number in counted.items()}
        now_ms = context.clock.now_ms()
        rest_ms = max(FRESH_MS, round(REST_FACTOR * 1000 * (time.monotonic() - began)))
        ordered = sorted(numbers.items())
        alarms = [AlarmCount(kind=kind, alarm=alarm, number=n) for (kind, alarm), n in ordered]
        _, withheld_fen = await store.prizes.waiting_fen()
        sums_fen = {str(kind): fen for kind, fen in sums.items()}
        sums_fen |= {"held": held_fen, "withheld": withheld_fen}
        await store.gauges.save(
            MoneyGauges(at=now_ms, due_at=now_ms + rest_ms, sums_fen=sums_fen, alarms=alarms)
        )
    except Exception as error:
        if not is_unavailable(error):
            raise
        log.warning("the gauges of the database are not computed: %s", said_by(error))
