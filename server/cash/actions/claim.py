"""Claiming a red packet by a bill. Safe to repeat."""

import logging

from server.actions.digging.win import follow_prize
from server.cash.actions.hold import newness_of, refuse_waiting
from server.cash.actions.pay_in import LOOK_APART_MS
from server.cash.actions.pay_out import ask_about_bill, ensure_bill, follow_bill, send_bill
from server.cash.context import CashContext
from server.cash.pay.answers import Contradiction, PayUnknown
from server.cash.pay.client import DAY_REFUSED
from server.cash.rules.bill import CONFIRM_MS, DAY_FULL, looking
from server.cash.rules.payment import UNKNOWN, tomorrow_ms
from server.cash.store.bills import Bill
from server.errors import ClaimOver, OutcomeUnknown, PayoutWaits, WeChatBusy, refuse
from server.game.prize import GONE, claimed
from server.game.reasons import why_held
from server.game.task import Task
from server.store.prizes.prizes import Prize

ATTEMPTS = 3
PREPARED = "红包正在准备，请稍后、在领奖截止以前再来领取"
SILENT = "微信支付没有回答：红包还在，请过一会再来领取"
# Why a bill that WeChat has not taken waits, by its alarm.
_WAITS = {"NOT_ENOUGH": "商户余额不足：红包还在，请在领奖截止以前再来领取", UNKNOWN: SILENT}

# Advice for a winner whom WeChat cannot pay now, by WeChat's `fail_reason`.
# https://pay.weixin.qq.com/docs/merchant/apis/mch-trans/transfer-bill/get-transfer-bill-by-out-no.html
_RESTRICTED = "你的微信支付现在收不了款：到微信支付里看原因，处理好以后，在领奖截止以前再来领"
_FAILED = {
    DAY_FULL: "微信今天不能再转给你这么多：明天再来领，不会丢失",
    "REAL_NAME_CHECK_FAIL": "微信要求先实名认证：认证以后，在领奖截止以前再来领",
    **dict.fromkeys(
        ("ACCOUNT_FROZEN", "PAYEE_ACCOUNT_ABNORMAL", "REALNAME_ACCOUNT_RECEIVED_QUOTA_EXCEED"), _RESTRICTED
    ),
}

log = logging.getLogger("wabao.money")


async def claim(context: CashContext, task: Task, prize: Prize) -> tuple[Prize, str]:
    """Claim a red packet; return its prize, and what the winner confirms in WeChat ("" if there is nothing).

    Raises ClaimOver, PayoutHeld, PayoutWaits, OutcomeUnknown, WeChatBusy.
    """
    try:
        for _ in range(ATTEMPTS):
            if prize["state"] == "won":
                await refuse_waiting(context, prize)
                prize = await _begin_claiming(context, task, prize)
            refuse(why_held(prize))
            if prize["state"] in GONE:
                raise ClaimOver
            if prize["state"] == "given":
                return prize, ""
            ensured = await ensure_bill(context, prize)
            if ensured is None:
                # A limit or a freeze has just changed the prize: the next turn refuses by what it says now.
                prize = await context.store.prizes.get(prize["_id"])
                context.background.spawn(follow_prize(context, prize))
                continue
            bill, made = ensured
            if made:
                bill = await send_bill(context, bill)
            elif bill["state"] in ("asked", "waiting"):
                if await _may_ask(context, bill):
                    bill = await _ask(context, bill)
            else:
                await follow_bill(context, bill)
            context.background.spawn(follow_prize(context, prize, done=("bill",)))
            prize = await context.store.prizes.get(prize["_id"])
            refuse(why_held(prize))
            if made or bill["state"] in ("asked", "waiting"):
                return prize, _confirmable(bill, context.clock.now_ms())
    except PayUnknown:
        raise OutcomeUnknown(SILENT) from None
    except Contradiction:
        log.exception("prize %s is not paid: the operator has to look at it", prize["_id"])
        raise WeChatBusy(PREPARED) from None
    raise OutcomeUnknown


async def _may_ask(context: CashContext, bill: Bill) -> bool:
    """Whether to call WeChat about a bill now.

    A bill may be sent at any time. WeChat limits how often a merchant may ask about a bill.
    """
    if not bill["package_info"]:
        return True
    move = looking(context.clock.now_ms(), LOOK_APART_MS)
    return await context.books.bills.move(bill["_id"], move) is not None


async def _ask(context: CashContext, bill: Bill) -> Bill:
    """Ask WeChat about a bill. If WeChat does not answer, its winner can still confirm what WeChat gave
    before.

    Raises PayUnknown if WeChat has given nothing to confirm.
    """
    try:
        return await ask_about_bill(context, bill)
    except PayUnknown:
        if not bill["package_info"]:
            raise
        return bill


async def _begin_claiming(context: CashContext, task: Task, prize: Prize) -> Prize:
    (young, private) = await newness_of(context, task, prize)
    now_ms = context.clock.now_ms()
    # The prize is due again in a minute: if this process dies before the bill is saved, a sweep then makes
    # the bill.
    begin = claimed(prize["attempt"], now_ms, now_ms + 60_000, young, private)
    prizes = context.store.prizes
    key = prize["_id"]
    return await prizes.move(key, begin) or await prizes.get(key)


def _confirmable(bill: Bill, now_ms: int) -> str:
    """Return what the winner confirms in WeChat, "" if there is nothing. Raises WeChatBusy, PayoutWaits."""
    if bill["state"] == "failed":
        raise WeChatBusy(
            _FAILED.get(bill["fail_reason"], "微信没有付成这个红包，请稍后再领；一直不成请联系客服")
        )
    if bill["state"] == "asked" and bill["alarm"] == DAY_REFUSED:
        said = "微信今天的转账额度满了：明天以后再来领，不会丢失"
        raise PayoutWaits(said, claim_from=tomorrow_ms(now_ms))
    over = bill["state"] == "waiting" and now_ms > bill.get("made_at", bill["sent_at"]) + CONFIRM_MS
    if over or (bill["state"] == "asked" and bill["alarm"]):
        raise WeChatBusy(PREPARED if over else _WAITS.get(bill["alarm"], PREPARED))
    return bill["package_info"] if bill["state"] == "waiting" else ""
