"""Paying in: orders, WeChat's notices in all their forms, money that cannot open its task, and deliveries."""

import asyncio
from typing import Any

import msgspec
import pytest

from devtools.sandbox.signing import sealed_notice
from server.actions.digging.end_task import end_task_as_operator
from server.actions.people import erase as forgetting
from server.cash.actions.pay_in import is_by_credit
from server.cash.actions.report_delivery import REFUSED_MS
from server.context import Context
from server.game.findings import NOT_REPORTED, SHIPPING_REFUSED
from server.game.opening import opened_by_review
from server.leading.sweep import sweep
from support.client import Client
from support.counting import payments_that_wait
from support.meanwhile import meanwhile
from support.operators import operator
from support.purse import DAY_MS, all_documents, find, let_pass, only, rest, sweep_after, sweep_until_quiet


async def test_only_the_amount_owed_is_paid_and_only_by_the_publisher(client, context, alice, bob):
    code = await alice.publish_packet(money=3, prize_num=2, forecast_num=9, interval=2, fluctuation=1)
    goods = await alice.publish()
    for wrong in (1, 2, 4, 5, 7, 600):
        reply = await alice.post("/payTask", code=code, money=wrong)
        assert (reply["error"], "6 元" in reply["msg"]) == ("wrong_amount", True)
    assert (await bob.post("/payTask", code=code, money=6))["error"] == "not_yours"
    assert (await alice.post("/payTask", code=goods, money=6))["error"] == "nothing_to_pay"
    assert (await alice.post("/payTask", code="0" * 12, money=6))["error"] == "no_such_task"
    for malformed in (0, -1, "six", None, 1.5):
        assert (await alice.post("/payTask", code=code, money=malformed))["error"] == "bad_request"
    assert await find(context, "orders") == []
    one, *others = await asyncio.gather(*(alice.order(code, money) for money in (3, 6) * 5))
    assert {other["package"] for other in others} == {one["package"]}
    assert [found["amount_fen"] for found in await find(context, "orders")] == [600]
    assert (await client.wx("pay", **one)).endswith(":ok")
    await rest(context)
    assert (await alice.post("/payTask", code=code, money=6))["error"] == "already_paid"
    ended = await alice.publish_packet()
    assert (await alice.post("/endTask", code=ended))["status"] == 0
    assert (await alice.post("/payTask", code=ended, money=2))["error"] == "ended"
    assert len(await find(context, "orders")) == 1


async def test_a_publishers_look_asks_wechat_each_two_seconds(client, context, monkeypatch, alice, bob):
    code = await alice.publish_packet()
    parameters = await alice.order(code)
    asked = meanwhile(monkeypatch, context.pay, "query_order")
    await asyncio.gather(*(alice.get("/getTaskDetails", code=code) for _ in range(5)))
    assert len(asked) == 1
    await client.misbehave("lose_notice")
    await client.wx("pay", **parameters)
    await let_pass(context, 2_000)
    assert (await bob.get("/getTaskDetails", code=code))["why"] == "not_paid"
    details = await alice.get("/getTaskDetails", code=code)
    assert (details["need_pay"], details["why"]) == (0, "own_task")
    assert len(asked) == 2
    await alice.get("/getTaskDetails", code=code)
    assert len(asked) == 2


async def test_a_forged_notice_and_one_of_another_amount_open_nothing(client, context, alice):
    code = await alice.publish_packet()
    await client.misbehave("lose_notice")
    await alice.pay(code)
    before = await all_documents(context)
    notice = (await find(context, "sandbox_notices"))[0]
    pairs = await context.sandbox.keys.find()
    genuine, body = sealed_notice(pairs, notice, genuine=True)
    forged, _ = sealed_notice(pairs, notice, genuine=False)
    for headers, sent in ((forged, body), ({}, b""), (genuine, body + b" ")):
        for path in ("/payNotify", "/refundNotify", "/transferNotify"):
            response = await client.http.post(path, headers=headers, content=sent)
            assert (response.status_code, response.content) == (401, b"")
    assert await all_documents(context) == before
    for ordered_fen, status in ((300, 500), (200, 200)):  # 200 were paid
        await context.books.orders.collection.update_one({}, {"$set": {"amount_fen": ordered_fen}})
        response = await client.http.post("/payNotify", headers=genuine, content=body)
        assert (response.status_code, response.content) == (status, b"")
        await rest(context)
        assert (await only(context, "tasks"))["open"] == int(status == 200)


