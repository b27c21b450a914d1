"""One sweep over everything that is due. The leader sweeps again and again; each thing is done once.

A sweep leases each due thing by a conditional update before it acts (`server/store/due.py`). So of several
sweeps only one acts; if it dies, another sweep acts later. This would work without a leader too; the leader
only saves queries.
"""

import logging
from collections.abc import Awaitable, Callable, Collection
from typing import Any, TypeAlias

from server.actions.digging.end_task import settle_task
from server.actions.digging.win import follow_prize
from server.actions.prizes.freeze import settle_freeze, settle_freezing
from server.actions.prizes.ship import settle_arrival
from server.context import Context
from server.errors import WeChatBusy, WeChatSilent
from server.game.amounts import DAY_MS
from server.store import is_unavailable
from server.store.agenda import Kind
from server.store.due import DueDocuments
from server.store.prizes.prizes import Prize

ADDRESS_DAYS = 90
# What a sweep looks at, in this order: payments come first.
SWEPT: tuple[Kind, ...] = ("orders", "tasks", "freezes", "prizes", "bills", "refunds", "addresses")
Settle: TypeAlias = Callable[[Context, Any], Awaitable[None]]

log = logging.getLogger("wabao.money")


async def sweep(context: Context, kinds: Collection[Kind] = SWEPT) -> None:
    """Bring due tasks, orders, prizes, bills and refunds one step nearer to their end.

    Only `kinds` are looked at; the others have nothing due.
    """
    store = context.store
    swept: dict[str, tuple[DueDocuments[Any], Settle]] = {
        "tasks": (store.tasks, settle_task),
        "freezes": (store.freezes, settle_freeze),
        "prizes": (store.prizes, settle_prize),
    }
    if context.cash is not None:
        swept |= context.cash.due
    for kind in SWEPT:
        if kind in kinds and kind in swept:
            await _each(context, *swept[kind])
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


async def _each(context: Context, documents: DueDocuments[Any], settle: Settle) -> None:
    """Do what is due of one kind. What fails is logged and stays due; the others go on.

    If WeChat does not answer, the rest of this kind waits for the next sweep, so that other kinds get a turn.
    """
    async for document in documents.lease_due(context.clock.now_ms):
        said = f"{documents.NAME} {document['_id']}"
        try:
            await settle(context, document)
        except WeChatSilent as error:
            log.warning("%s waits for WeChat: %s", said, error)
            return
        except WeChatBusy as error:
            log.warning("%s is refused by WeChat: %s", said, error)
        except Exception as error:
            if is_unavailable(error):
                raise
            log.exception("%s failed", said)
