"""Goods by mail after the winner gave an address: sending, receiving, and who sees the parcel's number."""

from __future__ import annotations

import csv
import io
from typing import Any

from server.actions.money.ship import CARRIERS
from server.actions.sweep import sweep
from server.context import Context
from support.client import Client, Someone
from support.purse import DAY_MS, check_books, find, let_pass, sweep_until_quiet

ADDRESS = {"receiver": "王小红", "phone": "13800001111", "address": "杭州市西湖区文三路 90 号"}
COLUMNS = ("状态", "快递公司", "运单号", "寄出时间", "收到时间")
PARCEL = {"carrier": "顺丰", "number": "SF1234567890"}


async def addressed(client: Client, context: Context, **parameters: Any) -> tuple[Someone, Someone, str]:
    """Return a publisher, and a winner who has given an address for the only prize of this task."""
    alice, bob = await client.log_in_all("alice", "bob")
    code = await alice.publish(forecast_num=1, **parameters)
    await bob.win(code)
    assert (await bob.claim(code, **ADDRESS))["is_draw"] == 1
    return alice, bob, code


async def seen(winner: Someone, publisher: Someone, code: str) -> set[tuple[Any, ...]]:
    """Return the views that winner and publisher have of the prize, each different view once."""
    [card] = (await winner.get("/getMyPrize"))["data"]
    [row] = (await publisher.get("/getWinners", code=code))["data"]
    drawn = await winner.claim(code)
    details = await winner.get("/getTaskDetails", code=code)
    card["state"] = card["prize_state"]
    names = ("is_draw", "state", "carrier", "number", "sent_at", "received_at")
    assert (details["is_draw"], details["prize_state"]) == (card["is_draw"], card["state"])
    return {tuple(view[name] for name in names) for view in (card, row, drawn)}


async def ship(publisher: Someone, code: str, **changes: Any) -> dict[str, Any]:
    return await publisher.post("/shipPrize", **({"code": code, "depth": 1, **PARCEL} | changes))


async def table(publisher: Someone, code: str) -> list[dict[str, str]]:
    """Return the winners' table as a spreadsheet reads it."""
    response = await publisher.fetch("/getWinners", code=code, format="csv")
    return list(csv.DictReader(io.StringIO(response.content.decode("utf-8-sig"))))


async def test_goods_by_mail_are_addressed_then_sent_then_received(client, context):
    alice, bob, code = await addressed(client, context)
    assert await seen(bob, alice, code) == {(1, "given", "", "", 0, 0)}
    [row] = await table(alice, code)
    assert [row[name] for name in COLUMNS] == ["待寄出", "", "", "", ""]
    assert (await bob.post("/receivePrize", code=code))["error"] == "not_sent"

    sent = await ship(alice, code)
    assert (sent["status"], sent["state"], sent["depth"]) == (0, "sent", 1)
    assert await seen(bob, alice, code) == {(1, "sent", *PARCEL.values(), sent["sent_at"], 0)}
    [row] = await table(alice, code)
    assert row["寄出时间"]
    assert [row[name] for name in COLUMNS] == ["已寄出", *PARCEL.values(), row["寄出时间"], ""]
    late = await bob.claim(code, **(ADDRESS | {"address": "新的地址 1 号"}))
    assert (late["error"], "已经寄出" in late["msg"]) == ("claim_over", True)
    assert (await bob.claim(code, **ADDRESS))["state"] == "sent"

    received = [await bob.post("/receivePrize", code=code) for _ in range(2)]
    assert received[0] == received[1]
    at = received[0]["received_at"]
    assert await seen(bob, alice, code) == {(1, "received", *PARCEL.values(), sent["sent_at"], at)}
    [row] = await table(alice, code)
    assert (row["状态"], bool(row["收到时间"])) == ("已收到", True)
    assert (await ship(alice, code, number="SF000000"))["error"] == "not_shippable"
    assert all("due_at" not in prize for prize in await find(context, "prizes"))
    await check_books(context)


