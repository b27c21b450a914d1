"""WeChat's access tokens, sealed, shared by all processes: `access_tokens`, by appid.

Only `server/wechat` knows what a box holds and which key opens it.
"""

from __future__ import annotations

from typing import Any

from pymongo.errors import DuplicateKeyError

from server.store.documents import Documents

_Document = dict[str, Any]


class AccessTokens(Documents[_Document]):
    """One document per appid: the box, when its token expires, and until when its renewal is claimed."""

    NAME = "access_tokens"

    async def find(self, appid: str) -> tuple[bytes, int]:
        """Return the box and when its token expires (unix ms); b"" and 0 if there is none."""
        found = await self.collection.find_one({"_id": appid})
        if found is None or "expires_at_ms" not in found:
            return b"", 0
        return bytes(found["box"]), int(found["expires_at_ms"])

    async def claim(self, appid: str, seen: bytes, now_ms: int, until_ms: int) -> bool:
        """Claim the renewal until `until_ms`; False if another has claimed it or the box is not `seen`."""
        try:
            await self.collection.update_one(
                {"_id": appid, "box": seen, "renewing_until_ms": {"$lte": now_ms}},
                {"$set": {"renewing_until_ms": until_ms}},
                upsert=True,  # if there is a document that does not match, its _id is taken
            )
        except DuplicateKeyError:
            return False
        return True

    async def save(self, appid: str, box: bytes, expires_at_ms: int) -> None:
        """Store a renewed token and end the claim."""
        fields = {"box": box, "expires_at_ms": expires_at_ms, "renewing_until_ms": 0}
        await self.collection.update_one({"_id": appid}, {"$set": fields}, upsert=True)

    async def release(self, appid: str) -> None:
        """End the claim without a renewed token."""
        await self.collection.update_one({"_id": appid}, {"$set": {"renewing_until_ms": 0}})
