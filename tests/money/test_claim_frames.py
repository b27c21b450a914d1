"""The frame `claim`: only a prize's winner and publisher hear that the claim reached its next state."""

from __future__ import annotations

from typing import Any

from support.operators import operator
from support.purse import rest

ADDRESS = {"receiver": "王小红", "phone": "13800001111", "address": "杭州市西湖区文三路 90 号"}


ENVIRONMENT = {"CASH_WON_DAY_YUAN": "1"}


async def told(page: Any) -> list[int]:
    """Return the depths of all claims that a page heard of, up to the next dig."""
    await page.until("cd")
    return [frame["depth"] for frame in page.frames if frame["type"] == "claim"]


async def test_only_winner_and_publisher_hear_of_goods_by_mail_in_any_process(
    open_page, other_port, alice, bob, carol, dave
):
    code = await alice.publish(prize_num=3, forecast_num=3, interval=1, fluctuation=0, cd=0)
    for winner in (bob, carol):
        await winner.win(code)
    pages = [await open_page(who, code, port=other_port) for who in (alice, bob, carol)]
    for page in pages:
        await page.until("snapshot")
    await bob.claim(code, **ADDRESS)
    await bob.claim(code)  # this changes nothing
    await alice.post("/shipPrize", code=code, depth=1, carrier="顺丰", number="SF12345678")
    await alice.post("/shipPrize", code=code, depth=1, carrier="顺丰", number="SF12345679")
    for _ in range(2):
        await bob.post("/receivePrize", code=code)
    await carol.claim(code, **ADDRESS)
    await dave.win(code)
    assert [await told(page) for page in pages] == [[1, 1, 1, 1, 2], [1, 1, 1, 1], [2]]


async def test_goods_on_site_are_told_when_asked_for_and_when_handed_over(open_page, alice, bob, carol):
    code = await alice.publish(prize_num=2, forecast_num=2, interval=1, fluctuation=0, cd=0, draw_type=1)
    await bob.win(code)
    page = await open_page(bob, code)
    await page.until("snapshot")
    pickup = (await bob.claim(code))["pickup"]
    for _ in range(2):
        await alice.post("/confirmDraw", code=code, pickup=pickup)
    await carol.win(code)
    assert await told(page) == [1, 1]


async def test_a_red_packet_is_told_when_it_is_held_released_and_paid(client, context, open_page, alice, bob):
    await operator(client)
    code = await alice.won_packet(bob, prizes=2, money=2)
    page = await open_page(bob, code)
    await page.until("snapshot")
    steps = []

    async def step() -> None:
        frame = await page.until("claim")
        steps.append((frame["depth"], (await bob.get("/getTaskDetails", code=code))["prize_state"]))

    assert (await bob.claim(code))["error"] == "payout_held"
    await step()
    released = await client.post("/ops/release", what="prize", code=code, depth=1, reason="没有问题")
    assert released["status"] == 0, released
    await step()
    claimed = await bob.claim(code)
    await step()
    await client.confirm(claimed["package_info"])
    await rest(context)
    await step()
    assert steps == [(1, "held"), (1, "won"), (1, "claiming"), (1, "given")]
