"""The operator's feed: numbers over all processes, sent once a second. All viewers get the same frames.

It runs only while somebody looks. It reads heartbeats from Redis and tasks from MongoDB, and writes nothing.
"""

import asyncio
import time
from typing import Protocol

import msgspec
from cachetools import TTLCache
from tornado.log import app_log

from server.clock import Clock
from server.game.amounts import total_fen
from server.game.review import ReviewShown, review_of
from server.game.task import Task
from server.operation.alarms import Alarm, silence
from server.operation.heartbeats import (
    HISTORY_SECONDS,
    Heartbeat,
    HeartbeatDig,
    HeartbeatEnd,
    Second,
    add_up,
    read_heartbeats,
)
from server.operation.outages import Outages
from server.realtime.audience import Audience
from server.realtime.bus import Bus
from server.realtime.frames import text_frame
from server.runtime.background import Background
from server.store import Store

BOARD_TASKS = 20
BOARD_SECONDS = 2.0  # the screen marks a board as old after 3 s
ALARMS_SECONDS = 1.0
STOCK_SECONDS = 20.0  # A count reads all running tasks; the screen says how old it is.
# MongoDB gets this long before its silence is an alarm; a read of the board takes milliseconds.
SILENCE_SECONDS = 5.0
AHEAD_MS = 60_000  # How far another process's clock may be ahead.
# Wait this long after each second for the heartbeats of slow processes.
LATE_MS = 500
KEPT_SECONDS = 10
# A silent process is still shown for this long, so that the operator sees its silence.
PRESENT_SECONDS = 30
HISTORY_EVENTS = 60
ALARMS_TOLD = 30
UNREAD_TOLD_SECONDS = 60.0


class Viewer(Protocol):
    """An operator's open screen."""

    def send(self, frames: bytes) -> None:
        """Send encoded frames, or close if the session is over."""


class ProcessRow(msgspec.Struct):
    """What a process last said of itself, in the second that began at `at` (unix seconds)."""

    process: str
    pid: int
    at: int
    since: int
    rss_bytes: int
    watchers: int
    draining: int
    lag_ms: float
    redis_up: int
    mongodb_up: int


class BoardTask(msgspec.Struct):
    """A task that matters now. It holds no seed and no winning depth. `total_fen` is what all prizes pay."""

    code: str
    name: str
    wxname: str
    goods_type: int
    money: int
    total_fen: int
    now_depth: int
    max_depth: int
    prize_num: int
    prizes_left: int
    participants: int
    cd_until: int
    status: int
    hidden: int
    review: ReviewShown
    open: int
    end_reason: str
    watchers: int


class Queues(msgspec.Struct):
    """How much waits for an operator: prizes held or frozen, reviews, reported tasks.

    `hidden` has the tasks that only reports hide, the longest hidden first.
    """

    payouts: int
    reviews: int
    reports: int
    hidden: list[BoardTask]


class HistoryFrame(msgspec.Struct, tag="history", tag_field="type"):
    """The last 15 minutes, sent first. `fields` names the elements of a second's array."""

    now: int
    fields: tuple[str, ...]
    seconds: list[Second]
    digs: list[HeartbeatDig]
    ends: list[HeartbeatEnd]


class HeartbeatFrame(msgspec.Struct, tag="heartbeat", tag_field="type"):
    """What is new: complete seconds (a second may come again, corrected), all processes, digs and ends.

    `alarms` is all that is wrong now, [] if nothing; `names` has the names of the tasks in `alarms`, by code.
    """

    now: int
    seconds: list[Second]
    processes: list[ProcessRow]
    digs: list[HeartbeatDig]
    ends: list[HeartbeatEnd]
    alarms: list[Alarm]
    names: dict[str, str]


class BoardFrame(msgspec.Struct, tag="board", tag_field="type"):
    """The tasks that matter now, and the stock as it was counted at `counted_at` (unix ms, 0 for never).

    `queues` is null before they were first counted.
    """

    now: int
    tasks: list[BoardTask]
    queues: Queues | None
    counted_at: int
    running: int
    prizes: int
    prizes_left: int


_encoder = msgspec.json.Encoder()


