"""What orders, bills and refunds have in common: a number, a task, a state, and alarms."""

from __future__ import annotations

from typing import Any

from pymongo.errors import DuplicateKeyError

from server.store.documents import T
from server.store.due import DueDocuments

_Document = dict[str, Any]

# If WeChat does not say for this long what became of a payment, this alarm is raised, until it does.
UNKNOWN_MS = 3_600_000
UNKNOWN = "UNKNOWN"
# WeChat says something that contradicts our own record.
CONTRADICTION = "CONTRADICTION"
# What a change unsets if it notes that WeChat did say something.
CLEAR_UNKNOWN: _Document = {"unknown_since": ""}


class Payments(DueDocuments[T]):
    """Each change is one update, conditional on the state before it.

    `_id` is the number that WeChat knows the payment by, `code` its task. `alarm` is why the operator has to
    look at it, "" if not.
    """

    async def insert(self, payment: T) -> bool:
        """Save a new payment; False if its number is taken, or a unique index forbids it.

        Raises Uncommitted if its number is taken by what may not last.
        """
        try:
            await self.rows.insert_one(dict(payment))
        except DuplicateKeyError:
            await self.taken(payment["_id"])
            return False
        return True

    async def find(self, number: str) -> T | None:
        """Return the payment with this number, None if there is none."""
        return await self.collection.find_one({"_id": number})

    async def of_task(self, code: str) -> list[T]:
        """Return all of a task's payments."""
        return await self.collection.find({"code": code}).to_list(None)

    async def raise_alarm(self, number: str, alarm: str) -> None:
        """Note why the operator has to look at a payment, in any state.

        The next change of the payment replaces the alarm. If its state is final, there is none, and it stays.
        """
        await self.collection.update_one({"_id": number}, {"$set": {"alarm": alarm}})

    async def note_unknown(self, payment: T, now_ms: int) -> None:
        """Note that WeChat does not say what became of a payment, unless its state has changed since.

        A change that notes what WeChat says unsets `unknown_since` (`CLEAR_UNKNOWN`) and replaces the alarm.
        """
        alarm = {
            "$cond": [{"$lte": ["$unknown_since", now_ms - UNKNOWN_MS]}, {"$literal": UNKNOWN}, "$alarm"]
        }
        await self.collection.update_one(
            {"_id": payment["_id"], "state": payment["state"]},
            [
                {"$set": {"unknown_since": {"$ifNull": ["$unknown_since", now_ms]}}},
                {"$set": {"alarm": alarm}},
            ],
        )

    async def finish(self, payment: T) -> None:
        """Note that nothing is left to do, unless the payment's state has changed since."""
        await self.collection.update_one(
            {"_id": payment["_id"], "state": payment["state"]}, {"$unset": {"due_at": "", "then": ""}}
        )

    async def alarms(self) -> dict[str, int]:
        """Return how many payments need the operator, by alarm."""
        pipeline: list[_Document] = [
            {"$match": {"alarm": {"$gt": ""}}},
            {"$group": {"_id": "$alarm", "number": {"$sum": 1}}},
        ]
        return {row["_id"]: row["number"] async for row in self.rows.aggregate(pipeline)}
