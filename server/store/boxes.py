"""All sealed boxes that are stored, in whichever collection. Only `server/keys.py` can open them.

If you seal something new, add its place here, or `python -m server rotate` will miss it.
"""

from __future__ import annotations

from typing import Any

from motor.motor_asyncio import AsyncIOMotorDatabase
from pymongo import UpdateOne

_Document = dict[str, Any]

BATCH = 100  # a slow store writes so many within the 5 s that it has
# By purpose: the collection and the field. A box is sealed for the `_id` of its document.
PLACES = {
    "seed": ("tasks", "seed_box"),
    "address": ("prizes", "address_box"),
    "access_token": ("access_tokens", "box"),
}


class Boxes:
    """Reads and replaces the boxes of a purpose."""

    def __init__(self, database: AsyncIOMotorDatabase[_Document]) -> None:
        self._database = database

    async def page(self, purpose: str, after: str) -> tuple[list[tuple[str, bytes]], str | None]:
        """Look at the next `BATCH` documents after this id, in their order.

        Returns the ids of those that have a box, each with it, and the last id, None at the end.
        """
        collection, field = PLACES[purpose]
        found = self._database[collection].find(
            {"_id": {"$gt": after}}, {field: 1}, sort=[("_id", 1)], limit=BATCH
        )
        documents = await found.to_list(BATCH)
        boxes = [(document["_id"], bytes(document[field])) for document in documents if field in document]
        return boxes, documents[-1]["_id"] if len(documents) == BATCH else None

    async def replace(self, purpose: str, changes: list[tuple[str, bytes, bytes]]) -> int:
        """Replace boxes, given as (id, old, new), that are still `old`. Return how many were."""
        collection, field = PLACES[purpose]
        updates = [UpdateOne({"_id": key, field: old}, {"$set": {field: new}}) for key, old, new in changes]
        if not updates:
            return 0
        return (await self._database[collection].bulk_write(updates, ordered=False)).modified_count
