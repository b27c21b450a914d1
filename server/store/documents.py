"""What every collection has: a name, its indexes, and documents of one shape."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, ClassVar, Generic, TypeVar, cast

from bson.codec_options import TypeRegistry
from bson.int64 import Int64
from pymongo import IndexModel
from pymongo.errors import BulkWriteError, DuplicateKeyError
from pymongo.read_concern import ReadConcern

from server.game.lifecycle import Move
from server.store.driver import Collection, Database, aggregate
from server.store.failures import Uncommitted, only_duplicates
from server.store.pipelines import newest_with, summed
from server.store.transitions import condition, update, was_done

# What is counted for a page is counted up to here.
COUNTED = 10_000
# A minute, an hour, a day, a month.
LOOKED_THROUGH_MS = (60_000, 3_600_000, 86_400_000, 30 * 86_400_000)


def _plain(value: Any) -> Any:
    """Return the value with plain integers, as the store's decoder makes them."""
    if isinstance(value, Int64):
        return int(value)
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    return [_plain(each) for each in value] if isinstance(value, list) else value


def keys_of(order: str) -> list[tuple[str, int]]:
    """Return an order such as "-created_at _id" as MongoDB has it, for a sort or an index."""
    return [(name.removeprefix("-"), -1 if name.startswith("-") else 1) for name in order.split()]


def index(name: str, keys: str, *, there: str = "", only: Any = None, **options: Any) -> IndexModel:
    """Return an index by keys such as "publisher -created_at".

    With `there`, the index has only the documents that have this field; with `only`, the documents that fit
    this condition.
    """
    if there or only:
        options["partialFilterExpression"] = only or {there: {"$exists": True}}
    return IndexModel(keys_of(keys), name=name, **options)


T = TypeVar("T", bound=Mapping[str, Any])