async def test_a_publisher_ends_what_nobody_dug_and_only_an_operator_what_was_dug(context, alice, bob, carol):
    undug = await alice.paid_packet(forecast_num=5)
    for who, code, error in ((bob, undug, "not_yours"), (bob, "0" * 12, "no_such_task"), (alice, undug, "")):
        assert (await who.post("/endTask", code=code)).get("error", "") == error
    assert (await alice.post("/endTask", code=undug))["error"] == "ended"
    assert (await bob.dig(undug))["error"] == "ended"
    dug = await alice.won_packet(bob, prizes=3)
    assert (await alice.post("/endTask", code=dug))["error"] == "has_digs"
    await end_task_as_operator(context, dug, "违规内容")
    for code, reason, note in ((undug, "publisher", ""), (dug, "operator", "违规内容")):
        details = await carol.get("/getTaskDetails", code=code)
        assert (details["data"]["status"], details["end_reason"], details["end_note"]) == (1, reason, note)
    await sweep_until_quiet(context)
    refunds = {each["code"]: (each["kind"], each["amount_fen"]) for each in await find(context, "refunds")}
    assert refunds == {undug: ("unwon", 200), dug: ("unwon", 400)}
    assert (await bob.claim(dug))["package_info"]


def test_a_credit_card_is_known_by_the_name_of_its_kind():
    cards = ("CMB_CREDIT", "ICBC_CREDIT", "upquickpass_credit")
    others = ("OTHERS", "CMB_DEBIT", "ICBC_ECNY", "CREDIT_DEBIT", "LQT", "")
    known = {name: is_by_credit({"no_credit": 1, "bank_type": name}) for name in cards + others}
    assert known == dict.fromkeys(cards, True) | dict.fromkeys(others, False)


async def test_what_a_credit_card_paid_goes_back_whole_and_never_opens(client, context, alice, bob):
    async def paid(**before: Any) -> str:
        """Return a red packet that a credit card paid after these changes to it."""
        code = await alice.publish_packet()
        if before:
            await context.store.tasks.collection.update_one({"_id": code}, {"$set": before})
        parameters = await alice.order(code)
        assert (await client.wx("pay", **parameters, bankType="CMB_CREDIT")).endswith(":ok")
        await rest(context)
        return code

    code = await paid()
    assert (await bob.dig(code))["status"] == 1
    checked = await paid(review="held")
    for _ in range(2):
        await sweep_until_quiet(context)
        for each in (code, checked):
            refund = await only(context, "refunds", code=each)
            assert (refund["kind"], refund["amount_fen"], refund["state"]) == ("whole", 200, "refunded")
            made = await only(context, "orders", code=each)
            assert (made["state"], "live" in made) == ("unusable", False)
            task = await only(context, "tasks", _id=each)
            assert (task["open"], task["status"], task["end_reason"]) == (0, 1, "credit")
        assert not await context.store.tasks.moves(checked, opened_by_review(3_600_000))
    shown = await alice.get("/getTaskDetails", code=code)
    assert (shown["data"]["end_reason"], "储蓄卡" in shown["data"]["end_note"]) == ("credit", True)
    assert (await alice.post("/payTask", code=code, money=2))["error"] == "ended"
    context.settings = msgspec.structs.replace(context.settings, cash_no_credit=0)
    await bob.win(await paid())


@pytest.mark.parametrize("lost", [False, True], ids=["by its notice", "by a query"])
async def test_what_the_person_paid_and_what_a_coupon_did_are_kept(client, context, alice, lost):
    code = await alice.publish_packet()
    if lost:
        await client.misbehave("lose_notice")
    assert (await client.wx("pay", **await alice.order(code), couponFen=50)).endswith(":ok")
    await sweep_until_quiet(context)
    order = await only(context, "orders")
    assert (order["state"], order["amount_fen"], order["payer_fen"]) == ("spent", 200, 150)
    assert order["coupons"] == [{"id": f"coupon-{order['_id']}", "fen": 50, "merchant_fen": 50}]
    other = await alice.paid_packet()
    plain = await only(context, "orders", code=other)
    assert (plain["payer_fen"], plain["coupons"]) == (200, [])


async def act(client: Client, what: str, **asked: Any) -> None:
    """Do something as an operator."""
    await operator(client)
    reply = await client.post(f"/ops/{what}", reason="违法", **asked)
    assert reply["status"] == 0, reply


async def try_to_pay(client: Client, context: Context, parameters: dict[str, Any]) -> bool:
    """Pay on a payment sheet that was opened earlier; return whether WeChat takes the money."""
    said = await client.wx("pay", **parameters)
    await rest(context)
    return said.endswith(":ok")


async def sweep_twice(context: Context) -> None:
    """Sweep twice without letting time pass in between."""
    for _ in range(2):
        await sweep(context)


