"""Being the leader for a moment, as a worker is for as long as it serves."""

from __future__ import annotations

from server.context import Context
from server.running.leading import Leading


async def lead(context: Context) -> None:
    """Take the leader's lease, and do all that one look finds due."""
    await context.database.look()
    await context.leader.ask()
    assert context.leader.leads
    leading = Leading(context)
    await leading.look()
    await leading.finish()


async def let_the_lease_end(context: Context) -> None:
    """Do what time does, if nobody renews the leader's lease."""
    await context.store.leases.rows.update_many({}, {"$set": {"until": 0}})
