"""`/getMyInfo` lists things that wait for the person to act, and only while the person can act."""

from typing import Any

from server.context import Context
from server.game.amounts import DAY_MS
from support.client import ADDRESS, Someone
from support.drafts import RED_PACKET


async def waits(person: Someone) -> list[tuple[Any, ...]]:
    rows = (await person.get("/getMyInfo"))["to_do"]
    return [(row["act"], row["code"], row["unsent"], row["owed_fen"]) for row in rows]


async def set_task(context: Context, code: str, **fields: Any) -> None:
    await context.store.tasks.collection.update_one({"_id": code}, {"$set": fields})


async def test_what_waits_for_somebody_goes_from_hand_to_hand_until_nothing_does(client, context):
    alice, bob, eve = await client.log_in_all("alice", "bob", "eve")
    assert (await waits(alice), await waits(bob)) == ([], [])
    code = await alice.won_goods(bob, name="鼓")
    assert await waits(bob) == [("claim", code, 0, 0)]
    [row] = (await bob.get("/getMyInfo"))["to_do"]
    [card] = (await bob.get("/getMyPrize"))["data"]
    assert (row["name"], row["until"]) == ("鼓", card["claim_until"])
    await bob.claim(code, **ADDRESS)
    assert (await waits(bob), await waits(alice)) == ([], [("ship", code, 1, 0)])
    # Nobody can send prizes of a treasure that was taken down: its publisher does not see the addresses.
    await set_task(context, code, hidden=1)
    assert await waits(alice) == []
    await set_task(context, code, hidden=0)
    await alice.post("/shipPrize", code=code, depth=1, carrier="顺丰", number="SF12345678")
    assert (await waits(bob), await waits(alice)) == ([("receive", code, 0, 0)], [])
    await bob.post("/receivePrize", code=code)
    assert [await waits(each) for each in (alice, bob, eve)] == [[], [], []]


async def test_what_ends_first_is_first_and_what_is_over_or_put_off_does_not_wait(context, alice, bob):
    unpaid = await alice.publish(**RED_PACKET)
    assert await waits(alice) == [("pay", unpaid, 0, 2400)]
    late, soon = [await alice.publish(forecast_num=1) for _ in range(2)]
    for code in (late, soon):
        await bob.win(code)
    await set_task(context, soon, ended_at=context.clock.now_ms() - DAY_MS)
    assert [code for _, code, *_ in await waits(bob)] == [soon, late]
    await set_task(context, soon, ended_at=1)
    prizes = context.store.prizes.collection
    later = {"waits_until": context.clock.now_ms() + DAY_MS}
    await prizes.update_one({"code": late}, {"$set": later})
    assert await waits(bob) == []