@pytest.mark.parametrize(
    ("down", "up"),
    [
        (("hide", {"hidden": 1}), ("hide", {"hidden": 0})),
        (("ban", {"depth": 0, "days": 0}), ("unban", {"depth": 0})),
        (("end", {}), None),
    ],
)
async def test_orders_of_what_is_taken_down_close_and_are_made_anew(client, context, down, up, alice, bob):
    code = await alice.publish_packet()
    old = await alice.order(code)
    await act(client, down[0], code=code, **down[1])
    await sweep_twice(context)
    assert [found["trade_state"] for found in await find(context, "sandbox_orders")] == ["CLOSED"]
    made = await only(context, "orders")
    assert (made["state"], "live" in made, "due_at" in made) == ("closed", False, False)
    if up is not None:
        await act(client, up[0], code=code, **up[1])
        alice = await client.log_in("alice")  # `down` may be a ban, which ends her session
        new = await alice.order(code)
        assert new["package"] != old["package"]
        assert await try_to_pay(client, context, new)
        assert (await bob.dig(code))["is_prize"] == 1
    assert not await try_to_pay(client, context, old)


@pytest.mark.parametrize(("call", "what"), [("query_order", "error_before"), ("close", "refuse")])
async def test_an_act_waits_for_no_close_which_is_tried_until_it_is_known(client, context, what, call, alice):
    code = await alice.publish_packet()
    parameters = await alice.order(code)
    await client.misbehave(what, call=call)
    await act(client, "hide", code=code, hidden=1)  # succeeds without a call to WeChat
    assert len(await find(context, "sandbox_misbehaviours", left=1)) == 1
    await sweep_twice(context)
    assert (await only(context, "orders"))["state"] == "asked"
    await let_pass(context, 61_000)
    await sweep_twice(context)
    made = await only(context, "orders")
    assert (made["state"], made["alarm"]) == ("closed", "")
    assert not await try_to_pay(client, context, parameters)


async def test_no_payment_is_handed_out_for_what_is_taken_down_meanwhile(client, context, monkeypatch, alice):
    code = await alice.publish_packet()

    async def take_down() -> None:
        await act(client, "hide", code=code, hidden=1)
        await sweep_twice(context)  # the sweeps find no order to close

    meanwhile(monkeypatch, context.books.orders, "insert", before=take_down)
    refused = await alice.post("/payTask", code=code, money=2)
    assert (refused["error"], "下架" in refused["msg"]) == ("no_such_task", True)
    await sweep_after(context, 61_000)
    assert (await only(context, "orders"))["state"] == "closed"


MINUTE_MS = 60_000


async def behave(client: Client, *wishes: dict[str, Any]) -> None:
    """Let WeChat want reports of deliveries, and otherwise behave but for these wishes."""
    await client.misbehave("behave")
    for wish in (*wishes, {"what": "managed", "call": "managed", "times": 1000}):
        await client.misbehave(**wish)


async def opened(client: Client) -> str:
    """Let Alice pay for a treasure, which then opens. WeChat wants a report of it."""
    await behave(client)
    alice = await client.log_in("alice")
    return await alice.paid_packet()


async def sweep_later(context: Context, milliseconds: int = MINUTE_MS + 1000) -> dict[str, Any]:
    """Sweep after this time; return the only order."""
    await sweep_after(context, milliseconds)
    [found] = await find(context, "orders")
    return found


async def shipped(context: Context) -> list[list[str]]:
    return [found.get("shipped", []) for found in await find(context, "sandbox_orders")]


# What WeChat does when a delivery is reported, the alarm of this, and whether a report is still owed.
REPORTS: list[tuple[dict[str, Any], str, bool]] = [
    ({"what": "error_after"}, "", False),
    ({"what": "refuse", "code": "10060002"}, "", False),
    ({"what": "refuse", "code": "10060003"}, "", False),
    ({"what": "refuse", "code": "10060023"}, "", False),
    ({"what": "refuse", "code": "10060012"}, "", True),
    ({"what": "refuse", "code": "10060031"}, NOT_REPORTED, True),
    ({"what": "refuse", "code": "10060004"}, NOT_REPORTED, True),
    ({"what": "error_before", "times": 2}, "", True),
    ({"what": "garbage"}, "", True),
]


async def test_what_wechat_calls_delivered_is_and_another_report_is_made_again(client, context, alice):
    for wish, alarm, owed in REPORTS:
        await behave(client)
        code = await alice.paid_packet()
        await client.misbehave(call="shipping", **wish)
        await sweep_after(context, MINUTE_MS + 1000)
        found = await only(context, "orders", code=code)
        assert (found["alarm"], "then" in found, "due_at" in found) == (alarm, owed, owed), wish
        waits = {("order", alarm): 1} if alarm else {}
        assert await payments_that_wait(context) == waits
        await sweep_after(context, 5 * MINUTE_MS)
        found = await only(context, "orders", code=code)
        assert (found["alarm"], "then" in found, "due_at" in found) == ("", False, False)
    refused = sum(wish.get("code", "") in ("10060002", "10060003", "10060023") for wish, *_ in REPORTS)
    assert sorted(map(len, await shipped(context))) == [0] * refused + [1] * (len(REPORTS) - refused)


