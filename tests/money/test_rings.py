"""Daily limits on payouts to newcomers, from private treasures and within rings. Payouts above them wait or
are held."""

import asyncio
from typing import Any, ClassVar

import pytest

from server.actions.money.rings import ring_of
from server.context import Context
from server.store.money.freezes import Freeze, freeze_key
from server.store.money.prizes import Prizes
from support.client import Client, Someone
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
    ENVIRONMENT: ClassVar = {"CASH_LEAST_CD_SECONDS": "3", "CASH_LEAST_GAP": "2"}

    async def test_red_packets_cannot_be_dug_faster_than_others_can_come(self, alice):
        asked: dict[str, Any] = {"goods_type": 1, "name": "一个红包", "money": 1, "forecast_num": 20, "cd": 3}
        several = {"prize_num": 3, "interval": 3}
        for rules, param, named in (
            ({"prize_num": 1, "cd": 2}, "cd", "3"),
            ({"prize_num": 1, "cd": 0}, "cd", "3"),
            ({**several, "fluctuation": 2}, "fluctuation", "2"),
        ):
            refused = await alice.post("/postTask", **(asked | rules))
            assert (refused["error"], refused["param"]) == ("bad_request", param)
            assert named in refused["msg"]
        for rules in ({"prize_num": 1}, {**several, "fluctuation": 1}):
            assert (await alice.post("/postTask", **(asked | rules)))["status"] == 0
        assert await alice.publish(cd=0)  # goods need no cooldown


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
        meanwhile(monkeypatch, Prizes, "under_limit", before=both.wait, after=both.wait)
        replies = await asyncio.gather(bob.claim(codes[0]), carol.claim(codes[1]))
        assert [reply.get("error") for reply in replies] == ["payout_waits"] * 2
        monkeypatch.undo()
        await let_pass(context, 61_000)  # they wait a minute and not a day, since neither was paid
        assert (await bob.claim(codes[0]))["package_info"]
        assert (await carol.claim(codes[1]))["error"] == "payout_waits"


class TestNewcomers:
    ENVIRONMENT: ClassVar = {
        "CASH_NEWCOMER_DAY_YUAN": "5",
        "CASH_YOUNG_DAY_YUAN": "8",
        "CASH_RING_DAY_YUAN": "6",
        "TRUSTED_PROXIES": "127.0.0.1",  # no header forwards an address, so people have none
    }

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

    async def test_what_newcomers_pay_newcomers_counts_as_one_ring(self, client, context):
        alice, bob, carol, dora = await client.log_in_all("alice", "bob", "carol", "dora")
        await bob.take(await alice.won_packet(bob, money=4))
        await waits(context, dora, await carol.won_packet(dora, money=3), "among_newcomers", DAY_MS)
        (old,) = await grown_up(client, context, "old")
        erin = await client.log_in("erin")
        assert (await erin.claim(await old.won_packet(erin, money=4)))["package_info"]

    async def test_a_single_prize_above_the_limit_is_held_for_the_operator(self, context, alice, bob):
        code = await alice.won_packet(bob, money=6)
        assert (await bob.claim(code))["error"] == "payout_held"
        [prize] = await find(context, "prizes", code=code)
        assert prize["held_for"] == "newcomer"

    async def test_who_came_long_ago_and_dug_elsewhere_is_no_newcomer(self, client, context):
        alice, bob = await grown_up(client, context, "alice", "bob")
        for _ in range(2):
            await bob.take(await alice.won_packet(bob, money=3))
        assert [prize["young"] for prize in await find(context, "prizes")] == [0, 0]

    async def test_who_came_long_ago_and_never_dug_is_a_newcomer_too(self, context, alice, bob):
        await let_pass(context, WEEK_MS + 1000)
        first = await alice.won_packet(bob, money=3)
        await bob.take(first)
        await waits(context, bob, await alice.won_packet(bob, money=3), "newcomer", DAY_MS)


