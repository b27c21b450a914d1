"""What operators did: `audit_log`. An act is never changed or deleted; its outcome is added once."""

import re
from hashlib import sha256
from typing import Literal, NamedTuple, NotRequired, TypedDict

from bson import ObjectId
from pymongo.errors import DuplicateKeyError

from server.store.documents import Documents, index
from server.store.pipelines import Document

BEGUN = "begun"
# The fields that the log can be filtered by, besides the time.
FILTERED = ("operator", "act", "code", "person")
# A target that names a task, by its code alone, or by a depth or a review of the task.
_CODE = re.compile(r"(?:task:)?([0-9A-Za-z]{12})(?:\Z|:)")


class Actor(NamedTuple):
    """An operator. If the token is `shared`, the name is only what was typed."""

    name: str
    shared: bool

    @property
    def by(self) -> str:
        """Who they are in a document's history; see `Moved`."""
        return f"operator:{self.name}"


class Act(TypedDict):
    """An act: who did what to which task or process, when (unix ms) and why, and what became of it.

    `code` is the task that the target names, `person` the public id of the person whom it names.
    `shared` is 1 if `operator` was only typed, beside a token that several people have.

    `outcome` is "done", the code of the refusal, or "begun" while it is not known. In that case the process
    may have died before the act or after it.
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


def depth_of(act: Act) -> int:
    """Return the depth that an act's target names, 0 if none."""
    code, _, depth = act["target"].partition(":")
    return int(depth) if code == act.get("code") and depth.isdigit() else 0


class Wanted(NamedTuple):
    """Which acts are wanted: by which operator, of which kind, about which task or person, and of which time.

    "" does not filter. `person` is a public id.
    """

    since_ms: int
    until_ms: int
    operator: str = ""
    act: str = ""
    code: str = ""
    person: str = ""

    def condition(self, before_ms: int) -> Document:
        """Return the query for those of before a time (unix ms)."""
        equal = {"operator": self.operator, "act": self.act, "code": self.code, "person": self.person}
        asked = {field: value for field, value in equal.items() if value}
        return {**asked, "at": {"$gte": self.since_ms, "$lt": before_ms}}


class AuditLog(Documents[Act]):
    """Reads and writes of `audit_log`."""

    NAME = "audit_log"
    INDEXES = (
        index("newest", "-at"),
        *(index(f"by_{field}", f"{field} -at") for field in FILTERED),
    )

    async def begin(
        self, at_ms: int, actor: Actor, act: str, target: str, reason: str, person: str = ""
    ) -> ObjectId:
        """Write an act that is about to be done; return its id for `conclude`."""
        written = ObjectId()
        await self._write(written, at_ms, actor, act, target, reason, person)
        return written

    async def begin_once(
        self, told: str, at_ms: int, actor: Actor, act: str, target: str, reason: str
    ) -> ObjectId | None:
        """Write an act that follows from what we were `told`, unless it was written before; return its id,
        None if it is concluded."""
        act_id = ObjectId(sha256(told.encode()).digest()[:12])
        try:
            await self._write(act_id, at_ms, actor, act, target, reason, "")
        except DuplicateKeyError:
            begun = await self.rows.find_one({"_id": act_id, "outcome": BEGUN}, {"_id": 1})
            return act_id if begun else None
        return act_id

    async def _write(
        self, act_id: ObjectId, at_ms: int, actor: Actor, act: str, target: str, reason: str, person: str
    ) -> None:
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
        await self.rows.insert_one({"_id": act_id, **written})

    async def conclude(self, act: ObjectId, outcome: str) -> None:
        """Add what became of an act, once."""
        await self.collection.update_one({"_id": act, "outcome": BEGUN}, {"$set": {"outcome": outcome}})

    async def about(self, field: Literal["code", "person"], values: list[str], limit: int) -> list[Act]:
        """Return the newest acts about a task or a person."""
        return await self.in_order({field: {"$in": values}}, "-at", limit)

    async def page(self, wanted: Wanted, limit: int) -> tuple[list[Act], bool]:
        """Return the acts that are wanted, the newest first, and whether there are older ones.

        Besides `limit` acts it has all others of the last one's millisecond, so that none is lost between two
        pages.
        """
        condition = wanted.condition(wanted.until_ms)
        acts = await self.in_order(condition, "-at", limit, {"_id": 0})
        if len(acts) < limit:
            return acts, False
        last = acts[-1]["at"]
        same = await self.collection.find({**condition, "at": last}, {"_id": 0}).to_list(None)
        older = await self.in_order(wanted.condition(last), "-at", 1, {"at": 1})
        return [act for act in acts if act["at"] > last] + same, bool(older)
