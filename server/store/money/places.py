"""The network addresses that people used lately: `places`, one document per person and address.

Of an address only a keyed hash is stored. It is never shown to anybody, and deleted `PLACE_DAYS` after the
person was last seen there.
"""

from __future__ import annotations

from typing import Any, ClassVar, TypedDict

from pymongo import IndexModel

from server.store.documents import Documents

_Document = dict[str, Any]

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
    INDEXES: ClassVar[list[IndexModel]] = [
        IndexModel([("place", 1), ("seen_at", -1)], name="of_place"),
        IndexModel([("unionid", 1), ("seen_at", -1)], name="of_person"),
        IndexModel([("seen_at", 1)], name="seen"),
    ]

    async def note(self, unionid: str, place: str, now_ms: int) -> None:
        """Note that a person was seen at a place."""
        await self.rows.update_one(
            {"_id": f"{place}:{unionid}"},
            {"$max": {"seen_at": now_ms}, "$setOnInsert": {"place": place, "unionid": unionid}},
            upsert=True,
        )

    async def shared(self, unionids: list[str], since_ms: int, most: int, limit: int) -> list[list[str]]:
        """Return, for each place where one of these people was seen since then, all who were seen there.

        Places of one person, or of more than `most`, are left out.
        """
        mine = self.collection.find(
            {"unionid": {"$in": unionids}, "seen_at": {"$gte": since_ms}}, {"place": 1}, limit=limit
        )
        places = sorted({row["place"] for row in await mine.to_list(limit)})
        pipeline: list[_Document] = [
            {"$match": {"place": {"$in": places}, "seen_at": {"$gte": since_ms}}},
            {"$group": {"_id": "$place", "people": {"$addToSet": "$unionid"}}},
            {"$match": {"people.1": {"$exists": True}, f"people.{most}": {"$exists": False}}},
        ]
        return [sorted(row["people"]) async for row in self.rows.aggregate(pipeline)] if places else []

    async def delete_old(self, seen_before_ms: int, limit: int) -> int:
        """Delete some places at which nobody was seen since that time; return how many."""
        old = {"seen_at": {"$lt": seen_before_ms}}
        rows = await self.rows.find(old, {"_id": 1}, limit=limit).to_list(limit)
        if rows:
            await self.rows.delete_many({"_id": {"$in": [row["_id"] for row in rows]}, **old})
        return len(rows)
