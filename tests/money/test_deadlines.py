"""A claim's deadline: the same wherever a winner or a publisher looks, before anybody claims."""

from __future__ import annotations

from dataclasses import replace

import pytest

from server.actions.digging.end_task import end_task_as_operator
from server.actions.money.freeze import freeze, release
from support.client import Someone
from support.purse import DAY_MS, find, let_pass, rest, sweep_until_quiet

ENVIRONMENT = {"CLAIM_DAYS": "10"}


async def told(winner: Someone, publisher: Someone, code: str) -> set[int]:
    """Return the deadlines that winner and publisher are told."""
    details = await winner.get("/getTaskDetails", code=code)
    [card] = [card for card in (await winner.get("/getMyPrize"))["data"] if card["code"] == code]
    winners = await publisher.get("/getWinners", code=code)
    return {found["claim_until"] for found in (details, details["data"], card, winners)}


@pytest.mark.parametrize("end", ["by its last prize", "by the operator"])
async def test_winner_and_publisher_are_told_until_when_a_prize_can_be_claimed(
    context, other, elsewhere, end, alice, bob, carol
):
    code = await alice.publish(prize_num=2, forecast_num=2, interval=1, fluctuation=0)
    await bob.win(code)
    there = [replace(each, client=elsewhere) for each in (bob, alice)]
    assert await told(bob, alice, code) == await told(*there, code) == {0}
    if end == "by its last prize":
        await carol.win(code)
    else:
        await end_task_as_operator(context, code, "违规")
    [task] = await find(context, "tasks")
    deadline_ms = task["ended_at"] + 10 * DAY_MS
    watched = other.hub.known.by_code[code]
    while not watched.status:
        assert await other.hub.read_now(watched)
    assert await told(bob, alice, code) == await told(*there, code) == {deadline_ms}
    assert (await bob.claim(code, receiver="王", phone="12345", address="路"))["claim_until"] == deadline_ms


async def test_a_prize_released_after_the_deadline_can_be_claimed_for_three_days_as_all_are_told(
    context, alice, bob
):
    code = await alice.won_packet(bob, prizes=2)
    await freeze(context, "task", code, 0)
    await release(context, "task", code, 0)
    [card] = (await bob.get("/getMyPrize"))["data"]
    assert card["claim_until"] == 0  # the task has not ended
    await end_task_as_operator(context, code, "违规")
    await freeze(context, "task", code, 0)
    await let_pass(context, 11 * DAY_MS)
    await release(context, "task", code, 0)
    [prize] = await find(context, "prizes")
    until_ms = prize["released_at"] + 3 * DAY_MS
    assert await told(bob, alice, code) == {until_ms}
    claimed = await bob.claim(code)
    assert claimed["claim_until"] == until_ms
    await let_pass(context, 2 * DAY_MS)
    await sweep_until_quiet(context)
    assert (await bob.claim(code))["claim_until"] == until_ms - 2 * DAY_MS
    await rest(context)


async def test_a_bill_of_what_was_released_after_the_deadline_is_not_cancelled_before_its_own(
    client, context, alice, bob
):
    code = await alice.won_packet(bob)
    await freeze(context, "task", code, 0)
    await let_pass(context, 11 * DAY_MS)
    await release(context, "task", code, 0)
    package = (await bob.claim(code))["package_info"]
    await let_pass(context, 660_000)  # the task is looked at again
    await sweep_until_quiet(context)
    assert (await client.confirm(package)).endswith(":ok")
    assert [found["state"] for found in await find(context, "prizes")] == ["given"]
