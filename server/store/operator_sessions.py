"""Operators' sessions: `operator_sessions`, a document per login.

It holds no session's id, only a keyed hash of it (`Keys.operator_hash`).
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime
from typing import TypedDict

from server.store.documents import Documents, index

SESSION_MS = 12 * 3_600_000


class OperatorSession(TypedDict):
    """A session: whose it is, and from when until when it is valid (unix ms)."""

    _id: str
    name: str
    created_at: int
    ends_at: int


class OperatorSessions(Documents[OperatorSession]):
    """Reads and writes of `operator_sessions`."""

    NAME = "operator_sessions"
    INDEXES = (index("outdated", "delete_at", expireAfterSeconds=0),)

    async def begin(self, key: str, name: str, now_ms: int) -> None:
        """Record a session of 12 hours."""
        written = OperatorSession(_id=key, name=name, created_at=now_ms, ends_at=now_ms + SESSION_MS)
        delete_at = datetime.fromtimestamp((now_ms + SESSION_MS) / 1000, UTC)  # its deletion needs a date
        await self.rows.insert_one({**written, "delete_at": delete_at})

    async def find(self, keys: Collection[str], now_ms: int) -> OperatorSession | None:
        """Return the session that has one of these keys and is valid now, else None."""
        good = {"_id": {"$in": list(keys)}, "ends_at": {"$gt": now_ms}}
        return await self.collection.find_one(good, {"delete_at": 0})

    async def good(self, keys: Collection[str], now_ms: int) -> set[str]:
        """Return which of these sessions are valid now."""
        found = self.collection.find({"_id": {"$in": list(keys)}, "ends_at": {"$gt": now_ms}}, {"_id": 1})
        return {row["_id"] async for row in found}

    async def end(self, key: str, now_ms: int) -> None:
        """End a session now, for good."""
        await self.collection.update_one({"_id": key}, {"$min": {"ends_at": now_ms}})
