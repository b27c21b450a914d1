"""Paying in: orders, WeChat's notices in all their forms, and money that cannot open its task."""

from __future__ import annotations

import asyncio
from typing import Any, ClassVar

from devtools.sandbox.signing import sealed_notice
from server.actions.digging.end_task import end_task_as_operator
from server.actions.money.pay_in import follow_payments
from server.actions.sweep import sweep
from server.context import Context
from server.game import order as row
from server.game.opening import opened_by_review
from support.client import Client
from support.meanwhile import meanwhile
from support.purse import DAY_MS, all_documents, check_books, find, let_pass, rest, sweep_until_quiet


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
    one, all_together = await alice.order(code, 3), await alice.order(code, 6)
    assert one["package"] == all_together["package"]
    assert [found["amount_fen"] for found in await find(context, "orders")] == [600]
    assert (await client.wx("pay", **one)).endswith(":ok")
    await rest(context)
    assert (await alice.post("/payTask", code=code, money=6))["error"] == "already_paid"
    ended = await alice.publish_packet()
    assert (await alice.post("/endTask", code=ended))["status"] == 0
    assert (await alice.post("/payTask", code=ended, money=2))["error"] == "ended"
    assert len(await find(context, "orders")) == 1
    await check_books(context)


async def test_a_red_packet_pays_between_1_and_200_yuan(context, alice):
    asked = {"goods_type": 1, "name": "一个红包", "prize_num": 1, "forecast_num": 1}
    for money in (0, 201, -5, None, "0.5"):
        reply = await alice.post("/postTask", **asked, money=money)
        assert (reply["error"], reply["param"]) == ("bad_request", "money")
    assert await find(context, "tasks") == []


async def test_requests_at_the_same_time_get_one_order(context, alice):
    code = await alice.publish_packet()
    packages = await asyncio.gather(*(alice.order(code) for _ in range(10)))
    assert len({found["package"] for found in packages}) == 1
    assert len(await find(context, "orders")) == 1


async def test_a_new_order_is_made_only_once_the_old_one_is_closed(client, context, alice):
    code = await alice.publish_packet()
    old = await alice.order(code)
    await let_pass(context, 7_000_000)
    assert (await alice.order(code))["package"] == old["package"]
    await let_pass(context, 150_000)
    await client.misbehave("error_before", call="query_order")
    assert (await alice.post("/payTask", code=code, money=2))["error"] == "outcome_unknown"
    new = await alice.order(code)
    assert new["package"] != old["package"]
    assert sorted(found["state"] for found in await find(context, "orders")) == ["asked", "closed"]
    assert "fail" in await client.wx("pay", **old)
    assert (await client.wx("pay", **new)).endswith(":ok")
    await rest(context)
    await sweep_until_quiet(context)
    await check_books(context)


async def test_an_order_whose_answer_was_lost_is_ordered_again(client, context, alice):
    for what in ("error_before", "error_after", "disconnect", "bad_signature"):
        code = await alice.publish_packet()
        await client.misbehave(what, call="order")
        assert (await alice.post("/payTask", code=code, money=2))["error"] == "outcome_unknown"
        await alice.pay(code)
        assert len(await find(context, "orders", code=code)) == 1
    await check_books(context)


async def test_a_payment_counts_once_however_its_notice_comes(client, context, alice):
    for what in ("repeat_notice", "forge_notice"):
        code = await alice.publish_packet()
        await client.misbehave(what)
        await alice.pay(code)
        assert [task["open"] for task in await find(context, "tasks", _id=code)] == [1]
        assert [entry["amount_fen"] for entry in await find(context, "ledger", code=code)] == [200]
    await check_books(context)


async def test_after_a_lost_notice_the_sweep_asks_wechat_a_minute_later(client, context, alice):
    code = await alice.publish_packet()
    await client.misbehave("lose_notice")
    await alice.pay(code)
    await sweep(context)
    assert (await find(context, "tasks"))[0]["open"] == 0
    await let_pass(context, 61_000)
    await sweep(context)
    assert (await find(context, "tasks"))[0]["open"] == 1
    await check_books(context)


