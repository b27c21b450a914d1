"""Opening a task's page: it is noted, and so is who brought whom. Nobody gains by that."""

from __future__ import annotations

from server.context import Context
from server.store.visits import SHARE_CHARACTERS


async def open_details(context: Context, code: str, unionid: str, sharer: str | None) -> str:
    """Note the visit and, where it came through somebody else, the share.

    Returns the caller's own share token for this task.
    """
    visits = context.store.visits
    visit = await visits.open(code, unionid)
    if sharer is not None and sharer != unionid:
        await visits.record_share(code, sharer, unionid)
    return visit["share"]


async def sharer_of(context: Context, from_unionid: str) -> str | None:
    """Return whom a link is from, which bears their id or share token; None for an unknown one."""
    if len(from_unionid) == SHARE_CHARACTERS:
        visit = await context.store.visits.of_share(from_unionid)
        if visit is not None:
            return visit["unionid"]
    person = await context.store.people.find(from_unionid)
    return None if person is None else person["_id"]
