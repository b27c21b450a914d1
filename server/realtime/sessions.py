"""What this process does when a person's tokens end: it accepts them no more, and closes the person's
connections.

Redis brings the news at once. Each process also polls MongoDB, so that every process does this within
`POLL_SECONDS`.
"""

from collections.abc import Awaitable, Callable, Iterable

from server.realtime.watched_task import Watcher

POLL_SECONDS = 5.0
# How far a poll looks back: longer than any process trusts what it has read about a person.
LOOKED_BACK_MS = 120_000
# After this long without a request or a connection, no request is under way, and records that were read are
# no longer trusted.
FORGOTTEN_SECONDS = 300.0


class Sessions:
    """One per process. `ended_since(unix ms)` reads the people whose tokens ended since then, each with the
    valid generation."""

    def __init__(
        self,
        connections: Iterable[Watcher],
        ended_since: Callable[[int], Awaitable[dict[str, int]]],
        now_ms: Callable[[], int],
    ) -> None:
        self._connections = connections
        self._ended_since = ended_since
        self._now_ms = now_ms
        self._polled_ms = now_ms()
        # The valid generation of each person whose tokens ended recently.
        self._known: dict[str, int] = {}

    def end(self, person_id: str, generation: int) -> None:
        """Close a person's connections, except those with a token of this generation or a later one."""
        if self._known.get(person_id, 0) >= generation:
            return
        self._known[person_id] = generation
        for connection in list(self._connections):
            if connection.person_id == person_id and (connection.generation or 0) < generation:
                connection.end_session()

    def valid(self, person_id: str) -> int:
        """Return the valid generation of a person's tokens, or 0 if none of their tokens ended recently."""
        return self._known.get(person_id, 0)

    def forget_all(self) -> None:
        """Forget all people: nobody is connected, and the records that were read are no longer trusted."""
        self._known = {}
        self._polled_ms = self._now_ms()

    async def poll(self) -> None:
        """Read from MongoDB what no news has told."""
        now_ms = self._now_ms()
        before = self._known.copy()
        found = await self._ended_since(self._polled_ms - LOOKED_BACK_MS)
        for person_id, generation in found.items():
            self.end(person_id, generation)
        # What news told during the read may be newer than the read.
        self._known = {
            person_id: known
            for person_id, known in self._known.items()
            if person_id in found or before.get(person_id) != known
        }
        self._polled_ms = now_ms
