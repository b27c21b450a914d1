"""A publisher sees winners' addresses ten at a time, and none while something is wrong."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from server.actions.money.show_addresses import OPEN_AT_ONCE
from server.actions.reviews.report import settle_reports
from server.context import Context
from server.game.amounts import DAY_MS
from support.client import Client, Someone
from support.operators import operator
from support.purse import find, let_pass, rest

PHONE = "1380000"


ENVIRONMENT = {"REPORTS_TO_HOLD": "3"}


async def addressed(client: Client, context: Context, owner: Someone, number: int, **asked: Any) -> str:
    """Return goods by mail of which this many prizes were won, at successive levels, and have an address."""
    code = await owner.publish(prize_num=number + 1, interval=1, fluctuation=0, **asked)
    for k in range(1, number + 1):
        winner = await client.log_in(f"winner-{k}")
        assert (await winner.dig(code))["is_prize"] == 1
        await rest(context)
        where = {"receiver": f"第 {k} 个", "phone": f"{PHONE}{k:04}", "address": f"文三路 {k} 号"}
        assert (await winner.claim(code, **where))["is_draw"] == 1
    return code


async def read(owner: Someone, code: str) -> list[int]:
    """Return the depths of the addresses that the publisher can read."""
    rows = (await owner.get("/getWinners", code=code))["data"]
    assert all(bool(row["address"]) == bool(row["phone"]) == bool(row["receiver"]) for row in rows)
    assert all(row["address_waits"] for row in rows if row["state"] == "given" and not row["address"])
    return [row["depth"] for row in rows if row["address"]]


async def table(owner: Someone, code: str) -> Any:
    return await owner.fetch("/getWinners", code=code, format="csv")


async def ship(owner: Someone, code: str, depth: int) -> dict[str, Any]:
    return await owner.post("/shipPrize", code=code, depth=depth, carrier="顺丰", number=f"SF{depth:08}")


@pytest.mark.gen_test(timeout=30)
async def test_a_publisher_reads_ten_addresses_at_a_time_and_the_next_when_those_are_sent(client, context):
    alice = await client.log_in("alice")
    code = await addressed(client, context, alice, OPEN_AT_ONCE + 3)
    first = list(range(1, OPEN_AT_ONCE + 1))
    assert await find(context, "prizes", address_shown_at={"$exists": True}) == []
    assert await read(alice, code) == first
    csv = (await table(alice, code)).text
    assert csv.count(PHONE) == OPEN_AT_ONCE
    assert csv.count("先寄出前面的") == 3
    noted = await find(context, "prizes", address_shown_at={"$exists": True})
    assert sorted(prize["depth"] for prize in noted) == first
    blind = await ship(alice, code, OPEN_AT_ONCE + 1)
    assert (blind["error"], "还没有打开" in blind["msg"]) == ("not_shippable", True)

    assert (await ship(alice, code, 4))["status"] == 0
    assert await read(alice, code) == list(range(1, OPEN_AT_ONCE + 2))
    for depth in first:
        assert (await ship(alice, code, depth))["status"] == 0
    assert await read(alice, code) == list(range(1, OPEN_AT_ONCE + 4))
    # The winners can always read their own addresses.
    own = await client.people["winner-13"].claim(code)
    assert own["phone"] == f"{PHONE}0013"


@pytest.mark.gen_test(timeout=30)
async def test_ten_are_open_over_all_treasures_of_a_publisher(client, context):
    alice, amy = await client.log_in_all("alice", "amy")
    codes = [await addressed(client, context, alice, 7) for _ in range(2)]
    other = await addressed(client, context, amy, 2)
    read_at_once = await asyncio.gather(*(read(alice, code) for code in reversed(codes)))
    assert read_at_once == [[1, 2, 3], [1, 2, 3, 4, 5, 6, 7]]
    assert await read(amy, other) == [1, 2]
    await operator(client)
    await client.post("/ops/hide", code=codes[0], hidden=1, reason="违法")
    assert await read(alice, codes[1]) == [1, 2, 3, 4, 5, 6, 7]


@pytest.mark.parametrize("closed", ["reported", "taken down", "task frozen", "publisher frozen"])
@pytest.mark.gen_test(timeout=30)
async def test_a_treasure_that_is_reported_taken_down_or_frozen_shows_no_addresses_and_says_why(
    client, context, closed, alice
):
    code = await addressed(client, context, alice, 3)
    assert await read(alice, code) == [1, 2, 3]
    await operator(client)
    if closed == "reported":
        long_ago = {"$set": {"created_at": context.clock.now_ms() - DAY_MS - 1}}
        await context.store.people.collection.update_many({}, long_ago)
        for k in (1, 2, 3):
            await client.people[f"winner-{k}"].get("/getTaskDetails", code=code)
            await client.people[f"winner-{k}"].post("/report", code=code, reason="fraud")
    elif closed == "taken down":
        await client.post("/ops/hide", code=code, hidden=1, reason="违法")
    else:
        what = "task" if closed == "task frozen" else "person"
        await client.post("/ops/freeze", what=what, code=code, depth=0, reason="像是骗局")
    why = {"reported": "举报", "taken down": "下架"}.get(closed, "冻结")

    winners = await alice.get("/getWinners", code=code)
    assert why in winners["addresses_closed"]
    assert [row["wxname"] for row in winners["data"]] == [
        client.people[f"winner-{k}"].data["nickName"] for k in (1, 2, 3)
    ]
    assert not any(row["receiver"] or row["phone"] or row["address"] for row in winners["data"])
    refused = (await table(alice, code)).json()
    assert (refused["error"], why in refused["msg"]) == ("addresses_closed", True)
    assert PHONE not in str(refused)

    if closed == "reported":
        assert (await ship(alice, code, 1))["status"] == 0  # the parcel is on its way already
        await let_pass(context, DAY_MS + 1)
        await settle_reports(context)
        assert await read(alice, code) == [1, 2, 3]
    elif closed == "taken down":
        await client.post("/ops/hide", code=code, hidden=0, reason="没有问题")
        assert await read(alice, code) == [1, 2, 3]
    else:
        await client.post("/ops/release", what=what, code=code, depth=0, reason="没有问题")
        assert await read(alice, code) == [1, 2, 3]


@pytest.mark.gen_test(timeout=30)
async def test_one_frozen_prize_shows_no_address_and_the_others_do(client, context, alice):
    code = await addressed(client, context, alice, 2)
    await operator(client)
    await client.post("/ops/freeze", what="prize", code=code, depth=1, reason="看一看")
    assert await read(alice, code) == [2]


@pytest.mark.gen_test(timeout=30)
async def test_the_table_of_what_nobody_sends_is_given_also_under_report(client, context, alice, bob):
    code = await alice.publish(draw_type=1, forecast_num=1)
    await bob.dig(code)
    await rest(context)
    await operator(client)
    await client.post("/ops/hide", code=code, hidden=1, reason="违法")
    assert (await table(alice, code)).status_code == 200
    assert (await alice.get("/getWinners", code=code))["addresses_closed"] == ""
