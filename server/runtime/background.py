"""The one way to run work that nobody waits for: once, or again and again.

Whatever such work raises is counted, and logged once a minute; repeated work then goes on. Nothing ends
it but `end`.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import cycle
from typing import Any, TypeVar

from tornado.log import app_log

from server.store import is_denied, is_unavailable, said_by
from server.telemetry import metrics

FINISH_SECONDS = 3.0
LOGGED_SECONDS = 60.0
FIRST_DELAY_SECONDS = 0.1
GREATEST_DELAY_SECONDS = 5.0

T = TypeVar("T")
Work = Callable[[], Awaitable[None]]


class CannotYet(Exception):
    """Raised by work that expects to be tried again. The text says all, so it is logged without a
    traceback."""


@dataclass(slots=True)
class _Logged:
    at: float
    since: int = 0  # failures since then


class Failures:
    """What work raised.

    A store that does not answer is logged, but not counted here: it has an alarm of its own. One that denies
    us a right may answer all other work, so it is.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._logged: dict[str | tuple[str, type[BaseException]], _Logged] = {}

    def note(self, name: str, error: BaseException) -> None:
        """Note that the work of this name raised an error."""
        unavailable = is_unavailable(error)
        if not unavailable or is_denied(error):
            metrics.FAILED_WORK.labels(name).inc()
        # A silent store is silent for all work: one line a minute says so.
        key = "a silent store" if unavailable else (name, type(error))
        logged = self._logged.get(key)
        now = self._clock()
        if logged is not None and now - logged.at < LOGGED_SECONDS:
            logged.since += 1
            return
        more = f" ({logged.since} times more since the last line)" if logged and logged.since else ""
        self._logged[key] = _Logged(now)
        if unavailable:
            app_log.warning("%s: a store does not answer: %s%s", name, said_by(error), more)
        elif isinstance(error, CannotYet | OSError):
            app_log.error("%s failed: %s%s", name, error, more)
        else:
            app_log.error("%s failed%s", name, more, exc_info=error)

    @contextmanager
    def noted(self, name: str) -> Iterator[None]:
        """Note what is raised inside, and go on after it."""
        try:
            yield
        except Exception as error:  # noqa: BLE001  (noted)
            self.note(name, error)


class Background:
    """Work that begins at different times and ends together."""

    pause = staticmethod(asyncio.sleep)

    def __init__(self, failures: Failures | None = None) -> None:
        self.failures = failures or Failures()
        self._tasks: set[asyncio.Task[Any]] = set()

    @property
    def busy(self) -> bool:
        """Whether any of the work still runs."""
        return bool(self._tasks)

    def spawn(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Run `work` once. If it fails, the failure is noted."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(partial(self._done, getattr(work, "__qualname__", "work")))
        return task

    def repeat(
        self,
        work: Work,
        rest: float | Work,
        *,
        at_once: bool = False,
        name: str = "",
    ) -> None:
        """Run `work` again and again until `end`, with a rest before each turn.

        `rest` is a number of seconds, or an async function that returns when the rest is over. With
        `at_once`, the first turn comes at once. After a failure the next step waits: 0.1 s, after further
        failures longer, at most 5 s. A store that does not answer needs no such wait.
        """
        resting = rest if callable(rest) else partial(self.pause, rest)
        steps = (work, resting) if at_once else (resting, work)
        self.spawn(self._take(cycle(steps), work, name or _name(work)))

    def persist(self, work: Work, name: str) -> None:
        """Run `work` until it succeeds, with the same waits after failures as `repeat`."""
        self.spawn(self._take(cycle([work]), work, name, once=True))

    async def _take(self, steps: Iterator[Work], work: Work, name: str, *, once: bool = False) -> None:
        delay = 0.0
        for step in steps:
            try:
                await step()
            except (Exception, asyncio.CancelledError) as error:
                task = asyncio.current_task()
                if isinstance(error, asyncio.CancelledError) and task is not None and task.cancelling():
                    raise  # it was this work that was cancelled, not what it waited for
                self.failures.note(name, error)
                if not is_unavailable(error):
                    delay = min(max(2 * delay, FIRST_DELAY_SECONDS), GREATEST_DELAY_SECONDS)
                    await self.pause(delay)
                continue
            if step is work:
                delay = 0.0
                if once:
                    return

    async def finish(self, seconds: float = FINISH_SECONDS) -> None:
        """Wait until all current work is done, at most `seconds`."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=seconds)

    async def end(self) -> None:
        """Cancel all current work, and return once it has ended."""
        await end_tasks(self._tasks)

    def _done(self, name: str, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self.failures.note(name, error)


def _name(work: Callable[..., Any]) -> str:
    return _name(work.func) if isinstance(work, partial) else work.__qualname__


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
