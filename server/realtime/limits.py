"""Limits over all processes: how often a person or an address did something in a window.

Redis holds the counts. One script compares all counts of a request with their limits, and adds to them. Each
process remembers what Redis last told it. While Redis is away, each process admits its share of what was
left. When Redis is back, perhaps empty, each process tells Redis what it knows. Until the other processes
have told Redis too, each process goes on admitting only its share.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice

import msgspec

from server.errors import TooOften
from server.realtime.bus import Bus
from server.runtime.background import Background
from server.security.addresses import counted_networks
from server.security.keys import Keys
from server.settings import Settings
from server.settings.limits import UNITS, WINDOW_SECONDS, Limited
from server.telemetry import metrics

REMEMBERED = 50_000
# The other processes are told of a count each time it has grown by a twentieth of its limit.
TOLD_PARTS = 20
NEWS = "limits"
# After a reconnect, the other processes have connected too and told their counts within this time.
CATCH_UP_SECONDS = 3.0
TOLD_AT_ONCE = 100
RETELL_SECONDS = 0.1

# Takes six numbers for each key:
# - what to add, the limit, and the window (ms);
# - what Redis may have forgotten: the count that it returned before a reconnect, 0 without a reconnect, and
#   how much is left of that window (ms);
# - what this process counted alone and Redis does not know yet.
# Nothing is added if any key would exceed its limit. The first value returned is 1 if something was added,
# else 0. After it come each key's count and how much is left of its window (ms).
_COUNT = """
local found, over = {}, false
for i, key in ipairs(KEYS) do
  local by, most, window, known, known_left, own = unpack(ARGV, i * 6 - 5, i * 6)
  by, own = tonumber(by), tonumber(own)
  local left = redis.call('PTTL', key)
  local count = left > 0 and tonumber(redis.call('GET', key)) or 0
  if count < tonumber(known) then
    count, left = tonumber(known), math.max(left, tonumber(known_left))
  end
  if left <= 0 then left = tonumber(own > 0 and known_left or window) end
  if by > 0 and count + own + by > tonumber(most) then over = true end
  found[i] = {math.max(0, count + own), left, by}
