"""Daily limits on payouts to newcomers, of a publisher and from private treasures. Payouts above them wait or
are held."""

import asyncio
from typing import Any, ClassVar

import pytest

from server.cash.store.payouts import Payouts
from server.context import Context
from support.client import ADDRESS, Client, Someone
from support.meanwhile import meanwhile
from support.operators import operator
from support.purse import DAY_MS, find, let_pass, only, sweep_until_quiet

WEEK_MS = 7 * DAY_MS


async def grown_up(client: Client, context: Context, *names: str) -> list[Someone]:
    """Return people who first logged in more than a week ago, and dug a treasure then."""
    people = await client.log_in_all("a stranger", *names)
    stranger, *others = people
    code = await stranger.publish()
    for person in others:
        assert (await person.dig(code))["status"] == 0
    await let_pass(context, WEEK_MS + 1000)
    return others


async def waits(context: Context, winner: Someone, code: str, why: str, after_ms: int) -> str:
    """Assert that a claim waits for this reason, and for this long from now; return the winner's reply."""
    reply = await winner.claim(code)
    assert reply["error"] == "payout_waits", reply
    [prize] = await find(context, "prizes", code=code)
    assert (prize["state"], prize["waits_for"], prize["waits_until"]) == ("won", why, reply["claim_from"])
    assert abs(reply["claim_from"] - context.clock.now_ms() - after_ms) < 60_000
    assert (await winner.claim(code))["claim_from"] == reply["claim_from"]  # limits are not checked again
    assert len(await find(context, "bills", code=code)) == 0
    return str(reply["msg"])


class TestTheRulesOfRedPackets:
    ENVIRONMENT: ClassVar = {"CASH_LEAST_CD_SECONDS": "3", "CASH_LEAST_GAP": "2", "CASH_LEAST_DIGGERS": "10"}

    async def test_red_packets_lie_deep_and_are_not_dug_faster_than_others_can_come(self, alice):
        asked: dict[str, Any] = {"goods_type": 1, "name": "一个红包", "money": 1, "forecast_num": 20, "cd": 3}
        one = {"prize_num": 1}
        several = {"prize_num": 3, "interval": 3}
        for rules, param, named in (
            ({**one, "cd": 2}, "cd", "3"),
            ({**one, "cd": 0}, "cd", "3"),
            ({**several, "fluctuation": 2}, "fluctuation", "2"),
            ({**one, "forecast_num": 9}, "forecast_num", "10"),
            ({**several, "prize_num": 2, "fluctuation": 1}, "interval", "10"),
        ):
            refused = await alice.post("/postTask", **(asked | rules))
            assert (refused["error"], refused["param"]) == ("bad_request", param)
            assert named in refused["msg"]
        for rules in (one, {**several, "fluctuation": 1}, {**one, "forecast_num": 10}):
            assert (await alice.post("/postTask", **(asked | rules)))["status"] == 0
        assert await alice.publish(cd=0, forecast_num=1)  # goods need no cooldown, and lie at any depth


