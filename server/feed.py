"""The operator's feed: one stream of numbers over all processes, made once a second however many look on.

It runs only while somebody looks. It reads pulses from Redis and tasks from MongoDB, and writes nothing.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Protocol

import msgspec
from tornado.log import app_log

from server.events import text_frame
from server.pulse import HISTORY_SECONDS, Pulse, PulseDig, Second, add_up
from server.statements import broken_by_totals
from server.store import is_unavailable
from server.store.tasks import Task

if TYPE_CHECKING:
    from server.context import Context

BOARD_TASKS = 20
BOARD_SECONDS = 2
CHECK_SECONDS = 15
# A second is shown once the slowest process had time to tell its part of it.
COMPLETE_MS = 1200
PRESENT_MS = 3000
# A history longer than this is not added up each 15 s.
CHECKED_DIGS = 20_000


class Viewer(Protocol):
    """An operator's open screen."""

    def send(self, frames: bytes) -> None:
        """Take finished frames."""


class ProcessRow(msgspec.Struct):
    """A process as it last said of itself."""

    process: str
    pid: int
    at: int
    since: int
    rss_bytes: int
    watchers: int
    draining: int
    lag_ms: float
    redis_up: int


class BoardTask(msgspec.Struct):
    """A task that matters now. Neither its seed nor a depth that wins is anywhere near it."""

    code: str
    name: str
    wxname: str
    goods_type: int
    money: int
    now_depth: int
    max_depth: int
    prize_num: int
    prizes_left: int
    participants: int
    cd_until: int
    status: int
    hidden: int
    open: int
    end_reason: str
    watchers: int


class HistoryFrame(msgspec.Struct, tag="history", tag_field="type"):
    """The last 15 minutes, from the first moment."""

    now: int
    seconds: list[Second]


class PulseFrame(msgspec.Struct, tag="pulse", tag_field="type"):
    """What is new: complete seconds, all processes, the digs they made."""

    now: int
    seconds: list[Second]
    processes: list[ProcessRow]
    digs: list[PulseDig]


class BoardFrame(msgspec.Struct, tag="board", tag_field="type"):
    """The tasks that matter now, the stock of prizes, and what is wrong: sentences, [] when nothing is."""

    now: int
    tasks: list[BoardTask]
    running: int
    prizes: int
    prizes_left: int
    alarms: list[str]


_encoder = msgspec.json.Encoder()


def board_task(task: Task, watchers: int) -> BoardTask:
    """Return a task's row."""
    fields = {name: task[name] for name in BoardTask.__struct_fields__ if name in task}  # type: ignore[literal-required]
    return msgspec.convert({**fields, "code": task["_id"], "watchers": watchers}, BoardTask)


