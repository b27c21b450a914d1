"""A process dies between any two steps: the next sweep of another leaves nothing half done, no fen lost."""

from __future__ import annotations

from collections import Counter

import pytest

from server.context import Context
from support.client import Client
from support.crashes import leftovers, play
from support.invariants import check_nothing_is_half_done
from support.lifecycles import MONEY
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
        "tasks.opened_by_payment",
        "ledger.enter_all",
        "orders.spent",
    ],
    "a payment that came too late is heard of": [
        "orders.lease_due",
        "pay.query_order",
        "orders.paid",
        "tasks.opened_by_payment",
        "ledger.enter_all",
        "refunds.insert",
        "orders.unusable",
        "tasks.lease_due",
        "tasks.again",
        "refunds.lease_due",
        "orders.refunding",
        "pay.refund",
        "refunds.processing",
    ],
    "a payment by a credit card is heard of": [
        "orders.lease_due",
        "pay.query_order",
        "orders.paid",
        "tasks.ended",
        "ledger.enter_all",
        "refunds.insert",
        "orders.unusable",
        "tasks.lease_due",
        "tasks.again",
        "refunds.lease_due",
        "orders.refunding",
        "pay.refund",
        "refunds.processing",
    ],
    "what is ordered is taken down": [
        "tasks.set_hidden",
        "tasks.lease_due",
        "orders.wake",
        "tasks.again",
        *CLOSED,
    ],
    "what was taken down is paid": [
        "tasks.lease_due",
        "orders.wake",
        "tasks.again",
        "orders.lease_due",
        "pay.query_order",
        "orders.paid",
        "tasks.opened_by_payment",
        "ledger.enter_all",
        "tasks.taken_down",
        "refunds.insert",
        "orders.unusable",
        "tasks.lease_due",
        "tasks.again",
        "refunds.lease_due",
        "orders.refunding",
        "pay.refund",
        "refunds.processing",
    ],
    "what was ordered has ended": [
        "tasks.lease_due",
        "orders.wake",
        "tasks.again",
        *CLOSED,
    ],
    "a delivery is reported": [
        "orders.lease_due",
        "wechat.is_trade_managed",
        "wechat.report_delivery",
        "orders.reported",
        "orders.carried_out",
    ],
    "the report of a delivery is refused": [
        "orders.lease_due",
        "wechat.is_trade_managed",
        "orders.unreported",
    ],
    "an order is not paid yet": ["orders.lease_due", "pay.query_order", "orders.unpaid"],
    "WeChat does not tell of an order": ["orders.lease_due", "orders.unanswered"],
    "WeChat does not tell of a bill": [
        "tasks.lease_due",
        "tasks.again",
        "bills.lease_due",
        "bills.unanswered",
    ],
    "WeChat does not tell of a refund": [
        "tasks.lease_due",
        "prizes.expired",
        "prizes.expired",
        "refunds.insert",
        "tasks.again",
        "refunds.lease_due",
        "orders.refunding",
        "refunds.unanswered",
    ],
    "a refund is refused": [
        "tasks.lease_due",
        "prizes.expired",
        "prizes.expired",
        "refunds.insert",
        "tasks.again",
        "refunds.lease_due",
        "orders.refunding",
        "refunds.refused",
    ],
    "a refund is heard of": [
        "refunds.lease_due",
        "pay.query_refund",
        "refunds.refunded",
        "ledger.enter",
        "prizes.returned",
        "refunds.carried_out",
    ],
    "a red packet is won": [
        "tasks.record_dig",
        "digs.insert",
        "prizes.insert",
        "ledger.enter",
        "prizes.carried_out",
        "tasks.note_written",
    ],
    "a red packet of a frozen treasure is won": [
        "tasks.record_dig",
        "digs.insert",
        "prizes.insert",
        "ledger.enter",
        "prizes.frozen",
        "prizes.carried_out",
        "tasks.note_written",
    ],
    "a win is overtaken by the next": [
        "digs.insert",
        "tasks.record_dig",
        "digs.insert",
        "prizes.insert",
        "ledger.enter",
        "prizes.carried_out",
        "prizes.insert",
        "ledger.enter",
        "prizes.carried_out",
        "tasks.note_written",
    ],
    "a red packet is claimed": [
        "prizes.claimed",
        "payout_days.take",
        "prizes.approved",
        "bills.insert",
        "bills.sending",
        "pay.transfer",
        "bills.confirmable",
        "prizes.carried_out",
    ],
    "a confirmation is heard of": [
        "bills.asking",
        "pay.query_transfer",
        "bills.given",
        "prizes.given_by_bill",
        "ledger.enter",
        "bills.carried_out",
    ],
    "a failure is heard of and a new bill made": [
        "bills.asking",
        "pay.query_transfer",
        "bills.failed",
        "prizes.freed",
        "bills.carried_out",
        "prizes.claimed",
        "prizes.approved",
        "bills.insert",
        "bills.sending",
        "pay.transfer",
        "bills.confirmable",
        "prizes.carried_out",
    ],
    "a transfer is refused": [
        "prizes.claimed",
        "payout_days.take",
        "prizes.approved",
        "bills.insert",
        "bills.sending",
        "bills.refused",
        "prizes.carried_out",
    ],
    "a transfer fails at once": [
        "prizes.claimed",
        "payout_days.take",
        "prizes.approved",
        "bills.insert",
        "bills.sending",
        "pay.transfer",
        "bills.failed",
        "prizes.freed",
        "bills.carried_out",
        "prizes.carried_out",
    ],
    "a claim is weighed": [
        "prizes.claimed",
        "payout_days.take",
        "prizes.approved",
        "bills.insert",
        "bills.sending",
        "pay.transfer",
        "bills.confirmable",
        "prizes.carried_out",
    ],
    "a payout is held": ["prizes.claimed", "prizes.held", "prizes.carried_out"],
    "a payout waits for tomorrow": [
        "prizes.claimed",
        "payout_days.take",
        "prizes.put_off",
        "prizes.carried_out",
    ],
    "a payout is put off": ["prizes.claimed", "prizes.put_off", "prizes.carried_out"],
    "a treasure is frozen while a bill is out": [
        "freezes.put",
        "prizes.frozen",
        "freezes.again",
        "pay.query_transfer",
        "bills.confirmable",
        "pay.cancel_transfer",
        "bills.noted",
        "prizes.again",
    ],
    "a treasure is frozen while its prize is claimed": [
        "freezes.put",
        "prizes.frozen",
        "freezes.again",
        "prizes.frozen",
        "payout_days.take",
        "prizes.approved",
        "payout_days.give_back",
        "prizes.frozen_unweighed",
        "prizes.again",
    ],
    "a frozen prize is released": ["freezes.begin_end", "prizes.released_alone", "freezes.delete"],
    "a frozen treasure is released": ["freezes.begin_end", "prizes.released", "freezes.delete"],
    "a frozen prize is returned": ["freezes.begin_end", "prizes.denied", "freezes.delete"],
    "a task is ended by its publisher": ["tasks.ended_undug"],
    "what nobody won is refunded": [
        "tasks.lease_due",
        "refunds.insert",
        "tasks.again",
        "refunds.lease_due",
        "orders.refunding",
        "pay.refund",
        "refunds.processing",
    ],
    "a task expires": [
        "tasks.lease_due",
        "tasks.expired",
        "refunds.insert",
        "tasks.again",
        "refunds.lease_due",
        "orders.refunding",
        "pay.refund",
        "refunds.processing",
    ],
    "what nobody claimed is refunded": [
        "tasks.lease_due",
        "prizes.expired",
        "prizes.expired",
        "refunds.insert",
        "tasks.again",
        "refunds.lease_due",
        "orders.refunding",
        "pay.refund",
        "refunds.processing",
    ],
    "a bill is cancelled at the deadline": [
        "tasks.lease_due",
        "prizes.expired",
        "pay.query_transfer",
        "bills.confirmable",
        "pay.cancel_transfer",
        "bills.noted",
        "prizes.expired",
        "tasks.again",
    ],
    "a bill that WeChat never held is given up at the deadline": [
        "tasks.lease_due",
        "prizes.expired",
        "bills.stop_sending",
        "bills.give_up",
        "prizes.freed",
        "bills.carried_out",
        "prizes.expired",
        "refunds.insert",
        "tasks.again",
        "refunds.lease_due",
        "orders.refunding",
        "pay.refund",
        "refunds.processing",
    ],
    "goods are claimed by mail": ["prizes.given_by_mail"],
    "an address is replaced": ["prizes.given_by_mail", "prizes.address_replaced"],
    "a parcel is corrected": ["prizes.sent", "prizes.parcel_corrected"],
    "goods are sent": ["prizes.sent"],
    "goods are received": ["prizes.received"],
    "goods were sent long ago": [
        "tasks.lease_due",
        "tasks.again",
        "prizes.lease_due",
        "prizes.received",
    ],
    "goods are claimed on site": ["prizes.awaits_pickup"],
    "goods are handed over": ["pickups.begin_try", "prizes.handed_over", "pickups.forgive"],
    "goods of a frozen treasure are won": [
        "tasks.record_dig",
        "digs.insert",
        "prizes.insert",
        "prizes.frozen",
        "prizes.carried_out",
        "tasks.note_written",
    ],
    "goods are frozen": ["freezes.put", "prizes.frozen", "freezes.again"],
    "frozen goods are released": ["freezes.begin_end", "prizes.released_alone", "freezes.delete"],
    "frozen goods are returned": ["freezes.begin_end", "prizes.denied", "freezes.delete"],
}


