"""The lifecycle of a bill: one attempt to pay a prize out by one of WeChat's transfers. Pure.

The bill's number and exact body are saved before WeChat is called. The winner confirms it in WeChat. A prize
gets a new bill only once this one has failed. A bill has the field `unsendable` once it must not be sent any
more, after the deadline or because its prize is frozen. If such a bill never reached WeChat, it has failed as
well: `give_up`. `remote` is the last state that WeChat named, "" if none.
"""

from typing import Literal

from server.cash.rules.payment import ASK_AGAIN_MS, SLOW_MS, tomorrow_ms, unanswered_in
from server.game.amounts import FOLLOWED_MS
from server.game.lifecycle import ABSENT, NOW, After, Document, Is, Keep, Move, Over, Row, Table
from server.game.prize import freed, given_by_bill

OPEN = "asked waiting"
# `remote` of a bill that was given up.
NEVER_HELD = "NOT_FOUND"
# `fail_reason` of a bill whose winner gets no more from WeChat today.
# https://pay.weixin.qq.com/docs/merchant/apis/mch-trans/transfer-bill/get-transfer-bill-by-out-no.html
DAY_FULL = "DAY_RECEIVED_QUOTA_EXCEED"
# A call to WeChat ends within seconds. A bill that WeChat does not know after this long never reached it.
UNDER_WAY_MS = 600_000
# A winner can confirm a bill for this long after WeChat made it. Then WeChat closes it, and its
# `package_info` no longer works.
# https://pay.weixin.qq.com/doc/v3/merchant/4013778940
CONFIRM_MS = 86_400_000

# WeChat pays a confirmed bill, and cancels one, within this time; what takes longer raises an alarm.
ENDING_MS = 600_000
# WeChat is asked again after this long while a bill waits for the winner, who has 24 hours to confirm.
ASK_WAITING_MS = 600_000
# In the first two states, WeChat goes on only after we send the transfer again, under the same number. In the
# third, only the reply to a transfer has the `package_info` that the winner needs.
_SENT_AGAIN = ("ACCEPTED", "PROCESSING", "WAIT_USER_CONFIRM")

bill = Table("bill", first="asked", ends="given failed", due=OPEN, effects="ledger prize")


@bill.by("server")
def sending() -> Row:
    """The bill is about to be sent to WeChat, for the first time or again."""
    return Row(OPEN, where={"unsendable": ABSENT}, sets={"sent_at": NOW})


@bill
def looking(now_ms: int, apart_ms: int) -> Row:
    """The winner is looking at the bill, so WeChat is about to be asked, `apart_ms` or more after last
    time."""
    return Row(OPEN, where={"asked_at": Is("at most", now_ms - apart_ms)}, sets={"asked_at": now_ms})


@bill.by("server")
def stop_sending() -> Row:
    """The bill is to be cancelled, and its winner cannot confirm it yet."""
    return Row("asked", sets={"unsendable": 1})


@bill.by("time")
def give_up(asked_at_ms: int, fail_reason: str) -> Row:
    """WeChat, asked at `asked_at_ms`, does not know this bill, and never named a state of it before.

    A bill that was sent less than UNDER_WAY_MS before `asked_at_ms` may still arrive, so it is not given up.
    """
    return Row(
        "asked -> failed",
        where={"remote": "", "unsendable": 1, "sent_at": Is("at most", asked_at_ms - UNDER_WAY_MS)},
        when=Over((("sent_at", UNDER_WAY_MS),)),  # `asked_at_ms` is by a process's clock, which may be wrong
        sets={
            "remote": NEVER_HELD,
            "fail_reason": fail_reason,
            "alarm": "",
            "due_at": After(FOLLOWED_MS),
        },
        drops="unknown_since",
        owes="prize",
    )


@bill.by("wechat")
def refused(code: str, now_ms: int) -> Row:
    """WeChat refused a call about the bill with `code`. This code is now its alarm: an operator has to
    look."""
    sets = {"alarm": code, "due_at": now_ms + ASK_AGAIN_MS, "refused_at": Keep(now_ms)}
    return Row(OPEN, sets=sets, drops="unknown_since")


@bill.by("wechat")
def noted(remote: str, remote_since_ms: int, alarm: str, due_at_ms: int) -> Row:
    """WeChat names a state in which the bill has not ended, but the winner cannot confirm it (yet, or any
    more)."""
    sets = {"remote": remote, "remote_since": remote_since_ms, "alarm": alarm, "due_at": due_at_ms}
    return Row(OPEN, sets=sets, drops="unknown_since")


