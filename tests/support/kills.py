"""Playing a scenario in a process that dies after one of its steps."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from copy import copy
from dataclasses import replace
from typing import TypeAlias

from server.background import Background
from server.context import Context
from server.settings import Settings
from support.client import Client
from support.purse import find_all, misbehave, rest
from support.scenarios import Stage
from support.steps import COLLECTIONS, Killed, Steps

Scenario: TypeAlias = tuple[Callable[[Stage], Awaitable[Stage]], Callable[[Context, Stage], Awaitable[None]]]


async def play(
    client: Client,
    context: Context,
    settings: Settings,
    scenario: Scenario,
    kill_after: int,
    also: tuple[str, ...] = (),
) -> Steps:
    """Set a scenario up without other tasks, and let another process act it until it dies or is done.

    Returns the steps it took, those in the collections `also` too. With `kill_after`, it dies right after
    that one.
    """
    for name, documents in (await find_all(context, *COLLECTIONS)).items():
        if documents:
            await context.store.database[name].delete_many({})
    await misbehave(client, "behave")
    prepare, act = scenario
    people = [client.people[name] for name in ("alice", "bob")]
    stage = await prepare(Stage(client, context, *people))
    # WeChat is heard only when asked: a notice could come at any step.
    await misbehave(client, "lose_notice", times=100)
    victim = replace(context, store=copy(context.store), background=Background())
    steps = Steps(victim, kill_after, also=also)
    try:
        await act(victim, stage)
    except Killed:
        assert steps.killed
    await rest(victim)
    return steps
