"""Duties that one process at a time has: `leases`, a document per duty. A lease ends if not renewed."""

from __future__ import annotations

from typing import TypedDict

from pymongo.errors import DuplicateKeyError

from server.store.documents import Documents


class Lease(TypedDict):
    """Which process has a duty, and until when (unix ms)."""

    _id: str
    holder: str
    until: int


class Leases(Documents[Lease]):
    """Reads and writes of `leases`."""

    NAME = "leases"

    async def acquire(self, duty: str, holder: str, now_ms: int, until_ms: int) -> bool:
        """Take or renew a duty's lease; False if another process has it."""
        free = {"_id": duty, "$or": [{"holder": holder}, {"until": {"$lte": now_ms}}]}
        try:
            await self.collection.update_one(
                free, {"$set": {"holder": holder, "until": until_ms}}, upsert=True
            )
        except DuplicateKeyError:
            return False
        return True

    async def release(self, duty: str, holder: str) -> None:
        """Give a lease back."""
        await self.collection.delete_one({"_id": duty, "holder": holder})