end
local answer = {over and 0 or 1}
for i, key in ipairs(KEYS) do
  local count, left, by = unpack(found[i])
  if not over then count = math.max(0, count + by) end
  if count > 0 then redis.call('SET', key, count, 'PX', left) else redis.call('DEL', key) end
  answer[#answer + 1] = count
  answer[#answer + 1] = left
end
return answer
"""


@dataclass(frozen=True, slots=True)
class Count:
    """What to count: `by` more under `name`, of at most `most` in a window.

    `kind` is for the metrics. `name` says nothing of a person.
    """

    kind: str
    name: str
    most: int
    window_seconds: int
    by: int = 1


@dataclass(slots=True)
class _Known:
    """A count as this process knows it.

    `told` is what Redis told, on this `connection` of the bus: on a later connection Redis may have forgotten
    it. `own` is what this process counted alone since then, and `sent` is how much of that count Redis knows.
    """

    ends_at: float
    told: int = 0
    connection: int = 0
    own: int = 0
    sent: int = 0

    def left_seconds(self) -> float:
        return max(0.001, self.ends_at - time.monotonic())

    def arguments(self, connection: int) -> list[int]:
        """Return what the script is to know of this count."""
        # On the same connection, Redis has forgotten nothing, and knows the count better: another process may
        # have given something back.
        forgotten = 0 if self.connection == connection else self.told
        return [forgotten, math.ceil(self.left_seconds() * 1000), self.own - self.sent]


class Told(msgspec.Struct, frozen=True, array_like=True):
    """What processes tell each other: how far a count has come, and the milliseconds left of its window.

    `processes` is how many there are.
    """

    name: str
    count: int
    left_ms: int
    processes: int


class Limits:
    """One per process.

        counts = limits.counts("reports", unionid, address)
        await limits.take(counts)  # raises TooOften, and then counts none of them
    """

    def __init__(self, settings: Settings, keys: Keys, bus: Bus, background: Background) -> None:
        self._settings = settings
        self._keys = keys
        self._bus = bus
        self._background = background
        self._known: OrderedDict[str, _Known] = OrderedDict()
        self._processes = settings.web_concurrency
        self._connection = 0
        self._caught_up_at = 0.0
        self._unsent: dict[str, _Known] = {}
        self._reporting = False
        bus.hear(NEWS, self._hear)

    def counts(self, what: Limited, person: str, address: str, by: int = 1) -> list[Count]:
        """Return what to count for a person and an address, "" for either that is unknown or not limited.

        A limit that is switched off is left out. Metrics and settings use the same name for a limit.
        """
        kind, unit = UNITS.get(what, (what, 1))
        found = []
        whom = [("a_person", person, 1)] if person else []
        whom += [("an_address", network, times) for network, times in counted_networks(address).items()]
        for whose, who, times in whom:
            most = times * unit * getattr(self._settings, f"{kind}_{whose}")
            if most:
                name = f"{what}:{self._keys.limit_name(f'{whose}:{who}')}"
                found.append(Count(kind, name, most, WINDOW_SECONDS[what], by))
        return found

    async def take(self, counts: Sequence[Count]) -> None:
        """Count all of `counts`; or count nothing and raise TooOften, which says when to try again.

        Makes one call to Redis, or no call if there is nothing to count.
        """
        if not counts:
            return
        known = [self._recall(count) for count in counts]
        waits = None
        self._look_at_connection()
        if time.monotonic() >= self._caught_up_at:
            waits = await self._ask(counts, known)
        if waits is None:
            waits = self._count_here(counts, known)
            self._report()
        if waits:
            for kind in waits:
                metrics.LIMITED.labels(kind).inc()
            raise TooOften(math.ceil(max(waits.values())))

    async def give_back(self, counts: Sequence[Count]) -> None:
        """Take back what `take` counted."""
        await self.take([replace(count, by=-count.by) for count in counts])

    async def _ask(self, counts: Sequence[Count], known: list[_Known]) -> dict[str, float] | None:
        """Let Redis count; return by kind how long to wait (s), {} if all was counted, None without Redis."""
        connection, now = self._bus.connection, time.monotonic()
        asked = [
            number
            for count, each in zip(counts, known, strict=True)
            for number in (
                count.by,
                count.most,
                count.window_seconds * 1000,
                *each.arguments(connection),
            )
        ]
        answered = await self._run([count.name for count in counts], known, asked, anyway=False)
        if answered is None:
            return None
        (added, *found), processes = answered
        self._processes = max(processes, self._settings.web_concurrency)
        waits = dict[str, float]()
        for k, (count, each) in enumerate(zip(counts, known, strict=True)):
            told, left_ms = found[2 * k], found[2 * k + 1]
            each.told, each.ends_at, each.connection = told, now + left_ms / 1000, connection
            each.own -= each.sent
            each.sent = 0
            if not added and told + count.by > count.most:
                waits[count.kind] = max(left_ms / 1000, waits.get(count.kind, 0.0))
            # A count with a short window is not told: the window is over before a process has to go on
            # without Redis.
            tells = added and count.window_seconds > CATCH_UP_SECONDS
            if tells and told * TOLD_PARTS // count.most != (told - count.by) * TOLD_PARTS // count.most:
                news = msgspec.msgpack.encode(Told(count.name, told, left_ms, processes))
                self._background.spawn(self._bus.publish(NEWS, news))
        return waits

    async def _run(
        self, names: list[str], known: list[_Known], arguments: list[int], *, anyway: bool
    ) -> tuple[list[int], int] | None:
        """Run the script; `arguments` hold all counts of this process that are not sent yet."""
        unsent = [each.own - each.sent for each in known]
        for each in known:
            each.sent = each.own  # another request must not send this count too
        keys = [f"count:{name}" for name in names]
        answered = await self._bus.run_script(_COUNT, keys, arguments, anyway=anyway)
        if answered is None:
            for each, own in zip(known, unsent, strict=True):
                each.sent -= own
        return answered

    def _count_here(self, counts: Sequence[Count], known: list[_Known]) -> dict[str, float]:
        """Count in this process alone, up to its share of what was left; return what `_ask` would return."""
        waits = {
            count.kind: each.left_seconds()
            for count, each in zip(counts, known, strict=True)
            if count.by > 0 and each.told + (each.own + count.by) * self._processes > count.most
        }
        if not waits:
            for count, each in zip(counts, known, strict=True):
                each.own = max(-each.told, each.own + count.by)
                self._owe({count.name: each})
        return waits

    def _report(self) -> None:
        """Begin to send Redis what this process counted alone, unless that is under way."""
        if self._unsent and self._bus.up and not self._reporting:
            self._reporting = True
            self._background.spawn(self._keep_reporting())

    async def _keep_reporting(self) -> None:
        try:
            while self._unsent and self._bus.up:
                part = dict(islice(self._unsent.items(), TOLD_AT_ONCE))
                for name in part:
                    del self._unsent[name]
                now = time.monotonic()
                part = {name: each for name, each in part.items() if each.ends_at > now}
                known = list(part.values())
                asked = [n for each in known for n in (0, 0, 0, *each.arguments(self._bus.connection))]
                if part and await self._run(list(part), known, asked, anyway=True) is None:
                    self._owe(part)
                    await asyncio.sleep(RETELL_SECONDS)
        finally:
            self._reporting = False

    def _owe(self, counted: dict[str, _Known]) -> None:
        """Keep what Redis does not know yet, unless this process forgot the count meanwhile."""
        for name, known in counted.items():
            if self._known.get(name) is known:
                self._unsent[name] = known

    def _recall(self, count: Count) -> _Known:
        """Return what this process knows of a count; a new window if it knows nothing."""
        known = self._known.get(count.name)
        if known is None or known.ends_at <= time.monotonic():
            known = _Known(time.monotonic() + count.window_seconds)
            self._remember(count.name, known)
        return known

    def _remember(self, name: str, known: _Known) -> None:
        """Remember a new window. What is forgotten to make room is not reported to Redis any more."""
        self._known[name] = known
        self._known.move_to_end(name)
        self._unsent.pop(name, None)
        while len(self._known) > REMEMBERED:
            self._unsent.pop(self._known.popitem(last=False)[0], None)

    def _hear(self, payload: bytes) -> None:
        """Take another process's count, so that this process does not begin at 0 if Redis goes away."""
        if not payload:
            self._look_at_connection()
            return
        told = msgspec.msgpack.decode(payload, type=Told)
        self._processes = max(told.processes, self._settings.web_concurrency)
        now = time.monotonic()
        known = self._known.get(told.name)
        if known is None or known.ends_at <= now:
            known = _Known(now)
            self._remember(told.name, known)
        if told.count > known.told:
            known.told, known.connection = told.count, self._bus.connection
            known.ends_at = now + told.left_ms / 1000

    def _look_at_connection(self) -> None:
        """On a new connection, tell Redis our counts, and admit only our share for CATCH_UP_SECONDS."""
        connection = self._bus.connection
        if connection in (0, self._connection):
            return
        self._connection = connection
        if self._known:
            self._caught_up_at = time.monotonic() + CATCH_UP_SECONDS
            self._unsent = dict(self._known)
            self._report()
