"""What a database must look like before it is served from: the version of its data, and its indexes.

`release` brings it there (`prepare`). A worker only looks (`require_prepared`). The version is the number of
`STEPS` that are done. `meta` keeps their names too: data of another branch may have as many.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import pymongo
from motor.motor_asyncio import AsyncIOMotorDatabase
from pymongo import IndexModel
from pymongo.errors import DuplicateKeyError, OperationFailure, PyMongoError

from server.errors import BadSettings
from server.shared_work import retrieve
from server.store import Store, refused_reason
from server.store.cluster import now_ms
from server.store.digs import Digs
from server.store.files import MADE_MS
from server.store.ledger import Ledger
from server.store.meta import Meta
from server.store.pipelines import begins_with
from server.store.sandbox import SandboxStore

_Document = dict[str, Any]
_Database: TypeAlias = AsyncIOMotorDatabase[_Document]
Indexes: TypeAlias = Mapping[str, Sequence[IndexModel]]
Say: TypeAlias = Callable[[str], None]

BATCH = 500
META, _ID = Meta.NAME, "schema"
RELEASE = "python -m server release"
PROGRESS_SECONDS = 10.0
ASK_SECONDS, SILENT_SECONDS = 10.0, 60.0
_NAMESPACE_NOT_FOUND = 26
_OTHER_OPTIONS = (85, 86)  # an index of this name or key has other options, such as a collation
# Indexes of earlier versions. Servers of these need them, so they are dropped only when asked to.
RETIRED: dict[str, frozenset[str]] = {
    "digs": frozenset({"persons_digs"}),
    "ledger": frozenset({"sums"}),
    "shares": frozenset({"of_task"}),
    "tasks": frozenset({"square"}),
}


# Unique indexes that may be plain ones: see docs/mongodb.md about sharding.
MAY_REPEAT = frozenset((Digs.NAME, name) for name in Digs.MAY_REPEAT)


@dataclass(frozen=True, slots=True)
class Step:
    """A change of data. `run` may be cut off anywhere and run again, and two may run at once.

    It runs while servers of the version before serve. If these cannot work on what it leaves, it
    `breaks_older`, and they refuse to start from then on.
    """

    name: str
    run: Callable[[_Database], Awaitable[None]]
    breaks_older: bool = False


async def _sum_ledger(database: _Database) -> None:
    """Sum what the ledger has up to yesterday, which the first scrape of `/metrics` could not do in 5 s."""
    await Ledger(database).sums_fen(await now_ms(database.client))


async def _lock_people(database: _Database) -> None:
    """Lock the people who paid or claimed something and have `token_seen`, an older version's mark."""
    acted: list[tuple[str, str, _Document]] = [
        ("orders", "publisher", {}),
        ("prizes", "unionid", {"claimed_at": {"$gt": 0}}),
    ]
    for collection, who, condition in acted:
        people = database[collection].aggregate([{"$match": condition}, {"$group": {"_id": f"${who}"}}])
        while rows := await people.to_list(BATCH):
            await database["people"].update_many(
                {"_id": {"$in": [row["_id"] for row in rows]}, "token_seen": True},
                {"$set": {"locked": True}},
            )


async def _date_pictures(database: _Database) -> None:
    """Date the pictures of versions that dated none: uploads are kept, drawn ones go MADE_MS from now."""
    files, delete_at = database["pictures.files"], await now_ms(database.client) + MADE_MS
    undated = {"metadata.delete_at": {"$exists": False}}
    for drawn in ("poster:", "mini_program_code:"):
        await files.update_many(
            {"metadata.made_for": begins_with(drawn), **undated}, {"$set": {"metadata.delete_at": delete_at}}
        )
    await files.update_many(
        {"metadata.file_id": {"$exists": True}, **undated}, {"$set": {"metadata.kept": 1}}
    )


async def _date_reported(database: _Database) -> None:
    """Date what reports hide and earlier versions did not date: it ends as if it had begun now."""
    await database["tasks"].update_many(
        {"reported": 1, "reported_at": {"$exists": False}},
        {"$set": {"reported_at": await now_ms(database.client)}},
    )


# In the order in which they run. None is ever changed or removed: `meta` holds their names.
STEPS: tuple[Step, ...] = (
    Step("ledger summed by day", _sum_ledger),
    Step("people locked who paid or claimed", _lock_people),
    Step("pictures dated", _date_pictures),
    Step("what reports hide dated", _date_reported),
)


