"""The people who opened a task: `visits`, one per person and task. `shares` says who brought whom there."""

from __future__ import annotations

from typing import TypedDict, cast

from pymongo import DeleteMany, UpdateOne
from pymongo.errors import BulkWriteError

from server.store.documents import Documents, index
from server.store.failures import only_duplicates
from server.store.pipelines import Document, begins_with, summed

COUNTED = 100_000

SHARE_CHARACTERS = 20  # a task's code has 12, so the length tells a share token from a code


class Visit(TypedDict):
    """`tokens` stand for this person and task in links: one per secret. Times are unix milliseconds."""

    code: str
    unionid: str
    tokens: list[str]
    opened_at: int


class Visits(Documents[Document]):
    """Reads and writes of `visits`."""

    NAME = "visits"
    INDEXES = (
        index("of_token", "tokens"),
        index("last_opened", "unionid -opened_at"),
        index("opened", "opened_at"),
    )

    async def open(self, visits: list[Visit]) -> None:
        """Note in one write that people opened tasks' pages. A repeated visit changes its time.

        A visit keeps the tokens that it has.
        """
        updates = [
            UpdateOne(
                {"_id": f"{visit['code']}:{visit['unionid']}"},
                {
                    "$set": {"opened_at": visit["opened_at"]},
                    "$addToSet": {"tokens": {"$each": visit["tokens"]}},
                    "$setOnInsert": {"code": visit["code"], "unionid": visit["unionid"]},
                },
                upsert=True,
            )
            for visit in visits
        ]
        try:
            await self.collection.bulk_write(updates, ordered=False)
        except BulkWriteError as error:
            if not only_duplicates(error):
                raise
            # Another process inserted the same visits at this moment: now this only updates them.
            await self.collection.bulk_write(updates, ordered=False)

    async def of_tokens(self, tokens: list[str]) -> dict[str, Visit]:
        """Return the visits that these tokens stand for, by token."""
        asked = set(tokens)
        rows = self.rows.find({"tokens": {"$in": tokens}}, batch_size=len(tokens) + 1)
        found = cast("list[Visit]", await rows.to_list(None))
        return {token: row for row in found for token in asked.intersection(row["tokens"])}

    async def opened_number(self, code: str) -> int:
        """Return how many people opened a task, counted from an index alone, up to 100,000."""
        return await self.rows.count_documents({"_id": begins_with(f"{code}:")}, limit=COUNTED)

    async def delete_old(self, opened_before_ms: int, limit: int) -> int:
        """Delete visits from before that time, with the shares that brought the visitors; return how many."""
        old = {"opened_at": {"$lt": opened_before_ms}}
        rows = await self.in_order(old, "opened_at", limit, {"code": 1, "unionid": 1})
        if rows:
            brought = [DeleteMany({"newcomer": row["unionid"], "code": row["code"]}) for row in rows]
            await self.rows.database[Shares.NAME].bulk_write(brought, ordered=False)
            await self.collection.delete_many({"_id": {"$in": [row["_id"] for row in rows]}, **old})
        return len(rows)


class Share(TypedDict):
    """`sharer` was the first who brought `newcomer` to a task. `_id` is "code:newcomer"."""

    _id: str
    code: str
    sharer: str
    newcomer: str


class Shares(Documents[Share]):
    """Reads and writes of `shares`."""

    NAME = "shares"
    INDEXES = (
        index("brought", "code sharer"),
        index("of_sharer", "sharer"),
        index("of_newcomer", "newcomer"),
    )

    async def numbers(self, code: str) -> Document:
        """Return how many people came to a task by a share, how many shared it, and how many people the most
        successful sharer brought.

        The three numbers are counted from an index alone, up to 100,000.
        """
        pipeline: list[Document] = [
            {"$match": {"code": code}},
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
        found = await self.rows.aggregate(pipeline).to_list(1)
        return found[0] if found else {"sharers": 0, "brought": 0, "most": 0}

    async def sharers_of(self, newcomer: str, limit: int) -> list[tuple[str, str]]:
        """Return through whom a person came to tasks, as (code, sharer)."""
        found = self.rows.find({"newcomer": newcomer}, {"code": 1, "sharer": 1}, limit=limit)
        return [(row["code"], row["sharer"]) for row in await found.to_list(limit)]

    async def record(self, brought: list[tuple[str, str, str]]) -> None:
        """Note who brought whom to a task, as (code, sharer, newcomer). Whoever was the first stays."""
        await self.insert_all(
            [
                Share(_id=f"{code}:{newcomer}", code=code, sharer=sharer, newcomer=newcomer)
                for code, sharer, newcomer in brought
            ]
        )
