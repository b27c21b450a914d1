"""Playing a scenario in a process that dies after one of its steps."""

from copy import copy
from dataclasses import replace
from typing import Any, TypeAlias

from server.context import Context
from server.runtime.background import Background
from support.client import Client, rest
from support.message_scenarios import SANDBOX
from support.purse import all_documents, find_all
from support.scenarios import Act, Prepare, Stage
from support.steps import COLLECTIONS, Killed, Steps

Scenario: TypeAlias = tuple[Prepare, Act]
Documents: TypeAlias = dict[str, list[dict[str, Any]]]


async def play(client: Client, context: Context, scenario: Scenario, kill_after: int) -> tuple[Stage, Steps]:
    """Set a scenario up without other tasks, and let another process play it until its end or a kill.

    Returns the stage and the steps that the process took. With `kill_after`, it dies right after the step
    with this number.
    """
    stage = await _set_up(client, context, scenario)
    victim = _another(context)
    steps = Steps(victim, kill_after)
    try:
        await scenario[1](victim, stage)
    except Killed:
        assert steps.killed
    await rest(victim)
    return stage, steps


async def leftovers(
    client: Client, context: Context, scenario: Scenario, also: tuple[str, ...]
) -> tuple[Stage, list[tuple[str, Documents]]]:
    """Play a scenario once; return each step with the database as a kill after this step would leave it.

    Only for scenarios that do nothing at the same time as something else. `also` has further collections
    whose writes are steps.
    """
    stage = await _set_up(client, context, scenario)
    victim = _another(context)
    left = list[Documents]()

    async def look() -> None:
        left.append(await all_documents(context))

    steps = Steps(victim, also=also, look=look)
    await scenario[1](victim, stage)
    await rest(victim)
    return stage, list(zip(steps.names, left, strict=True))


async def _set_up(client: Client, context: Context, scenario: Scenario) -> Stage:
    for name, documents in (await find_all(context, *COLLECTIONS, *SANDBOX)).items():
        if documents:
            await context.store.database[name].delete_many({})
    await client.misbehave("behave")
    stage = await scenario[0](Stage(client, context, client.people["alice"], client.people["bob"]))
    # WeChat's notices are lost, because they could come at any step.
    await client.misbehave("lose_notice", times=1000)
    return stage


def _another(context: Context) -> Context:
    """Return another process, which remembers nothing. Tracing its store leaves `context.store` untraced."""
    return replace(context, store=copy(context.store), background=Background())
