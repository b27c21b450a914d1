"""每日一挖: the treasure of a day, which starts at one hour. Pure. Days and hours are those of China."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from server.game.amounts import BEIJING


def day_of(moment_ms: int) -> str:
    """Return the day of a moment (unix ms), as 2026-12-31."""
    return datetime.fromtimestamp(moment_ms / 1000, BEIJING).date().isoformat()


def starts_daily(task: Mapping[str, Any], daily_at: str) -> bool:
    """Whether a task starts at the hour of the daily ones ("20:00")."""
    starts_at = task.get("starts_at", 0)
    return bool(starts_at) and datetime.fromtimestamp(starts_at / 1000, BEIJING).strftime("%H:%M") == daily_at
