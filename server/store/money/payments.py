"""What orders, bills and refunds have in common: a number, a task, a state, and alarms."""

from __future__ import annotations

from server.store.documents import T
from server.store.due import DueDocuments

# The alarm of a payment about which WeChat contradicts our own record.
CONTRADICTION = "CONTRADICTION"


class Payments(DueDocuments[T]):
    """Each change is one update, conditional on the state before it.

    `_id` is the number that WeChat knows the payment by, `code` its task. `alarm` is why the operator has to
    look at it, "" if not. `then` has the effects that are still owed.
    """

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
        found = await self.sums({"alarm": {"$gt": ""}}, "$alarm", number=1)
        return {row["_id"]: row["number"] for row in found}
