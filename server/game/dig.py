"""A dig's record, and the seconds of a cooldown."""

from __future__ import annotations

from typing import Literal, NotRequired, TypeAlias, TypedDict

# Why a task ended. With the first two reasons, a dig ended it.
EndReason: TypeAlias = Literal[
    "prizes_gone", "depth_reached", "expired", "publisher", "operator", "refused", "credit"
]


class Dig(TypedDict):
    """One dig, with all that its frames contain. Times are unix milliseconds.

    `last_won` is the depth of the deepest prize found so far. By the rules of the draw this dig's chance to
    win was 1 / `was_one_in`; 0 if it could not win. `no` is the person's place among the participants. `n` is
    the same number, but only the person's first dig of the task has it. `prizes_left`, `participants` and
    `cd_until` are as the dig left them; `end` says why the task ended with it. Only a winning dig of a task
    with ranks has `rank` (from 1), `fen` (what the prize pays, 0 for goods), and `ranks_left` and `left_fen`
    as the dig left them. `find` is what the dig brought up, as in
    `draw.py`; absent if nothing. `layers` is how many layers of finds were whole in the person's book, absent
    if none.
    """

    _id: str
    code: str
    depth: int
    person_id: str
    wxname: str
    wxheadpic: str
    is_prize: int
    prizes_left: int
    participants: int
    no: int
    dig_id: str
    at: int
    cd_until: int
    last_won: int
    was_one_in: int
    n: NotRequired[int]
    end: NotRequired[EndReason]
    rank: NotRequired[int]
    fen: NotRequired[int]
    ranks_left: NotRequired[list[int]]
    left_fen: NotRequired[int]
    find: NotRequired[int]
    layers: NotRequired[int]


def seconds_left(until_ms: int, now_ms: int) -> int:
    """Return whole seconds until a moment, rounded up; 0 once it has come."""
    return max(0, -(-(until_ms - now_ms) // 1000))


def time_in_words(seconds: int) -> str:
    """Return a duration in words, rounded up: "90 秒", "15 分钟", "8 小时", "3 天"."""
    for unit, name in ((86_400, "天"), (3600, "小时"), (60, "分钟")):
        if seconds >= 2 * unit:
            return f"{-(-seconds // unit)} {name}"
    return f"{seconds} 秒"
