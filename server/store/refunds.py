"""What goes back to publishers: `refunds`, by WeChat's out_refund_no. One document, one state.

asked → processing → refunded | closed · processing → abnormal → refunded | closed.
A step that WeChat does not tell of is skipped.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal, NotRequired, TypeAlias, TypedDict

from pymongo import IndexModel

from server.store.due import DUE_INDEX, FOLLOWED_MS
from server.store.payments import CLEAR_UNKNOWN, Payments

_Document = dict[str, Any]

RefundState: TypeAlias = Literal["asked", "processing", "refunded", "abnormal", "closed"]
# - whole: of a payment that could not open its task.
# - unwon: of prizes that nobody won, at the end.
# - unclaimed: of prizes that nobody claimed, at the deadline.
RefundKind: TypeAlias = Literal["whole", "unwon", "unclaimed"]
_PREFIXES: dict[RefundKind, str] = {"whole": "W", "unwon": "N", "unclaimed": "C"}
_OPEN = ["asked", "processing", "abnormal"]


class Refund(TypedDict):
    """`total_fen` is the whole order's. Times are unix milliseconds.

    `alarm` says why the operator has to look at it, "" for nothing; `unknown_since` is there while WeChat
    does not answer.
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


class Refunds(Payments[Refund]):
    """Reads and writes of `refunds`. Each change is one update, conditional on the state before it."""

    NAME = "refunds"
    INDEXES: ClassVar[list[IndexModel]] = [
        IndexModel([("code", 1)], name="of_task"),
        IndexModel([("alarm", 1)], name="alarm", partialFilterExpression={"alarm": {"$gt": ""}}),
        DUE_INDEX,
    ]

    async def note(
        self,
        out_refund_no: str,
        state: Literal["processing", "abnormal"] | None,
        alarm: str,
        due_at_ms: int,
    ) -> None:
        """Note what WeChat said of a refund that is not final. `state` is None if that tells no state."""
        await self.collection.update_one(
            {"_id": out_refund_no, "state": {"$in": _OPEN}},
            {
                "$set": {"alarm": alarm, "due_at": due_at_ms, **({"state": state} if state else {})},
                "$unset": CLEAR_UNKNOWN,
            },
        )

    async def mark_final(
        self, out_refund_no: str, state: Literal["refunded", "closed"], alarm: str, now_ms: int
    ) -> Refund | None:
        """Note how a refund ended; it stays due until the books follow. None if that is known already."""
        return await self.find_one_and_update(
            {"_id": out_refund_no, "state": {"$in": _OPEN}},
            {
                "$set": {"state": state, "alarm": alarm, "ended_at": now_ms, "due_at": now_ms + FOLLOWED_MS},
                "$unset": CLEAR_UNKNOWN,
            },
            return_document=True,
        )


def refund_number(kind: RefundKind, out_trade_no: str) -> str:
    """Return the number of an order's refund of this kind. An order has at most one of each kind."""
    return _PREFIXES[kind] + out_trade_no
