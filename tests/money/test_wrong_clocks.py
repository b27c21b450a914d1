"""A process whose clock is 25 hours ahead: no task ends early, and no money moves."""

import pytest

from server.context import Context
from server.leading.sweep import sweep
from support import SOURCE
from support.client import ADDRESS
from support.leading import lead
from support.purse import HOUR_MS, expect_balance, find, let_pass, rest, sweep_after

AHEAD_MS = 25 * HOUR_MS


ENVIRONMENT = {"TASK_DAYS": "1", "CLAIM_DAYS": "1"}


@pytest.fixture
def liar(other: Context, monkeypatch: pytest.MonkeyPatch) -> Context:
    """A process whose clock stays ahead, whatever MongoDB says: only MongoDB's own comparison stops it."""
    right = other.clock.now_ms
    monkeypatch.setattr(other.clock, "now_ms", lambda: right() + AHEAD_MS)
    return other


async def test_a_persons_record_begins_by_mongodbs_clock(client, context, monkeypatch):
    right = context.clock.now_ms
    monkeypatch.setattr(context.clock, "now_ms", lambda: right() + AHEAD_MS)
    alice = await client.log_in("alice")
    (first,) = await find(context, "people", _id=alice.id)
    now_ms = await context.store.now_ms()
    assert abs(now_ms - first["created_at"]) < HOUR_MS
    assert abs(now_ms // 1000 - first["generation"]) < HOUR_MS // 1000
    await client.log_in("alice")
    assert await find(context, "people", _id=alice.id) == [first]


def test_the_store_reads_this_machines_clock_only_to_compare_it():
    files = (SOURCE / "server" / "store").rglob("*.py")
    assert [path.name for path in files if "time.time" in path.read_text()] == ["cluster.py"]


async def test_a_leader_reads_mongodbs_clock_before_it_does_anything(context, other, alice):
    code = await alice.paid_packet()
    other.clock._offset_ms += AHEAD_MS
    await lead(other)
    assert abs(other.clock.now_ms() - context.clock.now_ms()) < 5_000
    assert (await find(context, "tasks", _id=code))[0]["status"] == 0


async def test_a_running_red_packet_is_neither_ended_nor_refunded(context, liar, alice):
    code = await alice.paid_packet()
    for later in (False, True):
        if later:  # the task is due, as if it owed a prize: then its expiry is checked, too
            await context.store.tasks.collection.update_one({"_id": code}, {"$set": {"due_at": 1}})
        await sweep(liar)
        await rest(liar)
        assert (await find(context, "tasks", _id=code))[0]["status"] == 0
        assert await find(context, "refunds") == []
    await expect_balance(context)
    await sweep_after(context, AHEAD_MS)
    await rest(context)
    assert (await find(context, "tasks", _id=code))[0]["end_reason"] == "expired"
    assert [refund["kind"] for refund in await find(context, "refunds")] == ["unwon"]


async def test_an_address_is_kept_for_as_long_as_it_is_promised(context, liar, alice, bob):
    code = await alice.won_goods(bob, draw_type=2)
    assert (await bob.claim(code, **ADDRESS))["status"] == 0
    await let_pass(context, 89 * 24 * HOUR_MS + HOUR_MS)
    await sweep(liar)
    assert "address_box" in (await find(context, "prizes"))[0]
    await sweep_after(context, 23 * HOUR_MS)
    assert "address_box" not in (await find(context, "prizes"))[0]
