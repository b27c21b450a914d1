"""What operators see first: the tasks that matter now, what waits for them, and the alarms.

It is read only while somebody looks, and at most once a second for all who look. It writes nothing.
"""

from __future__ import annotations

import asyncio
import time

import msgspec

from server.clock import Clock
from server.game.amounts import total_fen
from server.game.review import ReviewShown, review_of
from server.game.task import Task
from server.operation.alarms import Alarm, silence
from server.operation.outages import Outages
from server.realtime.audience import Audience
from server.realtime.bus import Bus
from server.runtime.background import Background
from server.store import Store

BOARD_TASKS = 20
BOARD_SECONDS = 1.0
STOCK_SECONDS = 10.0  # A count reads all running tasks; the screen says how old it is.
AHEAD_MS = 60_000  # How far another process's clock may be ahead.
ALARMS_TOLD = 30
# After a count, the store is left to others for so many times as long as it took.
REST_FACTOR = 20


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


class Queues(msgspec.Struct, frozen=True):
    """How much waits for an operator: prizes held or frozen, reviews, reported tasks.

    `hidden` has the tasks that only reports hide, the longest hidden first.
    """

    payouts: int
    reviews: int
    reports: int
    hidden: list[BoardTask]


def board_task(task: Task, watchers: int) -> BoardTask:
    """Return a task's row on the board, without the fields that nobody may see."""
    fields = {name: task[name] for name in BoardTask.__struct_fields__ if name in task}  # type: ignore[literal-required]
    shown = {"code": task["_id"], "review": review_of(task), "watchers": watchers}
    return msgspec.convert(fields | shown | {"total_fen": total_fen(task)}, BoardTask)


class Seen(msgspec.Struct, frozen=True):
    """What was read at `read_at`; the stock was counted at `counted_at` (unix ms, 0 for never).

    `names` has the names of the tasks in `lasting`, by code.
    """

    read_at: int = 0
    tasks: list[BoardTask] = []
    queues: Queues = Queues(0, 0, 0, [])
    lasting: list[Alarm] = []
    names: dict[str, str] = {}
    counted_at: int = 0
    running: int = 0
    prizes: int = 0
    prizes_left: int = 0


class Board:
    """The board of this process."""

    def __init__(
        self,
        bus: Bus,
        store: Store,
        outages: Outages,
        clock: Clock,
        audience: Audience,
        background: Background,
    ) -> None:
        self._bus = bus
        self._store = store
        self._outages = outages
        self._now_ms = clock.now_ms
        self._audience = audience
        self._background = background
        self._reading = asyncio.Lock()
        self._seen = Seen()
        self._due = 0.0
        self._stock = {"counted_at": 0, "running": 0, "prizes": 0, "prizes_left": 0}
        self._stock_due = 0.0

    async def look(self) -> Seen:
        """Return the newest board; while MongoDB is silent, the one that was read last."""
        async with self._reading:
            if time.monotonic() >= self._due and "mongodb" not in self._outages.silent:
                self._seen = await self._read()
                self._due = time.monotonic() + BOARD_SECONDS
        return self._seen

    def alarms(self) -> list[Alarm]:
        """Return the alarms that last. A store's silence is added here, since its alarm may not be written
        yet."""
        found = self._seen.lasting[:ALARMS_TOLD]
        silent = set(self._outages.silent)
        if "mongodb" in silent:
            found.insert(0, silence(self._outages.database))
        if not self._bus.up or "redis" in silent:
            found.insert(0, Alarm("redis", "", self._bus.fault))
        return found

    async def _read(self) -> Seen:
        if time.monotonic() >= self._stock_due:
            self._stock_due = time.monotonic() + STOCK_SECONDS
            self._background.spawn(self._count_stock())
        store = self._store
        read_at = self._now_ms()
        self._audience.ask_of_all()
        watched = self._audience.totals()
        most_watched = [code for code, _ in watched.most_common(BOARD_TASKS)]
        tasks = await store.task_lists.matter_now(most_watched, BOARD_TASKS)
        rows = [board_task(task, watched[task["_id"]]) for task in tasks]
        rows.sort(key=lambda row: (row.status, -row.watchers))
        hidden = await store.moderation.reported(BOARD_TASKS)
        queues = Queues(
            await store.prizes.waiting_number(),
            await store.reviews.number("held", self._now_ms() + AHEAD_MS),
            await store.reports.waiting_tasks(),
            [board_task(task, 0) for task in hidden],
        )
        lasting = [
            Alarm(row["kind"], row["code"], row["what"], tuple(row["values"]))  # type: ignore[arg-type]
            for row in await store.alarms.find()
            if not row["end_at"] and row["kind"] not in ("mongodb", "database", "redis")
        ]
        names = await store.tasks.names(alarm.code for alarm in lasting[:ALARMS_TOLD])
        return Seen(read_at, rows, queues, lasting, names, **self._stock)

    async def _count_stock(self) -> None:
        """Count the stock. That reads more than a board does, so no board waits for it or fails with it."""
        began = time.monotonic()
        counted_at = self._now_ms()
        self._stock = {**await self._store.task_lists.stock(), "counted_at": counted_at}
        self._stock_due = began + max(STOCK_SECONDS, REST_FACTOR * (time.monotonic() - began))
