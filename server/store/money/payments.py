"""What orders, bills and refunds have in common: a number, a task, a state, and alarms."""

from __future__ import annotations

from typing import Any

from pymongo.errors import DuplicateKeyError

from server.store.documents import T
from server.store.due import DueDocuments

_Document = dict[str, Any]

# The alarm of a payment about which WeChat contradicts our own record.
CONTRADICTION = "CONTRADICTION"


class Payments(DueDocuments[T]):
    """Each change is one update, conditional on the state before it.

    `_id` is the number that WeChat knows the payment by, `code` its task. `alarm` is why the operator has to
    look at it, "" if not. `then` has the effects that are still owed.
    """

    async def insert(self, payment: T) -> bool:
        """Save a new payment; False if its number is taken, or a unique index forbids it.

        Raises Uncommitted if its number is taken by a document that may be undone.
        """
        try:
            await self.rows.insert_one(dict(payment))
        except DuplicateKeyError:
            await self.taken(payment["_id"])
            return False
        return True

    async def of_task(self, code: str) -> list[T]:
        """Return all of a task's payments."""
        return await self.collection.find({"code": code}).to_list(None)

    async def raise_alarm(self, number: str, alarm: str) -> None:
        """Note why the operator has to look at a payment, in any state.

        The next change of the payment replaces the alarm. In a final state there is no next change, so the
        alarm stays.
        """
        await self.collection.update_one({"_id": number}, {"$set": {"alarm": alarm}})

    async def alarms(self) -> dict[str, int]:
        """Return how many payments need the operator, by alarm."""
        pipeline: list[_Document] = [
            {"$match": {"alarm": {"$gt": ""}}},
            {"$group": {"_id": "$alarm", "number": {"$sum": 1}}},
        ]
        return {row["_id"]: row["number"] async for row in self.rows.aggregate(pipeline)}
