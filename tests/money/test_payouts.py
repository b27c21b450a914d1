"""Paying out and back: bills and refunds with all of WeChat's answers, some of them late; the deadline."""

import asyncio
from collections import Counter
from functools import partial
from typing import Any

import msgspec
import pytest

from devtools.sandbox import Sandbox
from devtools.sandbox.pay_call import ADDRESS_REFUSED
from server.cash.actions.pay_out import note_bill
from server.cash.actions.refund import note_refund
from server.cash.audit import audit
from server.cash.pay.answers import BillAnswer, Contradiction, RefundAmount, RefundAnswer
from server.cash.rules.bill import UNDER_WAY_MS, give_up, stop_sending, voided
from server.context import Context
from server.leading.sweep import sweep
from support.meanwhile import meanwhile
from support.purse import DAY_MS, expect_balance, find, let_pass, only, rest, sweep_after, sweep_until_quiet

ENVIRONMENT = {"CLAIM_DAYS": "10", "TASK_DAYS": "5"}


HOUR_MS = 3_600_000


async def count(called: Counter[str], name: str) -> None:
    called[name] += 1


async def test_a_bill_that_wechat_only_accepted_is_an_alarm_and_keeps_its_number(client, context, alice, bob):
    code = await alice.won_packet(bob, name="【违规】的名字")  # WeChat takes no such remark
    await client.misbehave("accepted", call="transfer", times=2)
    claimed = await bob.claim(code)
    assert (claimed["status"], claimed["state"], claimed["package_info"]) == (0, "claiming", "")
    await sweep_after(context, HOUR_MS + 1000)
    assert [bill["alarm"] for bill in await find(context, "bills")] == ["ACCEPTED"]
    assert 'wabao_money_alarms{alarm="ACCEPTED",kind="bill"} 1.0' in await client.scrape()
    number = (await find(context, "bills"))[0]["_id"]
    claimed = await bob.claim(code)
    assert claimed["package_info"]
    assert (await only(context, "sandbox_bills"))["remark"] == "挖宝红包"
    assert [(bill["_id"], bill["alarm"]) for bill in await find(context, "bills")] == [(number, "")]
    await client.confirm(claimed["package_info"])


# NOT_ENOUGH: the operating account is empty.
@pytest.mark.parametrize("code", [ADDRESS_REFUSED, "TRANSFER_REMARK_SET_FAIL", "NOT_ENOUGH"])
async def test_what_wechat_refuses_is_an_alarm_and_is_sent_again(client, context, code, alice, bob):
    treasure = await alice.won_packet(bob)
    await client.misbehave("refuse", call="transfer", code=code, times=2)
    for _ in range(2):
        refused = await bob.claim(treasure)
        assert refused["error"] == "wechat_busy"
        short = code == "NOT_ENOUGH"
        assert ("商户余额不足" if short else "红包正在准备") in refused["msg"]
        [bill] = await find(context, "bills")
        assert bill["alarm"] == code
    assert f'wabao_money_alarms{{alarm="{code}",kind="bill"}} 1.0' in await client.scrape()
    claimed = await bob.claim(treasure)
    [sent] = await find(context, "bills")
    assert (sent["alarm"], sent["_id"], sent["body"]) == ("", bill["_id"], bill["body"])
    await client.confirm(claimed["package_info"])


async def test_a_winners_claim_asks_wechat_every_two_seconds_at_most(context, monkeypatch, alice, bob):
    """WeChat answers a merchant's queries only this often."""
    code = await alice.won_packet(bob)
    first = await bob.claim(code)
    asked = meanwhile(monkeypatch, context.pay, "query_transfer")
    for looks in (1, 2):
        replies = await asyncio.gather(*(bob.claim(code) for _ in range(5)))
        assert {reply["package_info"] for reply in replies} == {first["package_info"]}
        assert len(asked) == looks
        await let_pass(context, 2_000)


async def test_calls_too_often_need_no_operator_and_slow_the_sweep(client, context, monkeypatch, alice, bob):
    codes = [await alice.won_packet(bob) for _ in range(2)]
    for code in codes:
        await bob.claim(code)
    await context.books.bills.rows.update_many({}, {"$set": {"due_at": 1}})
    await client.misbehave("refuse", call="query_transfer", code="FREQUENCY_LIMITED", times=2)
    asked = meanwhile(monkeypatch, context.pay, "query_transfer")
    await sweep(context)
    assert len(asked) == 1
    assert [bill["alarm"] for bill in await find(context, "bills")] == ["", ""]


