"""What WeChat's stand-in keeps. A production database never has these collections."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from motor.motor_asyncio import AsyncIOMotorDatabase
from pymongo import IndexModel

from server.store.sandbox.codes import SandboxCodes
from server.store.sandbox.keys import SandboxKeys
from server.store.sandbox.messages import SandboxMessages
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
        self.messages = SandboxMessages(database)

    def indexes(self) -> dict[str, Sequence[IndexModel]]:
        """Return the indexes of each collection, by its name."""
        kept = (self.codes, self.pay, self.notices, self.messages)
        return {name: models for each in kept for name, models in each.indexes().items()}
