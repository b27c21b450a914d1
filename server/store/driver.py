"""The MongoDB driver, which no other file imports: motor.

`tests/pymongo_driver.py` is this file for PyMongo's own client, which takes its place one day.
"""

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from motor.motor_asyncio import (
    AsyncIOMotorClient,
    AsyncIOMotorCollection,
    AsyncIOMotorDatabase,
    AsyncIOMotorGridFSBucket,
)

Client: TypeAlias = AsyncIOMotorClient[dict[str, Any]]
Database: TypeAlias = AsyncIOMotorDatabase[dict[str, Any]]
Collection = AsyncIOMotorCollection
Bucket = AsyncIOMotorGridFSBucket


def connect(uri: str, **options: Any) -> Client:
    """Return a client, which connects when it is first used. Raises PyMongoError or ValueError."""
    return AsyncIOMotorClient(uri, **options)


def nodes(client: Client) -> frozenset[tuple[str, int | None]]:
    """Return the members that the client has found."""
    found: frozenset[tuple[str, int | None]] = client.delegate.nodes
    return found


async def close(client: Client) -> None:
    """Close all connections. This blocks the event loop for a moment."""
    client.close()


async def aggregate(
    rows: Collection[Any],
    pipeline: Sequence[Mapping[str, Any]],
    limit: int | None,
    **options: Any,
) -> list[dict[str, Any]]:
    """Return what a pipeline finds: all, or the first `limit`."""
    found: list[Any] = await rows.aggregate(pipeline, **options).to_list(limit)
    return found


async def indexes(rows: Collection[Any]) -> list[dict[str, Any]]:
    """Return a collection's indexes, none if it does not exist."""
    found: list[Any] = await rows.list_indexes().to_list(None)
    return found
