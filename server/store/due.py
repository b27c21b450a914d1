"""Work that is left to do: a document has `due_at` as long as it has to be looked at again.

Any number of processes may lease at once. A lease moves `due_at` ahead by `LEASE_MS`. So one process at a
time works on a document, and it comes due again if that process dies.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any, ClassVar

import pymongo
from pymongo import IndexModel

from server.game.lifecycle import Table
from server.store.documents import Documents, T
from server.store.pipelines import NOW_MS

# Longer than all calls about one document take together.
LEASE_MS = 60_000
BATCH = 100

# By MongoDB's clock: a process whose clock is wrong finds a document early, but cannot lease it.
_LEASE: list[dict[str, Any]] = [
    {"$set": {"due_at": {"$cond": [{"$lte": ["$due_at", NOW_MS]}, {"$add": [NOW_MS, LEASE_MS]}, "$due_at"]}}}
]

DUE_INDEX = IndexModel([("due_at", 1)], name="due", partialFilterExpression={"due_at": {"$exists": True}})


class DueDocuments(Documents[T]):
    """Documents that may be due. `DUE_INDEX` must be among their INDEXES.

    `TABLE` is their lifecycle, if they have one.
    """

    TABLE: ClassVar[Table]

    async def find(self, key: str) -> T | None:
        """Return the document of this `_id`, None if there is none."""
        return await self.collection.find_one({"_id": key})

    def lease_due(self, now_ms: Callable[[], int]) -> AsyncIterator[T]:
        """Yield documents that are due, the longest due first. Each is leased just before it is yielded.

        `now_ms` only says where to look; MongoDB's clock decides what is due.
        """
        return self._lease_among({}, now_ms)

    async def _lease_among(self, among: dict[str, Any], now_ms: Callable[[], int]) -> AsyncIterator[T]:
        due = {"due_at": {"$lte": now_ms()}, **among}
        found = self.rows.find(due, {"due_at": 1}, sort=[("due_at", pymongo.ASCENDING)], limit=BATCH)
        for row in await found.to_list(BATCH):
            leased = await self.find_one_and_update(
                {"_id": row["_id"], "due_at": row["due_at"]}, self._lease(now_ms()), return_document=True
            )
            if leased is not None and leased["due_at"] != row["due_at"]:
                yield leased

    def _lease(self, now_ms: int) -> list[dict[str, Any]]:
        """Return the update that leases; by MongoDB's clock, unless a collection says otherwise."""
        del now_ms
        return _LEASE

    async def again(self, document: T, at_ms: int | None) -> None:
        """Look at a document again at that time (unix ms, None: never).

        Does nothing if its `due_at` changed since it was read: something happened that must be looked at
        sooner.
        """
        change = {"$unset": {"due_at": ""}} if at_ms is None else {"$set": {"due_at": at_ms}}
        await self.collection.update_one({"_id": document["_id"], "due_at": document.get("due_at")}, change)
