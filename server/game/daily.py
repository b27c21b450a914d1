"""每日一挖: the treasure of a day, which starts at one hour. Pure. Days and hours are those of China."""

from collections.abc import Mapping
from typing import Any

from server.game.amounts import beijing
from server.game.review import is_shown


def date_of(moment_ms: int) -> str:
    """Return the day of a moment (unix ms), as 2026-12-31."""
    return beijing(moment_ms).date().isoformat()


def may_be_daily(task: Mapping[str, Any], daily_at: str, now_ms: int) -> bool:
    """Whether an operator may make a task a daily one: it is public and paid for, and will start at the hour
    of the daily ones ("20:00")."""
    begins = task.get("starts_at", 0) > now_ms and _starts_daily(task, daily_at)
    return bool(begins and task["is_public"] and task["open"] and not task["status"])


def is_daily(task: Mapping[str, Any], daily_at: str, *, barred: bool) -> bool:
    """Whether others see a task as the daily one of its day; `barred` says that its publisher is banned."""
    stands = task["now_depth"] or not (task["status"] or barred)
    on_time = date_of(task.get("starts_at", 0)) == task["daily"] and _starts_daily(task, daily_at)
    return bool(stands and on_time and task["open"] and is_shown(task))


def _starts_daily(task: Mapping[str, Any], daily_at: str) -> bool:
    starts_at = task.get("starts_at", 0)
    return bool(starts_at) and f"{beijing(starts_at):%H:%M}" == daily_at
