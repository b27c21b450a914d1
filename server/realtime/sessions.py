"""What follows in this process when somebody's tokens end: nothing older is believed, connections close.

Redis tells at once. Whoever hears nothing reads MongoDB, so that it holds everywhere within `POLL_SECONDS`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import Protocol

POLL_SECONDS = 5.0
# How far back a poll looks: longer than anything about a person is trusted that was read before.
LOOKED_BACK_MS = 120_000


class Session(Protocol):
    """A connection of somebody: `generation` is that of the token that proved it, None for a bare unionid."""

    unionid: str
    generation: int | None

    def end_session(self) -> None:
        """Close with 4001."""


class Sessions:
    """One a process. `ended_since(unix ms)` reads whose tokens ended and which generation is valid now."""

    def __init__(
        self,
        connections: Iterable[Session],
        ended_since: Callable[[int], Awaitable[dict[str, int]]],
        now_ms: Callable[[], int],
    ) -> None:
        self._connections = connections
        self._ended_since = ended_since
        self._now_ms = now_ms
        self._polled_ms = now_ms()
        # Those that this process has heard of and a poll still finds.
        self._known: dict[str, int] = {}

    def end(self, unionid: str, generation: int) -> None:
        """Close a person's connections, but those that a token of this generation or a later one proved."""
        if self._known.get(unionid, 0) >= generation:
            return
        self._known[unionid] = generation
        for connection in list(self._connections):
            if connection.unionid == unionid and (connection.generation or 0) < generation:
                connection.end_session()

    def valid(self, unionid: str) -> int:
        """Return which generation of a person's tokens is valid, if one was ended of late; else 0."""
        return self._known.get(unionid, 0)

    async def poll(self) -> None:
        """Read what nobody told."""
        now_ms = self._now_ms()
        found = await self._ended_since(self._polled_ms - LOOKED_BACK_MS)
        for unionid, generation in found.items():
            self.end(unionid, generation)
        self._known = {unionid: known for unionid, known in self._known.items() if unionid in found}
        self._polled_ms = now_ms
