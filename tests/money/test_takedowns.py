"""A red packet is taken down while its publisher has its payment open: the order is closed."""

from __future__ import annotations

from typing import Any

import pytest

from server.actions.money.pay_in import FIRST_ASK_MS, NOT_BEGUN, settle_order
from server.actions.sweep import sweep
from server.context import Context
from server.game.lifecycle import Move
from server.store.money.orders import Order
from support.client import Client
from support.meanwhile import meanwhile
from support.operators import operator
from support.purse import check_books, find, let_pass, rest, sweep_until_quiet


async def act(client: Client, what: str, **asked: Any) -> None:
    """Do something as an operator."""
    await operator(client)
    reply = await client.post(f"/ops/{what}", reason="违法", **asked)
    assert reply["status"] == 0, reply


async def try_to_pay(client: Client, context: Context, parameters: dict[str, Any]) -> bool:
    """Pay on a payment sheet that was opened earlier; return whether WeChat takes the money."""
    said = await client.wx("pay", **parameters)
    await rest(context)
    return said.endswith(":ok")


async def sweep_twice(context: Context) -> None:
    """Sweep twice without letting time pass in between."""
    for _ in range(2):
        await sweep(context)


async def the_order(context: Context) -> Order:
    [found] = await find(context, "orders")
    return found  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("what", "asked"), [("hide", {"hidden": 1}), ("end", {}), ("ban", {"depth": 0, "days": 0})]
)
async def test_the_order_of_what_is_taken_down_is_closed_at_once(client, context, what, asked, alice):
    code = await alice.publish_packet()
    parameters = await alice.order(code)
    await act(client, what, code=code, **asked)
    await sweep_twice(context)
    assert [found["trade_state"] for found in await find(context, "sandbox_orders")] == ["CLOSED"]
    made = await the_order(context)
    assert (made["state"], "live" in made, "due_at" in made) == ("closed", False, False)
    assert not await try_to_pay(client, context, parameters)
    await check_books(context)


@pytest.mark.parametrize(
    ("down", "up"),
    [
        (("hide", {"hidden": 1}), ("hide", {"hidden": 0})),
        (("ban", {"depth": 0, "days": 0}), ("unban", {"depth": 0})),
    ],
)
async def test_a_task_that_is_shown_again_is_ordered_anew_and_opens(client, context, down, up, alice, bob):
    code = await alice.publish_packet()
    old = await alice.order(code)
    for what, asked in (down, up):
        await act(client, what, code=code, **asked)
        await sweep_twice(context)
    alice = await client.log_in("alice")  # a ban ends her session
    new = await alice.order(code)
    assert new["package"] != old["package"]
    assert not await try_to_pay(client, context, old)
    assert await try_to_pay(client, context, new)
    assert (await bob.dig(code))["is_prize"] == 1
    await check_books(context)


async def test_a_task_shown_again_before_its_order_is_closed_keeps_it(client, context, alice, bob):
    code = await alice.publish_packet()
    old = await alice.order(code)
    await act(client, "hide", code=code, hidden=1)
    await sweep(context)
    made = await the_order(context)
    assert made["due_at"] <= context.clock.now_ms()  # the next sweep would close it
    await act(client, "hide", code=code, hidden=0)
    await sweep(context)
    assert (await alice.order(code))["package"] == old["package"]
    assert await try_to_pay(client, context, old)
    assert (await bob.dig(code))["is_prize"] == 1


async def test_a_payment_that_comes_before_the_close_goes_back_whole_and_opens_nothing(client, context):
    alice, bob = await client.log_in_all("alice", "bob")
    code = await alice.publish_packet()
    parameters = await alice.order(code)
    await act(client, "hide", code=code, hidden=1)
    assert await try_to_pay(client, context, parameters)
    await sweep_twice(context)
    [refund] = await find(context, "refunds")
    assert (refund["kind"], refund["amount_fen"]) == ("whole", 200)
    assert (await the_order(context))["state"] == "unusable"
    [task] = await find(context, "tasks")
    assert (task["open"], task["status"], task["end_note"]) == (0, 1, NOT_BEGUN)
    await act(client, "hide", code=code, hidden=0)
    await sweep_until_quiet(context)
    assert (await bob.dig(code))["error"] == "not_paid"
    assert len(await find(context, "refunds", state="refunded")) == 1
    await check_books(context)


