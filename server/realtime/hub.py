"""The watchers in this process, and the sending to them: each dig of a watched task once and in order.

MongoDB holds the digs; the bus is only the fastest way to hear of one. If news comes out of order, twice or
not at all, a read of MongoDB makes up for it.
"""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import msgspec
from tornado.log import app_log

from server.clock import Clock
from server.errors import BadRequest, NoSuchTask, NotShown, TooOften, Unavailable
from server.game.dig import Dig, ToldDig
from server.game.task import Task, awaited_opening, ends_by_ms
from server.realtime.audience import Audience
from server.realtime.bus import Bus
from server.realtime.cooldowns import Cooldowns
from server.realtime.frames import Sign, encode
from server.realtime.known_tasks import KnownTasks
from server.realtime.news import (
    ChangedNews,
    ClaimNews,
    DigNews,
    EndNews,
    News,
    Revoked,
    news_of_end,
)
from server.realtime.replay import REPLAYED_DIGS
from server.realtime.sessions import FORGOTTEN_SECONDS, Sessions
from server.realtime.sessions import POLL_SECONDS as SESSIONS_SECONDS
from server.realtime.ticks import Ticks
from server.realtime.watched_task import FIRST_PARTICIPANTS, Sink, WatchedTask, Watcher, send_to_all
from server.runtime.activity import Activity
from server.runtime.background import Background, end_tasks
from server.runtime.single_flight import SingleFlight
from server.store import Store
from server.telemetry import metrics

POLL_SECONDS = 3.0
POLL_SECONDS_ALONE = 1.0  # of the tasks whose news is not heard, since their Redis is down
COUNT_SECONDS = 5.0
DRAIN_SECONDS = 4.0
READ_SECONDS = 2.0
# The most tasks in one query of the poll, so that digs wait for none of these queries long.
POLLED_AT_ONCE = 100
MOST_LOADS = 3  # After this many reads, a history that still lacks a dig is taken as it is.
# The least time between two reads for watchers who claim to know a later dig. Anybody can claim that.
AHEAD_SECONDS = 1.0


