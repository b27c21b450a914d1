"""`runs`: the work that operators start on their screen, and that the leader then does. The audit log has
the acts themselves."""

from __future__ import annotations

from typing import Literal, NotRequired, TypeAlias, TypedDict

from bson import ObjectId

from server.store.documents import Documents, index

What: TypeAlias = Literal["rotate", "release", "forget"]
# The outcomes of a run, as in the audit log. `refused`: nothing was changed. `left`: a rotation could not
# seal all values anew. `failed`: by a bug.
Outcome: TypeAlias = Literal["done", "refused", "left", "failed"]
Said: TypeAlias = list[list[str]]


class Run(TypedDict):
    """A run: since when (unix ms), by which operator and why, how far it has come (`done` of `total`).

    `open` is 1 until it has ended; then it has an `outcome`. `said` is what there is to say of it: codes with
    their values. `act` is its line in the audit log. `unionid` is the person whom an open run erases,
    `target` their pseudonym; for a rotation, `target` is the fingerprint of the first secret.
    """

    _id: str
    what: What
    act: ObjectId
    at: int
    operator: str
    reason: str
    target: str
    done: int
    total: int
    said: Said
    open: NotRequired[int]
    outcome: NotRequired[Outcome]
    unionid: NotRequired[str]


class Runs(Documents[Run]):
    """Reads and writes of `runs`."""

    NAME = "runs"
    INDEXES = (
        index("unfinished", "open at", only={"open": 1}),
        # A rotation and a release name nobody. So at most one of each is open, and one erasure per person.
        index("once", "what unionid", unique=True, only={"open": 1}),
        index("newest", "-at"),
    )

    async def unfinished(self) -> list[Run]:
        """Return the runs that have not ended, the longest asked for first."""
        return await self.in_order({"open": 1}, "at")

    async def find_unfinished(self, key: str) -> Run | None:
        """Return a run, None if it has ended."""
        return await self.collection.find_one({"_id": key, "open": 1})

    async def newest(self, limit: int) -> list[Run]:
        """Return the newest runs, the last one first."""
        return await self.in_order({}, "-at", limit)

    async def tell(self, run: Run) -> None:
        """Note how far a run has come."""
        come = {"done": run["done"], "total": run["total"], "said": run["said"]}
        await self.collection.update_one({"_id": run["_id"], "open": 1}, {"$set": come})

    async def finish(self, run: Run, outcome: Outcome) -> None:
        """Note what became of a run, and how far it came. This forgets whom it erased."""
        come = {"done": run["done"], "total": run["total"], "said": run["said"]}
        await self.collection.update_one(
            {"_id": run["_id"], "open": 1},
            {"$set": {**come, "outcome": outcome}, "$unset": {"open": "", "unionid": ""}},
        )
