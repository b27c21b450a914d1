"""Opening a task's page: recording the visit, and who brought the visitor."""

from __future__ import annotations

from server.actions.people.account import known_people_of
from server.context import Context, per_context
from server.memory.visiting import Visiting
from server.security.keys import SHARE_CHARACTERS


@per_context
def visiting_of(context: Context) -> Visiting:
    """Return this process's `Visiting`, which writes visits and resolves share tokens."""
    visiting = Visiting(context.store, context.keys, context.clock.now_ms)
    context.closing.push_async_callback(visiting.close)
    return visiting


def visit(context: Context, code: str, person_id: str, sharer: str | None = None) -> str:
    """Record in the background that a person opened a task, and who brought them, if anybody did.

    Returns the person's own share token.
    """
    visiting = visiting_of(context)
    context.background.spawn(visiting.note(code, person_id, sharer))
    return visiting.token(code, person_id)


async def sharer_of(context: Context, code: str, named: str) -> str | None:
    """Return the id of who shared a task, as an old link names them: by their unionid, or by a share token.

    None for an unknown one, and for a token of another task. Raises Unavailable, or what MongoDB raises.
    """
    if len(named) != SHARE_CHARACTERS:
        return await known_people_of(context).id_of(named) or None
    shared, sharer = visiting_of(context).resolve(named)
    return sharer if shared == code else None
