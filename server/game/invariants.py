"""The invariants of a task. Broken invariants are returned as findings. Pure."""

from collections.abc import Mapping
from typing import Any

import msgspec

from server.game.findings import Finding, Value, What


class Totals(msgspec.Struct, frozen=True):
    """What a task's history adds up to, pending digs included."""

    digs: int
    deepest: int
    wins: int
    participants: int


def broken_by_totals(task: Mapping[str, Any], totals: Totals) -> list[Finding]:
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


def _broken(task: Mapping[str, Any], what: What, *values: Value) -> Finding:
    return Finding("invariant", task["_id"], what, values)
