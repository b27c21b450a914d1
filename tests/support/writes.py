"""The state that a kill can leave at any moment: the database after each write."""

from collections.abc import Awaitable
from typing import Any

import pytest
from motor.motor_asyncio import AsyncIOMotorCollection

from server.context import Context
from support.purse import all_documents

WRITES = (
    *("update_one", "update_many", "bulk_write", "delete_one", "delete_many", "find_one_and_update"),
    "insert_one",
)


class Written:
    """Notes the whole database after each write of the work that is given to `note`."""

    def __init__(self, context: Context, monkeypatch: pytest.MonkeyPatch) -> None:
        self._context = context
        self._patch = monkeypatch
        self.left: list[dict[str, list[dict[str, Any]]]] = []
        self._writes: list[str] = []

    async def note(self, work: Awaitable[Any]) -> None:
        with self._patch.context() as patched:
            for name in WRITES:
                patched.setattr(AsyncIOMotorCollection, name, self._noted(name))
            await work

    def left_once(self) -> list[dict[str, list[dict[str, Any]]]]:
        """Return the database after each write, but only once for the same last three writes."""
        first: dict[tuple[str, ...], dict[str, list[dict[str, Any]]]] = {}
        for at, left in enumerate(self.left):
            first.setdefault(tuple(self._writes[max(0, at - 2) : at + 1]), left)
        return list(first.values())

    def _noted(self, name: str) -> Any:
        original = getattr(AsyncIOMotorCollection, name)

        async def write(collection: Any, *arguments: Any, **named: Any) -> Any:
            result = await original(collection, *arguments, **named)
            self._writes.append(f"{collection.name}.{name}")
            self.left.append(await all_documents(self._context))
            return result

        return write
