"""kill -9 between any two steps of money, a review, a report or a message: is anything half done or lost?

    python bench/kills.py [--only "a red packet is claimed"]

Plays the scenarios of tests/support/*scenarios.py. A child process acts and kills itself with SIGKILL after
the first step. The next child does so after the second step, and so on until a child reaches the end. After
each kill a living server sweeps. Then the audit, which also asks the sandbox, must find nothing, and no
review may be left. Each report must be decided or in the operator's queue, and each person must have got
their message exactly once. Exits with 1 if something did not hold.

MONGODB_URI (a database to be thrown away) and REDIS_URL may be given.
"""

import argparse
import asyncio
import os
import secrets
import signal
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
sys.path.insert(0, str(Path(__file__).parents[1]))  # comes first: tests/ has handlers/ too

from devtools.sandbox import Sandbox
from server.context import Context
from server.running.stores import EmbeddedMongoDB, EmbeddedRedis
from server.settings import read_settings
from support.client import Client, Someone
from support.invariants import check_nothing_is_half_done
from support.message_scenarios import MESSAGE_SCENARIOS, SANDBOX, check_told_once, repeat
from support.messages import MESSAGES
from support.money_world import World
from support.purse import find, sweep_until_quiet
from support.report_scenarios import REPORT_SCENARIOS, TRACED, check_nobody_waits_in_vain
from support.review_scenarios import REVIEW_SCENARIOS, bring_to_an_end
from support.reviews import CHECKED
from support.scenarios import SCENARIOS, Stage
from support.steps import COLLECTIONS, Steps

SETTINGS = (
    *("MONGODB_URI", "REDIS_URL", "DATA_DIR", "PORT", "SECRET_KEY", "PAY_ORDER_KIND"),
    *CHECKED,
    *MESSAGES,
)
ACTS = {name: each[-2:] for name, each in MESSAGE_SCENARIOS.items()}
ALL = SCENARIOS | REVIEW_SCENARIOS | REPORT_SCENARIOS | ACTS
PEOPLE = ("alice", "bob", "carol")


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", choices=ALL)
    parser.add_argument("--die", nargs=3, metavar=("SCENARIO", "CODE", "STEP"), help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.die:
        scenario, code, step = asked.die
        return asyncio.run(die(scenario, code, int(step)))
    with tempfile.TemporaryDirectory() as directory:
        stores = {
            kind.setting: kind(directory)
            for kind in (EmbeddedMongoDB, EmbeddedRedis)
            if kind.setting not in os.environ
        }
        for store in stores.values():
            store.start()
        mongodb_uri, redis_url = (
            stores[name].uri if name in stores else os.environ[name] for name in ("MONGODB_URI", "REDIS_URL")
        )
        secret_key = secrets.token_hex(32)  # all worlds share it: a sealed value stays in the database
        try:
            failed = 0
            for some, environment in (
                (SCENARIOS | REPORT_SCENARIOS, {}),
                (REVIEW_SCENARIOS, CHECKED),
                (ACTS, MESSAGES),
            ):
                scenarios = [name for name in some if asked.only in (None, name)]
                if scenarios:
                    environment = {"SECRET_KEY": secret_key, **environment}
                    world = World(mongodb_uri, redis_url, directory, environment=environment)
                    try:
                        failed |= world.run(kill_everywhere(world, scenarios))
                    finally:
                        world.close()
            return failed
        finally:
            for store in stores.values():
                store.stop()


async def kill_everywhere(world: World, scenarios: list[str]) -> int:
    """Kill at each step of each scenario; return 1 if something did not hold."""
    context = world.context
    client = world.client
    failed = 0
    kills = 0
    # Earlier scenarios banned people.
    await context.store.database["people"].update_many({}, {"$unset": {"banned": ""}})
    for scenario in scenarios:
        step = 0
        code = -signal.SIGKILL
        while code == -signal.SIGKILL:
            step += 1
            for name in (*COLLECTIONS, *SANDBOX):
                await context.store.database[name].delete_many({})
            await client.misbehave("behave")
            stage = await ALL[scenario][0](Stage(client, context, *_two(client)))
            await client.misbehave("lose_notice", times=100)
            child = await asyncio.create_subprocess_exec(
                *(sys.executable, __file__, "--die", scenario, stage.code, str(step)),
                env={**os.environ, **_environment(world)},
            )
            code = await child.wait()
            kills += code == -signal.SIGKILL
            try:
                if scenario in ACTS:
                    await repeat(context, stage, scenario)
                await sweep_until_quiet(context)
                if scenario in ACTS:
                    await check_told_once(client, context, scenario)
                if scenario in REVIEW_SCENARIOS:
                    await bring_to_an_end(context)
                    assert not await find(context, "reviews"), "a review is left"
                if scenario in REPORT_SCENARIOS:
                    await check_nobody_waits_in_vain(context)
                await check_nothing_is_half_done(context)
                assert code in (0, -signal.SIGKILL), f"the process ended with {code}"
            except AssertionError as error:
                failed += 1
                print(f"{scenario}, killed after step {step}: {error}")
        print(f"{scenario}: killed after each of {step - 1} steps", flush=True)
    print(f"{kills} kills, {failed} of which left something behind")
    return 1 if failed or not kills else 0


async def die(scenario: str, code: str, step: int) -> int:
    """Play the scenario in this process, and kill this process right after the step."""
    settings = read_settings({name: os.environ.get(name, "") for name in SETTINGS})
    context = await Context.open(settings, Sandbox)
    people = {name: Someone(Client(None), "", os.environ[name.upper()], {}) for name in PEOPLE}  # type: ignore[arg-type]
    client = Client(None, people)  # type: ignore[arg-type]
    also = TRACED if scenario in REPORT_SCENARIOS else ()
    Steps(context, step, kill=lambda: os.kill(os.getpid(), signal.SIGKILL), also=also)
    try:
        await ALL[scenario][1](context, Stage(client, context, *_two(client), code))
    finally:
        await context.close()
    return 0


def _two(client: Client) -> tuple[Someone, Someone]:
    return client.people["alice"], client.people["bob"]


def _environment(world: World) -> dict[str, str]:
    settings = world.settings
    own = {name: str(getattr(settings, name.lower())) for name in SETTINGS}
    return own | {name.upper(): world.client.people[name].token for name in PEOPLE}


if __name__ == "__main__":
    sys.exit(main())
