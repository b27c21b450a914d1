"""The network addresses that people used lately: `places`, one document per person and address.

Only a keyed hash of each address is stored. The hash is never shown to anybody, and is deleted `PLACE_DAYS`
after the person was last seen there.
"""

from __future__ import annotations

from typing import TypedDict

from server.store.documents import Documents, index
from server.store.pipelines import Document

PLACE_DAYS = 30


class Place(TypedDict):
    """`_id` is "place:unionid". `seen_at` is unix milliseconds."""

    _id: str
    place: str
    unionid: str
    seen_at: int


class Places(Documents[Place]):
    """Reads and writes of `places`."""

    NAME = "places"
    INDEXES = (
        index("of_place", "place -seen_at"),
        index("of_person", "unionid -seen_at"),
        index("seen", "seen_at"),
    )

    async def note(self, unionid: str, place: str, now_ms: int) -> None:
        """Note that a person was seen at a place."""
        await self.rows.update_one(
            {"_id": f"{place}:{unionid}"},
            {"$max": {"seen_at": now_ms}, "$setOnInsert": {"place": place, "unionid": unionid}},
            upsert=True,
        )

    async def shared(self, unionids: list[str], since_ms: int, most: int, limit: int) -> list[list[str]]:
        """Return, for each place where one of these people was seen since then, all people who were seen
        there.

        Places where only one person was seen, or more than `most` people, are left out.
        """
        mine = self.collection.find(
            {"unionid": {"$in": unionids}, "seen_at": {"$gte": since_ms}}, {"place": 1}, limit=limit
        )
        places = sorted({row["place"] for row in await mine.to_list(limit)})
        pipeline: list[Document] = [
            {"$match": {"place": {"$in": places}, "seen_at": {"$gte": since_ms}}},
            {"$group": {"_id": "$place", "people": {"$addToSet": "$unionid"}}},
            {"$match": {"people.1": {"$exists": True}, f"people.{most}": {"$exists": False}}},
        ]
        return [sorted(row["people"]) async for row in self.rows.aggregate(pipeline)] if places else []

    async def delete_old(self, seen_before_ms: int, limit: int) -> int:
        """Delete some places at which nobody was seen since that time; return how many."""
        return await self.delete_some({"seen_at": {"$lt": seen_before_ms}}, "seen_at", limit)