async def test_a_publishers_look_asks_wechat_every_two_seconds_at_most(client, context, monkeypatch):
    alice, bob = await client.log_in_all("alice", "bob")
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


async def test_forged_notices_touch_no_record(client, context, alice):
    code = await alice.publish_packet()
    await client.misbehave("lose_notice")
    await alice.pay(code)
    before = await all_documents(context)
    notice = (await find(context, "sandbox_notices"))[0]
    pairs = await context.sandbox.keys.find()
    genuine, body = sealed_notice(pairs, notice, genuine=True)
    forged, _ = sealed_notice(pairs, notice, genuine=False)
    assert forged["Wechatpay-Signature"].startswith("WECHATPAY/SIGNTEST/")
    stale = {**genuine, "Wechatpay-Timestamp": str(int(genuine["Wechatpay-Timestamp"]) - 301)}
    unsigned = {name: value for name, value in genuine.items() if name != "Wechatpay-Signature"}
    for headers, sent in (
        (forged, body),
        (stale, body),
        (unsigned, body),
        ({}, body),
        ({}, b""),
        (genuine, body + b" "),
        (genuine, body.replace(b"TRANSACTION", b"TRANSACTIOM")),
    ):
        for path in ("/payNotify", "/refundNotify", "/transferNotify"):
            response = await client.http.post(path, headers=headers, content=sent)
            assert (response.status_code, response.content) == (401, b"")
    assert await all_documents(context) == before
    response = await client.http.post("/payNotify", headers=genuine, content=body)
    assert (response.status_code, response.content) == (200, b"")
    await rest(context)
    assert (await find(context, "tasks"))[0]["open"] == 1
    assert (await client.http.get("/payNotify")).status_code == 405


async def test_a_notice_of_another_amount_opens_nothing_and_gets_500(client, context, alice):
    code = await alice.publish_packet()
    await client.misbehave("lose_notice")
    await alice.pay(code)
    await context.store.orders.collection.update_one({}, {"$set": {"amount_fen": 300}})
    pairs = await context.sandbox.keys.find()
    headers, body = sealed_notice(pairs, (await find(context, "sandbox_notices"))[0], True)
    response = await client.http.post("/payNotify", headers=headers, content=body)
    assert (response.status_code, response.content) == (500, b"")
    assert [task["open"] for task in await find(context, "tasks")] == [0]
    assert [found["state"] for found in await find(context, "orders")] == ["asked"]


async def test_money_that_cannot_open_its_task_goes_back_whole(client, context, alice):
    for bank_type in ("OTHERS", "CMB_CREDIT"):
        ended = await alice.publish_packet()
        parameters = await alice.order(ended)
        assert (await alice.post("/endTask", code=ended))["status"] == 0
        await client.wx("pay", **parameters, bankType=bank_type)
    deleted = await alice.publish_packet()
    parameters = await alice.order(deleted)
    await context.store.tasks.delete_unpaid(deleted)
    await client.wx("pay", **parameters)
    await rest(context)
    await sweep_until_quiet(context)
    assert sorted(found["state"] for found in await find(context, "orders")) == ["unusable"] * 3
    refunds = await find(context, "refunds")
    assert [(r["kind"], r["state"], r["amount_fen"]) for r in refunds] == [("whole", "refunded", 200)] * 3
    assert [found["trade_state"] for found in await find(context, "sandbox_orders")] == ["REFUND"] * 3
    await check_books(context)


async def test_a_task_that_was_taken_down_is_paid_only_once_it_is_shown_again(context, alice):
    code = await alice.publish_packet()
    await context.store.tasks.set_hidden(code, hidden=True, note="违规")
    refused = await alice.post("/payTask", code=code, money=2)
    assert (refused["error"], "下架" in refused["msg"]) == ("no_such_task", True)
    assert await find(context, "orders") == []
    await context.store.tasks.set_hidden(code, hidden=False, note="")
    assert (await alice.post("/payTask", code=code, money=2))["status"] == 0


