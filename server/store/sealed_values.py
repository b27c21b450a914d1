"""All sealed values that are stored, in whichever collection, found by the fingerprint of their secret.

Only `server/security/keys.py` can open them. If you seal something new, add its place here and its index, or
`python -m server rotate` will miss it.
"""

from pymongo import UpdateOne

from server.game.sealed import Sealed
from server.store.driver import Database

BATCH = 100  # Even a slow store writes this many within 5 s.
# By purpose: the collection and the field. A value is sealed for the `_id` of its document.
PLACES = {
    "seed": ("tasks", "seed_box"),
    "address": ("prizes", "address_box"),
    "pickup": ("prizes", "pickup"),
}


class SealedValues:
    """Reads and replaces the sealed values of a purpose."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def fingerprints(self, purpose: str) -> list[str]:
        """Return the fingerprints of all secrets under which values of this purpose are sealed, by a read for
        each."""
        collection, field = PLACES[purpose]
        key = f"{field}.key"
        found = [""]
        while True:
            following = await self._database[collection].find_one(
                {key: {"$gt": found[-1]}}, {"_id": 0, key: 1}, sort=[(key, 1)]
            )
            if following is None:
                return found[1:]
            found.append(following[field]["key"])

    async def number(self, purpose: str, fingerprint: str) -> int:
        """Return how many values of this purpose are sealed under the secret with this fingerprint."""
        collection, field = PLACES[purpose]
        return await self._database[collection].count_documents({f"{field}.key": fingerprint})

    async def page(
        self, purpose: str, fingerprint: str, after: str
    ) -> tuple[list[tuple[str, Sealed]], str | None]:
        """Return the next `BATCH` values that are sealed under this secret, with their ids, beginning after
        the id `after`.

        The last of these ids is returned too, None at the end.
        """
        collection, field = PLACES[purpose]
        found = self._database[collection].find(
            {f"{field}.key": fingerprint, "_id": {"$gt": after}}, {field: 1}, sort=[("_id", 1)], limit=BATCH
        )
        documents = await found.to_list(BATCH)
        values = [(document["_id"], document[field]) for document in documents]
        return values, documents[-1]["_id"] if len(documents) == BATCH else None

    async def replace(self, purpose: str, changes: list[tuple[str, Sealed, Sealed]]) -> int:
        """Replace values, given as (id, old, new), that are still `old`. Return how many it replaced."""
        collection, field = PLACES[purpose]
        updates = [
            UpdateOne({"_id": key, f"{field}.box": old["box"]}, {"$set": {field: new}})
            for key, old, new in changes
        ]
        if not updates:
            return 0
        return (await self._database[collection].bulk_write(updates, ordered=False)).modified_count
