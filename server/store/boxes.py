"""Every sealed box that is at rest, wherever it stands. What is in one only `server/keys.py` can tell.

Whoever seals something new adds its place here, or `python -m server rotate` would miss it.
"""

from __future__ import annotations

from typing import Any

from motor.motor_asyncio import AsyncIOMotorDatabase
from pymongo import UpdateOne

_Document = dict[str, Any]

BATCH = 500
# By purpose: the collection and the field. A box is sealed for the `_id` of its document.
PLACES = {
    "seed": ("tasks", "seed_box"),
    "address": ("prizes", "address_box"),
    "access_token": ("access_tokens", "box"),
}


class Boxes:
    """Reads of the boxes of a purpose, and their replacement."""

    def __init__(self, database: AsyncIOMotorDatabase[_Document]) -> None:
        self._database = database

    async def page(self, purpose: str, after: str) -> list[tuple[str, bytes]]:
        """Return at most `BATCH` ids after this one in their order, each with its box."""
        collection, field = PLACES[purpose]
        found = self._database[collection].find(
            {"_id": {"$gt": after}, field: {"$exists": True}}, {field: 1}, sort=[("_id", 1)], limit=BATCH
        )
        return [(document["_id"], bytes(document[field])) for document in await found.to_list(BATCH)]

    async def replace(self, purpose: str, changes: list[tuple[str, bytes, bytes]]) -> int:
        """Put new boxes in the place of old ones (id, old, new); return how many were still the old ones."""
        collection, field = PLACES[purpose]
        updates = [UpdateOne({"_id": key, field: old}, {"$set": {field: new}}) for key, old, new in changes]
        if not updates:
            return 0
        return (await self._database[collection].bulk_write(updates, ordered=False)).modified_count
