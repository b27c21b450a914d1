"""What operators did: `audit_log`, append-only."""

from __future__ import annotations

from typing import Any, ClassVar, TypedDict

import pymongo
from motor.motor_asyncio import AsyncIOMotorDatabase
from pymongo import IndexModel

_Document = dict[str, Any]


class Act(TypedDict):
    """Who did what to which task or process, when (unix ms) and why."""

    at: int
    operator: str
    act: str
    target: str
    reason: str


class AuditLog:
    """Reads and writes of `audit_log`."""

    INDEXES: ClassVar[list[IndexModel]] = [IndexModel([("at", -1)], name="newest")]

    def __init__(self, database: AsyncIOMotorDatabase[_Document]) -> None:
        self.collection = database["audit_log"]

    async def append(self, act: Act) -> None:
        """Write an act; nothing ever changes or deletes one."""
        await self.collection.insert_one(dict(act))

    async def newest(self, limit: int) -> list[Act]:
        """Return the newest acts, the last one first."""
        found = self.collection.find({}, {"_id": 0}, sort=[("at", pymongo.DESCENDING)], limit=limit)
        return await found.to_list(limit)  # type: ignore[return-value]
