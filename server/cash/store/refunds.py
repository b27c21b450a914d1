"""What goes back to publishers: `refunds`, by WeChat's out_refund_no. Its lifecycle is `rules/refund.py`."""

from typing import Literal, TypeAlias

from server.cash.rules.refund import RefundKind
from server.cash.rules.refund import refund as lifecycle
from server.cash.store.payments import Payment, Payments
from server.store.documents import index
from server.store.due import DUE_INDEX

RefundState: TypeAlias = Literal["asked", "processing", "refunded", "abnormal", "closed"]
_PREFIXES: dict[RefundKind, str] = {"whole": "W", "unwon": "N", "unclaimed": "C"}


class Refund(Payment):
    """`total_fen` is the amount of the whole order."""

    kind: RefundKind
    out_trade_no: str
    total_fen: int
    state: RefundState


class Refunds(Payments[Refund]):
    """Reads and writes of `refunds`. Its changes are the rows of `rules/refund.py`."""

    NAME = "refunds"
    TABLE = lifecycle
    INDEXES = (
        index("of_task", "code"),
        index("alarm", "alarm", only={"alarm": {"$gt": ""}}),
        DUE_INDEX,
    )


def refund_number(kind: RefundKind, out_trade_no: str) -> str:
    """Return the number of an order's refund of this kind. An order has at most one of each kind."""
    return _PREFIXES[kind] + out_trade_no
