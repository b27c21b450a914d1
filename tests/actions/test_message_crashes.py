"""A process dies between any two steps of a message: the message is sent once, by the next process.

Scenarios share many steps. So if a run has already killed after the same three steps in a row, it does not
kill there again. The scenario with several consents is the exception: there, it kills after each step.
`bench/kills.py` kills after each step of each scenario.
"""

from dataclasses import replace
from unittest import mock

import pytest

from server.actions.messages.send import send_messages
from server.context import Context
from server.runtime.background import Background
from server.settings import Settings
from server.store import Store
from support.client import Client
from support.invariants import check_nothing_is_half_done
from support.meanwhile import failing
from support.message_scenarios import MESSAGE_SCENARIOS, SANDBOX, check_told_once, repeat
from support.messages import MESSAGES, allow, send_until_quiet, sent_to
from support.purse import find, rest, sweep_until_quiet
from support.scenarios import Stage
from support.steps import COLLECTIONS, Killed, Steps, noting

SENT = """messages.lease_due consents.take messages.begin_sending
    wechat.send_message messages.end consents.spend"""
WON = f"""tasks.record_dig digs.write prizes.add_or_read messages.insert
    prizes.carried_out tasks.note_written {SENT}"""
SWEPT = f"tasks.lease_due messages.insert tasks.again prizes.delete_old_addresses {SENT}"
STEPS = {
    "a winner is told": WON,
    "a winner with several consents is told": WON,
    "a consent comes": f"consents.add messages.wake {SENT}",
    "a deadline is near": SWEPT,
    "a publisher is told": SWEPT,
    "a cooldown is over": f"messages.insert {SENT}",
}

ENVIRONMENT = MESSAGES
# The steps after which a process was killed, each with the two steps before it.
killed_after: set[tuple[str, ...]] = set()


async def run(client: Client, context: Context, settings: Settings, scenario: str, kill_after: int) -> Steps:
    """Set a scenario up afresh, and let another process play it to the end or until it is killed."""
    for name in (*COLLECTIONS, *SANDBOX):
        await context.store.database[name].delete_many({})
    _, _, prepare, act = MESSAGE_SCENARIOS[scenario]
    stage = await prepare(Stage(client, context, client.people["alice"], client.people["bob"]))
    victim = replace(context, store=Store(settings.mongodb_uri), background=Background())
    steps = Steps(victim, kill_after)
    try:
        await act(victim, stage)
    except Killed:
        assert steps.killed
    await rest(victim)
    victim.store.close()
    await repeat(context, stage, scenario)
    return steps


@pytest.mark.parametrize("scenario", MESSAGE_SCENARIOS)
async def test_a_message_is_sent_once_even_after_a_kill_at_any_step(client, context, settings, scenario):
    await client.log_in_all("alice", "bob", "carol")
    whole, steps = await run(client, context, settings, scenario, 0), STEPS[scenario].split()
    assert whole.names[: len(steps)] == steps
    for kill_after in range(1, len(steps) + 1):
        last = tuple(steps[:kill_after][-3:])
        if last in killed_after and "several" not in scenario:
            continue
        killed_after.add(last)
        killed = await run(client, context, settings, scenario, kill_after)
        step = killed.names[-1]
        await sweep_until_quiet(context)
        with noting(kill_after, step):
            await check_told_once(client, context, scenario, step)
            await check_nothing_is_half_done(context)


async def send_and_die_unspent(context: Context) -> None:
    """Let a process send what is due, and die before it notes that the consent is spent."""

    with mock.patch.object(context.store.consents, "spend", failing(Killed())), pytest.raises(Killed):
        await send_messages(context)


async def test_a_reminder_after_one_that_a_dead_process_sent_uses_a_consent_of_its_own(
    client, context, alice, bob, carol
):
    code = await alice.publish(forecast_num=1000, cd=60)
    await bob.dig(code)
    tasks = context.store.tasks.rows
    for number in (1, 2):
        await allow(client, "carol", "cooldown_over")
        await tasks.update_one({"_id": code}, {"$set": {"cd_until": context.clock.now_ms() + 60_000}})
        assert (await carol.post("/remind", code=code))["status"] == 0
        await tasks.update_one({"_id": code}, {"$set": {"cd_until": 1}})
        await context.store.messages.rows.update_many({"due_at": {"$gt": 0}}, {"$set": {"due_at": 1}})
        if number == 1:
            await send_and_die_unspent(context)
        else:
            await send_until_quiet(context)
        assert len(await sent_to(client, "carol")) == number
    (consent,) = await find(context, "consents", unionid=carol.id)
    assert (consent["left"], consent["held"]) == (0, [])


async def test_a_consent_that_a_dead_process_used_is_not_used_again(client, context, monkeypatch):
    alice, bob = await client.log_in_all("alice", "bob")
    await bob.win(await alice.publish(forecast_num=1))
    await allow(client, "bob", "won")
    await send_and_die_unspent(context)
    await bob.win(await alice.publish(forecast_num=1))
    await allow(client, "bob", "won")
    monkeypatch.setattr(context.wechat, "send_message", failing(Killed()))
    with pytest.raises(Killed):
        await send_messages(context)
    monkeypatch.undo()
    await send_until_quiet(context)
    assert [kind for kind, _ in await sent_to(client, "bob")] == ["won", "won"]
    assert {message["state"] for message in await find(context, "messages", kind="won")} == {"sent"}
