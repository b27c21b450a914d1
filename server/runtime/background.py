"""The one way to run work that nobody waits for: once, or again and again."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from functools import partial
from typing import Any, TypeVar

from tornado.log import app_log

from server.store import is_unavailable, said_by

FINISH_SECONDS = 3.0

T = TypeVar("T")


class Background:
    """Work that begins at different times and ends together. Its failures are logged."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()

    @property
    def busy(self) -> bool:
        """Whether any of the work still runs."""
        return bool(self._tasks)

    def spawn(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Run `work` once. If it fails, the failure is logged."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def repeat(
        self,
        work: Callable[[], Awaitable[None]],
        rest: float | Callable[[], Awaitable[None]],
        *,
        at_once: bool = False,
    ) -> None:
        """Run `work` again and again until `end`, with a rest before each turn.

        `rest` is a number of seconds, or an async function that returns when the rest is over. With
        `at_once`, the first turn comes at once. A failed turn is logged, and the next one follows.
        """
        self.spawn(_repeat(work, rest if callable(rest) else partial(asyncio.sleep, rest), at_once=at_once))

    async def finish(self, seconds: float = FINISH_SECONDS) -> None:
        """Wait until all current work is done, at most `seconds`."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=seconds)

    async def end(self) -> None:
        """Cancel all current work, and return once it has ended."""
        await end_tasks(self._tasks)

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None and is_unavailable(error):
            app_log.warning("work in the background: a store does not answer: %s", said_by(error))
        elif error is not None:
            app_log.error("work in the background failed", exc_info=error)


async def _repeat(
    work: Callable[[], Awaitable[None]], rest: Callable[[], Awaitable[None]], *, at_once: bool
) -> None:
    if not at_once:
        await rest()
    while True:
        try:
            await work()
        except Exception as error:  # noqa: BLE001  (logged, and tried again in its next turn)
            if is_unavailable(error):
                app_log.warning("%s: a store does not answer: %s", _name(work), said_by(error))
            else:
                app_log.exception("%s failed", _name(work))
        await rest()


def _name(work: Callable[..., Any]) -> str:
    return _name(work.func) if isinstance(work, partial) else work.__name__


async def end_tasks(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Cancel tasks and return once all have ended, even if some end with an error.

    It cancels again and again. In Python 3.11 `asyncio.wait_for`, which redis uses, loses a cancellation that
    arrives just as its inner call finishes.
    """
    left = set(tasks)
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=0.2)
