"""What a database says of itself: `meta`, here its document `database`. `schema.py` has the other document.

`identity` is written once, when the database is prepared. No other database has the same one. `keys` has the
fingerprint of each secret that a server has sealed under, noted before the server serves. Only a rotation
that has left no value under a secret removes its fingerprint.

`featured` has the codes of the tasks that operators put on top of the square, the last one last. They are
kept here because each process reads this document anyway, twice a second.
"""

import secrets
from collections.abc import Iterable
from typing import Any, NotRequired, TypedDict, cast

from server.store.documents import Documents
from server.store.driver import aggregate
from server.store.pipelines import NOW_MS

_ID = "database"


class AboutDatabase(TypedDict):
    """What stands in `meta` about the database."""

    _id: str
    identity: str
    keys: dict[str, int]
    featured: NotRequired[list[str]]


# The document, with MongoDB's clock.
LOOK: list[dict[str, Any]] = [{"$match": {"_id": _ID}}, {"$set": {"now": NOW_MS}}]


class Meta(Documents[AboutDatabase]):
    """Reads and writes of `meta`. A server writes only into the database whose identity it gives."""

    NAME = "meta"

    async def name_database(self) -> None:
        """Give the database its identity, unless it has one."""
        named = AboutDatabase(_id=_ID, identity=secrets.token_hex(8), keys={})
        await self.upserts({"_id": _ID}, {"$setOnInsert": dict(named)})

    async def find(self) -> AboutDatabase | None:
        """Return what `meta` says of the database; None in a database that was never prepared."""
        return await self.collection.find_one({"_id": _ID})

    async def look(self) -> tuple[AboutDatabase | None, int]:
        """Return what `meta` says of the database, and MongoDB's clock (unix ms).

        Of a database that was never prepared, return None and 0.
        """
        found = await aggregate(self.rows, LOOK, 1)
        if not found:
            return None, 0
        now_ms = found[0].pop("now")
        return cast(AboutDatabase, found[0]), now_ms

    async def note_sealing(self, identity: str, fingerprint: str) -> None:
        """Note that a server seals under this secret from now on, unless the database is another one."""
        ours = {"_id": _ID, "identity": identity}
        await self.collection.update_one(ours, {"$set": {f"keys.{fingerprint}": 1}})

    async def feature(self, identity: str, code: str, most: int) -> list[str]:
        """Add a task at the end of the featured ones, unless `most` others are featured; return the codes of
        all featured tasks."""
        free = {"$or": [{"featured": code}, {f"featured.{most - 1}": {"$exists": False}}]}
        found = await self.find_one_and_update(
            {"_id": _ID, "identity": identity, **free}, {"$addToSet": {"featured": code}}
        )
        if found is None:
            found = await self.find()
        return [] if found is None else found.get("featured", [])

    async def unfeature(self, identity: str, codes: list[str]) -> list[str]:
        """Stop featuring these tasks; return the codes of the tasks that are still featured."""
        found = await self.find_one_and_update(
            {"_id": _ID, "identity": identity}, {"$pull": {"featured": {"$in": codes}}}
        )
        return [] if found is None else found.get("featured", [])

    async def forget_keys(self, fingerprints: Iterable[str]) -> None:
        """Take out the fingerprints of secrets under which nothing is stored any more."""
        unneeded = {f"keys.{each}": "" for each in fingerprints}
        if unneeded:
            await self.collection.update_one({"_id": _ID}, {"$unset": unneeded})
