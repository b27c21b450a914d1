"""The lifecycle of a bill: one attempt to pay a prize out by one of WeChat's transfers. Pure.

Its number and exact body are saved before WeChat is called. The winner confirms it in WeChat. A prize gets
a new bill only once this one has failed. `unsendable` is there once it must not be sent any more, after the
deadline or because its prize is frozen; then it fails too if WeChat never got it: `give_up`.
"""

from __future__ import annotations

from server.game.amounts import FOLLOWED_MS, UNKNOWN, UNKNOWN_MS
from server.game.lifecycle import ABSENT, NOW, After, AtMost, Over, Row, Table, Test

OPEN = "asked waiting"
# `remote` of a bill that was given up.
NEVER_HELD = "NOT_FOUND"
# A call to WeChat ends within seconds. A bill that WeChat does not know after this long never reached it.
UNDER_WAY_MS = 600_000
# So long a winner can confirm it. Then WeChat closes it, and its `package_info` opens nothing any more.
# https://pay.weixin.qq.com/doc/v3/merchant/4013778940
CONFIRM_MS = 86_400_000

bill = Table("bill", first="asked", ends="given failed", due=OPEN, effects="ledger prize")


@bill
def sending() -> Row:
    """It is about to be sent to WeChat, for the first time or again."""
    return Row(OPEN, where={"unsendable": ABSENT}, sets={"sent_at": NOW})


@bill
def asking(now_ms: int, apart_ms: int) -> list[Row]:
    """WeChat is about to be asked for its winner, `apart_ms` after the last time."""
    return [
        Row(OPEN, where={"asked_at": ABSENT}, sets={"asked_at": now_ms}),
        Row(OPEN, where={"asked_at": AtMost(now_ms - apart_ms)}, sets={"asked_at": now_ms}),
    ]


@bill
def stop_sending() -> Row:
    """It is to be cancelled, and its winner cannot confirm it yet."""
    return Row("asked", sets={"unsendable": 1})


@bill
def give_up(asked_at_ms: int, fail_reason: str) -> Row:
    """WeChat said, to a question put at that time, that it knows no such bill, and never named one before.

    If it was sent shortly before the question, it may still have been under way.
    """
    return Row(
        "asked -> failed",
        where={"remote": "", "unsendable": 1, "sent_at": AtMost(asked_at_ms - UNDER_WAY_MS)},
        when=Over((("sent_at", UNDER_WAY_MS),)),  # the question's time is what a process thinks it was
        sets={
            "remote": NEVER_HELD,
            "fail_reason": fail_reason,
            "alarm": "",
            "ended_at": NOW,
            "due_at": After(FOLLOWED_MS),
        },
        drops="unknown_since",
        owes="prize",
    )


@bill
def refused(code: str, due_at_ms: int) -> Row:
    """WeChat refuses something about it; an operator has to look."""
    return Row(OPEN, sets={"alarm": code, "due_at": due_at_ms}, drops="unknown_since")


@bill
def noted(remote: str, alarm: str, due_at_ms: int) -> Row:
    """WeChat names a state in which nobody can confirm it yet, or any more."""
    return Row(OPEN, sets={"remote": remote, "alarm": alarm, "due_at": due_at_ms}, drops="unknown_since")


@bill
def confirmable(package_info: str, due_at_ms: int) -> Row:
    """Its winner can confirm it, by `package_info`."""
    return Row(
        f"{OPEN} -> waiting",
        sets={
            "remote": "WAIT_USER_CONFIRM",
            "package_info": package_info,
            "alarm": "",
            "due_at": due_at_ms,
        },
        drops="unknown_since",
    )


@bill
def given(amount_fen: int | None, now_ms: int) -> Row:
    """Its winner has the money. An amount that WeChat names must be the bill's."""
    return _end("given", amount_fen, "SUCCESS", "", now_ms, "prize ledger")


@bill
def failed(amount_fen: int | None, remote: str, fail_reason: str, now_ms: int) -> Row:
    """It will never be paid: it was cancelled, not confirmed for a day, or WeChat cannot pay its winner."""
    return _end("failed", amount_fen, remote, fail_reason, now_ms, "prize")


def _end(state: str, amount_fen: int | None, remote: str, fail_reason: str, now_ms: int, owes: str) -> Row:
    of_amount: dict[str, Test] = {} if amount_fen is None else {"amount_fen": amount_fen}
    return Row(
        f"{OPEN} -> {state}",
        where=of_amount,
        sets={
            "remote": remote,
            "fail_reason": fail_reason,
            "alarm": "",
            "ended_at": now_ms,
            "due_at": now_ms + FOLLOWED_MS,
        },
        drops="unknown_since",
        owes=owes,
    )


@bill
def unanswered(now_ms: int) -> list[Row]:
    """WeChat does not say what became of it; an operator has to look after an hour of that."""
    return [
        Row(OPEN, where={"unknown_since": ABSENT}, sets={"unknown_since": now_ms}),
        Row(OPEN, where={"unknown_since": AtMost(now_ms - UNKNOWN_MS)}, sets={"alarm": UNKNOWN}),
    ]
