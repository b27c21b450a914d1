"""How many people watch each task, over all processes, and what they cheer with.

Each process counts its own watchers and tells the others. A count that is not renewed is soon ignored, and
without Redis a process knows only its own. Cheers go along, and are kept nowhere.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

import msgspec

from server.realtime.bus import Bus
from server.realtime.frames import Sign, Watchers, encode
from server.realtime.known_tasks import KnownTasks
from server.realtime.news import WatchersNews
from server.realtime.watched_task import WatchedTask

# Above this many watchers, their number is told only every 5 s.
CROWD = 500
NO_CHEERS: Mapping[Sign, int] = {}


class Audience:
    """One per process. `send(watched, frames)` sends to all watchers of a task."""

    def __init__(
        self,
        known: KnownTasks,
        bus: Bus,
        now_ms: Callable[[], int],
        send: Callable[[WatchedTask, bytes], None],
    ) -> None:
        self._known = known
        self._bus = bus
        self._now_ms = now_ms
        self._send = send

    def take(self, watched: WatchedTask, news: WatchersNews) -> None:
        """Take another process's count, and what was cheered there."""
        if news.process != self._bus.process:
            watched.others[news.process] = (news.count, news.at)
            watched.other_cheers.update(news.cheers)

    async def tell(self) -> None:
        """Each second: tell other processes each count of ours that changed, and watchers each sum.

        What was cheered is told with it, to crowds too.
        """
        now_ms = self._now_ms()
        changed = []
        for watched in self._known.loaded():
            if not self._bus.up:
                watched.others.clear()
            own, cheers = watched.take_cheers()
            if own or len(watched.people) != watched.own_count_told:
                watched.own_count_told = len(watched.people)
                changed.append(self._publish(watched.code, len(watched.people), now_ms, own))
            if cheers or watched.total(now_ms) <= CROWD:
                self._tell_total(watched, now_ms, cheers)
        await asyncio.gather(*changed)

    async def renew(self) -> None:
        """Every 5 s: renew our counts before they age, read the others', and tell crowds their number."""
        own = {watched.code: len(watched.people) for watched in self._known.loaded()}
        now_ms = self._now_ms()
        counts = await self._bus.count_watchers(own, now_ms) if own and self._bus.up else None
        for code, found in (counts or {}).items():
            watched = self._known.by_code.get(code)
            if watched is not None:
                found.pop(self._bus.process, None)
                watched.others = found
        for watched in self._known.loaded():
            if watched.total(now_ms) > CROWD:
                self._tell_total(watched, now_ms)

    async def learn(self, watched: WatchedTask) -> None:
        """Read how many watch a task in other processes, when it is opened here."""
        counts = await self._bus.count_watchers({watched.code: 0}, self._now_ms()) if self._bus.up else None
        if counts is not None:
            watched.others = counts[watched.code]
            watched.others.pop(self._bus.process, None)

    async def leave(self, code: str) -> None:
        """Tell the others that nobody watches a task here any more."""
        now_ms = self._now_ms()
        await self._bus.count_watchers({code: 0}, now_ms)
        await self._publish(code, 0, now_ms)

    async def _publish(
        self, code: str, count: int, now_ms: int, cheers: Mapping[Sign, int] = NO_CHEERS
    ) -> None:
        news = WatchersNews(self._bus.process, count, now_ms, dict(cheers))
        await self._bus.publish(code, msgspec.msgpack.encode(news))

    def _tell_total(self, watched: WatchedTask, now_ms: int, cheers: Mapping[Sign, int] = NO_CHEERS) -> None:
        total = watched.total(now_ms)
        if cheers or total != watched.total_told:
            watched.total_told = total
            told = Watchers(code=watched.code, watchers=total, cheers=dict(cheers) or msgspec.UNSET)
            self._send(watched, encode([told]))
