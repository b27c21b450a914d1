"""Kinds of prizes in one task. Pure. `draw.py` has the fields of a kind that the draw commits to."""

from collections.abc import Iterable, Mapping
from typing import Any, Literal, NotRequired, TypeAlias, TypedDict

RED_PACKET = 1
GOODS = 2
ON_SITE = 1
BY_MAIL = 2

GivenAs: TypeAlias = Literal["red_packet", "by_mail", "on_site"]


class TaskRank(TypedDict):
    """A kind of prizes of a task. `fen` is what one pays, 0 for goods; if `split` is 1, what all of them
    share.

    `value` is as in a task. `pic` is the path of its own picture, "" if it has none.
    """

    name: str
    pic: str
    goods_type: int
    draw_type: int
    prize_num: int
    fen: int
    split: int
    value: NotRequired[int]


def pictures_of(task: Mapping[str, Any]) -> list[str]:
    """Return the paths of all pictures of a task, its own first, each once."""
    return list(dict.fromkeys([task["pic"], *(rank["pic"] for rank in task.get("ranks", []) if rank["pic"])]))


class Kind(TypedDict):
    """The fields of a task, a rank or a prize that say how it is given."""

    goods_type: int
    draw_type: int


def kinds_of(prizes: Iterable[Kind]) -> list[GivenAs]:
    """Return the kinds that are among these prizes, each once: the square lists their task under each."""
    return list(dict.fromkeys(_given_as(of) for of in prizes))


def _given_as(of: Kind) -> GivenAs:
    if of["goods_type"] == RED_PACKET:
        return "red_packet"
    return "by_mail" if is_mailed(of) else "on_site"


def is_mailed(of: Kind) -> bool:
    """Whether a prize is goods by mail. For a task with ranks, ask this of each rank."""
    return (of["goods_type"], of["draw_type"]) == (GOODS, BY_MAIL)
