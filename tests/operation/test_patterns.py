"""Patterns of cheating become alarms: numbers and a treasure, and nobody's id."""

from __future__ import annotations

from server.context import Context
from server.game.amounts import DAY_MS
from server.operation.alarms import Alarm
from server.operation.monitor import key_of
from server.operation.patterns import check_patterns
from support.operators import operator
from support.purse import find, rest


async def found(context: Context, what: str, now_ms: int = 0) -> list[Alarm]:
    alarms = await check_patterns(context.store, now_ms or context.clock.now_ms())
    return [alarm for alarm in alarms if alarm.what == what]


async def test_a_pair_that_meets_again_is_told_and_forgotten_after_a_week(context, alice, bob, carol):
    codes = [await alice.won_packet(bob) for _ in range(2)]
    await carol.won_packet(bob)
    assert await found(context, "pair") == []
    codes.append(await alice.won_packet(bob))
    [alarm] = await found(context, "pair")
    assert (alarm.kind, alarm.code, alarm.values) == ("pattern", codes[-1], ("3", "6"))
    assert bob.unionid not in key_of(alarm)
    assert await found(context, "pair", context.clock.now_ms() + 7 * DAY_MS) == []


async def test_a_flood_of_small_wins_hides_no_pattern(client, context, monkeypatch):
    monkeypatch.setattr("server.operation.patterns.MOST", 2)
    monkeypatch.setattr("server.operation.patterns.TOLD", 2)
    alice, bob, carol = await client.log_in_all("alice", "bob", "carol")
    alone = await alice.won_packet(bob, money=9)
    for _ in range(3):
        await carol.won_packet(bob, money=1)
    assert next(alarm.code for alarm in await found(context, "alone")) == alone
    assert len(await found(context, "pair")) == 1


async def test_a_treasure_that_one_or_few_dug_is_told(context, alice, bob, carol):
    alone = await alice.won_packet(bob)
    [alarm] = await found(context, "alone")
    assert (alarm.code, alarm.values) == (alone, ("1", "2"))
    for is_public in (0, 1):
        await alice.won_packet(bob, carol, prizes=2, is_public=is_public)
        few = await found(context, "few")
        assert [(alarm.values) for alarm in few] == [("2", "4")]
    assert len(await found(context, "alone")) == 1


async def test_a_sharer_who_brought_many_winners_is_told(client, context):
    alice, eve, *others = await client.log_in_all("alice", "eve", *"bcdfg")
    for winner in others:
        assert await found(context, "sharer") == []
        code = await alice.won_packet(winner)
        await context.store.shares.record([(code, eve.unionid, winner.unionid)])
    [alarm] = await found(context, "sharer")
    assert alarm.values == ("5",)


async def test_many_people_at_one_address_are_told(client, context):
    day = context.clock.now_ms() // DAY_MS
    for number in range(10):
        assert await found(context, "address") == []
        await context.store.risks.begin(f"person{number}", day, "a place", "A" * 12)
        await context.store.risks.begin(f"other{number}", day, f"place {number}", "B" * 12)
    [alarm] = await found(context, "address")
    assert (alarm.code, alarm.values) == ("A" * 12, ("10",))
    assert await found(context, "address", (day + 1) * DAY_MS) == []


async def test_luck_above_what_chance_allows_is_told(context, alice, bob, carol):
    for _ in range(3):
        await alice.won_packet(carol)  # at the only level, so it needs no luck
        code = await alice.won_packet(bob)
        # As if the treasure had a thousand levels, of which the first won.
        [task] = await find(context, "tasks", _id=code)
        params = task["params"].replace('"forecast_num":1', '"forecast_num":1000')
        params = params.replace('"max_depth":1', '"max_depth":1000')
        await context.store.tasks.collection.update_one({"_id": code}, {"$set": {"params": params}})
    [alarm] = await found(context, "luck")
    assert (alarm.code, alarm.values) == (code, ("3", "3", "1e-09"))


async def test_held_red_packets_are_an_alarm_until_they_are_decided(client, context, alice, bob):
    code = await alice.won_packet(bob)
    assert await found(context, "held") == []
    await operator(client)
    await client.post("/ops/freeze", what="task", code=code, reason="查")
    await rest(context)
    [alarm] = await found(context, "held")
    assert (alarm.kind, alarm.values) == ("held", ("1", "2"))
    await client.post("/ops/release", what="task", code=code, reason="查过了")
    assert await found(context, "held") == []
