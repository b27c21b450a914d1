"""What a check found wrong, as a value; the command line and the screen word it. Pure."""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

# Payments in, to winners and back. One that is found agrees with everything, and still needs the operator.
PaymentKind: TypeAlias = Literal["order", "bill", "refund"]
# A `statement` or the `books` contradict themselves.
FindingKind: TypeAlias = Literal["statement", "books", PaymentKind]

# What each says, and its values in order: see `SENTENCES` in `operation/findings.py`.
StatementWhat: TypeAlias = Literal[
    "depth",
    "wins",
    "participants",
    "depths",
    "cooldown",
    "winning_depths",
    "winners",
    "place",
    "participants_at",
]
BooksWhat: TypeAlias = Literal[
    "ledger",
    "opened_by",
    "unpaid",
    "order_amount",
    "prize_of_none",
    "prizes_of",
    "prize_amount",
    "prize_paid",
    "prize_out",
    "bill_amount",
    "bill_of_none",
    "refunded_whole",
    "refund_amount",
    "refunds",
    "held",
    "left",
    "at_wechat",
]
What: TypeAlias = Literal[StatementWhat, BooksWhat, "waits"]

Value: TypeAlias = str | int | tuple[str | int, ...] | None


class Finding(msgspec.Struct, frozen=True):
    """`code` is the task's. A value is None where there is none of what it would name."""

    kind: FindingKind
    code: str
    what: What
    values: tuple[Value, ...] = ()