async def test_a_second_payment_of_one_task_goes_back_whole(client, context, alice):
    code = await alice.publish_packet()
    first = await alice.order(code)
    # As if WeChat had said that the order is closed, and had taken money for it afterwards.
    await context.store.orders.moves((await find(context, "orders"))[0]["_id"], row.closed())
    second = await alice.order(code)
    assert first["package"] != second["package"]
    for parameters in (second, first):
        assert (await client.wx("pay", **parameters)).endswith(":ok")
    await rest(context)
    await sweep_until_quiet(context)
    assert sorted(found["state"] for found in await find(context, "orders")) == ["spent", "unusable"]
    assert [(r["kind"], r["amount_fen"]) for r in await find(context, "refunds")] == [("whole", 200)]
    await check_books(context)


async def test_an_unpaid_task_is_deleted_after_a_day_and_its_order_closed(client, context, alice):
    code = await alice.publish_packet()
    goods = await alice.publish()
    await let_pass(context, DAY_MS - 60_000)
    parameters = await alice.order(code)
    await sweep(context)
    assert len(await find(context, "tasks")) == 2
    await let_pass(context, 61_000)
    await sweep_until_quiet(context)
    assert [task["_id"] for task in await find(context, "tasks")] == [goods]
    assert [found["state"] for found in await find(context, "orders")] == ["closed"]
    assert "fail" in await client.wx("pay", **parameters)
    assert (await alice.get("/getTaskDetails", code=code))["error"] == "no_such_task"
    assert (await alice.post("/payTask", code=code, money=2))["error"] == "no_such_task"
    await check_books(context)


async def test_a_publisher_ends_a_task_that_nobody_has_dug_and_gets_everything_back(context, alice, bob):
    code = await alice.paid_packet(forecast_num=5)
    assert (await bob.post("/endTask", code=code))["error"] == "not_yours"
    assert (await bob.post("/endTask", code="0" * 12))["error"] == "no_such_task"
    assert (await alice.post("/endTask", code=code))["status"] == 0
    assert (await alice.post("/endTask", code=code))["error"] == "ended"
    details = await bob.get("/getTaskDetails", code=code)
    assert (details["data"]["status"], details["end_reason"]) == (1, "publisher")
    assert (await bob.dig(code))["error"] == "ended"
    await sweep_until_quiet(context)
    refunds = await find(context, "refunds")
    assert [(r["kind"], r["state"], r["amount_fen"]) for r in refunds] == [("unwon", "refunded", 200)]
    assert all("due_at" not in task for task in await find(context, "tasks"))
    await check_books(context)


async def test_only_an_operator_ends_a_task_that_was_dug_with_a_reason_that_all_can_read(client, context):
    alice, bob, carol = await client.log_in_all("alice", "bob", "carol")
    code = await alice.won_packet(bob, prizes=3)
    assert (await alice.post("/endTask", code=code))["error"] == "has_digs"
    await end_task_as_operator(context, code, "违规内容")
    details = await carol.get("/getTaskDetails", code=code)
    assert (details["end_reason"], details["end_note"]) == ("operator", "违规内容")
    await sweep_until_quiet(context)
    assert [(r["kind"], r["amount_fen"]) for r in await find(context, "refunds")] == [("unwon", 400)]
    assert (await bob.claim(code))["package_info"]
    await check_books(context)


async def test_an_alarm_of_an_order_ends_once_its_money_is_used(context, alice):
    """WeChat refuses queries for an order whose notice says that it is paid."""
    used, useless = await alice.publish_packet(), await alice.publish_packet()
    for code in (used, useless):
        await alice.order(code)
    await alice.post("/endTask", code=useless)
    for made in await find(context, "orders"):
        paid = row.paid(made["amount_fen"], "t", "OTHERS", 0)
        assert await context.store.orders.moves(made["_id"], paid)
        await context.store.orders.raise_alarm(made["_id"], "FREQUENCY_LIMITED")
    assert await context.store.orders.alarms() == {"FREQUENCY_LIMITED": 2}
    await follow_payments(context, await find(context, "orders"))
    assert {found["state"] for found in await find(context, "orders")} == {"spent", "unusable"}
    assert await context.store.orders.alarms() == {}