async def test_a_task_shown_again_just_before_its_end_is_opened_by_its_payment(client, context, monkeypatch):
    alice, bob = await client.log_in_all("alice", "bob")
    code = await alice.publish_packet()
    parameters = await alice.order(code)
    await act(client, "hide", code=code, hidden=1)
    moves = context.store.tasks.moves

    async def shown_first(key: str, move: Move) -> bool:
        if move.name == "taken_down":
            await context.store.tasks.set_hidden(code, hidden=False)
        return await moves(key, move)

    monkeypatch.setattr(context.store.tasks, "moves", shown_first)
    assert await try_to_pay(client, context, parameters)
    await sweep_until_quiet(context)
    assert (await bob.dig(code))["is_prize"] == 1
    assert await find(context, "refunds") == []


@pytest.mark.parametrize(
    ("call", "what"), [("query_order", "error_before"), ("close", "error_after"), ("close", "refuse")]
)
async def test_the_act_does_not_wait_for_wechat_and_the_close_is_tried_until_it_is_known(
    client, context, monkeypatch, what, call, alice
):
    code = await alice.publish_packet()
    parameters = await alice.order(code)
    monkeypatch.setattr(context.pay, "_call_seconds", 0.5)
    await client.misbehave(what, call=call)
    await act(client, "hide", code=code, hidden=1)  # succeeds without a call to WeChat
    assert len(await find(context, "sandbox_misbehaviours", left=1)) == 1
    await sweep_twice(context)
    assert (await the_order(context))["state"] == "asked"
    await let_pass(context, 61_000)
    await sweep_twice(context)
    made = await the_order(context)
    assert (made["state"], made["alarm"]) == ("closed", "")
    assert not await try_to_pay(client, context, parameters)
    await check_books(context)


async def test_an_order_that_wechat_does_not_have_yet_is_asked_about_every_minute(client, context, alice):
    code = await alice.publish_packet()
    await client.misbehave("error_before", call="order")
    assert (await alice.post("/payTask", code=code, money=2))["error"] == "outcome_unknown"
    await let_pass(context, 1_800_000)
    await act(client, "hide", code=code, hidden=1)
    await sweep_twice(context)
    made = await the_order(context)
    assert made["state"] == "asked"
    assert made["due_at"] <= context.clock.now_ms() + FIRST_ASK_MS


async def test_a_payment_is_not_handed_out_for_what_is_taken_down_while_it_is_ordered(
    client, context, monkeypatch, alice
):
    code = await alice.publish_packet()

    async def take_down() -> None:
        await act(client, "hide", code=code, hidden=1)
        await sweep_twice(context)  # the sweeps find no order to close

    meanwhile(monkeypatch, context.store.orders, "insert", before=take_down)
    refused = await alice.post("/payTask", code=code, money=2)
    assert (refused["error"], "下架" in refused["msg"]) == ("no_such_task", True)
    await let_pass(context, 61_000)
    await sweep(context)
    assert (await the_order(context))["state"] == "closed"


async def test_a_look_that_began_before_the_takedown_does_not_put_off_the_close(client, context, monkeypatch):
    alice = await client.log_in("alice")
    code = await alice.publish_packet()
    await alice.order(code)

    async def take_down() -> None:
        await act(client, "hide", code=code, hidden=1)
        await sweep(context)

    with monkeypatch.context() as patch:
        meanwhile(patch, context.pay, "query_order", after=take_down)
        await settle_order(context, await the_order(context))
    await sweep_twice(context)
    assert (await the_order(context))["state"] == "closed"


async def test_a_task_that_reports_hide_may_be_paid_since_no_operator_has_decided(client, context, alice):
    code = await alice.publish_packet()
    parameters = await alice.order(code)
    assert await context.store.tasks.hide_reported(code, 0, "有多人举报")
    await sweep_until_quiet(context)
    assert await try_to_pay(client, context, parameters)
    assert (await the_order(context))["state"] == "spent"
