"""Footprints: your digs with the chance that each had, and the sum of the chances next to the wins."""

from typing import Any


async def footprints(someone: Any, **page: int) -> list[tuple[Any, ...]]:
    rows = (await someone.get("/getMyDigs", **page))["data"]
    return [(row["code"], row["depth"], row["was_one_in"], row["is_prize"]) for row in rows]


async def test_each_dig_keeps_the_chance_that_it_was_shown_before_it(alice, bob, carol):
    code = await alice.publish(prize_num=2, interval=3, fluctuation=1, forecast_num=8)
    shown: list[int] = []
    made: dict[str, list[tuple[Any, ...]]] = {bob.id: [], carol.id: []}
    wins = {bob.id: 0, carol.id: 0}
    while (page := await bob.get("/getTaskDetails", code=code))["data"]["status"] == 0:
        who = carol if wins[bob.id] else bob
        dug = await who.dig(code)
        shown.append(page["data"]["one_in"])
        made[who.id].insert(0, (code, dug["now_depth"], shown[-1], dug["is_prize"]))
        wins[who.id] += dug["is_prize"]
    assert 0 in shown
    assert max(shown) > 0
    for who in (bob, carol):
        digs = made[who.id]
        assert await footprints(who) == digs
        told = await who.get("/getMyInfo")
        assert told["expected_wins"] == round(sum(1 / one_in for *_, one_in, _ in digs if one_in), 2)
        assert told["wins_counted"] == 1
    assert await footprints(alice) == []


async def test_a_dig_that_its_task_alone_has_is_there_once_and_a_page_has_twenty(context, bob, code):
    for _ in range(22):
        await bob.dig(code)
    await context.background.finish()
    await context.store.tasks.collection.update_one({"_id": code}, {"$set": {"pending": 1}})
    assert [depth for _, depth, *_ in await footprints(bob)] == list(range(22, 2, -1))
    assert [depth for _, depth, *_ in await footprints(bob, page=2)] == [2, 1]
    await context.store.digs.collection.delete_one({"depth": 22})
    assert [depth for _, depth, *_ in await footprints(bob)] == list(range(22, 2, -1))
    # A person who may no longer see a task does not get its name.
    await context.store.tasks.collection.update_one({"_id": code}, {"$set": {"hidden": 1}})
    assert {row["name"] for row in (await bob.get("/getMyDigs"))["data"]} == {""}
