"""What a document owes after a move is done here, by who moved it, or by a sweep if that process died."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeAlias

from server.context import Context
from server.store.documents import T
from server.store.money.payments import Payments

Effects: TypeAlias = Mapping[str, Callable[[Context, Any], Awaitable[None]]]


async def carry_out(context: Context, among: Payments[T], document: T, effects: Effects) -> None:
    """Do what a document owes, and note that it is done. Safe to repeat, at any time.

    If it owes nothing, nothing happens.
    """
    if "then" not in document:
        return
    for owed in document["then"]:
        await effects[owed](context, document)
    await among.carried_out(document)
