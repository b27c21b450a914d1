"""What the sandbox has yet to tell the merchant, `sandbox_notices`, and how it was told to misbehave.

Times are int64 unix milliseconds that the caller gives.
"""

from typing import ClassVar, NotRequired, TypedDict

from pymongo import IndexModel, ReturnDocument

from server.store.documents import Documents


class SandboxNotice(TypedDict):
    """`_id` is the notice's id, `number` what it is about; `state` waiting, done, lost or given_up.

    `copies`: how often it is sent each time. `forged`: a forged notice is sent before it. `by_certificate`:
    it is signed with the platform certificate, as for merchants who used that certificate before.
    """

    _id: str
    number: str
    event_type: str
    url: str
    resource: str
    copies: int
    forged: bool
    by_certificate: NotRequired[bool]
    created_at_ms: int
    state: str
    attempts: int
    due_at_ms: int


class Misbehaviour(TypedDict):
    """`number` and `call` are empty if any will do. `left`: how often it is still to happen."""

    what: str
    number: str
    call: str
    code: str
    seconds: int
    left: int


class SandboxNotices(Documents[SandboxNotice]):
    """The notices, each of which is sent until it is acknowledged or given up."""

    NAME = "sandbox_notices"
    INDEXES: ClassVar[list[IndexModel]] = [IndexModel([("state", 1), ("due_at_ms", 1)])]

    async def add(self, notice: SandboxNotice) -> None:
        """Store a notice to be sent."""
        await self.rows.insert_one(dict(notice))

    async def lease(self, now_ms: int, until_ms: int) -> SandboxNotice | None:
        """Lease a due notice. It is due again at `until_ms`, unless `end` or `postpone` comes first."""
        return await self.find_one_and_update(
            {"state": "waiting", "due_at_ms": {"$lte": now_ms}},
            {"$set": {"due_at_ms": until_ms}, "$inc": {"attempts": 1}},
            sort=[("due_at_ms", 1)],
            return_document=ReturnDocument.AFTER,
        )

    async def end(self, notice_id: str, state: str) -> None:
        """Give a notice its last state: it is not sent any more."""
        await self.collection.update_one({"_id": notice_id}, {"$set": {"state": state}})

    async def postpone(self, notice_id: str, due_at_ms: int) -> None:
        """Send a notice again at `due_at_ms`."""
        await self.collection.update_one(
            {"_id": notice_id, "state": "waiting"}, {"$set": {"due_at_ms": due_at_ms}}
        )


class Misbehaviours(Documents[Misbehaviour]):
    """How the sandbox was told to misbehave. A misbehaviour is used up once it has happened often enough."""

    NAME = "sandbox_misbehaviours"

    async def add(self, misbehaviour: Misbehaviour) -> None:
        """Store a misbehaviour that is to happen `left` times."""
        await self.rows.insert_one(dict(misbehaviour))

    async def take(self, kinds: tuple[str, ...], number: str, call: str = "") -> Misbehaviour | None:
        """Use up the oldest misbehaviour of these kinds for this number and call; None if there is none."""
        return await self.find_one_and_update(
            {
                "what": {"$in": list(kinds)},
                "number": {"$in": ["", number]},
                "call": {"$in": ["", call]},
                "left": {"$gt": 0},
            },
            {"$inc": {"left": -1}},
            sort=[("_id", 1)],
        )

    async def clear(self) -> None:
        """Delete all, so that the sandbox behaves from now on."""
        await self.collection.delete_many({})
