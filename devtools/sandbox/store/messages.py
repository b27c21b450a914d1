"""The messages that WeChat's sandbox sent, and the consents that it has.

They are in `sandbox_messages` and `sandbox_consents`.
"""

from collections.abc import Sequence
from typing import ClassVar, TypedDict

import pymongo
from pymongo import IndexModel

from server.store.documents import Documents
from server.store.driver import Database


class SandboxMessage(TypedDict):
    """A message as it was sent; `at_ms` is when (unix ms)."""

    _id: str
    touser: str
    template_id: str
    page: str
    data: dict[str, dict[str, str]]
    miniprogram_state: str
    lang: str
    at_ms: int


class SandboxConsent(TypedDict):
    """`_id` is "openid:template_id"; `left`: how many messages may still be sent."""

    _id: str
    left: int


class _Messages(Documents[SandboxMessage]):
    NAME = "sandbox_messages"
    INDEXES: ClassVar[list[IndexModel]] = [IndexModel([("touser", 1), ("at_ms", -1)])]


class _Consents(Documents[SandboxConsent]):
    NAME = "sandbox_consents"


class SandboxMessages:
    """Consents that are given and used up, and what was sent."""

    def __init__(self, database: Database) -> None:
        self._messages = _Messages(database)
        self._consents = _Consents(database)

    def indexes(self) -> dict[str, Sequence[IndexModel]]:
        """Return the indexes of both collections."""
        return {_Messages.NAME: _Messages.INDEXES}

    async def consent(self, openid: str, template_id: str) -> None:
        """Note that a person allows one more message of a template."""
        await self._consents.collection.update_one(
            {"_id": f"{openid}:{template_id}"}, {"$inc": {"left": 1}}, upsert=True
        )

    async def use_consent(self, openid: str, template_id: str) -> bool:
        """Use a consent up; return False if there is no consent."""
        used = await self._consents.collection.update_one(
            {"_id": f"{openid}:{template_id}", "left": {"$gt": 0}}, {"$inc": {"left": -1}}
        )
        return used.modified_count == 1

    async def withdraw(self, openid: str, template_id: str) -> None:
        """Forget all consents of a person and template."""
        await self._consents.collection.delete_one({"_id": f"{openid}:{template_id}"})

    async def add(self, message: SandboxMessage) -> None:
        """Note a message that was sent."""
        await self._messages.rows.insert_one(dict(message))

    async def newest(self, openid: str, limit: int) -> list[SandboxMessage]:
        """Return the messages that were sent to a person, or if `openid` is "" to all, the newest first."""
        found = self._messages.collection.find(
            {"touser": openid} if openid else {}, sort=[("at_ms", pymongo.DESCENDING)], limit=limit
        )
        return await found.to_list(limit)
