"""Every way in which a task can contradict the totals of its digs is found and named."""

import msgspec
import pytest

from server.game.invariants import Totals, broken_by_totals

TASK = {"_id": "CODE", "now_depth": 3, "prize_num": 2, "prizes_left": 1, "participants": 2}
TOTALS = Totals(digs=3, deepest=3, wins=1, participants=2)


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({}, []),
        ({"digs": 4}, [("depth", (3, 4, 3))]),
        ({"deepest": 4}, [("depth", (3, 3, 4))]),
        ({"wins": 0}, [("wins", (1, 0))]),
        ({"wins": 3}, [("wins", (1, 3))]),
        ({"participants": 1}, [("participants", (2, 1))]),
    ],
)
def test_a_contradiction_of_the_totals_is_found(changes, what):
    found = broken_by_totals(TASK, msgspec.structs.replace(TOTALS, **changes))
    assert [(each.what, each.values) for each in found] == what
