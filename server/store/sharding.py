"""Sharding, as docs/mongodb.md says. For `python -m server check`: nobody else shards anything."""

from __future__ import annotations

from typing import Any

import pymongo
from motor.motor_asyncio import AsyncIOMotorDatabase
from pymongo.errors import OperationFailure

from server.store.digging.digs import Digs
from server.store.people.people import People

# Since this version `$lookup`, with which a dig's task is read, reads sharded collections:
# https://www.mongodb.com/docs/manual/reference/operator/aggregation/lookup/
OLDEST_SHARDING_DIGS = (5, 1)
SHARD_KEYS: dict[str, dict[str, Any]] = {
    Digs.NAME: {"code": 1},
    "pictures.chunks": {"files_id": 1, "n": 1},
    "people": {"_id": "hashed"},
    "visits": {"_id": "hashed"},
}
SHARD_SECONDS = 60.0
_NAMESPACE_NOT_FOUND = 26

_Database = AsyncIOMotorDatabase[dict[str, Any]]


async def shards_digs(database: _Database) -> bool:
    """Whether `digs` is sharded. Raises what MongoDB answers if it refuses to tell."""
    try:
        return bool((await database.command("collStats", Digs.NAME)).get("sharded"))
    except OperationFailure as error:
        if error.code != _NAMESPACE_NOT_FOUND:
            raise
        return False


async def shard(database: _Database) -> None:
    """Shard a prepared database that holds nothing yet, through a mongos. Raises the error with which MongoDB
    refuses."""
    for documents in (Digs, People):
        for model in documents.INDEXES:
            plain = {name: value for name, value in model.document.items() if name != "unique"}
            # A unique index of a sharded collection begins with the shard key.
            if plain["name"] in documents.MAY_REPEAT:
                await database[documents.NAME].drop_index(plain["name"])
                await database[documents.NAME].create_index(list(plain.pop("key").items()), **plain)
    admin = database.client.admin
    with pymongo.timeout(SHARD_SECONDS):  # all shards take part
        await admin.command("enableSharding", database.name)
        for collection, key in SHARD_KEYS.items():
            await admin.command("shardCollection", f"{database.name}.{collection}", key=key)
