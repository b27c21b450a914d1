"""The deadline of a claim: wherever a winner or a publisher looks, before anybody claims."""

from __future__ import annotations

import httpx
import pytest

from server.actions.end_task import end_task_as_operator
from server.context import Context
from support.client import Client, Someone
from support.purse import DAY_MS, find, win


@pytest.fixture
def environment() -> dict[str, str]:
    return {"CLAIM_DAYS": "10"}


async def told(winner: Someone, publisher: Someone, code: str) -> set[int]:
    """Return the deadlines that they are told."""
    details = await winner.get("/getTaskDetails", code=code)
    [card] = [card for card in (await winner.get("/getMyPrize"))["data"] if card["code"] == code]
    winners = await publisher.get("/getWinners", code=code)
    return {found["claim_until"] for found in (details, details["data"], card, winners)}


@pytest.mark.parametrize("end", ["by its last prize", "by the operator"])
@pytest.mark.gen_test
async def test_winner_and_publisher_are_told_until_when_a_prize_can_be_claimed(
    client: Client, context: Context, other: Context, other_port: int, end: str
) -> None:
    alice, bob, carol = await client.log_in_all("alice", "bob", "carol")
    code = await alice.publish(prize_num=2, forecast_num=2, interval=1, fluctuation=0)
    await win(client, context, bob, code)
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{other_port}") as http:
        elsewhere = [Someone(Client(http), each.unionid, each.token, {}) for each in (bob, alice)]
        assert await told(bob, alice, code) == await told(*elsewhere, code) == {0}
        if end == "by its last prize":
            await win(client, context, carol, code)
        else:
            await end_task_as_operator(context, code, "违规")
        [task] = await find(context, "tasks")
        deadline_ms = task["ended_at"] + 10 * DAY_MS
        watched = other.hub.known.by_code[code]
        while not watched.status:
            assert await other.hub.read_now(watched)
        assert await told(bob, alice, code) == await told(*elsewhere, code) == {deadline_ms}
    assert (await bob.post("/drawPrize", code=code, receiver="王", phone="12345", address="路"))[
        "claim_until"
    ] == deadline_ms
