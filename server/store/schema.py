"""What a database must look like before it is served from: the version of its data, and its indexes.

`python -m server release` brings a database into this state (`prepare`). A worker only checks it
(`require_prepared`).
"""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeAlias

from pymongo import IndexModel
from pymongo.errors import DuplicateKeyError, OperationFailure

from server.errors import BadSettings
from server.runtime.single_flight import retrieve
from server.store import refused_reason
from server.store.digging.digs import Digs
from server.store.driver import Database, indexes
from server.store.meta import Meta
from server.store.people.people import People
from server.store.pipelines import Document

Indexes: TypeAlias = Mapping[str, Sequence[IndexModel]]
Say: TypeAlias = Callable[[str], None]

META = Meta.NAME
_ID = "schema"
RELEASE = "python -m server release"
PROGRESS_SECONDS = 10.0
_OTHER_OPTIONS = (85, 86)  # An index of this name or key has other options, such as a collation.
# The version of the documents that this server reads and writes. It serves from no other version. Raise it
# with each change that a server could not read; it never starts again (1 to 21 are data of before).
VERSION = 22
# Unique indexes that may also be there without `unique`: see docs/mongodb.md about sharding.
MAY_REPEAT = frozenset((each.NAME, name) for each in (Digs, People) for name in each.MAY_REPEAT)


@dataclass(frozen=True, slots=True)
class Found:
    """Indexes by collection: the missing ones, and all that are wanted.

    MongoDB lists an index that is still being built like any other. Only `createIndexes` tells when all
    wanted indexes are there: it leaves finished indexes alone and waits for the others.
    """

    missing: dict[str, list[IndexModel]]
    wanted: dict[str, list[IndexModel]]

    @property
    def missing_names(self) -> list[str]:
        """The names of the missing indexes, as `collection.index`."""
        return [
            f"{collection}.{model.document['name']}"
            for collection, models in self.missing.items()
            for model in models
        ]


async def prepare(database: Database, indexes: Indexes, say: Say) -> Found:
    """Build missing indexes, wait for those being built, note the version; return what was found.

    It may be cut off and run again, and several processes may run it at once. The operations of `database`
    must have no time limit. Raises BadSettings, before it changes anything, for data of another version.
    """
    await is_noted(database)
    if await database.list_collection_names():
        found = await compare(database, indexes)
        for collection, wanted in found.wanted.items():
            await _build_aloud(database, collection, wanted, found.missing.get(collection, []), say)
    else:
        found = Found({}, {})
        for name, models in indexes.items():
            await database[name].create_indexes(list(models))
    await Meta(database).name_database()
    with suppress(DuplicateKeyError):  # another process noted the version at the same moment
        await database[META].update_one({"_id": _ID}, {"$setOnInsert": {"version": VERSION}}, upsert=True)
    return found


async def require_prepared(database: Database, indexes: Indexes) -> Found:
    """Return which indexes are missing. Raises BadSettings unless the data is of a version to serve from."""
    if not await is_noted(database):
        raise BadSettings(f"MONGODB_URI: the database is empty: run {RELEASE}")
    return await compare(database, indexes)


async def is_noted(database: Database) -> bool:
    """Whether the database notes the version of its data; False if it is new: without a version or data.

    It counts as new until the preparation by another process has ended. Raises BadSettings for data of
    another version, or of none.
    """
    found = await database[META].find_one({"_id": _ID})
    if found is None and await _has_data(database):
        found = await database[META].find_one({"_id": _ID}) or {}  # another process may just have prepared it
    if found is None or found.get("version") == VERSION:
        return found is not None
    version = found.get("version")
    if isinstance(version, int) and version > VERSION:
        age = "newer"
        remedy = ""
    else:
        age = "older"
        remedy = ", or begin with an empty database (of the embedded store: an empty DATA_DIR)"
    raise BadSettings(
        f"MONGODB_URI: the data is of version {version!r}, {age} than version {VERSION} of this server: "
        f"start the release that wrote it{remedy}; nothing was changed"
    )


async def _has_data(database: Database) -> bool:
    for name in await database.list_collection_names():
        if name != META and await database[name].find_one({}, {"_id": 1}) is not None:
            return True
    return False


async def compare(database: Database, indexes: Indexes) -> Found:
    """Return which indexes are missing. Raises BadSettings if one has the wrong definition."""
    listed = await asyncio.gather(*(_listed(database, name) for name in indexes))
    there = dict(zip(indexes, listed, strict=True))
    missing = {}
    wanted = {}
    for collection, models in indexes.items():
        wanted[collection] = [
            _wanted(collection, there[collection].get(model.document["name"]), model) for model in models
        ]
        missing[collection] = [model for model in models if model.document["name"] not in there[collection]]
    return Found(
        {name: models for name, models in missing.items() if models},
        {name: models for name, models in wanted.items() if models},
    )


async def _listed(database: Database, collection: str) -> dict[str, Document]:
    """Return a collection's indexes by name, {} if it does not exist."""
    return {found["name"]: found for found in await indexes(database[collection])}


def _wanted(collection: str, found: Mapping[str, Any] | None, model: IndexModel) -> IndexModel:
    """Return the index to ask for: the model, or the same index without `unique` if MAY_REPEAT allows the one
    found."""
    wanted = model.document
    if found is None or _shape(found) == _shape(wanted):
        return model
    if (collection, wanted["name"]) in MAY_REPEAT and {**_shape(found), "unique": True} == _shape(wanted):
        options = {name: value for name, value in _shape(found).items() if name != "key"}
        return IndexModel(found["key"], name=wanted["name"], **options)
    raise BadSettings(
        f"MONGODB_URI: the index {collection}.{wanted['name']} is {_shape(found)} and should be "
        f"{_shape(wanted)}: drop it, then run {RELEASE}"
    )


def _shape(index: Mapping[str, Any]) -> Document:
    """Return what defines an index, without the fields that servers add."""
    options = ("unique", "sparse", "partialFilterExpression", "expireAfterSeconds")
    return {"key": list(index["key"].items()), **{name: index[name] for name in options if name in index}}


async def _build_aloud(
    database: Database, collection: str, models: list[IndexModel], missing: list[IndexModel], say: Say
) -> None:
    """Return once a collection has all these indexes; say from time to time how far the builds have come.

    The missing indexes are built in one pass.
    """
    if missing:
        names = ", ".join(model.document["name"] for model in missing)
        documents = await database[collection].estimated_document_count()
        say(f"building {collection}: {names}, over {documents:,} documents")
    building = asyncio.ensure_future(database[collection].create_indexes(models))
    building.add_done_callback(retrieve)
    began = time.monotonic()
    while not (await asyncio.wait([building], timeout=PROGRESS_SECONDS))[0]:
        say(f"building {collection}: {time.monotonic() - began:.0f} s")
    try:
        await building
    except DuplicateKeyError as error:
        twice = (error.details or {}).get("keyPattern")
        raise BadSettings(
            f"MONGODB_URI: {collection} has two documents that an index allows once, by {twice}"
        ) from None
    except OperationFailure as error:
        if error.code not in _OTHER_OPTIONS:
            raise
        raise BadSettings(f"MONGODB_URI: {collection}: {refused_reason(error)}") from None