@pytest.mark.changes_ledger
async def test_refunds_of_one_order_are_sent_a_minute_apart(context, alice, bob):
    code = await alice.won_packet(bob, prizes=2)
    await sweep_after(context, 5 * DAY_MS + 1000)
    [first] = await find(context, "refunds")
    [order] = await find(context, "orders")
    assert (first["kind"], order["refunding"]) == ("unwon", first["_id"])
    second = first | {"_id": f"C{order['_id']}", "kind": "unclaimed", "state": "asked", "due_at": 1}
    await context.store.database["refunds"].insert_one(second)
    for waited_ms, state in ((0, "asked"), (30_000, "asked"), (31_000, "processing")):
        await let_pass(context, waited_ms)
        await context.store.database["refunds"].update_one({"_id": second["_id"]}, {"$set": {"due_at": 1}})
        await sweep(context)
        await rest(context)
        found = {refund["_id"]: refund for refund in await find(context, "refunds", code=code)}
        assert (found[second["_id"]]["state"] in ("processing", "refunded")) == (state != "asked")
        assert found[second["_id"]]["alarm"] == ""


async def test_a_refund_that_wechat_cannot_finish_is_shown_to_the_operator(client, context, alice):
    for what in ("abnormal", "closed"):
        code = await alice.paid_packet()
        await alice.post("/endTask", code=code)
        await client.misbehave(what, call="refund")
        await sweep_until_quiet(context)
        refund = await only(context, "refunds", code=code)
        assert (refund["state"], refund["alarm"]) == (what, what.upper())
        shown = await client.scrape()
        assert f'wabao_money_alarms{{alarm="{what.upper()}",kind="refund"}} 1.0' in shown
    report = await audit(context.store, context.pay)
    assert report.differences == []
    assert sorted(finding.values[1] for finding in report.waiting) == ["ABNORMAL", "CLOSED"]
    assert report.fen["paid_fen"] - report.fen["given_fen"] - report.fen["refunded_fen"] == 400


async def test_sweeps_at_the_same_time_do_each_thing_once(context, settings, monkeypatch, alice, bob, carol):
    others = [await Context.open(settings, Sandbox) for _ in range(3)]
    called: Counter[str] = Counter()
    for one in (context, *others):
        for name in ("refund", "query_order", "query_transfer", "cancel_transfer"):
            meanwhile(monkeypatch, one.pay, name, before=partial(count, called, name))
    unpaid = await alice.publish_packet()
    await alice.post("/payTask", code=unpaid, money=2)
    ended = await alice.paid_packet()
    await alice.post("/endTask", code=ended)
    claimed = await alice.won_packet(bob, carol, prizes=2)
    await bob.claim(claimed)
    await carol.claim(claimed)
    called.clear()
    await asyncio.gather(*(sweep(one) for one in (context, *others) * 3))
    assert called == {"refund": 1}
    await let_pass(context, 660_000)
    await asyncio.gather(*(sweep(one) for one in (context, *others) * 3))
    assert called == {"refund": 1, "query_order": 1, "query_transfer": 2}
    await sweep_until_quiet(context)
    await expect_balance(context)
    for other in others:
        await other.close()


async def test_a_silent_wechat_holds_up_nothing_else(client, context, monkeypatch, alice):
    asked = meanwhile(monkeypatch, context.pay, "query_order")
    for _ in range(3):
        await alice.post("/payTask", code=await alice.publish_packet(), money=2)
    goods = await alice.publish()
    await let_pass(context, 5 * DAY_MS + 1000)
    await client.misbehave("error_before", call="query_order", times=100)
    for _ in range(4):
        await sweep(context)
    # WeChat was asked once for each order, and once for each unpaid task that is to be deleted. The next
    # query is due only a minute later.
    assert len(asked) == 3 + 3
    assert [task["end_reason"] for task in await find(context, "tasks", _id=goods)] == ["expired"]


MINUTE_MS = 60_000


async def test_a_bill_that_wechat_had_and_forgot_is_not_sent_again(client, context, monkeypatch, alice, bob):
    sent = meanwhile(monkeypatch, context.pay, "transfer")
    for first in ("", "accepted"):
        code = await alice.won_packet(bob)
        if first:
            await client.misbehave(first, call="transfer")
        before = await bob.claim(code)
        bill = await only(context, "bills", prize=f"{code}:1")
        number = bill["_id"]
        assert bool(before["package_info"]) == (not first)
        await client.misbehave("refuse", call="query_transfer", code="NOT_FOUND", times=2)
        await bob.claim(code)
        assert [bill["alarm"] for bill in await find(context, "bills", _id=number)] == ["NOT_FOUND"]
        await sweep_after(context, 11 * MINUTE_MS)
        assert [bill["alarm"] for bill in await find(context, "bills", _id=number)] == ["NOT_FOUND"]
        assert [bytes(body) for (body,) in sent].count(bytes(bill["body"])) == 1
        await sweep_after(context, 11 * MINUTE_MS)
        assert [bill["alarm"] for bill in await find(context, "bills", _id=number)] == [""]
        if not first:
            await client.confirm(before["package_info"])
            await expect_balance(context)


