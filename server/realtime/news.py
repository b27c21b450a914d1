"""What processes tell each other over the bus. Pure."""

from __future__ import annotations

import msgspec

from server.game.dig import Dig
from server.game.task import Task


class News(msgspec.Struct, frozen=True, omit_defaults=True):
    """News of a task: a dig, an end without a dig, a start, a claim, its visibility, or a count of watchers.

    It goes over Redis and never to a client. A dig's record holds the digger's id, which a process needs to
    answer that person's next request.
    """

    dig: Dig | None = None
    end_reason: str = ""
    end_seq: int = 0
    end_note: str = ""
    ended_at: int = 0  # unix ms
    start: int = 0  # unix ms
    judged: int = 0  # 1: its visibility may have changed, so read the task again
    claim: tuple[str, int, int] | None = None  # the winner's id, the depth, unix ms
    watchers: tuple[str, int, int] | None = None  # process, count, unix ms


def news_of_end(task: Task) -> News:
    """Return the news that a task has ended."""
    return News(
        end_reason=task["end_reason"],
        end_seq=task["now_depth"],
        end_note=task.get("end_note", ""),
        ended_at=task["ended_at"],
    )


class SendAway(msgspec.Struct, frozen=True, tag="order"):
    """An operator asks one process to send its watchers away."""

    process: str


class Revoked(msgspec.Struct, frozen=True, tag="revoked"):
    """For all processes: a person's tokens were ended. Those of `generation` are valid now."""

    unionid: str
    generation: int
