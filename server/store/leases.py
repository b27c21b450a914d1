"""Leases that one process at a time has, such as the leader's: `leases`. A lease that is not renewed ends.

No lease lasts for longer than it was taken for. If MongoDB's clock was set back, whoever next asks for the
lease cuts it to that length.
"""

from __future__ import annotations

from typing import Any, TypedDict

from server.store.documents import Documents
from server.store.pipelines import NOW_MS


class Lease(TypedDict):
    """Which process has a lease, until when by MongoDB's clock (unix ms), and how long it may last (ms)."""

    _id: str
    holder: str
    until: int
    lasts: int


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
        """Renew a lease that this process took, unless another process has it; return the lease as it is
        afterwards, None if there is none.

        A renewal that was cancelled may still reach MongoDB after `release`. It must not take the lease anew.
        """
        return await self.find_one_and_update({"_id": name}, _taken(holder, lasts_ms))

    async def release(self, name: str, holder: str) -> None:
        """Give a lease back."""
        await self.collection.delete_one({"_id": name, "holder": holder})


def _taken(holder: str, lasts_ms: int) -> list[dict[str, Any]]:
    """Return the update that takes or renews a lease if it is free or this process has it."""
    over = {"$lte": [{"$ifNull": ["$until", 0]}, NOW_MS]}
    free = {"$or": [{"$eq": ["$holder", holder]}, over]}
    longest = {"$add": [NOW_MS, "$lasts"]}
    taken = {
        "holder": {"$cond": [free, holder, "$holder"]},
        "until": {"$cond": [free, {"$add": [NOW_MS, lasts_ms]}, {"$min": ["$until", longest]}]},
        "lasts": {"$cond": [free, lasts_ms, "$lasts"]},
    }
    return [{"$set": taken}]
