"""What must always hold of a task, as sentences that name what does not. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from server.store.tasks import Task


class Totals(msgspec.Struct, frozen=True):
    """What a task's history adds up to, pending digs counted."""

    digs: int
    deepest: int
    wins: int
    participants: int


def broken_by_totals(task: Task, totals: Totals) -> list[str]:
    """Return what a task says that its history contradicts, [] when they agree."""
    code = task["_id"]
    found = []
    if totals.digs != task["now_depth"] or totals.deepest != task["now_depth"]:
        found.append(
            f"{code}: now_depth is {task['now_depth']}, but {totals.digs} digs are recorded down to {totals.deepest}"
        )
    won = task["prize_num"] - task["prizes_left"]
    if totals.wins != won or totals.wins > task["prize_num"]:
        found.append(f"{code}: {won} prizes are gone, but {totals.wins} wins are recorded")
    if totals.participants != task["participants"]:
        found.append(
            f"{code}: participants is {task['participants']}, but {totals.participants} people are recorded"
        )
    return found
