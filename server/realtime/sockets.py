"""The open websockets of each person in this process, and which one goes when there are too many."""

from __future__ import annotations

from typing import Generic, TypeVar

S = TypeVar("S")


class Sockets(Generic[S]):
    """Counts sockets; it closes none."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._of: dict[str, dict[S, None]] = {}

    def add(self, unionid: str, socket: S) -> S | None:
        """Add a socket; return the person's oldest one if there is one too many. It counts no longer.

        The oldest goes, not the newest: the newest is the page that somebody looks at, and among the oldest
        are those whose phone is gone, which the server notices after half a minute only.
        """
        own = self._of.setdefault(unionid, {})
        own[socket] = None
        if len(own) <= self._most:
            return None
        oldest = next(iter(own))
        del own[oldest]
        return oldest

    def remove(self, unionid: str, socket: S) -> None:
        """Forget a socket. It may be unknown."""
        own = self._of.get(unionid, {})
        own.pop(socket, None)
        if not own:
            self._of.pop(unionid, None)