def board_task(task: Task, watchers: int) -> BoardTask:
    """Return a task's row on the board, without the fields that nobody may see."""
    fields = {name: task[name] for name in BoardTask.__struct_fields__ if name in task}  # type: ignore[literal-required]
    shown = {"code": task["_id"], "review": review_of(task), "watchers": watchers}
    return msgspec.convert(fields | shown | {"total_fen": total_fen(task)}, BoardTask)


class Feed:
    """The feed of this process. It reads only while it has viewers, and sends all of them the same bytes."""

    def __init__(self, bus: Bus, store: Store, outages: Outages, clock: Clock, audience: Audience) -> None:
        self._bus = bus
        self._store = store
        self._outages = outages
        self._now_ms = clock.now_ms
        self._audience = audience
        self._viewers: set[Viewer] = set()
        self._running = False
        self._telling = Background(bus.failures)
        self._beginning = asyncio.Lock()
        # The processes whose unreadable heartbeats were logged lately.
        self._unread = TTLCache[str, None](100, UNREAD_TOLD_SECONDS, lambda: time.monotonic())
        self._stock: dict[str, int] = {"running": 0, "prizes": 0, "prizes_left": 0, "counted_at": 0}
        self._names: dict[str, str] = {}
        self._forget()

    def _forget(self) -> None:
        """Forget what was read for earlier viewers."""
        self._after = "-"
        self._heartbeats: list[Heartbeat] = []
        self._newest: dict[str, Heartbeat] = {}
        self._seconds: dict[int, Second] = {}
        self._digs: list[HeartbeatDig] = []
        self._ends: list[HeartbeatEnd] = []
        self._board = b""
        self._board_at = time.monotonic()
        self._lasting: list[Alarm] = []
        self._queues: Queues | None = None

    async def show(self, viewer: Viewer) -> None:
        """Send a viewer the frame `history`, then the frames of each second until `leave`."""
        async with self._beginning:
            if not self._running:
                await self._begin()
        # No await from here on: between `history` and the next frame this viewer must miss nothing.
        history = HistoryFrame(
            self._now_ms(),
            Second.__struct_fields__,
            [second for _, second in sorted(self._seconds.items())],
            list(self._digs),
            list(self._ends),
        )
        viewer.send(text_frame(_encoder.encode(history)))
        self._viewers.add(viewer)
        if self._board:
            viewer.send(self._board)

    async def _begin(self) -> None:
        """Read the heartbeats that Redis keeps, and start sending from there."""
        self._forget()
        await self._read_heartbeats()
        self._running = True
        self._telling.spawn(self._run())

    async def _read_heartbeats(self) -> tuple[list[Heartbeat], list[Second]]:
        """Read the new heartbeats; return them, and the sums of their seconds.

        If a heartbeat comes late, its second is summed up once more.
        """
        found = await self._bus.read_heartbeats(self._after)
        self._after, data = (self._after, []) if found is None else found
        # In a thread: 15 minutes of several processes would hold the loop too long.
        new, unread = await asyncio.to_thread(read_heartbeats, data)
        for process, why in unread.items():
            if process not in self._unread:
                self._unread[process] = None
                app_log.warning("heartbeats of %.40s cannot be read: %s", process, why)
        now = self._now_ms() // 1000 + 1  # what lies later is of before the clock was set back
        kept = [beat for beat in self._heartbeats if now - KEPT_SECONDS < beat.second <= now]
        self._heartbeats = [*kept, *new]
        told = {beat.second for beat in new if beat.second <= now}
        seconds = await asyncio.to_thread(add_up, [b for b in self._heartbeats if b.second in told])
        newest = self._newest | {beat.process: beat for beat in new}
        self._newest = {name: b for name, b in newest.items() if now - PRESENT_SECONDS < b.second <= now}
        known = self._seconds | {second.at: second for second in seconds}
        self._seconds = {at: each for at, each in known.items() if now - HISTORY_SECONDS < at <= now}
        self._digs = [*self._digs, *(dig for beat in new for dig in beat.digs)][-HISTORY_EVENTS:]
        self._ends = [*self._ends, *(end for beat in new for end in beat.ends)][-HISTORY_EVENTS:]
        return new, seconds

    def leave(self, viewer: Viewer) -> None:
        """Stop sending to a viewer. Safe to repeat."""
        self._viewers.discard(viewer)

    async def close(self) -> None:
        """Stop reading and sending."""
        await self._telling.end()

    def _send(self, data: bytes) -> None:
        for viewer in list(self._viewers):
            viewer.send(data)

    async def _run(self) -> None:
        """Send while there are viewers. A silent store delays only what is read from it."""
        reading = Background(self._bus.failures)
        works = (
            (self._tell_board, BOARD_SECONDS),  # MongoDB's silence is an alarm
            (self._count_stock, STOCK_SECONDS),
            (self._count_queues, BOARD_SECONDS),
            (self._read_alarms, ALARMS_SECONDS),
        )
        for work, seconds in works:
            reading.repeat(self._outages.database.while_ours(work), seconds, at_once=True)
        reading.repeat(self._tell_heartbeats, self._rest, at_once=True)
        try:
            while self._viewers:  # noqa: ASYNC110  (nobody waits for the end)
                await asyncio.sleep(1)
        finally:
            self._running = False  # the next viewer starts it again
            await reading.end()

    async def _rest(self) -> None:
        """Wait until the heartbeats of the next second have come."""
        await asyncio.sleep(1 - (self._now_ms() - LATE_MS) % 1000 / 1000)

    async def _tell_heartbeats(self) -> None:
        new, seconds = await self._read_heartbeats()
        frame = HeartbeatFrame(
            self._now_ms(),
            seconds,
            [_row(beat) for beat in sorted(self._newest.values(), key=lambda beat: beat.since)],
            [dig for beat in new for dig in beat.digs],
            [end for beat in new for end in beat.ends],
            self._alarms(),
            self._names,
        )
        self._send(text_frame(_encoder.encode(frame)))

    def _alarms(self) -> list[Alarm]:
        """Return the alarms that last. A store's silence is added here, since its alarm may not be written
        yet."""
        found = self._lasting[:ALARMS_TOLD]
        silent = set(self._outages.silent)
        if time.monotonic() - self._board_at > SILENCE_SECONDS or "mongodb" in silent:
            found.insert(0, silence(self._outages.database))
        if not self._bus.up or "redis" in silent:
            found.insert(0, Alarm("redis", "", self._bus.fault))
        return found

    async def _tell_board(self) -> None:
        self._audience.ask_of_all()
        watched = self._audience.totals()
        most_watched = [code for code, _ in watched.most_common(BOARD_TASKS)]
        tasks = await self._store.task_lists.matter_now(most_watched, BOARD_TASKS)
        self._board_at = time.monotonic()
        rows = [board_task(task, watched[task["_id"]]) for task in tasks]
        rows.sort(key=lambda row: (row.status, -row.watchers))
        frame = BoardFrame(self._now_ms(), rows, self._queues, **self._stock)
        self._board = text_frame(_encoder.encode(frame))
        self._send(self._board)

    async def _count_stock(self) -> None:
        """Count the stock, unless somebody looked a moment ago. The count reads more than a board does, so no
        board waits for it or fails with it."""
        counted_at = self._now_ms()
        if 0 <= counted_at - self._stock["counted_at"] < STOCK_SECONDS * 1000 / 2:
            return
        self._stock = {**await self._store.task_lists.stock(), "counted_at": counted_at}

    async def _count_queues(self) -> None:
        """Count what waits for operators. The next board shows it."""
        store = self._store
        hidden = await store.moderation.reported(BOARD_TASKS)
        self._queues = Queues(
            await store.prizes.waiting_number(),
            await store.reviews.number("held", self._now_ms() + AHEAD_MS),
            await store.reports.waiting_tasks(),
            [board_task(task, 0) for task in hidden],
        )

    async def _read_alarms(self) -> None:
        self._lasting = [
            Alarm(row["kind"], row["code"], row["what"], tuple(row["values"]))  # type: ignore[arg-type]
            for row in await self._store.alarms.find()
            if not row["end_at"] and row["kind"] not in ("mongodb", "database", "redis")
        ]
        self._names = await self._store.tasks.names(alarm.code for alarm in self._lasting[:ALARMS_TOLD])


def _row(beat: Heartbeat) -> ProcessRow:
    return msgspec.convert({**msgspec.structs.asdict(beat), "at": beat.second}, ProcessRow)
