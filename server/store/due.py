"""Work that is left to do: a document has `due_at` as long as it has to be looked at again.

Any number of processes may lease at once. A lease moves `due_at` ahead by `LEASE_MS`. So one process at a
time works on a document, and the document comes due again if that process dies.
"""

from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any, ClassVar

from server.game.lifecycle import Table
from server.store.documents import Documents, T, index
from server.store.pipelines import NOW_MS

# Longer than all calls about one document take together.
LEASE_MS = 60_000
BATCH = 100

DUE_INDEX = index("due", "due_at", there="due_at")


class DueDocuments(Documents[T]):
    """Documents that may be due. `DUE_INDEX` must be among their INDEXES.

    `TABLE` is their lifecycle, if they have one.
    """

    TABLE: ClassVar[Table]

    async def find(self, key: str) -> T | None:
        """Return the document of this `_id`, None if there is none."""
        return await self.collection.find_one({"_id": key})

    async def get(self, key: str) -> T:
        """Return the document of this `_id`, which must be there. Raises LookupError."""
        found = await self.find(key)
        if found is None:
            raise LookupError(f"{self.NAME} has no {key}")
        return found

    async def alarms(self) -> dict[str, int]:
        """Return how many documents have an alarm, by alarm: WeChat does not take what they ask."""
        found = await self.sums({"alarm": {"$gt": ""}}, "$alarm", number=1)
        return {row["_id"]: row["number"] for row in found}

    async def lease_due(
        self,
        now_ms: Callable[[], int],
        among: Mapping[str, Any] = {},
        field: str = "due_at",
        lasts_ms: int = LEASE_MS,
    ) -> AsyncIterator[T]:
        """Yield documents that are due, the longest due first. Each is leased just before it is yielded.

        `now_ms` only says where to look; MongoDB's clock decides what is due: a process whose clock is wrong
        finds a document early, but cannot lease it. `among` is a condition. `field` is where the documents
        have the time at which they are due.
        """
        later = {"$cond": [{"$lte": [f"${field}", NOW_MS]}, {"$add": [NOW_MS, lasts_ms]}, f"${field}"]}
        for row in await self.in_order({field: {"$lte": now_ms()}, **among}, field, BATCH, {field: 1}):
            due_at = _inner(row, field)
            leased = await self.find_one_and_update(
                {"_id": row["_id"], field: due_at}, [{"$set": {field: later}}]
            )
            if leased is not None and _inner(leased, field) != due_at:
                yield leased

    async def cut_waits(self, now_ms: int, set_back_ms: int, field: str = "due_at") -> None:
        """Make due what may have been leased, or put off, before MongoDB's clock was set back by so much."""
        ahead = {"$gt": now_ms, "$lte": now_ms + set_back_ms + LEASE_MS}
        await self.collection.update_many({field: ahead}, [{"$set": {field: NOW_MS}}])

    async def again(self, document: T, at_ms: int | None, field: str = "due_at") -> None:
        """Look at a document again at that time (unix ms, None: never).

        Does nothing if its `due_at` changed since it was read: something happened that must be looked at
        sooner.
        """
        change = {"$unset": {field: ""}} if at_ms is None else {"$set": {field: at_ms}}
        await self.collection.update_one({"_id": document["_id"], field: document.get(field)}, change)


def _inner(document: Any, path: str) -> Any:
    """Return the value at a path such as "leaving.due_at"."""
    for name in path.split("."):
        document = document[name]
    return document
