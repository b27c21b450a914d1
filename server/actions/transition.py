"""Carrying out the effects that a document owes after a move: by the process that moved it, or by a sweep."""

from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Any, TypeAlias

from server.context import Context
from server.store.documents import T
from server.store.due import DueDocuments

Effect: TypeAlias = Callable[[Any, Any], Awaitable[object]]  # it takes a context and the document
Effects: TypeAlias = Mapping[str, Effect]


async def carry_out(
    context: Context, among: DueDocuments[T], document: T, effects: Effects, done: Collection[str] = ()
) -> None:
    """Carry out the effects that a document owes, except those in `done`; then note that it owes nothing.

        EFFECTS: Effects = {"freezes": apply_freezes, "message": tell_winner}

        await carry_out(context, context.store.prizes, prize, EFFECTS)

    `effects` has an action for each name that the lifecycle's table declares. Safe to repeat at any time. A
    document that owes nothing is only noted as no longer due.
    """
    for owed in document.get("then", ()):
        if owed not in done:
            await effects[owed](context, document)
    carried_out = among.TABLE.carried_out(document)
    if carried_out is not None:
        await among.moves(document["_id"], carried_out)
