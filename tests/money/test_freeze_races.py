"""Freezes at the same moment as other events: no frozen prize is paid."""

from __future__ import annotations

from typing import Any

import pytest
from motor.motor_asyncio import AsyncIOMotorCollection

from server.actions.digging import win as winning
from server.actions.digging.dig import settle_pending
from server.actions.money import freeze as freezing
from server.context import Context
from server.game.prize import freed
from server.store.money.freezes import Freezes
from server.store.money.prizes import Prize, Prizes
from support.client import Someone
from support.meanwhile import failing, meanwhile
from support.purse import find, rest, sweep_until_quiet


async def the_prize(context: Context) -> dict[str, Any]:
    [prize] = await find(context, "prizes")
    return prize


async def check_not_paid(context: Context, winner: Someone, code: str) -> None:
    """Assert that the only prize, which is frozen, stays frozen whatever its winner and the sweeps do."""
    for _ in range(2):
        reply = await winner.claim(code)
        assert (reply["error"], "package_info" in reply) == ("payout_held", False)
        await sweep_until_quiet(context)
        assert (await the_prize(context))["state"] == "frozen"


async def test_a_bill_that_fails_while_its_treasure_is_frozen_frees_nothing(context, monkeypatch, alice, bob):
    code = await alice.won_packet(bob)
    assert (await bob.claim(code))["package_info"]

    async def fail() -> None:
        await context.store.prizes.move(f"{code}:1", freed(1, "won", lost=False))

    meanwhile(monkeypatch, AsyncIOMotorCollection, "update_many", after=fail, once=True)
    await freezing.freeze(context, "task", code, 0)
    await rest(context)
    assert (await the_prize(context))["state"] == "frozen"
    await check_not_paid(context, bob, code)


@pytest.mark.parametrize("payout_limits", [{}, {"CASH_PAIR_WEEK_YUAN": "1000"}])
async def test_a_prize_that_a_dead_process_left_free_is_not_paid_if_it_is_frozen(
    client, context, monkeypatch, payout_limits
):
    del payout_limits  # only the settings take it, see below
    alice, bob = await client.log_in_all("alice", "bob")
    code = await alice.paid_packet()
    await freezing.freeze(context, "task", code, 0)
    with monkeypatch.context() as dead:
        dead.setitem(winning.EFFECTS, "freezes", failing(RuntimeError("the process is gone")))
        await bob.win(code)
        await settle_pending(context)
    assert (await the_prize(context))["state"] == "won"
    await check_not_paid(context, bob, code)
    assert await find(context, "bills") == []


@pytest.fixture
def environment(request: pytest.FixtureRequest) -> dict[str, str]:
    """Payout limits, where a test names them."""
    call = getattr(request.node, "callspec", None)
    return dict(call.params.get("payout_limits", {})) if call is not None else {}


@pytest.mark.parametrize("looks_again", [True, False])
async def test_a_freeze_that_comes_while_another_is_released_holds(client, context, monkeypatch, looks_again):
    alice, bob = await client.log_in_all("alice", "bob")
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
    assert (await the_prize(context))["state"] == ("frozen" if looks_again else "won")
    await check_not_paid(context, bob, code)
    assert [found["what"] for found in await find(context, "freezes")] == ["task"]


async def test_a_freeze_cancels_a_few_bills_at_a_time_and_all_of_them(context, monkeypatch, alice, bob):
    await alice.won_packet(bob)
    prize = await the_prize(context)
    many = [
        prize
        | {"_id": f"{prize['code']}:{depth}", "depth": depth, "unionid": f"{depth}", "state": "claiming"}
        for depth in range(2, 99)
    ]
    await context.store.database["prizes"].insert_many(many)
    under_way, most, retracted = 0, 0, []

    async def retract(_: Context, prize: Prize) -> None:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await context.store.now_ms()  # it waits as long as for WeChat
        retracted.append(prize["_id"])
        under_way -= 1

    monkeypatch.setattr(freezing, "retract", retract)
    await freezing.freeze(context, "task", prize["code"], 0)
    await rest(context)
    assert sorted(retracted) == sorted(each["_id"] for each in many)
    assert 1 < most <= 10
