"""The server reports the delivery of each paid order to WeChat, which frees the money only then."""

from __future__ import annotations

from typing import Any

import pytest

from server.actions.digging.end_task import end_task_as_operator
from server.actions.money.report_delivery import NOT_REPORTED, REFUSED_MS
from server.actions.people import erase as forgetting
from server.actions.sweep import sweep
from server.context import Context
from server.game.order import SHIPPING_REFUSED
from server.operation.alarms import Alarm, check_ledger
from server.operation.monitor import key_of
from support.client import Client
from support.purse import DAY_MS, check_books, find, let_pass, rest, sweep_until_quiet

MINUTE_MS = 60_000


async def opened(client: Client, context: Context) -> str:
    """Let Alice pay for a treasure, which then opens."""
    alice = await client.log_in("alice")
    return await alice.paid_packet()


async def sweep_later(context: Context, milliseconds: int = MINUTE_MS + 1000) -> dict[str, Any]:
    """Sweep after this time; return the only order."""
    await let_pass(context, milliseconds)
    await sweep(context)
    [found] = await find(context, "orders")
    return found


async def shipped(context: Context) -> list[list[str]]:
    return [found.get("shipped", []) for found in await find(context, "sandbox_orders")]


async def test_an_order_is_reported_once_a_minute_after_it_opened_its_treasure(client, context):
    await opened(client, context)
    await sweep(context)
    assert await shipped(context) == [[]]
    found = await sweep_later(context)
    [[info]] = await shipped(context)
    assert info == '[3,1,[{"item_desc":"挖宝红包","tracking_no":"","express_company":""}]]'
    assert (found["state"], "then" in found, "due_at" in found) == ("spent", False, False)
    await sweep_until_quiet(context)
    assert len((await shipped(context))[0]) == 1
    await check_books(context)


async def test_a_payment_that_wechat_does_not_list_yet_is_reported_once_it_does(client, context):
    await opened(client, context)
    await context.store.database["orders"].update_many({}, {"$set": {"due_at": 0}})
    found = await sweep_later(context, 0)
    assert ("then" in found, found["alarm"], await shipped(context)) == (True, "", [[]])
    found = await sweep_later(context)
    assert ("then" in found, found["alarm"], len((await shipped(context))[0])) == (False, "", 1)


async def test_what_opened_nothing_and_what_need_not_be_reported_is_not(client, context, alice):
    code = await alice.publish_packet()
    parameters = await alice.order(code)
    await client.misbehave("lose_notice")
    assert (await client.wx("pay", **parameters)).endswith(":ok")
    await alice.post("/endTask", code=code)
    found = await sweep_later(context)
    assert (found["state"], "then" in found) == ("unusable", False)
    await sweep_until_quiet(context)

    await client.misbehave("unmanaged", call="managed")
    code = await alice.paid_packet()
    await let_pass(context, MINUTE_MS + 1000)
    await sweep(context)
    [found] = await find(context, "orders", code=code)
    assert (found["state"], "then" in found, found["alarm"]) == ("spent", False, "")
    assert await shipped(context) == [[], []]


@pytest.mark.parametrize(
    "wish",
    [
        {"what": "error_after"},
        *({"what": "refuse", "code": code} for code in ("10060002", "10060003", "10060023")),
    ],
)
async def test_what_wechat_calls_delivered_is(client, context, wish):
    await opened(client, context)
    await client.misbehave(call="shipping", **wish)
    found = await sweep_later(context)
    assert ("then" in found, found["alarm"]) == (False, "")


@pytest.mark.parametrize(
    ("wish", "alarm"),
    [
        ({"what": "refuse", "code": "10060012"}, ""),
        ({"what": "refuse", "code": "10060031"}, NOT_REPORTED),
        ({"what": "refuse", "code": "10060004"}, NOT_REPORTED),
        ({"what": "error_before", "times": 2}, ""),
        ({"what": "garbage"}, ""),
    ],
)
async def test_a_report_that_wechat_does_not_take_is_made_again(client, context, wish, alarm):
    await opened(client, context)
    await client.misbehave(call="shipping", **wish)
    found = await sweep_later(context)
    assert (found["alarm"], "then" in found, "due_at" in found) == (alarm, True, True)
    told = f'wabao_money_alarms{{alarm="{NOT_REPORTED}",kind="order"}} 1.0'
    assert (told in await client.scrape()) == bool(alarm)
    found = await sweep_later(context, 5 * MINUTE_MS)
    assert (found["alarm"], "then" in found, "due_at" in found) == ("", False, False)
    assert len((await shipped(context))[0]) == 1


