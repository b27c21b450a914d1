"""Scenarios of a process that dies while it deals with messages to people who left."""

from server.actions.messages.send import send_messages
from server.actions.messages.write import remind, subscribe
from server.actions.people.follow import follow
from server.context import Context
from server.leading.sweep import sweep
from support.client import Client, rest
from support.messages import TEMPLATES, allow, send_until_quiet, sent_to
from support.purse import find, let_pass
from support.scenarios import Act, Prepare, Stage, act_dig


async def a_consent_of_the_winner(stage: Stage) -> Stage:
    """Goods that the next dig wins, and a winner who consented."""
    await allow(stage.client, "bob", "won")
    return stage.of(await stage.alice.publish(forecast_num=1))


async def several_consents(stage: Stage) -> Stage:
    """Goods that the next dig wins, and a winner who consented to two messages."""
    await allow(stage.client, "bob", "won")
    return await a_consent_of_the_winner(stage)


async def no_consent(stage: Stage) -> Stage:
    """Goods that Bob won. His message waits for his consent, of which only WeChat knows so far."""
    code = await stage.alice.won_goods(stage.bob)
    await send_messages(stage.context)
    await stage.client.http.post("/sandbox/subscribe", json={"user": "bob", "tmplIds": [TEMPLATES["won"]]})
    return stage.of(code)


async def ended(stage: Stage) -> Stage:
    """Goods of which the only prize has just been won, so the task has ended."""
    await allow(stage.client, "alice", "ended")
    code = await stage.alice.won_goods(stage.bob)
    await stage.context.store.messages.collection.delete_many({})
    return stage.of(code)


async def cooling_down(stage: Stage) -> Stage:
    """Goods in their cooldown, and somebody who wants to be told."""
    await allow(stage.client, "bob", "cooldown_over")
    code = await stage.alice.publish(cd=60)
    await stage.client.people["carol"].dig(code)
    await rest(stage.context)
    return stage.of(code)


async def followed(stage: Stage) -> Stage:
    """Goods that Alice has just published, of which Bob, who follows her, has to be told."""
    await follow(stage.context, stage.bob.id, stage.alice.id, following=True)
    await allow(stage.client, "bob", "announced")
    return stage.of(await stage.alice.publish())


async def act_win(victim: Context, stage: Stage) -> None:
    """Dig and win; then send messages."""
    await act_dig(victim, stage)
    await send_messages(victim)


async def act_subscribe(victim: Context, stage: Stage) -> None:
    """Call `/subscribed`; then send messages."""
    await subscribe(victim, stage.bob.id, [TEMPLATES["won"]])
    # The message is due now by MongoDB's clock, but perhaps a millisecond later by this process's clock.
    await stage.context.store.database["messages"].update_many(
        {"due_at": {"$gt": 0}, "asleep": {"$exists": False}}, {"$inc": {"due_at": -1000}}
    )
    await send_messages(victim)


async def act_sweep(victim: Context, stage: Stage) -> None:
    """Sweep; then send messages."""
    await sweep(victim)
    await send_messages(victim)


async def act_remind(victim: Context, stage: Stage) -> None:
    """Call `/remind`, and let the cooldown pass; then send messages."""
    await remind(victim, stage.code, stage.bob.id)
    database = stage.context.store.database
    now_ms = stage.context.clock.now_ms()
    await database["tasks"].update_many({}, {"$set": {"cd_until": now_ms}})
    await database["messages"].update_many({}, {"$set": {"due_at": now_ms}})
    await send_messages(victim)


async def act_tell(victim: Context, stage: Stage) -> None:
    """Write to the followers, a page of them each time, and send the messages."""
    for _ in range(3):
        await stage.context.store.messages.rows.update_many({"due_at": {"$gt": 0}}, {"$set": {"due_at": 1}})
        await send_messages(victim)


async def repeat(context: Context, stage: Stage, scenario: str) -> None:
    """Let time pass after a kill, and repeat the request, as a client does that got no reply."""
    if scenario == "a consent comes" and not await find(context, "consents"):
        await subscribe(context, stage.bob.id, [TEMPLATES["won"]])
    if scenario == "a cooldown is over":
        if not await find(context, "messages"):
            await remind(context, stage.code, stage.bob.id)
        await context.store.database["tasks"].update_many({}, {"$set": {"cd_until": 1}})


async def check_told_once(client: Client, context: Context, scenario: str, step: str | None = None) -> None:
    """Send the remaining messages. Then assert that each person was told once, and that nothing is due.

    `step` is the last step of the dead process; None if that is not known.
    """
    who, kind, *_ = MESSAGE_SCENARIOS[scenario]
    await let_pass(context, 6 * 3_600_000)  # by then, messages that wait for a consent look for one
    await send_until_quiet(context)
    sent = [each for each, _ in await sent_to(client, who) if each == kind]
    left = await find(context, "messages", kind=kind)
    if scenario in MAY_BE_LOST and (step == "messages.begin_sending" or (step is None and not sent)):
        # The process died before it called WeChat, but no other process can know this.
        assert (sent, [message["state"] for message in left]) == ([], ["unclear"])
    else:
        assert sent == [kind], f"{who} was told {sent}"
        assert not any("due_at" in message for message in left), left


# If a person has several consents, nobody can tell afterwards whether one was used.
MAY_BE_LOST = ("a winner with several consents is told",)
SANDBOX = ("sandbox_messages", "sandbox_consents")
# By scenario: the person who gets the message, its kind, how the scenario is set up, and how it is acted.
MESSAGE_SCENARIOS: dict[str, tuple[str, str, Prepare, Act]] = {
    "a winner is told": ("bob", "won", a_consent_of_the_winner, act_win),
    "a winner with several consents is told": ("bob", "won", several_consents, act_win),
    "a consent comes": ("bob", "won", no_consent, act_subscribe),
    "a publisher is told": ("alice", "ended", ended, act_sweep),
    "a follower is told": ("bob", "announced", followed, act_tell),
    "a cooldown is over": ("bob", "cooldown_over", cooling_down, act_remind),
}
