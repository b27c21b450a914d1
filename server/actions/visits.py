"""Opening a task's page: it is noted, and so is who brought whom. Nobody gains by that."""

from __future__ import annotations

from server.context import Context


async def open_details(context: Context, code: str, unionid: str, sharer: str | None) -> str:
    """Note the visit and, where it came through a link, the share: `sharer` is an id or a share token.

    Returns the caller's own share token for this task.
    """
    visits = context.store.visits
    visit = await visits.open(code, unionid)
    if sharer is not None:
        await visits.record_share(code, sharer, unionid)
    return visit["share"]
