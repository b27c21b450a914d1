"""The days by which WeChat counts what is paid out: they begin at midnight in China. Pure."""

from __future__ import annotations

from server.game.amounts import DAY_MS

_AHEAD_MS = 8 * 3_600_000
# The operator is told once this part of a day's limit is used.
NEARLY = 0.8


def day_of(at_ms: int) -> int:
    """Return the number of the day of a time (unix ms)."""
    return (at_ms + _AHEAD_MS) // DAY_MS


def begins_at(day: int) -> int:
    """Return the time at which a day begins, in unix ms."""
    return day * DAY_MS - _AHEAD_MS


def tomorrow_ms(now_ms: int) -> int:
    """Return the time at which the next day after this time begins, in unix ms."""
    return begins_at(day_of(now_ms) + 1)
