"""Opening a task's page: it is noted, and so is who brought whom. Nobody gains by that."""

from __future__ import annotations

from server.context import Context
from server.store.visits import SHARE_CHARACTERS


async def open_details(context: Context, code: str, unionid: str, sharer: str | None) -> str:
    """Note the visit and, where somebody else's id or share token is given, the share.

    Returns the caller's own share token for this task. A sharer who is unknown or the caller is ignored.
    """
    store = context.store
    visit = await store.visits.open(code, unionid)
    if sharer:
        sharer_id = await _sharer_id(context, sharer)
        if sharer_id is not None and sharer_id != unionid:
            await store.visits.record_share(code, sharer_id, unionid)
    return visit["share"]


async def _sharer_id(context: Context, sharer: str) -> str | None:
    if len(sharer) == SHARE_CHARACTERS and sharer.isalnum():
        visit = await context.store.visits.of_share(sharer)
        if visit is not None:
            return visit["unionid"]
    person = await context.store.people.find(sharer)
    return None if person is None else person["_id"]
