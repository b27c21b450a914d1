"""The operators' lists: unusual tasks, and the sums of money."""

from __future__ import annotations

from support.client import Client
from support.operators import operator


async def codes(client: Client, **asked: str) -> list[str]:
    return [task["code"] for task in (await client.get("/ops/list", **asked))["data"]]


async def test_hidden_unpaid_and_held_tasks_are_listed(client, context, alice, bob):
    await operator(client)
    plain = await alice.publish()
    unpaid, paid = await alice.publish_packet(), await alice.paid_packet()
    assert await codes(client, of="hidden") == []
    await client.post("/ops/hide", code=plain, hidden=1, reason="看看")
    assert await codes(client, of="hidden") == [plain]
    goods = await alice.publish()
    await context.store.tasks.rows.update_one({"_id": goods}, {"$set": {"open": 0}})  # it is being checked
    assert await codes(client, of="unpaid") == [unpaid]
    held = await client.get("/ops/list", of="held")
    assert [task["code"] for task in held["data"]] == [paid]
    whole = held["held_fen"][paid]
    assert whole == (await client.get("/ops/task", code=paid))["money"]["held_fen"] > 0
    await bob.win(paid)
    assert (await client.get("/ops/list", of="held"))["held_fen"][paid] == whole  # all owed money is held
    await client.post("/ops/hide", code=plain, hidden=0, reason="好了")
    assert await codes(client, of="hidden") == []
    assert (await client.get("/ops/list", of="odd"))["error"] == "bad_request"


async def test_the_money_of_all_tasks_is_told(client, context):
    await operator(client)
    first = await client.get("/ops/money")
    assert (first["paid_fen"], first["held_fen"]) == (0, 0)
    alice = await client.log_in("alice")
    code = await alice.paid_packet()
    await context.store.gauges.collection.update_many({}, {"$set": {"due_at": 0}})
    told = await client.get("/ops/money")
    own = (await client.get("/ops/task", code=code))["money"]
    assert told["at"] >= first["at"] > 0
    for name in ("paid_fen", "given_fen", "refunded_fen", "held_fen"):
        assert told[name] == own[name], name
    assert told["held_fen"] > 0
