"""A process dies between any two steps. Afterwards nothing is half done, lost or told twice.

The scenarios are of money, reviews, reports and messages. They share many steps. So if a run has already
killed after the same two steps in a row, it does not kill there again. `bench/kills.py` kills after each step
of each scenario.
"""

from collections import Counter
from collections.abc import Iterator

import pytest

from server.actions.people.account import check_ban
from server.context import Context
from server.errors import Banned
from server.game.review import review_of
from support.client import Client
from support.crashes import Scenario, leftovers, play
from support.invariants import check_nothing_is_half_done
from support.lifecycles import MONEY
from support.message_scenarios import MESSAGE_SCENARIOS, check_told_once, repeat
from support.messages import MESSAGES
from support.purse import find, put_back, sweep_until_quiet
from support.report_scenarios import REPORT_SCENARIOS, TRACED, check_nobody_waits_in_vain
from support.review_scenarios import REVIEW_SCENARIOS, bring_to_an_end
from support.reviews import CHECKED
from support.rows import examples
from support.scenarios import SCENARIOS, Stage
from support.steps import noting
from support.stored import person_of

ACTS: dict[str, Scenario] = {name: each[-2:] for name, each in MESSAGE_SCENARIOS.items()}
ALL = SCENARIOS | REVIEW_SCENARIOS | REPORT_SCENARIOS | ACTS
# These scenarios do some work in the background, so the order of their steps varies.
IN_BACKGROUND = (
    "a win is overtaken by the next",
    "a treasure is frozen while a bill is out",
    "a treasure is frozen while its prize is claimed",
)
# Rows that no scenario takes, each with the reason.
AN_END = "an operator has to act; nothing follows, and the checks here want all money to have arrived"
NOT_TAKEN = {
    "bills.voided": "another's transfer stays at WeChat, which the checks here call a fault; else as failed",
    "orders.expired": "it is the only write after WeChat said that it never got an order",
    "refunds.abnormal": AN_END,
    "refunds.closed": AN_END,
}
# The steps that show that an effect was carried out.
EFFECTS = {
    "order.delivery": {"orders.reported"},
    "prize.ledger": {"ledger.enter"},
    "prize.freezes": {"prizes.frozen"},
    "prize.bill": {"bills.insert", "prizes.held", "prizes.put_off"},
    "prize.message": {"messages.insert"},
    "bill.prize": {"prizes.given_by_bill", "prizes.freed"},
    "bill.ledger": {"ledger.enter"},
    "refund.ledger": {"ledger.enter"},
    "refund.prizes": {"prizes.returned"},
}
# The steps that record an operator's decision.
DECIDES = {"moderation.set_hidden", "people.ban"}


# The steps of each scenario that was played.
played: dict[str, list[str]] = {}
# The steps after which a process was killed, each with the step before it.
killed_after: set[tuple[str, ...]] = set()


@pytest.fixture(scope="module", autouse=True)
def _all_were_killed() -> Iterator[None]:
    """Assert that a process was killed after each row and each effect, if all scenarios were played."""
    yield
    if played.keys() != ALL.keys():
        return
    taken = {step for steps in played.values() for step in steps}
    rows = {f"{table.name}s.{move.name}" for table in MONEY for move in examples(table)}
    assert rows - taken == NOT_TAKEN.keys()
    done = {effect for effect in EFFECTS if any(_is_done(steps, effect) for steps in played.values())}
    assert done == {f"{table.name}.{owed}" for table in MONEY for owed in table.effects}


def _is_done(steps: list[str], effect: str) -> bool:
    """Return whether a scenario carries an effect out, and notes that it did."""
    done = next((at for at, step in enumerate(steps) if step in EFFECTS[effect]), len(steps))
    return f"{effect.partition('.')[0]}s.carried_out" in steps[done:]


@pytest.fixture
def environment(request: pytest.FixtureRequest) -> dict[str, str]:
    """The settings that a scenario needs."""
    scenario = request.node.callspec.params["scenario"]
    return CHECKED if scenario in REVIEW_SCENARIOS else MESSAGES if scenario in ACTS else {}


async def check(client: Client, context: Context, scenario: str, stage: Stage, done: list[str]) -> None:
    """Let the next process go on after these steps; assert that nothing is half done."""
    with noting(len(done), done[-1]):
        if scenario in REPORT_SCENARIOS:
            await check_nobody_waits_in_vain(context)
            await check_report(context, scenario, stage, decided=bool(DECIDES & set(done)))
            return
        if scenario in REVIEW_SCENARIOS:
            assert not await find(context, "tasks", review="checking", open=1)
            await bring_to_an_end(context)
            [task] = await find(context, "tasks")
            refused = scenario.endswith("refused")
            assert (task["review"], task["open"]) == (("refused", 0) if refused else ("shown", 1))
            assert await find(context, "reviews") == []
        if scenario in ACTS:
            await repeat(context, stage, scenario)
        await sweep_until_quiet(context)
        if scenario in ACTS:
            await check_told_once(client, context, scenario, done[-1])
        await check_nothing_is_half_done(context)


async def check_report(context: Context, scenario: str, stage: Stage, *, decided: bool) -> None:
    """Assert that a report, or what an operator decided about it, is in force."""
    [task] = await find(context, "tasks")
    person = await person_of(context, stage.alice)
    if scenario == "a publisher is banned" and decided:
        with pytest.raises(Banned):
            check_ban(person, context.clock.now_ms())
    elif scenario == "a publisher is banned":
        assert check_ban(person, context.clock.now_ms()) is person
    elif scenario == "reports hide a treasure no longer":
        assert (review_of(task), task["hidden"]) == ("shown", 0)
    else:
        assert review_of(task) == ("hidden" if decided else "held")


@pytest.mark.parametrize("scenario", [name for name in ALL if name not in IN_BACKGROUND])
async def test_a_kill_after_any_step_leaves_nothing_half_done(client, context, scenario):
    await client.log_in_all("alice", "bob", "carol")
    also = TRACED if scenario in REPORT_SCENARIOS else ()
    stage, steps = await leftovers(client, context, ALL[scenario], also)
    names = played[scenario] = [step for step, _ in steps]
    before = None
    for kill_after, (_, left) in enumerate(steps, 1):
        last = tuple(names[:kill_after][-2:])
        once = scenario not in REPORT_SCENARIOS and "several" not in scenario
        if left != before and not (once and last in killed_after):  # a query to WeChat changes nothing
            await put_back(context, left)
            await check(client, context, scenario, stage, names[:kill_after])
            killed_after.add(last)
        before = left


@pytest.mark.parametrize("scenario", IN_BACKGROUND)
async def test_a_kill_after_any_step_in_the_background_leaves_nothing_half_done(client, context, scenario):
    await client.log_in_all("alice", "bob", "carol")
    stage, whole = await play(client, context, ALL[scenario], 0)
    played[scenario] = whole.names
    for kill_after in range(1, len(whole.names) + 1):
        last = tuple(whole.names[:kill_after][-2:])
        if last in killed_after:
            continue
        killed_after.add(last)
        stage, killed = await play(client, context, ALL[scenario], kill_after)
        assert len(killed.names) == kill_after
        assert not Counter(killed.names) - Counter(whole.names)
        await check(client, context, scenario, stage, killed.names)
