"""What a check found, as a value. The command line and the screen put it into words. Pure."""

from typing import Literal, TypeAlias

import msgspec

# A payment (order, bill or refund) that waits for the operator, though the ledger agrees with it.
# The alarms of an order whose delivery WeChat does not let us report: of this one, or of all.
NOT_REPORTED = "NOT_REPORTED"
SHIPPING_REFUSED = "SHIPPING_REFUSED"
PaymentKind: TypeAlias = Literal["order", "bill", "refund"]
# `invariant`: an invariant is broken. `books` (alarms are stored and sent under this name): the ledger
# contradicts the documents or WeChat.
FindingKind: TypeAlias = Literal["invariant", "books", PaymentKind]

# `SENTENCES` in `operation/findings.py` has a sentence for each of these, with the finding's values in order.
InvariantWhat: TypeAlias = Literal["depth", "wins", "participants", "draw", "seed"]
LedgerWhat: TypeAlias = Literal[
    "ledger", "opened_by", "unpaid", "order_amount", "held", "left", "at_wechat",
    "prize_of_none", "prizes_of", "prizes_sum", "prize_amount", "prize_paid", "prize_out", "prize_mailed",
    "bill_amount", "bill_of_none", "refunded_whole", "refund_amount", "refunds",
]
What: TypeAlias = Literal[InvariantWhat, LedgerWhat, "waits", "overdue", "shipping"]

Value: TypeAlias = str | int | tuple[str | int, ...] | None


class Finding(msgspec.Struct, frozen=True):
    """`code` is the task's, "" if the finding concerns all tasks. A value is None if what it names does not
    exist."""

    kind: FindingKind
    code: str
    what: What
    values: tuple[Value, ...] = ()
