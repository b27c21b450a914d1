"""What processes tell each other over the bus. Pure."""

from __future__ import annotations

import msgspec

from server.game.dig import Dig


class News(msgspec.Struct, frozen=True, omit_defaults=True):
    """News of a task: a dig, an end without a dig, a start, or a count of watchers.

    It goes over Redis and never to a client: a dig's record holds the digger's id, which a process needs to
    answer that person's next request.
    """

    dig: Dig | None = None
    end_reason: str = ""
    end_seq: int = 0
    end_note: str = ""
    start: int = 0  # unix ms
    watchers: tuple[str, int, int] | None = None  # process, count, unix ms


class SendAway(msgspec.Struct, frozen=True, tag="order"):
    """An operator asks one process to send its watchers away."""

    process: str


class Revoked(msgspec.Struct, frozen=True, tag="revoked"):
    """For all processes: a person's tokens were ended. Those of `generation` are valid now."""

    unionid: str
    generation: int
