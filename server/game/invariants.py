"""The invariants of a task. Those that are broken are returned as findings. Pure."""

from __future__ import annotations

from typing import TypedDict

import msgspec

from server.game.findings import Finding, Value, What


class Standing(TypedDict):
    """The fields of a task that its history must agree with."""

    _id: str
    now_depth: int
    prize_num: int
    prizes_left: int
    participants: int


class Totals(msgspec.Struct, frozen=True):
    """What a task's history adds up to, pending digs counted."""

    digs: int
    deepest: int
    wins: int
    participants: int


def broken_by_totals(task: Standing, totals: Totals) -> list[Finding]:
    """Return where a task contradicts the totals of its history, [] if nowhere."""
    found = []
    if totals.digs != task["now_depth"] or totals.deepest != task["now_depth"]:
        found.append(_broken(task, "depth", task["now_depth"], totals.digs, totals.deepest))
    won = task["prize_num"] - task["prizes_left"]
    if totals.wins != won or totals.wins > task["prize_num"]:
        found.append(_broken(task, "wins", won, totals.wins))
    if totals.participants != task["participants"]:
        found.append(_broken(task, "participants", task["participants"], totals.participants))
    return found


def _broken(task: Standing, what: What, *values: Value) -> Finding:
    return Finding("invariant", task["_id"], what, values)
