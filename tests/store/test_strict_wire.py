"""A test that sends MongoDB a form outside the reviewed list fails; the error shows names, but no values."""

import re
import subprocess
import sys

import pytest

from support import SOURCE
from support.servers import clean_environment
from support.wire import manual
from support.wire.strict import objections
from support.wire.what_mongodb_refuses import SECRET


def test_a_command_that_mongodb_refuses_fails_the_test_that_sent_it_and_no_other():
    file = SOURCE / "tests" / "support" / "wire" / "what_mongodb_refuses.py"
    command = [sys.executable, "-m", "pytest", "-n", "0", "-rfEp", "-p", "no:cacheprovider", str(file)]
    run = subprocess.run(
        command, cwd=SOURCE, env=clean_environment(), capture_output=True, text=True, timeout=120, check=False
    )
    ended = set(re.findall(r"^(?:FAILED|ERROR|PASSED) \S*::(\S+)", run.stdout, re.MULTILINE))
    failed = set(re.findall(r"^FAILED \S*::(\S+)", run.stdout, re.MULTILINE))
    assert failed == {
        "test_an_upsert_with_expr_in_its_filter",
        "test_a_stage_that_nobody_reviewed",
        "test_an_index_that_is_sparse_and_partial",
    }, run.stdout
    assert ended - failed == {"test_an_allowed_command_passes"}
    assert "findAndModify things: $expr in an upsert's filter" in run.stdout
    assert "stage $sample" in run.stdout
    assert SECRET not in run.stdout


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
