"""What WeChat's stand-in keeps. A production database never has these collections."""

from __future__ import annotations

from typing import Any

from motor.motor_asyncio import AsyncIOMotorDatabase

from server.store.sandbox.codes import SandboxCodes
from server.store.sandbox.keys import SandboxKeys
from server.store.sandbox.notices import Misbehaviours, SandboxNotices
from server.store.sandbox.pay import SandboxPay

__all__ = ["SandboxStore"]


class SandboxStore:
    """The stand-in's collections. Open it only if `settings.sandboxed`."""

    def __init__(self, database: AsyncIOMotorDatabase[dict[str, Any]]) -> None:
        self.codes = SandboxCodes(database)
        self.keys = SandboxKeys(database)
        self.pay = SandboxPay(database)
        self.notices = SandboxNotices(database)
        self.misbehaviours = Misbehaviours(database)

    async def ensure_indexes(self) -> None:
        """Create missing indexes. Safe to repeat, and to run in several processes at once."""
        await self.codes.ensure_indexes()
        await self.pay.ensure_indexes()
        await self.notices.ensure_indexes()
