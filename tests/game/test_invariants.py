"""Every way in which a task can contradict its history is found and named."""

import msgspec
import pytest

from server.game.invariants import Totals, broken_by_totals
from support.invariants import broken_by_digs

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


@pytest.mark.parametrize(
    ("index", "changes", "broken"),
    [
        (1, {"depth": 3}, "depths"),
        (1, {"at": 1999}, "cooldown of depth 2"),
        (1, {"is_prize": 0}, "winning depths"),
        (2, {"is_prize": 1, "person_id": "bob"}, "winners"),
        (2, {"no": 2}, "place of depth 3"),
        (1, {"n": 1}, "place of depth 2"),
        (2, {"participants": 3}, "participants at depth 3"),
        (1, {"person_id": "alice"}, "participants"),
    ],
)
def test_a_contradiction_of_the_digs_is_found(index, changes, broken):
    people = ("alice", 1, 1, 0, 1), ("bob", 2, 2, 1, 2), ("alice", 1, 2, 0, None)
    digs = [
        {"depth": depth, "person_id": who, "no": no, "participants": crowd, "is_prize": won}
        | {"at": depth * 1000}
        | ({"n": place} if place else {})
        for depth, (who, no, crowd, won, place) in enumerate(people, 1)
    ]
    task = TASK | {"cd_ms": 1000}
    assert broken_by_digs(task, digs, [2, 7]) == []
    digs[index] |= changes
    assert broken in broken_by_digs(task, digs, [2, 7])