class Documents(Generic[T]):
    """Base of all collections. `collection` has documents of shape `T`; reads do not check the shape.

        class Follows(Documents[Follow]):
            NAME = "follows"
            INDEXES = (index("of_follower", "follower"),)

    `rows` is the same collection for other shapes: pipelines, and documents as plain dicts.
    """

    NAME: ClassVar[str]
    INDEXES: ClassVar[Sequence[IndexModel]] = ()

    def __init__(self, database: Database) -> None:
        self.rows = database[self.NAME]
        self.collection = cast("Collection[T]", self.rows)
        self._undecoded = self.rows.with_options(
            codec_options=self.rows.codec_options.with_options(type_registry=TypeRegistry())
        )

    async def find_one_and_update(self, condition: dict[str, Any], changes: Any, **options: Any) -> T | None:
        """Update one document that fits; return it as it is afterwards, None if no document fits.

        While a primary steps down, a retryable findAndModify gets a labelled writeConcernError. If types of
        BSON have decoders, PyMongo 4.20 cannot read such an error: PyMongo itself fails with an
        AttributeError.
        """
        options = {"return_document": True, **options}
        found = await self._undecoded.find_one_and_update(condition, changes, **options)
        return cast("T | None", _plain(found))

    async def in_order(
        self, condition: dict[str, Any], order: str, limit: int = 0, fields: Any = None, skip: int = 0
    ) -> list[T]:
        """Return documents in an order such as "-created_at _id": all, or at most `limit` in one trip."""
        found = self.collection.find(
            condition, fields, sort=keys_of(order), skip=skip, limit=limit, batch_size=limit
        )
        return await found.to_list(limit or None)

    async def on_page(
        self, condition: dict[str, Any], order: str, skip: int, limit: int, fields: Any
    ) -> list[T]:
        """Return documents in an order as `in_order` does, behind the first `skip`, which are not read.

        An index must have the fields of the condition and of the order.
        """
        if not skip:
            return await self.in_order(condition, order, limit, fields)
        keys = [row["_id"] for row in await self.in_order(condition, order, limit, {"_id": 1}, skip)]
        found = {row["_id"]: row for row in await self.find_all(keys, fields)}
        return [found[key] for key in keys if key in found]

    async def newest_with(
        self, terms: list[str], limit: int, now_ms: int, at: str, *stages: dict[str, Any], **among: Any
    ) -> list[T]:
        """Return the newest documents, by their field `at`, that have all of these terms.

        `stages` then change what was found.

        `among` are fields that the documents must have. The last minute is looked through, then the last
        hour, day, month, then all, until there are enough. So little is sorted, however many documents have a
        common term.
        """
        found: list[dict[str, Any]] = []
        for since_ms in (*(now_ms - age_ms for age_ms in LOOKED_THROUGH_MS), 0):
            pipeline = newest_with(terms, limit, since_ms, at, **among)
            found = await aggregate(self.rows, [*pipeline, *stages], limit)
            if len(found) == limit:
                break
        return cast("list[T]", found)

    async def move(self, key: str, move: Move) -> T | None:
        """Apply a move to one document; return it as it is afterwards, None if no row of the move fits it."""
        changed = await self.find_one_and_update({"_id": key, **condition(move)}, update(move))
        return changed if changed is not None and was_done(move, changed) else None

    async def moves(self, key: str, move: Move) -> bool:
        """Apply a move to one document; return whether a row fits it. Cheaper than `move`: nothing is read
        back.

        Of a row that compares with the clock the result says nothing: only the document shows whether it was
        done.
        """
        moved = await self.rows.update_one({"_id": key, **condition(move)}, update(move))
        return moved.matched_count == 1

    async def move_all(self, scope: dict[str, Any], move: Move) -> None:
        """Apply a move to each document that has these fields and that a row of the move fits."""
        await self.rows.update_many({**scope, **condition(move)}, update(move))

    async def find_all(self, keys: list[str], fields: Any = None) -> list[T]:
        """Return the documents with these ids, as far as they exist, all in one trip."""
        found = self.collection.find({"_id": {"$in": keys}}, fields, batch_size=len(keys) + 1)
        return await found.to_list(len(keys)) if keys else []

    async def sums(self, condition: dict[str, Any], by: Any = None, **fields: Any) -> list[dict[str, Any]]:
        """Return the sums of fields over the documents that fit, for each value of the expression `by`.

            await self.sums({"code": code}, "$kind", fen="$amount_fen", number=1)

        A row has the value of `by` as its `_id`. Without `by` there is one row, of zeros if no document fits.
        """
        rows = await aggregate(self.rows, [{"$match": condition}, summed(by, **fields)], None)
        return rows or ([dict.fromkeys(fields, 0)] if by is None else [])

    async def insert(self, document: T) -> bool:
        """Insert a document; False if its `_id` is taken, or another unique index forbids it.

        Raises Uncommitted if the `_id` is taken by a document that may be undone.
        """
        try:
            await self.rows.insert_one(dict(document))
        except DuplicateKeyError:
            await self.taken(document["_id"])
            return False
        return True

    async def insert_all(self, documents: Sequence[T]) -> list[Any]:
        """Insert documents in one write, except those whose `_id` is taken; return the ids that are taken."""
        try:
            await self.rows.insert_many([dict(document) for document in documents], ordered=False)
        except BulkWriteError as error:
            if not only_duplicates(error):
                raise
            return [documents[failed["index"]]["_id"] for failed in error.details["writeErrors"]]
        return []

    async def upsert(self, key: Any, changes: Any) -> T:
        """Update the document of this `_id`, or make it; return it as it is afterwards."""
        made: T | None = None
        while made is None:  # another process may make it at this moment: then it is there
            with suppress(DuplicateKeyError):
                made = await self.find_one_and_update({"_id": key}, changes, upsert=True)
        return made

    async def upserts(self, condition: dict[str, Any], changes: Any) -> bool:
        """Update the document that fits, or make it; return whether that changed anything.

        Returns False if a document of this `_id` is there and does not fit.
        """
        try:
            done = await self.rows.update_one(condition, changes, upsert=True)
        except DuplicateKeyError:
            return False
        return done.modified_count == 1 or done.upserted_id is not None

    async def delete_some(self, condition: dict[str, Any], order: str, limit: int) -> int:
        """Delete at most `limit` documents that fit, the first in this order; return how many it found."""
        keys = [row["_id"] for row in await self.in_order(condition, order, limit, {"_id": 1})]
        if keys:
            await self.rows.delete_many({"_id": {"$in": keys}, **condition})
        return len(keys)

    async def add_or_read(self, document: T) -> T:
        """Insert a document unless its `_id` is taken; return the one that is stored."""
        try:
            await self.rows.insert_one(dict(document))
        except DuplicateKeyError:
            taken = await self.taken(document["_id"])
            if taken is None:
                raise  # another unique index forbids it
            return taken
        return document

    async def taken(self, key: Any) -> T | None:
        """Return the document that made an insert of this `_id` fail; None if another unique index did.

        MongoDB reports a taken key before it knows whether the document that took it will last. Raises
        Uncommitted as long as that document may be undone.
        """
        found = await self.collection.find_one({"_id": key})
        if found is None:
            newest = self.collection.with_options(read_concern=ReadConcern("local"))
            if await newest.find_one({"_id": key}, {"_id": 1}) is not None:
                raise Uncommitted(f"a document of {self.NAME} is taken by one that may not last")
        return found
