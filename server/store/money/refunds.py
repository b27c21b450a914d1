"""What goes back to publishers: `refunds`, by WeChat's out_refund_no. Its lifecycle is `game/refund.py`."""

from __future__ import annotations

from typing import Literal, NotRequired, TypeAlias, TypedDict

from server.game.refund import RefundKind
from server.game.refund import refund as lifecycle
from server.store.documents import index
from server.store.due import DUE_INDEX
from server.store.money.payments import Payments

RefundState: TypeAlias = Literal["asked", "processing", "refunded", "abnormal", "closed"]
_PREFIXES: dict[RefundKind, str] = {"whole": "W", "unwon": "N", "unclaimed": "C"}


class Refund(TypedDict):
    """`total_fen` is the whole order's. Times are unix milliseconds.

    `alarm` says why the operator has to look at it, "" if they need not; `unknown_since` is there while
    WeChat does not answer.
    """

    _id: str
    kind: RefundKind
    code: str
    out_trade_no: str
    amount_fen: int
    total_fen: int
    state: RefundState
    alarm: str
    created_at: int
    ended_at: int
    unknown_since: NotRequired[int]
    due_at: NotRequired[int]
    then: NotRequired[dict[str, int]]


class Refunds(Payments[Refund]):
    """Reads and writes of `refunds`. Its changes are the rows of `game/refund.py`."""

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
