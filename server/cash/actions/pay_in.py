"""Paying in: a publisher's order, what WeChat says of it, and the task that opens when the order is paid.

The publisher buys the publication: a task that is announced for later is published at once, too.

An order is `asked` until it is `paid`. Then it opens its task (`spent`), or is refunded (`unusable`). If it
is not paid, it is `closed`. While an order has the field `live`, its task gets no other.

Each step is saved before the next begins, and may be repeated: any process can go on with a half-done order.
A move (`rules/order.py`, `game/opening.py`) changes nothing if it does not fit the state.
`move` returns the document that it changed, `moves` only whether the move fitted.
"""

import asyncio
import logging

from server.actions.announce import announce_changed, end_by
from server.actions.people.account import ban_of
from server.cash.actions.refund import owe_refund
from server.cash.actions.report_delivery import REPORT_AFTER_MS, report_delivery
from server.cash.context import CashContext
from server.cash.pay.answers import Contradiction, OrderAnswer, PaymentParameters, PayRefused, PayUnknown
from server.cash.rules.order import (
    Coupon,
    closed,
    expired,
    looking,
    paid,
    prepaid,
    spent,
    unpaid,
    unusable,
    why_not_pay,
)
from server.cash.store.orders import Order
from server.errors import (
    AlreadyPaid,
    OutcomeUnknown,
    OverLimit,
    WeChatBusy,
    refuse,
)
from server.game.amounts import DAY_MS, FEN_PER_YUAN, WEEK_MS, total_fen
from server.game.opening import ended, ended_undug, opened_by_payment, taken_down
from server.game.review import IN_REVIEW, is_taken_down
from server.game.task import Task
from server.security.random_codes import random_code
from server.store.people.people import Person
from server.wechat.shipping import ITEM

ORDER_MS = 7_200_000
# With less time left than this, an order is not handed out any more.
LEAST_MS = 60_000
FIRST_ASK_MS = 60_000
LOOK_APART_MS = 2_000
LOOK_SECONDS = 2.0
ATTEMPTS = 3
COUPONS_KEPT = 20
# Everybody can read this, so it does not mention the ban.
NOT_BEGUN = "没有开始，付的钱全额退回"
NO_CREDIT = "请换零钱或储蓄卡，再发一个"

log = logging.getLogger("wabao.money")


async def order_payment(context: CashContext, publisher: Person, code: str, yuan: int) -> PaymentParameters:
    """Return what `wx.requestPayment` takes to pay for a task. Asking again gives the same order.

    `yuan` may be the amount of one prize or of all, rounded up; the order is always for all, to the fen.
    Raises NoSuchTask, NotYours, NothingToPay, Ended, AlreadyPaid, WrongAmount, NotShown, OverLimit,
    WeChatBusy, OutcomeUnknown.
    """
    task = await _payable_task(context, publisher, code, yuan)
    most = context.settings.cash_order_yuan
    if most and total_fen(task) > most * FEN_PER_YUAN:
        raise OverLimit(f"一次最多支付 {most} 元，请少发几份或换小一点的红包")
    if not context.settings.takes_cash:  # the task was published when red packets were on
        raise WeChatBusy("这里现在没有开通红包，暂时不能支付")
    try:
        for _ in range(ATTEMPTS):
            order = await _payable_order(context, task, publisher)
            if order is not None:
                # If the task was taken down just before the order was saved, nobody closes the order: refuse
                # it here.
                await _payable_task(context, publisher, code, yuan)
                return context.pay.payment_parameters(order["prepay_id"])
    except PayUnknown:
        raise OutcomeUnknown("微信支付没有回答，不会重复收款：请过一会再支付") from None
    raise OutcomeUnknown


async def _payable_task(context: CashContext, publisher: Person, code: str, yuan: int) -> Task:
    task = await context.store.tasks.get(code)
    refuse(why_not_pay(task, publisher["_id"], yuan, context.clock.now_ms() + LEAST_MS))
    return task


