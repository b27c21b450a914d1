"""What a process may be doing about messages to people who left when it dies."""

from __future__ import annotations

from server.actions.messages.send import send_messages
from server.actions.messages.write import remind, subscribe
from server.actions.sweep import sweep
from server.context import Context
from support.client import Client
from support.messages import TEMPLATES, allow, send_until_quiet, sent_to
from support.purse import DAY_MS, find, let_pass, rest, win
from support.scenarios import Act, Prepare, Stage, act_dig


async def a_consent_of_the_winner(stage: Stage) -> Stage:
    """Goods that the next dig wins, and a winner who consented."""
    await allow(stage.client, "bob", "won")
    return stage.of(await stage.alice.publish(forecast_num=1))


async def several_consents(stage: Stage) -> Stage:
    """The same, with a consent for another message besides."""
    await allow(stage.client, "bob", "won")
    return await a_consent_of_the_winner(stage)


async def no_consent(stage: Stage) -> Stage:
    """Goods that Bob won; his message waits for his consent, which WeChat has already."""
    code = await stage.alice.publish(forecast_num=1)
    await win(stage.client, stage.context, stage.bob, code)
    await send_messages(stage.context)
    await stage.client.http.post("/sandbox/subscribe", json={"user": "bob", "tmplIds": [TEMPLATES["won"]]})
    return stage.of(code)


async def a_day_before_the_deadline(stage: Stage) -> Stage:
    """Goods that Bob won and has not claimed."""
    code = await stage.alice.publish(forecast_num=1)
    await win(stage.client, stage.context, stage.bob, code)
    await sweep(stage.context)
    await stage.context.store.messages.collection.delete_many({})
    await allow(stage.client, "bob", "claim_ends")
    await let_pass(stage.context, 29 * DAY_MS)
    return stage.of(code)


async def ended(stage: Stage) -> Stage:
    """Goods that have just been won, which ended their task."""
    await allow(stage.client, "alice", "ended")
    code = await stage.alice.publish(forecast_num=1)
    await win(stage.client, stage.context, stage.bob, code)
    await stage.context.store.messages.collection.delete_many({})
    return stage.of(code)


async def cooling_down(stage: Stage) -> Stage:
    """Goods in their cooldown, and somebody who wants to be told."""
    await allow(stage.client, "bob", "cooldown_over")
    code = await stage.alice.publish(cd=3600)
    await stage.client.people["carol"].dig(code)
    await rest(stage.context)
    return stage.of(code)


async def act_win(victim: Context, stage: Stage) -> None:
    """The winning dig, and the sending."""
    await act_dig(victim, stage)
    await send_messages(victim)


async def act_subscribe(victim: Context, stage: Stage) -> None:
    """`/subscribed`, and the sending."""
    await subscribe(victim, stage.bob.unionid, [TEMPLATES["won"]])
    # By MongoDB's clock it is due now, by this process's perhaps in a millisecond.
    await stage.context.store.database["messages"].update_many(
        {"due_at": {"$gt": 0}, "asleep": {"$exists": False}}, {"$inc": {"due_at": -1000}}
    )
    await send_messages(victim)


async def act_sweep(victim: Context, stage: Stage) -> None:
    """A sweep, and the sending."""
    await sweep(victim)
    await send_messages(victim)


async def act_remind(victim: Context, stage: Stage) -> None:
    """`/remind`; the cooldown passes, and the sending."""
    await remind(victim, stage.code, stage.bob.unionid)
    database, now_ms = stage.context.store.database, stage.context.clock.now_ms()
    await database["tasks"].update_many({}, {"$set": {"cd_until": now_ms}})
    await database["messages"].update_many({}, {"$set": {"due_at": now_ms}})
    await send_messages(victim)


async def repeat(context: Context, stage: Stage, scenario: str) -> None:
    """Let time pass after a kill, and ask again, as a client does that got no reply."""
    if scenario == "a consent comes" and not await find(context, "consents"):
        await subscribe(context, stage.bob.unionid, [TEMPLATES["won"]])
    if scenario == "a cooldown is over":
        if not await find(context, "messages"):
            await remind(context, stage.code, stage.bob.unionid)
        await context.store.database["tasks"].update_many({}, {"$set": {"cd_until": 1}})


async def check_told_once(client: Client, context: Context, scenario: str, step: str | None = None) -> None:
    """Send what is left. Then everybody who has to get a message must have got it once, and nothing may be
    due any more.

    `step` is the last one that the dead process did; None if that is not known.
    """
    who, kind, *_ = MESSAGE_SCENARIOS[scenario]
    await let_pass(context, 6 * 3_600_000)  # what sleeps looks for a consent
    await send_until_quiet(context)
    sent = [each for each, _ in await sent_to(client, who) if each == kind]
    left = await find(context, "messages", kind=kind)
    if scenario in MAY_BE_LOST and (step == "messages.begin_sending" or (step is None and not sent)):
        # It died before WeChat was asked, and nobody can know.
        assert (sent, [message["state"] for message in left]) == ([], ["unclear"])
    else:
        assert sent == [kind], f"{who} was told {sent}"
        assert not any("due_at" in message for message in left), left


# With more than one consent nobody can tell afterwards whether one was used.
MAY_BE_LOST = ("a winner with several consents is told",)
SANDBOX = ("sandbox_messages", "sandbox_consents")
# What each is about: who is told, of what, and how it begins and goes on.
MESSAGE_SCENARIOS: dict[
    str,
    tuple[str, str, Prepare, Act],
] = {
    "a winner is told": ("bob", "won", a_consent_of_the_winner, act_win),
    "a winner with several consents is told": ("bob", "won", several_consents, act_win),
    "a consent comes": ("bob", "won", no_consent, act_subscribe),
    "a deadline is near": ("bob", "claim_ends", a_day_before_the_deadline, act_sweep),
    "a publisher is told": ("alice", "ended", ended, act_sweep),
    "a cooldown is over": ("bob", "cooldown_over", cooling_down, act_remind),
}
