"""Opening a task's page: recording the visit, and who brought the visitor."""

from server.context import Context
from server.security.keys import SHARE_CHARACTERS


def visit(
    context: Context, code: str, person_id: str, sharer: str | None = None, named: str | None = None
) -> str:
    """Record in the background that a person opened a task, and who brought them, if anybody did.

    That is the person `sharer`, or whom an old link names: by their unionid, or by a share token of this
    task. Returns the person's own share token.
    """
    context.background.spawn(_note(context, code, person_id, sharer, named))
    return context.visiting.token(code, person_id)


async def _note(context: Context, code: str, person_id: str, sharer: str | None, named: str | None) -> None:
    if named and len(named) == SHARE_CHARACTERS:
        shared, sharer = context.visiting.resolve(named)
        if shared != code:
            sharer = None
    elif named:
        sharer = await context.known_people.id_of(named) or None
    await context.visiting.note(code, person_id, sharer)
