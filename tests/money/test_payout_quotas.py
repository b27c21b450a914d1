"""WeChat's quotas: for one transfer, for a person's transfers of a day, and for all transfers of a day."""

import asyncio

import msgspec
import pytest

from server.context import Context
from server.game.amounts import begins_at, day_of
from server.operation.alarms import Alarm
from server.operation.audit import OVERDUE_MS
from support.client import Someone
from support.counting import alarms_of, count_now, payments_that_wait
from support.operators import operator
from support.purse import DAY_MS, find, let_pass, sweep_until_quiet

ENVIRONMENT = {
    "MAX_RED_PACKET_YUAN": "5",
    "PAYOUT_TRANSFER_YUAN": "5",
    "PAYOUT_PERSON_DAY_YUAN": "8",
    "PAYOUT_DAY_YUAN": "25",
}

MINUTE_MS, HOUR_MS = 60_000, 3_600_000


def change(context: Context, **settings: int) -> None:
    context.settings = msgspec.structs.replace(context.settings, **settings)


async def claim_from(winner: Someone, code: str) -> list[int]:
    """Return when a prize can first be claimed: as the details say, and as the list of prizes won says."""
    [card] = (await winner.get("/getMyPrize"))["data"]
    return [shown["claim_from"] for shown in (await winner.get("/getTaskDetails", code=code), card)]


async def paid_today(context: Context) -> int:
    return await context.store.payout_days.fen(day_of(context.clock.now_ms()))


async def begin_another_day(context: Context) -> None:
    """Let a day pass, so that today's sum is 0."""
    await let_pass(context, DAY_MS)
    await context.store.payout_days.collection.delete_many({})
    await context.store.prizes.rows.update_many({}, {"$unset": {"counted_on": ""}})


@pytest.mark.gen_test(timeout=120)
async def test_of_fifty_claims_at_once_as_many_are_paid_as_fit_into_the_days_limit(client, context):
    alice, *people = await client.log_in_all("alice", *(f"p{number}" for number in range(50)))
    change(context, payout_day_yuan=25)
    code = await alice.won_packet(*people, prizes=50, money=1)
    replies = await asyncio.gather(*(person.claim(code) for person in people))
    tomorrow_ms = begins_at(day_of(context.clock.now_ms()) + 1)
    waits = [reply for reply in replies if not reply.get("package_info")]
    assert {(reply["error"], reply["claim_from"]) for reply in waits} == {("payout_waits", tomorrow_ms)}
    assert all("25 元" in reply["msg"] and "00:00 以后再来领" in reply["msg"] for reply in waits)
    assert (len(waits), await paid_today(context)) == (25, 2500)
    assert len(await find(context, "sandbox_bills")) == 25
    late = [person for person, reply in zip(people, replies, strict=True) if not reply.get("package_info")]
    assert (await late[0].claim(code))["error"] == "payout_waits"
    assert await claim_from(late[0], code) == [tomorrow_ms] * 2

    change(context, payout_day_yuan=27)
    again = [await person.claim(code) for person in late[:4]]
    assert [reply.get("error", "") for reply in again] == ["", "", "payout_waits", "payout_waits"]
    assert await claim_from(late[0], code) == [0] * 2
    assert [row["act"] for row in (await late[0].get("/getMyInfo"))["to_do"]] == ["claim"]
    change(context, payout_day_yuan=5)
    await begin_another_day(context)
    again = [await person.claim(code) for person in late[2:10]]
    assert [reply.get("error", "") for reply in again] == [""] * 5 + ["payout_waits"] * 3
    await sweep_until_quiet(context)


async def test_a_person_has_a_limit_a_day_and_the_rest_waits_for_them_alone(context, alice, bob, carol):
    codes = [await alice.won_packet(bob, carol, prizes=2, money=3) for _ in range(3)]
    for code in codes[:2]:
        assert (await bob.claim(code))["package_info"]
    refused = await bob.claim(codes[2])
    assert (refused["error"], "8 元" in refused["msg"]) == ("payout_waits", True)
    assert (await bob.claim(codes[2]))["error"] == "payout_waits"
    assert (await carol.claim(codes[2]))["package_info"]
    change(context, payout_person_day_yuan=0)
    assert (await bob.claim(codes[2]))["package_info"]
    assert await paid_today(context) == 1200


async def test_what_one_transfer_cannot_pay_is_held_and_what_an_operator_releases_waits_as_others_do(
    client, context, alice, bob, carol
):
    code = await alice.won_packet(bob, carol, prizes=2, money=5)
    change(context, payout_transfer_yuan=4, payout_day_yuan=6)
    for winner in (bob, carol):
        assert (await winner.claim(code))["error"] == "payout_held"
    assert {prize["held_for"] for prize in await find(context, "prizes")} == {"transfer"}
    await operator(client)
    for depth in (1, 2):
        asked = {"what": "prize", "code": code, "depth": depth, "reason": "微信提高了额度"}
        assert (await client.post("/ops/release", **asked))["status"] == 0
    assert (await bob.claim(code))["package_info"]
    refused = [await carol.claim(code) for _ in range(2)]
    assert [(reply["error"], "6 元" in reply["msg"]) for reply in refused] == [("payout_waits", True)] * 2
    change(context, payout_day_yuan=0)
    assert (await carol.claim(code))["package_info"]