@pytest.mark.parametrize("void", [False, True])
async def test_a_bill_that_reaches_wechat_too_late_is_cancelled(context, monkeypatch, void, alice, bob):
    code = await alice.won_packet(bob)
    transfer = context.pay.transfer

    async def held_up(body: bytes) -> Any:
        bill = await only(context, "bills")
        if void:
            await context.books.bills.raise_alarm(bill["_id"], "CONTRADICTION")
            assert await context.books.bills.move(bill["_id"], voided("CONTRADICTION")) is not None
            return await transfer(body)
        await context.books.bills.move(bill["_id"], stop_sending())
        asked_at_ms = context.clock.now_ms()
        await let_pass(context, UNDER_WAY_MS + 1000)
        assert await context.books.bills.move(bill["_id"], give_up(asked_at_ms, "")) is not None
        return await transfer(body)

    monkeypatch.setattr(context.pay, "transfer", held_up)
    assert "package_info" not in await bob.claim(code)
    assert (await only(context, "sandbox_bills"))["state"] == "CANCELLED"


async def test_an_outcome_unknown_for_an_hour_is_an_alarm_until_it_is_known(client, context, alice, bob):
    await alice.post("/payTask", code=await alice.publish_packet(), money=2)
    await bob.claim(await alice.won_packet(bob))
    ended = await alice.paid_packet()
    await alice.post("/endTask", code=ended)
    kinds = {"orders": "order", "bills": "bill", "refunds": "refund"}
    for call in ("query_order", "query_transfer", "refund"):
        await client.misbehave("error_before", call=call, times=1000)
    for waited_ms, alarm in ((11 * MINUTE_MS, ""), (HOUR_MS, "UNKNOWN")):
        await sweep_after(context, waited_ms)
        shown = await client.scrape()
        for collection, kind in kinds.items():
            found = await find(context, collection, unknown_since={"$gt": 0})
            assert [document["alarm"] for document in found] == [alarm], collection
            assert (f'wabao_money_alarms{{alarm="UNKNOWN",kind="{kind}"}} 1.0' in shown) == bool(alarm)
    report = await audit(context.store)
    assert [finding.values[1] for finding in report.waiting] == ["UNKNOWN"] * 3
    await client.misbehave("behave")
    await sweep_until_quiet(context, 2 * HOUR_MS)
    shown = await client.scrape()
    for collection, kind in kinds.items():
        assert [d for d in await find(context, collection) if d["alarm"] or "unknown_since" in d] == []
        assert f'wabao_money_alarms{{alarm="UNKNOWN",kind="{kind}"}}' not in shown


@pytest.mark.parametrize(("first", "then"), [("SUCCESS", "CLOSED"), ("CLOSED", "SUCCESS")])
async def test_a_refund_reported_with_another_end_is_a_contradiction(client, context, first, then, alice):
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
    for changes in ({"status": then}, {"out_trade_no": "X"}, {"amount": RefundAmount(refund=100, total=200)}):
        with pytest.raises(Contradiction):
            await note_refund(context, msgspec.structs.replace(said, **changes))
    assert await only(context, "refunds") == before | {"alarm": "CONTRADICTION"}


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
    await sweep_after(context, HOUR_MS)
    alarms = {bill["_id"]: bill["alarm"] for bill in await find(context, "bills")}
    assert alarms == {contradicted: "CONTRADICTION", other: ""}


async def test_a_bill_that_wechat_paid_after_it_was_given_up_is_a_contradiction(client, context, alice, bob):
    await client.misbehave("error_before", call="transfer")
    await bob.claim(await alice.won_packet(bob))
    await sweep_until_quiet(context, 40 * DAY_MS)
    bill = await only(context, "bills")
    assert (bill["state"], bill["alarm"]) == ("failed", "")
    paid = BillAnswer(out_bill_no=bill["_id"], state="SUCCESS", amount_fen=bill["amount_fen"])
    with pytest.raises(Contradiction):
        await note_bill(context, paid)
    assert [finding.values[1] for finding in (await audit(context.store)).waiting] == ["CONTRADICTION"]
