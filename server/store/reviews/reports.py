"""What people report: `reports`, one per person and task."""

from __future__ import annotations

from typing import Literal, NotRequired, TypeAlias, TypedDict

from server.game.reports import Outcome, PastReport
from server.store.documents import index
from server.store.due import DUE_INDEX, DueDocuments

ReportReason: TypeAlias = Literal["fraud", "illegal", "vulgar", "infringing", "abusive", "other"]


class Report(TypedDict):
    """`counts` is 1 if it counts towards hiding the task, see `server/actions/reviews/report.py`.

    `open` is there while it waits for an operator, `outcome` once an operator has decided. `decided` is the
    task's field of that name when it was reported. `due_at` is there until what follows from it is done. `at`
    is unix ms.
    """

    _id: str
    code: str
    unionid: str
    reason: ReportReason
    text: str
    counts: int
    at: int
    open: NotRequired[int]
    outcome: NotRequired[Outcome]
    decided: NotRequired[int]
    due_at: NotRequired[int]


class Reports(DueDocuments[Report]):
    """Reads and writes of `reports`."""

    NAME = "reports"
    INDEXES = (
        index("queue", "open at", only={"open": 1}),
        index("of_task", "code -at"),
        index("newest_of_person", "unionid -at"),
        index("oldest", "at open"),
        DUE_INDEX,
    )

    async def counting(self, code: str, decided: int, limit: int) -> list[str]:
        """Return the authors of the newest open reports of a task that count and were made after its last
        `decided` decisions."""
        made = {"code": code, "open": 1, "counts": 1, "decided": decided or None}  # None finds absent fields
        return [report["unionid"] for report in await self.in_order(made, "-at", limit, {"unionid": 1})]

    async def by_people(self, unionids: list[str], but: str, limit: int) -> list[PastReport]:
        """Return these people's reports that counted, at most `limit`, leaving out those of the task
        `but`."""
        made = {"unionid": {"$in": unionids}, "counts": 1, "code": {"$ne": but}}
        fields = {"_id": 0, "unionid": 1, "code": 1, "outcome": 1}
        found = self.rows.find(made, fields, limit=limit)
        return [
            PastReport(row["unionid"], row["code"], row.get("outcome", ""))
            for row in await found.to_list(limit)
        ]

    async def queue(self, limit: int) -> list[Report]:
        """Return the open reports, the oldest first."""
        return await self.in_order({"open": 1}, "at", limit)

    async def waiting_tasks(self) -> int:
        """Return how many tasks have open reports."""
        return len(await self.collection.distinct("code", {"open": 1}))

    async def waiting_number(self, before_ms: int) -> int:
        """Return how many open reports were made before a time (unix ms)."""
        return await self.collection.count_documents({"open": 1, "at": {"$lt": before_ms}})

    async def of_task(self, code: str, limit: int) -> list[Report]:
        """Return a task's newest reports, even those that do not count."""
        return await self.in_order({"code": code}, "-at", limit)

    async def made_by(self, unionid: str, limit: int) -> list[Report]:
        """Return the newest reports that a person made."""
        return await self.in_order({"unionid": unionid}, "-at", limit)

    async def number_by(self, unionid: str) -> int:
        """Return how often a person reported something."""
        return await self.collection.count_documents({"unionid": unionid})

    async def close_decided(self, code: str, decided: int, outcome: Outcome) -> None:
        """Close the reports that a task got before this decision; later ones stay open."""
        earlier = {"code": code, "open": 1, "decided": {"$not": {"$gte": decided}}}
        await self.collection.update_many(earlier, {"$set": {"outcome": outcome}, "$unset": {"open": ""}})

    async def delete_of_task(self, code: str) -> None:
        """Delete the reports of a task that is about to be deleted: nobody could decide on them."""
        await self.collection.delete_many({"code": code})

    async def delete_old(self, before_ms: int, limit: int) -> int:
        """Delete reports that were made before that time, except open ones; return how many."""
        old = {"at": {"$lt": before_ms}, "open": {"$exists": False}}
        return await self.delete_some(old, "at", limit)
