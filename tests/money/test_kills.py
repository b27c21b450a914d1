"""A process dies between any two steps: the next sweep of another leaves nothing half done, no fen lost."""

from __future__ import annotations

from collections import Counter

import pytest

from server.context import Context
from support.client import Client
from support.invariants import check_nothing_is_half_done
from support.kills import leftovers, play
from support.purse import put_back, sweep_until_quiet
from support.scenarios import SCENARIOS

# How an order is closed.
CLOSED = ("orders.lease_due", "pay.query_order", "pay.close_order", "pay.query_order", "orders.closed")
# The steps of each scenario, in order.
STEPS = {
    "a payment is ordered": ["orders.insert", "pay.create_order", "orders.prepaid"],
    "a payment is heard of": [
        "orders.asking",
        "pay.query_order",
        "orders.paid",
        "tasks.open_paid",
        "ledger.enter_all",
        "orders.spent",
    ],
    "a payment that came too late is heard of": [
        "orders.lease_due",
        "pay.query_order",
        "orders.paid",
        "tasks.open_paid",
        "ledger.enter_all",
        "refunds.insert",
        "orders.unusable",
        "tasks.lease_due",
        "tasks.finish",
        "refunds.lease_due",
        "orders.refunding",
        "pay.refund",
        "refunds.processing",
    ],
    "a payment by a credit card is heard of": [
        "orders.lease_due",
        "pay.query_order",
        "orders.paid",
        "tasks.end",
        "ledger.enter_all",
        "refunds.insert",
        "orders.unusable",
        "tasks.lease_due",
        "tasks.finish",
        "refunds.lease_due",
        "orders.refunding",
        "pay.refund",
        "refunds.processing",
    ],
    "what is ordered is taken down": [
        "tasks.set_hidden",
        "tasks.lease_due",
        "orders.wake",
        "tasks.postpone",
        *CLOSED,
    ],
    "what was taken down is paid": [
        "tasks.lease_due",
        "orders.wake",
        "tasks.postpone",
        "orders.lease_due",
        "pay.query_order",
        "orders.paid",
        "tasks.open_paid",
        "ledger.enter_all",
        "tasks.end_taken_down",
        "refunds.insert",
        "orders.unusable",
        "tasks.lease_due",
        "tasks.finish",
        "refunds.lease_due",
        "orders.refunding",
        "pay.refund",
        "refunds.processing",
    ],
    "what was ordered has ended": [
        "tasks.lease_due",
        "orders.wake",
        "tasks.finish",
        *CLOSED,
    ],
    "a delivery is reported": [
        "orders.lease_due",
        "wechat.is_trade_managed",
        "wechat.report_delivery",
        "orders.reported",
        "orders.carried_out",
    ],
    "a red packet is won": [
        "tasks.record_dig",
        "digs.insert",
        "prizes.insert",
        "ledger.enter",
        "prizes.finish",
        "tasks.note_written",
    ],
    "a red packet of a frozen treasure is won": [
        "tasks.record_dig",
        "digs.insert",
        "prizes.insert",
        "ledger.enter",
        "held_prizes.withhold",
        "prizes.finish",
        "tasks.note_written",
    ],
    "a win is overtaken by the next": [
        "digs.insert",
        "tasks.record_dig",
        "digs.insert",
        "prizes.insert",
        "ledger.enter",
        "prizes.finish",
        "prizes.insert",
        "ledger.enter",
        "prizes.finish",
        "tasks.note_written",
    ],
    "a red packet is claimed": [
        "prizes.begin_claiming",
        "held_prizes.let_through",
        "bills.insert",
        "bills.sending",
        "pay.transfer",
        "bills.confirmable",
    ],
    "a confirmation is heard of": [
        "bills.asking",
        "pay.query_transfer",
        "bills.given",
        "prizes.give_by_bill",
        "ledger.enter",
        "bills.carried_out",
    ],
    "a failure is heard of and a new bill made": [
        "bills.asking",
        "pay.query_transfer",
        "bills.failed",
        "prizes.free_from_bill",
        "bills.carried_out",
        "prizes.begin_claiming",
        "held_prizes.let_through",
        "bills.insert",
        "bills.sending",
        "pay.transfer",
        "bills.confirmable",
    ],
    "a claim is weighed": [
        "prizes.begin_claiming",
        "held_prizes.let_through",
        "bills.insert",
        "bills.sending",
        "pay.transfer",
        "bills.confirmable",
    ],
    "a payout is held": ["prizes.begin_claiming", "held_prizes.hold"],
    "a payout is put off": ["prizes.begin_claiming", "held_prizes.put_off"],
    "a treasure is frozen while a bill is out": [
        "freezes.put",
        "held_prizes.withhold",
        "freezes.finish",
        "pay.query_transfer",
        "bills.confirmable",
        "pay.cancel_transfer",
        "bills.noted",
        "held_prizes.look_again",
    ],
    "a frozen prize is released": ["freezes.begin_end", "held_prizes.let_off", "freezes.delete"],
    "a frozen treasure is released": ["freezes.begin_end", "held_prizes.release", "freezes.delete"],
    "a frozen prize is returned": ["freezes.begin_end", "held_prizes.give_back", "freezes.delete"],
    "a task is ended by its publisher": ["tasks.end"],
    "what nobody won is refunded": [
        "tasks.lease_due",
        "refunds.insert",
        "tasks.finish",
        "refunds.lease_due",
        "orders.refunding",
        "pay.refund",
        "refunds.processing",
    ],
    "a task expires": [
        "tasks.lease_due",
        "tasks.end",
        "refunds.insert",
        "tasks.postpone",
        "refunds.lease_due",
        "orders.refunding",
        "pay.refund",
        "refunds.processing",
    ],
    "what nobody claimed is refunded": [
        "tasks.lease_due",
        "prizes.begin_expiring",
        "prizes.begin_expiring",
        "refunds.insert",
        "tasks.finish",
        "refunds.lease_due",
        "orders.refunding",
        "pay.refund",
        "refunds.processing",
    ],
    "a bill is cancelled at the deadline": [
        "tasks.lease_due",
        "prizes.begin_expiring",
        "pay.query_transfer",
        "bills.confirmable",
        "pay.cancel_transfer",
        "bills.noted",
        "prizes.begin_expiring",
        "tasks.postpone",
        "prizes.lease_due",
        "ledger.enter",
        "prizes.finish",
    ],
    "a bill that WeChat never held is given up at the deadline": [
        "tasks.lease_due",
        "prizes.begin_expiring",
        "bills.stop_sending",
        "bills.give_up",
        "prizes.free_from_bill",
        "bills.carried_out",
        "prizes.begin_expiring",
        "refunds.insert",
        "tasks.finish",
        "prizes.lease_due",
        "ledger.enter",
        "prizes.finish",
        "refunds.lease_due",
        "orders.refunding",
        "pay.refund",
        "refunds.processing",
    ],
    "goods are claimed by mail": ["prizes.give_by_mail"],
    "goods are sent": ["prizes.mark_sent"],
    "goods are received": ["prizes.receive"],
    "goods were sent long ago": [
        "tasks.lease_due",
        "tasks.postpone",
        "prizes.lease_due",
        "prizes.receive",
    ],
    "goods are claimed on site": ["prizes.await_pickup"],
    "goods are handed over": ["pickups.begin_try", "prizes.give_on_site", "pickups.forgive"],
    "goods of a frozen treasure are won": [
        "tasks.record_dig",
        "digs.insert",
        "prizes.insert",
        "held_prizes.withhold",
        "prizes.finish",
        "tasks.note_written",
    ],
    "goods are frozen": ["freezes.put", "held_prizes.withhold", "freezes.finish"],
    "frozen goods are released": ["freezes.begin_end", "held_prizes.let_off", "freezes.delete"],
    "frozen goods are returned": ["freezes.begin_end", "held_prizes.give_back", "freezes.delete"],
}