class TestRings:
    ENVIRONMENT: ClassVar = {"CASH_RING_DAY_YUAN": "10", "TRUSTED_PROXIES": "127.0.0.1"}

    async def test_payouts_within_a_ring_are_held_above_a_limit_and_a_stranger_is_paid(
        self, client, context
    ):
        people = await grown_up(client, context, "alice", "bob", "carol", "dora", "erin")
        alice, bob, carol, dora, stranger = people
        for publisher, winner in ((alice, bob), (bob, alice), (bob, carol), (carol, bob)):
            await winner.take(await publisher.won_packet(winner, money=2))
        ring = await ring_of(context, carol.id)
        assert ring.people == {each.id for each in (alice, bob, carol)}
        held = await alice.won_packet(carol, money=3)  # 8 yuan have been paid already
        assert (await carol.claim(held))["error"] == "payout_held"
        [prize] = await find(context, "prizes", code=held)
        assert (prize["state"], prize["held_for"]) == ("held", "ring")
        # The limit is for payouts within the ring: not for a stranger, nor for a member who wins elsewhere.
        await stranger.take(await alice.won_packet(stranger, money=50))
        await bob.take(await dora.won_packet(bob, money=50))

    async def test_who_dug_only_in_the_ring_of_a_publisher_is_a_newcomer_there(self, client, context):
        alice, bob, carol = await client.log_in_all("alice", "bob", "carol")
        await let_pass(context, WEEK_MS + 1000)
        for publisher, winner in ((alice, bob), (bob, alice), (bob, carol), (carol, bob)):
            await winner.take(await publisher.won_packet(winner, money=1))
        stranger = await client.log_in("a stranger")
        last = await alice.won_packet(bob, money=1)
        await bob.take(last)
        assert [prize["young"] for prize in await find(context, "prizes", code=last)] == [1]
        await bob.dig(await stranger.publish())
        last = await alice.won_packet(bob, money=1)
        await bob.take(last)
        assert [prize["young"] for prize in await find(context, "prizes", code=last)] == [0]

    @pytest.mark.parametrize(("act", "state"), [("release", "won"), ("return", "expiring")])
    async def test_an_operator_sees_what_ties_a_ring_and_decides_for_all_at_once(
        self, client, context, act, state
    ):
        alice, bob, carol, dora = await grown_up(client, context, "alice", "bob", "carol", "dora")
        for publisher, winner in ((alice, bob), (bob, alice), (bob, carol), (carol, bob)):
            await winner.take(await publisher.won_packet(winner, money=2))
        codes = [await alice.won_packet(winner, money=5) for winner in (bob, carol)]
        for winner, code in zip((bob, carol), codes, strict=True):
            assert (await winner.claim(code))["error"] == "payout_held"
        await dora.take(await alice.won_packet(dora, money=20))
        asked = {"code": codes[0], "depth": 1}
        assert (await client.get("/ops/ring", **asked))["error"] == "token_required"
        await operator(client)
        ring = await client.get("/ops/ring", **asked)
        assert sorted(each["wxname"] for each in ring["people"]) == ["alice", "bob", "carol"]
        numbers = {each["wxname"]: each["number"] for each in ring["people"]}
        pairs = {frozenset((link["one"], link["other"])) for link in ring["links"]}
        assert pairs == {frozenset((numbers["bob"], numbers[other])) for other in ("alice", "carol")} | (
            {frozenset((numbers["alice"], numbers["carol"]))} & pairs
        )
        assert {(each["code"], each["amount_fen"]) for each in ring["held"]} == {(c, 500) for c in codes}
        assert not any(each.id in str(ring) for each in (alice, bob, carol))
        await let_pass(context, 1000)
        later = await bob.won_packet(alice, money=6)
        assert (await alice.claim(later))["error"] == "payout_held"
        asked["seen_at"] = ring["at"]
        assert (await client.post(f"/ops/{act}Ring", **asked, reason="看过了"))["status"] == 0
        found = {each["_id"]: each for each in await find(context, "prizes")}
        assert [found[f"{code}:1"]["state"] for code in codes] == [state] * 2
        assert found[f"{later}:1"]["state"] == "held", "nobody has seen it"
        acts = [(each["act"], each["outcome"]) for each in (await client.get("/ops/log"))["data"]]
        assert acts.count((f"{act}_prize", "done")) == 2
        assert (await client.post(f"/ops/{act}Ring", **asked, reason="再来"))["error"] == "bad_request"
        await sweep_until_quiet(context)

    async def test_a_prize_frozen_meanwhile_does_not_stop_the_release_of_the_others(self, client, context):
        alice, bob, carol = await grown_up(client, context, "alice", "bob", "carol")
        for publisher, winner in ((alice, bob), (bob, alice), (bob, carol), (carol, bob)):
            await winner.take(await publisher.won_packet(winner, money=2))
        for winner in (bob, carol):
            code = await alice.won_packet(winner, money=5)
            assert (await winner.claim(code))["error"] == "payout_held"
        held = await find(context, "prizes", state="held")
        first, second = (prize["code"] for prize in held)
        # As after a process that died before it froze a prize.
        now_ms = context.clock.now_ms()
        left = {"what": "task", "of": first, "code": first, "depth": 0, "state": "frozen", "at": now_ms}
        await context.store.freezes.put(Freeze(_id=freeze_key("task", first), reason="", **left))
        await operator(client)
        asked = {"code": first, "depth": 1, "seen_at": now_ms, "reason": "看过了"}
        told = await client.post("/ops/releaseRing", **asked)
        assert (told["error"], "冻结" in told["msg"]) == ("bad_request", True)
        states = {prize["code"]: prize["state"] for prize in await find(context, "prizes")}
        assert (states[first], states[second]) == ("held", "won")

    async def test_a_flood_of_small_wins_pushes_no_evidence_out(self, client, context, monkeypatch):
        monkeypatch.setattr("server.actions.money.rings.ROWS", 3)
        alice, bob, *others = await grown_up(client, context, "alice", "bob", "carol", "dora", "erin")
        for publisher, winner in ((alice, bob), (bob, alice)):
            await winner.take(await publisher.won_packet(winner, money=4))
        for other in others:
            await other.take(await alice.won_packet(other, money=1))
        assert bob.id in (await ring_of(context, alice.id)).people


