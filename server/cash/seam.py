"""All that the game calls of cash. Without cash `Context.cash` is None, and nothing of this is imported.

The treasure opens; it is dug, and its prize won and claimed; it ends, and what is left goes back; and the
leader does what is due.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any, TypeAlias

from server.cash.actions.claim import claim
from server.cash.actions.enter import enters
from server.cash.actions.pay_in import ask_about_order, follow_payments, look_at_payment, settle_order
from server.cash.actions.pay_out import ensure_bill, retract, settle_bill, void
from server.cash.actions.refund import owe_refund, settle_refund
from server.cash.actions.risk import look_at_risk
from server.cash.audit import SUMS, differences, read_money
from server.cash.context import CashContext
from server.cash.counting import count_money
from server.cash.pay.answers import Contradiction, PayUnknown
from server.cash.rules import bill, order, refund
from server.cash.rules.order import wake
from server.cash.rules.refund import RefundKind
from server.cash.store.payments import CONTRADICTION, Payments
from server.context import Context
from server.game.lifecycle import Move
from server.game.prize import is_out
from server.game.task import Task
from server.leading.sweep import Settle
from server.store.digging.tasks import View
from server.store.due import DueDocuments
from server.store.gauges import Counted
from server.store.prizes.prizes import Prize

_Settle: TypeAlias = Callable[[CashContext, Any], Awaitable[None]]


class Cash:
    """One per process that takes red packets."""

    def __init__(self, context: CashContext) -> None:
        self._context = context
        merchant = context.pay.merchant
        self.mchid = "" if merchant is None else merchant.mchid

    @property
    def due(self) -> dict[str, tuple[DueDocuments[Any], Settle]]:
        """What a sweep settles, by collection, and how."""
        books = self._context.books
        settled: tuple[tuple[Payments[Any], _Settle, Callable[[int], Move]], ...] = (
            (books.orders, settle_order, order.unanswered),
            (books.bills, settle_bill, bill.unanswered),
            (books.refunds, settle_refund, refund.unanswered),
        )
        return {each[0].NAME: (each[0], partial(self._settle, *each)) for each in settled}

    async def opens(self, code: str, *, useless: bool = False, last: bool = False) -> bool:
        """Use a payment that waits for its task; return whether one came, or may still come.

        A sweep closes the order of a task that must not open (`useless`). With `last`, the order is closed
        here, unless it is paid. Raises PayUnknown, WeChatBusy, Contradiction.
        """
        orders = self._context.books.orders
        found = await orders.find_live(code)
        if found is None:
            return False
        if useless:
            await orders.move_all({"code": code}, wake())
        if found["state"] == "paid":
            await follow_payments(self._context, [found])
            return True
        if last and found["state"] == "asked":
            found = await ask_about_order(self._context, found, close=True)
        return found["state"] != "closed"

    async def looks(self, code: str) -> bool:
        """Ask WeChat about the order of a task that its publisher looks at; return True if it is paid."""
        return await look_at_payment(self._context, code)

    async def banned(self, person_id: str) -> None:
        """Let a sweep close a banned person's unpaid orders.

        If the process dies first, each order is closed when WeChat is next asked about it.
        """
        await self._context.books.orders.move_all({"publisher": person_id}, wake())

    def dug(self, view: View, address: str) -> None:
        """Ask WeChat in the background for the risk of a person who dug a red packet."""
        look_at_risk(self._context, view, address)

    async def won(self, prize: Prize) -> None:
        """Enter a prize as owed. Safe to repeat."""
        await enters("owed")(self._context, prize)

    async def claims(self, task: Task, prize: Prize) -> tuple[Prize, str]:
        """Do what `claim` does."""
        return await claim(self._context, task, prize)

    async def claimed(self, prize: Prize) -> None:
        """Make the bill of a prize that is being claimed. Safe to repeat."""
        if is_out(prize) and "freezing" not in prize:
            await ensure_bill(self._context, prize)

    async def takes_back(self, prize: Prize) -> None:
        """Cancel the bill of a prize that is being claimed: after the deadline, or because it is frozen."""
        await retract(self._context, prize)

    async def voids(self, prize: Prize, by: str) -> bool:
        """Do what `void` does."""
        return await void(self._context, prize, by)

    async def owes(self, kind: RefundKind, task: Task, amount_fen: int) -> None:
        """Owe the publisher of a task that ended what nobody won, or nobody claimed. Safe to repeat."""
        if amount_fen:
            paid = await self._context.books.orders.get(task.get("paid_by", ""))
            await owe_refund(self._context, kind, paid, amount_fen)

    async def count(self, counted: Counted) -> Counted:
        """Add what concerns money to the numbers that were counted."""
        return await count_money(self._context.store, counted)

    async def money(self, code: str) -> dict[str, Any]:
        """Return where a task's money is, and what does not balance.

        The payments, newest first, are (number, kind, fen, state, alarm, unix ms).
        """
        money = await read_money(self._context.store, code)
        documents: list[tuple[str, Mapping[str, Any]]] = [
            *(("order", each) for each in money.orders),
            *(("bill", each) for each in money.bills),
            *((f"refund_{each['kind']}", each) for each in money.refunds),
        ]
        payments = [
            (p["_id"], kind, p["amount_fen"], p["state"], p.get("alarm", ""), p["created_at"])
            for kind, p in documents
        ]
        payments.sort(key=lambda payment: payment[-1], reverse=True)
        sums = {name: getattr(money, name) for name in SUMS}
        return {**sums, "payments": payments, "differences": differences(money)}

    async def _settle(
        self,
        payments: Payments[Any],
        settle: _Settle,
        unanswered: Callable[[int], Move],
        _: Context,
        payment: Any,
    ) -> None:
        """Settle a payment; note if WeChat gives no clear answer about it."""
        try:
            await settle(self._context, payment)
        except PayUnknown:
            await payments.moves(payment["_id"], unanswered(self._context.clock.now_ms()))
            raise
        except Contradiction:
            await payments.raise_alarm(payment["_id"], CONTRADICTION)
            raise