class TestPrivateTreasures:
    ENVIRONMENT: ClassVar = {"CASH_PRIVATE_DAY_YUAN": "5"}

    async def test_a_publisher_has_a_limit_a_day_and_the_rest_waits(self, context, alice, bob, carol):
        first = await alice.won_packet(bob, money=3, is_public=0)
        await bob.take(first)
        await let_pass(context, DAY_MS // 4)
        second = await alice.won_packet(carol, money=3, is_public=0)
        said = await waits(context, carol, second, "private", DAY_MS * 3 // 4)
        assert ("5 元" in said, "以后再来领" in said) == (True, True)
        for winner, publisher, public in ((carol, alice, 1), (alice, bob, 0)):
            other = await publisher.won_packet(winner, money=3, is_public=public)
            assert (await winner.claim(other))["package_info"]
        await let_pass(context, DAY_MS * 3 // 4)
        await carol.take(second)
        await sweep_until_quiet(context)

    async def test_what_waits_can_still_be_claimed_after_the_deadline(self, context, alice, bob, carol):
        late = await alice.won_packet(carol, money=3, is_public=0)
        await let_pass(context, 30 * DAY_MS - 3_600_000)
        await bob.take(await alice.won_packet(bob, money=3, is_public=0))
        await waits(context, carol, late, "private", DAY_MS)
        await sweep_until_quiet(context, DAY_MS)
        assert (await carol.claim(late))["package_info"]

    @pytest.mark.changes_ledger
    async def test_many_small_shares_count_with_their_whole_sum(self, context, alice, bob, carol):
        await bob.take(await alice.won_packet(bob, money=1, is_public=0))
        [paid_out] = await find(context, "prizes")
        shares = [{**paid_out, "_id": f"S{n}", "code": f"S{n}", "amount_fen": 10} for n in range(31)]
        await context.store.prizes.rows.insert_many(shares)  # 4.10 yuan together
        late = await alice.won_packet(carol, money=1, is_public=0)
        await waits(context, carol, late, "private", DAY_MS)

    async def test_two_claims_at_once_cannot_both_pass(self, context, monkeypatch, alice, bob, carol):
        codes = [await alice.won_packet(who, money=3, is_public=0) for who in (bob, carol)]
        both = asyncio.Barrier(2)  # wait until both are recorded, then until both have read the sums
        meanwhile(monkeypatch, Payouts, "under_limit", before=both.wait, after=both.wait)
        replies = await asyncio.gather(bob.claim(codes[0]), carol.claim(codes[1]))
        assert [reply.get("error") for reply in replies] == ["payout_waits"] * 2
        monkeypatch.undo()
        await let_pass(context, 61_000)  # they wait a minute and not a day, since neither was paid
        assert (await bob.claim(codes[0]))["package_info"]
        assert (await carol.claim(codes[1]))["error"] == "payout_waits"


class TestNewcomers:
    ENVIRONMENT: ClassVar = {"CASH_NEWCOMER_DAY_YUAN": "5", "CASH_YOUNG_DAY_YUAN": "8"}

    @pytest.fixture(autouse=True)
    def small(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Count 1 yuan as little, for amounts of a few yuan."""
        monkeypatch.setattr("server.cash.actions.hold.SMALL_FEN", 100)

    async def test_each_newcomer_has_a_limit_a_day_and_so_have_all_together(self, client, context):
        (publisher,) = await grown_up(client, context, "publisher")
        bob, carol, dora = await client.log_in_all("bob", "carol", "dora")
        await bob.take(await publisher.won_packet(bob, money=4))
        second = await publisher.won_packet(bob, money=2)
        said = await waits(context, bob, second, "newcomer", DAY_MS)
        assert "5 元" in said
        await carol.take(await publisher.won_packet(carol, money=3))
        third = await publisher.won_packet(dora, money=2)
        await waits(context, dora, third, "newcomers", DAY_MS)
        await let_pass(context, DAY_MS)
        await dora.take(third)
        await bob.take(second)
        await sweep_until_quiet(context)
        alone = await publisher.won_packet(carol, money=6)  # it never fits
        assert (await carol.claim(alone))["error"] == "payout_held"
        assert (await only(context, "prizes", code=alone))["held_for"] == "newcomer"

    async def test_more_publishers_pay_newcomers_no_more_but_little_never_waits(self, client, context):
        alice, bob, carol, dora, erin = await client.log_in_all(*"abcde")
        for publisher, winner in ((alice, bob), (bob, alice)):  # these two take all of it
            await winner.take(await publisher.won_packet(winner, money=4))
        code = await carol.won_packet(dora, money=2)
        await waits(context, dora, code, "newcomers", DAY_MS)
        await erin.take(await carol.won_packet(erin, money=1))  # so little never waits
        another = await carol.won_packet(erin, money=2)
        await waits(context, erin, another, "newcomers", DAY_MS)  # all that she claimed today counts

    async def test_who_came_long_ago_is_no_newcomer_if_they_dug_elsewhere(self, client, context):
        alice, bob = await grown_up(client, context, "alice", "bob")
        carol = await client.log_in("carol")  # she never dug
        await let_pass(context, WEEK_MS + 1000)
        for winner in (bob, bob, carol):
            await winner.take(await alice.won_packet(winner, money=3))
        await waits(context, carol, await alice.won_packet(carol, money=3), "newcomer", DAY_MS)
        young = [prize["young"] for prize in await find(context, "prizes", person_id=bob.id)]
        assert young == [0, 0]


class TestPublishers:
    ENVIRONMENT: ClassVar = {"CASH_PUBLISHER_DAY": "10"}

    async def test_what_a_publisher_pays_a_day_is_limited_until_they_are_trusted(self, client, context):
        alice, *winners = await grown_up(client, context, "alice", "bob", "carol", "dora")
        bob, carol, dora = winners
        for winner, is_public in ((bob, 0), (carol, 1)):
            await winner.take(await alice.won_packet(winner, money=5, is_public=is_public))
        more = await alice.won_packet(dora, money=1)
        assert "10 元" in await waits(context, dora, more, "publisher", DAY_MS)
        await dora.take(await bob.won_packet(dora, money=5))  # another publisher
        alone = await bob.won_packet(carol, money=11)
        assert (await carol.claim(alone))["error"] == "payout_held"
        assert (await only(context, "prizes", code=alone))["held_for"] == "publisher"
        await operator(client)
        whom = {"code": more, "depth": 0, "reason": "认识的商家"}
        for trusted in (1, 0):
            assert (await client.post("/ops/trust", **whom, trusted=trusted))["status"] == 0
            assert (await client.get("/ops/person", code=more, depth=0))["trusted"] == trusted
            if trusted:
                await bob.take(await alice.won_packet(bob, money=11))
        await waits(context, carol, await alice.won_packet(carol, money=1), "publisher", DAY_MS)
        acts = [each["act"] for each in (await client.get("/ops/log"))["data"]]
        assert acts[:2] == ["distrust", "trust"]

    async def test_an_operator_sees_who_paid_whom(self, client, context):
        alice, bob, carol, dora = await grown_up(client, context, "alice", "bob", "carol", "dora")
        for publisher, winner, yuan in ((alice, bob, 3), (alice, bob, 1), (bob, carol, 2), (dora, carol, 9)):
            code = await publisher.won_packet(winner, money=yuan)
            await winner.take(code)
        first = await find(context, "prizes", person_id=bob.id)
        goods = await alice.won_goods(bob)
        assert (await bob.claim(goods, **ADDRESS))["is_draw"] == 1
        asked = {"code": first[0]["code"], "depth": 1}
        assert (await client.get("/ops/paid", **asked))["error"] == "token_required"
        await operator(client)
        paid = (await client.get("/ops/paid", **asked))["data"]
        seen = [(each["publisher"], each["winner"], each["number"], each["fen"]) for each in paid]
        assert seen == [("alice", "bob", 2, 400), ("bob", "carol", 1, 200)]
        for name in ("publisher", "winner"):
            person = await client.get("/ops/person", key=paid[0][f"{name}_key"])
            assert person["wxname"] == paid[0][name]
        assert not any(each.unionid in str(paid) for each in (alice, bob, carol))
        assert (await client.get("/ops/paid", code=code, depth=2))["error"] == "bad_request"
        await let_pass(context, 30 * DAY_MS)
        assert (await client.get("/ops/paid", **asked))["data"] == []


class TestPatterns:
    ENVIRONMENT: ClassVar = {"CASH_PATTERNS_HELD": "1"}

    async def test_who_wins_one_publishers_again_and_again_is_held(self, context, alice, bob, carol):
        for publisher in (carol, alice, alice, carol):
            await bob.take(await publisher.won_packet(bob, money=1))
        code = await alice.won_packet(bob, money=1)
        assert (await bob.claim(code))["error"] == "payout_held"
        assert (await only(context, "prizes", code=code))["held_for"] == "again"
        await let_pass(context, WEEK_MS)
        assert (await bob.claim(await alice.won_packet(bob, money=1)))["package_info"]
