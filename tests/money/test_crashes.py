"""A process dies between any two steps. After another process's next sweep, nothing is half done or lost.

Scenarios share many steps. So if a run has already killed after the same three steps in a row, it does not
kill there again. `bench/kills.py` kills after each step of each scenario.
"""

from collections import Counter
from collections.abc import Iterator

import pytest

from server.context import Context
from support.crashes import leftovers, play
from support.invariants import check_nothing_is_half_done
from support.lifecycles import MONEY
from support.purse import put_back, sweep_until_quiet
from support.rows import examples
from support.scenarios import SCENARIOS
from support.steps import noting

pytestmark = pytest.mark.changes_ledger  # a test may end after a kill and before the next sweep

# These scenarios do some work in the background, so the order of their steps varies.
IN_BACKGROUND = (
    "a win is overtaken by the next",
    "a treasure is frozen while a bill is out",
    "a treasure is frozen while its prize is claimed",
)
# Rows that no scenario takes, each with the reason.
AN_END = "an operator has to act; nothing follows, and the checks here want all money to have arrived"
NOT_TAKEN = {
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
    "bill.prize": {"prizes.given_by_bill", "prizes.freed"},
    "bill.ledger": {"ledger.enter"},
    "refund.ledger": {"ledger.enter"},
    "refund.prizes": {"prizes.returned"},
}


# The steps of each scenario that was played.
played: dict[str, list[str]] = {}
# The steps after which a process was killed, each with the two steps before it.
killed_after: set[tuple[str, ...]] = set()


@pytest.fixture(scope="module", autouse=True)
def _all_were_killed() -> Iterator[None]:
    """Assert that a process was killed after each row and each effect, if all scenarios were played."""
    yield
    if played.keys() != SCENARIOS.keys():
        return
    taken = {step for steps in played.values() for step in steps}
    rows = {f"{table.name}s.{move.name}" for table in MONEY for move in examples(table)}
    assert rows - taken == NOT_TAKEN.keys()
    done = {effect for effect in EFFECTS if any(_is_done(steps, effect) for steps in played.values())}
    # tests/actions/test_message_crashes.py has the scenarios of messages.
    assert done | {"prize.message"} == {f"{table.name}.{owed}" for table in MONEY for owed in table.effects}


def _is_done(steps: list[str], effect: str) -> bool:
    """Return whether a scenario carries an effect out, and notes that it did."""
    done = next((at for at, step in enumerate(steps) if step in EFFECTS[effect]), len(steps))
    return f"{effect.partition('.')[0]}s.carried_out" in steps[done:]


async def check_swept(context: Context, kill_after: int, step: str) -> None:
    """Assert that the next sweeps leave nothing half done."""
    await sweep_until_quiet(context)
    with noting(kill_after, step):
        await check_nothing_is_half_done(context)


@pytest.mark.parametrize("scenario", [name for name in SCENARIOS if name not in IN_BACKGROUND])
async def test_a_kill_after_any_step_leaves_nothing_half_done(client, context, scenario):
    await client.log_in_all("alice", "bob", "carol")
    steps = await leftovers(client, context, SCENARIOS[scenario])
    played[scenario] = [step for step, _ in steps]
    before = None
    for kill_after, (step, left) in enumerate(steps, 1):
        last = tuple(played[scenario][:kill_after][-3:])
        if left != before and last not in killed_after:  # a query to WeChat changes nothing
            await put_back(context, left)
            await check_swept(context, kill_after, step)
            killed_after.add(last)
        before = left


@pytest.mark.parametrize("scenario", IN_BACKGROUND)
async def test_a_kill_after_any_step_in_the_background_leaves_nothing_half_done(client, context, scenario):
    await client.log_in_all("alice", "bob", "carol")
    whole = await play(client, context, SCENARIOS[scenario], 0)
    played[scenario] = whole.names
    for kill_after, step in enumerate(whole.names, 1):
        killed = await play(client, context, SCENARIOS[scenario], kill_after)
        assert len(killed.names) == kill_after
        assert not Counter(killed.names) - Counter(whole.names)
        await check_swept(context, kill_after, step)
