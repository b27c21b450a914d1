"""WeChat does what it is asked for a day without saying so, and then answers everything at once."""

import asyncio

from devtools.sandbox import send_notices
from devtools.sandbox.store.pay import LATE_MS
from server.leading.sweep import sweep
from support.purse import find, let_pass, sweep_after, sweep_until_quiet

HOUR_MS = 3_600_000
DAY_SECONDS = 86_400


async def test_what_wechat_did_in_a_day_of_silence_is_settled_once_it_answers(
    client, context, alice, bob, carol, dave
):
    confirmed = await alice.won_packet(bob)
    package = (await bob.claim(confirmed))["package_info"]
    claimed = [(winner, await alice.won_packet(winner)) for winner in (carol, dave)]
    ended = await alice.paid_packet()
    unheard = await alice.publish_packet()
    signed = await alice.order(unheard)

    await client.misbehave("disconnect", times=1000)
    await client.misbehave("delay_notice", seconds=DAY_SECONDS, times=1000)
    assert (await client.wx("pay", **signed)).endswith(":ok")
    await client.confirm(package)
    for winner, code in claimed:
        assert (await winner.claim(code))["error"] == "outcome_unknown"
    await alice.post("/endTask", code=ended)
    for _ in range(6):
        await sweep_after(context, 4 * HOUR_MS)
        await client.rest()
    assert {bill["state"] for bill in await find(context, "bills")} <= {"asked", "waiting"}
    assert [order["state"] for order in await find(context, "orders", code=unheard)] == ["asked"]

    await client.misbehave("behave")
    await let_pass(context, HOUR_MS)
    everybody = [winner.claim(code) for winner, code in claimed]
    await asyncio.gather(send_notices(context), sweep(context), send_notices(context), *everybody)
    await sweep_until_quiet(context)
    assert [prize["state"] for prize in await find(context, "prizes", code=confirmed)] == ["given"]
    await sweep_until_quiet(context, LATE_MS)  # the others' day for confirming is over: their bills fail
    for winner, code in claimed:
        await winner.take(code)
    await sweep_until_quiet(context)
    assert {bill["state"] for bill in await find(context, "bills")} == {"given", "failed"}
    assert {prize["state"] for prize in await find(context, "prizes")} == {"given"}
    assert [refund["state"] for refund in await find(context, "refunds", code=ended)] == ["refunded"]
    assert [order["state"] for order in await find(context, "orders", code=unheard)] == ["spent"]
    assert {each["alarm"] for name in ("orders", "bills") for each in await find(context, name)} == {""}
