"""What `/metrics` shows of the database: `gauges`, one document, which one process computes for all.

`due_at` is when it has to be computed again.
"""

from __future__ import annotations

from typing import TypedDict

from server.game.findings import PaymentKind
from server.store.documents import Documents

_ID = "money"


class AlarmCount(TypedDict):
    """How many payments of one kind need the operator for one reason."""

    kind: PaymentKind
    alarm: str
    number: int


class MoneyGauges(TypedDict):
    """The sums of the ledger in fen, by name, and the alarms; `at` is when they were computed (unix ms)."""

    at: int
    due_at: int
    sums_fen: dict[str, int]
    alarms: list[AlarmCount]


class Gauges(Documents[MoneyGauges]):
    """Reads and writes of `gauges`."""

    NAME = "gauges"

    async def find(self) -> MoneyGauges | None:
        """Return what was computed last, None if nothing was yet."""
        return await self.collection.find_one({"_id": _ID, "at": {"$gt": 0}}, {"_id": 0})

    async def lease(self, now_ms: int, until_ms: int) -> bool:
        """Lease the next computation until `until_ms`; False if it is not due, or another process has it."""
        return await self.upserts({"_id": _ID, "due_at": {"$lte": now_ms}}, {"$set": {"due_at": until_ms}})

    async def save(self, gauges: MoneyGauges) -> None:
        """Replace what was computed before."""
        await self.collection.update_one({"_id": _ID}, {"$set": dict(gauges)}, upsert=True)
