"""Payout limits: the most that a person may pay, the allowed cards, and the least depth of red packets."""

import asyncio

from server.cash.store.orders import Orders
from support.meanwhile import meanwhile
from support.purse import DAY_MS, find, let_pass, rest, sweep_until_quiet

ENVIRONMENT = {"CASH_ORDER_YUAN": "12", "CASH_PAID_DAY_YUAN": "10", "CASH_PAID_WEEK_YUAN": "15"}


async def test_an_order_has_a_most(context, alice):
    rules = {"prize_num": 7, "forecast_num": 7, "interval": 1, "fluctuation": 0}
    refused = await alice.post("/postTask", goods_type=1, name="一个红包", money=2, **rules)
    assert (refused["error"], refused["param"]) == ("bad_request", "money")
    code = await alice.publish_packet()
    # As if the treasure had been published before there was a limit.
    await context.store.tasks.collection.update_one({"_id": code}, {"$set": {"money": 13}})
    assert (await alice.post("/payTask", code=code, money=13))["error"] == "over_limit"
    assert await find(context, "orders") == []


async def test_what_a_person_pays_a_day_and_a_week_is_limited(context, alice, bob):
    codes = [await alice.publish_packet(money=5) for _ in range(4)]
    await alice.pay(codes[0], 5)
    await alice.order(codes[1], 5)  # this order may still be paid, so it counts
    refused = await alice.post("/payTask", code=codes[2], money=5)
    assert (refused["error"], "10 元" in refused["msg"]) == ("over_limit", True)
    assert [found["state"] for found in await find(context, "orders", code=codes[2])] == ["closed"]
    assert len(await find(context, "sandbox_orders")) == 2
    await bob.pay(await bob.publish_packet(money=5), 5)
    await alice.pay(codes[1], 5)
    await let_pass(context, DAY_MS)
    await alice.pay(codes[2], 5)
    refused = await alice.post("/payTask", code=codes[3], money=5)
    assert (refused["error"], "15 元" in refused["msg"]) == ("over_limit", True)
    await let_pass(context, 6 * DAY_MS)
    codes.append(await alice.publish_packet(money=5))  # the unpaid treasure is deleted after a day
    await alice.pay(codes[4], 5)
    await sweep_until_quiet(context)


async def test_money_that_came_back_or_never_came_does_not_count(client, context, alice):
    ended = await alice.publish_packet(money=6)
    parameters = await alice.order(ended, 6)
    assert (await alice.post("/endTask", code=ended))["status"] == 0
    await client.wx("pay", **parameters)
    await rest(context)
    unpaid = await alice.publish_packet(money=6)
    await alice.order(unpaid, 6)
    await sweep_until_quiet(context, 7_300_000)
    await alice.order(await alice.publish_packet(money=6), 6)


async def test_two_orders_at_once_cannot_both_pass_the_limit(context, monkeypatch, alice):
    codes = [await alice.publish_packet(money=6) for _ in range(2)]
    meanwhile(monkeypatch, Orders, "insert", after=asyncio.Barrier(2).wait)
    replies = await asyncio.gather(*(alice.post("/payTask", code=code, money=6) for code in codes))
    refused = [reply["error"] for reply in replies if reply["status"]]
    # If the order of the first refused request is already deleted, the second request is within the limit.
    assert refused in (["over_limit"], ["over_limit", "over_limit"])
    assert len(await find(context, "sandbox_orders")) == 2 - len(refused)


async def test_an_order_above_the_limit_that_was_handed_out_meanwhile_is_closed(context, monkeypatch, alice):
    code, other = [await alice.publish_packet(money=6) for _ in range(2)]

    async def hand_out() -> None:
        await alice.order(code, 6)
        [made] = await find(context, "orders")
        await context.store.database["orders"].insert_one(made | {"_id": other + "MADE", "code": other})

    meanwhile(monkeypatch, Orders, "ordered_fen", before=hand_out, once=True)
    assert (await alice.post("/payTask", code=code, money=6))["error"] == "over_limit"
    assert [order["trade_state"] for order in await find(context, "sandbox_orders")] == ["CLOSED"]


async def test_an_order_that_a_dead_process_left_is_weighed_before_it_is_sent(context, alice):
    codes = [await alice.publish_packet(money=6) for _ in range(2)]
    await alice.order(codes[0], 6)
    [made] = await find(context, "orders")
    left = made | {"_id": codes[1] + "LEFT", "code": codes[1], "prepay_id": ""}
    await context.store.database["orders"].insert_one(left)
    assert (await alice.post("/payTask", code=codes[1], money=6))["error"] == "over_limit"
    assert len(await find(context, "sandbox_orders")) == 1
