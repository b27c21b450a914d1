"""What operators froze: `freezes`, one per task, prize or person. A freeze that is released is deleted.

frozen → releasing → deleted; for the freeze of a prize also frozen → returning → deleted. A freeze is due
until it is applied to its prizes.
"""

from typing import Literal, NotRequired, TypeAlias, TypedDict

from server.store.documents import index
from server.store.due import DUE_INDEX, DueDocuments

What: TypeAlias = Literal["task", "prize", "person"]


class Freeze(TypedDict):
    """`_id` is from `freeze_key`. The operator named what to freeze by `code` and `depth`. `at` is unix ms.

    `reason` is what the operator wrote, for operators alone. `by` is who froze it or
    lets it go, as in `Moved`.
    """

    _id: str
    what: What
    of: str
    code: str
    depth: int
    state: Literal["frozen", "releasing", "returning"]
    at: int
    reason: str
    by: str
    due_at: NotRequired[int]


def freeze_key(what: What, of: str) -> str:
    """Return the `_id` of a freeze; `of` is the code of the task, or the id of the prize or person."""
    return f"{what}:{of}"


class Freezes(DueDocuments[Freeze]):
    """Reads and writes of `freezes`."""

    NAME = "freezes"
    INDEXES = (index("newest", "-at"), DUE_INDEX)

    async def put(self, freeze: Freeze) -> Freeze:
        """Freeze, even if a release is under way; return the freeze as it is afterwards.

        A second freeze replaces the reason and the operator of the first.
        """
        again = {"state": "frozen", "due_at": freeze["at"], "reason": freeze["reason"], "by": freeze["by"]}
        merged = {"$mergeObjects": [{"$literal": dict(freeze)}, "$$ROOT", {"$literal": again}]}
        return await self.upsert(freeze["_id"], [{"$replaceWith": merged}])

    async def begin_end(
        self, key: str, state: Literal["releasing", "returning"], now_ms: int, by: str
    ) -> Freeze | None:
        """Begin to release or return what is frozen. Return None if nothing is frozen under this id."""
        return await self.find_one_and_update(
            {"_id": key}, {"$set": {"state": state, "due_at": now_ms, "by": by}}
        )

    async def frozen(self, keys: list[str]) -> dict[str, Freeze]:
        """Return the freezes that are in force among those of these ids."""
        found = self.collection.find({"_id": {"$in": keys}, "state": "frozen"})
        return {row["_id"]: row async for row in found}

    async def newest(self, limit: int) -> list[Freeze]:
        """Return what is frozen, the newest first."""
        return await self.in_order({}, "-at", limit)

    async def delete(self, key: str) -> None:
        """Forget a freeze that has ended, unless it was frozen again."""
        await self.collection.delete_one({"_id": key, "state": {"$ne": "frozen"}})
