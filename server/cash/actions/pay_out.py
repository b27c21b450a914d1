"""Paying out: the bill of a red packet that is being claimed, and what WeChat says of it.

A bill's number and exact body are saved before WeChat is called. If the outcome is unknown, we ask; if WeChat
does not know the bill, we send the same bytes again. A prize gets a new number only after WeChat says that
the old one failed or was cancelled, or names somebody else's transfer under it (`void_bill`). After the claim
deadline, and once a prize is frozen, a bill is not sent again. A bill has failed if WeChat still does not
know it when `UNDER_WAY_MS` (`rules/bill.py`) have passed since it was last sent.
"""

import logging

from server.actions.announce import announce_claim
from server.actions.transition import Effects, carry_out
from server.cash.actions.enter import enters
from server.cash.actions.hold import weigh
from server.cash.context import CashContext
from server.cash.pay.answers import BillAnswer, Contradiction, PayRefused, PayUnknown
from server.cash.pay.client import DAY_REFUSED
from server.cash.rules.bill import (
    after_query,
    cancellable,
    follows,
    give_up,
    is_over,
    meaning,
    never_named,
    sending,
    stop_sending,
    voided,
)
from server.cash.rules.bill import refused as refused_by_wechat
from server.cash.rules.payment import ASK_AGAIN_MS, tomorrow_ms
from server.cash.store.bills import Bill
from server.cash.store.payments import CONTRADICTION
from server.cash.store.payouts import bill_number
from server.errors import BadRequest
from server.game.amounts import DAY_MS, RELEASED_MS, claim_days_of
from server.game.prize import extended
from server.store.prizes.prizes import Prize

# What the winner reads in WeChat. It names nothing that people wrote: WeChat would refuse a word that it
# dislikes (TRANSFER_REMARK_SET_FAIL) each time, and the body of a bill never changes.
# https://pay.weixin.qq.com/doc/v3/merchant/4012716434
REMARK = "挖宝红包"
# The refusals of a transfer that are about its receiver: 用户账户异常.
OWN_REASONS = frozenset({"USER_ACCOUNT_ABNORMAL"})

log = logging.getLogger("wabao.money")


async def ensure_bill(context: CashContext, prize: Prize) -> tuple[Bill, bool] | None:
    """Return the bill of a prize that is `claiming`, and whether this call made it; None if it is held."""
    bills = context.books.bills
    number = bill_number(prize)
    known = await bills.find(number)
    if known is not None:
        return known, False
    if not await weigh(context, prize):
        return None
    person = await context.store.people.get(prize["person_id"])
    now_ms = context.clock.now_ms()
    bill = Bill(
        _id=number,
        code=prize["code"],
        prize=prize["_id"],
        attempt=prize["attempt"],
        person_id=prize["person_id"],
        amount_fen=prize["amount_fen"],
        body=context.pay.transfer_body(
            number,
            person["openid"],
            prize["amount_fen"],
            activity="挖宝",
            reward=f"挖到第 {prize['depth']} 层的红包",
            remark=REMARK,
        ),
        state="asked",
        package_info="",
        remote="",
        fail_reason="",
        alarm="",
        created_at=now_ms,
        sent_at=0,
        asked_at=0,
        due_at=now_ms + ASK_AGAIN_MS,
    )
    if await bills.insert(bill):
        return bill, True
    return await context.books.bills.get(number), False


async def send_bill(context: CashContext, bill: Bill) -> Bill:
    """Send a bill's body, for the first time or again; return the bill as it is afterwards.

    Raises PayUnknown, Contradiction.
    """
    number = bill["_id"]
    about = await context.books.bills.move(number, sending())
    if about is None:
        return await context.books.bills.get(number)
    try:
        answer = await context.pay.transfer(bytes(about["body"]))
    except PayRefused as refused:
        return await _note_refused(context, about, refused)
    known = await _take(context, about, answer)
    if never_named(known):
        log.error("bill %s has failed here, but WeChat has it now: cancelling it", number)
        try:
            await context.pay.cancel_transfer(number)
        except PayRefused as refused:
            log.error("bill %s is not cancelled: %s", number, refused)  # noqa: TRY400
    return known


async def ask_about_bill(context: CashContext, bill: Bill) -> Bill:
    """Ask WeChat about a bill that is not final; return the bill afterwards. Raises PayUnknown,
    Contradiction."""
    asked_at_ms = context.clock.now_ms()
    try:
        answer = await context.pay.query_transfer(bill["_id"])
    except PayRefused as refused:
        then = after_query(bill, None) if refused.not_found else "note"
        if then == "note":
            return await _note_refused(context, bill, refused)
    else:
        then = after_query(bill, answer.state)
        if then == "note":
            return await _take(context, bill, answer)
    return await (send_bill(context, bill) if then == "send" else _give_up(context, bill, asked_at_ms))


async def cancel_bill(context: CashContext, prize: Prize) -> None:
    """Cancel the bill of a prize that is `claiming`, after the deadline or because it is frozen.

    If WeChat does not say what became of it, that is logged, and a later try finds out.
    """
    ensured = await ensure_bill(context, prize)
    if ensured is None:
        return
    bill, _ = ensured
    try:
        if is_over(bill):
            await follow_bill(context, bill)
        else:
            await _cancel(context, bill)
    except (PayUnknown, Contradiction) as error:
        log.warning("bill %s is perhaps not cancelled yet; going on with others: %s", bill["_id"], error)