async def _payable_order(context: CashContext, task: Task, publisher: Person) -> Order | None:
    """Return the task's order with its prepay_id; None if the caller is to try again: it was
    closed, or another request made one.

    Raises PayUnknown, OutcomeUnknown, AlreadyPaid, OverLimit, WeChatBusy.
    """
    orders = context.books.orders
    order = await orders.find_live(task["_id"])
    if order is None:
        order = await _new_order(context, task, publisher)
        if order is None:
            return None
        try:
            await _check_paid_limits(context, order)
        except OverLimit:
            withdrawn = await orders.move(order["_id"], closed())
            if withdrawn is not None and withdrawn["prepay_id"]:  # another request has sent it to WeChat
                await ask_about_order(context, order, close=True)
            raise
    elif order["state"] == "asked" and not order["prepay_id"]:
        await _check_paid_limits(context, order)  # a process may have died before this check
    now_ms = context.clock.now_ms()
    closing = order["expires_at"] - now_ms < LEAST_MS
    # `looking` fits once in LOOK_APART_MS: so many taps ask WeChat once.
    if closing or (order["prepay_id"] and await orders.moves(order["_id"], looking(now_ms, LOOK_APART_MS))):
        try:
            order = await ask_about_order(context, order, close=closing)
        except PayUnknown:
            if closing:
                raise
        if order["state"] == "closed":
            return None
    if order["state"] != "asked":
        await follow_payments(context, [order])
        raise AlreadyPaid
    if closing:  # WeChat cannot close an order that it does not know; such an order expires in a minute
        raise OutcomeUnknown
    return order if order["prepay_id"] else await _order_at_wechat(context, order)


async def _check_paid_limits(context: CashContext, order: Order) -> None:
    """Raise OverLimit if the order's publisher would have paid too much within a day or a week.

    The order itself is counted: it is in the store already. So two simultaneous orders count each other.
    """
    settings = context.settings
    now_ms = context.clock.now_ms()
    limits = (settings.cash_paid_week_yuan, settings.cash_paid_day_yuan)
    if not any(limits):
        return
    sums = await context.books.orders.ordered_fen(order["publisher"], now_ms - WEEK_MS, now_ms - DAY_MS)
    for fen, most, days in zip(sums, limits, ("7 天", "一天"), strict=True):
        if most and fen > most * FEN_PER_YUAN:
            raise OverLimit(f"{days}内最多支付 {most} 元，请过一天再试")


async def _new_order(context: CashContext, task: Task, publisher: Person) -> Order | None:
    now_ms = context.clock.now_ms()
    order = Order(
        _id=task["_id"] + random_code(),
        code=task["_id"],
        publisher=publisher["_id"],
        openid=publisher["openid"],
        description=ITEM,
        amount_fen=total_fen(task),
        state="asked",
        prepay_id="",
        transaction_id="",
        created_at=now_ms,
        # WeChat takes whole seconds; the order expires before the task ends.
        expires_at=min(now_ms + ORDER_MS, task.get("ends_at", now_ms + ORDER_MS)) // 1000 * 1000,
        asked_at=0,
        paid_at=0,
        alarm="",
        no_credit=context.settings.cash_no_credit,
        live=1,  # the insert fails if the task has another such order
        due_at=now_ms + FIRST_ASK_MS,
    )
    return order if await context.books.orders.insert(order) else None


async def _order_at_wechat(context: CashContext, order: Order) -> Order | None:
    try:
        prepay_id = await context.pay.create_order(
            order["_id"],
            order["description"],
            order["amount_fen"],
            order["openid"],
            order["expires_at"],
            no_credit=bool(order.get("no_credit")),
        )
    except PayRefused as refused:
        if refused.code not in ("ORDERPAID", "ORDER_CLOSED"):
            log.warning("WeChat refuses order %s: %s", order["_id"], refused)
            raise WeChatBusy("微信支付现在不收这笔付款，请稍后再试") from None
        await ask_about_order(context, order, close=False)
        return None
    # It can be paid now. A task's `prepaid` is another thing: it was paid while in review.
    made = await context.books.orders.move(order["_id"], prepaid(prepay_id))
    if made is None:  # it was paid meanwhile, or a simultaneous request found it above a limit and closed it
        await ask_about_order(context, order, close=True)
    return made


async def ask_about_order(context: CashContext, order: Order, *, close: bool) -> Order:
    """Ask WeChat about an unpaid order, follow what it says, and return the order as it is afterwards.

    With `close`, or if it has expired, the order is closed unless it is paid. Raises PayUnknown if WeChat
    does not answer, WeChatBusy if it refuses to say, Contradiction.
    """
    number = order["_id"]
    too_late = context.clock.now_ms() > order["expires_at"]
    try:
        answer = await context.pay.query_order(number)
        if not answer.paid and answer.trade_state not in ("CLOSED", "REVOKED") and (close or too_late):
            answer = await _close(context, number)
    except PayRefused as refused:
        if not refused.not_found:
            log.warning("WeChat refuses to tell of order %s: %s", number, refused)
            await context.books.orders.raise_alarm(number, refused.code)
            raise WeChatBusy from None
        # WeChat does not have the order. Until it expires our request may still reach WeChat.
        if too_late:
            await context.books.orders.moves(number, expired())
        return await context.books.orders.get(number)
    if answer.paid:
        if await note_payment(context, answer):
            await follow_payments(context, [await context.books.orders.get(number)])
    elif answer.trade_state in ("CLOSED", "REVOKED"):
        await context.books.orders.moves(number, closed())
    return await context.books.orders.get(number)


