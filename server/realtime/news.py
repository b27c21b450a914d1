"""What processes tell each other over the bus. Pure."""

from typing import Any, TypeAlias, cast

import msgspec

from server.game.dig import ToldDig
from server.game.given_names import given_name
from server.game.task import Task
from server.realtime.frames import Sign

# What few digs have.
SELDOM = ("n", "end", "rank", "fen", "ranks_left", "find", "layers")


class DigNews(msgspec.Struct, frozen=True, array_like=True, omit_defaults=True, tag=1):
    """A dig, in few bytes: each process that has watchers of its task hears it. The fields are those of a
    `ToldDig`; `seldom` has those in SELDOM.

    `wxname` is empty if it is the name that follows from the digger's id. Without this id a process could not
    answer that person's next request.
    """

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
    seldom: dict[str, Any] = {}

    def dig(self, code: str) -> ToldDig:
        """Return what it tells, of the task whose channel it came on."""
        told = msgspec.structs.asdict(self)
        seldom = told.pop("seldom")
        wxname = self.wxname or given_name(self.person_id)
        return cast("ToldDig", {**told, **seldom, "code": code, "wxname": wxname})


def news_of_dig(dig: ToldDig) -> DigNews:
    """Return the news of a dig."""
    told: dict[str, Any] = {name: each for name, each in dig.items() if name in DigNews.__struct_fields__}
    if dig["wxname"] == given_name(dig["person_id"]):
        told["wxname"] = ""
    seldom = {name: each for name, each in dig.items() if name in SELDOM}
    return DigNews(**told, seldom=seldom)


class EndNews(msgspec.Struct, frozen=True, array_like=True, tag=2):
    """An end without a dig, after the dig `seq`; `at` is in unix ms."""

    seq: int
    reason: str
    note: str
    at: int


class ChangedNews(msgspec.Struct, frozen=True, array_like=True, tag=3):
    """The task may have opened, or be seen by others, so it has to be read again."""


class ClaimNews(msgspec.Struct, frozen=True, array_like=True, tag=4):
    """The claim of this winner's prize reached its next state, at `at` (unix ms)."""

    winner: str
    depth: int
    at: int


# News of one task. It goes over Redis and never to a client.
News: TypeAlias = DigNews | EndNews | ChangedNews | ClaimNews


def news_of_end(task: Task) -> EndNews:
    """Return the news that a task has ended."""
    return EndNews(task["now_depth"], task["end_reason"], task.get("end_note", ""), task["ended_at"])


# How many people watch a task at a process, and the short name by which that process is told of the task.
Count: TypeAlias = tuple[int, int]


class Living(msgspec.Struct, frozen=True, omit_defaults=True):
    """For all processes: this one lives, and whether it needs numbers of watchers. One that `asks` may have
    missed news: the others then tell all their numbers."""

    process: str
    asks: bool = False
    needs: bool = False


class Numbers(msgspec.Struct, frozen=True, omit_defaults=True, tag="numbers"):
    """For a teller: how many people watch each task at a process, and what they cheered with.

    `counts` has all the tasks that are this teller's if `whole`, else those whose number changed. The cheers
    are those since the last news. `of_all`: the process wants to hear of all tasks.
    """

    process: str
    whole: bool = False
    of_all: bool = False
    counts: dict[str, Count] = {}
    cheers: dict[str, dict[Sign, int]] = {}


class Sums(msgspec.Struct, frozen=True, omit_defaults=True, tag="sums"):
    """From a teller: how many people watch each task at all other processes, and what these cheered with.

    `named` has the tasks that the process has watchers of, by the short names that it gave them.
    """

    elsewhere: dict[str, int] = {}
    named: dict[int, int] = {}
    cheers: dict[str, dict[Sign, int]] = {}


class Revoked(msgspec.Struct, frozen=True, tag="revoked"):
    """For all processes: a person's tokens were ended. Tokens of `generation` are valid now."""

    person_id: str
    generation: int
