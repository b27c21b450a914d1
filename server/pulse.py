"""Pulses: what a process says of itself each second, and the seconds that all processes' pulses add up to.

Pulses are made from the metrics that `/metrics` shows, so that there is one count of everything. They go
through Redis, which keeps 15 minutes of them; no id of a person is in one.
"""

from __future__ import annotations

import asyncio
import os
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import msgspec
from prometheus_client.core import REGISTRY

from server.hub import Hub
from server.store.digs import Dig

HISTORY_SECONDS = 900
SAMPLE_SECONDS = 0.1
WATCHED_TOLD = 30
DIGS_TOLD = 20
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


class PulseDig(msgspec.Struct, frozen=True):
    """A dig that the process made: what the operator's feed shows of it."""

    code: str
    depth: int
    wxname: str
    is_prize: int
    end: str
    at: int


class Pulse(msgspec.Struct, frozen=True):
    """One second of one process. `counts` are increases of the metrics' samples since the pulse before."""

    process: str
    pid: int
    at: int
    since: int
    rss_bytes: int
    draining: int
    watchers: int
    largest_unsent_bytes: int
    lag_ms: float
    redis_up: int
    counts: dict[str, float]
    watched: dict[str, int]
    digs: list[PulseDig]


class Pulsing:
    """Takes one process's pulse and tells it, each second until cancelled."""

    def __init__(self, hub: Hub, now_ms: Any) -> None:
        self._hub = hub
        self._now_ms = now_ms
        self._since = now_ms()
        self._before = _samples()
        self._lag = 0.0
        self._digs: list[PulseDig] = []

    def note(self, dig: Dig) -> None:
        """Take a dig that this process made into the next pulse."""
        if len(self._digs) < DIGS_TOLD:
            self._digs.append(
                PulseDig(
                    dig["code"], dig["depth"], dig["wxname"], dig["is_prize"], dig.get("end", ""), dig["at"]
                )
            )

    async def run(self) -> None:
        """Measure the loop's lag ten times a second and send a pulse each second."""
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            for _ in range(round(1 / SAMPLE_SECONDS)):
                due = max(due + SAMPLE_SECONDS, loop.time())
                await asyncio.sleep(due - loop.time())
                self._lag = max(self._lag, loop.time() - due)
            await self._hub.bus.write_pulse(msgspec.msgpack.encode(self.take()), self._now_ms())

    def take(self) -> Pulse:
        """Return what happened since the last call."""
        samples = _samples()
        counts = {
            name: value - self._before.get(name, 0.0)
            for name, value in samples.items()
            if value != self._before.get(name, 0.0)
        }
        self._before = samples
        hub = self._hub
        watched = sorted(((len(c.watchers), code) for code, c in hub.channels.items()), reverse=True)
        pulse = Pulse(
            process=hub.bus.process,
            pid=os.getpid(),
            at=self._now_ms(),
            since=self._since,
            rss_bytes=_rss_bytes(),
            draining=int(hub.draining),
            watchers=len(hub.connections),
            largest_unsent_bytes=max((c.unsent_bytes for c in hub.connections), default=0),
            lag_ms=round(self._lag * 1000, 1),
            redis_up=int(hub.bus.up),
            counts=counts,
            watched={code: count for count, code in watched[:WATCHED_TOLD]},
            digs=self._digs,
        )
        self._lag = 0.0
        self._digs = []
        return pulse


def _samples() -> dict[str, float]:
    """Return this process's own counters and histogram buckets, by name and labels."""
    found = {}
    for metric in REGISTRY.collect():
        if metric.type not in ("counter", "histogram") or not metric.name.startswith("wabao_"):
            continue
        for sample in metric.samples:
            if not sample.name.endswith("_created"):
                labels = ",".join(f"{name}={value}" for name, value in sample.labels.items())
                found[f"{sample.name}{{{labels}}}"] = sample.value
    return found


def _rss_bytes() -> int:
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * _PAGE_BYTES


class Second(msgspec.Struct):
    """All processes' pulses of one second, added up. Durations are milliseconds, None for none."""

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


def add_up(pulses: Iterable[Pulse]) -> list[Second]:
    """Return a Second for each second that any pulse fell into, in order."""
    by_second: dict[int, dict[str, Pulse]] = defaultdict(dict)
    for pulse in pulses:
        by_second[pulse.at // 1000][pulse.process] = pulse
    return [_second(at, list(found.values())) for at, found in sorted(by_second.items())]


def _second(at: int, pulses: list[Pulse]) -> Second:
    counts: dict[str, float] = defaultdict(float)
    for pulse in pulses:
        for name, value in pulse.counts.items():
            counts[name] += value
    digs = _labelled(counts, "wabao_digs_total")
    return Second(
        at=at,
        watchers=sum(pulse.watchers for pulse in pulses),
        processes=len(pulses),
        digs=digs,
        joins=int(counts.get("wabao_joins_total{}", 0)),
        wins=digs.get("won", 0),
        deliveries=int(counts.get("wabao_deliveries_total{}", 0)),
        frame_p50=quantile(counts, "wabao_dig_to_frame_seconds", 0.5),
        frame_p99=quantile(counts, "wabao_dig_to_frame_seconds", 0.99),
        lag=max(pulse.lag_ms for pulse in pulses),
        queue=max(pulse.largest_unsent_bytes for pulse in pulses),
        closes=_labelled(counts, "wabao_websocket_closes_total"),
        gaps=int(counts.get("wabao_redis_gaps_total{}", 0) + counts.get("wabao_polled_gaps_total{}", 0)),
        resyncs=int(counts.get("wabao_resyncs_total{}", 0)),
        store_p50=quantile(counts, "wabao_store_seconds", 0.5),
        store_p99=quantile(counts, "wabao_store_seconds", 0.99),
        uploads=int(counts.get("wabao_uploads_total{}", 0)),
        logins=int(counts.get("wabao_logins_total{}", 0)),
        errors=_labelled(counts, "wabao_refusals_total"),
    )


def _labelled(counts: dict[str, float], name: str) -> dict[str, int]:
    """Return a counter's increases by the value of its one label."""
    found = {}
    for sample, value in counts.items():
        if sample.startswith(name + "{"):
            found[sample.partition("=")[2].rstrip("}")] = int(value)
    return found


def quantile(counts: dict[str, float], name: str, q: float) -> float | None:
    """Return a quantile of a histogram's increases in milliseconds, to within its buckets."""
    buckets: dict[float, float] = defaultdict(float)
    for sample, value in counts.items():
        if sample.startswith(name + "_bucket{"):
            buckets[float(sample.rpartition("le=")[2].rstrip("}"))] += value
    # A bucket's count holds those below it, and one that did not grow is not among the increases.
    total = buckets.get(float("inf"), 0.0)
    if not total:
        return None
    lower = 0.0
    below = 0.0
    for upper in sorted(buckets):
        if buckets[upper] >= q * total:
            if upper == float("inf"):
                return round(lower * 1000, 2)
            share = (q * total - below) / (buckets[upper] - below)
            return round((lower + (upper - lower) * share) * 1000, 2)
        lower, below = upper, buckets[upper]
    return round(lower * 1000, 2)
