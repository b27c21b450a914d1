"""`bills`, by out_bill_no: each pays a prize by one transfer of WeChat's. One document, one state.

asked → waiting (for the winner to confirm) → given | failed · asked → given | failed.
Also failed is a bill that WeChat never held and that is not sent any more: `give_up`.
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

BillState: TypeAlias = Literal["asked", "waiting", "given", "failed"]
_OPEN = ["asked", "waiting"]
# `remote` of a bill that was given up.
NEVER_HELD = "NOT_FOUND"


class Bill(TypedDict):
    """`body` is what WeChat is sent, byte for byte, each time. Times are unix milliseconds.

    `package_info` is "" until WeChat gave it. `remote` is the state that WeChat named last, "" until it named
    any: until then WeChat may hold no such bill. `sent_at` is when it was sent last, 0 for never; with
    `unsendable` it is sent no more. `alarm` says what the operator has to do something about; `unknown_since`
    is there while WeChat does not answer.
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
    sent_at: int
    unsendable: NotRequired[int]
    unknown_since: NotRequired[int]
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

    async def begin_sending(self, out_bill_no: str, now_ms: int) -> Bill | None:
        """Note that a bill is about to be sent; None where it is final or must be sent no more."""
        found: Bill | None = await self.collection.find_one_and_update(  # type: ignore[assignment]
            {"_id": out_bill_no, "state": {"$in": _OPEN}, "unsendable": {"$exists": False}},
            {"$set": {"sent_at": now_ms}},
            return_document=True,
        )
        return found

    async def stop_sending(self, out_bill_no: str) -> Bill | None:
        """Let nobody send a bill any more that its winner cannot confirm yet; None where there is no such."""
        found: Bill | None = await self.collection.find_one_and_update(  # type: ignore[assignment]
            {"_id": out_bill_no, "state": "asked"},
            {"$set": {"unsendable": 1}},
            return_document=True,
        )
        return found

    async def give_up(self, bill: Bill, sent_before_ms: int, now_ms: int) -> Bill | None:
        """Note that a bill ended without ever having been WeChat's, which has just said so.

        None where that cannot be said: WeChat did name a state of it, it may still be sent, or was sent after
        `sent_before_ms`, so that it may be under way.
        """
        return await self._change(
            {
                "_id": bill["_id"],
                "state": "asked",
                "remote": "",
                "unsendable": 1,
                "sent_at": {"$not": {"$gt": sent_before_ms}},
            },
            {
                "state": "failed",
                "remote": NEVER_HELD,
                "fail_reason": bill["alarm"],
                "alarm": "",
                "ended_at": now_ms,
                "due_at": now_ms + FOLLOWED_MS,
            },
        )

    async def note_alarm(self, out_bill_no: str, alarm: str, due_at_ms: int) -> Bill | None:
        """Note that WeChat refuses something about a bill that is not final; None where it is."""
        return await self._change(
            {"_id": out_bill_no, "state": {"$in": _OPEN}}, {"alarm": alarm, "due_at": due_at_ms}
        )

    async def raise_alarm(self, number: str, alarm: str) -> None:
        """Note why the operator has to look at a bill, whatever its state."""
        await raise_alarm(self.collection, number, alarm)

    async def note_unknown(self, bill: Bill, now_ms: int) -> None:
        """Note that WeChat does not say what became of a bill."""
        await note_unknown(self.collection, bill["_id"], bill["state"], now_ms)

    async def note(self, out_bill_no: str, remote: str, alarm: str, due_at_ms: int) -> Bill | None:
        """Note what WeChat said of a bill that is not final; None where it is."""
        return await self._change(
            {"_id": out_bill_no, "state": {"$in": _OPEN}},
            {"remote": remote, "alarm": alarm, "due_at": due_at_ms},
        )

    async def mark_waiting(self, out_bill_no: str, package_info: str, due_at_ms: int) -> Bill | None:
        """Note that the winner can confirm; None where the bill is final."""
        return await self._change(
            {"_id": out_bill_no, "state": {"$in": _OPEN}},
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
            {"_id": out_bill_no, "state": {"$in": _OPEN}, **of_amount},
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
            condition, {"$set": changes, "$unset": KNOWN}, return_document=True
        )
        return found
