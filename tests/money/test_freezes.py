"""Payouts that a limit holds or an operator freezes, until they are released or returned."""

import asyncio
from typing import Any, ClassVar

import pytest

from server.cash.store.payouts import Payouts
from server.context import Context
from support.meanwhile import meanwhile
from support.operators import decide
from support.purse import DAY_MS, expect_balance, find, let_pass, only, rest, sweep_until_quiet

pytestmark = pytest.mark.usefixtures("operating")


async def finish(context: Context, *codes: str) -> None:
    """Let months pass; assert that no work is left to do, and that no fen is left over."""
    for days in (0, 31, 31):
        await sweep_until_quiet(context, days * DAY_MS)
    await expect_balance(context)
    for code in codes:
        [task] = await find(context, "tasks", _id=code)
        assert "due_at" not in task


class TestLimits:
    ENVIRONMENT: ClassVar = {"CASH_WON_DAY_YUAN": "5", "CASH_WON_WEEK_YUAN": "8", "CASH_PAIR_WEEK_YUAN": "3"}

    @pytest.mark.parametrize(
        ("publishers", "passes_ms", "why"),
        [
            (["alice", "alice"], 0, "pair"),
            (["alice", "carol", "dave"], 0, "day"),
            (["alice", "carol", "dave", "erin", "fay"], DAY_MS // 2 + 1000, "week"),
        ],
    )
    async def test_a_claim_above_a_limit_waits_for_release(self, client, context, publishers, passes_ms, why):
        await client.log_in_all("bob", *set(publishers))
        bob = client.people["bob"]
        codes = []
        for publisher in publishers[:-1]:
            codes.append(await client.people[publisher].won_packet(bob))
            assert (await bob.claim(codes[-1]))["package_info"]
            await let_pass(context, passes_ms)
        last = await client.people[publishers[-1]].won_packet(bob)  # the limit does not stop the win
        assert [(await bob.claim(last))["error"] for _ in range(2)] == ["payout_held", "payout_held"]
        [prize] = await find(context, "prizes", code=last)
        assert (prize["state"], prize["held_for"]) == ("held", why)
        assert await find(context, "bills", code=last) == []
        await sweep_until_quiet(context)
        assert (await only(context, "prizes", code=last))["state"] == "held"
        [row] = (await client.get("/ops/payouts"))["data"]
        assert (row["code"], row["state"], row["why"], row["amount_fen"]) == (last, "held", why, 200)
        assert (await decide(client, "release", last, what="prize", depth=1))["status"] == 0
        assert (await client.get("/ops/payouts"))["data"] == []
        await bob.take(last)
        await let_pass(context, 7 * DAY_MS)
        await bob.take(await client.people["alice"].won_packet(bob))

    async def test_two_claims_at_once_are_both_held(self, context, monkeypatch, alice, bob):
        codes = [await alice.won_packet(bob) for _ in range(2)]
        meanwhile(monkeypatch, Payouts, "paid_out_fen", before=asyncio.Barrier(2).wait)
        replies = await asyncio.gather(*(bob.claim(code) for code in codes))
        assert [reply["error"] for reply in replies] == ["payout_held"] * 2
        assert await find(context, "bills") == []


class TestTheFirstPayoutOfAPair:
    ENVIRONMENT: ClassVar = {"PAYOUT_HOLD_SECONDS": "600"}

    async def test_the_first_payout_waits_and_the_next_of_as_much_does_not(self, context, alice, bob, carol):
        code = await alice.won_packet(bob)
        [prize] = await find(context, "prizes")
        waits = await bob.claim(code)
        assert (waits["error"], waits["claim_from"]) == ("payout_waits", prize["won_at"] + 600_000)
        await let_pass(context, 540_000)
        assert (await bob.claim(code))["error"] == "payout_waits"
        await let_pass(context, 60_000)
        await bob.take(code)
        for publisher, after_ms, error in (
            (carol, 600_000, "payout_waits"),
            (alice, 29 * DAY_MS, None),
            (alice, DAY_MS, "payout_waits"),
        ):
            await let_pass(context, after_ms)
            assert (await bob.claim(await publisher.won_packet(bob))).get("error") == error

    async def test_a_small_first_payout_ends_no_wait_of_a_larger_one(self, context, alice, bob):
        code = await alice.won_packet(bob, money=1)
        await let_pass(context, 600_000)
        await bob.take(code)
        again = await alice.won_packet(bob, money=1)
        assert (await bob.claim(again))["error"] == "payout_waits"  # the first payout was made just now
        await let_pass(context, 600_000)
        assert (await bob.claim(await alice.won_packet(bob, money=1)))["package_info"]
        more = await alice.won_packet(bob, money=2)
        assert (await bob.claim(more))["error"] == "payout_waits"


class TestPayoutLimitsAfterAFreeze:
    ENVIRONMENT: ClassVar = {"CASH_PAIR_WEEK_YUAN": "3", "PAYOUT_HOLD_SECONDS": "600"}

    async def test_a_release_is_weighed_unless_of_the_prize_alone(self, client, context, alice, bob):
        winner = {"what": "person", "depth": 1}
        code = await alice.won_packet(bob, money=50)
        await decide(client, "freeze", code, **winner)
        assert (await decide(client, "release", code, **winner))["status"] == 0
        assert (await bob.claim(code))["error"] == "payout_waits"
        await let_pass(context, 600_000)
        assert (await bob.claim(code))["error"] == "payout_held"
        await decide(client, "freeze", code, **winner)
        [row] = (await client.get("/ops/payouts"))["data"]
        assert (row["state"], row["why"]) == ("frozen", "pair")
        assert (await decide(client, "release", code, **winner))["status"] == 0
        [row] = (await client.get("/ops/payouts"))["data"]
        assert (row["state"], row["why"]) == ("held", "pair")
        assert (await bob.claim(code))["error"] == "payout_held"
        assert await find(context, "bills") == []
        assert (await decide(client, "release", code, what="prize", depth=1))["status"] == 0
        await decide(client, "freeze", code, **winner)  # decided prizes stay decided
        await decide(client, "release", code, **winner)
        assert (await bob.claim(code))["package_info"]
        await finish(context, code)

    async def test_a_prize_released_individually_waits_for_no_limit(self, client, context, alice, bob):
        code = await alice.won_packet(bob)
        waits = {"waits_until": context.clock.now_ms() + DAY_MS, "waits_for": "newcomer"}
        await context.store.prizes.collection.update_one({"code": code}, {"$set": waits})
        [card] = (await bob.get("/getMyPrize"))["data"]
        assert card["claim_from"] == waits["waits_until"]
        assert (await bob.claim(code))["claim_from"] == waits["waits_until"]
        await decide(client, "freeze", code, what="prize", depth=1)
        assert (await decide(client, "release", code, what="prize", depth=1))["status"] == 0
        [card] = (await bob.get("/getMyPrize"))["data"]
        assert (card["claim_from"], (await bob.get("/getTaskDetails", code=code))["claim_from"]) == (0, 0)
        waits["waits_for"] = "wechat"
        await context.store.prizes.collection.update_one({"code": code}, {"$set": waits})
        [card] = (await bob.get("/getMyPrize"))["data"]
        page = await bob.get("/getTaskDetails", code=code)
        assert card["claim_from"] == page["claim_from"] == waits["waits_until"]
        assert (await bob.claim(code))["package_info"]


async def test_a_bill_that_wechat_never_held_leaves_a_prize_that_only_goes_back(client, context, alice, bob):
    code = await alice.won_packet(bob)
    await client.misbehave("refuse", call="transfer", code="NO_AUTH")
    await bob.claim(code)
    await let_pass(context, 660_000)
    await client.misbehave("refuse", call="query_transfer", code="NO_AUTH")
    await decide(client, "freeze", code, what="prize", depth=1)
    await sweep_until_quiet(context)
    assert (await only(context, "prizes", code=code))["state"] == "frozen"
    [prize] = await find(context, "prizes")
    assert prize["released_at"] < context.clock.now_ms() - 600_000  # what is not sent again moves no deadline
    assert (await client.get("/ops/payouts"))["data"][0]["only_back"] == 1
    assert (await decide(client, "release", code, what="prize", depth=1))["error"] == "bad_request"
    assert (await decide(client, "return", code, what="prize", depth=1))["status"] == 0
    await finish(context, code)
    assert (await only(context, "prizes", code=code))["state"] == "returned"


async def test_a_treasure_that_ended_a_moment_before_has_what_it_gave_frozen_too(client, context, alice, bob):
    code = await alice.won_packet(bob)  # its last prize, so it has ended
    assert (await client.post("/ops/end", code=code, reason="套现", fraud=1))["status"] == 0
    assert (await only(context, "prizes", code=code))["state"] == "frozen"
    [logged] = (await client.get("/ops/log"))["data"]
    assert (logged["act"], logged["outcome"]) == ("end_fraud", "done")


async def test_a_release_is_done_while_redis_hangs_and_told_later(client, context, monkeypatch, alice, bob):
    code = await alice.won_packet(bob)
    await decide(client, "freeze", code)
    answers = asyncio.Event()
    publish = context.bus.publish
    told = []

    async def hang(*arguments: Any) -> bool:
        await answers.wait()
        told.append(arguments[0])
        return await publish(*arguments)

    monkeypatch.setattr(context.bus, "publish", hang)
    assert (await decide(client, "release", code))["status"] == 0
    assert (await only(context, "prizes", code=code))["state"] == "won"
    assert (await find(context, "freezes"), told) == ([], [])
    answers.set()
    await rest(context)
    assert told == [code]


async def test_only_what_there_is_may_be_frozen(client, context, alice, bob):
    code = await alice.won_packet(bob)
    undug = await alice.publish(forecast_num=1)
    for asked in (
        {"code": "A" * 12},
        {"code": undug, "what": "prize", "depth": 1},
        {"code": code, "what": "prize", "depth": 2},
        {"code": code, "what": "person", "depth": 9},
        {"code": code, "what": "everything"},
        {"code": code, "reason": ""},
    ):
        for path in ("freeze", "release", "return"):
            assert (await decide(client, path, **asked))["error"] in ("bad_request", "no_such_task")
    assert (await decide(client, "return", code))["error"] == "bad_request"
    assert (await decide(client, "return", code, what="person", depth=1))["error"] == "bad_request"
    assert await find(context, "freezes") == []
    assert (await only(context, "prizes", code=code))["state"] == "won"
