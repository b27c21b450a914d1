"""What a document owes after a move is done here, by who moved it, or by a sweep if that process died."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Any, TypeAlias

from server.context import Context
from server.store.documents import T
from server.store.due import DueDocuments

Effects: TypeAlias = Mapping[str, Callable[[Context, Any], Awaitable[object]]]


async def carry_out(
    context: Context, among: DueDocuments[T], document: T, effects: Effects, done: Collection[str] = ()
) -> None:
    """Do what a document owes, but for what is `done`, and note that nothing is owed any more.

    Safe to repeat, at any time. If it owes nothing, nothing happens, but that it is due no more.
    """
    for owed in document.get("then", ()):
        if owed not in done:
            await effects[owed](context, document)
    carried_out = among.TABLE.carried_out(document)
    if carried_out is not None:
        await among.moves(document["_id"], carried_out)
