"""Heartbeats: what a process says of itself each second, and the sums over all processes.

Heartbeats are made from the metrics that `/metrics` shows, so nothing is counted twice. They go through
Redis, which keeps the heartbeats of 15 minutes. They hold no person's id.
"""

import asyncio
import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Annotated, TypeAlias

import msgspec
from msgspec import Meta
from prometheus_client import Counter, Histogram
from prometheus_client.samples import Sample

from server.game.dig import Dig
from server.game.task import Task
from server.operation.outages import Outages
from server.realtime.bus import Bus
from server.realtime.hub import Hub
from server.runtime.background import Background
from server.telemetry import metrics

HISTORY_SECONDS = 900
SAMPLE_SECONDS = 0.1
# The estimated clock may go back by less than this; no second is sent twice because of that. A clock that
# goes back further was set back.
SET_BACK_SECONDS = 2
# The most events of a kind in one heartbeat. Kinds: plain digs, digs that won or ended a task, other ends.
EVENTS_TOLD = 20
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")

_COUNTERS = {
    "digs": metrics.DIGS,
    "joins": metrics.JOINS,
    "deliveries": metrics.DELIVERIES,
    "closes": metrics.CLOSES,
    "gaps": metrics.GAPS,
    "polled": metrics.POLLED_GAPS,
    "resyncs": metrics.RESYNCS,
    "uploads": metrics.UPLOADS,
    "logins": metrics.LOGINS,
    "replaced": metrics.WORKERS_ENDED,
    "errors": metrics.REFUSALS,
    "limited": metrics.LIMITED,
}
# The counters that have a label. In `counts` the label stands behind a dot: "digs.won".
_LABELLED = ("digs", "closes", "errors", "limited", "replaced")
Number: TypeAlias = Annotated[int, Meta(ge=0, le=1 << 53)]
Milliseconds: TypeAlias = Annotated[float, Meta(ge=0, le=1e9)]


class HeartbeatDig(msgspec.Struct, frozen=True):
    """A dig that the process made: what the operator's feed shows of it."""

    code: str
    depth: int
    wxname: str
    is_prize: int
    end: str
    at: int
    cd_until: int


class HeartbeatEnd(msgspec.Struct, frozen=True):
    """A task that the process ended without a dig."""

    code: str
    name: str
    end_reason: str
    at: int


class Heartbeat(msgspec.Struct, frozen=True):
    """One second of one process, by MongoDB's clock.

    `counts` are the increases of counters, such as "digs.won" or "joins". `frame` and `store` are the
    increases of two histograms' buckets; as in Prometheus, each bucket includes all lower buckets.

    Whatever decodes as a heartbeat can be added up, even if a process of another version sent it.
    """

    process: str
    pid: int
    second: int
    since: int
    rss_bytes: Number
    draining: int
    watchers: Number
    largest_unsent_bytes: Number
    lag_ms: Milliseconds
    redis_up: int
    counts: dict[str, Number]
    frame: list[Number]
    store: list[Number]
    digs: list[HeartbeatDig]
    ends: list[HeartbeatEnd]
    mongodb_up: int = 1

    def __post_init__(self) -> None:
        """Raise ValueError if buckets are not those of this version."""
        for buckets, bounds in ((self.frame, metrics.FRAME_BUCKETS), (self.store, metrics.STORE_BUCKETS)):
            if buckets and (len(buckets) != len(bounds) + 1 or sorted(buckets) != buckets):
                raise ValueError("the buckets of a histogram are not ours")


class _Named(msgspec.Struct):
    process: str


def read_heartbeats(data: Iterable[bytes]) -> tuple[list[Heartbeat], dict[str, str]]:
    """Return the heartbeats that can be read, and why others cannot: the newest error by process, "?" if that
    cannot be read either."""
    found: list[Heartbeat] = []
    unread: dict[str, str] = {}
    for each in data:
        try:
            found.append(msgspec.msgpack.decode(each, type=Heartbeat))
        except (msgspec.MsgspecError, ValueError) as error:
            metrics.UNREAD.inc()
            try:
                name = msgspec.msgpack.decode(each, type=_Named).process
            except (msgspec.MsgspecError, ValueError):
                name = "?"
            unread[name] = str(error)
    return found, unread


