"""What winners are paid by: `bills`, WeChat's transfers, by out_bill_no. One document, one state.

asked → waiting (for the winner to confirm) → given | failed · asked → given | failed.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any, ClassVar, Literal, NotRequired, TypeAlias, TypedDict

from motor.motor_asyncio import AsyncIOMotorDatabase
from pymongo import IndexModel
from pymongo.errors import DuplicateKeyError

from server.store.due import DUE_INDEX, FOLLOWED_MS, claim_due, count_alarms, finish

_Document = dict[str, Any]

BillState: TypeAlias = Literal["asked", "waiting", "given", "failed"]


class Bill(TypedDict):
    """`body` is what WeChat is sent, byte for byte, each time. Times are unix milliseconds.

    `package_info` is "" until WeChat gave it. `alarm` says what the operator has to do something about.
    """

    _id: str
    code: str
    prize: str
    attempt: int
    unionid: str
    amount_fen: int
    body: bytes
    state: BillState
    package_info: str
    remote: str
    fail_reason: str
    alarm: str
    created_at: int
    ended_at: int
    due_at: NotRequired[int]


class Bills:
    """Reads and writes of `bills`. Each change is one update, conditional on the state before it."""

    INDEXES: ClassVar[list[IndexModel]] = [
        IndexModel([("prize", 1)], name="of_prize"),
        IndexModel([("code", 1)], name="of_task"),
        IndexModel([("alarm", 1)], name="alarm", partialFilterExpression={"alarm": {"$gt": ""}}),
        DUE_INDEX,
    ]

    def __init__(self, database: AsyncIOMotorDatabase[_Document]) -> None:
        self.collection = database["bills"]

    async def insert(self, bill: Bill) -> bool:
        """Save a new bill; return False where it is there already, perhaps with another body."""
        try:
            await self.collection.insert_one(dict(bill))
        except DuplicateKeyError:
            return False
        return True

    async def find(self, out_bill_no: str) -> Bill | None:
        """Return a bill."""
        found: Bill | None = await self.collection.find_one({"_id": out_bill_no})  # type: ignore[assignment]
        return found

    async def of_task(self, code: str) -> list[Bill]:
        """Return all bills of a task."""
        return await self.collection.find({"code": code}).to_list(None)  # type: ignore[return-value]

    async def note(self, out_bill_no: str, remote: str, alarm: str, due_at_ms: int) -> Bill | None:
        """Note what WeChat said of a bill that is not final; None where it is."""
        return await self._change(
            {"_id": out_bill_no, "state": {"$in": ["asked", "waiting"]}},
            {"remote": remote, "alarm": alarm, "due_at": due_at_ms},
        )

    async def mark_waiting(self, out_bill_no: str, package_info: str, due_at_ms: int) -> Bill | None:
        """Note that the winner can confirm; None where the bill is final."""
        return await self._change(
            {"_id": out_bill_no, "state": {"$in": ["asked", "waiting"]}},
            {
                "state": "waiting",
                "remote": "WAIT_USER_CONFIRM",
                "package_info": package_info,
                "alarm": "",
                "due_at": due_at_ms,
            },
        )

    async def mark_final(
        self,
        out_bill_no: str,
        amount_fen: int | None,
        state: Literal["given", "failed"],
        remote: str,
        fail_reason: str,
        now_ms: int,
    ) -> Bill | None:
        """Note how a bill (of that amount, where it is told) ended; it stays due until the prize follows.

        None where that is known already or there is no such bill.
        """
        of_amount = {} if amount_fen is None else {"amount_fen": amount_fen}
        return await self._change(
            {"_id": out_bill_no, "state": {"$in": ["asked", "waiting"]}, **of_amount},
            {
                "state": state,
                "remote": remote,
                "fail_reason": fail_reason,
                "alarm": "",
                "ended_at": now_ms,
                "due_at": now_ms + FOLLOWED_MS,
            },
        )

    async def finish(self, bill: Bill) -> None:
        """Nothing is left to do about a bill in this state."""
        await finish(self.collection, bill["_id"], bill["state"])

    async def alarms(self) -> dict[str, int]:
        """Return how many need the operator, by why."""
        return await count_alarms(self.collection)

    def claim_due(self, now_ms: Callable[[], int]) -> AsyncIterator[Bill]:
        """Yield bills that are due, each claimed."""
        return claim_due(self.collection, now_ms)  # type: ignore[return-value]

    async def _change(self, condition: _Document, changes: _Document) -> Bill | None:
        found: Bill | None = await self.collection.find_one_and_update(  # type: ignore[assignment]
            condition, {"$set": changes}, return_document=True
        )
        return found
