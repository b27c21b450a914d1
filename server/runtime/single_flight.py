"""Work that several callers ask for at once: it is done once, and all of them get its result."""

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from functools import partial
from typing import Any, Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


def retrieve(task: asyncio.Future[Any]) -> None:
    """Take note of a failure for which perhaps nobody waits any more, which asyncio would log as a bug.

    Pass it to `add_done_callback`. Callers who wait get the failure all the same.
    """
    if not task.cancelled():
        task.exception()


class SingleFlight(Generic[K, V]):
    """Work that is under way, by key.

    The first who asks for a key starts its work; those who ask before it has ended wait for the same work. If
    one of them is cancelled, the work goes on, even if nobody is left. A failure is raised to all who wait,
    and is not logged. The first who asks after its end starts it anew.
    """

    def __init__(self) -> None:
        self._under_way: dict[K, asyncio.Task[V]] = {}

    def __contains__(self, key: K) -> bool:
        """Whether the work of this key is under way."""
        return key in self._under_way

    @property
    def tasks(self) -> list[asyncio.Task[V]]:
        """All work under way. Cancelling one task cancels all who wait for it."""
        return list(self._under_way.values())

    async def result(self, key: K, work: Callable[[], Coroutine[Any, Any, V]]) -> V:
        """Return what the work of this key returns. Raises what the work raises."""
        task = self._under_way.get(key)
        if task is None:
            task = self._under_way[key] = asyncio.get_running_loop().create_task(work())
            task.add_done_callback(partial(self._end, key))
        return await asyncio.shield(task)

    def _end(self, key: K, task: asyncio.Task[V]) -> None:
        del self._under_way[key]
        retrieve(task)
