"""Tries at pick-up codes: `pickups`, one document per task, to count them over all processes."""

from server.store.documents import Documents
from server.store.pipelines import NOW_MS, Document

WRONG_CODES = 5
LOCKED_MS = 600_000
# In the update below, `turned_away` says whether the latest try met a lock; such a try changes nothing else.
_TOO_MANY: Document = {"$gte": ["$tries", WRONG_CODES]}
_LOCK: Document = {"$cond": [_TOO_MANY, {"$add": [NOW_MS, LOCKED_MS]}, {"$literal": 0}]}
_COUNTED: Document = {"$add": [{"$ifNull": ["$tries", 0]}, 1]}
_ONE_MORE_TRY: list[Document] = [
    {"$set": {"turned_away": {"$gt": [{"$ifNull": ["$locked_until", 0]}, NOW_MS]}}},
    {"$set": {"tries": {"$cond": ["$turned_away", "$tries", _COUNTED]}}},
    {
        "$set": {
            "locked_until": {"$cond": ["$turned_away", "$locked_until", _LOCK]},
            "tries": {"$cond": [_TOO_MANY, {"$literal": 0}, "$tries"]},
        }
    },
]


class Pickups(Documents[Document]):
    """Reads and writes of `pickups`."""

    NAME = "pickups"

    async def begin_try(self, code: str) -> int | None:
        """Count a try before its code is looked at; return how many tries are left after it, None while
        locked.

        Counting first means that guesses made at once cannot outrun the lock.
        """
        # The lock is looked at inside the update: an upsert's filter may have no $expr.
        found = await self.upsert(code, _ONE_MORE_TRY)
        if found["turned_away"]:
            return None
        return 0 if found["locked_until"] else WRONG_CODES - int(found["tries"])

    async def forgive(self, code: str, *, locked_by_it: bool) -> None:
        """Forget the tries: a prize was handed over. A lock stays, unless this try set it."""
        await self.collection.update_one(
            {"_id": code} if locked_by_it else {"_id": code, "locked_until": 0},
            {"$set": {"tries": 0, "locked_until": 0}},
        )

    async def excuse(self, code: str, *, locked_by_it: bool) -> None:
        """Take back one try, and the lock if this try set it."""
        if locked_by_it:
            before = {"tries": WRONG_CODES - 1, "locked_until": 0}
            await self.collection.update_one({"_id": code}, {"$set": before})
        else:
            await self.collection.update_one(
                {"_id": code, "locked_until": 0, "tries": {"$gt": 0}},
                [{"$set": {"tries": {"$subtract": ["$tries", 1]}}}],
            )
