"""The seconds of each cooldown, counted down by each process for its own watchers, without Redis."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from server import metrics
from server.realtime.frames import Tick, encode
from server.realtime.watched_task import Channel


class Ticks:
    """One a process. A task without watchers that want ticks has none planned."""

    def __init__(self, now_ms: Callable[[], int]) -> None:
        self._now_ms = now_ms
        self._planned: dict[str, asyncio.TimerHandle] = {}

    def close(self) -> None:
        """Plan nothing more."""
        for planned in self._planned.values():
            planned.cancel()
        self._planned.clear()

    def cancel(self, code: str) -> None:
        """Send no tick of the cooldown that ran until now."""
        planned = self._planned.pop(code, None)
        if planned is not None:
            planned.cancel()

    def plan(self, channel: Channel, after: int | None = None) -> None:
        """Plan the next tick for the moment its `time` becomes true. `after` is the last one sent."""
        left_ms = channel.cd_until - self._now_ms()
        if not channel.ticking or channel.code in self._planned or channel.status:
            return
        if after == 0 or (after is None and left_ms <= 0):
            return
        value = max(0, -(-left_ms // 1000) - 1)
        if after is not None:
            value = min(value, after - 1)
        delay = (left_ms - value * 1000) / 1000
        loop = asyncio.get_running_loop()
        self._planned[channel.code] = loop.call_later(delay, self._tick, channel, value)

    def _tick(self, channel: Channel, value: int) -> None:
        self._planned.pop(channel.code, None)
        if not channel.ticking:
            return
        frame = encode([Tick(code=channel.code, time=value)])
        for watcher in list(channel.ticking):
            watcher.send(frame)
        metrics.DELIVERIES.inc(len(channel.ticking))
        self.plan(channel, after=value)
