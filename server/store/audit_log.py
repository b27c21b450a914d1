"""What operators did: `audit_log`. An act is never changed or deleted; its outcome is added once."""

from __future__ import annotations

import re
from typing import Any, ClassVar, Literal, NamedTuple, NotRequired, TypedDict

import pymongo
from bson import ObjectId
from pymongo import IndexModel

from server.store.documents import Documents

_Document = dict[str, Any]

BEGUN = "begun"
# A target that names a task: its code, perhaps with a depth, or a review or a report of it.
_CODE = re.compile(r"(?:task:|report:)?([0-9A-Za-z]{12})(?:\Z|:)")


class Actor(NamedTuple):
    """An operator. If the token is `shared`, the name is only what was typed."""

    name: str
    shared: bool


class Act(TypedDict):
    """Who did what to which task or process, when (unix ms) and why, and what became of it.

    `code` is the task that the target names, `person` the public id of the person whom it names.
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
    code: NotRequired[str]
    person: NotRequired[str]


class AuditLog(Documents[Act]):
    """Reads and writes of `audit_log`."""

    NAME = "audit_log"
    INDEXES: ClassVar[list[IndexModel]] = [
        IndexModel([("at", -1)], name="newest"),
        IndexModel(
            [("code", 1), ("at", -1)],
            name="of_task",
            partialFilterExpression={"code": {"$exists": True}},
        ),
        IndexModel(
            [("person", 1), ("at", -1)],
            name="of_person",
            partialFilterExpression={"person": {"$exists": True}},
        ),
    ]

    async def begin(
        self, at_ms: int, actor: Actor, act: str, target: str, reason: str, person: str = ""
    ) -> ObjectId:
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
        code = _CODE.match(target)
        if code is not None:
            written["code"] = code[1]
        if person:
            written["person"] = person
        found = await self.rows.insert_one(dict(written))
        assert isinstance(found.inserted_id, ObjectId)  # noqa: S101  (the driver makes one if none is given)
        return found.inserted_id

    async def conclude(self, act: ObjectId, outcome: str) -> None:
        """Add what became of an act, once."""
        await self.collection.update_one({"_id": act, "outcome": BEGUN}, {"$set": {"outcome": outcome}})

    async def about(self, field: Literal["code", "person"], values: list[str], limit: int) -> list[Act]:
        """Return the newest acts about a task or a person."""
        newest = [("at", pymongo.DESCENDING)]
        return await self.collection.find({field: {"$in": values}}, sort=newest, limit=limit).to_list(limit)

    async def newest(self, limit: int) -> list[Act]:
        """Return the newest acts, the last one first."""
        found = self.collection.find({}, {"_id": 0}, sort=[("at", pymongo.DESCENDING)], limit=limit)
        return await found.to_list(limit)
