"""WeChat's risk ranks of people: `risks`, one per person. We ask WeChat at a person's first dig
of a red packet in a day."""

from typing import NotRequired, TypedDict

from server.store.documents import Documents


class Risk(TypedDict):
    """`_id` is the person_id; `day` counts from 1970; `rank` is what WeChat said last, if anything.

    `unseen` is there if WeChat said last that it had not seen the person for two hours.
    """

    _id: str
    day: int
    rank: NotRequired[int]
    unseen: NotRequired[int]


class Risks(Documents[Risk]):
    """Reads and writes of `risks`."""

    NAME = "risks"

    async def begin(self, person_id: str, day: int) -> bool:
        """Note that WeChat is asked about a person today; False if WeChat was asked about them today already.

        WeChat's previous answer is valid until it answers again.
        """
        before = {"_id": person_id, "day": {"$lt": day}}
        return await self.upserts(before, {"$set": {"day": day}})

    async def save(self, person_id: str, day: int, rank: int) -> None:
        """Keep what WeChat said, unless WeChat was asked again since."""
        await self.collection.update_one(
            {"_id": person_id, "day": day}, {"$set": {"rank": rank}, "$unset": {"unseen": ""}}
        )

    async def note_unseen(self, person_id: str, day: int) -> None:
        """Note that WeChat had not seen the person for two hours. WeChat's last answer stays valid."""
        await self.collection.update_one({"_id": person_id, "day": day}, {"$set": {"unseen": 1}})

    async def find_rank(self, person_id: str) -> tuple[int, bool]:
        """Return the rank that WeChat said last, 0 to 4 (0 if it never said one), and whether the person was
        unseen."""
        found = await self.collection.find_one({"_id": person_id}, {"rank": 1, "unseen": 1})
        return (0, False) if found is None else (found.get("rank", 0), "unseen" in found)
