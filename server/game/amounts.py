"""The sums, the dates and the times that payments and prizes share. Pure."""

from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from typing import Any

from server.game.ranks import TaskRank

DAY_MS = 86_400_000
WEEK_MS = 7 * DAY_MS
BEIJING = timezone(timedelta(hours=8))
# A prize that was held can be claimed for this long after its release, even if the deadline is over.
RELEASED_MS = 3 * DAY_MS
FEN_PER_YUAN = 100
# The process that saves an answer of WeChat also does what follows from it. If it dies first, a sweep does so
# after this time.
FOLLOWED_MS = 10_000
# WeChat counts what it pays out by days that begin at midnight in China.
_AHEAD_MS = BEIJING.utcoffset(None) // timedelta(milliseconds=1)


def day_of(at_ms: int) -> int:
    """Return the number of the day of a time (unix ms)."""
    return (at_ms + _AHEAD_MS) // DAY_MS


def begins_at(day: int) -> int:
    """Return the time at which a day begins, in unix ms."""
    return day * DAY_MS - _AHEAD_MS


def total_fen(task: Mapping[str, Any]) -> int:
    """Return what all prizes of a task pay together, 0 for goods. The publisher pays in this sum."""
    if "ranks" in task:
        return ranks_fen(task["ranks"])
    return int(task["money"] * FEN_PER_YUAN * task["prize_num"])


def ranks_fen(ranks: list[TaskRank]) -> int:
    """Return what all prizes of these ranks pay together."""
    return sum(rank["fen"] * (1 if rank["split"] else rank["prize_num"]) for rank in ranks)


def unwon_fen(task: Mapping[str, Any]) -> int:
    """Return what the prizes that nobody has won pay together."""
    return int(task["left_fen"] if "left_fen" in task else task["money"] * FEN_PER_YUAN * task["prizes_left"])


def in_words(fen: int) -> str:
    """Return an amount as people read it: without decimals if it is whole yuan, else with two."""
    yuan, rest = divmod(fen, FEN_PER_YUAN)
    return f"{yuan}.{rest:02} 元" if rest else f"{yuan} 元"


def whole_yuan(fen: int) -> int:
    """Return an amount in whole yuan, rounded up."""
    return -(-fen // FEN_PER_YUAN)


def beijing(at_ms: int) -> datetime:
    """Return a moment as clocks in China show it."""
    return datetime.fromtimestamp(at_ms / 1000, BEIJING)


def spoken(at_ms: int) -> str:
    """Return a moment as people say it, in Beijing."""
    at = beijing(at_ms)
    return f"{at.year} 年 {at.month} 月 {at.day} 日 {at:%H:%M}"


def claim_days_of(task: Mapping[str, Any], otherwise: int) -> int:
    """Return for how many days after the end of a task its prizes can be claimed.

    These are the days that its rules named when it was published, even if the setting, `otherwise`, has
    changed since.
    """
    days: int = task.get("claim_days", otherwise)
    return days


def claim_until_ms(ended_at_ms: int, claim_days: int, released_at_ms: int = 0) -> int:
    """Return until when prizes of a task that ended at `ended_at_ms` can be claimed, in unix ms; 0 while the
    task runs.

    `released_at_ms` is when a prize was released, if it was held.
    """
    return max(ended_at_ms + claim_days * DAY_MS, released_at_ms + RELEASED_MS) if ended_at_ms else 0