class Heartbeats:
    """Makes this process's heartbeat and sends it through Redis, each second from `begin` on."""

    def __init__(self, hub: Hub, bus: Bus, outages: Outages, now_ms: Callable[[], int]) -> None:
        self._hub = hub
        self._bus = bus
        self._outages = outages
        self._now_ms = now_ms
        self._since = now_ms()
        self._counts: dict[str, int] = {}
        self._frame: dict[float, int] = {}
        self._store: dict[float, int] = {}
        self._lag = 0.0
        self._told = 0
        self._digs: list[HeartbeatDig] = []
        self._wins: list[HeartbeatDig] = []
        self._ends: list[HeartbeatEnd] = []

    def note_dig(self, dig: Dig) -> None:
        """Put a dig that this process made into the next heartbeat, if there is room."""
        kept = self._wins if dig["is_prize"] or "end" in dig else self._digs
        if len(kept) < EVENTS_TOLD:
            kept.append(msgspec.convert({"end": "", **dig}, HeartbeatDig))

    def note_end(self, task: Task) -> None:
        """Put a task that this process ended without a dig into the next heartbeat, if there is room."""
        if len(self._ends) < EVENTS_TOLD:
            self._ends.append(HeartbeatEnd(task["_id"], task["name"], task["end_reason"], task["ended_at"]))

    def begin(self, working: Background) -> None:
        """Until `working` ends, measure the loop's lag ten times a second, and send a heartbeat after each
        second."""
        self._told = self._now_ms() // 1000 - 1
        working.repeat(self._beat, self._rest)

    async def _rest(self) -> None:
        loop = asyncio.get_running_loop()
        rest = min(SAMPLE_SECONDS, 1 - self._now_ms() % 1000 / 1000)
        due = loop.time() + rest
        await asyncio.sleep(rest)
        late = max(loop.time() - due, 0.0)
        metrics.LOOP_LAG.observe(late)
        self._lag = max(self._lag, late)

    async def _beat(self) -> None:
        over = self._now_ms() // 1000 - 1
        if over > self._told or over < self._told - SET_BACK_SECONDS:
            self._told = over
            await self._bus.write_heartbeat(msgspec.msgpack.encode(self.take(over)))

    def take(self, second: int) -> Heartbeat:
        """Return what happened since the last call, as the heartbeat of `second` (unix seconds)."""
        before = self._counts
        self._counts = _counts()
        frame_before = self._frame
        self._frame = _buckets(metrics.DIG_TO_FRAME)
        store_before = self._store
        self._store = _buckets(metrics.STORE_SECONDS)
        hub = self._hub
        heartbeat = Heartbeat(
            process=self._bus.process,
            pid=os.getpid(),
            second=second,
            since=self._since,
            rss_bytes=_rss_bytes(),
            draining=int(hub.draining),
            watchers=len(hub.connections),
            largest_unsent_bytes=max((c.unsent_bytes for c in hub.connections), default=0),
            lag_ms=round(self._lag * 1000, 1),
            redis_up=int(self._bus.up),
            mongodb_up=int("mongodb" not in self._outages.silent),
            counts=_grown(self._counts, before),
            frame=_increases(self._frame, frame_before),
            store=_increases(self._store, store_before),
            digs=[*self._wins, *self._digs],
            ends=self._ends,
        )
        self._lag = 0.0
        self._digs = []
        self._wins = []
        self._ends = []
        return heartbeat


def _counts() -> dict[str, int]:
    """Return this process's own counters by name and label."""
    return {
        ".".join((name, *sample.labels.values())): int(sample.value)
        for name, counter in _COUNTERS.items()
        for sample in _samples(counter, "_total")
    }


def _grown(now: dict[str, int], before: dict[str, int]) -> dict[str, int]:
    """Return by how much each count grew; a count that did not grow is left out."""
    return {name: count - before.get(name, 0) for name, count in now.items() if count != before.get(name, 0)}


def _buckets(histogram: Histogram) -> dict[float, int]:
    """Return a histogram's counts by the buckets' upper bounds, all labels added up."""
    found: dict[float, int] = defaultdict(int)
    for sample in _samples(histogram, "_bucket"):
        found[float(sample.labels["le"])] += int(sample.value)
    return found