@dataclass(frozen=True, slots=True)
class Found:
    """Indexes by collection: the missing, the retired ones that are still there, and all that are wanted.

    MongoDB lists an index that is still being built like any other. Only `createIndexes` tells when all that
    are wanted are there: it does nothing about finished ones and waits for the others.
    """

    missing: dict[str, list[IndexModel]]
    retired: dict[str, list[str]]
    wanted: dict[str, list[IndexModel]]

    @property
    def missing_names(self) -> list[str]:
        """As `collection.index`."""
        return _names({name: [m.document["name"] for m in models] for name, models in self.missing.items()})

    @property
    def retired_names(self) -> list[str]:
        """As `collection.index`."""
        return _names(self.retired)


def _names(by_collection: Mapping[str, Sequence[str]]) -> list[str]:
    return [f"{collection}.{name}" for collection, names in by_collection.items() for name in names]


def indexes_of(store: Store, *, sandboxed: bool) -> Indexes:
    """Return the indexes that a server wants, with those of WeChat's stand-in where it plays."""
    return store.indexes() | (SandboxStore(store.database).indexes() if sandboxed else {})


async def prepare(
    database: _Database,
    indexes: Indexes,
    say: Say,
    steps: Sequence[Step] = STEPS,
) -> Found:
    """Build missing indexes, wait for those being built, and run what steps are left; return what was found.

    May be cut off and run again, also in several processes at once. `database` must have no limit on how
    long an operation takes. Raises BadSettings, before it changes anything, for data that this version does
    not know. Says when MongoDB answers nothing for SILENT_SECONDS, and waits on.
    """
    telling = asyncio.ensure_future(_tell_silence(database, say))
    try:
        return await _prepare(database, indexes, say, steps)
    finally:
        telling.cancel()
        await asyncio.wait([telling])


async def _prepare(database: _Database, indexes: Indexes, say: Say, steps: Sequence[Step]) -> Found:
    done = _known(await _read(database), steps)
    if not await database.list_collection_names():
        for name, models in indexes.items():
            await database[name].create_indexes(models)
        await Meta(database).name_database()
        await _note(database, steps)  # they change what older versions left
        return Found({}, {}, {})
    found = await compare(database, indexes)
    for collection, models in found.wanted.items():
        await _build_aloud(database, collection, models, found.missing.get(collection, []), say)
    for number, step in enumerate(steps[len(done) :], len(done) + 1):
        say(f"step {number} of {len(steps)}: {step.name}")
        await step.run(database)
        await _note(database, steps[:number])
    await Meta(database).name_database()
    return found


async def _tell_silence(database: _Database, say: Say) -> None:
    """Ask for an answer from time to time, and say when none came for SILENT_SECONDS, until cancelled."""
    heard = time.monotonic()
    while True:
        await asyncio.sleep(ASK_SECONDS)
        try:
            with pymongo.timeout(ASK_SECONDS):
                await database.client.admin.command("ping")
        except PyMongoError as error:
            silent = time.monotonic() - heard
            if silent > SILENT_SECONDS:
                say(f"MongoDB has answered nothing for {silent:.0f} s: {error}")
        else:
            heard = time.monotonic()


async def _note(database: _Database, steps: Sequence[Step]) -> None:
    """Note that these steps are done, unless another process has noted more."""
    breaking = [number for number, step in enumerate(steps, 1) if step.breaks_older]
    changes = {
        "version": len(steps),
        "serves_from": max(breaking, default=0),
        "steps": [step.name for step in steps],
    }
    try:
        await database[META].update_one(
            {"_id": _ID, "version": {"$lt": len(steps)}}, {"$set": changes}, upsert=True
        )
    except DuplicateKeyError:
        return  # it is there, and says as much


async def drop_retired(database: _Database, found: Found, say: Say) -> None:
    """Drop the indexes that no server of this version or a later one needs."""
    for collection, names in found.retired.items():
        for name in names:
            say(f"dropping {collection}.{name}")
            await database[collection].drop_index(name)


async def require_prepared(database: _Database, indexes: Indexes, steps: Sequence[Step] = STEPS) -> Found:
    """Return what indexes are missing. Raises BadSettings unless the data is of a version to serve from."""
    done = _known(await _read(database), steps)
    if len(done) < len(steps):
        if await is_new(database):
            raise BadSettings(f"MONGODB_URI: the database is empty: run {RELEASE}")
        raise BadSettings(
            f"MONGODB_URI: the data is of version {len(done)} and this server needs {len(steps)}: "
            f"run {RELEASE}"
        )
    return await compare(database, indexes)


