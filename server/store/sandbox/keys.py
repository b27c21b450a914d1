"""The key pairs of the WeChat Pay sandbox: `sandbox_keys`, one document."""

from __future__ import annotations

from typing import Any, TypedDict

from motor.motor_asyncio import AsyncIOMotorDatabase
from pymongo.errors import DuplicateKeyError

_Document = dict[str, Any]
_ID = "pay"


class SandboxKeyPairs(TypedDict):
    """PEM texts of what the stand-in and its only merchant sign with, and the APIv3 key they share."""

    platform_private_key: str
    platform_public_key: str
    merchant_private_key: str
    merchant_public_key: str
    api_v3_key: str


class SandboxKeys:
    """The pairs, made once and kept for good, so that every process signs and verifies with the same."""

    def __init__(self, database: AsyncIOMotorDatabase[_Document]) -> None:
        self.collection = database["sandbox_keys"]

    async def find(self) -> SandboxKeyPairs | None:
        """Return the pairs, None before there are any."""
        found: SandboxKeyPairs | None = await self.collection.find_one({"_id": _ID})  # type: ignore[assignment]
        return found

    async def add(self, pairs: SandboxKeyPairs) -> SandboxKeyPairs:
        """Keep `pairs` unless another process was first; return those that are kept."""
        try:
            await self.collection.insert_one({"_id": _ID, **pairs})
        except DuplicateKeyError:
            kept = await self.find()
            if kept is not None:
                return kept
        return pairs
