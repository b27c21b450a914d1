"""What operators did: `audit_log`. An act is never changed or deleted; its outcome is added once."""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple, TypedDict

import pymongo
from bson import ObjectId
from pymongo import IndexModel

from server.store.documents import Documents

_Document = dict[str, Any]

BEGUN = "begun"


class Actor(NamedTuple):
    """An operator. If the token is `shared`, the name is only what was typed."""

    name: str
    shared: bool


class Act(TypedDict):
    """Who did what to which task or process, when (unix ms) and why, and what became of it.

    `shared` is 1 if `operator` was only typed, beside a token that several people have.

    `outcome` is "done", the code of the refusal, or "begun" while it is not known. Then the process may
    have died before the act or after it.
    """

    at: int
    operator: str
    act: str
    target: str
    reason: str
    outcome: str
    shared: int


class AuditLog(Documents[Act]):
    """Reads and writes of `audit_log`."""

    NAME = "audit_log"
    INDEXES: ClassVar[list[IndexModel]] = [IndexModel([("at", -1)], name="newest")]

    async def begin(self, at_ms: int, actor: Actor, act: str, target: str, reason: str) -> ObjectId:
        """Write an act that is about to be done; return its id for `conclude`."""
        written = Act(
            at=at_ms,
            operator=actor.name,
            shared=int(actor.shared),
            act=act,
            target=target,
            reason=reason,
            outcome=BEGUN,
        )
        found = await self.rows.insert_one(dict(written))
        assert isinstance(found.inserted_id, ObjectId)  # noqa: S101  (the driver makes one if none is given)
        return found.inserted_id

    async def conclude(self, act: ObjectId, outcome: str) -> None:
        """Add what became of an act, once."""
        await self.collection.update_one({"_id": act, "outcome": BEGUN}, {"$set": {"outcome": outcome}})

    async def newest(self, limit: int) -> list[Act]:
        """Return the newest acts, the last one first."""
        found = self.collection.find({}, {"_id": 0}, sort=[("at", pymongo.DESCENDING)], limit=limit)
        return await found.to_list(limit)