class TestOneAddress:
    ENVIRONMENT: ClassVar = {"CASH_RING_DAY_YUAN": "10"}

    async def test_a_win_at_the_address_of_its_publisher_ties_unless_it_is_a_campus(
        self, client, context, monkeypatch
    ):
        alice, bob = await grown_up(client, context, "alice", "bob")
        code = await alice.won_packet(bob, money=11)
        assert (await bob.claim(code))["error"] == "payout_held"
        assert (await only(context, "prizes", code=code))["held_for"] == "ring"
        seen = await find(context, "places")
        assert all("127.0.0.1" not in str(place) for place in seen)
        monkeypatch.setattr("server.actions.money.rings.NEIGHBOURS", 1)
        assert (await ring_of(context, alice.id)).people == {alice.id}
        monkeypatch.undo()
        await let_pass(context, 31 * DAY_MS)
        assert (await ring_of(context, alice.id)).people == {alice.id}


class TestPatterns:
    ENVIRONMENT: ClassVar = {"CASH_PATTERNS_HELD": "1"}

    async def test_who_wins_one_publishers_again_and_again_is_held(self, context, alice, bob):
        for _ in range(2):
            await bob.take(await alice.won_packet(bob, money=1))
        code = await alice.won_packet(bob, money=1)
        assert (await bob.claim(code))["error"] == "payout_held"
        assert (await only(context, "prizes", code=code))["held_for"] == "again"
        await let_pass(context, WEEK_MS)
        assert (await bob.claim(await alice.won_packet(bob, money=1)))["package_info"]
