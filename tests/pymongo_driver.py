"""`server/store/driver.py` for PyMongo's own asynchronous client: what is written on the day that motor ends.

    PYTHONPATH=tests pytest -p pymongo_driver tests/store

runs tests on it. Servers of their own, which some tests start, stay with motor.
"""

import sys
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from gridfs.asynchronous import AsyncGridFSBucket
from pymongo import AsyncMongoClient
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.database import AsyncDatabase

Client: TypeAlias = AsyncMongoClient[dict[str, Any]]
Database: TypeAlias = AsyncDatabase[dict[str, Any]]
Collection = AsyncCollection
Bucket = AsyncGridFSBucket


def connect(uri: str, **options: Any) -> Client:
    return AsyncMongoClient(uri, **options)


def nodes(client: Client) -> frozenset[tuple[str, int | None]]:
    return client.nodes


async def close(client: Client) -> None:
    await client.close()


async def aggregate(
    rows: Collection[Any], pipeline: Sequence[Mapping[str, Any]], limit: int | None, **options: Any
) -> list[dict[str, Any]]:
    return await (await rows.aggregate(pipeline, **options)).to_list(limit)


async def indexes(rows: Collection[Any]) -> list[dict[str, Any]]:
    found: list[Any] = await (await rows.list_indexes()).to_list(None)
    return found


sys.modules["server.store.driver"] = sys.modules[__name__]
