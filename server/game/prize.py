"""The lifecycle of a prize, from the dig that won it until somebody has it for good. Pure.

- A red packet is claimed by bills, one attempt after the other.
- Goods by mail are given once an address is there, then sent and received. Goods on site are given by a
  pick-up code.
- `held`: a payout limit stopped it until an operator decides. `frozen`: an operator froze it. If a bill is
out, it is cancelled first; meanwhile the prize is `claiming` and `freezing`.
- At the deadline of its task it is `expiring` and, once the publisher has it back, `returned`.

`attempt` counts its claims. An attempt has a bill only once the limits have approved it; `weighed` is then
the number of this attempt. `bill_lost` is there if WeChat never said how the last bill ended: the prize can
then only be returned, since a new bill might pay it twice. `released_alone` is there if an operator released
it individually: no limit holds it again.
"""

from typing import Literal, TypeAlias

from server.game.amounts import RELEASED_MS
from server.game.lifecycle import ABSENT, PRESENT, Document, Is, Keep, Over, Row, Table, Test
from server.game.sealed import Sealed, SealedCode

PrizeState: TypeAlias = Literal[
    "won", "claiming", "given", "sent", "received", "held", "frozen", "expiring", "returned"
]
# The states in which somebody still has to decide or to act: nobody has the prize for good, and it is not on
# its way back.
UNSETTLED: tuple[PrizeState, ...] = ("won", "claiming", "held", "frozen")
# Claimed for good: the winner has the prize, or has said where to send it.
GIVEN: tuple[PrizeState, ...] = ("given", "sent", "received")
# Nobody has claimed the prize for good, and it is not on its way back.
UNCLAIMED: tuple[PrizeState, ...] = ("won", "claiming")
# The prize goes back to its publisher, or went back.
GONE: tuple[PrizeState, ...] = ("expiring", "returned")
# An operator has to decide: a payout limit holds the prize, or it is frozen.
AWAITING_OPERATOR: tuple[PrizeState, ...] = ("held", "frozen")

# Why a payout is held. Limits of sums: from one publisher to one winner (`pair`), to one winner a `day` or a
# `week`. The winner's `risk`. Patterns: `again`, `luck`. A single prize above a limit: what a `publisher`
# pays a day, what their `private` treasures pay, what a `newcomer` gets a day.
Why: TypeAlias = Literal["pair", "day", "week", "risk", "again", "luck", "publisher", "newcomer", "private"]
# Which limit of a day makes a payout wait: what a `publisher` pays, what their `private` treasures pay, what
# one `newcomer` gets, what all `newcomers` get. Or `wechat` refused it for today: WeChat may refuse a prize
# that an operator released individually too, and may pay before that day is over.
Wait: TypeAlias = Literal["publisher", "private", "newcomer", "newcomers", "wechat"]

prize = Table(
    "prize",
    first="won",
    ends="given received returned",
    due="sent freezing",
    effects="ledger freezes message bill",
    owes="ledger freezes message",
    marks="attempt freezing",
)


@prize.by("person")
def claimed(attempt: int, now_ms: int, due_at_ms: int, young: int, private: int) -> Row:
    """The winner of a red packet claims it. It gets its next bill unless a limit stops the payout."""
    return Row(
        "won -> claiming",
        where={"attempt": attempt},
        sets={
            "attempt": attempt + 1,
            "claimed_at": now_ms,
            "due_at": due_at_ms,
            "young": young,
            "private": private,
        },
        owes="bill",
    )


@prize.by("server")
def approved(attempt: int) -> Row:
    """The limits approve this attempt, for good."""
    return Row("claiming", _unweighed(attempt), sets={"weighed": attempt})


def _unweighed(attempt: int) -> dict[str, Test]:
    """Return the tests that this attempt was not approved yet, and that the prize is not being frozen."""
    return {"attempt": attempt, "weighed": Is("not", attempt), "freezing": ABSENT}


@prize.by("limit")
def held(attempt: int, why: Why, now_ms: int) -> Row:
    """A limit stops this attempt, which has no bill yet, until an operator decides."""
    return Row("claiming -> held", _unweighed(attempt), sets={"held_for": why, "withheld_at": now_ms})


@prize.by("limit")
def put_off(attempt: int, why: Wait, until_ms: int) -> Row:
    """This attempt would exceed a limit of a day; its winner may claim again at `until_ms`."""
    return Row("claiming -> won", _unweighed(attempt), sets=_waits(why, until_ms))