async def is_new(database: _Database) -> bool:
    """Whether the database was neither prepared nor served from: it has no version, and no data either.

    It is still new while another process prepares it, until it is prepared.
    """
    if (await _read(database))["version"] != 0:
        return False
    for name in await database.list_collection_names():
        if name != META and await database[name].find_one({}, {"_id": 1}) is not None:
            return False
    return True


async def _read(database: _Database) -> _Document:
    found = await database[META].find_one({"_id": _ID})
    return found or {"version": 0, "serves_from": 0, "steps": []}


def _known(found: _Document, steps: Sequence[Step]) -> list[str]:
    """Return the names of the steps that are done; raise BadSettings for data not to be served from."""
    done, ours = found.get("steps"), [step.name for step in steps]
    if (
        not isinstance(done, list)
        or found.get("version") != len(done)
        or not isinstance(found.get("serves_from"), int)
        or done[: len(ours)] != ours[: len(done)]
    ):
        raise BadSettings(
            f"MONGODB_URI: no version of this server left its data so: {META}.{_ID} has {done!r}"
        )
    if found["serves_from"] > len(ours):
        raise BadSettings(
            f"MONGODB_URI: the data is of version {len(done)}, from which no server older than version "
            f"{found['serves_from']} serves, and this one knows {len(ours)}: start the newer one"
        )
    return done


async def compare(database: _Database, indexes: Indexes) -> Found:
    """Return which indexes are missing or retired. Raises BadSettings if one has the wrong definition."""
    listed = await asyncio.gather(*(_listed(database, name) for name in indexes))
    there = dict(zip(indexes, listed, strict=True))
    missing, retired, wanted = {}, {}, {}
    for collection, models in indexes.items():
        wanted[collection] = [
            _wanted(collection, there[collection].get(model.document["name"]), model) for model in models
        ]
        missing[collection] = [model for model in models if model.document["name"] not in there[collection]]
        retired[collection] = sorted(RETIRED.get(collection, frozenset()) & there[collection].keys())
    return Found(
        {name: models for name, models in missing.items() if models},
        {name: names for name, names in retired.items() if names},
        {name: models for name, models in wanted.items() if models},
    )


async def _listed(database: _Database, collection: str) -> dict[str, _Document]:
    """Return a collection's indexes by name, {} if it does not exist."""
    try:
        return {found["name"]: found async for found in database[collection].list_indexes()}
    except OperationFailure as error:
        if error.code != _NAMESPACE_NOT_FOUND:
            raise
        return {}


def _wanted(collection: str, found: Mapping[str, Any] | None, model: IndexModel) -> IndexModel:
    """Return the index to ask for: the model, or its plain form where that is there and may be."""
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


def _shape(index: Mapping[str, Any]) -> _Document:
    """Return what an index is, without what servers add to it."""
    options = ("unique", "sparse", "partialFilterExpression", "expireAfterSeconds")
    return {"key": list(index["key"].items()), **{name: index[name] for name in options if name in index}}


async def _build_aloud(
    database: _Database, collection: str, models: list[IndexModel], missing: list[IndexModel], say: Say
) -> None:
    """Return when a collection has all these indexes, saying from time to time how far they have come.

    The missing ones are built in one pass.
    """
    if missing:
        names = ", ".join(model.document["name"] for model in missing)
        documents = await database[collection].estimated_document_count()
        say(f"building {collection}: {names}, over {documents:,} documents")
    building = asyncio.ensure_future(database[collection].create_indexes(models))
    building.add_done_callback(retrieve)
    began = time.monotonic()
    while not (await asyncio.wait([building], timeout=PROGRESS_SECONDS))[0]:
        say(f"building {collection}: {time.monotonic() - began:.0f} s{await _progress(database, collection)}")
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


async def _progress(database: _Database, collection: str) -> str:
    """Return how far MongoDB says it is, "" if it does not tell this user."""
    pipeline: list[_Document] = [
        {"$currentOp": {"allUsers": True}},
        {"$match": {"command.createIndexes": collection, "progress": {"$exists": True}}},
    ]
    try:
        found = await database.client.admin.aggregate(pipeline).to_list(1)
    except OperationFailure:  # it takes a right that hosted users seldom have
        return ""
    progress = found[0]["progress"] if found else {}
    total = progress.get("total")
    return f", {100 * progress.get('done', 0) / total:.0f} % of this phase" if total else ""