# These do some of it in the background, so that the order of their steps varies.
IN_BACKGROUND = ("a win is overtaken by the next", "a treasure is frozen while a bill is out")


async def check_swept(context: Context, kill_after: int, step: str) -> None:
    """Assert that the next sweeps leave nothing half done."""
    await sweep_until_quiet(context)
    try:
        await check_nothing_is_half_done(context)
    except AssertionError as error:
        error.add_note(f"killed after step {kill_after}, {step}")
        raise


@pytest.mark.parametrize("scenario", [name for name in SCENARIOS if name not in IN_BACKGROUND])
@pytest.mark.gen_test(timeout=60)
async def test_a_kill_after_any_step_leaves_nothing_half_done(
    client: Client, context: Context, scenario: str
) -> None:
    await client.log_in_all("alice", "bob", "carol")
    steps = await leftovers(client, context, SCENARIOS[scenario])
    assert [step for step, _ in steps] == STEPS[scenario]
    for kill_after, (step, left) in enumerate(steps, 1):
        await put_back(context, left)
        await check_swept(context, kill_after, step)


@pytest.mark.parametrize("scenario", IN_BACKGROUND)
@pytest.mark.gen_test(timeout=60)
async def test_a_kill_after_any_step_in_the_background_leaves_nothing_half_done(
    client: Client, context: Context, scenario: str
) -> None:
    await client.log_in_all("alice", "bob", "carol")
    whole = await play(client, context, SCENARIOS[scenario], 0)
    assert sorted(whole.names) == sorted(STEPS[scenario])
    for kill_after, step in enumerate(whole.names, 1):
        killed = await play(client, context, SCENARIOS[scenario], kill_after)
        assert len(killed.names) == kill_after
        assert not Counter(killed.names) - Counter(whole.names)
        await check_swept(context, kill_after, step)
