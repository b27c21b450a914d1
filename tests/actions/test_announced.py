"""Treasures that are announced for later, and treasures that end at a time that the publisher set."""

from __future__ import annotations

from typing import Any

from server.actions.announce import square_of
from server.context import Context
from server.game.amounts import DAY_MS, spoken
from server.game.task import AHEAD_DAYS
from support.client import Someone
from support.purse import check_books, rest, sweep_until_quiet

HOUR_MS = 3_600_000


async def begin(context: Context, code: str) -> None:
    """Let an announced task have begun just now."""
    now_ms = context.clock.now_ms() - 1
    begun = {"starts_at": now_ms, "opened_at": now_ms, "cd_until": now_ms}
    await context.store.tasks.collection.update_one({"_id": code}, {"$set": begun})
    context.hub.cooldowns.forget(code)
    square_of(context).forget()


async def listed(someone: Someone, **wanted: Any) -> list[str]:
    return [card["code"] for card in (await someone.get("/getTaskList", **wanted))["data"]]


async def test_an_announced_treasure_cools_down_until_it_starts(context, alice, bob, carol):
    now_ms = context.clock.now_ms()
    starts_at, ends_at = now_ms + 3 * HOUR_MS, now_ms + 5 * HOUR_MS
    code = await alice.publish(cd=1, forecast_num=3_500, starts_at=starts_at, ends_at=ends_at)
    other = await alice.publish(cd=1, forecast_num=3_500, starts_at=starts_at - 1)
    seen = await bob.get("/getTaskDetails", code=code)
    assert (seen["is_cd"], seen["can_dig"], seen["why"]) == (1, 0, "cooling_down")
    assert (seen["cd_until"], seen["starts_at"], seen["expires_at"]) == (starts_at, starts_at, ends_at)
    for who in (bob, carol):  # from the store, then from memory
        refused = await who.dig(code, dig_id="too-early-1")
        assert (refused["error"], refused["cd_until"]) == ("cooling_down", starts_at)
        assert "还没有开挖，还要等 3 小时" in refused["msg"]
    assert (await alice.dig(code))["error"] == "own_task"
    assert await listed(bob) == []
    assert await listed(bob, upcoming=1) == await listed(bob, upcoming=1, name="只") == [other, code]
    assert await listed(bob, upcoming=1, kind="on_site") == []
    assert await listed(bob, name="一只") == [other, code]
    assert await listed(bob, upcoming=1, name="没有") == []
    await begin(context, code)
    assert await listed(bob) == [code]
    assert await listed(bob, upcoming=1) == [other]
    assert (await bob.dig(code))["now_depth"] == 1
    square_of(context).forget()
    [card] = (await bob.get("/getTaskList"))["data"]
    assert (card["expires_at"], card["is_cd"]) == (ends_at, 1)


async def test_a_digger_on_time_has_a_place_in_the_random_order(context, alice, bob):
    code = await alice.publish(cd=1, forecast_num=3_500, starts_at=context.clock.now_ms() + HOUR_MS)
    await bob.dig(code)
    assert context.hub.cooldowns.digging_began(code) > context.clock.now_ms()


async def test_times_that_do_not_fit_are_refused_in_words(context, alice):
    draft = await alice.draft(forecast_num=9)
    now_ms, days = context.clock.now_ms(), context.settings.task_days * DAY_MS
    for times, param in (
        ({"starts_at": now_ms - 1000}, "starts_at"),
        ({"starts_at": now_ms + (AHEAD_DAYS + 1) * DAY_MS}, "starts_at"),
        ({"starts_at": "tomorrow"}, "starts_at"),
        ({"ends_at": now_ms - 1000}, "ends_at"),
        ({"ends_at": now_ms + days + HOUR_MS}, "ends_at"),
        ({"starts_at": now_ms + 2 * HOUR_MS, "ends_at": now_ms + HOUR_MS}, "ends_at"),
        ({"starts_at": now_ms + HOUR_MS, "ends_at": now_ms + HOUR_MS + 60_000}, "ends_at"),
        ({"cd": 60, "forecast_num": 61, "ends_at": now_ms + HOUR_MS}, "forecast_num"),
    ):
        reply = await alice.post("/postTask", **(draft | times))
        assert (reply["error"], reply["param"]) == ("bad_request", param), times
    assert (await alice.get("/getMyRelease"))["data"] == []


