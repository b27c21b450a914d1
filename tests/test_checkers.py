"""The tests' own checkers find each kind of planted fault, and nothing in what is right."""

from collections.abc import Callable
from typing import Any

import pytest
from pymongo import IndexModel

from server.game.lifecycle import NOW, Over, Row, Table
from support.declared import check_frame, check_reply
from support.invariants import broken_by_digs
from support.planner import without_index
from support.rows import faults

TASK = {"now_depth": 3, "prize_num": 2, "participants": 2, "cd_ms": 1000}
DIGS = [
    {"depth": 1, "at": 1000, "person_id": "alice", "no": 1, "n": 1, "participants": 1, "is_prize": 0},
    {"depth": 2, "at": 2000, "person_id": "bob", "no": 2, "n": 2, "participants": 2, "is_prize": 1},
    {"depth": 3, "at": 3000, "person_id": "alice", "no": 1, "participants": 2, "is_prize": 0},
]
INDEXES = {
    "tasks": [
        IndexModel([("a", 1), ("b", -1)]),
        IndexModel([("c", 1)], partialFilterExpression={"n": {"$gt": 0}}),
    ]
}
REFUSED = {"status": 1, "msg": "x", "trace_id": "0", "error": "too_many"}
TICK = {"type": "tick", "code": "A" * 12, "time": 3}


def digs(changed: dict[int, dict[str, Any]]) -> list[str]:
    history = [dig | changed.get(dig["depth"], {}) for dig in DIGS]
    return list(map(repr, broken_by_digs(TASK, history, [2, 7])))


def lifecycle(rows: list[Row]) -> list[str]:
    table = Table("planted", first="a", ends="b", effects="x")

    def ended() -> Row:
        return Row("a -> b", sets={"due_at": NOW}, owes="x")

    table.by("somebody")(ended)
    table(lambda: rows)
    return faults(table)


def query(command: dict[str, Any]) -> list[str]:
    return list(without_index(command, INDEXES))


def union(condition: dict[str, Any]) -> list[str]:
    union = {"coll": "tasks", "pipeline": [{"$match": condition}]}
    return query({"aggregate": "tasks", "pipeline": [{"$match": {"a": 1}}, {"$unionWith": union}]})


def lookup(field: str) -> list[str]:
    stages = [{"$match": {"a": 1}}, {"$lookup": {"from": "tasks", "foreignField": field}}]
    return query({"aggregate": "tasks", "pipeline": stages})


def reply(given: dict[str, Any]) -> list[str]:
    return said_by(lambda: check_reply("/logout", given))


def frame(given: dict[str, Any]) -> list[str]:
    return said_by(lambda: check_frame(given))


def said_by(check: Callable[[], None]) -> list[str]:
    try:
        check()
    except AssertionError as error:
        return [str(error)]
    return []


@pytest.mark.parametrize(
    ("find", "right", "planted"),
    [
        (
            digs,
            {},
            {
                "depths": {3: {"depth": 4}},
                "cooldown of depth 2": {2: {"at": 1999}},
                "winning depths": {2: {"is_prize": 0}},
                "winners": {1: {"person_id": "bob", "is_prize": 1}},
                "place of depth 3": {3: {"no": 2}},
                "place of depth 2": {2: {"n": 1}},
                "participants at depth 3": {3: {"participants": 3}},
                "'participants'": {2: {"person_id": "alice"}},
            },
        ),
        (
            lifecycle,
            [Row("a b", sets={"f": 1})],
            {
                "c is never reached": [Row("c -> b")],
                "c is no end, and nothing leaves it": [Row("a -> c")],
                "changes the state, and nobody makes it": [Row("a -> b")],
                "is by the clock and may leave the state": [Row("a b -> b", when=Over(((1, 0),)))],
                "leaves an end due, which owes nothing": [Row("a -> b", sets={"due_at": NOW})],
                "owes something and is not due": [Row("a -> b", owes="x")],
                "drops what it sets": [Row("a -> b", sets={"f": 1}, drops="f")],
            },
        ),
        (
            query,
            {"find": "tasks", "filter": {"a": 1}, "sort": {"b": 1}},
            {
                "{} by {}": {"find": "tasks", "filter": {}},
                "'b': 1} by {}": {"find": "tasks", "filter": {"b": 1}},
                "by {'b': -1}": {"find": "tasks", "filter": {"a": {"$gt": 1}}, "sort": {"b": -1}},
                "'$gte': 0": {"find": "tasks", "filter": {"c": 1, "n": {"$gte": 0}}},
                "'$or'": {"find": "tasks", "filter": {"$or": [{"a": 1}, {"b": 1}]}},
            },
        ),
        (union, {"a": 1}, {"{'b': 1} by": {"b": 1}}),
        (lookup, "a", {"{'b': 'a value'}": "b"}),
        (
            reply,
            REFUSED,
            {
                "not in refusals.json": REFUSED | {"error": "not_ended"},
                '"more":1': {"status": 0, "msg": "", "more": 1},
                '{"status":0} is not valid': {"status": 0},
                '"status":2': {"status": 2, "msg": ""},
            },
        ),
        (
            frame,
            TICK,
            {
                "'more' was unexpected": TICK | {"more": 1},
                '"time" is a required property': {"type": "tick", "code": "A" * 12},
                '"3" is not': TICK | {"time": "3"},
            },
        ),
    ],
)
def test_a_checker_finds_each_planted_fault_and_none_in_what_is_right(find, right, planted):
    assert find(right) == []
    found = {said: find(wrong) for said, wrong in planted.items()}
    assert {said: each for said, each in found.items() if not any(said in one for one in each)} == {}
