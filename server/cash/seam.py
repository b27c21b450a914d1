"""All that the game calls of cash. Without cash `Context.cash` is None, and nothing of this is imported.

A treasure's payment is used, or its order closed; who digs is checked; a prize is owed, claimed, billed, and
its bill cancelled; what is left is refunded. The leader settles what is due, and operators read the money.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from server.cash.actions.claim import claim
from server.cash.actions.pay_in import ask_about_order, follow_payments, look_for_payment, settle_order
from server.cash.actions.pay_out import cancel_bill, ensure_bill, settle_bill, void_bill
from server.cash.actions.refund import owe_refund, settle_refund
from server.cash.actions.risk import ask_for_risk
from server.cash.audit import SUMS, differences, read_money
from server.cash.context import CashContext
from server.cash.pay.answers import Contradiction, PayUnknown
from server.cash.rules import bill, order, refund
from server.cash.rules.refund import RefundKind
from server.cash.store.payments import CONTRADICTION, Payments
from server.context import Context
from server.game.lifecycle import Move
from server.game.prize import is_claiming
from server.game.task import Task
from server.leading.sweep import Settle
from server.store.digging.tasks import View
from server.store.due import DueDocuments
from server.store.prizes.prizes import Prize


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
        return {
            "orders": self._settled(books.orders, settle_order, order.unanswered),
            "bills": self._settled(books.bills, settle_bill, bill.unanswered),
            "refunds": self._settled(books.refunds, settle_refund, refund.unanswered),
        }

    async def use_payment(self, code: str, *, opens: bool = True, last: bool = False) -> bool:
        """Use, or refund, a payment that waits for its task; return whether one came, or may still come.

        Unless the task `opens`, a sweep closes its unpaid order. With `last`, it is closed here. Raises
        PayUnknown, WeChatBusy, Contradiction.
        """
        if not opens:
            await self._context.books.orders.move_all({"code": code}, order.wake())
        found = await self._context.books.orders.find_live(code)
        if found is None:
            return False
        if found["state"] == "paid":
            await follow_payments(self._context, [found])
            return True
        if last and found["state"] == "asked":
            found = await ask_about_order(self._context, found, close=True)
        return found["state"] != "closed"

    async def close_orders_of(self, person_id: str) -> None:
        """Let a sweep close a banned person's unpaid orders.

        If the process dies first, each order is closed when WeChat is next asked about it.
        """
        await self._context.books.orders.move_all({"publisher": person_id}, order.wake())

    async def look_for_payment(self, code: str) -> bool:
        """Ask WeChat about the order of a task that its publisher looks at; return True if it is paid."""
        return await look_for_payment(self._context, code)

    def ask_for_risk(self, view: View, address: str) -> None:
        """Ask WeChat in the background for the risk of a person who dug a red packet."""
        ask_for_risk(self._context, view, address)

    async def owe_prize(self, prize: Prize) -> None:
        """Enter a prize in the ledger as owed; goods have no amount. Safe to repeat."""
        fen = prize["amount_fen"]
        if fen:
            now_ms = self._context.clock.now_ms()
            await self._context.books.ledger.enter("owed", prize["_id"], prize["code"], fen, now_ms)

    async def claim(self, task: Task, prize: Prize) -> tuple[Prize, str]:
        """Claim a red packet; return its prize, and what the winner confirms in WeChat ("": nothing)."""
        return await claim(self._context, task, prize)

    async def make_bill(self, prize: Prize) -> None:
        """Make the bill of a prize that is being claimed. Safe to repeat."""
        if is_claiming(prize) and "freezing" not in prize:
            await ensure_bill(self._context, prize)

    async def cancel_bill(self, prize: Prize) -> None:
        """Cancel the bill of a prize that is being claimed: after the deadline, or because it is frozen."""
        await cancel_bill(self._context, prize)

    async def void_bill(self, prize: Prize, by: str) -> bool:
        """End a bill whose number WeChat holds for somebody else's transfer; return whether this call did."""
        return await void_bill(self._context, prize, by)

    async def owe_refund(self, kind: RefundKind, task: Task, amount_fen: int) -> None:
        """Owe the publisher of a task that ended what nobody won, or nobody claimed. Safe to repeat."""
        if amount_fen:
            paid = await self._context.books.orders.get(task.get("paid_by", ""))
            await owe_refund(self._context, kind, paid, amount_fen)

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

    def _settled(
        self,
        payments: Payments[Any],
        settle: Callable[[CashContext, Any], Awaitable[None]],
        unanswered: Callable[[int], Move],
    ) -> tuple[Payments[Any], Settle]:
        """Return how payments are settled. If WeChat gives no clear answer about one, that is noted of it."""

        async def settle_one(_: Context, due: Any) -> None:
            try:
                await settle(self._context, due)
            except PayUnknown:
                await payments.moves(due["_id"], unanswered(self._context.clock.now_ms()))
                raise
            except Contradiction:
                await payments.raise_alarm(due["_id"], CONTRADICTION)
                raise

        return payments, settle_one