async def test_a_prize_counts_once_a_day_however_many_bills_fail(client, context, alice, bob):
    code = await alice.won_packet(bob, money=5)
    for reason, said in (
        ("PAYEE_ACCOUNT_ABNORMAL", "收不了款"),
        ("DAY_RECEIVED_QUOTA_EXCEED", "明天"),
        ("REAL_NAME_CHECK_FAIL", "实名"),
        ("TRANSFER_RISK", "联系客服"),
    ):
        await client.misbehave("fail", call="transfer", code=reason)
        failed = await bob.claim(code)
        assert (failed["error"], said in failed["msg"]) == ("wechat_busy", True)
        assert await paid_today(context) == 500
    await begin_another_day(context)
    claimed = await bob.claim(code)
    assert await paid_today(context) == 500
    await client.confirm(claimed["package_info"])


async def test_wechats_own_refusal_for_today_is_an_alarm_and_the_winner_is_told_when(client, context):
    alice, bob = await client.log_in_all("alice", "bob")
    code = await alice.won_packet(bob, money=5)
    await client.misbehave("refuse", call="transfer", code="DAY_REFUSED")
    refused = await bob.claim(code)
    tomorrow_ms = begins_at(day_of(context.clock.now_ms()) + 1)
    assert (refused["error"], refused["claim_from"]) == ("payout_waits", tomorrow_ms)
    assert 'wabao_money_alarms{alarm="DAY_REFUSED",kind="bill"} 1.0' in await client.scrape()
    await sweep_until_quiet(context)  # the same bytes are sent again
    await bob.take(code)
    assert [bill["alarm"] for bill in await find(context, "bills")] == [""]


@pytest.mark.parametrize(
    ("wish", "error", "state"),
    [
        ({"what": "refuse", "code": "DAY_REFUSED", "times": 20}, "payout_waits", "claiming"),
        ({"what": "fail", "code": "DAY_RECEIVED_QUOTA_EXCEED"}, "wechat_busy", "won"),
    ],
)
async def test_what_wechat_pays_from_tomorrow_on_does_not_expire_today(client, context, wish, error, state):
    alice, bob = await client.log_in_all("alice", "bob")
    code = await alice.won_packet(bob, money=5)
    await let_pass(context, context.settings.claim_days * DAY_MS - HOUR_MS)
    await client.misbehave(call="transfer", **wish)
    refused = await bob.claim(code)
    assert (refused["error"], "明天" in refused["msg"]) == (error, True)
    until_ms = begins_at(day_of(context.clock.now_ms()) + 1) + 3 * DAY_MS
    for late_ms in (2 * HOUR_MS, HOUR_MS):  # past the deadline, then until no request can be under way
        await sweep_until_quiet(context, late_ms)
        until_ms -= late_ms
    [prize] = await find(context, "prizes")
    assert (prize["state"], prize["waits_until"]) == (state, prize["released_at"])
    await client.http.post("/sandbox/misbehave", json={"what": "behave"})
    claimed = await bob.claim(code)
    if state == "won":
        assert claimed["claim_until"] == until_ms
    await client.confirm(claimed["package_info"])


async def test_what_wechat_puts_off_for_a_week_waits_for_the_operators_decision(client, context, alice, bob):
    code = await alice.won_packet(bob, money=5)
    await client.misbehave("refuse", call="transfer", code="DAY_REFUSED", times=1000)
    await bob.claim(code)
    assert await payments_that_wait(context) == {("bill", "DAY_REFUSED"): 1}
    await context.store.database["bills"].update_many({}, {"$inc": {"created_at": -OVERDUE_MS}})
    assert await payments_that_wait(context) == {("bill", "DAY_REFUSED"): 1, ("bill", "OVERDUE"): 1}
    assert (await bob.claim(code))["error"] == "payout_waits"

    await operator(client)
    await let_pass(context, 11 * MINUTE_MS)  # so the bill cannot be on its way to WeChat any more
    for act in ("freeze", "return"):
        asked = {"what": "prize", "code": code, "depth": 1, "reason": "付不了"}
        assert (await client.post(f"/ops/{act}", **asked))["status"] == 0
        await sweep_until_quiet(context)
    await sweep_until_quiet(context, 31 * DAY_MS)
    [refund] = await find(context, "refunds")
    assert (refund["amount_fen"], refund["state"]) == (500, "refunded")
    assert await payments_that_wait(context) == {}


async def test_the_operator_is_told_before_the_day_is_full(client, context):
    today = day_of(context.clock.now_ms())
    await context.store.payout_days.take(today, 2000, 2500)
    assert await alarms_of(context, 25) == []
    await context.store.payout_days.take(today, 1, 2500)
    assert await alarms_of(context, 25) == [Alarm("payouts", "", "", ("0.8004",))]


async def test_paid_out_today_is_what_left(client, context, alice, bob):
    await operator(client)
    code = await alice.won_packet(bob, money=5)
    claimed = await bob.claim(code)
    await count_now(context)
    assert (await client.get("/ops/money"))["today_fen"] == 0, "it is not confirmed"
    await client.confirm(claimed["package_info"])
    await count_now(context)
    assert (await client.get("/ops/money"))["today_fen"] == 500
    yesterday = begins_at(day_of(context.clock.now_ms())) - 1
    await context.store.ledger.rows.update_one({"kind": "given"}, {"$set": {"at": yesterday}})
    await count_now(context)
    assert (await client.get("/ops/money"))["today_fen"] == 0