class Hub:
    """One per process. It enters what it hears into `cooldowns`, and MongoDB's time into `clock`."""

    def __init__(self, store: Store, bus: Bus, public_url: str, clock: Clock) -> None:
        self._bus = bus
        self.known = KnownTasks(self._read_first, self._forgotten)
        self.connections: set[Watcher] = set()
        self.activity = Activity(self.connections)
        self.congested: set[Sink] = set()
        self.draining = False  # the server stops
        self._store = store
        self._public_url = public_url
        self.cooldowns = Cooldowns()
        self._clock = clock
        self._now_ms = clock.now_ms
        self.sessions = Sessions(self.connections, store.people.ended_since, clock.now_ms)
        self.audience = Audience(self.known, self._bus, self._send)
        self._reading: dict[WatchedTask, asyncio.Task[None]] = {}
        self._next_read: dict[WatchedTask, asyncio.Future[bool]] = {}
        # All who know a later dig of a task share one wait: see `_reach`.
        self._ahead_waits = SingleFlight[WatchedTask, None]()
        # The tasks whose news may have been missed, and those of them that are being looked at. After a
        # reconnect these are all tasks here: thousands of reads of single tasks would keep digs waiting.
        self._unheard: dict[WatchedTask, None] = {}
        self._looked_at: dict[WatchedTask, None] = {}
        self._unheard_came = asyncio.Event()
        self._background = Background(bus.failures)
        # The repeated work: it ends before all other work.
        self._keepers = Background(bus.failures)
        self._ticks = Ticks(self._now_ms, bus.failures)

    def start(self) -> None:
        """Connect to the bus, and begin all repeated work."""
        self._bus.start(self._hear, self._on_subscribed)
        self._keepers.repeat(self._poll, POLL_SECONDS)
        self._keepers.repeat(self._poll_alone, POLL_SECONDS_ALONE)
        self._keepers.repeat(self._poll_unheard, 0.0)
        self._keepers.repeat(self._clear_away, 1.0)
        self._keepers.repeat(self.audience.tell, 1.0)
        self._keepers.repeat(self.audience.renew, COUNT_SECONDS)
        self._keepers.repeat(self._poll_sessions, SESSIONS_SECONDS)

    async def drain(self) -> None:
        """Take no new watchers, and tell all connections to go: the server stops.

        That is spread over a few seconds, so that they do not come back all at once.
        """
        self.draining = True
        leaving = list(self.connections)
        steps = 20
        for step in range(steps):
            for connection in leaving[step::steps]:
                connection.say_goodbye()
            if leaving:
                await asyncio.sleep(DRAIN_SECONDS / steps)

    async def close(self) -> None:
        """Stop all work. The bus is closed by its owner."""
        await self._keepers.end()
        await end_tasks([*self.known.opening, *self._ahead_waits.tasks])
        await self._background.end()
        self._ticks.close()

    # ---- watching

    async def watch(self, watcher: Watcher, code: str, since: int | None, ticks: bool) -> None:
        """Send what was missed and a snapshot, then each dig. Raises NoSuchTask, NotShown, Unavailable.

        After NotShown, watching begins by itself when the task is shown, unless the watcher leaves before.
        """
        async with self.known.keep(code) as watched:
            if since is not None and since > watched.seq:
                await self._reach(watched, since)
            if not watched.opens_for(watcher.person_id):
                watched.turn_away(watcher, ticks)
                raise NotShown
            # No await between joining and sending, so that no dig falls between them.
            watched.join(watcher, ticks)
            watcher.send(watched.welcome(since, self._now_ms()))
            self._ticks.plan(watched)

    async def _reach(self, watched: WatchedTask, since: int) -> None:
        """Catch up with a watcher who heard of later digs from a process that is ahead of us. Raises
        Unavailable.

        An older snapshot from this process would make the watcher hear the same digs twice. All who ask
        within AHEAD_SECONDS share one read, which begins after they asked. The read does not reach a `since`
        that is deeper than the task was ever dug.
        """
        # They share this wait, and then the read that `read_now` begins.
        await self._ahead_waits.result(watched, partial(self._wait_ahead_seconds, watched))
        if since > watched.seq and not await self.read_now(watched):
            raise Unavailable

    async def _wait_ahead_seconds(self, watched: WatchedTask) -> None:
        """Wait until a task may be read again for watchers who know a later dig."""
        loop = asyncio.get_running_loop()
        await asyncio.sleep(watched.read_ahead_at + AHEAD_SECONDS - loop.time())
        watched.read_ahead_at = loop.time()

    def unwatch(self, watcher: Watcher, code: str) -> None:
        """Send this watcher nothing more of a task."""
        watched = self.known.by_code.get(code)
        if watched is not None:
            watched.part(watcher)
            self.known.rest(watched)

    def cheer(self, watcher: Watcher, code: str, sign: Sign) -> None:
        """Count a cheer of somebody who watches; all watchers are told once a second.

        Raises BadRequest, TooOften.
        """
        watched = self.known.by_code.get(code)
        if watched is None or watcher not in watched.watchers:
            raise BadRequest("先打开这个宝贝，再喝彩", param="code")
        if not watched.cheer(watcher.person_id, sign):
            raise TooOften(1)

    async def refresh(self, watched: WatchedTask) -> None:
        """Let `watched` have all that happened until now: by the news, else by a read of 2 s at most."""
        heard = self._bus.hears(watched.code) and await self._bus.caught_up(watched.code)
        if watched.behind or not heard or watched in self._unheard or watched in self._looked_at:
            await self.read_now(watched)
        elif watched in self._reading:  # perhaps for news that says only that something changed
            await asyncio.wait([self._reading[watched]], timeout=READ_SECONDS)

    @contextmanager
    def hearing(self, code: str) -> Iterator[None]:
        """Hear of a task's digs during the `with` statement, even if nobody watches it here."""
        if not self._bus.wants(code):
            self._background.spawn(self._bus.listen(code))
        try:
            yield
        finally:
            self._stop_hearing(code)

    def _stop_hearing(self, code: str) -> None:
        if self._bus.wants(code):
            self._background.spawn(self._ignore(code))

    def _forgotten(self, code: str) -> None:
        self._ticks.cancel(code)
        self._stop_hearing(code)

    async def _ignore(self, code: str) -> None:
        """Stop listening to a task, unless somebody wants it again."""
        if code not in self.known.by_code:
            await self._bus.ignore(code)

    async def _read_first(self, watched: WatchedTask) -> None:
        """Read a task that nobody here knew. Raises NoSuchTask, Unavailable."""
        watched.elsewhere = self.audience.elsewhere(watched.code)
        found = await self._store.page_reads.answered(lambda: self._store.tasks.find_at(watched.code))
        if found is None:
            raise NoSuchTask
        await self._bus.listen(watched.code)
        watched.read_again = False
        await self._store.page_reads.answered(lambda: self._load(watched, found))
        watched.loaded = True
        for news in watched.while_read:
            self._take(watched.code, news)
        watched.while_read.clear()
        if watched.read_again:
            self._read_soon(watched)

    async def _load(self, watched: WatchedTask, found: tuple[Task, int] | None = None) -> None:
        """Read a task (`found`, if it was read already) and its history. Repeat this if a dig is missing."""
        for _ in range(MOST_LOADS):
            found = found or await self._store.tasks.find_at(watched.code)
            if found is None:
                raise NoSuchTask
            task, now_ms = found
            self._clock.see(now_ms)
            if watched.load(task, *await self._history(task), self._public_url):
                self._learn_opening(task)
                return
            found = None

    def _learn_opening(self, task: Task) -> None:
        if not task["now_depth"] and (opened_at := awaited_opening(task)):
            self.cooldowns.learn_opening(task["_id"], opened_at)

    async def _history(self, task: Task) -> tuple[list[Dig], list[Dig]]:
        """Return a task's newest digs, and the earlier digs that a page shows."""
        code = task["_id"]
        after = max(0, task["now_depth"] - REPLAYED_DIGS)
        digs = await self._store.digs.following(task, after, REPLAYED_DIGS + 1)
        return digs, await self._store.digs.early(code, FIRST_PARTICIPANTS) if after else []

    # ---- what happened

    async def announce(self, code: str, news: News) -> None:
        """Take news of this process, and tell it to all processes: here it is known when it comes back."""
        self._take(code, news)
        await self._bus.publish(code, msgspec.msgpack.encode(news))

    async def announce_revoked(self, revoked: Revoked) -> None:
        """End a person's sessions here and tell the other processes."""
        self.sessions.end(revoked.person_id, revoked.generation)
        await self._bus.publish("", msgspec.msgpack.encode(revoked))

    def _hear(self, code: str, payload: bytes) -> None:
        """Take a message; raises MsgspecError for one of another version."""
        if code:
            self._take(code, msgspec.msgpack.decode(payload, type=News))
            return
        told = msgspec.msgpack.decode(payload, type=Revoked)
        self.sessions.end(told.person_id, told.generation)

    def _take(self, code: str, news: News) -> None:
        """Take news of this or another process. While its task is read for the first time, it waits in
        `while_read`."""
        if isinstance(news, DigNews):
            self._take_dig(news.dig(code))  # then, too: its cooldown counts at once
        elif isinstance(news, EndNews):
            # No dig tells of an end by hand, so this is the only place that drops a running cooldown.
            self.cooldowns.forget(code)
        watched = self.known.by_code.get(code)
        if watched is None:
            return
        if not watched.loaded:
            watched.while_read.append(news)  # `_read_first` takes it then
            return
        match news:
            case EndNews(seq) if watched.seq < seq:
                watched.heard = max(watched.heard, seq)
                self._read_soon(watched)
            case EndNews(_, reason, note, at):
                if frames := watched.end(reason, note, at):
                    self._ticks.cancel(code)
                    self._send(watched, frames)
            case ChangedNews():
                self._read_soon(watched)
            case ClaimNews(winner, depth, at):
                watched.tell_claim(winner, depth, at)

    def _take_dig(self, dig: ToldDig) -> None:
        """Take a dig that this process heard of or read."""
        watched = self.known.by_code.get(dig["code"])
        if watched is None or not watched.status:  # an ended task has no cooldown, though this dig began one
            self.cooldowns.learn(dig)
        if watched is None or not watched.loaded:
            return
        frames = watched.apply(dig)
        if frames:
            self._send_dig(watched, frames)
            metrics.DIG_TO_FRAME.observe(max(0, self._now_ms() - dig["at"]) / 1000)
        elif watched.behind:
            self._read_soon(watched)

    def _send_dig(self, watched: WatchedTask, frames: bytes) -> None:
        self._ticks.cancel(watched.code)
        self._send(watched, frames)
        self._ticks.plan(watched)

    def _send(self, watched: WatchedTask, frames: bytes) -> None:
        if frames:
            send_to_all(watched.watchers, frames)

    def _on_subscribed(self, code: str) -> None:
        watched = self.known.by_code.get(code)
        if watched is not None and watched.loaded:
            metrics.GAPS.inc()
            self._unheard[watched] = None
            self._unheard_came.set()
        elif watched is not None:
            watched.read_again = True  # what is being read may be older than this subscription

    # ---- reading what may be missing

    async def read_now(self, watched: WatchedTask) -> bool:
        """Wait for a read that begins after this call; False if it failed or took over 2 s."""
        read = self._next_read.get(watched)
        if read is None:
            read = self._next_read[watched] = asyncio.get_running_loop().create_future()
        self._read_soon(watched)
        await asyncio.wait([read], timeout=READ_SECONDS)
        return read.done() and read.result()

    def _read_soon(self, watched: WatchedTask) -> None:
        watched.read_again = True  # a read under way may have seen an older state
        if watched not in self._reading:
            self._reading[watched] = self._background.spawn(self._catch_up(watched))

    async def _catch_up(self, watched: WatchedTask) -> None:
        """Read until this process has all digs that it heard of. Stop early if it has forgotten the task."""
        fruitless = 0
        read: asyncio.Future[bool] | None = None
        try:
            while (watched.read_again or watched.behind) and self.known.by_code.get(watched.code) is watched:
                watched.read_again = False
                read = self._next_read.pop(watched, None)
                before = watched.seq
                await self._read(watched)
                if watched.seq == before and watched.behind:
                    fruitless += 1
                    if fruitless == 2:
                        # News named a deeper dig than the history has. If that dig comes, the poll sees it.
                        watched.heard = watched.seq
                        fruitless = 0
                if read is not None:
                    read.set_result(True)
        finally:
            # No await from the end of the read to here, so that nobody waits for a read that is over.
            self._reading.pop(watched, None)
            for waited in (read, self._next_read.pop(watched, None)):
                if waited is not None and not waited.done():
                    waited.set_result(False)

    async def _read(self, watched: WatchedTask) -> None:
        """Read once and send what is new."""
        task = await self._store.tasks.find(watched.code)
        watched.gone = task is None
        if task is None:
            return
        if watched.undone or task["now_depth"] - watched.seq > REPLAYED_DIGS:
            watched.undone = False
            await self._load(watched)
            self._send_dig(watched, encode([watched.snapshot(self._now_ms())]))
            metrics.RESYNCS.inc()
        elif task["now_depth"] > watched.seq or watched.behind:
            for dig in await self._store.digs.following(task, watched.seq, REPLAYED_DIGS):
                self._take_dig(dig)
        if task["status"] and watched.seq >= task["now_depth"]:
            self._take(watched.code, news_of_end(task))
        if task["open"]:
            self._send(watched, watched.start(self._now_ms(), ends_by_ms(task)))
        self._learn_opening(task)
        watched.take_visibility(task)
        if task.get("renamed", 0) != watched.renamed:
            # If somebody digs during this read, nothing is replaced, and the next poll tries again.
            watched.rename(task, *await self._history(task))
        watched.let_back(self._now_ms())
        self._ticks.plan(watched)

    async def _poll(self) -> None:
        """Read how deep all tasks here are: if a task's last news was lost, no later news shows the gap."""
        await self._look_at(self.known.loaded())

    async def _poll_alone(self) -> None:
        """Read how deep those tasks are of which no news is heard, since their Redis is down."""
        await self._look_at([each for each in self.known.loaded() if not self._bus.hears(each.code)])

    async def _poll_unheard(self) -> None:
        """Once tasks were subscribed to that are known here, read how deep these are."""
        await self._unheard_came.wait()
        self._unheard_came.clear()
        self._looked_at = self._unheard
        self._unheard = {}
        try:
            await self._look_at(list(self._looked_at))
        finally:
            self._looked_at = {}

    async def _look_at(self, known: list[WatchedTask]) -> None:
        """Read these tasks' depths, and then those that are deeper or otherwise than this process knew."""
        for at in range(0, len(known), POLLED_AT_ONCE):
            await self._look_at_some(known[at : at + POLLED_AT_ONCE])

    async def _look_at_some(self, known: list[WatchedTask]) -> None:
        codes = [watched.code for watched in known]
        undone = list[WatchedTask]()
        known_positions = {watched: watched.known_position for watched in known}
        positions = {found["_id"]: found for found in await self._store.tasks.positions(codes)}
        for watched in known:
            position = positions.get(watched.code)
            if self.known.by_code.get(watched.code) is not watched:
                continue
            # The task may come back: a new primary may not know at once that a majority has a new task.
            watched.gone = position is None
            if position is None:
                continue
            self._clock.see(position["now"])
            if watched.contradicts(position, known_positions[watched]):
                undone.append(watched)
                watched.undone = True
                self._read_soon(watched)
                continue
            watched.heard = max(watched.heard, position["now_depth"])
            if watched.behind or watched.differs(position):
                metrics.POLLED_GAPS.inc()
                self._read_soon(watched)
        if undone:
            app_log.warning(
                "the database has other digs of %d watched treasures than were known here, such as of %s: it "
                "was restored, or its clock was set back; they are read anew",
                len(undone),
                undone[0].code,
            )

    async def _poll_sessions(self) -> None:
        """Read which people's tokens ended, unless nobody is here and no person's record is trusted."""
        if self.activity.idle(FORGOTTEN_SECONDS):
            self.sessions.forget_all()
        else:
            await self.sessions.poll()

    # ---- what is kept, and how many watch

    async def _clear_away(self) -> None:
        """Once a second: drop connections that take nothing, and forget tasks that are long unused."""
        now = time.monotonic()
        self.congested = {watcher for watcher in self.congested if watcher.cut_if_stuck(now)}
        self.known.clear_away()

    def watchers(self, code: str) -> int:
        """Return how many people are known to watch a task, over all processes, and ask the others anew."""
        self.audience.ask_of_all()
        watched = self.known.by_code.get(code)
        return self.audience.elsewhere(code) if watched is None else watched.total