@pytest.mark.parametrize("state", [4, 6])
async def test_what_wechat_completed_itself_needs_no_report_others_are_tried_daily(client, context, state):
    await opened(client)
    await client.misbehave("refuse", call="shipping", code="10060001", times=20)
    alarms = [(await sweep_later(context))["alarm"], (await sweep_later(context, 62 * MINUTE_MS))["alarm"]]
    assert alarms == ["", NOT_REPORTED]
    found = await sweep_later(context, 5 * DAY_MS)
    assert 0 < found["due_at"] - context.clock.now_ms() <= DAY_MS
    already = {"what": "refuse", "call": "shipping", "code": "10060004", "times": 20}
    await behave(client, already, {"what": "state", "call": "get_order", "code": str(state)})
    found = await sweep_later(context, DAY_MS)
    assert (found["alarm"], "then" in found) == ("", False)


@pytest.mark.parametrize("call", ["managed", "shipping"])
async def test_a_server_that_may_report_nothing_is_one_alarm_until_it_may(client, context, call, monkeypatch):
    monkeypatch.setattr("server.wechat._UNTOLD_SECONDS", 0.0)  # real time does not pass here
    await opened(client)
    code = await client.people["alice"].publish_packet()
    await client.people["alice"].pay(code)
    await behave(client, {"what": "refuse", "call": call, "code": "48001", "times": 20})
    await sweep_after(context, MINUTE_MS + 1000)
    waits = {("order", SHIPPING_REFUSED): 2}
    assert await payments_that_wait(context) == waits
    passing = {"what": "refuse", "call": "shipping", "code": "10060019", "times": 20}  # a fault of WeChat
    await behave(client, passing)
    await sweep_after(context, 2 * REFUSED_MS)
    assert await payments_that_wait(context) == waits
    await behave(client)
    await sweep_after(context, REFUSED_MS)
    assert (await payments_that_wait(context), list(map(len, await shipped(context)))) == ({}, [1, 1])


async def test_what_went_back_in_part_still_has_to_be_reported(client, context, alice):
    code = await alice.paid_packet(prizes=2)
    await (await client.log_in("bob")).win(code)
    await end_task_as_operator(context, code, "违规")
    await behave(client, {"what": "refuse", "call": "shipping", "code": "10060004", "times": 20})
    await sweep_until_quiet(context)
    [found] = await find(context, "orders")
    [refund] = await find(context, "refunds")
    assert (refund["amount_fen"], found["amount_fen"], "refunding" in found) == (200, 400, True)
    assert ("then" in found, found["alarm"]) == (True, NOT_REPORTED)
    await behave(client)
    found = await sweep_later(context, DAY_MS)
    assert ("then" in found, len((await shipped(context))[0])) == (False, 1)


async def test_an_account_is_kept_until_its_order_is_reported_unless_by_an_operator(client, context):
    code = await opened(client)
    alice = client.people["alice"]
    await alice.post("/endTask", code=code)
    await client.misbehave("refuse", call="shipping", code="10060001", times=20)
    await sweep_until_quiet(context)
    with pytest.raises(forgetting.CannotErase, match="is not reported to WeChat"):
        await forgetting.erase(context.store, alice.id)
    for refusal, alarm in (("48001", SHIPPING_REFUSED), ("10060031", NOT_REPORTED)):
        await behave(client, {"what": "refuse", "call": "shipping", "code": refusal, "times": 20})
        assert (await sweep_later(context, DAY_MS))["alarm"] == alarm
        told = await alice.post("/deleteAccount")
        assert (told["error"], "平台还要在微信录入发货" in told["msg"]) == ("cannot_leave", True)
    await forgetting.erase(context.store, alice.id)
    found = await sweep_later(context, DAY_MS)
    assert (found["openid"], found["alarm"], "then" in found, "due_at" in found) == ("", "", False, False)


async def test_where_there_are_goods_only_no_red_packet_is_published_or_paid(context, alice, bob):
    before = await alice.publish_packet(money=3)
    assert (await alice.get("/getMyInfo"))["red_packets"] == 1
    context.settings = msgspec.structs.replace(context.settings, red_packets=0)
    assert (await alice.get("/getMyInfo"))["red_packets"] == 0
    asked = {"goods_type": 1, "name": "x", "money": 1, "prize_num": 1, "forecast_num": 9}
    refused = await alice.post("/postTask", **asked)
    assert (refused["error"], refused["param"]) == ("bad_request", "goods_type")
    assert "只能埋实物" in refused["msg"]
    assert (await alice.post("/payTask", code=before, money=3))["error"] == "wechat_busy"
    assert [task["_id"] for task in await find(context, "tasks")] == [before]
    assert await find(context, "orders") == []
    assert (await bob.dig(await alice.publish()))["status"] == 0
