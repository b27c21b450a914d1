"""What an operator froze: nobody gets it, whatever happens at the same moment, until it is released."""

from functools import partial
from typing import Any

import pytest

from server.actions.people.erase import CannotErase, erase
from server.actions.prizes import freeze as freezing
from server.cash import seam
from server.cash.context import CashContext
from server.context import Context
from server.errors import BadRequest
from server.game.prize import released_alone
from server.store.prizes.freezes import Freezes
from server.store.prizes.prizes import Prize, Prizes
from support.client import ADDRESS, Client, Someone
from support.meanwhile import failing, meanwhile
from support.operators import decide, operator
from support.purse import DAY_MS, find, only, rest, sweep_until_quiet


async def check_not_paid(context: Context, winner: Someone, code: str) -> None:
    """Assert that the only prize, which is frozen, stays frozen whatever its winner and the sweeps do."""
    for _ in range(2):
        reply = await winner.claim(code)
        assert (reply["error"], "package_info" in reply) == ("payout_held", False)
        await sweep_until_quiet(context)
        assert (await only(context, "prizes"))["state"] == "frozen"


@pytest.mark.parametrize("looks_again", [True, False])
async def test_a_freeze_while_another_is_released_holds(context, monkeypatch, looks_again, alice, bob):
    code = await alice.won_packet(bob)
    await freezing.freeze(context, "person", code, 1)

    async def freeze_again() -> None:
        await freezing.freeze(context, "task", code, 0)

    meanwhile(monkeypatch, Freezes, "frozen", after=freeze_again, once=True)
    if not looks_again:  # the process died before it could look again
        meanwhile(monkeypatch, Prizes, "move", after=failing(RuntimeError()), once=True)
    try:
        await freezing.release(context, "person", code, 1)
    except RuntimeError:
        assert not looks_again
    assert (await only(context, "prizes"))["state"] == ("frozen" if looks_again else "won")
    await check_not_paid(context, bob, code)
    assert [found["what"] for found in await find(context, "freezes")] == ["task"]


async def test_of_a_release_and_a_return_at_once_one_is_not_done(context, monkeypatch, alice, bob):
    code = await alice.won_packet(bob)
    await freezing.freeze(context, "prize", code, 1)

    async def release() -> None:
        await freezing.release(context, "prize", code, 1)

    meanwhile(monkeypatch, Prizes, "of_scope", after=release, once=True)
    with pytest.raises(BadRequest, match="别人刚刚放行了"):
        await freezing.give_back(context, "prize", code, 1)
    assert (await only(context, "prizes"))["state"] == "won"
    assert await find(context, "freezes") == []


@pytest.mark.changes_ledger
async def test_a_freeze_cancels_a_few_bills_at_a_time_and_all_of_them(context, monkeypatch, alice, bob):
    await alice.won_packet(bob)
    prize = await only(context, "prizes")
    others = [{"_id": f"{prize['code']}:{n}", "depth": n, "person_id": f"{n}"} for n in range(2, 99)]
    many = [prize | {"state": "claiming"} | other for other in others]
    await context.store.database["prizes"].insert_many(many)
    under_way = 0
    most = 0
    retracted = []

    async def cancel_bill(_: CashContext, prize: Prize) -> None:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await context.store.now_ms()  # a wait in place of the call to WeChat
        retracted.append(prize["_id"])
        under_way -= 1

    monkeypatch.setattr(seam, "cancel_bill", cancel_bill)
    await freezing.freeze(context, "task", prize["code"], 0)
    await rest(context)
    assert sorted(retracted) == sorted(each["_id"] for each in many)
    assert 1 < most <= 10


PARCEL = {"depth": 1, "carrier": "顺丰", "number": "SF1234567890"}
ON_SITE = 1
BY_MAIL = 2


async def refused_all(client: Client, context: Context, code: str, draw_type: int, *said: str) -> None:
    """Assert that the winner cannot claim, and that the publisher cannot hand over, for these reasons."""
    refused = await claim(client.people["bob"], code)
    assert (refused["error"] in ("payout_held", "claim_over"), said[0] in refused["msg"]) == (True, True)
    refused = await hand_over(client, context, code, draw_type)
    assert (refused["status"], said[-1] in refused["msg"]) == (1, True)


@pytest.mark.parametrize(
    ("draw_type", "what", "depth", "before"),
    [(ON_SITE, "prize", 1, "claiming"), (BY_MAIL, "task", 0, "given")],
)
async def test_frozen_goods_go_to_nobody_until_released(client, context, draw_type, what, depth, before):
    code = await won(client, draw_type, claimed=True)
    alice = client.people["alice"]
    bob = client.people["bob"]
    prize = await only(context, "prizes", code=code)
    assert prize["state"] == before
    assert (await decide(client, "freeze", code, what, depth))["status"] == 0
    await refused_all(client, context, code, draw_type, "奖品被平台冻结", "冻结")
    await sweep_until_quiet(context, 40 * DAY_MS)  # a frozen prize does not expire
    details = await bob.get("/getTaskDetails", code=code)
    assert (details["prize_state"], details["is_draw"]) == ("frozen", 0)
    [row] = (await client.get("/ops/payouts"))["data"]
    assert (row["code"], row["state"], row["amount_fen"]) == (code, "frozen", 0)
    assert (await client.get("/ops/task", code=code))["money"]["prizes"] == {"frozen": 1}
    assert (await alice.get("/getStatement", code=code))["prizes_given"] == 0

    assert (await decide(client, "release", code, what, depth))["status"] == 0
    assert (await only(context, "prizes"))["state"] == before
    listed = await client.get("/ops/payouts")
    assert (listed["data"], listed["frozen"]) == ([], [])
    await decide(client, "freeze", code)
    assert (await decide(client, "return", code, "prize", 1))["status"] == 0
    prize = await only(context, "prizes", code=code)
    assert (prize["state"], "address_box" in prize) == ("returned", False)
    assert prize.get("address_deleted", 0) == int(draw_type == BY_MAIL)
    await refused_all(client, context, code, draw_type, "平台退回", "平台退给你")
    [row] = (await alice.get("/getWinners", code=code))["data"]
    assert (row["state"], row["address"]) == ("returned", "")