@bill.by("wechat")
def confirmable(package_info: str, made_at_ms: int, due_at_ms: int) -> Row:
    """The winner can confirm the bill, with `package_info`, for CONFIRM_MS after `made_at_ms`."""
    return Row(
        f"{OPEN} -> waiting",
        sets={
            "remote": "WAIT_USER_CONFIRM",
            "package_info": package_info,
            "made_at": Keep(made_at_ms),
            "alarm": "",
            "due_at": due_at_ms,
        },
        drops="unknown_since",
    )


@bill.by("wechat")
def given(now_ms: int) -> Row:
    """The winner has the money."""
    return _end("given", "SUCCESS", "", now_ms, "prize ledger")


@bill.by("wechat")
def failed(remote: str, fail_reason: str, now_ms: int) -> Row:
    """The bill will never be paid: it was cancelled, the winner did not confirm it for a day, or WeChat
    cannot pay the winner."""
    return _end("failed", remote, fail_reason, now_ms, "prize")


@bill.by("operator")
def voided(alarm: str) -> Row:
    """WeChat holds somebody else's transfer under this number, as `alarm` says, and never named a state of
    this one."""
    return Row(
        "asked -> failed",
        where={"alarm": alarm, "remote": ""},
        sets={"fail_reason": alarm, "alarm": "", "due_at": After(FOLLOWED_MS)},
        drops="unknown_since",
        owes="prize",
    )


def _end(state: str, remote: str, fail_reason: str, now_ms: int, owes: str) -> Row:
    return Row(
        f"{OPEN} -> {state}",
        sets={
            "remote": remote,
            "fail_reason": fail_reason,
            "alarm": "",
            "due_at": now_ms + FOLLOWED_MS,
        },
        drops="unknown_since",
        owes=owes,
    )


@bill
def unanswered(now_ms: int) -> list[Row]:
    """WeChat gives no clear answer about the bill."""
    return unanswered_in(OPEN, now_ms)


def meaning(
    known: Document, state: str, package_info: str, fail_reason: str, made_at_ms: int, now_ms: int
) -> Move:
    """Return the move of a bill for which WeChat names this state. What WeChat left out is passed as "" or
    0."""
    match state:
        case "SUCCESS":
            return given(now_ms)
        case "FAIL" | "CANCELLED":
            return failed(state, fail_reason, now_ms)
        case "WAIT_USER_CONFIRM":
            package_info = package_info or known["package_info"]
            return confirmable(package_info, made_at_ms or known["sent_at"], now_ms + ASK_WAITING_MS)
    since_ms = known.get("remote_since", now_ms) if known["remote"] == state else now_ms
    slow = now_ms - known["created_at"] > SLOW_MS
    if state in ("TRANSFERING", "CANCELING"):
        slow = now_ms - since_ms > ENDING_MS
    return noted(state, since_ms, state if slow else "", now_ms + ASK_AGAIN_MS)


def after_query(known: Document, state: str | None) -> Literal["send", "give up", "note"]:
    """Return what to do about an open bill that WeChat says is in this state, or does not know (None)."""
    if state is None and known["remote"]:
        return "note"
    if "unsendable" in known:
        return "give up" if state is None else "note"
    return "send" if state is None or (state in _SENT_AGAIN and not known["package_info"]) else "note"


def is_over(known: Document) -> bool:
    """Whether a bill has ended: it paid, or it never will."""
    return known["state"] in bill.ends


def never_named(known: Document) -> bool:
    """Whether a bill has failed without a word of WeChat's: it was given up, or is void."""
    return known["state"] == "failed" and known["remote"] in ("", NEVER_HELD)


def cancellable(known: Document) -> bool:
    """Whether WeChat can be asked to cancel a bill."""
    return not is_over(known) and known["remote"] not in ("", "CANCELING")


def follows(known: Document, now_ms: int) -> Move:
    """Return the move of the prize that follows from the end of its bill."""
    if known["state"] == "given":
        return given_by_bill(known["attempt"], now_ms)
    if known["remote"] == NEVER_HELD:  # WeChat never said that the bill failed: the prize gets no other bill
        return freed(known["attempt"], "expiring", lost=known["sent_at"] > 0)
    full = known["fail_reason"] == DAY_FULL
    return freed(known["attempt"], "won", lost=False, until_ms=tomorrow_ms(now_ms) if full else 0)
