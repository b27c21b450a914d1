"""Tasks as operators look for them: by the beginning of a name, and those hidden, unpaid or with money."""

from __future__ import annotations

from typing import Any, ClassVar

import pymongo
from pymongo import IndexModel

from server.game.task import Task
from server.store.documents import Documents
from server.store.pipelines import begins_with

_Document = dict[str, Any]

class ListedTasks(Documents[Task]):
    """Reads of `tasks` for operators. An index has the order of each, so none reads more than it returns."""

    NAME = "tasks"
    INDEXES: ClassVar[list[IndexModel]] = [
        IndexModel([("wxname", 1), ("created_at", -1)], name="signature"),
        IndexModel([("name", 1), ("created_at", -1)], name="title"),
        IndexModel([("hidden", 1), ("created_at", -1)], name="hidden", partialFilterExpression={"hidden": 1}),
        IndexModel(
            [("open", 1), ("status", 1), ("created_at", -1)],
            name="unpaid",
            partialFilterExpression={"open": 0},
        ),
        IndexModel(
            [("due_at", 1), ("paid_by", 1)],
            name="with_money",
            partialFilterExpression={"paid_by": {"$exists": True}},
        ),
    ]

    async def search(self, text: str, limit: int) -> list[Task]:
        """Return tasks whose code begins with this text, then those whose publisher or name does.

        Names equal to the text come before longer ones, and tasks of one name are newest first.
        """
        found: dict[str, Task] = {}
        newest = [("created_at", pymongo.DESCENDING)]
        for field, order in (("_id", []), ("wxname", newest), ("name", newest)):
            rows = self.collection.find(
                {field: begins_with(text)},
                {"seed_box": 0},
                sort=[(field, pymongo.ASCENDING), *order],
                limit=limit - len(found),
            )
            found |= {task["_id"]: task for task in await rows.to_list(limit)}
            if len(found) >= limit:
                break
        return list(found.values())

    async def hidden(self, limit: int) -> list[Task]:
        """Return the newest hidden tasks, without seeds."""
        return await self._newest({"hidden": 1}, limit)

    async def unpaid(self, limit: int) -> list[Task]:
        """Return the newest red packets that wait for their payment, without seeds."""
        return await self._newest({"open": 0, "status": 0}, limit)

    async def _newest(self, condition: _Document, limit: int) -> list[Task]:
        newest = [("created_at", pymongo.DESCENDING)]
        return await self.collection.find(condition, {"seed_box": 0}, sort=newest, limit=limit).to_list(limit)

    async def with_money(self, limit: int) -> list[Task]:
        """Return paid red packets that are not settled yet, the next due first, without seeds."""
        found = self.collection.find(
            {"paid_by": {"$exists": True}, "due_at": {"$gt": 0}},
            {"seed_box": 0},
            sort=[("due_at", pymongo.ASCENDING)],
            limit=limit,
        )
        return await found.to_list(limit)
