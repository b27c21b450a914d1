"""A process dies between any two steps of a report, a decision or a ban: no part of it is lost."""

import pytest

from server.actions.people.account import check_ban
from server.errors import Banned
from server.game.review import review_of
from support.crashes import play
from support.purse import find
from support.report_scenarios import REPORT_SCENARIOS, TRACED, check_nobody_waits_in_vain
from support.steps import noting
from support.stored import person_of

LOGGED = ("audit_log.begin", "audit_log.conclude")
DECIDED = [LOGGED[0], "tasks.set_hidden", "reports.close_decided", LOGGED[1]]
# The steps of each scenario, in order.
STEPS = {
    "a treasure is reported": ["reports.add_or_read", "reports.join", "tasks.hide_reported", "reports.again"],
    "an operator hides a reported treasure": DECIDED,
    "an operator shows a reported treasure": DECIDED,
    "reports hide a treasure no longer": ["tasks.unhide_reported", "tasks.again"],
    "a publisher is banned": [LOGGED[0], "people.ban", "orders.wake", LOGGED[1]],
}
# The steps that record an operator's decision.
DECIDES = {"tasks.set_hidden", "people.ban"}


@pytest.mark.parametrize("scenario", REPORT_SCENARIOS)
async def test_a_kill_after_any_step_lets_no_report_be_forgotten(client, context, scenario):
    alice, _ = await client.log_in_all("alice", "bob")
    for kill_after in range(len(STEPS[scenario]) + 1):
        killed = await play(client, context, REPORT_SCENARIOS[scenario], kill_after, TRACED)
        assert killed.names == STEPS[scenario][: kill_after or None]
        with noting(kill_after, killed.names[-1]):
            await check_nobody_waits_in_vain(context)
            (task,) = await find(context, "tasks")
            person = await person_of(context, alice)
            decided = bool(DECIDES & set(killed.names))
            if scenario == "a publisher is banned" and decided:
                with pytest.raises(Banned):
                    check_ban(person, context.clock.now_ms())
            elif scenario == "a publisher is banned":
                assert check_ban(person, context.clock.now_ms()) is person
            elif scenario == "reports hide a treasure no longer":
                assert (review_of(task), task["hidden"]) == ("shown", 0)
            else:
                ends = {"hides": "hidden", "shows": "shown"}.get(scenario.split()[2], "held")
                assert review_of(task) == (ends if decided else "held")
