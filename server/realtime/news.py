"""What processes tell each other over the bus. Pure."""

from __future__ import annotations

from typing import TypeAlias

import msgspec

from server.game.dig import Dig
from server.game.task import Task
from server.realtime.frames import Sign


class DigNews(msgspec.Struct, frozen=True, tag="dig"):
    """A dig. Its record holds the digger's id, which a process needs to answer that person's next request."""

    dig: Dig


class EndNews(msgspec.Struct, frozen=True, tag="end"):
    """An end without a dig, after the dig `seq`; `at` is in unix ms."""

    seq: int
    reason: str
    note: str
    at: int


class ReviewNews(msgspec.Struct, frozen=True, tag="review"):
    """The task may have opened, or be seen by others, so it has to be read again."""


class ClaimNews(msgspec.Struct, frozen=True, tag="claim"):
    """The claim of this winner's prize reached its next state, at `at` (unix ms)."""

    winner: str
    depth: int
    at: int


# News of one task. It goes over Redis and never to a client.
News: TypeAlias = DigNews | EndNews | ReviewNews | ClaimNews


def news_of_end(task: Task) -> EndNews:
    """Return the news that a task has ended."""
    return EndNews(task["now_depth"], task["end_reason"], task.get("end_note", ""), task["ended_at"])


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
    counts: dict[str, int] = {}
    cheers: dict[str, dict[Sign, int]] = {}


class Sums(msgspec.Struct, frozen=True, omit_defaults=True, tag="sums"):
    """From a teller: how many people watch each task at all other processes, and what these cheered with."""

    elsewhere: dict[str, int] = {}
    cheers: dict[str, dict[Sign, int]] = {}


class Revoked(msgspec.Struct, frozen=True, tag="revoked"):
    """For all processes: a person's tokens were ended. Tokens of `generation` are valid now."""

    person_id: str
    generation: int
