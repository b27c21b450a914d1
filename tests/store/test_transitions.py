"""Each row of each lifecycle does the same in the store as in Python."""

from collections import Counter
from typing import Any

import pytest
from bson import BSON

from server.cash.rules.refund import processing
from server.game.lifecycle import After, Move
from server.store.transitions import condition, update
from support.lifecycles import TABLES, documents
from support.rows import apply, examples

NUMBER = 12
# A document with a full history has at most this size.
MOST_BYTES = 10_000
# Longer than an update takes on a busy machine.
SLACK_MS = 60_000


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
@pytest.mark.gen_test(timeout=120)
async def test_the_store_does_what_the_table_says(context, table):
    rows = context.store.database["lifecycles"]
    fitted: Counter[str] = Counter()
    for seed, move in enumerate(examples(table)):
        now_ms = await context.store.now_ms()
        before = documents(table, move, seed, NUMBER, now_ms)
        await rows.delete_many({})
        await rows.insert_many([dict(document) for document in before])
        await rows.update_many(condition(move), update(move))
        after = {found["_id"]: found async for found in rows.find({})}
        for document in before:
            changed = apply(move, document, now_ms)
            fitted[move.name] += changed is not None
            assert same(move, after[document["_id"]], changed or document), (move, document)
    assert [name for name, number in fitted.items() if not number] == []


async def test_a_history_of_101_moves_has_the_first_ten_and_the_last_ninety(context):
    rows = context.store.database["lifecycles"]
    times = [await context.store.now_ms()]
    await rows.insert_one({"_id": "a", "state": "asked"})
    for number in range(101):
        move = processing("", 0).made_by(f"{number}")
        found = await rows.find_one_and_update({"_id": "a"}, update(move), return_document=True)
        times += [each["at"] for each in found["history"][-1:]]
    assert [each["by"] for each in found["history"]] == [f"{n}" for n in (*range(10), *range(11, 101))]
    assert {each["move"] for each in found["history"]} == {"processing"}
    assert times == sorted(times)
    assert len(BSON.encode(found)) < MOST_BYTES


def with_time_of(document: dict[str, Any]) -> dict[str, Any]:
    """Return the document with the time of its last move as a field of its own."""
    *before, last = document["history"]
    return {**document, "history": [*before, {**last, "at": 0}], "last_at": last["at"]}


def same(move: Move, found: dict[str, Any], told: dict[str, Any]) -> bool:
    if "history" in told and move.by:
        found = with_time_of(found)
        told = with_time_of(told)
    return found.keys() == told.keys() and all(
        abs(found[name] - value) < SLACK_MS
        if name == "last_at"
        or (isinstance(value, int) and any(isinstance(row.sets.get(name), After) for row in move.rows))
        else found[name] == value
        for name, value in told.items()
    )
