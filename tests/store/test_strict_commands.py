"""A test that sends MongoDB a form outside the reviewed list fails; the error shows names, but no values."""

from collections.abc import Callable
from typing import Any

import pymongo
import pytest
from pymongo.errors import OperationFailure

from support.wire import manual
from support.wire.strict import objections, shape

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


def test_an_objection_shows_no_value():
    command = {"find": "digs", "filter": {"_id": SECRET, "$where": SECRET}}
    said = f"{objections(command)} in {shape(command)}"
    assert "query operator $where" in said
    assert SECRET not in said


@pytest.mark.parametrize(
    ("command", "objection"),
    [
        ({"mapReduce": "digs"}, "command mapReduce"),
        ({"find": "digs", "tailable": True}, "field tailable"),
        ({"find": "digs", "filter": {"$where": "1"}}, "query operator $where"),
        ({"find": "digs", "projection": {"code": 1, "depth": 0}}, "both includes and excludes"),
        ({"find": "digs", "readConcern": {"level": "linearizable"}}, "read concern linearizable"),
        ({"aggregate": "digs", "pipeline": [{"$set": {"n": {"$function": {}}}}]}, "expression $function"),
        ({"aggregate": "digs", "pipeline": [{"$set": {"n": "$$CLUSTER_TIME"}}]}, "variable $$CLUSTER_TIME"),
        ({"aggregate": "digs", "pipeline": [{"$group": {"_id": 1, "n": {"$top": 1}}}]}, "accumulator $top"),
        (
            {"aggregate": "digs", "pipeline": [{"$unionWith": {"coll": "a", "pipeline": [{"$out": "b"}]}}]},
            "stage $out",
        ),
        ({"update": "digs", "updates": [{"q": {}, "u": [{"$match": {}}]}]}, "stage $match"),
        ({"update": "digs", "updates": [{"q": {}, "u": {"$bit": {"n": {"or": 1}}}}]}, "operator $bit"),
        (
            {"update": "digs", "updates": [{"q": {}, "u": {"$set": {"a": 1}, "$unset": {"a.b": 1}}}]},
            "two changes",
        ),
        ({"update": "digs", "updates": [{"q": {}, "u": {"$set": {"a": 1}}, "hint": "a"}]}, "field hint"),
        (
            {
                "update": "digs",
                "updates": [{"q": {"$or": [{"$expr": 1}]}, "u": {"$set": {"a": 1}}, "upsert": True}],
            },
            "$expr in an upsert's filter",
        ),
        ({"insert": "digs", "writeConcern": {"w": 0}}, "write concern"),
        ({"update": "digs", "updates": [], "readConcern": {"level": "majority"}}, "read concern of update"),
        ({"find": "digs", "writeConcern": {"w": "majority"}}, "write concern of find"),
        ({"getMore": 1, "collection": "digs", "maxTimeMS": 1}, "field maxTimeMS of getMore"),
        (
            {
                "createIndexes": "digs",
                "indexes": [{"key": {"a": 1}, "name": "b"}, {"key": {"a": 1}, "name": "c"}],
            },
            "two indexes of the same",
        ),
        ({"createIndexes": "digs", "indexes": [{"key": {"a": 1}, "collation": {}}]}, "option collation"),
        (
            {
                "createIndexes": "digs",
                "indexes": [{"key": {"a": 1}, "partialFilterExpression": {"a": {"$exists": False}}}],
            },
            "$exists: false in a partial index's filter",
        ),
        (
            {"findAndModify": "digs", "remove": True, "update": {"$set": {"a": 1}}},
            "remove together with update",
        ),
        (
            {"findAndModify": "digs", "query": {}, "bypassDocumentValidation": True},
            "field bypassDocumentValidation",
        ),
    ],
)
def test_forms_outside_the_list_are_objected_to(command, objection):
    said = objections(command)
    assert any(objection in each for each in said), said
    assert all(manual.MANUAL in each for each in said)
