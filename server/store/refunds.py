"""What goes back to publishers: `refunds`, by WeChat's out_refund_no. One document, one state.

asked → processing → refunded | closed · processing → abnormal → refunded | closed.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any, ClassVar, Literal, NotRequired, TypeAlias, TypedDict

from motor.motor_asyncio import AsyncIOMotorDatabase
from pymongo import IndexModel
from pymongo.errors import DuplicateKeyError

from server.store.due import (
    DUE_INDEX,
    FOLLOWED_MS,
    KNOWN,
    claim_due,
    count_alarms,
    finish,
    note_unknown,
    raise_alarm,
)

_Document = dict[str, Any]

RefundState: TypeAlias = Literal["asked", "processing", "refunded", "abnormal", "closed"]
# whole: a payment that could not open its task. unwon: the prizes nobody won, at the end. unclaimed: the
# prizes nobody claimed, at the deadline.
RefundKind: TypeAlias = Literal["whole", "unwon", "unclaimed"]
_PREFIXES: dict[RefundKind, str] = {"whole": "W", "unwon": "N", "unclaimed": "C"}
_OPEN = ["asked", "processing", "abnormal"]


class Refund(TypedDict):
    """`total_fen` is the whole order's. Times are unix milliseconds.

    `alarm` says what the operator has to do something about; `unknown_since` is there while WeChat does not
    answer.
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


class Refunds:
    """Reads and writes of `refunds`. Each change is one update, conditional on the state before it."""

    INDEXES: ClassVar[list[IndexModel]] = [
        IndexModel([("code", 1)], name="of_task"),
        IndexModel([("alarm", 1)], name="alarm", partialFilterExpression={"alarm": {"$gt": ""}}),
        DUE_INDEX,
    ]

    def __init__(self, database: AsyncIOMotorDatabase[_Document]) -> None:
        self.collection = database["refunds"]

    async def insert(self, refund: Refund) -> None:
        """Save a refund that is to be sent; saving it again changes nothing."""
        try:
            await self.collection.insert_one(dict(refund))
        except DuplicateKeyError:
            return  # its number follows from the order and the kind: the first one's amount holds

    async def find(self, out_refund_no: str) -> Refund | None:
        """Return a refund."""
        found: Refund | None = await self.collection.find_one({"_id": out_refund_no})  # type: ignore[assignment]
        return found

    async def of_task(self, code: str) -> list[Refund]:
        """Return all refunds of a task."""
        return await self.collection.find({"code": code}).to_list(None)  # type: ignore[return-value]

    async def note(
        self,
        out_refund_no: str,
        state: Literal["processing", "abnormal"] | None,
        alarm: str,
        due_at_ms: int,
    ) -> None:
        """Note what WeChat said of a refund that is not final; None where that tells no state."""
        await self.collection.update_one(
            {"_id": out_refund_no, "state": {"$in": _OPEN}},
            {
                "$set": {"alarm": alarm, "due_at": due_at_ms, **({"state": state} if state else {})},
                "$unset": KNOWN,
            },
        )

    async def mark_final(
        self, out_refund_no: str, state: Literal["refunded", "closed"], alarm: str, now_ms: int
    ) -> Refund | None:
        """Note how a refund ended; it stays due until the books follow. None where that is known already."""
        found: Refund | None = await self.collection.find_one_and_update(  # type: ignore[assignment]
            {"_id": out_refund_no, "state": {"$in": _OPEN}},
            {
                "$set": {"state": state, "alarm": alarm, "ended_at": now_ms, "due_at": now_ms + FOLLOWED_MS},
                "$unset": KNOWN,
            },
            return_document=True,
        )
        return found

    async def raise_alarm(self, number: str, alarm: str) -> None:
        """Note why the operator has to look at a refund, whatever its state."""
        await raise_alarm(self.collection, number, alarm)

    async def note_unknown(self, refund: Refund, now_ms: int) -> None:
        """Note that WeChat does not say what became of a refund."""
        await note_unknown(self.collection, refund["_id"], refund["state"], now_ms)

    async def finish(self, refund: Refund) -> None:
        """Nothing is left to do about a refund in this state."""
        await finish(self.collection, refund["_id"], refund["state"])

    async def alarms(self) -> dict[str, int]:
        """Return how many need the operator, by why."""
        return await count_alarms(self.collection)

    def claim_due(self, now_ms: Callable[[], int]) -> AsyncIterator[Refund]:
        """Yield refunds that are due, each claimed."""
        return claim_due(self.collection, now_ms)  # type: ignore[return-value]


def refund_number(kind: RefundKind, out_trade_no: str) -> str:
    """Return the number of an order's refund of this kind: there is one of each, whoever makes it."""
    return _PREFIXES[kind] + out_trade_no
