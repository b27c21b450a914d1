"""Who watches what in this process, and the sending: each dig of a watched task once and in order.

The digs are the history and MongoDB has them; what arrives over the bus is only the fastest way to hear of
one. Whatever arrives out of turn, twice or not at all is mended by reading.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Any, Protocol

import msgspec
from tornado.log import app_log

from server import metrics
from server.audience import Audience
from server.bus import Bus, end_tasks
from server.channel import REPLAYED_DIGS, Channel, Watcher
from server.cooldowns import Cooldowns
from server.errors import NoSuchTask
from server.events import Dig, Tick, encode
from server.news import News, Order
from server.store import Store, is_unavailable

POLL_SECONDS = 3.0
POLL_SECONDS_ALONE = 1.0  # while Redis is down
COUNT_SECONDS = 5.0
DRAIN_SECONDS = 4.0
READ_SECONDS = 2.0
LOADS = 3  # how often a history with a hole is read before it is done without
# Operations on the store wait in one queue: a crowd that comes back all at once must leave room for digs.
ARRIVALS_AT_ONCE = 8
# After an operator's order; a watcher that meets the same process again meanwhile is sent away once more.
REST_SECONDS = 30.0


class Closable(Watcher, Protocol):
    """A watcher that can be told to go."""

    unsent_bytes: int

    def say_goodbye(self) -> None:
        """Close with 1001."""


class Hub:
    """One a process. It tells `cooldowns` each dig and end that it hears of, and asks it for the time."""

    def __init__(
        self,
        store: Store,
        url: str,
        prefix: str,
        public_url: str,
        cooldowns: Cooldowns,
    ) -> None:
        self.bus = Bus(url, prefix, self._on_message, self._on_subscribed)
        self.channels: dict[str, Channel] = {}
        self.connections: set[Closable] = set()
        self.congested: set[Watcher] = set()
        self.arrivals = asyncio.Semaphore(ARRIVALS_AT_ONCE)
        self._stopping = False
        self._resting_until = 0.0
        self._store = store
        self._public_url = public_url
        self._cooldowns = cooldowns
        self._now_ms = cooldowns.now_ms
        self._audience = Audience(self.channels, self.bus, self._now_ms, self._send)
        self._opening: dict[str, asyncio.Task[Channel]] = {}
        self._reading: dict[str, asyncio.Task[None]] = {}
        self._ticks: dict[str, asyncio.TimerHandle] = {}
        self._background: set[asyncio.Task[None]] = set()
        self._keepers: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin to listen."""
        self.bus.start()
        loop = asyncio.get_running_loop()
        self._keepers = [
            loop.create_task(
                self._keep(self._poll, lambda: POLL_SECONDS if self.bus.up else POLL_SECONDS_ALONE)
            ),
            loop.create_task(self._keep(self._cut_stuck, lambda: 1.0)),
            loop.create_task(self._keep(self._audience.tell, lambda: 1.0)),
            loop.create_task(self._keep(self._audience.renew, lambda: COUNT_SECONDS)),
        ]

    @property
    def draining(self) -> bool:
        """Whether watchers are sent away: the server stops, or an operator asked for it a moment ago."""
        return self._stopping or time.monotonic() < self._resting_until

    async def drain(self) -> None:
        """Send all watchers away for good, for the server stops."""
        self._stopping = True
        await self._send_away()

    async def _send_away(self) -> None:
        """Tell all connections to go, spread over a few seconds, so that they do not come back at once."""
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
            self._resting_until = time.monotonic() + DRAIN_SECONDS + REST_SECONDS
            self._spawn(self._send_away())

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background_done)

    def _background_done(self, task: asyncio.Task[None]) -> None:
        self._background.discard(task)
        if not task.cancelled() and task.exception() is not None:
            app_log.error("the hub's work in the background failed", exc_info=task.exception())

    async def close(self) -> None:
        """Stop all that runs and let go of Redis."""
        await end_tasks([*self._keepers, *self._opening.values(), *self._reading.values(), *self._background])
        for tick in self._ticks.values():
            tick.cancel()
        await self.bus.close()

    # ---- watching

    async def watch(self, watcher: Watcher, code: str, since: int | None, ticks: bool) -> None:
        """Send what was missed and a snapshot, and from then on each dig. Raises NoSuchTask."""
        channel = await self._channel(code)
        if since is not None and since > channel.seq:
            # Another process may be further on than this one, and have told this watcher so.
            await self._read_now(channel)
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
        self._spawn(self._forget(code))

    async def _forget(self, code: str) -> None:
        if code in self.channels or code in self._opening:
            return
        await self.bus.ignore(code)
        if code not in self.channels and code not in self._opening:
            await self._audience.leave(code)

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
        try:
            await self.bus.listen(code)
            await self._audience.enter(channel)
            await self._load(channel)
        except BaseException:
            self._spawn(self._forget(code))
            raise
        self.channels[code] = channel
        self._schedule_tick(channel)
        # What arrived while we read was not kept: the next poll, or the next dig, shows whether it matters.
        self._read_soon(channel)
        return channel

    async def _load(self, channel: Channel) -> None:
        for _ in range(LOADS):
            found = await self._store.tasks.find_at(channel.code)
            if found is None:
                raise NoSuchTask
            task, now_ms = found
            self._cooldowns.see_clock(now_ms)
            digs = await self._store.digs.after(
                channel.code, task["now_depth"] - REPLAYED_DIGS, REPLAYED_DIGS + 1
            )
            if channel.load(task, digs, self._public_url):
                return

    # ---- what happened

    def deliver(self, dig: Dig) -> None:
        """Take a dig of this or another process."""
        self._cooldowns.learn(dig)
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
            self.deliver(news.dig)
            return
        if news.end_reason:
            self._cooldowns.forget(code)
        channel = self.channels.get(code)
        if channel is None:
            return
        if news.watchers is not None:
            self._audience.take(channel, *news.watchers)
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
        self._cooldowns.forget(channel.code)
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

    async def _read_now(self, channel: Channel) -> None:
        """Return when what this moment may be missing has been read, after 2 s at most."""
        self._read_soon(channel)
        await asyncio.wait([self._reading[channel.code]], timeout=READ_SECONDS)

    def _read_soon(self, channel: Channel) -> None:
        code = channel.code
        channel.read_again = True  # a read that is under way may have seen the state before
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
        fruitless = 0
        try:
            while fruitless < 2:
                channel.read_again = False
                before = channel.seq
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
                if channel.seq == before:
                    # Somebody spoke of more than the store has; should it come, the poll will see it.
                    channel.heard = max(channel.seq, task["now_depth"])
                    fruitless += 1
                if not channel.behind and not channel.read_again:
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
            self._cooldowns.see_clock(position["now"])
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

    # ---- once a second

    async def _cut_stuck(self) -> None:
        """Drop who takes nothing, and close what nobody watches any more."""
        now = time.monotonic()
        self.congested = {watcher for watcher in self.congested if watcher.cut_if_stuck(now)}
        for channel in list(self.channels.values()):
            if not channel.watchers:  # whoever it was opened for went away meanwhile
                self._close_channel(channel)

    async def watchers(self, code: str) -> int:
        """Return how many watch a task, over all processes."""
        channel = self.channels.get(code)
        if channel is not None:
            return channel.total(self._now_ms())
        return await self.bus.watchers(code, self._now_ms())
