"""WeChat answers late, never, or not as before: nothing is paid twice, and the operator sees it."""

from __future__ import annotations

from collections import Counter
from typing import Any

import msgspec
import pytest

from server.actions.money.pay_out import note_bill, settle_bill
from server.actions.money.refund import note_refund
from server.actions.sweep import sweep
from server.context import Context
from server.game.bill import UNDER_WAY_MS, give_up, stop_sending
from server.operation.audit import audit
from server.wechat.pay.answers import BillAnswer, Contradiction, OrderAnswer, RefundAmount, RefundAnswer
from support.purse import DAY_MS, check_books, find, let_pass, sweep_until_quiet

HOUR_MS = 3_600_000
MINUTE_MS = 60_000


ENVIRONMENT = {"CLAIM_DAYS": "10", "TASK_DAYS": "5"}


@pytest.fixture
def sent(context: Context, monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """The number of times that each bill was sent, with any outcome."""
    counted: Counter[str] = Counter()
    transfer = context.pay.transfer

    async def count(body: bytes) -> Any:
        counted[(await find(context, "bills", body=body))[0]["_id"]] += 1
        return await transfer(body)

    monkeypatch.setattr(context.pay, "transfer", count)
    return counted


async def only(context: Context, collection: str) -> dict[str, Any]:
    """Return the only document of a collection."""
    (found,) = await find(context, collection)
    return found


async def test_a_bill_that_wechat_held_and_then_does_not_know_is_not_sent_again(client, context, sent):
    alice, bob = await client.log_in_all("alice", "bob")
    for first in ("", "accepted"):
        code = await alice.won_packet(bob)
        number = f"{code}D1A1"
        if first:
            await client.misbehave(first, call="transfer")
        before = await bob.claim(code)
        assert bool(before["package_info"]) == (not first)
        await client.misbehave("refuse", call="query_transfer", code="NOT_FOUND", times=2)
        await bob.claim(code)
        assert [bill["alarm"] for bill in await find(context, "bills", _id=number)] == ["NOT_FOUND"]
        await let_pass(context, 11 * MINUTE_MS)
        await sweep(context)
        assert [bill["alarm"] for bill in await find(context, "bills", _id=number)] == ["NOT_FOUND"]
        assert sent[number] == 1
        await let_pass(context, 11 * MINUTE_MS)
        await sweep(context)
        assert [bill["alarm"] for bill in await find(context, "bills", _id=number)] == [""]
        if not first:
            await client.confirm(before["package_info"])
            await check_books(context)


async def test_a_bill_that_wechat_never_took_is_given_up_ten_minutes_after_its_last_sending(
    client, context, sent, alice, bob
):
    code = await alice.won_packet(bob)
    number = f"{code}D1A1"
    await client.misbehave("refuse", call="transfer", code="NO_AUTH", times=1000)
    assert (await bob.claim(code))["error"] == "wechat_busy"
    await let_pass(context, 10 * DAY_MS - 5 * MINUTE_MS)
    await sweep(context)
    assert (sent[number], (await only(context, "bills"))["alarm"]) == (2, "NO_AUTH")
    await let_pass(context, 5 * MINUTE_MS + 1000)
    await sweep_until_quiet(context)
    # The bill was sent five minutes ago, and may still reach WeChat.
    assert ((await only(context, "bills"))["state"], (await only(context, "prizes"))["state"]) == (
        "asked",
        "claiming",
    )
    assert await find(context, "refunds") == []
    await let_pass(context, UNDER_WAY_MS)
    await sweep_until_quiet(context)
    bill = await only(context, "bills")
    assert (bill["state"], bill["remote"], bill["fail_reason"], bill["alarm"]) == (
        "failed",
        "NOT_FOUND",
        "NO_AUTH",
        "",
    )
    assert (await only(context, "prizes"))["state"] == "returned"
    assert [(r["kind"], r["state"]) for r in await find(context, "refunds")] == [("unclaimed", "refunded")]
    assert sent[number] == 2
    await check_books(context)


async def test_a_bill_is_never_given_up_while_its_outcome_is_unknown(client, context, sent, alice, bob):
    code = await alice.won_packet(bob)
    # WeChat has the bill, but its answer was lost, and then WeChat is silent.
    await client.misbehave("error_after", call="transfer")
    assert (await bob.claim(code))["error"] == "outcome_unknown"
    await client.misbehave("error_before", call="query_transfer", times=1000)
    await let_pass(context, 10 * DAY_MS + HOUR_MS)
    await sweep_until_quiet(context)
    assert ((await only(context, "bills"))["state"], await find(context, "refunds")) == ("asked", [])
    assert (await only(context, "sandbox_bills"))["state"] == "WAIT_USER_CONFIRM"
    await client.misbehave("behave")
    await context.sandbox.pay.bills.update_one({}, {"$inc": {"expires_at_ms": 11 * DAY_MS}})
    await sweep_until_quiet(context)
    assert (await only(context, "sandbox_bills"))["state"] == "CANCELLED"
    assert ((await only(context, "bills"))["state"], (await only(context, "prizes"))["state"]) == (
        "failed",
        "returned",
    )
    assert sent[f"{code}D1A1"] == 1
    await check_books(context)


async def test_a_bill_that_reaches_wechat_after_it_was_given_up_is_cancelled(client, context, monkeypatch):
    alice, bob = await client.log_in_all("alice", "bob")
    code = await alice.won_packet(bob)
    transfer = context.pay.transfer

    async def held_up(body: bytes) -> Any:
        await context.store.bills.move(f"{code}D1A1", stop_sending())
        bill = await only(context, "bills")
        asked_at_ms = context.clock.now_ms()
        assert await context.store.bills.move(bill["_id"], give_up(asked_at_ms, "")) is None
        await let_pass(context, UNDER_WAY_MS + 1000)
        # WeChat may have got the bill since it said that it does not know it.
        assert await context.store.bills.move(bill["_id"], give_up(asked_at_ms - UNDER_WAY_MS, "")) is None
        assert await context.store.bills.move(bill["_id"], give_up(asked_at_ms, "")) is not None
        return await transfer(body)

    monkeypatch.setattr(context.pay, "transfer", held_up)
    assert "package_info" not in await bob.claim(code)
    assert (await only(context, "sandbox_bills"))["state"] == "CANCELLED"


async def test_an_outcome_that_is_unknown_for_an_hour_raises_an_alarm_until_it_is_known(client, context):
    alice, bob = await client.log_in_all("alice", "bob")
    await alice.post("/payTask", code=await alice.publish_packet(), money=2)
    await bob.claim(await alice.won_packet(bob))
    ended = await alice.paid_packet()
    await alice.post("/endTask", code=ended)
    kinds = {"orders": "order", "bills": "bill", "refunds": "refund"}
    for call in ("query_order", "query_transfer", "refund"):
        await client.misbehave("error_before", call=call, times=1000)
    for waited_ms, alarm in ((11 * MINUTE_MS, ""), (HOUR_MS, "UNKNOWN")):
        await let_pass(context, waited_ms)
        await sweep(context)
        shown = await client.scrape()
        for collection, kind in kinds.items():
            found = await find(context, collection, unknown_since={"$gt": 0})
            assert [document["alarm"] for document in found] == [alarm], collection
            assert (f'wabao_money_alarms{{alarm="UNKNOWN",kind="{kind}"}} 1.0' in shown) == bool(alarm)
    report = await audit(context.store)
    assert [finding.values[1] for finding in report.waiting] == ["UNKNOWN"] * 3
    await client.misbehave("behave")
    await let_pass(context, 2 * HOUR_MS)
    await sweep_until_quiet(context)
    shown = await client.scrape()
    for collection, kind in kinds.items():
        assert [d for d in await find(context, collection) if d["alarm"] or "unknown_since" in d] == []
        assert f'wabao_money_alarms{{alarm="UNKNOWN",kind="{kind}"}} 0.0' in shown
    await check_books(context)


@pytest.mark.parametrize(("first", "then"), [("SUCCESS", "CLOSED"), ("CLOSED", "SUCCESS")])
async def test_a_refund_that_is_reported_with_another_end_is_a_contradiction(client, context, first, then):
    alice = await client.log_in("alice")
    code = await alice.paid_packet()
    await alice.post("/endTask", code=code)
    if first == "CLOSED":
        await client.misbehave("closed", call="refund")
    await sweep_until_quiet(context)
    before = await only(context, "refunds")
    said = RefundAnswer(
        out_refund_no=before["_id"],
        out_trade_no=before["out_trade_no"],
        status=first,
        amount=RefundAmount(refund=200, total=200),
    )
    await note_refund(context, said)
    for changes in ({"status": then}, {"out_trade_no": "X"}):
        with pytest.raises(Contradiction):
            await note_refund(context, msgspec.structs.replace(said, **changes))
    assert await only(context, "refunds") == before | {"alarm": "CONTRADICTION"}


async def test_an_ended_task_waits_for_a_win_that_is_not_in_its_history_yet(context, alice, bob):
    code = await alice.won_packet(bob)
    (dig,) = await find(context, "digs", code=code)
    for name in ("digs", "prizes"):
        await context.store.database[name].delete_many({"code": code})
    now_ms = context.clock.now_ms()
    await context.store.tasks.collection.update_one({"_id": code}, {"$set": {"due_at": now_ms}})
    await sweep(context)
    assert now_ms < (await only(context, "tasks"))["due_at"] < now_ms + MINUTE_MS
    await context.store.digs.collection.insert_one(dig)
    await let_pass(context, MINUTE_MS)
    await sweep(context)
    assert (await only(context, "prizes"))["state"] == "won"
    assert (await only(context, "tasks"))["due_at"] > now_ms + 9 * DAY_MS
    await sweep_until_quiet(context)
    await check_books(context)


async def test_a_bill_that_wechat_only_accepted_is_cancelled_at_the_deadline(client, context, sent):
    alice, bob = await client.log_in_all("alice", "bob")
    code = await alice.won_packet(bob)
    await client.misbehave("accepted", call="transfer")
    await bob.claim(code)
    # WeChat waits without end for money in the operating account, and no sweep takes the bill up.
    await context.sandbox.pay.bills.update_one({}, {"$inc": {"expires_at_ms": 1000 * DAY_MS}})
    await context.store.bills.collection.update_many({}, {"$set": {"due_at": 1 << 60}})
    await let_pass(context, 20 * DAY_MS)
    await sweep_until_quiet(context)
    assert sent == {f"{code}D1A1": 1}
    assert (await only(context, "bills"))["remote"] in ("CANCELING", "CANCELLED")
    await let_pass(context, DAY_MS)
    await sweep_until_quiet(context)
    assert (await only(context, "prizes"))["state"] == "returned"
    await check_books(context)


async def test_no_new_number_follows_a_bill_that_was_given_up(client, context, monkeypatch, alice, bob):
    code = await alice.won_packet(bob)
    await client.misbehave("error_before", call="transfer")
    await bob.claim(code)
    await context.store.bills.collection.update_many({}, {"$set": {"due_at": 1 << 60}})
    await let_pass(context, 10 * DAY_MS - MINUTE_MS)
    query = context.pay.query_transfer

    async def slow(number: str) -> Any:
        """A claim began before the deadline; while it waits for WeChat, other processes sweep after it."""
        monkeypatch.setattr(context.pay, "query_transfer", query)
        await let_pass(context, 2 * MINUTE_MS)
        await context.store.bills.move(number, stop_sending())
        await settle_bill(context, await only(context, "bills"))  # type: ignore[arg-type]
        return await query(number)

    monkeypatch.setattr(context.pay, "query_transfer", slow)
    assert (await bob.claim(code))["error"] == "claim_over"
    assert (await only(context, "bills"))["state"] == "failed"
    await sweep_until_quiet(context)
    assert (await only(context, "prizes"))["state"] == "returned"
    await check_books(context)


async def test_an_order_that_wechat_refuses_to_tell_of_raises_an_alarm(client, context, alice):
    code = await alice.publish_packet()
    await alice.post("/payTask", code=code, money=2)
    await client.misbehave("refuse", call="query_order", code="NO_AUTH", times=2)
    await let_pass(context, 2 * MINUTE_MS)
    await sweep(context)
    assert [finding.values[1] for finding in (await audit(context.store)).waiting] == ["NO_AUTH"]
    await client.misbehave("behave")
    await let_pass(context, 2 * MINUTE_MS)
    await sweep(context)
    assert (await only(context, "orders"))["alarm"] == ""


async def test_a_contradiction_raises_an_alarm_and_holds_up_nothing_else(context, monkeypatch, alice, bob):
    for _ in range(2):
        await bob.claim(await alice.won_packet(bob))
    contradicted, other = sorted(bill["_id"] for bill in await find(context, "bills"))
    query = context.pay.query_transfer

    async def mistaken(number: str) -> Any:
        if number == contradicted:
            raise Contradiction("of something else")
        if number == other:
            raise KeyError("a bug")
        return await query(number)

    monkeypatch.setattr(context.pay, "query_transfer", mistaken)
    await let_pass(context, HOUR_MS)
    await sweep(context)
    assert {bill["_id"]: bill["alarm"] for bill in await find(context, "bills")} == {
        contradicted: "CONTRADICTION",
        other: "",
    }


async def test_a_bill_that_wechat_paid_after_it_was_given_up_is_a_contradiction(client, context, alice, bob):
    await client.misbehave("error_before", call="transfer")
    await bob.claim(await alice.won_packet(bob))
    await let_pass(context, 40 * DAY_MS)
    await sweep_until_quiet(context)
    bill = await only(context, "bills")
    assert (bill["state"], bill["alarm"]) == ("failed", "")
    with pytest.raises(Contradiction):
        await note_bill(
            context, BillAnswer(out_bill_no=bill["_id"], state="SUCCESS", amount_fen=bill["amount_fen"])
        )
    assert [finding.values[1] for finding in (await audit(context.store)).waiting] == ["CONTRADICTION"]


async def test_an_expired_order_is_not_asked_about_in_each_sweep(context, monkeypatch, alice):
    await alice.post("/payTask", code=await alice.publish_packet(), money=2)
    asked = 0

    async def still_unpaid(number: str) -> OrderAnswer:
        nonlocal asked
        asked += 1
        return OrderAnswer(appid="wx", mchid="1", out_trade_no=number, trade_state="NOTPAY")

    monkeypatch.setattr(context.pay, "query_order", still_unpaid)
    await let_pass(context, 3 * HOUR_MS)
    for _ in range(10):
        await sweep(context)
    assert asked <= 2