async def _close(context: CashContext, number: str) -> OrderAnswer:
    try:
        await context.pay.close_order(number)
    except PayRefused as refused:
        if refused.code not in ("ORDERPAID", "ORDER_CLOSED"):
            raise
    return await context.pay.query_order(number)


async def note_payment(context: CashContext, answer: OrderAnswer) -> bool:
    """Note that WeChat says, in a notice or a reply, that an order is paid; return whether `follow_payments`
    is still to be called for it. Safe to repeat.

    If the process dies before that call, a sweep makes it. Raises Contradiction if we have no such order of
    that amount.
    """
    number = answer.out_trade_no
    now_ms = context.clock.now_ms()
    amount_fen = answer.amount_fen or 0
    payer_fen = answer.amount.payer_total if answer.amount is not None else None
    coupons = [
        Coupon(id=each.coupon_id, fen=each.amount, merchant_fen=each.merchant_contribute)
        for each in answer.promotion_detail or ()
    ]
    move = paid(
        amount_fen,
        answer.transaction_id or "",
        answer.bank_type or "",
        amount_fen if payer_fen is None else payer_fen,
        coupons[:COUPONS_KEPT],
        now_ms,
    )
    if await context.books.orders.moves(number, move):
        return True
    order = await context.books.orders.find(number)
    if order is None or order["amount_fen"] != answer.amount_fen:
        raise Contradiction(f"a payment of {answer.amount_fen} fen for order {number}")
    return order["state"] == "paid"


def is_by_credit(order: Order) -> bool:
    """Whether an order was paid by a credit card, which is not allowed.

    WeChat is asked to take no credit card (`limit_pay`), but its interface does not promise to obey.
    """
    return bool(order.get("no_credit")) and order.get("bank_type", "").upper().endswith("_CREDIT")


def _opened_or_ended(task: Task | None) -> bool:
    """Whether a payment comes too late to open a task; also if there is no such task."""
    return task is None or bool(task["open"] or task["status"])


async def _barred_by_bans(context: CashContext, orders: list[Order]) -> list[str]:
    """Return the codes of unopened tasks whose publisher is banned, unless an operator showed them since.

    A banned person may not publish, and opening counts as publishing. A task in review waits for an operator;
    if the operator shows it all the same, it opens.
    """
    barred: list[str] = []
    people = await context.store.people.find_admissions(sorted({order["publisher"] for order in orders}))
    bans = {person["_id"]: ban_of(person, context.clock.now_ms()) for person in people}
    for order in orders:
        ban = bans.get(order["publisher"])
        task = await context.store.tasks.find(order["code"]) if ban is not None else None
        if ban is None or task is None or task["open"] or task.get("review") in IN_REVIEW:
            continue
        if task.get("shown_at", 0) < ban["at"]:
            barred.append(task["_id"])
    return barred


async def follow_payments(context: CashContext, orders: list[Order]) -> None:
    """Enter the payments of paid orders, and open their tasks. Orders that cannot open a task are refunded.

    The order of a task in review waits until the review is over: it stays `paid`.
    """
    received = [order for order in orders if order["state"] == "paid"]
    if not received:
        return
    # An entry that is there already is not entered again.
    entries = ((order["_id"], order["code"], order["amount_fen"]) for order in received)
    await context.books.ledger.enter_all("paid", entries, context.clock.now_ms())
    barred = await _barred_by_bans(context, received)
    used = list[str]()  # the numbers of the orders that opened their tasks, now or before
    for order in received:
        if await _use_or_refund(context, order, barred=order["code"] in barred):
            used.append(order["_id"])
    if used:
        report_at_ms = context.clock.now_ms() + REPORT_AFTER_MS
        await context.books.orders.move_all({"_id": {"$in": used}}, spent(report_at_ms))


