"""Opening a task's page: recording the visit, and who brought the visitor."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable

from server.actions.people.account import known_people_of
from server.context import Context, per_context
from server.errors import Unavailable
from server.memory.visiting import Visiting
from server.store import is_unavailable
from server.store.digging.visits import SHARE_CHARACTERS


@per_context
def visiting_of(context: Context) -> Visiting:
    """Return this process's `Visiting`, which writes visits and resolves share tokens."""
    visiting = Visiting(context.store, context.keys, context.clock.now_ms)
    context.closing.push_async_callback(visiting.close)
    return visiting


class NotNoted(Unavailable):
    """MongoDB did not store a visit, or who brought whom."""


async def visit(
    context: Context, code: str, unionid: str, sharer: str | None = None, *, generation: int | None = None
) -> str:
    """Record that a person opened a task, and who brought them: `sharer` is an id or a share token.

    `generation` is that of the caller's token, None without a token.

    Returns the person's own share token. A sharer who is unknown, or the person themselves, is ignored.
    Raises NotNoted if the visit cannot be written; and Unavailable, or what MongoDB raises, if the sharer
    cannot be read.
    """
    noted = _noted(visiting_of(context).note_visit(code, unionid, generation))
    if sharer is None:
        await noted
    else:
        await asyncio.gather(noted, _note_sharer(context, code, sharer, unionid))
    return visiting_of(context).token(code, unionid)


async def _note_sharer(context: Context, code: str, sharer: str, newcomer: str) -> None:
    found: str | None = sharer
    if len(sharer) == SHARE_CHARACTERS:
        shared, found = await visiting_of(context).resolve(sharer)
        if shared != code:
            found = None
    elif not await known_people_of(context).exists(sharer):
        found = None
    if found is not None and found != newcomer:
        await _noted(visiting_of(context).note_brought(code, found, newcomer))


async def _noted(note: Awaitable[None]) -> None:
    try:
        await note
    except Exception as error:
        if not (isinstance(error, Unavailable) or is_unavailable(error)):
            raise
        raise NotNoted from error
