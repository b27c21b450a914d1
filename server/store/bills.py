"""`bills`, by out_bill_no: each pays a prize by one transfer of WeChat's. One document, one state.

asked → waiting (for the winner to confirm) → given | failed · asked → given | failed.
Also failed is a bill that WeChat never held and that is not sent any more: `give_up`.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal, NotRequired, TypeAlias, TypedDict

from pymongo import IndexModel

from server.store.due import DUE_INDEX, FOLLOWED_MS
from server.store.payments import KNOWN, Payments

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


class Bills(Payments[Bill]):
    """Reads and writes of `bills`. Each change is one update, conditional on the state before it."""

    NAME = "bills"
    INDEXES: ClassVar[list[IndexModel]] = [
        IndexModel([("prize", 1)], name="of_prize"),
        IndexModel([("code", 1)], name="of_task"),
        IndexModel([("alarm", 1)], name="alarm", partialFilterExpression={"alarm": {"$gt": ""}}),
        DUE_INDEX,
    ]

    async def begin_sending(self, out_bill_no: str, now_ms: int) -> Bill | None:
        """Note that a bill is about to be sent; None where it is final or must be sent no more."""
        return await self.collection.find_one_and_update(
            {"_id": out_bill_no, "state": {"$in": _OPEN}, "unsendable": {"$exists": False}},
            {"$set": {"sent_at": now_ms}},
            return_document=True,
        )

    async def stop_sending(self, out_bill_no: str) -> Bill | None:
        """Let nobody send a bill any more that its winner cannot confirm yet; None where there is no such."""
        return await self.collection.find_one_and_update(
            {"_id": out_bill_no, "state": "asked"},
            {"$set": {"unsendable": 1}},
            return_document=True,
        )

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

    async def _change(self, condition: _Document, changes: _Document) -> Bill | None:
        return await self.collection.find_one_and_update(
            condition, {"$set": changes, "$unset": KNOWN}, return_document=True
        )