def _samples(metric: Counter | Histogram, suffix: str) -> list[Sample]:
    return [s for family in metric.collect() for s in family.samples if s.name.endswith(suffix)]


def _increases(now: dict[float, int], before: dict[float, int]) -> list[int]:
    """Return by how much each bucket grew; [] if none did."""
    found = [now[bound] - before.get(bound, 0) for bound in sorted(now)]
    return found if any(found) else []


def _rss_bytes() -> int:
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * _PAGE_BYTES
    except OSError:  # /proc is not there, or no descriptor is left
        return 0


class Second(msgspec.Struct, array_like=True):
    """All processes' heartbeats of one second, added up. Sent as an array, because `history` has 900 of them.

    Durations are in milliseconds, None if nothing was measured. `lag` and `queue` (bytes) are the largest of
    any process.
    """

    at: int
    watchers: int
    processes: int
    digs: dict[str, int]
    joins: int
    wins: int
    deliveries: int
    frame_p50: float | None
    frame_p99: float | None
    lag: float
    queue: int
    closes: dict[str, int]
    gaps: int
    resyncs: int
    store_p50: float | None
    store_p99: float | None
    uploads: int
    logins: int
    errors: dict[str, int]
    replaced: int
    limited: dict[str, int]


def add_up(heartbeats: Iterable[Heartbeat]) -> list[Second]:
    """Return a Second for each second that has a heartbeat, in order of time."""
    by_second: dict[int, list[Heartbeat]] = defaultdict(list)
    for heartbeat in heartbeats:
        by_second[heartbeat.second].append(heartbeat)
    return [_second(at, found) for at, found in sorted(by_second.items())]


def _second(at: int, heartbeats: list[Heartbeat]) -> Second:
    counts: dict[str, int] = defaultdict(int)
    for heartbeat in heartbeats:
        for name, count in heartbeat.counts.items():
            counts[name] += count
    labelled: dict[str, dict[str, int]] = {kind: {} for kind in _LABELLED}
    for name, count in counts.items():
        kind, dot, label = name.partition(".")
        if dot and kind in labelled:
            labelled[kind][label] = count
    frame = [sum(column) for column in zip(*(p.frame for p in heartbeats if p.frame), strict=False)]
    store = [sum(column) for column in zip(*(p.store for p in heartbeats if p.store), strict=False)]
    return Second(
        at=at,
        watchers=sum(heartbeat.watchers for heartbeat in heartbeats),
        processes=len(heartbeats),
        digs=labelled["digs"],
        joins=counts["joins"],
        wins=labelled["digs"].get("won", 0),
        deliveries=counts["deliveries"],
        frame_p50=quantile_ms(metrics.FRAME_BUCKETS, frame, 0.5),
        frame_p99=quantile_ms(metrics.FRAME_BUCKETS, frame, 0.99),
        lag=max(heartbeat.lag_ms for heartbeat in heartbeats),
        queue=max(heartbeat.largest_unsent_bytes for heartbeat in heartbeats),
        closes=labelled["closes"],
        gaps=counts["gaps"] + counts["polled"],
        resyncs=counts["resyncs"],
        store_p50=quantile_ms(metrics.STORE_BUCKETS, store, 0.5),
        store_p99=quantile_ms(metrics.STORE_BUCKETS, store, 0.99),
        uploads=counts["uploads"],
        logins=counts["logins"],
        errors=labelled["errors"],
        replaced=sum(number for how, number in labelled["replaced"].items() if how != "drained"),
        limited=labelled["limited"],
    )


def quantile_ms(bounds: Sequence[float], buckets: Sequence[int], q: float) -> float | None:
    """Return a quantile in milliseconds, exact to its bucket; None if nothing was measured.

    `bounds` are the buckets' upper bounds in seconds. The last bucket has no bound, and counts everything.
    """
    if not buckets or not buckets[-1]:
        return None
    wanted = q * buckets[-1]
    lower = 0.0
    below = 0
    for upper, count in zip(bounds, buckets, strict=False):
        if count >= wanted:
            return round((lower + (upper - lower) * (wanted - below) / (count - below)) * 1000, 2)
        lower = upper
        below = count
    return round(lower * 1000, 2)
