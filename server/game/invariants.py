"""What must always hold of a task, as sentences that name what does not. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TypedDict

import msgspec

from server.game.dig import Dig


class Standing(TypedDict):
    """What of a task its digs must agree with."""

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


def broken_by_totals(task: Standing, totals: Totals) -> list[str]:
    """Return what a task says that its history contradicts, [] when they agree."""
    code = task["_id"]
    found = []
    if totals.digs != task["now_depth"] or totals.deepest != task["now_depth"]:
        found.append(
            f"{code}: now_depth is {task['now_depth']}, "
            f"but {totals.digs} digs are recorded down to {totals.deepest}"
        )
    won = task["prize_num"] - task["prizes_left"]
    if totals.wins != won or totals.wins > task["prize_num"]:
        found.append(f"{code}: {won} prizes are gone, but {totals.wins} wins are recorded")
    if totals.participants != task["participants"]:
        found.append(
            f"{code}: participants is {task['participants']}, but {totals.participants} people are recorded"
        )
    return found


def broken_by_digs(task: Standing, digs: Sequence[Dig], winning_depths: Sequence[int]) -> list[str]:
    """Return what a task's whole history contradicts, [] when all of it holds.

    `digs` are in the order of their depths, a pending one among them. That an acknowledged dig is recorded
    only whoever got the acknowledgements can tell.
    """
    code, found = task["_id"], []
    depths = [dig["depth"] for dig in digs]
    if depths != list(range(1, task["now_depth"] + 1)):
        found.append(f"{code}: now_depth is {task['now_depth']}, but the digs' depths are {depths}")
    for before, after in pairwise(digs):
        if after["at"] < before["at"] + task["cd_ms"]:
            found.append(f"{after['_id']}: dug within the cooldown of the dig before")
    won = [dig["depth"] for dig in digs if dig["is_prize"]]
    if won != [depth for depth in winning_depths if depth <= task["now_depth"]]:
        found.append(f"{code}: wins are at {won}, which are not the committed depths")
    winners = [dig["unionid"] for dig in digs if dig["is_prize"]]
    if len(winners) != len(set(winners)) or len(winners) > task["prize_num"]:
        found.append(f"{code}: {len(winners)} wins of {len(set(winners))} people, {task['prize_num']} prizes")
    places: dict[str, int] = {}
    for dig in digs:
        joins = dig["unionid"] not in places
        place = places.setdefault(dig["unionid"], len(places) + 1)
        if dig["no"] != place or dig.get("n") != (place if joins else None):
            found.append(f"{dig['_id']}: of the participant at place {place}, but says {dig['no']}")
        if dig["participants"] != len(places):
            found.append(f"{dig['_id']}: participants is {dig['participants']}, but they are {len(places)}")
    if task["participants"] != len(places):
        found.append(f"{code}: participants is {task['participants']}, but they are {len(places)}")
    return found
