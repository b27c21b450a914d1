"""Limits over all processes: how often a person or an address did something in a window.

Redis holds the counts. While Redis is away, each process counts by itself, from 0.
"""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

from limits import RateLimitItem, RateLimitItemPerSecond
from limits.aio.storage import MemoryStorage, RedisStorage
from limits.aio.strategies import FixedWindowRateLimiter

from server.errors import TooOften
from server.realtime.bus import Bus
from server.security.addresses import counted_networks
from server.security.keys import Keys
from server.settings import Settings
from server.settings.limits import BOUNDS, Limited
from server.telemetry import metrics

# The most counts that a process keeps while Redis is away. It forgets all of them before it keeps more.
REMEMBERED = 10_000


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

    @property
    def key(self) -> str:
        """What Redis' keys have: in a cluster all that a name needs is on one slot."""
        return f"{{{self.name}}}"

    @property
    def item(self) -> RateLimitItem:
        """The limit, as the library has it."""
        return RateLimitItemPerSecond(self.most, self.window_seconds)


class _Shared(RedisStorage):
    """Counts through the bus's client, of a single Redis or of a cluster: each command names one key."""

    STORAGE_SCHEME = ["async+bus"]  # noqa: RUF012

    def __init__(self, bus: Bus) -> None:
        self._client = bus.client
        super().__init__("async+redis://", implementation="redispy", key_prefix=f"{bus.prefix}:count")

    def configure_bridge(self) -> None:
        self.bridge.connection_getter = lambda _readonly: self._client  # type: ignore[attr-defined]


class Limits:
    """One per process.

    counts = limits.counts("reports", person_id, address)
    await limits.take(counts)  # raises TooOften, and then counts none of them
    """

    def __init__(self, settings: Settings, keys: Keys, bus: Bus) -> None:
        self._settings = settings
        self._keys = keys
        self._bus = bus
        self._memory = MemoryStorage()
        self._here = FixedWindowRateLimiter(self._memory)
        self._shared = FixedWindowRateLimiter(_Shared(bus))

    def counts(self, what: Limited, person: str, address: str, by: int = 1) -> list[Count]:
        """Return what to count for a person and an address, "" for either that is unknown or not limited.

        A limit that is switched off is left out.
        """
        bound = BOUNDS[what]
        of_address = bound.an_address * self._settings.limits_an_address
        whom = [("a_person", person, bound.a_person * self._settings.limits_a_person)] if person else []
        networks = counted_networks(address)
        whom += [("an_address", network, times * of_address) for network, times in networks.items()]
        return [
            Count(what, self._keys.limit_name(f"{what}:{whose}:{who}"), most, bound.seconds, by)
            for whose, who, most in whom
            if most
        ]

    async def take(self, counts: Sequence[Count]) -> None:
        """Count all of `counts`; or count nothing and raise TooOften, which says when to try again.

        Asks Redis once for each of them, and again for what is refused.
        """
        if not counts:
            return
        names = [count.name for count in counts]
        waits = await self._bus.within(names, partial(_count, self._shared, counts))
        if waits is None:
            if len(self._memory.storage) > REMEMBERED:
                await self._memory.reset()
            waits = await _count(self._here, counts)
        if waits:
            for kind in waits:
                metrics.LIMITED.labels(kind).inc()
            raise TooOften(max(1, math.ceil(max(waits.values()))))

    async def give_back(self, counts: Sequence[Count]) -> None:
        """Take back what `take` counted."""
        await self.take([replace(count, by=-count.by) for count in counts])


async def _count(limiter: FixedWindowRateLimiter, counts: Sequence[Count]) -> dict[str, float]:
    """Count all, or nothing if that would exceed a limit; return by kind how long to wait (s).

    What is too much is counted for a moment, in which others may be refused for it.
    """
    waits: dict[str, float] = {}
    for count in counts:
        if not await limiter.hit(count.item, count.key, cost=count.by) and count.by > 0:
            ends_at = (await limiter.get_window_stats(count.item, count.key)).reset_time
            waits[count.kind] = max(ends_at - time.time(), waits.get(count.kind, 0.0))
    if waits:
        for count in counts:
            await limiter.hit(count.item, count.key, cost=-count.by)
    return waits
