"""What a process may be doing about messages to people who left when it dies."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from server.actions.send_messages import send_messages
from server.actions.sweep import sweep
from server.actions.tell import remind, subscribe
from server.context import Context
from support.messages import TEMPLATES, allow
from support.purse import DAY_MS, let_pass, rest, win
from support.scenarios import Stage, act_dig


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


# What each is about: who is told, of what, and how it begins and goes on.
MESSAGE_SCENARIOS: dict[
    str,
    tuple[str, str, Callable[[Stage], Awaitable[Stage]], Callable[[Context, Stage], Awaitable[None]]],
] = {
    "a winner is told": ("bob", "won", a_consent_of_the_winner, act_win),
    "a winner with several consents is told": ("bob", "won", several_consents, act_win),
    "a consent comes": ("bob", "won", no_consent, act_subscribe),
    "a deadline is near": ("bob", "claim_ends", a_day_before_the_deadline, act_sweep),
    "a publisher is told": ("alice", "ended", ended, act_sweep),
    "a cooldown is over": ("bob", "cooldown_over", cooling_down, act_remind),
}
