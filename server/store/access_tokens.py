"""WeChat's access tokens, sealed, shared by all processes: `access_tokens`, by appid.

What is in a box, and under which key, is known to `server/wechat` alone.
"""

from __future__ import annotations

from typing import Any

from pymongo.errors import DuplicateKeyError

from server.store.documents import Documents

_Document = dict[str, Any]


class AccessTokens(Documents[_Document]):
    """One document an appid: box, expires_at_ms, and until when somebody is renewing it."""

    NAME = "access_tokens"

    async def find(self, appid: str) -> tuple[bytes, int]:
        """Return the box and when its token expires (unix ms); an empty one, long expired, for none."""
        found = await self.collection.find_one({"_id": appid})
        if found is None or "expires_at_ms" not in found:
            return b"", 0
        return bytes(found["box"]), int(found["expires_at_ms"])

    async def claim(self, appid: str, seen: bytes, now_ms: int, until_ms: int) -> bool:
        """Win the right to renew until `until_ms`; False where another has it or the box is not `seen`."""
        try:
            await self.collection.update_one(
                {"_id": appid, "box": seen, "renewing_until_ms": {"$lte": now_ms}},
                {"$set": {"renewing_until_ms": until_ms}},
                upsert=True,  # where there is a document that does not match, its _id is in the way
            )
        except DuplicateKeyError:
            return False
        return True

    async def save(self, appid: str, box: bytes, expires_at_ms: int) -> None:
        """Keep a renewed token and give the claim back."""
        fields = {"box": box, "expires_at_ms": expires_at_ms, "renewing_until_ms": 0}
        await self.collection.update_one({"_id": appid}, {"$set": fields}, upsert=True)

    async def release(self, appid: str) -> None:
        """Give the claim back without a renewed token."""
        await self.collection.update_one({"_id": appid}, {"$set": {"renewing_until_ms": 0}})
