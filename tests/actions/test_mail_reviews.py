"""Goods by mail that could bring in many addresses wait for an operator before anybody sees them."""

import asyncio
from typing import Any
from unittest import mock

import pytest

from server.actions.people.account import ban_person
from server.actions.reviews.review import BANNED
from server.game.amounts import DAY_MS, FOLLOWED_MS
from server.game.review import why_looked_at
from server.store.people.people import Ban
from support.meanwhile import failing
from support.operators import operator
from support.purse import find, let_pass
from support.reviews import CHECKED, settle, state_of
from support.stored import person_of

MOST = 20


@pytest.fixture
def environment(request: Any) -> dict[str, str]:
    return {**getattr(request, "param", {}), "MAIL_REVIEW_PRIZES": str(MOST)}


def goods(**changes: int) -> dict[str, int]:
    return {"goods_type": 2, "draw_type": 2, "prize_num": 2, "forecast_num": 1, "interval": 3} | changes


@pytest.mark.parametrize(
    ("task", "waits"),
    [
        (goods(), False),
        (goods(prize_num=MOST), False),
        (goods(prize_num=MOST + 1), True),
        (goods(interval=2), True),
        (goods(prize_num=1, interval=0, forecast_num=3), False),
        (goods(prize_num=1, interval=0, forecast_num=2), True),
        (goods(prize_num=1000, interval=1, draw_type=1), False),
        (goods(prize_num=1000, interval=1, goods_type=1, draw_type=1), False),
    ],
    ids=str,
)
def test_more_prizes_by_mail_than_the_limit_or_than_one_in_three_levels_wait(task, waits):
    assert bool(why_looked_at(task, [task], MOST)) == waits


@pytest.mark.parametrize(
    "environment", [{}, CHECKED], indirect=True, ids=["nothing is checked", "WeChat checks"]
)
@pytest.mark.parametrize(
    ("asked", "why"),
    [
        ({"prize_num": 1000, "interval": 3, "fluctuation": 1}, "超过 20 份"),
        ({"prize_num": 2, "interval": 1, "fluctuation": 0}, "不到 3 层"),
    ],
)
async def test_a_thousand_prizes_by_mail_wait_for_an_operators_look(client, context, asked, why, alice, bob):
    code = await alice.publish(**asked)
    assert (await bob.dig(code))["error"] == "no_such_task"
    await settle(context)
    mine = await alice.get("/getTaskDetails", code=code)
    assert (mine["review"], why in mine["review_note"]) == ("held", True)
    assert (await bob.get("/getTaskDetails", code=code))["error"] == "no_such_task"
    assert (await bob.dig(code))["error"] == "no_such_task"
    await operator(client)
    [queued] = (await client.get("/ops/reviews"))["data"]
    assert (queued["code"], why in queued["why"]) == (code, True)
    approved = await client.post("/ops/decide", key=queued["key"], shown=1, reason="认识的商家")
    assert approved["status"] == 0
    assert (await bob.dig(code))["status"] == 0
    assert await find(context, "reviews") == []


@pytest.mark.parametrize("environment", [CHECKED], indirect=True)
async def test_what_wechat_doubts_of_a_banned_publisher_is_held_for_all_three_reasons(client, context, alice):
    """One decision covers all three reasons, so the operator has to see all three."""
    await client.misbehave("judge", call="media_check_async", code="review")
    await alice.publish(prize_num=1000, interval=3, fluctuation=1)
    person = await person_of(context, alice)
    await ban_person(context, person, Ban(reason="骗人", at=context.clock.now_ms(), until=0))
    await settle(context)
    [review] = await find(context, "reviews")
    assert review["state"] == "held"
    assert [why in review["why"] for why in ("图片", "超过 20 份", BANNED)] == [True] * 3


@pytest.mark.parametrize("at_once", [False, True])
async def test_a_publishers_prizes_by_mail_are_counted_over_30_days(client, context, at_once, alice):
    each = {"prize_num": MOST // 2, "interval": 3, "fluctuation": 1}

    async def publish(number: int) -> list[str]:
        drafts = [await alice.draft(**each) for _ in range(number)]
        asked = [alice.post("/postTask", **draft) for draft in drafts]
        replies = await asyncio.gather(*asked) if at_once else [await one for one in asked]
        return [reply["code"] for reply in replies]

    async def reviews(codes: list[str]) -> list[str]:
        await settle(context)
        return [(await state_of(context, code)).get("review", "shown") for code in codes]

    assert await reviews(await publish(2)) == ["shown"] * 2
    site = await alice.publish(**each, draw_type=1)
    assert await reviews([site]) == ["shown"]
    assert await reviews(await publish(2)) == ["held"] * 2
    await let_pass(context, 30 * DAY_MS)
    shown = (await reviews(await publish(3))).count("shown")
    assert shown <= 2 if at_once else shown == 2  # each may count those of the same moment
    bob = await client.log_in("bob")
    assert await reviews([await bob.publish(**each)]) == ["shown"]


async def test_a_process_that_dies_before_it_submits_them_leaves_them_held_all_the_same(context, alice):
    dies = mock.patch("server.actions.digging.publish.submit_task", failing(RuntimeError()))
    with dies, pytest.raises(AssertionError):
        await alice.publish(prize_num=MOST + 1, interval=3, fluctuation=1)
    [task] = await find(context, "tasks")
    assert (task["review"], task["open"]) == ("checking", 0)
    await let_pass(context, FOLLOWED_MS)
    await settle(context)
    assert (await state_of(context, task["_id"]))["review"] == "held"
