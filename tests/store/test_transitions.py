"""Each row of each lifecycle does the same in the store as in Python."""

from collections import Counter
from typing import Any

import pytest

from server.game.lifecycle import Move
from server.store.transitions import condition, update
from support.lifecycles import TABLES, documents, is_from_clock
from support.rows import apply, examples

NUMBER = 40
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


def same(move: Move, found: dict[str, Any], told: dict[str, Any]) -> bool:
    return found.keys() == told.keys() and all(
        abs(found[name] - value) < SLACK_MS
        if is_from_clock(move, name) and isinstance(value, int)
        else found[name] == value
        for name, value in told.items()
    )
