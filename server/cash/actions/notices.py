"""Notices from WeChat Pay.

The content of a notice is saved before the answer. Its consequences are carried out after the answer, one
notice at a time. If the process dies first, a sweep carries them out.
"""

from collections.abc import Mapping

from server.cash.actions.pay_in import follow_payments, note_payment
from server.cash.actions.pay_out import follow_bill, note_bill
from server.cash.actions.refund import note_refund
from server.cash.context import CashContext
from server.cash.pay.answers import BillAnswer, OrderAnswer, RefundAnswer
from server.cash.store.bills import Bill


async def take_notice(context: CashContext, headers: Mapping[str, str], body: bytes) -> None:
    """Verify and open a notice, and save what it says. A repeated notice changes nothing.

    Raises ForgedNotice; Contradiction if the notice does not fit what we know.
    """
    match context.pay.read_notice(headers, body).resource:
        case OrderAnswer() as answer:
            if answer.paid and await note_payment(context, answer):
                context.notices.paid_orders.append(answer.out_trade_no)
                context.background.spawn(_follow_paid_orders(context))
        case RefundAnswer() as refund:
            await note_refund(context, refund)
        case BillAnswer() as bill:
            if bill.final:
                context.background.spawn(_follow_bill(context, await note_bill(context, bill)))


async def _follow_paid_orders(context: CashContext) -> None:
    """Follow all payments noted so far together. Payments noted meanwhile wait for the next turn."""
    async with context.notices.turn:
        numbers = context.notices.paid_orders[:]
        context.notices.paid_orders.clear()
        if numbers:
            await follow_payments(context, await context.books.orders.find_all(numbers))


async def _follow_bill(context: CashContext, bill: Bill) -> None:
    async with context.notices.turn:
        await follow_bill(context, bill)
