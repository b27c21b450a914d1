"""WeChat's risk ranks of people: `risks`, one per person. We ask WeChat at a person's first dig
of a red packet in a day."""

from __future__ import annotations

from typing import Any, NotRequired, TypedDict

from server.store.documents import Documents, index


class Risk(TypedDict):
    """`_id` is the unionid; `day` counts from 1970; `rank` is what WeChat said last, if anything.

    `unseen` is there if WeChat said last that it had not seen the person for two hours. `place` is the keyed
    hash of the person's address, `code` the task that they dug first that day.
    """

    _id: str
    day: int
    place: str
    code: str
    rank: NotRequired[int]
    unseen: NotRequired[int]


class Risks(Documents[Risk]):
    """Reads and writes of `risks`."""

    NAME = "risks"
    INDEXES = (index("of_day", "day place"),)

    async def begin(self, unionid: str, day: int, place: str, code: str) -> bool:
        """Note that WeChat is asked about a person today; False if WeChat was asked about them today already.

        WeChat's previous answer is valid until it answers again.
        """
        before = {"_id": unionid, "day": {"$lt": day}}
        return await self.upserts(before, {"$set": {"day": day, "place": place, "code": code}})

    async def crowded(self, day: int, least: int, limit: int) -> list[tuple[str, int]]:
        """Return the addresses from which `least` people or more dug red packets that day.

        Each address is given as one of the tasks dug from there, and the number of people.
        """
        pipeline: list[dict[str, Any]] = [
            {"$match": {"day": day}},
            {"$group": {"_id": "$place", "people": {"$sum": 1}, "code": {"$max": "$code"}}},
            {"$match": {"people": {"$gte": least}}},
            {"$sort": {"people": -1}},
            {"$limit": limit},
        ]
        return [(row["code"], row["people"]) for row in await self.rows.aggregate(pipeline).to_list(limit)]

    async def save(self, unionid: str, day: int, rank: int) -> None:
        """Keep what WeChat said, unless WeChat was asked again since."""
        await self.collection.update_one(
            {"_id": unionid, "day": day}, {"$set": {"rank": rank}, "$unset": {"unseen": ""}}
        )

    async def note_unseen(self, unionid: str, day: int) -> None:
        """Note that WeChat had not seen the person for two hours. WeChat's last answer stays valid."""
        await self.collection.update_one({"_id": unionid, "day": day}, {"$set": {"unseen": 1}})

    async def find_rank(self, unionid: str) -> tuple[int, bool]:
        """Return the rank that WeChat said last, 0 to 4 (0 if it never said one), and whether the person was
        unseen."""
        found = await self.collection.find_one({"_id": unionid}, {"rank": 1, "unseen": 1})
        return (0, False) if found is None else (found.get("rank", 0), "unseen" in found)
