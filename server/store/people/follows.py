"""The follows of publishers: `follows`, one per publisher and follower."""

from typing import TypedDict

from server.store.documents import Documents, index
from server.store.driver import aggregate
from server.store.people.people import Person
from server.store.pipelines import Document, look_up, only


class Follow(TypedDict):
    """`_id` is "publisher:follower". `at` is when it began, in unix ms.

    `n` counts the follows of this publisher, so that their followers can be read some at a time. The numbers
    have gaps where somebody left. Two followers who began at the same moment may share a number.
    """

    _id: str
    publisher: str
    follower: str
    at: int
    n: int


class Follows(Documents[Follow]):
    """Reads and writes of `follows`."""

    NAME = "follows"
    INDEXES = (
        index("followed", "follower -at _id publisher"),
        index("numbered", "publisher n"),
    )

    async def add(self, publisher: str, follower: str, now_ms: int, n: int) -> None:
        """Follow a publisher. Safe to repeat: the first number stays."""
        key = _key(publisher, follower)
        await self.add_or_read(Follow(_id=key, publisher=publisher, follower=follower, at=now_ms, n=n))

    async def delete(self, publisher: str, follower: str) -> None:
        """Follow a publisher no more. Safe to repeat."""
        await self.rows.delete_one({"_id": _key(publisher, follower)})

    async def is_followed(self, publisher: str, follower: str) -> bool:
        """Whether this person follows that publisher."""
        return await self.rows.find_one({"_id": _key(publisher, follower)}, {"_id": 1}) is not None

    async def followers(self, publisher: str, after: int, until: int) -> list[str]:
        """Return a publisher's followers with numbers above `after`, up to `until`."""
        numbers = {"$gt": after, "$lte": until}
        found = self.rows.find(
            {"publisher": publisher, "n": numbers}, {"follower": 1}, batch_size=until - after + 1
        )
        return [follow["follower"] for follow in await found.to_list(None)]

    async def number(self, follower: str, limit: int) -> int:
        """Return how many publishers a person follows, at most `limit`."""
        return await self.rows.count_documents({"follower": follower}, limit=limit)

    async def followed(self, follower: str, skip: int, limit: int) -> list[Person]:
        """Return the publishers whom a person follows, the newest first."""
        pipeline: list[Document] = [
            {"$match": {"follower": follower}},
            {"$sort": {"at": -1, "_id": 1}},
            {"$limit": skip + limit},
            only(("publisher",)),
            {"$skip": skip},
            look_up("people", "publisher", "person"),
        ]
        found = await aggregate(self.rows, pipeline, limit, batchSize=limit + 1)
        return [person for row in found for person in row["person"]]


def _key(publisher: str, follower: str) -> str:
    return f"{publisher}:{follower}"
