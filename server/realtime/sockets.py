"""The open websockets of each person in this process, and which one goes when there are too many."""

from typing import Generic, TypeVar

S = TypeVar("S")

# How many websockets of a process may still have to say who they are (`hello`). Our clients do so at once, so
# if there are more such websockets, the oldest does not belong to one of our clients.
HELLOS = 1000


class Sockets(Generic[S]):
    """Counts sockets; it closes none."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._of: dict[str, dict[S, None]] = {}

    def add(self, whose: str, socket: S) -> S | None:
        """Add a socket. If its person has one too many, return their oldest, which then no longer counts.

        The oldest goes, because the newest is the page that somebody looks at. The phone behind an old socket
        may be gone; the server notices that only after half a minute.
        """
        own = self._of.setdefault(whose, {})
        own[socket] = None
        if len(own) <= self._most:
            return None
        oldest = next(iter(own))
        del own[oldest]
        return oldest

    def remove(self, whose: str, socket: S) -> None:
        """Forget a socket. It may be unknown."""
        own = self._of.get(whose, {})
        own.pop(socket, None)
        if not own:
            self._of.pop(whose, None)
