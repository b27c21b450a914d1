"""Reporting to WeChat that what a publisher paid for was delivered.

The payments of certain mini-programs stay frozen until such a report (发货信息管理). The publisher buys the
publication of a treasure. It is delivered when the payment opens the treasure; an announced treasure is
published at once, too, and dug later. The order owes the report as soon as the payment opens the treasure; a
sweep makes it.

https://developers.weixin.qq.com/miniprogram/dev/platform-capabilities/business-capabilities/order-shipping/order-shipping.html
"""

import logging

from server.actions.transition import Effects, carry_out
from server.cash.context import CashContext
from server.cash.pay.answers import PayUnknown
from server.cash.rules.order import reported, unreported
from server.cash.rules.payment import UNKNOWN_MS
from server.cash.store.orders import Order
from server.errors import WeChatBusy
from server.game.amounts import DAY_MS
from server.game.findings import NOT_REPORTED, SHIPPING_REFUSED
from server.wechat import WeChatError
from server.wechat.shipping import COMPLETE, NOT_NOW, REPORTED, UNAUTHORIZED, UNSHIPPABLE

# A payment appears in WeChat's list about a minute after it was made.
REPORT_AFTER_MS = 60_000
# The longest time between two tries while this mini-program may report no deliveries at all.
REFUSED_MS = 3_600_000

log = logging.getLogger("wabao.money")


async def report_delivery(context: CashContext, order: Order) -> None:
    """Make the report that an order owes, if this mini-program has to. Safe to repeat.

    If WeChat refuses, the report is tried again after longer and longer waits: at least daily, since the
    operator may report by hand, and at least hourly while WeChat refuses all reports. Raises WeChatBusy if it
    refuses, PayUnknown if it does not answer.
    """
    await carry_out(context, context.books.orders, order, EFFECTS)


async def _report(context: CashContext, order: Order) -> None:
    try:
        if await context.wechat.is_trade_managed():
            await _make_report(context, order)
    except WeChatError as refused:
        log.warning("WeChat does not let order %s be reported: %s", order["_id"], refused)
        await _try_later(context, order, _alarm(refused.errcode))
        raise WeChatBusy from None
    except WeChatBusy:
        await _try_later(context, order, "")
        raise PayUnknown("WeChat does not answer") from None
    await context.books.orders.moves(order["_id"], reported())


async def _make_report(context: CashContext, order: Order) -> None:
    """Report an order, unless nothing is left to report. Raises WeChatError, WeChatBusy."""
    kind = context.settings.pay_order_kind
    now_ms = context.clock.now_ms()
    try:
        await context.wechat.report_delivery(order["transaction_id"], order["openid"], kind, now_ms)
    except WeChatError as refused:
        if refused.errcode in REPORTED:
            return
        if refused.errcode == UNSHIPPABLE and await _is_over(context, order):
            return
        raise


async def _is_over(context: CashContext, order: Order) -> bool:
    """Whether an order went back whole, or WeChat completed it by itself."""
    if await _went_back(context, order):
        return True
    return await context.wechat.order_state(order["transaction_id"]) in COMPLETE


async def _went_back(context: CashContext, order: Order) -> bool:
    """Whether the whole order is being refunded, or was refunded. Refunds that WeChat closed do not count."""
    refunds = await context.books.refunds.of_task(order["code"])
    back_fen = sum(
        refund["amount_fen"]
        for refund in refunds
        if refund["out_trade_no"] == order["_id"] and refund["state"] != "closed"
    )
    return back_fen >= order["amount_fen"]


def _alarm(errcode: int) -> str:
    if errcode == UNAUTHORIZED:
        return SHIPPING_REFUSED
    return "" if errcode in NOT_NOW else NOT_REPORTED


async def _try_later(context: CashContext, order: Order, alarm: str) -> None:
    now_ms = context.clock.now_ms()
    age_ms = now_ms - order["paid_at"]
    if not alarm and order["alarm"] == SHIPPING_REFUSED:
        alarm = SHIPPING_REFUSED  # WeChat has said nothing else since
    elif age_ms > UNKNOWN_MS:
        alarm = alarm or NOT_REPORTED
    most_ms = REFUSED_MS if alarm == SHIPPING_REFUSED else DAY_MS
    again_ms = now_ms + min(max(REPORT_AFTER_MS, age_ms), most_ms)
    await context.books.orders.moves(order["_id"], unreported(alarm, again_ms))


EFFECTS: Effects = {"delivery": _report}
