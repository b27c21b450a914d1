"""A fair start: digs that come just after a cooldown wait, and lots decide in which order they are tried.

Otherwise the first request wins every time: that of a script, or of the person nearest to the server. Each
process draws among those who asked it. Nothing is written: if it dies, its clients ask again.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Hashable
from dataclasses import dataclass, field

from server import metrics
from server.clock import Clock
from server.realtime.cooldowns import Cooldowns

_chance = secrets.SystemRandom()


@dataclass(frozen=True, slots=True)
class _Lot:
    turn: asyncio.Future[None]
    proven: bool


@dataclass(slots=True)
class _Gathering:
    """Who waits for lots after the cooldown that ended at `cd_until` (unix ms)."""

    cd_until: int
    lots: dict[Hashable, _Lot] = field(default_factory=dict)
    # Further requests of people who have a lot, and requests that come while the lots are drawn.
    after_all: list[asyncio.Future[None]] = field(default_factory=list)
    drawn: bool = False


class FairStart:
    """One per process. With `window_ms` 0, nobody ever waits."""

    def __init__(self, window_ms: int, cooldowns: Cooldowns, clock: Clock) -> None:
        self._window_ms = window_ms
        self._cooldowns = cooldowns
        self._clock = clock
        self._gatherings: dict[str, _Gathering] = {}

    def gathers(self, code: str, had_lot_for: int) -> bool:
        """Whether a request to dig this task must wait for lots now.

        `had_lot_for` is the cooldown (its end, unix ms) for which it has waited already; 0 for none. Only the
        cooldowns that this process knows of count.
        """
        gathering = self._gatherings.get(code)
        if gathering is not None:
            return gathering.cd_until != had_lot_for
        cd_until = self._cooldowns.newest_end(code)
        return cd_until != had_lot_for and 0 <= self._clock.now_ms() - cd_until < self._window_ms

    async def wait(self, code: str, digger: Hashable | None, *, proven: bool = True) -> int:
        """Wait until lots are drawn; return the end of the cooldown that they were for (unix ms).

        Call it if `gathers`. All who wait go on in the drawn order, before anybody who asks later. A digger
        has one lot; their further requests, and those of nobody known (None), go on after all lots. A request
        that is `proven` to be theirs takes the lot over from one that is not: others may know their id.
        """
        gathering = self._gatherings.get(code) or self._begin(code)
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        lot = gathering.lots.get(digger)
        if digger is None or gathering.drawn or (lot is not None and (lot.proven or not proven)):
            gathering.after_all.append(turn)
        else:
            if lot is not None:
                gathering.after_all.append(lot.turn)
            gathering.lots[digger] = _Lot(turn, proven)
        await turn
        return gathering.cd_until

    def _begin(self, code: str) -> _Gathering:
        gathering = _Gathering(self._cooldowns.newest_end(code))
        left_ms = gathering.cd_until + self._window_ms - self._clock.now_ms()
        self._gatherings[code] = gathering
        asyncio.get_running_loop().call_later(max(0, left_ms) / 1000, self._draw, code)
        return gathering

    def _draw(self, code: str) -> None:
        gathering = self._gatherings[code]
        gathering.drawn = True
        order = [lot.turn for lot in gathering.lots.values()]
        _chance.shuffle(order)
        metrics.LOTS.observe(len(order))
        _let_go(order)
        # They go on in the loop's next turn. Until then it gathers, so that nobody gets in before them.
        asyncio.get_running_loop().call_soon(self._end, code)

    def _end(self, code: str) -> None:
        _let_go(self._gatherings.pop(code).after_all)


def _let_go(waiting: list[asyncio.Future[None]]) -> None:
    for turn in waiting:
        if not turn.done():  # its caller may have given up
            turn.set_result(None)
