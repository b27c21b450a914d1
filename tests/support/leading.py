"""Leads for a moment, as a worker does for as long as it serves."""

from server.context import Context
from server.leading.work import Leading
from server.runtime.background import Background


async def lead(context: Context) -> None:
    """Take the leader's lease, and do all work that is due, once."""
    await context.database.look()
    await context.leader.ask()
    assert context.leader.leads
    leading = Leading(context, Background())
    await leading.look()
    await leading.finish()


async def let_first_names_age(context: Context) -> None:
    """Make first names due that may not stand yet in all that was dug before them."""
    await context.store.people.rows.update_many({"naming_at": {"$exists": True}}, {"$set": {"naming_at": 1}})


async def let_the_lease_end(context: Context) -> None:
    """End the leader's lease, as time does if nobody renews it."""
    await context.store.leases.rows.update_many({}, {"$set": {"until": 0}})