class Feed:
    """One a process."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._viewers: set[Viewer] = set()
        self._running: asyncio.Task[None] | None = None
        self._after = "-"
        self._pulses: list[Pulse] = []
        self._shown = 0
        self._checked = 0.0
        self._broken: list[str] = []
        self._books: list[str] = []

    async def show(self, viewer: Viewer) -> None:
        """Send a viewer the history, and from then on each second."""
        found = await self._context.hub.bus.read_pulses()
        now_ms = self._context.cooldowns.now_ms()
        pulses = [msgspec.msgpack.decode(data, type=Pulse) for data in (found[1] if found else [])]
        seconds = [s for s in add_up(pulses) if s.at * 1000 > now_ms - HISTORY_SECONDS * 1000]
        last_complete = (now_ms - COMPLETE_MS) // 1000 - 1
        history = HistoryFrame(now_ms, [s for s in seconds if s.at <= max(self._shown, last_complete)])
        viewer.send(text_frame(_encoder.encode(history)))
        self._viewers.add(viewer)
        if self._running is None or self._running.done():
            self._shown = history.seconds[-1].at if history.seconds else 0
            self._after = found[0] if found else "-"
            self._pulses = [p for p in pulses if p.at // 1000 > self._shown]
            self._running = asyncio.get_running_loop().create_task(self._run())

    def leave(self, viewer: Viewer) -> None:
        """Send a viewer nothing more."""
        self._viewers.discard(viewer)

    async def close(self) -> None:
        """Stop."""
        if self._running is not None:
            self._running.cancel()
            await asyncio.wait([self._running])

    def _send(self, frame: msgspec.Struct) -> None:
        data = text_frame(_encoder.encode(frame))
        for viewer in list(self._viewers):
            viewer.send(data)

    async def _run(self) -> None:
        turn = 0
        while self._viewers:
            try:
                await self._tell_pulses()
                if turn % BOARD_SECONDS == 0:
                    await self._tell_board()
            except Exception as error:  # noqa: BLE001  (logged, shown as an alarm, and tried again)
                if not is_unavailable(error):
                    app_log.error("the operator's feed failed", exc_info=error)
                self._send(
                    BoardFrame(
                        self._context.cooldowns.now_ms(), [], 0, 0, 0, ["mongodb 没有响应 / does not answer"]
                    )
                )
            turn += 1
            await asyncio.sleep(1)

    async def _tell_pulses(self) -> None:
        bus, now_ms = self._context.hub.bus, self._context.cooldowns.now_ms()
        found = await bus.read_pulses(self._after)
        new = []
        if found is not None:
            self._after = found[0]
            new = [msgspec.msgpack.decode(data, type=Pulse) for data in found[1]]
        self._pulses += new
        complete = (now_ms - COMPLETE_MS) // 1000 - 1
        seconds = [s for s in add_up(self._pulses) if self._shown < s.at <= complete]
        if seconds:
            self._shown = seconds[-1].at
        newest: dict[str, Pulse] = {}
        for pulse in self._pulses:
            newest[pulse.process] = pulse
        self._pulses = [p for p in self._pulses if p.at // 1000 > self._shown or p.at > now_ms - PRESENT_MS]
        rows = [
            ProcessRow(
                p.process, p.pid, p.at, p.since, p.rss_bytes, p.watchers, p.draining, p.lag_ms, p.redis_up
            )
            for p in sorted(newest.values(), key=lambda p: p.since)
        ]
        self._send(PulseFrame(now_ms, seconds, rows, [dig for pulse in new for dig in pulse.digs]))

    async def _tell_board(self) -> None:
        context = self._context
        watched: dict[str, int] = {}
        newest = {pulse.process: pulse for pulse in self._pulses}
        for pulse in newest.values():
            for code, count in pulse.watched.items():
                watched[code] = watched.get(code, 0) + count
        tasks = await context.store.tasks.matter_now(list(watched), BOARD_TASKS)
        stock = await context.store.tasks.stock()
        await self._check(tasks)
        alarms = [*self._broken, *self._books]
        if not context.hub.bus.up:
            alarms.append("redis 没有响应 / does not answer")
        rows = [board_task(task, watched.get(task["_id"], 0)) for task in tasks]
        rows.sort(key=lambda row: (row.status, -row.watchers))
        self._send(
            BoardFrame(
                context.cooldowns.now_ms(),
                rows,
                stock["running"],
                stock["prizes"],
                stock["prizes_left"],
                alarms,
            )
        )

    async def _check(self, tasks: list[Task]) -> None:
        """Hold the tasks on the board against their history, every 15 s."""
        if time.monotonic() - self._checked < CHECK_SECONDS:
            return
        self._checked = time.monotonic()
        self._broken = []
        for task in tasks:
            if task["now_depth"] > CHECKED_DIGS:
                continue
            before = await self._context.store.tasks.find(task["_id"])
            totals = await self._context.store.digs.totals(task["_id"])
            after = await self._context.store.tasks.find(task["_id"])
            # Only what did not move meanwhile can be compared.
            if before is not None and after is not None and before["now_depth"] == after["now_depth"]:
                self._broken += broken_by_totals(after, totals)