CARDS = ["CMB_CREDIT", "ICBC_CREDIT", "UPQUICKPASS_CREDIT"]
NO_CREDIT_CARDS = ["OTHERS", "CMB_DEBIT", "ICBC_ECNY", "CREDIT_DEBIT", "LQT", "-"]  # "-": WeChat does not say


async def paid_by(client: Client, context: Context, publisher: Any, bank_type: str, **before: Any) -> str:
    """Return a red packet that was paid with this card, after WeChat's notice of it was answered.

    `before` has changes to its task before the payment.
    """
    code = await publisher.publish_packet()
    if before:
        await context.store.tasks.collection.update_one({"_id": code}, {"$set": before})
    parameters = await publisher.order(code)
    asked = {**parameters, "bankType": bank_type}
    assert (await client.wx("pay", **asked)).endswith(":ok")
    await rest(context)
    return code


async def check_no_card(client: Client, context: Context, code: str) -> None:
    """Assert that a red packet never opened, and that all its money went back."""
    await sweep_until_quiet(context)
    [refund] = await find(context, "refunds", code=code)
    assert (refund["kind"], refund["amount_fen"], refund["state"]) == ("whole", 200, "refunded")
    [made] = await find(context, "orders", code=code)
    assert (made["state"], "live" in made) == ("unusable", False)
    [task] = await find(context, "tasks", _id=code)
    assert (task["open"], task["status"], task["end_reason"]) == (0, 1, "credit")
    await check_books(context)


async def test_what_a_credit_card_paid_goes_back_whole_and_never_opens(client, context):
    for bank_type in CARDS:
        alice, bob = await client.log_in_all("alice", "bob")
        if bank_type == CARDS[-1]:
            await client.misbehave("lose_notice")
        code = await paid_by(client, context, alice, bank_type)
        await alice.get("/getTaskDetails", code=code)  # the publisher's look makes the server ask WeChat
        assert (await bob.dig(code))["status"] == 1
        await check_no_card(client, context, code)
        shown = await alice.get("/getTaskDetails", code=code)
        assert (shown["data"]["end_reason"], "储蓄卡" in shown["data"]["end_note"]) == ("credit", True)
        assert (await alice.post("/payTask", code=code, money=2))["error"] == "ended"


async def test_a_credit_card_also_ends_a_task_in_review_which_then_opens_no_more(client, context, alice):
    code = await paid_by(client, context, alice, "CMB_CREDIT", review="held")
    await check_no_card(client, context, code)
    assert not await context.store.tasks.moves(code, opened_by_review(3_600_000))
    await check_no_card(client, context, code)


async def test_any_other_means_of_payment_opens_it(client, context):
    for bank_type in NO_CREDIT_CARDS:
        alice, bob = await client.log_in_all("alice", "bob")
        code = await paid_by(client, context, alice, bank_type)
        await bob.win(code)
        [made] = await find(context, "orders", code=code)
        assert (made["state"], made["bank_type"]) == ("spent", bank_type.strip("-"))


async def test_a_credit_card_does_not_end_what_another_payment_opened(client, context, alice, bob):
    code = await paid_by(client, context, alice, "OTHERS")
    [made] = await find(context, "orders", code=code)
    late = made | {"_id": code + "LATE", "state": "paid", "bank_type": "CMB_CREDIT"}
    await context.store.database["orders"].insert_one({k: v for k, v in late.items() if k != "live"})
    await follow_payments(context, [late])  # type: ignore[list-item]
    assert [each["kind"] for each in await find(context, "refunds", code=code)] == ["whole"]
    await bob.win(code)


class TestWhereCreditCardsMayPay:
    ENVIRONMENT: ClassVar = {"CASH_NO_CREDIT": "0"}

    async def test_a_credit_card_opens_it(self, client, context, alice, bob):
        code = await alice.publish_packet()
        asked = {**await alice.order(code), "credit": 1}
        assert (await client.wx("pay", **asked)).endswith(":ok")
        await rest(context)
        await bob.win(code)
