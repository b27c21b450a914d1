"""The lifecycle of an order: what a publisher pays in, to open one red-packet task. Pure.

A paid order is entered in the ledger, and opens its task (`spent`) or is refunded whole (`unusable`). These
steps are done for many orders at a time, so `paid` is a state and not an effect. While its task is in review,
the order stays `paid`. As long as a task has an order with the field `live`, it gets no other order. Once the
task is open, we have to report to WeChat that what was paid for was delivered.
"""

from typing import TypedDict

from server.cash.rules.payment import unanswered_in
from server.errors import AlreadyPaid, Ended, NothingToPay, NotShown, NotYours, Refusal, WrongAmount
from server.game.amounts import FOLLOWED_MS, in_words, total_fen, whole_yuan
from server.game.lifecycle import ABSENT, NOW, PRESENT, Is, Over, Row, Table
from server.game.ranks import RED_PACKET
from server.game.review import is_taken_down
from server.game.task import Task

# The states in which WeChat has received the money.
PAID = "paid spent unusable"

# A `closed` order may still become `paid`.
order = Table("order", first="asked", ends="spent unusable closed", due="asked paid", effects="delivery")


class Coupon(TypedDict):
    """A coupon with which a part of an order was paid: its id at WeChat, its fen, and how many of these the
    merchant bears."""

    id: str
    fen: int
    merchant_fen: int


@order.by("wechat")
def prepaid(prepay_id: str) -> Row:
    """WeChat has accepted the order: its publisher can now pay, by `prepay_id`."""
    return Row("asked", sets={"prepay_id": prepay_id})


@order
def looking(now_ms: int, apart_ms: int) -> Row:
    """The publisher is looking at the order, so WeChat is about to be asked, `apart_ms` or more after last
    time."""
    return Row("asked", where={"asked_at": Is("at most", now_ms - apart_ms)}, sets={"asked_at": now_ms})


@order.by("wechat")
def paid(
    amount_fen: int,
    transaction_id: str,
    bank_type: str,
    payer_fen: int,
    coupons: list[Coupon],
    now_ms: int,
) -> Row:
    """WeChat has the money. This may follow `closed`: then the money has to be used or refunded all the
    same. `payer_fen` of it came from the person, the rest from `coupons`."""
    return Row(
        "asked closed -> paid",
        where={"amount_fen": amount_fen},
        sets={
            "transaction_id": transaction_id,
            "bank_type": bank_type,
            "payer_fen": payer_fen,
            "coupons": coupons,
            "paid_at": now_ms,
            "alarm": "",
            "due_at": now_ms + FOLLOWED_MS,
        },
        drops="unknown_since",
    )


@order.by("server")
def spent(report_at_ms: int) -> Row:
    """The order opened its task, and is in the ledger. WeChat gets the report of its delivery from
    `report_at_ms` on."""
    return Row("paid -> spent", sets={"alarm": "", "due_at": report_at_ms}, owes="delivery")


@order
def unreported(alarm: str, due_at_ms: int) -> Row:
    """WeChat refused the report of the order's delivery, or did not answer: try again."""
    return Row("spent", where={"then": PRESENT}, sets={"alarm": alarm, "due_at": due_at_ms})


@order.by("server")
def reported() -> Row:
    """WeChat has the report of the order's delivery, or needs no report."""
    return Row("spent", sets={"alarm": ""})


@order.by("server")
def unusable() -> Row:
    """The order cannot open its task. It is in the ledger, and its whole refund is saved."""
    return Row("paid -> unusable", sets={"alarm": ""}, drops="due_at live")


@order.by("wechat")
def closed() -> Row:
    """Nobody can pay the order any more: WeChat closed it, or it was withdrawn before it was handed out."""
    return Row("asked -> closed", sets={"alarm": ""}, drops="due_at live unknown_since")


@order.by("time")
def expired() -> Row:
    """The order never reached WeChat, and the time in which it could be paid is over."""
    return Row(
        "asked -> closed",
        when=Over((("expires_at", 0),)),
        sets={"alarm": ""},
        drops="due_at live unknown_since",
    )


@order
def refunding(number: str, now_ms: int, apart_ms: int) -> list[Row]:
    """The refund `number` of this order is about to be sent to WeChat.

    Refunds of one order are sent at least `apart_ms` apart; the same refund may be repeated at once.
    """
    sets = {"refunding": number, "refunding_at": now_ms}
    return [
        Row(PAID, where={"refunding": ABSENT, "refunding_at": ABSENT}, sets=sets),
        Row(PAID, where={"refunding": number}, sets=sets),
        Row(
            PAID,
            where={"refunding": Is("not", number), "refunding_at": Is("at most", now_ms - apart_ms)},
            sets=sets,
        ),
    ]


@order
def wake() -> Row:
    """Something happened that may require closing the order, such as a takedown: WeChat is asked soon."""
    return Row("asked", sets={"due_at": NOW})


@order
def unpaid(read_due_at_ms: int | None, due_at_ms: int) -> Row:
    """WeChat says that the order is not paid. WeChat is asked again at `due_at_ms`.

    `read_due_at_ms` is the `due_at` from before WeChat was asked. If a `wake` has changed it since, the
    wake's time stays.
    """
    return Row(
        "asked",
        where={"due_at": ABSENT if read_due_at_ms is None else read_due_at_ms},
        sets={"due_at": due_at_ms, "alarm": ""},
        drops="unknown_since",
    )


@order
def unanswered(now_ms: int) -> list[Row]:
    """WeChat gives no clear answer about the order."""
    return unanswered_in("asked", now_ms)


def why_not_pay(task: Task, person_id: str, yuan: int, until_ms: int) -> Refusal | None:
    """Return why this person cannot pay `yuan` for a task. The price may be of one prize or of all prizes.

    The order lasts until `until_ms` at least. If the task ended before that, the payment could only be
    refunded.
    """
    if task["publisher"] != person_id:
        return NotYours()
    if task["goods_type"] != RED_PACKET:
        return NothingToPay()
    if task["status"]:
        return Ended()
    if task["open"]:
        return AlreadyPaid()
    if 0 < task.get("ends_at", 0) <= until_ms:
        return Ended("说好的结束时间到了，不能再支付；请重新发布一个")
    owed_fen = total_fen(task)
    if yuan not in (task["money"], whole_yuan(owed_fen)):
        return WrongAmount(f"支付的金额不对，应付 {in_words(owed_fen)}")
    if is_taken_down(task):  # nobody could dig the task
        return NotShown("这个宝贝已经被下架，不能支付；重新显示以后再付")
    return None