async def _use_or_refund(context: CashContext, order: Order, *, barred: bool) -> bool:
    """Open the task of a paid order that is in the ledger; return True once this order has opened it.

    Otherwise the order is refunded, or waits for the review. An unopened task that was paid by a credit card
    ends, and so does one that a ban keeps from opening (`barred`): lifting the ban must not open a refunded
    task.
    """
    tasks = context.store.tasks
    code = order["code"]
    by_credit = is_by_credit(order)
    if by_credit:  # does nothing if another payment opened the task
        await end_by(context, code, ended("credit", NO_CREDIT, unopened=True).made_by("server"))
    if barred:  # not only if unopened: another payment may have opened it meanwhile
        await end_by(context, code, ended_undug("operator", NOT_BEGUN).made_by("server"))
    opens = opened_by_payment(order["_id"], context.settings.task_days * DAY_MS)
    # A barred task has ended by now, so `opens` does not fit it. Nor does it fit after `by_credit`, which is
    # asked all the same: what a credit card paid opens nothing, whatever the store says of the task.
    if not by_credit and await tasks.moves(code, opens):
        await announce_changed(context, code)
        return True
    task = await tasks.find(code)
    if task is not None and is_taken_down(task) and not _opened_or_ended(task):
        # An operator hid the task before it opened. It ends, so that the refund stays right if it is shown
        # again. A task in review does not end: its payment waits for the review.
        await end_by(context, code, taken_down(NOT_BEGUN))
        task = await tasks.find(code)
    if task is not None and task.get("paid_by") == order["_id"]:
        return True
    if _opened_or_ended(task) or by_credit:
        await owe_refund(context, "whole", order, order["amount_fen"])
        await context.books.orders.moves(order["_id"], unusable())
    elif await context.store.moderation.note_prepaid(code):
        # The task is in review, and its page shows from now on that it is paid.
        await announce_changed(context, code)
    # Otherwise that was noted before; or the review has just ended, or the task was just shown again, and a
    # sweep uses the payment soon.
    return False


async def look_for_payment(context: CashContext, code: str) -> bool:
    """Ask WeChat about an unpaid task's order, at most every 2 s; return True if it is paid.

    Called for a publisher who looks at the task, since WeChat's notice may never come.
    """
    order = await context.books.orders.find_live(code)
    if order is None:
        return False
    if order["state"] == "asked":
        now_ms = context.clock.now_ms()
        if not await context.books.orders.moves(order["_id"], looking(now_ms, LOOK_APART_MS)):
            return False
        try:
            async with asyncio.timeout(LOOK_SECONDS):
                order = await ask_about_order(context, order, close=False)
        except (TimeoutError, PayUnknown, WeChatBusy, Contradiction) as error:
            log.warning("WeChat does not say if order %s is paid: %r", order["_id"], error)
            return False
    else:
        await follow_payments(context, [order])
    return order["state"] in ("paid", "spent")


async def _is_useless(context: CashContext, order: Order) -> bool:
    """Whether a payment would only be refunded, since the task ended, was taken down, or a ban bars it."""
    task = await context.store.tasks.find(order["code"])
    if task is None or _opened_or_ended(task) or is_taken_down(task):
        return True
    return bool(await _barred_by_bans(context, [order]))


async def settle_order(context: CashContext, order: Order) -> None:
    """Bring a due order one step nearer to its end. Raises PayUnknown, WeChatBusy, Contradiction.

    A sweep calls this. An order whose payment would only be refunded is closed. If WeChat does not have it
    yet, closing is tried every minute.
    """
    before = order
    useless = False
    if order["state"] == "asked":
        useless = await _is_useless(context, order)
        order = await ask_about_order(context, order, close=useless)
    if order["state"] == "asked":
        now_ms = context.clock.now_ms()
        # WeChat is asked less often as an order gets older, and once right after it expires.
        rest_ms = FIRST_ASK_MS if useless else max(FIRST_ASK_MS, now_ms - order["created_at"])
        due_at_ms = now_ms + rest_ms
        end_ms = order["expires_at"] + 1000
        again_ms = min(due_at_ms, end_ms) if now_ms < end_ms else due_at_ms
        # Unless something has made the order due earlier since `before` was read.
        await context.books.orders.moves(order["_id"], unpaid(before.get("due_at"), again_ms))
    elif order["state"] == "paid":
        await follow_payments(context, [order])
    else:  # a `spent` order may owe WeChat a report; any other owes nothing, and nothing happens
        await report_delivery(context, order)
