"""What people report: `reports`, one per person and task."""

from typing import Literal, NotRequired, TypeAlias, TypedDict

from pymongo.errors import DuplicateKeyError

from server.store.documents import COUNTED, index
from server.store.due import DUE_INDEX, DueDocuments

# What an operator decided about the reported task: to hide it (upheld), or to show it (dismissed).
Outcome: TypeAlias = Literal["upheld", "dismissed"]
ReportReason: TypeAlias = Literal["fraud", "illegal", "vulgar", "infringing", "abusive", "other"]


ASKED = 1_000  # Reports of one task that are looked at.


class Report(TypedDict):
    """`counts` is 1 if it counts towards hiding the task, see `server/actions/reviews/report.py`.

    `open` is there while it waits for an operator, `outcome` once an operator has decided. `hides` is 1 if
    its author takes part in hiding the task and no operator has decided. `decided` is the task's field of
    that name when it was reported. `due_at` is there until what follows from it is done. `at` is unix ms.
    """

    _id: str
    code: str
    person_id: str
    reason: ReportReason
    text: str
    counts: int
    at: int
    open: NotRequired[int]
    hides: NotRequired[int]
    outcome: NotRequired[Outcome]
    decided: NotRequired[int]
    due_at: NotRequired[int]


class Reports(DueDocuments[Report]):
    """Reads and writes of `reports`."""

    NAME = "reports"
    INDEXES = (
        # What `queue` returns, too.
        index("waiting", "open at code reason _id", only={"open": 1}),
        index("of_task", "code -at"),
        index("newest_of_person", "person_id -at"),
        index("oldest", "at open"),
        index("hides_once", "person_id", unique=True, there="hides"),
        DUE_INDEX,
    )

    async def join(self, code: str, decided: int, least: int) -> bool:
        """Let `least` people who reported a task take part in hiding it; return whether so many can.

        Only open reports that count, and that were made after its last `decided` decisions, are asked; the
        oldest first. A person takes part in one hiding at a time: an index allows no second one, so people
        who report several tasks at one moment do not count twice either.
        """
        made = {"code": code, "open": 1, "counts": 1, "decided": decided or None}  # None finds absent fields
        reports = await self.in_order(made, "at", ASKED, {"person_id": 1})
        if len(reports) < least:
            return False
        authors = {"$in": [report["person_id"] for report in reports]}
        elsewhere = await self.collection.distinct(
            "person_id", {"person_id": authors, "hides": 1, "code": {"$ne": code}}
        )
        free = [report["_id"] for report in reports if report["person_id"] not in elsewhere][:least]
        if len(free) < least:  # nothing is hidden, so these few may take part elsewhere
            return False
        joined: list[str] = []
        try:
            for key in sorted(free):
                changed = await self.collection.update_one({"_id": key, "open": 1}, {"$set": {"hides": 1}})
                joined += [key] * changed.modified_count
        except DuplicateKeyError:  # at this moment, they take part elsewhere; the others may do so, too
            await self.collection.update_many({"_id": {"$in": joined}}, {"$unset": {"hides": ""}})
            return False
        return True

    async def queue(self, limit: int) -> list[Report]:
        """Return `_id`, `code`, `reason` and `at` of the open reports, the oldest first."""
        return await self.in_order({"open": 1}, "at", limit, dict.fromkeys(("code", "reason", "at"), 1))

    async def waiting_tasks(self) -> int:
        """Return how many tasks have open reports."""
        return len(await self.collection.distinct("code", {"open": 1}))

    async def waiting_number(self, before_ms: int) -> int:
        """Return how many open reports were made before a time (unix ms)."""
        return await self.collection.count_documents({"open": 1, "at": {"$lt": before_ms}})

    async def of_task(self, code: str, limit: int) -> list[Report]:
        """Return a task's newest reports, even those that do not count."""
        return await self.in_order({"code": code}, "-at", limit)

    async def made_by(self, person_id: str, limit: int) -> list[Report]:
        """Return the newest reports that a person made."""
        return await self.in_order({"person_id": person_id}, "-at", limit)

    async def number_by(self, person_id: str) -> int:
        """Return how often a person reported something, at most 10,000."""
        return await self.collection.count_documents({"person_id": person_id}, limit=COUNTED)

    async def close_decided(self, code: str, decided: int, outcome: Outcome) -> None:
        """Close the reports that a task got before this decision; later ones stay open."""
        earlier = {"code": code, "open": 1, "decided": {"$not": {"$gte": decided}}}
        changes = {"$set": {"outcome": outcome}, "$unset": {"open": "", "hides": ""}}
        await self.collection.update_many(earlier, changes)

    async def delete_of_task(self, code: str) -> None:
        """Delete the reports of a task that is about to be deleted: nobody could decide on them."""
        await self.collection.delete_many({"code": code})

    async def delete_old(self, before_ms: int, limit: int) -> int:
        """Delete reports that were made before that time, except open ones; return how many."""
        old = {"at": {"$lt": before_ms}, "open": {"$exists": False}}
        return await self.delete_some(old, "at", limit)
