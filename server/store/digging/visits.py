"""The people who opened a task, and who brought them there: `visits`, one per person and task."""

from typing import NotRequired, TypedDict

from pymongo import UpdateOne
from pymongo.errors import BulkWriteError

from server.store.documents import COUNTED, Documents, index
from server.store.driver import aggregate
from server.store.failures import only_duplicates
from server.store.pipelines import Document, begins_with, summed


class Visit(TypedDict):
    """`_id` is "code:person_id". `sharer` is who first brought the visitor. `opened_at` is in unix ms."""

    _id: str
    code: str
    person_id: str
    opened_at: int
    sharer: NotRequired[str]


def visit_id(code: str, person_id: str) -> str:
    """Return the `_id` of a person's visit of a task."""
    return f"{code}:{person_id}"


class Visits(Documents[Visit]):
    """Reads and writes of `visits`."""

    NAME = "visits"
    INDEXES = (
        index("last_opened", "person_id -opened_at"),
        index("opened", "opened_at"),
        index("brought", "code sharer", there="sharer"),
        index("of_newcomer", "person_id code", there="sharer"),
    )

    async def open(self, visits: list[Visit]) -> None:
        """Note in one write that people opened tasks' pages. A repeated visit changes its time.

        The first sharer stays.
        """
        updates = [
            UpdateOne(
                {"_id": visit["_id"]},
                [
                    {
                        "$set": {
                            "code": visit["code"],
                            "person_id": visit["person_id"],
                            "opened_at": visit["opened_at"],
                            "sharer": {"$ifNull": ["$sharer", visit.get("sharer", "$$REMOVE")]},
                        }
                    }
                ],
                upsert=True,
            )
            for visit in visits
        ]
        try:
            await self.rows.bulk_write(updates, ordered=False)
        except BulkWriteError as error:
            if not only_duplicates(error):
                raise
            # Another process inserted the same visits at this moment: now this only updates them.
            await self.rows.bulk_write(updates, ordered=False)

    async def opened_number(self, code: str) -> int:
        """Return how many people opened a task, counted from an index alone, up to 10,000."""
        return await self.rows.count_documents({"_id": begins_with(f"{code}:")}, limit=COUNTED)

    async def brought_numbers(self, code: str) -> Document:
        """Return how many people came to a task by a share, how many shared it, and how many people the most
        successful sharer brought.

        The three numbers are counted from an index alone, up to 10,000.
        """
        pipeline: list[Document] = [
            {"$match": {"code": code, "sharer": {"$gt": ""}}},
            {"$limit": COUNTED},
            summed("$sharer", brought=1),
            {
                "$group": {
                    "_id": None,
                    "sharers": {"$sum": 1},
                    "brought": {"$sum": "$brought"},
                    "most": {"$max": "$brought"},
                }
            },
            {"$project": {"_id": 0}},
        ]
        found = await aggregate(self.rows, pipeline, 1)
        return found[0] if found else {"sharers": 0, "brought": 0, "most": 0}

    async def sharers_of(self, newcomer: str, limit: int) -> list[tuple[str, str]]:
        """Return through whom a person came to tasks, as (code, sharer)."""
        brought = {"person_id": newcomer, "sharer": {"$exists": True}}
        found = await self.in_order(brought, "code", limit, {"code": 1, "sharer": 1})
        return [(visit["code"], visit["sharer"]) for visit in found]

    async def delete_old(self, opened_before_ms: int, limit: int) -> int:
        """Delete visits from before that time; return how many."""
        return await self.delete_some({"opened_at": {"$lt": opened_before_ms}}, "opened_at", limit)
