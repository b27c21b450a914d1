"""Queries with a limit read only a bounded number of documents, and still answer right."""

import asyncio

from server.cash.store import ledger
from server.game.amounts import DAY_MS


async def test_each_task_with_money_is_named_once_however_many_pages_that_takes(context, monkeypatch):
    monkeypatch.setattr(ledger, "CODES_AT_ONCE", 3)
    database = context.store.database
    expected = set()
    for offset, name in enumerate(("ledger", "orders", "prizes", "bills", "refunds")):
        # Task "D" has more entries than a page. Every other task is in one collection only.
        codes = ["D", "D", "D", "D", "D", *(f"{letter}{offset}" for letter in "ACEGZ"[: offset + 1])]
        expected.update(codes)
        await database[name].insert_many(
            [{"_id": f"{n}", "code": code, "person_id": f"{n}", "depth": n} for n, code in enumerate(codes)]
        )
    assert [code async for code in context.books.ledger.codes()] == sorted(expected)


async def test_sums_are_kept_by_day_and_added_up_once_by_any_number_of_processes(context, other):
    now_ms = 100 * DAY_MS + 5
    book = context.books.ledger
    for number, at in enumerate((1, 3 * DAY_MS, 98 * DAY_MS, 99 * DAY_MS - 1, 99 * DAY_MS, now_ms)):
        await book.enter("paid", f"{number}", "A" * 12, 10**number, at)
    await book.enter("given", "x", "A" * 12, 7, 3 * DAY_MS + 1)
    found = await asyncio.gather(*(each.books.ledger.sums_fen(now_ms) for each in (context, other) * 3))
    assert found == [{"paid": 111111, "owed": 0, "given": 7, "refunded": 0}] * 6
    kept = await context.store.database["ledger_sums"].find_one({})
    assert kept == {"_id": "all", "through": 99 * DAY_MS, "paid": 1111, "owed": 0, "given": 7, "refunded": 0}
    # Days whose sums are kept are not read again.
    await context.store.database["ledger"].delete_many({"at": {"$lt": 99 * DAY_MS}})
    assert await book.sums_fen(now_ms) == found[0]
