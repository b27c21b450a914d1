"""A process dies between any two steps of a review: nothing unchecked is shown, and nothing is lost.

Scenarios share many steps. So if a run has already killed after the same three steps in a row, it does not
kill there again. `bench/kills.py` kills after each step of each scenario.
"""

import pytest

from support.crashes import leftovers
from support.invariants import check_nothing_is_half_done
from support.purse import find, put_back
from support.review_scenarios import REVIEW_SCENARIOS, bring_to_an_end
from support.reviews import CHECKED
from support.steps import noting

CHECKING = "reviews.lease_due wechat.check_text reviews.said"
REFUSED = """tasks.refused tasks.opened_by_payment ledger.enter_all
    refunds.insert orders.unusable reviews.delete"""
# The steps of each scenario, in order.
STEPS = {
    "a treasure is published and checked": f"""
        tasks.add reviews.insert tasks.again {CHECKING} wechat.check_picture reviews.asked""",
    "a picture's result is pushed": """media_checks.add reviews.wake reviews.lease_due
        reviews.said reviews.concluded tasks.opened_by_review reviews.delete""",
    "a paid red packet passes": f"""{CHECKING} reviews.concluded tasks.opened_by_review tasks.shown
        tasks.opened_by_payment ledger.enter_all orders.spent reviews.delete""",
    "a paid red packet is refused": f"{CHECKING} reviews.concluded {REFUSED}",
    "an operator decides that a paid red packet is refused": f"reviews.decided {REFUSED}",
}


ENVIRONMENT = CHECKED
# The steps after which a process was killed, each with the two steps before it.
killed_after: set[tuple[str, ...]] = set()


@pytest.mark.parametrize("scenario", REVIEW_SCENARIOS)
async def test_a_kill_after_any_step_shows_nothing_unchecked_and_loses_nothing(client, context, scenario):
    await client.log_in_all("alice", "bob")
    steps = await leftovers(client, context, REVIEW_SCENARIOS[scenario])
    names = [step for step, _ in steps]
    assert names == STEPS[scenario].split()
    for kill_after, (step, left) in enumerate(steps, 1):
        last = tuple(names[:kill_after][-3:])
        if last in killed_after:
            continue
        killed_after.add(last)
        await put_back(context, left)
        with noting(kill_after, step):
            for task in await find(context, "tasks", review="checking"):
                assert not task["open"]
            await bring_to_an_end(context)
            await check_nothing_is_half_done(context)
            (task,) = await find(context, "tasks")
            refused = scenario.endswith("refused")
            assert (task["review"], task["open"]) == (("refused", 0) if refused else ("shown", 1))
            assert await find(context, "reviews") == []
