"""What is left to do: a document carries `due_at` for as long as it has to be looked at again.

Any number of processes may claim at once. Claiming moves `due_at` ahead by a lease, so that each document is
in one process's hands at a time, and comes due again where that process dies.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import pymongo
from motor.motor_asyncio import AsyncIOMotorCollection
from pymongo import IndexModel

_Document = dict[str, Any]

# Longer than all calls about one document can last together.
LEASE_MS = 60_000
# Whoever notes what WeChat said goes on to what follows from it; a sweep takes over after this long.
FOLLOWED_MS = 10_000
BATCH = 100
# What WeChat has not said for this long raises an alarm of this name, which ends once WeChat says it.
UNKNOWN_MS = 3_600_000
UNKNOWN = "UNKNOWN"
# WeChat says something that our own record cannot be brought together with.
CONTRADICTION = "CONTRADICTION"
KNOWN: _Document = {"unknown_since": ""}

DUE_INDEX = IndexModel([("due_at", 1)], name="due", partialFilterExpression={"due_at": {"$exists": True}})


async def claim_due(
    collection: AsyncIOMotorCollection[_Document], now_ms: Callable[[], int]
) -> AsyncIterator[_Document]:
    """Yield documents that are due, each claimed for this process right before, the longest due first."""
    found = collection.find(
        {"due_at": {"$lte": now_ms()}}, {"due_at": 1}, sort=[("due_at", pymongo.ASCENDING)], limit=BATCH
    )
    for row in await found.to_list(BATCH):
        claimed = await collection.find_one_and_update(
            {"_id": row["_id"], "due_at": row["due_at"]},
            {"$set": {"due_at": now_ms() + LEASE_MS}},
            return_document=True,
        )
        if claimed is not None:
            yield claimed


async def claim_one(collection: AsyncIOMotorCollection[_Document], key: str, now_ms: int) -> bool:
    """Claim one document; False if it is not due."""
    claimed = await collection.update_one(
        {"_id": key, "due_at": {"$lte": now_ms}}, {"$set": {"due_at": now_ms + LEASE_MS}}
    )
    return claimed.modified_count == 1


async def count_alarms(collection: AsyncIOMotorCollection[_Document]) -> dict[str, int]:
    """Return how many documents carry each `alarm`."""
    pipeline: list[_Document] = [
        {"$match": {"alarm": {"$gt": ""}}},
        {"$group": {"_id": "$alarm", "number": {"$sum": 1}}},
    ]
    return {row["_id"]: row["number"] async for row in collection.aggregate(pipeline)}


async def note_unknown(
    collection: AsyncIOMotorCollection[_Document], key: str, state: str, now_ms: int
) -> None:
    """Note that WeChat does not say what became of something, unless its state has changed meanwhile.

    Whatever notes that WeChat did say takes away `unknown_since` (`KNOWN`), and the alarm with it.
    """
    alarm = {"$cond": [{"$lte": ["$unknown_since", now_ms - UNKNOWN_MS]}, {"$literal": UNKNOWN}, "$alarm"]}
    await collection.update_one(
        {"_id": key, "state": state},
        [{"$set": {"unknown_since": {"$ifNull": ["$unknown_since", now_ms]}}}, {"$set": {"alarm": alarm}}],
    )


async def raise_alarm(collection: AsyncIOMotorCollection[_Document], key: str, alarm: str) -> None:
    """Note why the operator has to look at a document, whatever its state. WeChat's next word ends that."""
    await collection.update_one({"_id": key}, {"$set": {"alarm": alarm}})


async def finish(collection: AsyncIOMotorCollection[_Document], key: str, state: str) -> None:
    """Nothing is left to do about a document, unless its state has changed meanwhile."""
    await collection.update_one({"_id": key, "state": state}, {"$unset": {"due_at": ""}})
