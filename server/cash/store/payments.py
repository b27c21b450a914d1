"""What orders, bills and refunds have in common: a number, a task, a state, and alarms."""

from typing import NotRequired, TypedDict

from server.game.lifecycle import Moved
from server.store.documents import T
from server.store.due import DueDocuments

# The alarm of a payment about which WeChat contradicts our own record.
CONTRADICTION = "CONTRADICTION"


class Payment(TypedDict):
    """The fields of each order, bill and refund. Times are unix milliseconds.

    `_id` is the number that WeChat knows the payment by, `code` its task. `alarm` says why the operator has
    to look at it, "" if they need not; `unknown_since` is there while WeChat does not answer. `then` has the
    effects that are still owed.
    """

    _id: str
    code: str
    amount_fen: int
    alarm: str
    created_at: int
    unknown_since: NotRequired[int]
    due_at: NotRequired[int]
    then: NotRequired[dict[str, int]]
    history: NotRequired[list[Moved]]


class Payments(DueDocuments[T]):
    """Reads of payments, and their alarms. Each change is one update, conditional on the state before it."""

    async def of_task(self, code: str) -> list[T]:
        """Return all of a task's payments."""
        return await self.collection.find({"code": code}).to_list(None)

    async def raise_alarm(self, number: str, alarm: str) -> None:
        """Note why the operator has to look at a payment, in any state.

        The next change of the payment replaces the alarm. In a final state there is no next change, so the
        alarm stays.
        """
        await self.collection.update_one({"_id": number}, {"$set": {"alarm": alarm}})

    async def code_with(self, alarm: str) -> str:
        """Return the task of a payment with this alarm, "" if there is none."""
        found = await self.rows.find_one({"alarm": alarm}, {"code": 1})
        return found["code"] if found is not None else ""
