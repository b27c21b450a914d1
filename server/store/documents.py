"""What every collection has: a name, its indexes, and documents of one shape."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Generic, TypeVar, cast

from motor.motor_asyncio import AsyncIOMotorCollection, AsyncIOMotorDatabase
from pymongo import IndexModel
from pymongo.errors import DuplicateKeyError

T = TypeVar("T", bound=Mapping[str, Any])


class Documents(Generic[T]):
    """Base of all collections. `collection` holds documents of shape `T`; reads do not check the shape.

    `rows` is the same collection for other shapes: pipelines, and documents as plain dicts.
    """

    NAME: ClassVar[str]
    INDEXES: ClassVar[Sequence[IndexModel]] = ()

    def __init__(self, database: AsyncIOMotorDatabase[dict[str, Any]]) -> None:
        self.rows = database[self.NAME]
        self.collection = cast("AsyncIOMotorCollection[T]", self.rows)

    @classmethod
    def indexes(cls) -> dict[str, Sequence[IndexModel]]:
        """Return the indexes of each of its collections, by the collection's name."""
        return {cls.NAME: cls.INDEXES} if cls.INDEXES else {}

    async def add_or_read(self, document: T) -> T:
        """Insert a document unless its `_id` is taken; return the one that is stored."""
        try:
            await self.rows.insert_one(dict(document))
        except DuplicateKeyError:
            taken = await self.collection.find_one({"_id": document["_id"]})
            if taken is None:
                raise  # another unique index forbids it
            return taken
        return document
