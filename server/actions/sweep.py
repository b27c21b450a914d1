"""One sweep over everything that is due. The leader sweeps again and again; each thing is done once.

A sweep leases each due thing by a conditional update before it acts (`server/store/due.py`). So of several
sweeps only one acts; if it dies, another sweep acts later. This would work without a leader too; the leader
only saves queries.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from typing import Any, TypeVar

from server.actions.digging.end_task import settle_task
from server.actions.digging.win import follow_prize
from server.actions.money.freeze import settle_freeze, settle_freezing
from server.actions.money.pay_in import settle_order
from server.actions.money.pay_out import settle_bill
from server.actions.money.refund import settle_refund
from server.actions.money.ship import settle_arrival
from server.context import Context
from server.errors import WeChatBusy
from server.game.amounts import DAY_MS
from server.store import is_unavailable
from server.store.agenda import Kind
from server.store.money.bills import Bills
from server.store.money.orders import Orders
from server.store.money.payments import CONTRADICTION
from server.store.money.prizes import Prize
from server.store.money.refunds import Refunds
from server.wechat.pay.answers import Contradiction, PayUnknown

ADDRESS_DAYS = 90
# What a sweep looks at, in this order: payments come first.
SWEPT: tuple[Kind, ...] = ("orders", "tasks", "freezes", "prizes", "bills", "refunds", "addresses")

_Due = TypeVar("_Due", bound=Mapping[str, Any])

log = logging.getLogger("wabao.money")


async def sweep(context: Context, kinds: Collection[Kind] = SWEPT) -> None:
    """Bring tasks, orders, prizes, bills and refunds that are due one step nearer to their end.

    Only `kinds` are looked at; the others have nothing due.
    """
    store, now_ms = context.store, context.clock.now_ms
    swept: tuple[tuple[Kind, Callable[[], Awaitable[None]]], ...] = (
        ("orders", lambda: _each(context, store.orders.lease_due(now_ms), settle_order, store.orders)),
        ("tasks", lambda: _each(context, store.tasks.lease_due(now_ms), settle_task)),
        ("freezes", lambda: _each(context, store.freezes.lease_due(now_ms), settle_freeze)),
        ("prizes", lambda: _each(context, store.prizes.lease_due(now_ms), settle_prize)),
        ("bills", lambda: _each(context, store.bills.lease_due(now_ms), settle_bill, store.bills)),
        ("refunds", lambda: _each(context, store.refunds.lease_due(now_ms), settle_refund, store.refunds)),
        ("addresses", lambda: _delete_old_addresses(context)),
    )
    for kind, settle in swept:
        if kind in kinds:
            await settle()


async def _delete_old_addresses(context: Context) -> None:
    """Delete each address `ADDRESS_DAYS` after the goods arrived, or after it came if no goods were sent."""
    prizes, age_ms = context.store.prizes, ADDRESS_DAYS * DAY_MS
    before_ms = context.clock.now_ms() - age_ms
    if await prizes.find_old_address(before_ms):
        await prizes.delete_old_addresses(before_ms, age_ms)


async def settle_prize(context: Context, prize: Prize) -> None:
    """Do for a prize what a dead process left undone.

    The bill of a prize that is being frozen is cancelled. Goods on their way count as received after a while.
    Raises Contradiction.
    """
    await follow_prize(context, prize)
    if prize["state"] == "sent":
        await settle_arrival(context, prize)
    elif "freezing" in prize:
        await settle_freezing(context, prize)


async def _each(
    context: Context,
    due: AsyncIterator[_Due],
    settle: Callable[[Context, _Due], Awaitable[None]],
    payments: Orders | Bills | Refunds | None = None,
) -> None:
    """Do what is due of one kind. What fails is logged and stays due; the others go on.

    If WeChat does not answer, the rest of this kind waits for the next sweep, so that other kinds get a turn.
    """
    async for document in due:
        try:
            await settle(context, document)
        except PayUnknown as error:
            log.warning("%s %s waits for WeChat: %s", settle.__name__, document["_id"], error)
            return
        except WeChatBusy as error:
            log.warning("%s %s is refused by WeChat: %s", settle.__name__, document["_id"], error)
        except Contradiction:
            log.exception("%s %s failed: the operator has to look at it", settle.__name__, document["_id"])
            if payments is not None:
                await payments.raise_alarm(document["_id"], CONTRADICTION)
        except Exception as error:
            if is_unavailable(error):
                raise
            log.exception("%s %s failed", settle.__name__, document["_id"])
