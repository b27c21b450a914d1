"""How risky WeChat calls people: `risks`, one per person, from their first dig of a red packet that day."""

from __future__ import annotations

from typing import NotRequired, TypedDict

from pymongo.errors import DuplicateKeyError

from server.store.documents import Documents


class Risk(TypedDict):
    """`_id` is the unionid; `day` counts from 1970; `rank` is there once WeChat said it."""

    _id: str
    day: int
    rank: NotRequired[int]


class Risks(Documents[Risk]):
    """Reads and writes of `risks`."""

    NAME = "risks"

    async def begin(self, unionid: str, day: int) -> bool:
        """Note that WeChat is asked about a person today; False if it was asked today already."""
        try:
            begun = await self.rows.update_one(
                {"_id": unionid, "day": {"$lt": day}},
                {"$set": {"day": day}, "$unset": {"rank": ""}},
                upsert=True,
            )
        except DuplicateKeyError:
            return False
        return begun.upserted_id is not None or begun.modified_count == 1

    async def save(self, unionid: str, day: int, rank: int) -> None:
        """Keep what WeChat said, unless it was asked again since."""
        await self.collection.update_one({"_id": unionid, "day": day}, {"$set": {"rank": rank}})

    async def find_rank(self, unionid: str) -> int:
        """Return what WeChat said last, 0 to 4; 0 if it is not known."""
        found = await self.collection.find_one({"_id": unionid}, {"rank": 1})
        return found.get("rank", 0) if found is not None else 0
