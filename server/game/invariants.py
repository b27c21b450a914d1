"""What must always hold for a task. What does not hold is returned as findings. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TypedDict

import msgspec

from server.game.dig import Dig
from server.game.findings import Finding, Value, What


class Standing(TypedDict):
    """The fields of a task that its digs must agree with."""

    _id: str
    now_depth: int
    cd_ms: int
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


def broken_by_digs(task: Standing, digs: Sequence[Dig], winning_depths: Sequence[int]) -> list[Finding]:
    """Return where a task contradicts its whole history, or the history itself; [] if nowhere.

    `digs` are ordered by depth and include a pending one. Only clients know what was acknowledged;
    this cannot check it.
    """
    found = []
    depths = [dig["depth"] for dig in digs]
    if depths != list(range(1, task["now_depth"] + 1)):
        found.append(_broken(task, "depths", task["now_depth"], tuple(depths)))
    for before, after in pairwise(digs):
        if after["at"] < before["at"] + task["cd_ms"]:
            found.append(_broken(task, "cooldown", after["depth"]))
    won = [dig["depth"] for dig in digs if dig["is_prize"]]
    if won != [depth for depth in winning_depths if depth <= task["now_depth"]]:
        found.append(_broken(task, "winning_depths", tuple(won)))
    winners = [dig["unionid"] for dig in digs if dig["is_prize"]]
    if len(winners) != len(set(winners)) or len(winners) > task["prize_num"]:
        found.append(_broken(task, "winners", len(winners), len(set(winners)), task["prize_num"]))
    places: dict[str, int] = {}
    for dig in digs:
        joins = dig["unionid"] not in places
        place = places.setdefault(dig["unionid"], len(places) + 1)
        if dig["no"] != place or dig.get("n") != (place if joins else None):
            found.append(_broken(task, "place", dig["depth"], place, dig["no"]))
        if dig["participants"] != len(places):
            found.append(_broken(task, "participants_at", dig["depth"], dig["participants"], len(places)))
    if task["participants"] != len(places):
        found.append(_broken(task, "participants", task["participants"], len(places)))
    return found


def _broken(task: Standing, what: What, *values: Value) -> Finding:
    return Finding("invariant", task["_id"], what, values)
