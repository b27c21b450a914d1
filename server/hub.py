"""Who watches what in this process, and the sending: each dig of a watched task once and in order.

The digs are the history and MongoDB has them; what arrives over the bus is only the fastest way to hear of
one. Whatever arrives out of turn, twice or not at all is mended by reading.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any, Protocol

import msgspec
from tornado.log import app_log

from server import metrics
from server.bus import Bus, end_tasks
from server.channel import REPLAYED_DIGS, Channel, Watcher
from server.errors import NoSuchTask
from server.events import Tick, Watchers, encode
from server.store import Store, is_unavailable
from server.store.digs import Dig

POLL_SECONDS = 3.0
POLL_SECONDS_ALONE = 1.0  # while Redis is down
COUNT_SECONDS = 5.0
# Above this many watchers their number is told every 5 s only.
CROWD = 500
DRAIN_SECONDS = 4.0
# Operations on the store wait in one queue: a crowd that comes back all at once must leave room for digs.
ARRIVALS_AT_ONCE = 8
# After an operator's order; a watcher that meets the same process again meanwhile is sent away once more.
REST_SECONDS = 30.0


class News(msgspec.Struct, frozen=True, omit_defaults=True):
    """What processes tell each other of a task; one of the fields is set.

    It goes over Redis and never to a client: a dig's record holds the digger's id, which a process needs to
    answer that person's next request.
    """

    dig: dict[str, Any] | None = None
    end_reason: str = ""
    end_seq: int = 0
    start: int = 0
    watchers: tuple[str, int, int] | None = None  # process, count, unix ms


class Order(msgspec.Struct, frozen=True):
    """What an operator asks of one process: to send its watchers away."""

    process: str


class Closable(Watcher, Protocol):
    """A watcher that can be told to go."""

    unsent_bytes: int

    def say_goodbye(self) -> None:
        """Close with 1001."""


class Hub:
    """One a process. `now_ms` is MongoDB's clock; `learn` is told each dig that is heard of."""

    def __init__(
        self,
        store: Store,
        url: str,
        prefix: str,
        public_url: str,
        now_ms: Callable[[], int],
        learn: Callable[[Dig], None],
    ) -> None:
        self.bus = Bus(url, prefix, self._on_message, self._on_subscribed)
        self.channels: dict[str, Channel] = {}
        self.connections: set[Closable] = set()
        self.congested: set[Watcher] = set()
        self.arrivals = asyncio.Semaphore(ARRIVALS_AT_ONCE)
        self.draining = False
        self._store = store
        self._public_url = public_url
        self._now_ms = now_ms
        self._learn = learn
        self._opening: dict[str, asyncio.Task[Channel]] = {}
        self._reading: dict[str, asyncio.Task[None]] = {}
        self._ticks: dict[str, asyncio.TimerHandle] = {}
        self._resting: asyncio.Task[None] | None = None
        self._keepers: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin to listen."""
        self.bus.start()
        loop = asyncio.get_running_loop()
        self._keepers = [
            loop.create_task(
                self._keep(self._poll, lambda: POLL_SECONDS if self.bus.up else POLL_SECONDS_ALONE)
            ),
            loop.create_task(self._keep(self._tell_counts, lambda: 1.0)),
            loop.create_task(self._keep(self._renew_counts, lambda: COUNT_SECONDS)),
        ]

    async def drain(self) -> None:
        """Tell all connections to go, spread over a few seconds, so that they do not come back at once."""
        self.draining = True
        leaving = list(self.connections)
        steps = 20
        for step in range(steps):
            for connection in leaving[step::steps]:
                connection.say_goodbye()
            if leaving:
                await asyncio.sleep(DRAIN_SECONDS / steps)

    def obey(self, order: Order) -> None:
        """Send all watchers away, and take none for a while, so that they find another process."""
        if order.process == self.bus.process and not self.draining:
            self._resting = asyncio.get_running_loop().create_task(self._rest())

    async def _rest(self) -> None:
        await self.drain()
        await asyncio.sleep(REST_SECONDS)
        self.draining = False

    async def close(self) -> None:
        """Stop all that runs and let go of Redis."""
        resting = [] if self._resting is None else [self._resting]
        await end_tasks([*resting, *self._keepers, *self._opening.values(), *self._reading.values()])
        for tick in self._ticks.values():
            tick.cancel()
        await self.bus.close()

    # ---- watching

    async def watch(self, watcher: Watcher, code: str, since: int | None, ticks: bool) -> None:
        """Send what was missed and a snapshot, and from then on each dig. Raises NoSuchTask."""
        channel = await self._channel(code)
        # No await between the bytes and the joining: no dig falls between them.
        channel.watchers[watcher] = None
        if ticks:
            channel.ticking[watcher] = None
        else:
            channel.ticking.pop(watcher, None)
        watcher.send(channel.welcome(since, self._now_ms()))

    def leave(self, watcher: Watcher, code: str) -> None:
        """Send this watcher nothing more of a task."""
        channel = self.channels.get(code)
        if channel is None or watcher not in channel.watchers:
            return
        del channel.watchers[watcher]
        channel.ticking.pop(watcher, None)
        if not channel.watchers:
            self._close_channel(channel)

    def _close_channel(self, channel: Channel) -> None:
        code = channel.code
        del self.channels[code]
        self._cancel_tick(code)
        reading = self._reading.pop(code, None)
        if reading is not None:
            reading.cancel()
        asyncio.get_running_loop().create_task(self._forget(code))

    async def _forget(self, code: str) -> None:
        if code in self.channels or code in self._opening:
            return
        await self.bus.ignore(code)
        if code not in self.channels and code not in self._opening:
            await self.bus.count_watchers({code: 0}, self._now_ms())

    async def _channel(self, code: str) -> Channel:
        """Return a task's channel, opening it once for all who ask at the same time."""
        while True:
            channel = self.channels.get(code)
            if channel is not None:
                return channel
            opening = self._opening.get(code)
            if opening is None:
                opening = asyncio.get_running_loop().create_task(self._open(code))
                self._opening[code] = opening
                opening.add_done_callback(lambda done: self._opened(code, done))
            # A watcher that gives up must not end the reading for those who wait with it.
            channel = await asyncio.shield(opening)
            if self.channels.get(code) is channel:
                return channel

    def _opened(self, code: str, done: asyncio.Task[Channel]) -> None:
        del self._opening[code]
        if not done.cancelled():
            done.exception()  # whoever waits is told; where nobody does any more, nobody needs to be

    async def _open(self, code: str) -> Channel:
        channel = Channel(code)
        await self.bus.listen(code)
        counts = await self.bus.count_watchers({code: 1}, self._now_ms()) if self.bus.up else None
        if counts is not None:
            channel.others = counts[code]
            channel.others.pop(self.bus.process, None)
        try:
            await self._load(channel)
        except BaseException:
            asyncio.get_running_loop().create_task(self._forget(code))
            raise
        self.channels[code] = channel
        self._schedule_tick(channel)
        # What arrived while we read was not kept: the next poll, or the next dig, shows whether it matters.
        self._read_soon(channel)
        return channel

    async def _load(self, channel: Channel) -> None:
        task = await self._store.tasks.find(channel.code)
        if task is None:
            raise NoSuchTask
        digs = await self._store.digs.after(
            channel.code, task["now_depth"] - REPLAYED_DIGS, REPLAYED_DIGS + 1
        )
        channel.load(task, digs, self._public_url)

    # ---- what happened

    def deliver(self, dig: Dig) -> None:
        """Take a dig of this or another process."""
        self._learn(dig)
        channel = self.channels.get(dig["code"])
        if channel is None:
            return
        frames = channel.apply(dig)
        if frames:
            self._send_dig(channel, frames)
            metrics.DIG_TO_FRAME.observe(max(0, self._now_ms() - dig["at"]) / 1000)
        elif channel.behind:
            self._read_soon(channel)

    async def announce(self, code: str, news: News) -> None:
        """Take news of this process and tell the others."""
        self._take(code, news)
        await self.bus.publish(code, msgspec.msgpack.encode(news))

    def _on_message(self, code: str, payload: bytes) -> None:
        try:
            if not code:
                self.obey(msgspec.msgpack.decode(payload, type=Order))
                return
            news = msgspec.msgpack.decode(payload, type=News)
        except msgspec.MsgspecError as error:
            app_log.error("a message on the bus cannot be read: %s", error)
            return
        self._take(code, news)

    def _take(self, code: str, news: News) -> None:
        if news.dig is not None:
            self.deliver(news.dig)  # type: ignore[arg-type]
            return
        channel = self.channels.get(code)
        if channel is None:
            return
        if news.watchers is not None:
            process, count, at = news.watchers
            if process != self.bus.process:
                channel.others[process] = (count, at)
        elif news.end_reason:
            channel.heard = max(channel.heard, news.end_seq)
            if channel.behind:
                self._read_soon(channel)
            else:
                self._send_end(channel, news.end_reason)
        elif news.start:
            self._send(channel, channel.start(news.start))

    def _on_subscribed(self, code: str) -> None:
        channel = self.channels.get(code)
        if channel is not None:
            metrics.GAPS.inc()
            self._read_soon(channel)

    def _send_dig(self, channel: Channel, frames: bytes) -> None:
        self._cancel_tick(channel.code)
        self._send(channel, frames)
        self._schedule_tick(channel)

    def _send_end(self, channel: Channel, end_reason: str) -> None:
        frames = channel.end(end_reason)
        if frames:
            self._cancel_tick(channel.code)
            self._send(channel, frames)

    def _send(self, channel: Channel, frames: bytes) -> None:
        if not frames:
            return
        for watcher in list(channel.watchers):
            watcher.send(frames)
        metrics.DELIVERIES.inc(len(channel.watchers))

    # ---- reading what may be missing

    def _read_soon(self, channel: Channel) -> None:
        code = channel.code
        if code not in self._reading:
            reading = asyncio.get_running_loop().create_task(self._catch_up(channel))
            self._reading[code] = reading
            reading.add_done_callback(lambda done: self._read_done(code, done))

    def _read_done(self, code: str, done: asyncio.Task[None]) -> None:
        if self._reading.get(code) is done:
            del self._reading[code]
        if not done.cancelled() and done.exception() is not None:
            app_log.error("catching up failed", exc_info=done.exception())

    async def _catch_up(self, channel: Channel) -> None:
        """Read until nothing that was heard of is missing; send it in order."""
        try:
            while True:
                task = await self._store.tasks.find(channel.code)
                if task is None:
                    return
                if task["now_depth"] - channel.seq > REPLAYED_DIGS:
                    await self._load(channel)
                    self._send_dig(channel, encode([channel.snapshot(self._now_ms())]))
                    metrics.RESYNCS.inc()
                else:
                    for dig in await self._missing(channel, task["now_depth"]):
                        self.deliver(dig)
                if task["status"] and channel.seq >= task["now_depth"]:
                    self._send_end(channel, task["end_reason"])
                if task["open"]:
                    self._send(channel, channel.start(self._now_ms()))
                if not channel.behind:
                    return
        except Exception as error:
            if not is_unavailable(error):
                raise
            app_log.warning("what %s may have missed cannot be read now: %s", channel.code, error)

    async def _missing(self, channel: Channel, now_depth: int) -> list[Dig]:
        if now_depth <= channel.seq and not channel.behind:
            return []
        return await self._store.digs.after(channel.code, channel.seq, REPLAYED_DIGS)

    async def _poll(self) -> None:
        """Ask where all watched tasks stand: the last news before a silence may be lost without a jump."""
        if not self.channels:
            return
        for position in await self._store.tasks.positions(list(self.channels)):
            channel = self.channels.get(position["_id"])
            if channel is None:
                continue
            channel.heard = max(channel.heard, position["now_depth"])
            if channel.behind or position["status"] != channel.status or position["open"] != channel.open:
                metrics.POLLED_GAPS.inc()
                self._read_soon(channel)

    async def _keep(self, work: Callable[[], Any], seconds: Callable[[], float]) -> None:
        while True:
            await asyncio.sleep(seconds())
            try:
                await work()
            except Exception as error:  # noqa: BLE001  (logged, and tried again in its next turn)
                if not is_unavailable(error):
                    app_log.error("%s failed", work.__name__, exc_info=error)
                    continue
                app_log.warning("%s: a store does not answer: %s", work.__name__, error)

    # ---- ticks, made by each process for its own watchers

    def _cancel_tick(self, code: str) -> None:
        tick = self._ticks.pop(code, None)
        if tick is not None:
            tick.cancel()

    def _schedule_tick(self, channel: Channel, after: int | None = None) -> None:
        """Plan the next tick: at the moment its `time` becomes true. `after` is the last one sent."""
        left_ms = channel.cd_until - self._now_ms()
        if channel.status or (after is None and left_ms <= 0) or after == 0:
            return
        value = max(0, -(-left_ms // 1000) - 1)
        if after is not None:
            value = min(value, after - 1)
        delay = (left_ms - value * 1000) / 1000
        self._ticks[channel.code] = asyncio.get_running_loop().call_later(delay, self._tick, channel, value)

    def _tick(self, channel: Channel, value: int) -> None:
        self._ticks.pop(channel.code, None)
        if channel.ticking:
            frame = encode([Tick(code=channel.code, time=value)])
            for watcher in list(channel.ticking):
                watcher.send(frame)
            metrics.DELIVERIES.inc(len(channel.ticking))
        self._schedule_tick(channel, after=value)

    # ---- how many watch

    async def _tell_counts(self) -> None:
        """Each second: tell watchers and other processes where a number changed; drop who is stuck."""
        now = time.monotonic()
        self.congested = {watcher for watcher in self.congested if watcher.cut_if_stuck(now)}
        now_ms = self._now_ms()
        for channel in list(self.channels.values()):
            if self.channels.get(channel.code) is not channel:  # closed while others were told
                continue
            own = len(channel.watchers)
            if not own:  # whoever it was opened for went away meanwhile
                self._close_channel(channel)
                continue
            if own != channel.own_count_told:
                channel.own_count_told = own
                news = News(watchers=(self.bus.process, own, now_ms))
                await self.bus.publish(channel.code, msgspec.msgpack.encode(news))
            if channel.total(now_ms) <= CROWD:
                self._tell_total(channel, now_ms)

    def _tell_total(self, channel: Channel, now_ms: int) -> None:
        total = channel.total(now_ms)
        if total != channel.total_told:
            channel.total_told = total
            self._send(channel, encode([Watchers(code=channel.code, watchers=total)]))

    async def _renew_counts(self) -> None:
        own = {code: len(channel.watchers) for code, channel in self.channels.items()}
        now_ms = self._now_ms()
        counts = await self.bus.count_watchers(own, now_ms) if own and self.bus.up else {}
        for code, found in (counts or {}).items():
            channel = self.channels.get(code)
            if channel is not None:
                found.pop(self.bus.process, None)
                channel.others = found
        for channel in list(self.channels.values()):
            self._tell_total(channel, now_ms)

    async def watchers(self, code: str) -> int:
        """Return how many watch a task, over all processes."""
        channel = self.channels.get(code)
        if channel is not None:
            return channel.total(self._now_ms())
        return await self.bus.watchers(code, self._now_ms())