async def won(client: Client, draw_type: int, *, claimed: bool) -> str:
    """Return the code of alice's goods that bob won; log the client in as an operator."""
    alice, bob = await client.log_in_all("alice", "bob")
    code = await alice.won_goods(bob, draw_type=draw_type)
    if claimed:
        assert (await claim(bob, code))["status"] == 0
    await operator(client)
    return code


async def claim(winner: Someone, code: str) -> dict[str, Any]:
    return await winner.claim(code, **ADDRESS)


async def hand_over(client: Client, context: Context, code: str, draw_type: int) -> dict[str, Any]:
    """Let the publisher send the goods, or hand them over in exchange for the winner's code."""
    alice = client.people["alice"]
    if draw_type == BY_MAIL:
        return await alice.post("/shipPrize", code=code, **PARCEL)
    prize: Any = await only(context, "prizes", code=code)
    pickup = "000000"
    if "pickup" in prize:
        pickup = context.keys.open("pickup", prize["pickup"], prize["_id"]).decode()
    return await alice.post("/confirmDraw", code=code, pickup=pickup)


async def test_operators_read_why_they_were_frozen_and_players_do_not(client, context):
    code = await won(client, BY_MAIL, claimed=True)
    alice = client.people["alice"]
    bob = client.people["bob"]
    for what, depth, reason in (
        ("task", 0, "像是骗局"),
        ("person", 1, "用脚本挖到的"),
        ("person", 0, "像是骗局"),
        ("prize", 1, "看错了"),
        ("prize", 1, "再看一次"),
    ):
        assert (await decide(client, "freeze", code, what, depth, reason))["status"] == 0
    listed = await client.get("/ops/payouts")
    assert [row["frozen_for"] for row in listed["data"]] == [["像是骗局", "再看一次", "用脚本挖到的"]]
    frozen = {(row["what"], row["depth"]): row["reason"] for row in listed["frozen"]}
    assert frozen.keys() == {("task", 0), ("person", 1), ("person", 0), ("prize", 1)}
    told = [await bob.get("/getTaskDetails", code=code), await claim(bob, code)]
    told += [await alice.get("/getWinners", code=code), await hand_over(client, context, code, BY_MAIL)]
    assert not [reason for reason in frozen.values() if reason in str(told)]
    assert (await decide(client, "release", code, "person", 1))["status"] == 0
    [row] = (await client.get("/ops/payouts"))["data"]
    assert row["frozen_for"] == ["像是骗局", "再看一次"]
    with pytest.raises(CannotErase, match=f"{code}:1 is frozen"):  # nobody is forgotten before the decision
        await erase(context.store, bob.id)


async def test_a_freeze_that_passed_goods_by_is_seen_when_they_are_handed_over(client, context):
    code = await won(client, ON_SITE, claimed=True)
    await freezing.freeze(context, "person", code, 1)
    # Another process was releasing the treasure when the person was frozen, and died before it looked again.
    await context.store.prizes.move(f"{code}:1", released_alone(context.clock.now_ms()))
    refused = await hand_over(client, context, code, ON_SITE)
    assert refused["error"] in ("not_shippable", "payout_held")
    assert "冻结" in refused["msg"]
    assert (await only(context, "prizes", code=code))["state"] == "frozen"


@pytest.mark.parametrize("draw_type", [ON_SITE, BY_MAIL])
async def test_a_freeze_that_comes_while_they_are_claimed_stops_them(client, context, monkeypatch, draw_type):
    code = await won(client, draw_type, claimed=False)
    freeze = partial(freezing.freeze, context, "task", code, 0)
    meanwhile(monkeypatch, Freezes, "frozen", after=freeze, once=True)
    assert (await claim(client.people["bob"], code))["error"] == "payout_held"
    assert (await hand_over(client, context, code, draw_type))["status"] != 0
    assert (await only(context, "prizes", code=code))["state"] == "frozen"


async def test_an_address_is_kept_while_its_goods_are_frozen_and_90_days_after(client, context):
    code = await won(client, BY_MAIL, claimed=True)
    await decide(client, "freeze", code)
    kept = []
    for days in (91, 89, 2):
        await sweep_until_quiet(context, days * DAY_MS)
        kept.append("address_box" in await only(context, "prizes", code=code))
        await decide(client, "release", code)
    assert kept == [True, True, False]
    assert (await only(context, "prizes", code=code))["state"] == "given"
