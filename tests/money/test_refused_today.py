"""What WeChat does not pay today: the limits of the merchant and of the winner, as WeChat's refusals tell."""

import pytest

from devtools.sandbox.pay_call import UNHEARD_OF
from server.cash.audit import OVERDUE_MS
from server.game.amounts import begins_at, day_of
from server.wechat.messages import moment
from support.counting import count_now, payments_that_wait
from support.operators import operator
from support.purse import DAY_MS, HOUR_MS, MINUTE_MS, find, let_pass, sweep_until_quiet

ENVIRONMENT = {"CLAIM_DAYS": "5"}


async def test_each_reason_of_a_failed_bill_has_its_words_and_it_is_claimed_again(client, alice, bob):
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
    await bob.take(code)


async def test_wechats_refusal_for_today_is_an_alarm_and_the_winner_is_told_when(client, context, alice, bob):
    code = await alice.won_packet(bob, money=5)
    await client.misbehave("refuse", call="transfer", code="DAY_REFUSED", times=2)
    refused = await bob.claim(code)
    tomorrow_ms = begins_at(day_of(context.clock.now_ms()) + 1)
    assert (refused["error"], refused["claim_from"]) == ("payout_waits", tomorrow_ms)
    assert moment(tomorrow_ms).endswith(" 00:00"), "in Beijing"
    assert 'wabao_money_alarms{alarm="DAY_REFUSED",kind="bill"} 1.0' in await client.scrape()
    most_ms = (context.settings.claim_days - 3) * DAY_MS  # so long the deadline may move
    await context.books.bills.rows.update_one({}, {"$inc": {"refused_at": MINUTE_MS - most_ms}})
    [bill] = await find(context, "bills")
    assert (await bob.claim(code))["error"] == "payout_waits"
    [prize] = await find(context, "prizes")
    assert prize["released_at"] <= bill["refused_at"] + most_ms
    assert [again["refused_at"] for again in await find(context, "bills")] == [bill["refused_at"]]
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
async def test_what_wechat_pays_tomorrow_does_not_expire_now(client, context, wish, error, state, alice, bob):
    code = await alice.won_packet(bob, money=5)
    await let_pass(context, context.settings.claim_days * DAY_MS - HOUR_MS)
    await client.misbehave(call="transfer", **wish)
    refused = await bob.claim(code)
    assert (refused["error"], "明天" in refused["msg"]) == (error, True)
    tomorrow_ms = begins_at(day_of(context.clock.now_ms()) + 1)
    [prize] = await find(context, "prizes")
    assert prize["released_at"] == tomorrow_ms
    until_ms = tomorrow_ms + 3 * DAY_MS
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


@pytest.mark.parametrize(("code", "moves"), [(UNHEARD_OF, True), ("USER_ACCOUNT_ABNORMAL", False)])
async def test_only_the_winners_own_account_lets_a_claim_expire(client, context, code, moves, alice, bob):
    task = await alice.won_packet(bob, money=5)
    claim_ms = context.settings.claim_days * DAY_MS
    await let_pass(context, claim_ms - HOUR_MS)
    await client.misbehave("refuse", call="transfer", code=code, times=1000)
    assert (await bob.claim(task))["error"] == "wechat_busy"
    assert await payments_that_wait(context) == {("bill", code): 1}
    await sweep_until_quiet(context, 2 * HOUR_MS)
    await sweep_until_quiet(context, 11 * MINUTE_MS)
    [prize] = await find(context, "prizes")
    assert (prize["state"] == "claiming") is moves
    if moves:  # until as many days after the first refusal as the treasure gives for claims
        most_ms = claim_ms - 3 * DAY_MS
        for _ in range(int(most_ms // DAY_MS) + 1):
            await sweep_until_quiet(context, DAY_MS)
        [bill] = await find(context, "bills")
        [prize] = await find(context, "prizes")
        assert prize["released_at"] <= bill["refused_at"] + most_ms
        await sweep_until_quiet(context, 3 * DAY_MS)
        await sweep_until_quiet(context, 11 * MINUTE_MS)
        [prize] = await find(context, "prizes")
    assert prize["state"] in ("expiring", "returned")


async def test_a_bill_that_wechat_does_not_end_within_ten_minutes_is_an_alarm(client, context, alice, bob):
    code = await alice.won_packet(bob, money=5)
    claimed = await bob.claim(code)
    await client.misbehave("pending", call="confirm")
    await client.confirm(claimed["package_info"])
    await sweep_until_quiet(context, 11 * MINUTE_MS)
    assert await payments_that_wait(context) == {}
    await sweep_until_quiet(context, 11 * MINUTE_MS)
    assert await payments_that_wait(context) == {("bill", "TRANSFERING"): 1}
    [bill] = await find(context, "bills")
    await client.misbehave("settle", number=bill["_id"])
    await sweep_until_quiet(context)
    assert await payments_that_wait(context) == {}


async def test_what_can_be_confirmed_ends_a_day_after_wechat_made_the_bill(context, alice, bob):
    code = await alice.won_packet(bob, money=5)
    assert (await bob.claim(code))["package_info"]
    await let_pass(context, 23 * HOUR_MS)
    await context.store.database["bills"].update_many({}, {"$set": {"package_info": "", "state": "asked"}})
    await sweep_until_quiet(context)  # sends the same bytes again
    [bill] = await find(context, "bills")
    assert bill["sent_at"] - bill["made_at"] > 22 * HOUR_MS
    await context.store.database["bills"].update_many({}, {"$inc": {"made_at": -2 * HOUR_MS}})
    assert (await bob.claim(code))["error"] == "wechat_busy"


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
    await context.books.ledger.rows.update_one({"kind": "given"}, {"$set": {"at": yesterday}})
    await count_now(context)
    assert (await client.get("/ops/money"))["today_fen"] == 0
