"""The effect that enters an amount in the ledger."""

from typing import Any

from server.actions.transition import Effect
from server.cash.context import CashContext
from server.cash.store.ledger import EntryKind


def enters(kind: EntryKind) -> Effect:
    """Return the effect that enters the amount of a document in the ledger; goods have none."""

    async def enter(context: CashContext, document: Any) -> None:
        key = document["_id"]
        code = document["code"]
        fen = document["amount_fen"]
        if fen:
            await context.books.ledger.enter(kind, key, code, fen, context.clock.now_ms())

    return enter
