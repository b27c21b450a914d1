"""Paying back: a refund is saved first, then sent; then we ask until WeChat says how it ended."""

import logging

from server.actions.transition import Effects, carry_out
from server.cash.actions.enter import enters
from server.cash.context import CashContext
from server.cash.pay.answers import Contradiction, PayRefused, RefundAnswer
from server.cash.rules.order import refunding
from server.cash.rules.payment import ASK_AGAIN_MS
from server.cash.rules.refund import RefundKind, meaning
from server.cash.rules.refund import refused as refused_by_wechat
from server.cash.store.orders import Order
from server.cash.store.payments import CONTRADICTION
from server.cash.store.refunds import Refund, refund_number
from server.game.prize import returned

# WeChat wants refunds of one order a minute apart, and at most 50 of them. We make at most three.
# https://pay.weixin.qq.com/doc/v3/merchant/4012556457
APART_MS = 60_000
REASONS: dict[RefundKind, str] = {
    "whole": "红包没有开始，全额退回",
    "unwon": "没有挖出的红包退回",
    "unclaimed": "没有领取的红包退回",
}

log = logging.getLogger("wabao.money")


async def owe_refund(context: CashContext, kind: RefundKind, order: Order, amount_fen: int) -> None:
    """Save a refund that is to be sent. An order has at most one refund of each kind. Safe to repeat."""
    now_ms = context.clock.now_ms()
    await context.books.refunds.insert(
        Refund(
            _id=refund_number(kind, order["_id"]),
            kind=kind,
            code=order["code"],
            out_trade_no=order["_id"],
            amount_fen=amount_fen,
            total_fen=order["amount_fen"],
            state="asked",
            alarm="",
            created_at=now_ms,
            due_at=now_ms,
        )
    )


async def settle_refund(context: CashContext, refund: Refund) -> None:
    """Bring a due refund one step nearer to its end. Raises PayUnknown, Contradiction.

    Until WeChat has answered once, the refund is sent again under the same number: WeChat makes one refund
    per number. After that we only ask.
    """
    if "then" in refund:
        await carry_out(context, context.books.refunds, refund, EFFECTS)
        return
    try:
        if refund["state"] == "asked":
            about = refunding(refund["_id"], context.clock.now_ms(), APART_MS)
            if await context.books.orders.move(refund["out_trade_no"], about) is None:
                return  # another refund of the order was just sent: this one is due in a minute
            answer = await context.pay.refund(
                refund["_id"],
                refund["out_trade_no"],
                refund["amount_fen"],
                refund["total_fen"],
                REASONS[refund["kind"]],
            )
        else:
            answer = await context.pay.query_refund(refund["_id"], refund["out_trade_no"])
    except PayRefused as refused:
        log.error("WeChat refuses refund %s; trying later: %s", refund["_id"], refused)  # noqa: TRY400
        again_ms = context.clock.now_ms() + ASK_AGAIN_MS
        await context.books.refunds.move(refund["_id"], refused_by_wechat(refused.code, again_ms))
        return
    await note_refund(context, answer)


async def note_refund(context: CashContext, answer: RefundAnswer) -> None:
    """Note what WeChat says of a refund, in a notice or a reply. Safe to repeat.

    Raises Contradiction if we have no such refund of that order and amount, or if ours ended otherwise.
    """
    refunds = context.books.refunds
    number = answer.out_refund_no
    status = answer.status
    known = await refunds.find(number)
    told = answer.out_trade_no, answer.amount.total, answer.amount.refund
    if known is None or (known["out_trade_no"], known["total_fen"], known["amount_fen"]) != told:
        raise Contradiction(
            f"a refund of {answer.amount.refund} of {answer.amount.total} fen of order {answer.out_trade_no} "
            f"under the number {number}"
        )
    if status == "ABNORMAL":
        log.error("refund %s is ABNORMAL: it has to be finished in WeChat Pay's console", number)
    if status == "CLOSED":
        log.error("WeChat closed refund %s: the publisher has to be paid in another way", number)
    noted = await refunds.move(number, meaning(known, status, context.clock.now_ms()))
    if status in ("PROCESSING", "ABNORMAL"):
        return
    ended = noted or await refunds.get(number)
    if (ended["state"] == "closed") != (status == "CLOSED"):
        await refunds.raise_alarm(number, CONTRADICTION)
        raise Contradiction(f"refund {number} is {ended['state']}, and WeChat says {status} now")
    await carry_out(context, refunds, ended, EFFECTS)


async def _return_prizes(context: CashContext, refund: Refund) -> None:
    await context.store.prizes.move_all({"code": refund["code"]}, returned())


EFFECTS: Effects = {"ledger": enters("refunded"), "prizes": _return_prizes}