async def test_a_parcel_may_be_corrected_for_a_day(client, context):
    alice, bob, code = await addressed(client, context)
    sent = await ship(alice, code, number=" SF 1234 5678 ")
    assert sent["number"] == "SF12345678"
    corrected = await ship(alice, code, carrier="中通", number="ZT0001")
    assert (corrected["carrier"], corrected["number"]) == ("中通", "ZT0001")
    assert corrected["sent_at"] == sent["sent_at"]
    await let_pass(context, DAY_MS + 1000)
    late = await ship(alice, code)
    assert (late["error"], "24 小时" in late["msg"]) == ("not_shippable", True)
    assert (await ship(alice, code, carrier="中通", number="ZT0001"))["status"] == 0
    assert {view[2:4] for view in await seen(bob, alice, code)} == {("中通", "ZT0001")}


async def test_goods_whose_winner_says_nothing_count_as_received_after_15_days(client, context):
    alice, bob, code = await addressed(client, context)
    await ship(alice, code)
    await let_pass(context, 15 * DAY_MS - 60_000)
    await sweep_until_quiet(context)  # this includes a look that is too early
    assert {view[1] for view in await seen(bob, alice, code)} == {"sent"}
    await let_pass(context, 60_001)
    await sweep(context)
    assert {view[1] for view in await seen(bob, alice, code)} == {"received"}
    assert (await bob.post("/receivePrize", code=code))["state"] == "received"


async def test_only_the_publisher_sends_and_only_what_has_an_address(client, context):
    alice, bob, code = await addressed(client, context)
    carol = await client.log_in("carol")
    site = await alice.publish(forecast_num=1, draw_type=1)
    unclaimed = await alice.publish(forecast_num=1)
    for won in (site, unclaimed):
        await carol.win(won)
    before = await find(context, "prizes")
    refused = [
        (await ship(bob, code), "not_yours"),
        (await ship(alice, "0" * 12), "no_such_task"),
        (await ship(alice, code, depth=2), "not_shippable"),
        (await ship(alice, site), "not_shippable"),
        (await ship(alice, unclaimed), "not_shippable"),
        (await ship(alice, code, number="SF"), "bad_request"),
        (await ship(alice, code, number="SF123<b>"), "bad_request"),
        (await ship(alice, code, number="SF-12345"), "bad_request"),
        (await ship(alice, code, carrier="加微信 abc"), "bad_request"),
        (await ship(alice, code, carrier=" "), "bad_request"),
        (await ship(alice, code, depth=0), "bad_request"),
        (await ship(Someone(client, alice.unionid, "", {}, send_token=False), code), "token_required"),
        (await carol.post("/receivePrize", code=code), "not_won"),
        (await alice.post("/receivePrize", code=code), "not_won"),
        (await carol.post("/receivePrize", code=site), "not_sent"),
    ]
    assert [reply.get("error") for reply, _ in refused] == [error for _, error in refused]
    assert await find(context, "prizes") == before
    typed = ({"carrier": "顺风"}, {"number": "1-2-3"})
    wrong = [(await ship(alice, code, **each))["msg"] for each in typed]
    assert wrong == [f"“快递公司”应为{'、'.join(CARRIERS)}之一", "“运单号”应为 5 到 40 位字母或数字"]
    assert (await ship(alice, code))["status"] == 0
    others = [
        await carol.get("/getTaskDetails", code=code),
        await carol.get("/getWinners", code=code),
        await carol.get("/getTaskUser", code=code, page=1),
    ]
    assert PARCEL["number"] not in repr(others)


async def test_the_parcel_is_deleted_with_its_address_90_days_after_it_arrived(client, context):
    alice, bob, code = await addressed(client, context)
    await let_pass(context, 89 * DAY_MS)
    await ship(alice, code)
    await let_pass(context, 2 * DAY_MS)
    await sweep(context)
    assert {view[1:4] for view in await seen(bob, alice, code)} == {("sent", *PARCEL.values())}
    await bob.post("/receivePrize", code=code)
    await let_pass(context, 90 * DAY_MS - 60_000)
    await sweep(context)
    assert {view[1:4] for view in await seen(bob, alice, code)} == {("received", *PARCEL.values())}
    await let_pass(context, 60_001)
    await sweep(context)
    assert {view[1:4] for view in await seen(bob, alice, code)} == {("received", "", "")}
    [row] = (await alice.get("/getWinners", code=code))["data"]
    assert (row["address"], row["address_deleted"]) == ("", 1)