async def void_bill(context: CashContext, prize: Prize, by: str) -> bool:
    """End a prize's bill whose number WeChat holds for somebody else's transfer, as an alarm of it says and
    WeChat, asked once more, confirms; return whether this call did. The prize may get another bill.

    Raises BadRequest if the bill has this alarm, but may still pay its winner.
    """
    number = bill_number(prize)
    bill = await context.books.bills.find(number)
    if bill is None or is_over(bill) or bill["alarm"] != CONTRADICTION:
        return False
    try:
        answer = await context.pay.query_transfer(number)
    except (PayRefused, PayUnknown, Contradiction) as error:
        log.warning("bill %s is not void: %s", number, error)
        raise BadRequest("微信支付没有说清这笔转账是谁的，没有作废：请过几分钟再试") from None
    ended = None
    if not answer.fits(bill["amount_fen"], bytes(bill["body"])):
        ended = await context.books.bills.move(number, voided(CONTRADICTION).made_by(by))
    if ended is None:
        raise BadRequest("微信支付有这笔转账，还可能付给这位中奖者，没有作废：系统会接着查，按结果办")
    await follow_bill(context, ended)
    return True


async def _cancel(context: CashContext, bill: Bill) -> None:
    """Cancel a bill unless it is final. A bill that the winner cannot confirm yet is never sent again.

    Raises PayUnknown, Contradiction.
    """
    if bill["state"] == "asked":
        stopped = await context.books.bills.move(bill["_id"], stop_sending())
        bill = stopped or await context.books.bills.get(bill["_id"])
    bill = await ask_about_bill(context, bill)
    if cancellable(bill):
        try:
            await _take(context, bill, await context.pay.cancel_transfer(bill["_id"]))
        except PayRefused as refused:
            log.warning("WeChat does not cancel bill %s now: %s", bill["_id"], refused)


async def _take(context: CashContext, bill: Bill, answer: BillAnswer) -> Bill:
    known = await note_bill(context, answer, bill)
    await follow_bill(context, known)
    return known


async def note_bill(context: CashContext, answer: BillAnswer, bill: Bill | None = None) -> Bill:
    """Note what a notice or a reply of WeChat's says of a bill; return the bill as it is afterwards. Safe to
    repeat.

    `bill` may be left out: then it is read. If it has ended, `follow_bill` has to be called; if the process
    dies first, a sweep does it. Raises Contradiction if we have no such bill of that amount for that person,
    or if ours ended otherwise.
    """
    bills = context.books.bills
    number = answer.out_bill_no
    known = bill or await bills.find(number)
    if known is None:
        raise Contradiction(f"bill {number} of {answer.amount_fen} fen")
    if not answer.fits(known["amount_fen"], bytes(known["body"])):
        await bills.raise_alarm(number, CONTRADICTION)
        raise Contradiction(f"bill {number}, of {answer.amount_fen} fen, is of another amount or person")
    package_info = answer.package_info or ""
    fail_reason = answer.fail_reason or ""
    now_ms = context.clock.now_ms()
    said = meaning(known, answer.state, package_info, fail_reason, answer.made_at, now_ms)
    noted = await bills.move(number, said)
    if noted is not None:
        return noted
    known = await bills.get(number)
    if answer.final and (known["state"] == "given") != (answer.state == "SUCCESS"):
        await bills.raise_alarm(number, CONTRADICTION)
        raise Contradiction(f"bill {number} is {known['state']}, and WeChat says {answer.state} now")
    return known


async def _move_prize(context: CashContext, bill: Bill) -> None:
    prize = await context.store.prizes.move(bill["prize"], follows(bill, context.clock.now_ms()))
    if prize is not None:
        context.background.spawn(announce_claim(context, prize))  # announcing may wait for Redis


EFFECTS: Effects = {"prize": _move_prize, "ledger": enters("given")}


async def follow_bill(context: CashContext, bill: Bill) -> None:
    """Update the prize and the ledger by a bill that has ended. Other bills are left alone."""
    await carry_out(context, context.books.bills, bill, EFFECTS)


async def settle_bill(context: CashContext, bill: Bill) -> None:
    """Bring a due bill one step nearer to its end. Raises PayUnknown, Contradiction."""
    await (follow_bill(context, bill) if is_over(bill) else ask_about_bill(context, bill))


async def _give_up(context: CashContext, bill: Bill, asked_at_ms: int) -> Bill:
    """End a bill that WeChat did not know when it was asked, unless our request may have been under way."""
    ended = await context.books.bills.move(bill["_id"], give_up(asked_at_ms, bill["alarm"]))
    if ended is None:
        return await context.books.bills.get(bill["_id"])
    log.warning("WeChat never got bill %s, and it is not sent again: %s", bill["_id"], ended["fail_reason"])
    await follow_bill(context, ended)
    return ended


async def _note_refused(context: CashContext, bill: Bill, refused: PayRefused) -> Bill:
    """Raise an alarm. A bill that WeChat once knew and does not know now also comes here.

    Unless the winner's own account is the reason, the winner claimed in time and must not lose the prize:
    while WeChat refuses, the deadline moves, for at most the claim days from the first refusal on. The words
    beside WeChat's code change only what the winner reads: "come tomorrow", if it is the limit of a day.
    """
    log.error("WeChat refuses bill %s; asking again later: %s", bill["_id"], refused)
    now_ms = context.clock.now_ms()
    days = claim_days_of(await context.store.tasks.get(bill["code"]), context.settings.claim_days)
    most_ms = bill.get("refused_at", now_ms) + max(0, days * DAY_MS - RELEASED_MS)
    if refused.code not in OWN_REASONS and now_ms <= most_ms and "unsendable" not in bill:
        until_ms = tomorrow_ms(now_ms) if refused.code == DAY_REFUSED else now_ms
        move = extended(bill["attempt"], min(until_ms, most_ms))
        await context.store.prizes.moves(bill["prize"], move)
    noted = await context.books.bills.move(bill["_id"], refused_by_wechat(refused.code, now_ms))
    return noted or await context.books.bills.get(bill["_id"])
