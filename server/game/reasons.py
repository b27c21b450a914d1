"""Why somebody may not see, dig, end or claim: each function returns the first reason that applies.
Pure.

A reason is a `Refusal` for the caller to raise, None if the person may do it. Pages, lists and acts ask the
same function.
"""

from typing import NamedTuple

from server.errors import (
    AlreadyWon,
    ClaimOver,
    Ended,
    HasDigs,
    NotPaid,
    NotShown,
    NotYours,
    OwnTask,
    PayoutHeld,
    Refusal,
)
from server.game.amounts import claim_days_of, claim_until_ms
from server.game.lifecycle import Document
from server.game.prize import GIVEN, GONE, is_frozen, is_held
from server.game.review import ReviewShown, review_of


class Standing(NamedTuple):
    """The fields that tell who may dig in a task, and who has to pay for it."""

    publisher: str
    review: ReviewShown
    open: int
    status: int
    prepaid: int


def standing_of(task: Document) -> Standing:
    """Return the standing of a task's record."""
    return Standing(task["publisher"], review_of(task), task["open"], task["status"], task.get("prepaid", 0))


def may_see(review: ReviewShown, *, mine: bool, won: bool) -> bool:
    """Whether a person may see a task. Winners always may: they claim their prizes on its page."""
    return review == "shown" or mine or won


def why_closed(task: Standing, person_id: str) -> Refusal | None:
    """Return why nobody can dig in a task now, apart from cooldowns.

    While the task is not shown, its publisher gets OwnTask; to everybody else the task does not exist.
    """
    if task.review != "shown":
        return OwnTask() if task.publisher == person_id else NotShown()
    if not task.open:
        return NotPaid()
    return Ended() if task.status else None


def why_barred(task: Standing, person_id: str, *, won: bool) -> Refusal | None:
    """Return why this person cannot dig in a task in which others can."""
    if task.publisher == person_id:
        return OwnTask()
    return AlreadyWon() if won else None


def owes(task: Standing, person_id: str) -> bool:
    """Whether this person is the publisher of a task that opens only once it is paid, and has not paid it.

    Goods open at once and cost nothing.
    """
    return task.publisher == person_id and not (task.open or task.prepaid or task.status)


DUG_ALREADY = "已经有人开挖，文字和图片不能再改"


def why_not_end(task: Document, person_id: str) -> Refusal | None:
    """Return why this person cannot end a task: its publisher can if nobody has dug."""
    if task["publisher"] != person_id:
        return NotYours()
    if task["status"]:
        return Ended("这个宝贝已经结束了")
    return HasDigs() if task["now_depth"] else None


def why_not_edit(task: Document, person_id: str) -> Refusal | None:
    """Return why this person cannot change what a task says and shows: its publisher can until somebody
    digs."""
    if task["publisher"] != person_id:
        return NotYours()
    if task["status"]:
        return Ended("这个宝贝已经结束了，不能再改，可以再埋一个")
    if task["now_depth"]:
        return HasDigs(DUG_ALREADY)
    return NotShown("这个宝贝已经被下架，不能修改") if task["hidden"] else None


def why_held(prize: Document) -> Refusal | None:
    """Return why a prize is not given out now: it is held for an operator's decision, or frozen."""
    if is_held(prize):
        return PayoutHeld()
    return why_frozen(prize) if is_frozen(prize) else None


def why_frozen(prize: Document) -> Refusal:
    """Return what the winner of a frozen prize reads."""
    if prize["amount_fen"]:
        return PayoutHeld("这个红包被平台冻结了，暂时不能领取；有疑问请联系客服")
    return PayoutHeld("这个奖品被平台冻结了，暂时不能领取，也不会寄出；有疑问请联系客服")


def is_claim_over(task: Document, prize: Document, claim_days: int, now_ms: int) -> bool:
    """Whether the time to claim a prize is over. It has no end while the task runs."""
    days = claim_days_of(task, claim_days)
    until_ms = claim_until_ms(task["ended_at"], days, prize.get("released_at", 0))
    return bool(until_ms) and now_ms > until_ms


def why_not_claim(task: Document, prize: Document, claim_days: int, now_ms: int) -> Refusal | None:
    """Return why a prize cannot be claimed. If nothing prevents the claim, limits may still put it off."""
    if held := why_held(prize):
        return held
    if "denied" in prize:
        what = "红包" if prize["amount_fen"] else "奖品"
        return ClaimOver(f"这个{what}已由平台退回发布者，有疑问请联系客服")
    over = prize["state"] not in GIVEN and is_claim_over(task, prize, claim_days, now_ms)
    return ClaimOver() if over or prize["state"] in GONE else None
