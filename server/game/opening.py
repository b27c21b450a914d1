"""How a task opens and how it ends without a dig: two lifecycles, each with a state field of its own. Pure.

They are independent of the task's review, and of whether it is hidden. A task that ended stays due until its
prizes and its money are settled.
"""

from typing import Any

from server.game.dig import EndReason
from server.game.lifecycle import ABSENT, NOW, After, Is, Over, Row, Table, Test
from server.game.ranks import GOODS
from server.game.review import IN_REVIEW

opening = Table(
    "opening", first="unopened", ends="open", due="open", field="open", values={"unopened": 0, "open": 1}
)
ending = Table(
    "ending", first="running", ends="over", due="over", field="status", values={"running": 0, "over": 1}
)

_REVIEWED = Is("not among", IN_REVIEW)
_SHOWN = {"review": "shown", "shown_at": NOW}


def _in_review(edited: int) -> dict[str, Test]:
    """Return the tests that a task is in review after `edited` edits: the review of an earlier edit does not
    count."""
    return {"review": Is("among", IN_REVIEW), "edited": edited or ABSENT}


def _open(lasts_ms: int) -> dict[str, Any]:
    expires_at = After(lasts_ms, since="starts_at", until="ends_at")
    return {"opened_at": After(0, since="starts_at"), "expires_at": expires_at, "due_at": expires_at}


@opening.by("publisher")
def opened_by_payment(out_trade_no: str, lasts_ms: int) -> Row:
    """This order paid for the task. It does not open while it is in review or after it was taken down."""
    where: dict[str, Test] = {"status": 0, "review": _REVIEWED, "hidden": 0}
    return Row("unopened -> open", where=where, sets={"paid_by": out_trade_no, **_open(lasts_ms)})


@opening.by("server")
def opened_by_review(lasts_ms: int, edited: int = 0) -> Row:
    """Everybody may see these goods from now on."""
    where = {**_in_review(edited), "status": 0, "goods_type": GOODS}
    return Row("unopened -> open", where=where, sets={**_SHOWN, **_open(lasts_ms)}, drops="review_note")


@opening.by("server")
def shown(edited: int = 0) -> list[Row]:
    """Everybody may see the task from now on. A red packet is due now, since it may be paid already."""
    in_review = _in_review(edited)
    unpaid = {**in_review, "status": 0, "goods_type": Is("not", GOODS)}
    return [
        Row("unopened", where=unpaid, sets={**_SHOWN, "due_at": NOW}, drops="review_note"),
        Row("unopened", where={**in_review, "status": 1}, sets=_SHOWN, drops="review_note"),
        Row("open", where=in_review, sets=_SHOWN, drops="review_note"),
    ]


def _over(reason: EndReason, note: str) -> dict[str, Any]:
    said = {"end_note": note} if note else {}
    return {"end_reason": reason, **said, "ended_at": NOW, "due_at": NOW}


@ending.by("operator")
def ended(reason: EndReason, note: str, unopened: bool) -> Row:
    """Somebody ends the task; with `unopened`, only if it never opened."""
    return Row("running -> over", where={"open": 0} if unopened else {}, sets=_over(reason, note))


@ending.by("publisher")
def ended_undug(reason: EndReason, note: str) -> Row:
    """Somebody ends a task that nobody has dug."""
    return Row("running -> over", where={"now_depth": 0}, sets=_over(reason, note))


@ending.by("time")
def expired() -> Row:
    """The task's time is over. While reports hide the task, it stands still."""
    still = {"reported": ABSENT}
    return Row("running -> over", where=still, when=Over((("expires_at", -1),)), sets=_over("expired", ""))


@ending.by("server")
def taken_down(note: str) -> Row:
    """An operator hid the task before it opened, so it ends. A task in review does not end."""
    where: dict[str, Test] = {"open": 0, "hidden": 1, "reported": ABSENT, "review": _REVIEWED}
    return Row("running -> over", where=where, sets=_over("operator", note))


@ending.by("server")
def refused(note: str, edited: int = 0) -> list[Row]:
    """An operator or WeChat's check refused the task: it ends, and only its publisher may see it from now
    on."""
    said = {"review": "refused", "review_note": note, "hidden": 1}
    return [
        Row("running -> over", where=_in_review(edited), sets={**said, **_over("refused", note)}),
        Row("over", where=_in_review(edited), sets=said),
    ]
