"""Each way in which a task may contradict its history is found and named."""

from __future__ import annotations

from typing import Any, get_args

import msgspec
import pytest

from server.game.dig import Dig
from server.game.findings import Finding, InvariantWhat, Value
from server.game.invariants import Standing, Totals, broken_by_digs, broken_by_totals
from server.operation.findings import SENTENCES

CODE = "CODE"
TASK = Standing(_id=CODE, now_depth=3, cd_ms=1000, prize_num=2, prizes_left=1, participants=2)
TOTALS = Totals(digs=3, deepest=3, wins=1, participants=2)
WINNING_DEPTHS = [2, 7]

# How the totals differ, and what must be found.
BY_TOTALS: list[tuple[dict[str, int], str, tuple[Value, ...]]] = [
    ({"digs": 4}, "depth", (3, 4, 3)),
    ({"deepest": 4}, "depth", (3, 3, 4)),
    ({"wins": 0}, "wins", (1, 0)),
    ({"participants": 1}, "participants", (2, 1)),
]
# Which dig is changed and how, and what must be found.
BY_DIGS: list[tuple[int, dict[str, Any], str, tuple[Value, ...]]] = [
    (1, {"depth": 3}, "depths", (3, (1, 3, 3))),
    (1, {"at": 1999}, "cooldown", (2,)),
    (1, {"is_prize": 0}, "winning_depths", ((),)),
    (2, {"is_prize": 1}, "winning_depths", ((2, 3),)),
    (2, {"is_prize": 1, "unionid": "bob"}, "winners", (2, 1, 2)),
    (2, {"no": 2}, "place", (3, 1, 2)),
    (1, {"n": 1}, "place", (2, 2, 2)),
    (2, {"participants": 3}, "participants_at", (3, 3, 2)),
    (1, {"unionid": "alice"}, "participants", (2, 1)),
]


def dig(depth: int, unionid: str, no: int, participants: int, is_prize: int = 0) -> dict[str, Any]:
    """Return a dig, a second after the one before."""
    return {
        "_id": f"{CODE}:{depth}",
        "code": CODE,
        "depth": depth,
        "unionid": unionid,
        "is_prize": is_prize,
        "no": no,
        "participants": participants,
        "at": depth * 1000,
    }


def history() -> list[Any]:
    """Return three digs by two people; the second dig won."""
    first, second, third = dig(1, "alice", 1, 1), dig(2, "bob", 2, 2, 1), dig(3, "alice", 1, 2)
    return [first | {"n": 1}, second | {"n": 2}, third]


def assert_found(found: list[Finding], what: str, values: tuple[Value, ...]) -> None:
    """Assert that this finding is among them, and that each one's sentence has room for its values."""
    assert ("invariant", CODE, what, values) in [(f.kind, f.code, f.what, f.values) for f in found]
    assert all(SENTENCES[finding.what].count("{}") == len(finding.values) for finding in found)


def test_a_history_that_holds_gives_no_finding() -> None:
    digs: list[Dig] = history()
    assert broken_by_totals(TASK, TOTALS) == []
    assert broken_by_digs(TASK, digs, WINNING_DEPTHS) == []


@pytest.mark.parametrize(("changes", "what", "values"), BY_TOTALS)
def test_a_contradiction_of_the_totals_is_found(
    changes: dict[str, int], what: str, values: tuple[Value, ...]
) -> None:
    assert_found(broken_by_totals(TASK, msgspec.structs.replace(TOTALS, **changes)), what, values)


def test_no_more_may_win_than_there_are_prizes() -> None:
    task: Any = TASK | {"prize_num": 1, "prizes_left": 0}
    digs = history()
    digs[2]["is_prize"] = 1
    assert_found(broken_by_digs(task, digs, [2, 3]), "winners", (2, 2, 1))
    task["prizes_left"] = -1
    assert_found(broken_by_totals(task, msgspec.structs.replace(TOTALS, wins=2)), "wins", (2, 2))


@pytest.mark.parametrize(("index", "changes", "what", "values"), BY_DIGS)
def test_a_contradiction_of_the_digs_is_found(
    index: int, changes: dict[str, Any], what: str, values: tuple[Value, ...]
) -> None:
    digs = history()
    digs[index] |= changes
    assert_found(broken_by_digs(TASK, digs, WINNING_DEPTHS), what, values)


def test_each_invariant_is_tested_here() -> None:
    assert {what for *_, what, _ in [*BY_TOTALS, *BY_DIGS]} == set(get_args(InvariantWhat))