@pytest.mark.parametrize("call", ["managed", "shipping"])
async def test_a_mini_program_that_may_report_nothing_is_one_alarm_until_it_may(
    client, context, call, monkeypatch
):
    monkeypatch.setattr("server.wechat._UNTOLD_SECONDS", 0.0)  # no real time passes
    await opened(client, context)
    code = await client.people["alice"].publish_packet()
    await client.people["alice"].pay(code)
    await client.misbehave("refuse", call=call, code="48001", times=20)
    await let_pass(context, MINUTE_MS + 1000)
    await sweep(context)
    [alarm] = await check_ledger(context.store)
    assert (alarm, key_of(alarm)) == (Alarm("order", "", "shipping"), "order::shipping")
    await client.http.post("/sandbox/misbehave", json={"what": "behave"})
    await client.misbehave("refuse", call="shipping", code="10060019", times=20)  # not now
    await let_pass(context, 2 * REFUSED_MS)
    await sweep(context)
    assert await check_ledger(context.store) == [alarm]
    await client.http.post("/sandbox/misbehave", json={"what": "behave"})
    await let_pass(context, REFUSED_MS)
    await sweep(context)
    assert (await check_ledger(context.store), list(map(len, await shipped(context)))) == ([], [1, 1])


async def test_what_wechat_keeps_refusing_is_tried_daily_and_told_to_the_operator(client, context):
    await opened(client, context)
    await client.misbehave("refuse", call="shipping", code="10060001", times=20)
    alarms = [(await sweep_later(context))["alarm"], (await sweep_later(context, 62 * MINUTE_MS))["alarm"]]
    assert alarms == ["", NOT_REPORTED]
    found = await sweep_later(context, 5 * DAY_MS)
    assert 0 < found["due_at"] - context.clock.now_ms() <= DAY_MS
    await client.http.post("/sandbox/misbehave", json={"what": "behave"})
    found = await sweep_later(context, DAY_MS)
    assert (found["alarm"], "then" in found) == ("", False)


async def test_what_went_back_whole_need_not_be_reported(client, context):
    code = await opened(client, context)
    await client.people["alice"].post("/endTask", code=code)
    await client.misbehave("refuse", call="shipping", code="10060001")
    await sweep_later(context)
    await rest(context)
    await sweep_until_quiet(context)
    [found] = await find(context, "orders")
    assert (found["alarm"], "then" in found, await shipped(context)) == ("", False, [[]])
    await check_books(context)


async def test_what_went_back_in_part_still_has_to_be_reported(client, context, alice):
    code = await alice.paid_packet(prizes=2)
    await (await client.log_in("bob")).win(code)
    await end_task_as_operator(context, code, "违规")
    await client.misbehave("refuse", call="shipping", code="10060004", times=20)
    await sweep_until_quiet(context)
    [found], [refund] = await find(context, "orders"), await find(context, "refunds")
    assert (refund["amount_fen"], found["amount_fen"], "refunding" in found) == (200, 400, True)
    assert ("then" in found, found["alarm"]) == (True, NOT_REPORTED)
    await client.http.post("/sandbox/misbehave", json={"what": "behave"})
    found = await sweep_later(context, DAY_MS)
    assert ("then" in found, len((await shipped(context))[0])) == (False, 1)


async def test_a_person_keeps_their_account_until_their_order_is_reported_but_an_operator_may_erase_them(
    client, context, monkeypatch
):
    code = await opened(client, context)
    alice = client.people["alice"]
    await alice.post("/endTask", code=code)

    async def told() -> str:
        refused = await alice.post("/deleteAccount")
        assert refused["error"] == "cannot_leave"
        return str(refused["msg"])

    await client.misbehave("refuse", call="shipping", code="10060001", times=20)
    await sweep_until_quiet(context)
    assert "平台还要在微信录入发货" in await told()
    with pytest.raises(forgetting.CannotErase, match="is not reported to WeChat"):
        await forgetting.erase(context.store, alice.unionid)
    for refusal, alarm in (("48001", SHIPPING_REFUSED), ("10060031", NOT_REPORTED)):
        await client.http.post("/sandbox/misbehave", json={"what": "behave"})
        await client.misbehave("refuse", call="shipping", code=refusal, times=20)
        assert (await sweep_later(context, DAY_MS))["alarm"] == alarm
        assert "平台还要在微信录入发货" in await told()
    await forgetting.erase(context.store, alice.unionid)
    found = await sweep_later(context, DAY_MS)
    assert (found["openid"], found["alarm"], "then" in found, "due_at" in found) == ("", "", False, False)
    await check_books(context)


async def test_a_person_may_delete_their_account_once_what_wechat_refused_is_reported(client, context):
    code = await opened(client, context)
    alice = client.people["alice"]
    await alice.post("/endTask", code=code)
    await client.misbehave("refuse", call="shipping", code="48001", times=20)
    await sweep_until_quiet(context)
    assert (await sweep_later(context))["alarm"] == SHIPPING_REFUSED
    assert (await alice.post("/deleteAccount"))["error"] == "cannot_leave"
    await client.http.post("/sandbox/misbehave", json={"what": "behave"})
    await sweep_later(context, REFUSED_MS)
    assert (await alice.post("/deleteAccount"))["status"] == 0
