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
    """Record that a person opened a task, and who brought them, if anybody did.

    `generation` is that of the caller's token, None without a token.

    Returns the person's own share token. Raises NotNoted if the visit cannot be written.
    """
    visiting = visiting_of(context)
    noted = [_noted(visiting.note_visit(code, unionid, generation))]
    if sharer is not None and sharer != unionid:
        noted.append(_noted(visiting.note_brought(code, sharer, unionid)))
    await asyncio.gather(*noted)
    return visiting.token(code, unionid)


async def sharer_of(context: Context, code: str, named: str) -> str | None:
    """Return the id of who shared a task, as an old link names them: by their unionid, or by a share token.

    None for an unknown one, and for a token of another task. Raises Unavailable, or what MongoDB raises.
    """
    if len(named) != SHARE_CHARACTERS:
        return await known_people_of(context).id_of(named) or None
    shared, sharer = await visiting_of(context).resolve(named)
    return sharer if shared == code else None


async def _noted(note: Awaitable[None]) -> None:
    try:
        await note
    except Exception as error:
        if not (isinstance(error, Unavailable) or is_unavailable(error)):
            raise
        raise NotNoted from error
