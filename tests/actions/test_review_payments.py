"""Orders for a treasure that is still being checked: a payment does not open it."""

from __future__ import annotations

from typing import Any

from server.actions.operate import decide_review, hide_task
from server.actions.sweep import sweep
from server.context import Context
from server.store.audit_log import Actor
from support.purse import check_books, find
from support.reviews import CHECKED, settle, state_of

ME = Actor("小林", shared=False)


ENVIRONMENT = CHECKED


async def states(context: Context, collection: str, field: str = "state") -> list[Any]:
    return [found[field] for found in await find(context, collection)]


async def test_the_order_of_what_a_check_refuses_is_closed(client, context, alice):
    code = await alice.publish_packet(name="违规")
    parameters = await alice.order(code)
    await settle(context)
    assert (await state_of(context, code))["review"] == "refused"
    assert await states(context, "sandbox_orders", "trade_state") == ["CLOSED"]
    assert "fail" in await client.wx("pay", **parameters)
    await check_books(context)


async def test_the_order_of_what_an_operator_refuses_is_closed_at_once(context, alice):
    code = await alice.publish_packet(name="存疑")
    await alice.order(code)
    await settle(context)
    assert await states(context, "orders") == ["asked"]
    await decide_review(context, ME, f"task:{code}", "不合适", shown=False)
    for _ in range(2):
        await sweep(context)
    assert await states(context, "orders") == ["closed"]
    assert await states(context, "sandbox_orders", "trade_state") == ["CLOSED"]


async def test_a_task_taken_down_while_it_is_checked_is_not_ordered(context, alice):
    code = await alice.publish_packet()
    old = await alice.order(code)
    await hide_task(context, ME, code, "骗人", hidden=True)
    for _ in range(2):
        await sweep(context)
    assert await states(context, "orders") == ["closed"]
    assert (await state_of(context, code))["review"] == "checking"
    refused = await alice.post("/payTask", code=code, money=2)
    assert (refused["error"], "下架" in refused["msg"]) == ("no_such_task", True)
    await hide_task(context, ME, code, "看错了", hidden=False)
    assert (await alice.order(code))["package"] != old["package"]


async def test_money_paid_during_a_check_goes_back_if_the_task_passes_but_is_taken_down(context, alice):
    code = await alice.paid_packet()
    await hide_task(context, ME, code, "骗人", hidden=True)
    await sweep(context)
    assert await states(context, "orders") == ["paid"]
    await settle(context)
    task = await state_of(context, code)
    assert (task["review"], task["open"], task["status"]) == ("shown", 0, 1)
    assert await states(context, "orders") == ["unusable"]
    assert await states(context, "refunds") == ["refunded"]
    await check_books(context)
