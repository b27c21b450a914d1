"""Tests that must fail, except the last: `tests/store/test_strict_wire.py` runs them.

SecantusDB accepts all their commands.
"""

from collections.abc import Iterator
from typing import Any

import pymongo
import pytest

SECRET = "what-no-report-may-show"


@pytest.fixture
def things(mongodb_uri: str) -> Iterator[pymongo.collection.Collection[dict[str, Any]]]:
    client: pymongo.MongoClient[dict[str, Any]]
    with pymongo.MongoClient(mongodb_uri) as client:
        yield client.get_database("test_refused")["things"]


def test_an_upsert_with_expr_in_its_filter(things: Any) -> None:
    query = {"_id": SECRET, "$expr": {"$lte": ["$until", 0]}}
    things.find_one_and_update(query, {"$set": {"name": SECRET}}, upsert=True)


def test_a_stage_that_nobody_reviewed(things: Any) -> None:
    list(things.aggregate([{"$match": {"name": SECRET}}, {"$sample": {"size": 1}}]))


def test_an_index_that_is_sparse_and_partial(things: Any) -> None:
    things.create_index("name", sparse=True, partialFilterExpression={"name": {"$gt": SECRET}})


def test_an_allowed_command_passes(things: Any) -> None:
    things.update_one({"_id": SECRET}, {"$set": {"name": SECRET}}, upsert=True)
