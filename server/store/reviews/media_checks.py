"""What WeChat pushed about pictures: `media_checks`, by the trace_id of the request.

A result may come before the trace_id is noted in the review, or after the process that asked died. So it is
kept here, for a day.
"""

from datetime import UTC, datetime
from typing import NotRequired, TypedDict

from server.game.amounts import DAY_MS
from server.store.documents import Documents, index


class MediaCheck(TypedDict):
    """`said` is WeChat's `suggest`, `risk` the kind of risk in words."""

    _id: str
    said: str
    risk: str
    delete_at: NotRequired[datetime]


class MediaChecks(Documents[MediaCheck]):
    """Reads and writes of `media_checks`."""

    NAME = "media_checks"
    INDEXES = (index("outdated", "delete_at", expireAfterSeconds=0),)

    async def add(self, check: MediaCheck, now_ms: int) -> None:
        """Keep a result. The first one of a trace_id stays. Raises Uncommitted if the first may be undone."""
        delete_at = datetime.fromtimestamp((now_ms + DAY_MS) / 1000, UTC)  # MongoDB's deletion needs a date
        await self.insert({**check, "delete_at": delete_at})

    async def find_first(self, traces: list[str]) -> MediaCheck | None:
        """Return the result of one of these requests, None if there is none yet."""
        return await self.collection.find_one({"_id": {"$in": traces}}, {"delete_at": 0})
