"""How many watch each task, over all processes: counted here, told to the others and to watchers.

A count is news like everything on the bus: it ages, and without Redis only one's own watchers are known.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import msgspec

from server.realtime.bus import Bus
from server.realtime.frames import Watchers, encode
from server.realtime.known_tasks import KnownTasks
from server.realtime.news import News
from server.realtime.watched_task import Channel

# Above this many watchers their number is told every 5 s only.
CROWD = 500


class Audience:
    """One a process; `send(channel, frames)` sends to all watchers of a channel."""

    def __init__(
        self,
        known: KnownTasks,
        bus: Bus,
        now_ms: Callable[[], int],
        send: Callable[[Channel, bytes], None],
    ) -> None:
        self._known = known
        self._bus = bus
        self._now_ms = now_ms
        self._send = send

    def take(self, channel: Channel, process: str, count: int, at_ms: int) -> None:
        """Take another process's count."""
        if process != self._bus.process:
            channel.others[process] = (count, at_ms)

    async def tell(self) -> None:
        """Tell the other processes where our count changed, and watchers where the sum did. Each second."""
        now_ms = self._now_ms()
        changed = []
        for channel in self._known.loaded():
            if not self._bus.up:
                channel.others.clear()
            if len(channel.people) != channel.own_count_told:
                channel.own_count_told = len(channel.people)
                changed.append(self._publish(channel.code, len(channel.people), now_ms))
            if channel.total(now_ms) <= CROWD:
                self._tell_total(channel, now_ms)
        await asyncio.gather(*changed)

    async def renew(self) -> None:
        """Renew our counts before they age, read the others', and tell crowds their number. Every 5 s."""
        own = {channel.code: len(channel.people) for channel in self._known.loaded()}
        now_ms = self._now_ms()
        counts = await self._bus.count_watchers(own, now_ms) if own and self._bus.up else None
        for code, found in (counts or {}).items():
            channel = self._known.by_code.get(code)
            if channel is not None:
                found.pop(self._bus.process, None)
                channel.others = found
        for channel in self._known.loaded():
            if channel.total(now_ms) > CROWD:
                self._tell_total(channel, now_ms)

    async def learn(self, channel: Channel) -> None:
        """Learn how many watch a task in the other processes, as it is opened here."""
        counts = await self._bus.count_watchers({channel.code: 0}, self._now_ms()) if self._bus.up else None
        if counts is not None:
            channel.others = counts[channel.code]
            channel.others.pop(self._bus.process, None)

    async def leave(self, code: str) -> None:
        """Say that nobody watches a task in this process any more."""
        now_ms = self._now_ms()
        await self._bus.count_watchers({code: 0}, now_ms)
        await self._publish(code, 0, now_ms)

    async def _publish(self, code: str, count: int, now_ms: int) -> None:
        news = News(watchers=(self._bus.process, count, now_ms))
        await self._bus.publish(code, msgspec.msgpack.encode(news))

    def _tell_total(self, channel: Channel, now_ms: int) -> None:
        total = channel.total(now_ms)
        if total != channel.total_told:
            channel.total_told = total
            self._send(channel, encode([Watchers(code=channel.code, watchers=total)]))
