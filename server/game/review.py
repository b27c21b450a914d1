"""Whether others may see a task: the states of its review. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeAlias

ReviewState: TypeAlias = Literal["checking", "shown", "held", "refused"]
# As clients see it: an operator may also hide what was shown.
ReviewShown: TypeAlias = Literal["checking", "shown", "held", "refused", "hidden"]
IN_REVIEW: tuple[ReviewState, ...] = ("checking", "held")


def review_of(task: Mapping[str, object]) -> ReviewShown:
    """Return whether others may see a task ("shown"), or why not. A task without `review` needs none.

    A task that enough people reported is held until an operator decides.
    """
    match task.get("review"):
        case "checking" | "held" | "refused" as review:
            return review
    if not task.get("hidden"):
        return "shown"
    return "held" if task.get("reported") else "hidden"


def note_of(task: Mapping[str, object]) -> str:
    """Return in words why others may not see a task, "" if there is nothing to say."""
    # Earlier versions had one note for both.
    reviewed = task.get("review") in ("checking", "held", "refused")
    note = None if reviewed else task.get("hidden_note")
    return str(note if note is not None else task.get("review_note", ""))


def is_taken_down(task: Mapping[str, object]) -> bool:
    """Whether an operator hides a task, in review or not. Reports alone do not count."""
    return bool(task.get("hidden")) and not task.get("reported")


def is_shown(task: Mapping[str, object]) -> bool:
    """Whether others than its publisher may see a task."""
    return review_of(task) == "shown"
