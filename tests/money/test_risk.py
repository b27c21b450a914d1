"""A winner's risk, for which the server asks WeChat beside the dig. Only a high risk holds a payout."""

from typing import ClassVar
from unittest.mock import AsyncMock

import pytest

from server.context import Context
from server.game.amounts import day_of
from support.client import Someone
from support.purse import find, only
from support.stored import person_of

ENVIRONMENT = {"RISK_HELD": "3", "TRUSTED_PROXIES": "127.0.0.1"}


async def claimed(alice: Someone, bob: Someone, money: int = 2) -> str:
    """Let Bob win and claim; return the error, "" if he can confirm."""
    reply = await bob.claim(await alice.won_packet(bob, money=money))
    assert reply.get("package_info") or reply["error"]
    return str(reply.get("error", ""))


async def openid_of(context: Context, someone: Someone) -> str:
    person = await person_of(context, someone)
    return person["openid"]


@pytest.mark.parametrize(("rank", "error"), [("2", ""), ("3", "payout_held"), ("4", "payout_held")])
async def test_a_risky_person_wins_and_waits_for_an_operator(client, context, rank, error, alice, bob, carol):
    await client.misbehave("rank", call="risk", code=rank, number=await openid_of(context, bob))
    assert await claimed(alice, bob) == error
    [prize] = await find(context, "prizes")
    assert (prize["state"], prize.get("held_for")) == (("held", "risk") if error else ("claiming", None))
    assert await claimed(alice, carol) == ""


@pytest.mark.parametrize(
    ("what", "code", "money", "error"),
    [
        ("refuse", "61010", 20, ""),  # WeChat has not seen the person
        ("refuse", "61010", 21, "payout_held"),
        ("refuse", "48001", 21, ""),
        ("error_before", "", 21, ""),
        ("garbage", "", 21, ""),
    ],
)
async def test_only_the_unseen_are_held_above_20_yuan(client, context, what, code, money, error, alice, bob):
    await client.misbehave(what, call="risk", code=code, times=10)
    assert await claimed(alice, bob, money) == error
    [prize] = await find(context, "prizes")
    assert prize.get("held_for") == ("risk" if error else None)
    assert "rank" not in await only(context, "risks")
    await client.misbehave("behave")
    await context.books.risks.collection.update_many({}, {"$inc": {"day": -1}})
    context.risk_looks._day_of.clear()  # the next day
    assert await claimed(alice, bob, money) == ""


async def test_a_risky_person_stays_so_until_wechat_says_otherwise(client, context, alice, bob):
    openid = await openid_of(context, bob)
    for what, rank, error in (
        ("rank", "4", "payout_held"),
        ("refuse", "48001", "payout_held"),
        ("rank", "0", ""),
    ):
        await client.misbehave(what, call="risk", code=rank, number=openid if what == "rank" else "", times=1)
        assert await claimed(alice, bob) == error
        assert (await only(context, "risks"))["day"] == day_of(context.clock.now_ms())
        await context.books.risks.collection.update_many({}, {"$inc": {"day": -1}})
        context.risk_looks._day_of.clear()  # the next day


async def test_a_dig_and_a_claim_do_not_wait_for_a_slow_answer(client, context, alice, bob):
    code = await alice.paid_packet()
    await client.misbehave("slow", call="risk", seconds=2)
    assert (await bob.dig(code))["is_prize"] == 1
    assert context.background.busy  # the query for the risk
    assert (await bob.claim(code))["package_info"]
    assert [("rank" in risk) for risk in await find(context, "risks")] == [False]


async def test_wechat_is_asked_once_a_day_about_red_packets(client, context, other, monkeypatch, alice, bob):
    asked = AsyncMock(return_value=0)
    for each in (context, other):
        monkeypatch.setattr(each.wechat, "risk_rank", asked)
    await bob.dig(await alice.publish())
    await context.background.finish()
    asked.assert_not_awaited()
    headers = {"Authorization": f"Bearer {bob.token}", "X-Forwarded-For": "2001:db8::7"}
    for days in (0, 0, 1):
        await context.books.risks.collection.update_many({}, {"$inc": {"day": -days}})
        context.risk_looks._day_of.clear()  # as another process, which remembers nothing
        code = await alice.paid_packet(forecast_num=1000)
        await client.post("/postTask", headers, unionid=bob.unionid, code=code)
        await context.background.finish()
    assert [call.args[1] for call in asked.await_args_list] == ["2001:db8::7"] * 2
    assert day_of(context.clock.now_ms()) == (await find(context, "risks"))[0]["day"]


class TestWithoutIt:
    ENVIRONMENT: ClassVar = {"RISK_HELD": "0"}

    async def test_without_the_setting_wechat_is_not_asked(self, client, context, alice, bob):
        await client.misbehave("rank", call="risk")
        assert await claimed(alice, bob) == ""
        assert await find(context, "risks") == []
