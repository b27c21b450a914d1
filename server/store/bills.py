"""`bills`, by out_bill_no: each pays a prize by one of WeChat's transfers. One document, one state.

asked → waiting (for the winner to confirm) → given | failed · asked → given | failed.
A bill that WeChat never held and that is no longer sent becomes failed too: `give_up`.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal, NotRequired, TypeAlias, TypedDict

from pymongo import IndexModel

from server.game.bill import give_up
from server.store.due import DUE_INDEX, FOLLOWED_MS
from server.store.payments import CLEAR_UNKNOWN, Payments
from server.store.pipelines import NOW_MS
from server.store.transitions import condition, update

_Document = dict[str, Any]

BillState: TypeAlias = Literal["asked", "waiting", "given", "failed"]
_OPEN = ["asked", "waiting"]


class Bill(TypedDict):
    """`body` is sent to WeChat byte for byte, each time. Times are unix milliseconds.

    `package_info` is "" until WeChat gives it. `remote` is the state that WeChat named last, "" if it has
    named none: then WeChat may not have the bill. `sent_at` is when the bill was last sent, 0 for never, and
    `asked_at` when its winner last had WeChat asked about it. If `unsendable` is there, it is not sent any
    more. `alarm` says why the operator has to look at it, "" for nothing; `unknown_since` is there while
    WeChat does not answer.
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
    asked_at: NotRequired[int]
    unsendable: NotRequired[int]
    unknown_since: NotRequired[int]
    due_at: NotRequired[int]


class Bills(Payments[Bill]):
    """Reads and writes of `bills`. Each change is one update, conditional on the state before it."""

    NAME = "bills"
    INDEXES: ClassVar[list[IndexModel]] = [
        IndexModel([("prize", 1)], name="of_prize"),
        IndexModel([("code", 1)], name="of_task"),
        IndexModel([("unionid", 1)], name="of_winner"),
        IndexModel([("alarm", 1)], name="alarm", partialFilterExpression={"alarm": {"$gt": ""}}),
        DUE_INDEX,
    ]

    async def begin_sending(self, out_bill_no: str) -> Bill | None:
        """Note that a bill is about to be sent; None if it is final or must not be sent any more."""
        return await self.find_one_and_update(
            {"_id": out_bill_no, "state": {"$in": _OPEN}, "unsendable": {"$exists": False}},
            [{"$set": {"sent_at": NOW_MS}}],
            return_document=True,
        )

    async def begin_asking(self, out_bill_no: str, now_ms: int, apart_ms: int) -> bool:
        """Note that WeChat is asked about a bill; False if somebody asked less than `apart_ms` ago."""
        found = await self.collection.update_one(
            {"_id": out_bill_no, "asked_at": {"$not": {"$gt": now_ms - apart_ms}}},
            {"$set": {"asked_at": now_ms}},
        )
        return found.modified_count == 1

    async def stop_sending(self, out_bill_no: str) -> Bill | None:
        """Forbid further sending of a bill that is still `asked`; None if it no longer is."""
        return await self.find_one_and_update(
            {"_id": out_bill_no, "state": "asked"},
            {"$set": {"unsendable": 1}},
            return_document=True,
        )

    async def give_up(self, bill: Bill, asked_at_ms: int) -> Bill | None:
        """Note that a bill failed: asked at that time, WeChat said that it holds no such bill.

        None if that is not certain: WeChat has named a state of it before, or it may still be sent. Also if
        it was sent less than `UNDER_WAY_MS` before the question: it may have been under way then.
        """
        move = give_up(asked_at_ms, bill["alarm"])
        given_up = await self.find_one_and_update(
            {"_id": bill["_id"], **condition(move)}, update(move), return_document=True
        )
        return given_up if given_up is not None and given_up["state"] == "failed" else None

    async def note_alarm(self, out_bill_no: str, alarm: str, due_at_ms: int) -> Bill | None:
        """Note that WeChat refuses something about a bill; None if the bill is final."""
        return await self._change(
            {"_id": out_bill_no, "state": {"$in": _OPEN}}, {"alarm": alarm, "due_at": due_at_ms}
        )

    async def note(self, out_bill_no: str, remote: str, alarm: str, due_at_ms: int) -> Bill | None:
        """Note what WeChat said of a bill; None if the bill is final."""
        return await self._change(
            {"_id": out_bill_no, "state": {"$in": _OPEN}},
            {"remote": remote, "alarm": alarm, "due_at": due_at_ms},
        )

    async def mark_waiting(self, out_bill_no: str, package_info: str, due_at_ms: int) -> Bill | None:
        """Note that the winner can confirm; None if the bill is final."""
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
        """Note how a bill ended; it stays due until the prize follows.

        `amount_fen`, if given, must be the bill's. None if the end is known already or no bill matches.
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
        return await self.find_one_and_update(
            condition, {"$set": changes, "$unset": CLEAR_UNKNOWN}, return_document=True
        )
