"""How many people watch each task, over all processes, and what they cheer with.

Each process tells the other processes of all its tasks in one message. Each second it tells the numbers that
changed. It tells all numbers every 30 s, and whenever another process asks because it may have missed
something. A process that is silent for 15 s is no longer counted, and without Redis a process knows only its
own watchers. Cheers are sent along, and stored nowhere.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import msgspec

from server.realtime.bus import Bus
from server.realtime.frames import Sign, Watchers, encode
from server.realtime.known_tasks import KnownTasks
from server.realtime.news import WatchersNews
from server.realtime.watched_task import WatchedTask

NEWS = "watchers"
# If a task has more watchers than this, they are told their number only every 5 s.
CROWD = 500
SILENT_SECONDS = 15.0
WHOLE_RENEWALS = 6  # every sixth heartbeat carries all numbers
NO_CHEERS: Mapping[Sign, int] = {}


@dataclass(slots=True)
class _Other:
    """What another process told, and when, by the monotonic clock."""

    heard_at: float
    counts: dict[str, int] = field(default_factory=dict)


class Audience:
    """One per process. `send(watched, frames)` sends to all watchers of a task."""

    def __init__(
        self,
        known: KnownTasks,
        bus: Bus,
        send: Callable[[WatchedTask, bytes], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._known = known
        self._clock = clock
        self._bus = bus
        self._send = send
        self._others: dict[str, _Other] = {}
        self._elsewhere: Counter[str] = Counter()  # the sum of the numbers that the other processes told
        self._told: dict[str, int] = {}  # The numbers that the other processes know of this one.
        # What the next message has to do: send all numbers, ask the other processes for theirs, or only show
        # that this process lives.
        self._whole = self._asks = self._renews = False
        self._renewals = 0
        bus.hear(NEWS, self._hear)

    def elsewhere(self, code: str) -> int:
        """Return how many people watch a task in other processes."""
        return self._elsewhere[code]

    def totals(self) -> Counter[str]:
        """Return how many people watch each task, over all processes; tasks that nobody watches are left
        out."""
        return self._elsewhere + Counter({each.code: len(each.people) for each in self._known.loaded()})

    async def tell(self) -> None:
        """Each second: tell other processes what changed here, and the watchers of each task their number.

        Cheers are told too, even to crowds.
        """
        self._forget_silent()
        counts: dict[str, int] = {}
        cheered: dict[str, dict[Sign, int]] = {}
        for watched in self._known.loaded():
            own, cheers = watched.take_cheers()
            if own:
                cheered[watched.code] = dict(own)
            if watched.people:
                counts[watched.code] = len(watched.people)
            if cheers or watched.total <= CROWD:
                self._tell_total(watched, cheers)
        whole, asks = self._whole, self._asks
        changed = counts if whole else _changed(self._told, counts)
        if not (changed or cheered or whole or asks or self._renews):
            return
        self._whole = self._asks = self._renews = False
        self._told = counts
        news = WatchersNews(self._bus.process, changed, cheered, whole, asks)
        if not await self._bus.publish(NEWS, msgspec.msgpack.encode(news)):
            self._whole, self._asks = True, self._asks or asks

    async def renew(self) -> None:
        """Every 5 s: let other processes hear of us if we have watchers, and tell crowds their number."""
        self._renews = bool(self._told)
        self._renewals += 1
        self._whole = self._whole or (self._renews and self._renewals % WHOLE_RENEWALS == 0)
        for watched in self._known.loaded():
            if watched.total > CROWD:
                self._tell_total(watched)

    def _hear(self, payload: bytes) -> None:
        """Take another process's numbers and cheers; b"" means that this process has just connected to
        Redis."""
        if not payload:
            self._whole = self._asks = True
            return
        news = msgspec.msgpack.decode(payload, type=WatchersNews)
        if news.process == self._bus.process:
            return
        other = self._others.get(news.process)
        if other is None:
            other = self._others[news.process] = _Other(0.0)
            self._asks = self._asks or not news.whole
        self._whole = self._whole or news.asks
        other.heard_at = self._clock()
        if news.whole:
            self._take(other, dict.fromkeys(other.counts.keys() - news.counts.keys(), 0))
        self._take(other, news.counts)
        for code, cheers in news.cheers.items():
            watched = self._known.by_code.get(code)
            if watched is not None:
                watched.other_cheers.update(cheers)

    def _take(self, other: _Other, counts: Mapping[str, int]) -> None:
        for code, count in counts.items():
            self._elsewhere[code] += count - other.counts.pop(code, 0)
            if count:
                other.counts[code] = count
            if not self._elsewhere[code]:
                del self._elsewhere[code]
            watched = self._known.by_code.get(code)
            if watched is not None:
                watched.elsewhere = self._elsewhere[code]

    def _forget_silent(self) -> None:
        """Forget the processes that told nothing for 15 s; all of them while Redis is away."""
        oldest = self._clock() - SILENT_SECONDS
        for process, other in list(self._others.items()):
            if other.heard_at < oldest or not self._bus.up:
                self._take(other, dict.fromkeys(other.counts, 0))
                del self._others[process]

    def _tell_total(self, watched: WatchedTask, cheers: Mapping[Sign, int] = NO_CHEERS) -> None:
        if cheers or watched.total != watched.total_told:
            watched.total_told = watched.total
            told = Watchers(code=watched.code, watchers=watched.total, cheers=dict(cheers) or msgspec.UNSET)
            self._send(watched, encode([told]))


def _changed(before: Mapping[str, int], after: Mapping[str, int]) -> dict[str, int]:
    """Return the numbers that differ; 0 for a task that nobody watches any more."""
    gone = dict.fromkeys(before.keys() - after.keys(), 0)
    return gone | {code: count for code, count in after.items() if before.get(code) != count}