async def test_a_red_packet_that_is_paid_before_its_start_waits_for_it(context, open_page, alice, bob):
    now_ms = context.clock.now_ms()
    times = {"starts_at": now_ms + HOUR_MS, "ends_at": now_ms + 3 * HOUR_MS}
    early = await alice.publish_packet(**times)
    late = await alice.publish_packet(**times)
    assert (await bob.dig(early))["error"] == "not_paid"
    await alice.pay(early)
    refused = await bob.dig(early)
    assert (refused["error"], refused["cd_until"]) == ("cooling_down", times["starts_at"])
    page = await open_page(bob, late)
    await page.until("snapshot")
    assert (await bob.get("/getTaskDetails", code=late))["expires_at"] == times["ends_at"]
    await begin(context, late)
    await context.store.tasks.collection.update_one({"_id": late}, {"$unset": {"ends_at": ""}})
    await alice.pay(late)
    opened = {task["_id"]: task for task in await context.store.tasks.find_many([early, late])}
    assert (opened[early]["opened_at"], opened[early]["expires_at"]) == (times["starts_at"], times["ends_at"])
    assert opened[late]["opened_at"] >= now_ms
    lasts_ms = context.settings.task_days * DAY_MS
    assert opened[late]["expires_at"] == opened[late]["opened_at"] + lasts_ms
    await page.until("start")  # its page is told of the start
    assert (await bob.get("/getTaskDetails", code=late))["expires_at"] == opened[late]["expires_at"]


async def test_what_ended_as_announced_is_not_dug_or_paid_and_a_payment_on_its_way_goes_back(client, context):
    alice, bob = await client.log_in_all("alice", "bob")
    ends_at = context.clock.now_ms() + HOUR_MS
    goods = await alice.publish(cd=1, forecast_num=3_500, ends_at=ends_at)
    late, unpaid = [await alice.publish_packet(ends_at=ends_at) for _ in range(2)]
    found = await context.store.tasks.find(unpaid)
    waiting = (await alice.get("/getMyInfo"))["to_do"]
    assert {each["until"] for each in waiting} == {found["due_at"]} == {ends_at}
    parameters = await alice.order(late)
    [ordered] = await context.store.orders.of_task(late)
    assert ordered["expires_at"] == ends_at // 1000 * 1000
    now_ms = context.clock.now_ms()
    tasks = context.store.tasks.collection
    await tasks.update_many({}, {"$set": {"ends_at": now_ms}})
    await tasks.update_one({"_id": goods}, {"$set": {"expires_at": now_ms, "due_at": now_ms}})
    assert (await bob.dig(goods))["error"] == "ended"
    refused = await alice.post("/payTask", code=unpaid, money=2)
    assert (refused["error"], "说好的结束时间到了" in refused["msg"]) == ("ended", True)
    assert await context.store.orders.of_task(unpaid) == []
    await tasks.update_one({"_id": unpaid}, {"$set": {"due_at": now_ms}})
    assert (await client.wx("pay", **parameters)).endswith(":ok")
    await rest(context)
    assert (await bob.dig(late))["error"] == "ended"
    await sweep_until_quiet(context)
    assert await context.store.tasks.find(unpaid) is None
    ended = await context.store.tasks.find_many([goods, late])
    assert [(task["end_reason"], task["now_depth"]) for task in ended] == [("expired", 0)] * 2
    assert [refund["state"] for refund in await context.store.refunds.of_task(late)] == ["refunded"]
    await check_books(context)


async def test_the_rules_of_what_is_not_paid_or_ended_early_say_its_announced_times(context, alice):
    now_ms = context.clock.now_ms()
    starts_at, ends_at = now_ms + DAY_MS, now_ms + 3 * DAY_MS
    unpaid = await alice.publish_packet(starts_at=starts_at, ends_at=ends_at)
    ended = await alice.publish(starts_at=starts_at)
    assert (await alice.post("/endTask", code=ended))["status"] == 0
    said = {}
    for code in (unpaid, ended):
        rules = (await alice.get("/getRules", code=code))["rules"]
        said[code] = next(rule["text"] for rule in rules if rule["title"] == "时间")
    assert said[unpaid].startswith(f"还没有开始，不早于 {spoken(starts_at)}；到 {spoken(ends_at)}，")
    assert said[ended].endswith(" 已经结束")
    assert "开始" not in said[ended]
