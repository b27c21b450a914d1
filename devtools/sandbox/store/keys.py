"""The key pairs of the WeChat Pay sandbox: `sandbox_keys`, one document."""

from typing import NotRequired, TypedDict

from server.store.documents import Documents

_ID = "pay"


class SandboxKeyPairs(TypedDict):
    """PEM texts of what the sandbox and its only merchant sign with, and the APIv3 key they share."""

    _id: NotRequired[str]
    platform_private_key: str
    platform_public_key: str
    merchant_private_key: str
    merchant_public_key: str
    api_v3_key: str


class SandboxKeys(Documents[SandboxKeyPairs]):
    """The pairs, made once and kept for good, so that every process signs and verifies with the same keys."""

    NAME = "sandbox_keys"

    async def find(self) -> SandboxKeyPairs | None:
        """Return the pairs, None if there are none yet."""
        return await self.collection.find_one({"_id": _ID})

    async def add(self, pairs: SandboxKeyPairs) -> SandboxKeyPairs:
        """Store `pairs` unless another process was first; return those that are stored."""
        return await self.add_or_read({**pairs, "_id": _ID})