def _waits(why: Wait, until_ms: int) -> dict[str, int | str]:
    """Return the fields of a prize that can be claimed only from `until_ms` on. Its deadline moves with that
    time."""
    return {"waits_for": why, "waits_until": until_ms, "released_at": until_ms}


@prize.by("wechat")
def extended(attempt: int, until_ms: int) -> Row:
    """WeChat does not pay this attempt before `until_ms`: the deadline moves as if we had put the attempt
    off."""
    return Row("claiming", where={"attempt": attempt}, sets=_waits("wechat", until_ms))


@prize.by("operator")
def frozen_unweighed(attempt: int) -> Row:
    """The prize is being frozen. This attempt was not approved, so there is no bill to cancel."""
    return Row("claiming -> frozen", {**_unweighed(attempt), "freezing": 1}, drops="freezing")


@prize.by("wechat")
def given_by_bill(attempt: int, now_ms: int) -> Row:
    """This bill paid the prize, perhaps just before the bill was cancelled."""
    return Row(
        "claiming -> given",
        where={"attempt": attempt},
        sets={"given_at": now_ms},
        drops="freezing withheld_at",
    )


@prize.by("wechat")
def freed(attempt: int, to: Literal["won", "expiring"], lost: bool, until_ms: int = 0) -> list[Row]:
    """The bill of this attempt failed. A prize that is being frozen is frozen now; any other prize goes to
    `to`. `lost`: WeChat never said that the bill failed, so a frozen prize can only be returned. If WeChat
    pays the winner nothing before `until_ms`, the deadline moves; 0 for no such time."""
    where = {"attempt": attempt}
    return [
        Row(
            "claiming -> frozen",
            where={**where, "freezing": 1},
            sets={"bill_lost": 1} if lost else {},
            drops="freezing",
        ),
        Row(
            f"claiming -> {to}",
            where={**where, "freezing": ABSENT},
            sets=_waits("wechat", until_ms) if until_ms else {},
            drops="bill_lost" if lost else "",
        ),
    ]


@prize.by("person")
def given_by_mail(address_box: Sealed, phone_hash: str, now_ms: int, claimed_after_ms: int) -> list[Row]:
    """The winner gives the address or, if they claimed the prize later than `claimed_after_ms`, changes
    it."""
    where = {"address_box": address_box, "phone_hash": phone_hash}
    return [
        Row("won -> given", sets={**where, "claimed_at": now_ms, "given_at": now_ms}),
        Row("given", where={"claimed_at": Is("above", claimed_after_ms)}, sets=where),
    ]


@prize.by("publisher")
def sent(
    carrier: str, number: str, beside: str, now_ms: int, due_at_ms: int, sent_after_ms: int
) -> list[Row]:
    """The publisher sent the prize, and it counts as received at `due_at_ms`; or they correct the carrier and
    number of a parcel that they sent later than `sent_after_ms`. `beside` is as in `Prize`."""
    parcel = {"carrier": carrier, "number": number, "beside": beside}
    first = {**parcel, "sent_at": now_ms, "due_at": due_at_ms}
    return [
        Row("given -> sent", where={"address_box": PRESENT}, sets=first),
        Row("sent", where={"sent_at": Is("above", sent_after_ms)}, sets=parcel),
    ]


@prize.by("person")
def received(now_ms: int) -> Row:
    """The prize arrived."""
    return Row("sent -> received", sets={"received_at": now_ms}, drops="due_at")


@prize.by("person")
def awaits_pickup(pickup: SealedCode, now_ms: int) -> Row:
    """The winner has a pick-up code, unique within its task."""
    return Row("won -> claiming", sets={"pickup": pickup, "claimed_at": now_ms})


@prize.by("publisher")
def handed_over(now_ms: int) -> Row:
    """The publisher handed the prize over to the winner, who gave its pick-up code."""
    return Row("claiming -> given", where={"pickup": PRESENT}, sets={"given_at": now_ms})


@prize.by("time")
def expired(deadline_ms: int) -> list[Row]:
    """Nobody claimed the prize before the deadline. A claim with a bill goes on, and a held prize stays
    held."""
    over = Over(((deadline_ms, 0), ("released_at", RELEASED_MS)))
    return [
        Row("won -> expiring", when=over),
        Row("claiming -> expiring", where={"pickup": PRESENT}, when=over),
    ]


