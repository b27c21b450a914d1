"""WeChat's access tokens, sealed, shared by all processes: `access_tokens`, by appid.

Only `server/wechat` knows what `box` holds and which key opens it. All times are MongoDB's: a machine whose
clock is wrong would use a token that is over, or keep others from renewing it.
"""

from __future__ import annotations

from typing import Any

from server.game.amounts import DAY_MS
from server.game.sealed import Sealed
from server.store.documents import Documents, index
from server.store.pipelines import NOW_MS

_Document = dict[str, Any]


class AccessTokens(Documents[_Document]):
    """One document per appid: the sealed token as `box`, when it expires, and until when a process has leased
    its renewal.

    `forced_at_ms`: when renewals were forced.
    """

    NAME = "access_tokens"
    INDEXES = (index("sealed", "box.key _id", there="box.key"),)

    async def find(self, appid: str) -> tuple[Sealed | None, int]:
        """Return the sealed token and for how long it is still valid (ms); None and 0 if there is none."""
        pipeline: list[_Document] = [
            {"$match": {"_id": appid, "expires_at_ms": {"$exists": True}}},
            {"$project": {"box": 1, "left_ms": {"$subtract": ["$expires_at_ms", NOW_MS]}}},
        ]
        for row in await self.rows.aggregate(pipeline).to_list(1):
            return row["box"], int(row["left_ms"])
        return None, 0

    async def lease(self, appid: str, seen: Sealed | None, lasts_ms: int) -> bool:
        """Lease the renewal for `lasts_ms`; False if another process has the lease, or the token is no longer
        `seen`."""
        free = {"$lte": [{"$ifNull": ["$renewing_until_ms", 0]}, NOW_MS]}
        until = {"$cond": [free, {"$add": [NOW_MS, lasts_ms]}, "$renewing_until_ms"]}
        return await self.upserts({"_id": appid, "box": seen}, [{"$set": {"renewing_until_ms": until}}])

    async def begin_forcing(self, appid: str, most_a_day: int, apart_ms: int) -> bool:
        """Note that a renewal is forced; False if there were too many within a day, or one a moment before.

        Call it only with the lease. `forced_at_ms` has the times of the last day, in order.
        """
        day_ago = {"$subtract": [NOW_MS, DAY_MS]}
        times = {"$ifNull": ["$forced_at_ms", []]}
        recent = {"$filter": {"input": times, "cond": {"$gt": ["$$this", day_ago]}}}
        last = {"$ifNull": [{"$max": "$forced_at_ms"}, 0]}
        may = {
            "$and": [
                {"$lt": [{"$size": recent}, most_a_day]},
                {"$lte": [last, {"$subtract": [NOW_MS, apart_ms]}]},
            ]
        }
        noted = {"$cond": [may, {"$concatArrays": [recent, [NOW_MS]]}, times]}
        changed = await self.collection.update_one({"_id": appid}, [{"$set": {"forced_at_ms": noted}}])
        return changed.modified_count == 1

    async def save(self, appid: str, sealed: Sealed, lasts_ms: int) -> None:
        """Store a renewed token and end the lease."""
        fields = {
            "box": {"$literal": sealed},
            "expires_at_ms": {"$add": [NOW_MS, lasts_ms]},
            "renewing_until_ms": 0,
        }
        await self.collection.update_one({"_id": appid}, [{"$set": fields}], upsert=True)

    async def release(self, appid: str) -> None:
        """End the lease without a renewed token."""
        await self.collection.update_one({"_id": appid}, {"$set": {"renewing_until_ms": 0}})
