"""What people report: `reports`, one per person and task."""

from __future__ import annotations

from typing import Any, ClassVar, Literal, NotRequired, TypeAlias, TypedDict

import pymongo
from pymongo import IndexModel

from server.store.documents import Documents

_Document = dict[str, Any]

ReportReason: TypeAlias = Literal["fraud", "illegal", "vulgar", "infringing", "abusive", "other"]


class Report(TypedDict):
    """`counts` is 1 if its author counts towards holding the task, see `server/actions/report.py`.

    `open` is there while it counts and no operator has decided since. `at` is unix ms.
    """

    _id: str
    code: str
    unionid: str
    reason: ReportReason
    text: str
    counts: int
    at: int
    open: NotRequired[int]


class Reports(Documents[Report]):
    """Reads and writes of `reports`."""

    NAME = "reports"
    INDEXES: ClassVar[list[IndexModel]] = [
        IndexModel([("open", 1), ("at", 1)], name="queue", partialFilterExpression={"open": 1}),
        IndexModel([("code", 1), ("at", -1)], name="of_task"),
        IndexModel([("unionid", 1)], name="of_person"),
    ]

    async def insert(self, report: Report) -> Report:
        """Write a report unless its author has reported the task before; return the one that is stored."""
        return await self.add_or_read(report)

    async def open_number(self, code: str, limit: int) -> int:
        """Return how many open reports a task has; `limit` at most."""
        return await self.collection.count_documents({"code": code, "open": 1}, limit=limit)

    async def queue(self, limit: int) -> list[Report]:
        """Return the open reports, the oldest first."""
        found = self.collection.find({"open": 1}, sort=[("at", pymongo.ASCENDING)], limit=limit)
        return await found.to_list(limit)

    async def of_task(self, code: str, limit: int) -> list[Report]:
        """Return a task's newest reports, those that do not count too."""
        found = self.collection.find({"code": code}, sort=[("at", pymongo.DESCENDING)], limit=limit)
        return await found.to_list(limit)

    async def number_by(self, unionid: str) -> int:
        """Return how often a person reported something."""
        return await self.collection.count_documents({"unionid": unionid})

    async def settle(self, code: str) -> None:
        """Close a task's open reports: an operator has decided."""
        await self.collection.update_many({"code": code, "open": 1}, {"$unset": {"open": ""}})
