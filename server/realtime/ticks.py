"""The seconds of each cooldown, counted down by each process for its own watchers, without Redis."""

import asyncio
from collections.abc import Callable

from server.realtime.frames import Tick, encode
from server.realtime.watched_task import WatchedTask, send_to_all
from server.runtime.background import Failures


class Ticks:
    """One per process. Ticks are planned only for tasks with a watcher that wants them."""

    def __init__(self, now_ms: Callable[[], int], failures: Failures) -> None:
        self._now_ms = now_ms
        self._failures = failures
        self._planned: dict[str, asyncio.TimerHandle] = {}

    def close(self) -> None:
        """Cancel all planned ticks."""
        for planned in self._planned.values():
            planned.cancel()
        self._planned.clear()

    def cancel(self, code: str) -> None:
        """Cancel a task's planned tick, if there is one."""
        planned = self._planned.pop(code, None)
        if planned is not None:
            planned.cancel()

    def plan(self, watched: WatchedTask, after: int | None = None) -> None:
        """Plan the next tick for the moment when its `time` becomes true. `after` is the `time` of the last
        tick."""
        left_ms = watched.cd_until - self._now_ms()
        if not watched.ticking or watched.code in self._planned or watched.status:
            return
        if after == 0 or (after is None and left_ms <= 0):
            return
        value = max(0, -(-left_ms // 1000) - 1)
        if after is not None:
            value = min(value, after - 1)
        delay = (left_ms - value * 1000) / 1000
        loop = asyncio.get_running_loop()
        self._planned[watched.code] = loop.call_later(delay, self._tick, watched, value)

    def _tick(self, watched: WatchedTask, value: int) -> None:
        self._planned.pop(watched.code, None)
        if not watched.ticking:
            return
        with self._failures.noted("a cooldown's tick"):
            send_to_all(watched.ticking, encode([Tick(code=watched.code, time=value)]))
        self.plan(watched, after=value)
