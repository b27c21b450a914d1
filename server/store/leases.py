"""Leases that one process at a time has, such as the leader's: `leases`. A lease that is not renewed ends.

No lease lasts for longer than it was taken for. If MongoDB's clock was set back, whoever next asks for the
lease cuts it to that length, and notes by how much in the same update: so a step is known even if all
processes restarted after it.
"""

from typing import Any, NotRequired, TypedDict

from server.clock import STEP_MS
from server.store.documents import Documents
from server.store.pipelines import NOW_MS


class Lease(TypedDict):
    """Which process has a lease ("" if it was given back), until when by MongoDB's clock (unix ms), and how
    long it may last (ms). `set_back` is by how many ms at most the clock was set back since
    `clear_set_back`."""

    _id: str
    holder: str
    until: int
    lasts: int
    set_back: NotRequired[int]


class Leases(Documents[Lease]):
    """Reads and writes of `leases`."""

    NAME = "leases"

    async def acquire(self, name: str, holder: str, lasts_ms: int) -> Lease:
        """Take or renew a lease unless another process has it; return the lease as it is afterwards.

        This is one update by MongoDB's clock, so no process takes a lease early because its own clock is
        wrong.
        """
        return await self.upsert(name, _taken(holder, lasts_ms))

    async def renew(self, name: str, holder: str, lasts_ms: int) -> Lease | None:
        """Renew a lease that this process has; return the lease as it is afterwards, None if it has it no
        more.

        A renewal that was cancelled may still reach MongoDB after `release`. It must not take the lease anew.
        """
        return await self.find_one_and_update({"_id": name, "holder": holder}, _taken(holder, lasts_ms))

    async def release(self, name: str, holder: str) -> None:
        """Give a lease back."""
        await self.collection.update_one({"_id": name, "holder": holder}, {"$set": {"holder": ""}})

    async def clear_set_back(self, name: str, set_back_ms: int) -> None:
        """Note that nothing waits any more because the clock was set back by so much."""
        await self.collection.update_one({"_id": name}, {"$inc": {"set_back": -set_back_ms}})


def _taken(holder: str, lasts_ms: int) -> list[dict[str, Any]]:
    """Return the update that takes or renews a lease if it is free or this process has it."""
    over = {"$lte": [{"$ifNull": ["$until", 0]}, NOW_MS]}
    free = {"$or": [{"$in": ["$holder", [holder, ""]]}, over]}
    longest = {"$add": [NOW_MS, "$lasts"]}
    stepped = {"$gt": [{"$subtract": ["$until", longest]}, STEP_MS]}
    set_back = {"$cond": [stepped, {"$subtract": ["$until", NOW_MS]}, 0]}
    taken = {
        "holder": {"$cond": [free, holder, "$holder"]},
        "until": {"$cond": [free, {"$add": [NOW_MS, lasts_ms]}, {"$min": ["$until", longest]}]},
        "lasts": {"$cond": [free, lasts_ms, "$lasts"]},
        "set_back": {"$add": [{"$ifNull": ["$set_back", 0]}, set_back]},
    }
    return [{"$set": taken}]