# These do some of it in the background, so that the order of their steps varies.
IN_BACKGROUND = (
    "a win is overtaken by the next",
    "a treasure is frozen while a bill is out",
    "a treasure is frozen while its prize is claimed",
)
# Rows that no scenario takes, each with the reason.
AN_END = "an operator has to act; nothing follows, and the checks here want all money to have arrived"
NOT_TAKEN = {
    "orders.expired": "the one write after WeChat said that it never got an order",
    "refunds.abnormal": AN_END,
    "refunds.closed": AN_END,
}
# What tells that somebody did what is owed.
EFFECTS = {
    "order.delivery": {"orders.reported"},
    "prize.ledger": {"ledger.enter"},
    "prize.freezes": {"prizes.frozen"},
    "prize.bill": {"bills.insert", "prizes.held", "prizes.put_off"},
    "bill.prize": {"prizes.given_by_bill", "prizes.freed"},
    "bill.ledger": {"ledger.enter"},
    "refund.ledger": {"ledger.enter"},
    "refund.prizes": {"prizes.returned"},
}


def test_a_process_is_killed_after_each_row_and_each_effect_once() -> None:
    taken = {step for steps in STEPS.values() for step in steps}
    rows = {f"{table.name}s.{move.name}" for table in MONEY for move in table.examples()}
    assert rows - taken == NOT_TAKEN.keys()
    done = {effect for effect in EFFECTS if any(_is_done(steps, effect) for steps in STEPS.values())}
    # tests/actions/test_message_crashes.py has the scenarios of messages.
    assert done | {"prize.message"} == {f"{table.name}.{owed}" for table in MONEY for owed in table.effects}


def _is_done(steps: list[str], effect: str) -> bool:
    """Whether a scenario does what is owed, and notes that."""
    done = next((at for at, step in enumerate(steps) if step in EFFECTS[effect]), len(steps))
    return f"{effect.partition('.')[0]}s.carried_out" in steps[done:]


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
