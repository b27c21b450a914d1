"""One sweep over everything that is due. The leader sweeps again and again; each thing is done once.

A sweep leases each due thing by a conditional update before it acts (`server/store/due.py`). So of several
sweeps only one acts; if it dies, another sweep acts later. This would work without a leader too; the leader
only saves queries.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Any, TypeAlias, cast

from server.actions.digging.end_task import settle_task
from server.actions.digging.win import follow_prize
from server.actions.prizes.freeze import settle_freeze, settle_freezing
from server.actions.prizes.ship import settle_arrival
from server.cash.actions.pay_in import settle_order
from server.cash.actions.pay_out import settle_bill
from server.cash.actions.refund import settle_refund
from server.cash.pay.answers import Contradiction, PayUnknown
from server.cash.rules import bill, order, refund
from server.cash.store.payments import CONTRADICTION, Payments
from server.context import Context
from server.errors import WeChatBusy
from server.game.amounts import DAY_MS
from server.game.lifecycle import Move
from server.store import is_unavailable
from server.store.agenda import Kind
from server.store.due import DueDocuments
from server.store.prizes.prizes import Prize

ADDRESS_DAYS = 90
# What a sweep looks at, in this order: payments come first.
SWEPT: tuple[Kind, ...] = ("orders", "tasks", "freezes", "prizes", "bills", "refunds", "addresses")
# The move by which an order, a bill or a refund notes that WeChat gives no clear answer about it.
_UNANSWERED: Mapping[str, Callable[[int], Move]] = {
    "orders": order.unanswered,
    "bills": bill.unanswered,
    "refunds": refund.unanswered,
}
_Settle: TypeAlias = Callable[[Context, Any], Awaitable[None]]

log = logging.getLogger("wabao.money")


async def sweep(context: Context, kinds: Collection[Kind] = SWEPT) -> None:
    """Bring due tasks, orders, prizes, bills and refunds one step nearer to their end.

    Only `kinds` are looked at; the others have nothing due.
    """
    store = context.store
    swept: tuple[tuple[DueDocuments[Any], _Settle], ...] = (
        (store.orders, settle_order),
        (store.tasks, settle_task),
        (store.freezes, settle_freeze),
        (store.prizes, settle_prize),
        (store.bills, settle_bill),
        (store.refunds, settle_refund),
    )
    for documents, settle in swept:
        if documents.NAME in kinds:
            await _each(context, documents, settle)
    if "addresses" in kinds:
        # Each address is deleted ADDRESS_DAYS after its goods arrived or, if they were never sent, after the
        # address came.
        age_ms = ADDRESS_DAYS * DAY_MS
        await store.prizes.delete_old_addresses(context.clock.now_ms() - age_ms, age_ms)


async def settle_prize(context: Context, prize: Prize) -> None:
    """Do for a prize what a dead process left undone.

    The bill of a prize that is being frozen is cancelled. Goods on their way count as received after a while.
    """
    await follow_prize(context, prize)
    if prize["state"] == "sent":
        await settle_arrival(context, prize)
    elif "freezing" in prize:
        await settle_freezing(context, prize)


async def _each(context: Context, documents: DueDocuments[Any], settle: _Settle) -> None:
    """Do what is due of one kind. What fails is logged and stays due; the others go on.

    If WeChat does not answer, the rest of this kind waits for the next sweep, so that other kinds get a turn.
    """
    async for document in documents.lease_due(context.clock.now_ms):
        key, said = document["_id"], f"{documents.NAME} {document['_id']}"
        try:
            await settle(context, document)
        except PayUnknown as error:
            log.warning("%s waits for WeChat: %s", said, error)
            if documents.NAME in _UNANSWERED:
                await documents.moves(key, _UNANSWERED[documents.NAME](context.clock.now_ms()))
            return
        except WeChatBusy as error:
            log.warning("%s is refused by WeChat: %s", said, error)
        except Contradiction:
            log.exception("%s failed: the operator has to look at it", said)
            if documents.NAME in _UNANSWERED:
                await cast("Payments[Any]", documents).raise_alarm(key, CONTRADICTION)
        except Exception as error:
            if is_unavailable(error):
                raise
            log.exception("%s failed", said)