@prize.by("server")
def returned() -> Row:
    """The publisher has the prize back: the refund of all that nobody claimed has arrived."""
    return Row("expiring -> returned")


@prize.by("operator")
def frozen(now_ms: int) -> list[Row]:
    """An operator freezes a prize that is not given out yet (goods by mail are given out when they are sent).

    All rows are one update: between two updates, a failing bill could change the state so that neither
    matches.
    """
    kept = {"withheld_at": Keep(now_ms)}
    return [
        Row(
            "claiming",
            where={"amount_fen": Is("above", 0), "freezing": ABSENT},
            sets={**kept, "freezing": 1, "due_at": now_ms},
        ),
        Row("claiming -> frozen", where={"amount_fen": Is("at most", 0), "freezing": ABSENT}, sets=kept),
        Row("won held -> frozen", where={"freezing": ABSENT}, sets=kept),
        Row("given -> frozen", where={"address_box": PRESENT, "freezing": ABSENT}, sets=kept),
    ]


@prize.by("operator")
def released(now_ms: int) -> list[Row]:
    """The operator ends the prize's freeze. If a payout limit held the prize before, it is `held` again."""
    free: dict[str, Test] = {"bill_lost": ABSENT, "held_for": ABSENT}
    return [
        Row(
            "frozen -> held",
            where={"bill_lost": ABSENT, "held_for": PRESENT},
            sets={"released_at": now_ms},
        ),
        *(
            Row(f"frozen -> {state}", {**free, **was}, sets={"released_at": now_ms}, drops="withheld_at")
            for state, was in _BEFORE.items()
        ),
    ]


@prize.by("operator")
def released_alone(now_ms: int) -> list[Row]:
    """The operator releases this prize individually: it can be claimed, and is not checked against limits
    again."""
    return [
        Row(
            f"held frozen -> {state}",
            where={"bill_lost": ABSENT, **was},
            sets={"released_at": now_ms, "released_alone": 1},
            drops="withheld_at held_for freezing",
        )
        for state, was in _BEFORE.items()
    ]


@prize.by("operator")
def denied() -> list[Row]:
    """The operator returns the prize to the publisher: goods at once, a red packet later with all that is
    unclaimed.

    The address of goods is deleted.
    """
    leaves = "address_box withheld_at held_for freezing"
    return [
        Row(
            "held frozen -> expiring",
            where={"amount_fen": Is("above", 0)},
            sets={"denied": 1},
            drops=f"{leaves} address_deleted",
        ),
        Row(
            "held frozen -> returned",
            where={"amount_fen": Is("at most", 0), "given_at": Is("above", 0)},
            sets={"denied": 1, "address_deleted": 1},
            drops=leaves,
        ),
        Row(
            "held frozen -> returned",
            where={"amount_fen": Is("at most", 0), "given_at": Is("at most", 0)},
            sets={"denied": 1},
            drops=f"{leaves} address_deleted",
        ),
    ]


# How to tell in which state a frozen prize was before its freeze. Goods with an address were `given`, goods
# with a pick-up code `claiming`, and other prizes `won`.
_BEFORE: dict[str, dict[str, Test]] = {
    "given": {"given_at": Is("above", 0)},
    "claiming": {"given_at": Is("at most", 0), "pickup": PRESENT},
    "won": {"given_at": Is("at most", 0), "pickup": ABSENT},
}


def claim_from_ms(known: Document, now_ms: int) -> int:
    """Return when a prize that a limit put off can be claimed, in unix ms; 0 if it does not wait.

    A prize that an operator released individually waits for WeChat only.
    """
    waits = "released_alone" not in known or known.get("waits_for") == "wechat"
    waits_until_ms: int = known.get("waits_until", 0) if known["state"] == "won" and waits else 0
    return waits_until_ms if waits_until_ms > now_ms else 0


def is_claiming(known: Document) -> bool:
    """Whether a bill or a pick-up code may be out for a prize."""
    return bool(known["state"] == "claiming")


def is_held(known: Document) -> bool:
    """Whether a payout limit holds a prize until an operator decides."""
    return bool(known["state"] == "held")


def is_frozen(known: Document) -> bool:
    """Whether a prize is frozen, or will be once its bill is cancelled."""
    return known["state"] == "frozen" or (is_claiming(known) and "freezing" in known)
