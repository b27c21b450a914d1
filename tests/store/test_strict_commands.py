"""A test that sends MongoDB a form outside the reviewed list fails."""

from collections.abc import Callable
from typing import Any

import pymongo
import pytest
from pymongo.errors import OperationFailure

SECRET = "what-no-report-may-show"
UNTIL = {"_id": SECRET, "$expr": {"$lte": ["$until", 0]}}


@pytest.mark.xfail(strict=True, raises=(pytest.fail.Exception, OperationFailure), reason="MongoDB refuses it")
@pytest.mark.parametrize(
    "send",
    [
        lambda things: things.find_one_and_update(UNTIL, {"$set": {"name": SECRET}}, upsert=True),
        lambda things: things.create_index("a", sparse=True, partialFilterExpression={"a": {"$gt": SECRET}}),
    ],
    ids=["an upsert with $expr in its filter", "an index that is sparse and partial"],
)
def test_a_command_that_mongodb_refuses_fails_the_test_that_sent_it(
    mongodb_uri: str, send: Callable[[Any], object]
):
    with pymongo.MongoClient[dict[str, Any]](mongodb_uri) as client:
        send(client["test_refused"]["things"])
