"""Who follows whom: `follows`, one per person and publisher."""

from __future__ import annotations

from typing import Any, ClassVar, TypedDict

from pymongo import IndexModel

from server.store.documents import Documents
from server.store.people.people import Person

_Document = dict[str, Any]


class Follow(TypedDict):
    """`_id` is "publisher:follower". `at` is since when, in unix ms."""

    _id: str
    publisher: str
    follower: str
    at: int


class Follows(Documents[Follow]):
    """Reads and writes of `follows`."""

    NAME = "follows"
    INDEXES: ClassVar[list[IndexModel]] = [
        IndexModel([("follower", 1), ("at", -1), ("_id", 1)], name="of_follower"),
        IndexModel([("publisher", 1), ("_id", 1)], name="of_publisher"),
    ]

    async def add(self, publisher: str, follower: str, now_ms: int) -> None:
        """Follow a publisher. Safe to repeat."""
        await self.add_or_read(
            Follow(_id=_key(publisher, follower), publisher=publisher, follower=follower, at=now_ms)
        )

    async def delete(self, publisher: str, follower: str) -> None:
        """Follow a publisher no more. Safe to repeat."""
        await self.rows.delete_one({"_id": _key(publisher, follower)})

    async def is_followed(self, publisher: str, follower: str) -> bool:
        """Whether this person follows that publisher."""
        return await self.rows.find_one({"_id": _key(publisher, follower)}, {"_id": 1}) is not None

    async def has_followers(self, publisher: str) -> bool:
        """Whether anybody follows a publisher."""
        return await self.rows.find_one({"publisher": publisher}, {"_id": 1}) is not None

    async def followers(self, publisher: str, after: str, limit: int) -> list[Follow]:
        """Return some of a publisher's followers, in the order of `_id`: those after this one."""
        return await self.in_order({"publisher": publisher, "_id": {"$gt": after}}, "_id", limit)

    async def number(self, follower: str, limit: int) -> int:
        """Return how many publishers a person follows, at most `limit`."""
        return await self.rows.count_documents({"follower": follower}, limit=limit)

    async def followed(self, follower: str, skip: int, limit: int) -> list[Person]:
        """Return the publishers whom a person follows, the newest first."""
        pipeline: list[_Document] = [
            {"$match": {"follower": follower}},
            {"$sort": {"at": -1, "_id": 1}},
            {"$skip": skip},
            {"$limit": limit},
            {
                "$lookup": {
                    "from": "people",
                    "localField": "publisher",
                    "foreignField": "_id",
                    "as": "person",
                }
            },
        ]
        found = await self.rows.aggregate(pipeline, batchSize=limit + 1).to_list(limit)
        return [person for row in found for person in row["person"]]


def _key(publisher: str, follower: str) -> str:
    return f"{publisher}:{follower}"
