"""The lifecycle of a refund: what goes back to a publisher, under a number of its own. Pure.

A refund is sent again under its number until WeChat has answered once. After that WeChat is asked until it
says how the refund ended. If we see only a later state of WeChat, the states before it are skipped.
"""

from typing import Literal, TypeAlias

from server.cash.rules.payment import ASK_AGAIN_MS, SLOW_MS, unanswered_in
from server.game.amounts import FOLLOWED_MS
from server.game.lifecycle import Document, Move, Row, Table

# - whole: refunds a payment that could not open its task.
# - unwon: refunds the prizes that nobody won, when the task ends.
# - unclaimed: refunds the prizes that nobody claimed, at the deadline. These prizes are then `returned`.
RefundKind: TypeAlias = Literal["whole", "unwon", "unclaimed"]

OPEN = "asked processing abnormal"

# An operator has to finish an ABNORMAL refund by hand, in WeChat Pay's console.
ASK_ABNORMAL_MS = 3_600_000

refund = Table("refund", first="asked", ends="refunded closed", due=OPEN, effects="ledger prizes")


@refund.by("wechat")
def refused(code: str, due_at_ms: int) -> Row:
    """WeChat refuses to make the refund, or to say what became of it; an operator has to look."""
    return Row(OPEN, sets={"alarm": code, "due_at": due_at_ms}, drops="unknown_since")


@refund.by("wechat")
def processing(alarm: str, due_at_ms: int) -> Row:
    """WeChat has accepted the refund. `alarm` is set if it has been processing for too long."""
    return Row(f"{OPEN} -> processing", sets={"alarm": alarm, "due_at": due_at_ms}, drops="unknown_since")


@refund.by("wechat")
def abnormal(due_at_ms: int) -> Row:
    """The publisher's card does not take the refund: an operator has to finish it in WeChat Pay's console."""
    return Row(f"{OPEN} -> abnormal", sets={"alarm": "ABNORMAL", "due_at": due_at_ms}, drops="unknown_since")


@refund.by("wechat")
def refunded(kind: RefundKind, now_ms: int) -> Row:
    """The publisher has the money back."""
    return Row(
        f"{OPEN} -> refunded",
        sets={"alarm": "", "due_at": now_ms + FOLLOWED_MS},
        drops="unknown_since",
        owes="ledger prizes" if kind == "unclaimed" else "ledger",
    )


@refund.by("wechat")
def closed() -> Row:
    """WeChat will never pay it: the operator has to pay the publisher in another way."""
    return Row(f"{OPEN} -> closed", sets={"alarm": "CLOSED"}, drops="unknown_since due_at")


@refund
def unanswered(now_ms: int) -> list[Row]:
    """WeChat gives no clear answer about the refund."""
    return unanswered_in(OPEN, now_ms)


def meaning(known: Document, status: str, now_ms: int) -> Move:
    """Return the move of a refund to which WeChat gives this status."""
    match status:
        case "PROCESSING":
            slow = now_ms - known["created_at"] > SLOW_MS
            return processing("PROCESSING" if slow else "", now_ms + ASK_AGAIN_MS)
        case "ABNORMAL":
            return abnormal(now_ms + ASK_ABNORMAL_MS)
        case "CLOSED":
            return closed()
    return refunded(known["kind"], now_ms)
