"""Opening a task's page: recording the visit, and who brought the visitor."""

from __future__ import annotations

from server.context import Context
from server.security.keys import SHARE_CHARACTERS


def visit(context: Context, code: str, person_id: str, sharer: str | None = None) -> str:
    """Record in the background that a person opened a task, and who brought them, if anybody did.

    Returns the person's own share token.
    """
    visiting = context.visiting
    context.background.spawn(visiting.note(code, person_id, sharer))
    return visiting.token(code, person_id)


async def sharer_of(context: Context, code: str, named: str) -> str | None:
    """Return the id of who shared a task, as an old link names them: by their unionid, or by a share token.

    None for an unknown one, and for a token of another task. Raises Unavailable, or what MongoDB raises.
    """
    if len(named) != SHARE_CHARACTERS:
        return await context.known_people.id_of(named) or None
    shared, sharer = context.visiting.resolve(named)
    return sharer if shared == code else None
