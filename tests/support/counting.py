"""Counts at once what the leader counts each minute."""

from server.context import Context
from server.operation.counting import count
from server.store.gauges import Counted


async def _count(context: Context) -> Counted:
    return await count(context.store, context.clock.now_ms(), context.also_count)


async def count_now(context: Context) -> None:
    """Count in the database, and save the numbers."""
    counted = await _count(context)
    await context.store.gauges.save(counted)


async def payments_that_wait(context: Context) -> dict[tuple[str, str], int]:
    """Return how many payments need the operator, by kind and alarm."""
    counted = await _count(context)
    return {
        (gauge["labels"]["kind"], gauge["labels"]["alarm"]): int(gauge["value"])
        for gauge in counted["gauges"]
        if gauge["name"] == "wabao_money_alarms"
    }
