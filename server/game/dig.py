"""A dig's record, and the seconds of a cooldown."""

from typing import Literal, NotRequired, TypeAlias, TypedDict

# Why a task ended. With the first two reasons, a dig ended it.
EndReason: TypeAlias = Literal[
    "prizes_gone", "depth_reached", "expired", "publisher", "operator", "refused", "credit"
]


class ToldDig(TypedDict):
    """All that the frames of a dig contain. Times are unix milliseconds.

    `last_won` is the depth of the deepest prize found so far. `no` is the person's place among the
    participants. `n` is the same number, but only the person's first dig of the task has it. `prizes_left`,
    `participants` and `cd_until` are as the dig left them; `end` says why the task ended with it. Only a
    winning dig of a task with ranks has `rank` (from 1), `fen` (what the prize pays, 0 for goods), and
    `ranks_left` as the dig left them. `find` is what the dig brought up, as in `draw.py`; absent if nothing.
    `layers` is how many layers of finds were whole in the person's book, absent if none.
    """

    code: str
    depth: int
    person_id: str
    wxname: str
    wxheadpic: str
    is_prize: int
    prizes_left: int
    participants: int
    no: int
    at: int
    cd_until: int
    last_won: int
    n: NotRequired[int]
    end: NotRequired[EndReason]
    rank: NotRequired[int]
    fen: NotRequired[int]
    ranks_left: NotRequired[list[int]]
    find: NotRequired[int]
    layers: NotRequired[int]


class Dig(ToldDig):
    """The record of a dig. By the rules of the draw its chance to win was 1 / `was_one_in`; 0 if it could not
    win. `left_fen` is as the dig left it; absent without ranks."""

    _id: str
    dig_id: str
    was_one_in: int
    left_fen: NotRequired[int]


def seconds_left(until_ms: int, now_ms: int) -> int:
    """Return whole seconds until a moment, rounded up; 0 once it has come."""
    return max(0, -(-(until_ms - now_ms) // 1000))


def time_in_words(seconds: int) -> str:
    """Return a duration in words, rounded up: "90 秒", "15 分钟", "8 小时", "3 天"."""
    for unit, name in ((86_400, "天"), (3600, "小时"), (60, "分钟")):
        if seconds >= 2 * unit:
            return f"{-(-seconds // unit)} {name}"
    return f"{seconds} 秒"
