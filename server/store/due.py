"""What is left to do: a document has `due_at` as long as it has to be looked at again.

Any number of processes may claim at once. A claim moves `due_at` ahead by a lease. So one process at a time
works on a document, and it comes due again if that process dies.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import pymongo
from pymongo import IndexModel

from server.store.documents import Documents, T
from server.store.pipelines import NOW_MS

# Longer than all calls about one document take together.
LEASE_MS = 60_000
# A process that notes what WeChat said also does what follows. After this long, a sweep does it.
FOLLOWED_MS = 10_000
BATCH = 100

# By MongoDB's clock: a process whose clock is wrong finds a document early, but cannot claim it.
_CLAIM: list[dict[str, Any]] = [
    {
        "$set": {
            "due_at": {"$cond": [{"$lte": ["$due_at", NOW_MS]}, {"$add": [NOW_MS, LEASE_MS]}, "$due_at"]}
        }
    }
]

DUE_INDEX = IndexModel([("due_at", 1)], name="due", partialFilterExpression={"due_at": {"$exists": True}})


class DueDocuments(Documents[T]):
    """Documents that may be due. `DUE_INDEX` must be among their INDEXES."""

    def claim_due(self, now_ms: Callable[[], int]) -> AsyncIterator[T]:
        """Yield documents that are due, the longest due first. Each is claimed just before it is yielded.

        `now_ms` only says where to look; MongoDB's clock decides what is due.
        """
        return self._claim_among({}, now_ms)

    async def _claim_among(self, among: dict[str, Any], now_ms: Callable[[], int]) -> AsyncIterator[T]:
        due = {"due_at": {"$lte": now_ms()}, **among}
        found = self.rows.find(due, {"due_at": 1}, sort=[("due_at", pymongo.ASCENDING)], limit=BATCH)
        for row in await found.to_list(BATCH):
            claimed = await self.find_one_and_update(
                {"_id": row["_id"], "due_at": row["due_at"]}, self._claim(now_ms()), return_document=True
            )
            if claimed is not None and claimed["due_at"] != row["due_at"]:
                yield claimed

    def _claim(self, now_ms: int) -> list[dict[str, Any]]:
        """Return the update that claims; by MongoDB's clock, unless a collection says otherwise."""
        del now_ms
        return _CLAIM

    async def claim(self, key: str) -> bool:
        """Claim one document; False if it is not due."""
        claimed = await self.collection.update_one({"_id": key, "due_at": {"$exists": True}}, _CLAIM)
        return claimed.modified_count == 1
