"""A fair start: digs that come just when digging begins have to wait, and are then tried in a random order.

Otherwise the first request wins every time: that of a script, or of the person nearest to the server. Digging
begins when a cooldown ends, and when a task that people waited for opens. All processes share one order
(`Bus.enter_places`); without Redis each process has its own. Nothing has to be kept: if a
process dies, its clients ask again.
"""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from server.clock import Clock
from server.realtime.bus import SharedOrder
from server.realtime.hub import Hub
from server.runtime.background import Background
from server.telemetry import metrics

_chance = secrets.SystemRandom()

# Places are drawn with this many bits: Redis keeps them as doubles, which represent that many bits exactly.
PLACE_BITS = 52
# A gathering process sends new places every TELL_SECONDS, and once more EARLY_SECONDS before the window's
# end. So when the processes read who is first, Redis has nearly all places.
TELL_SECONDS = 0.1
EARLY_SECONDS = 0.015
# A process draws alone if Redis has answered none of the process's calls within this time: people must not
# wait longer.
QUICK_SECONDS = 0.01
# How long to wait for a Redis that answered quickly before.
PATIENCE_SECONDS = 0.15
# The request with the first place goes on at once. The others go on when its dig is known or, since that dig
# may be refused, after this time.
OTHERS_SECONDS = 0.15
# For this long after the window, other processes may still read the order or wait for the first dig. Requests
# that come in this time get a place too: otherwise they would overtake all others through a process that
# gathered nobody.
LATE_MS = int(1000 * (PATIENCE_SECONDS + OTHERS_SECONDS))


@dataclass(slots=True)
class _Entrant:
    """A person's place, and the request that goes on there. The least place is the first."""

    turn: asyncio.Future[None]
    proven: bool
    place: int
    told: bool = False


@dataclass(slots=True)
class _Gathering:
    """The people who wait for the random order. Digging began at `began` (unix ms).

    `quick`: Redis has answered quickly since then. `shared` is what Redis answered last.
    """

    began: int
    entrants: dict[str, _Entrant] = field(default_factory=dict)
    # Further requests of people who have a place, and requests that come when the window is over.
    after_all: list[asyncio.Future[None]] = field(default_factory=list)
    drawn: bool = False
    quick: bool = False
    shared: SharedOrder | None = None


class FairStart:
    """One per process. With `window_ms` 0, nobody ever waits. `enter` is `Bus.enter_places`."""

    def __init__(
        self,
        window_ms: int,
        hub: Hub,
        clock: Clock,
        background: Background,
        enter: Callable[[str, int, Mapping[str, int]], Awaitable[SharedOrder | None]],
    ) -> None:
        self._window_ms = window_ms
        self._gathers_ms = window_ms + LATE_MS if window_ms else 0
        self._hub = hub
        self._cooldowns = hub.cooldowns
        self._clock = clock
        self._background = background
        self._enter = enter
        self._gatherings: dict[str, _Gathering] = {}

    def must_wait(self, code: str, waited_in: int) -> bool:
        """Whether a request to dig this task must wait for its place in the random order now.

        `waited_in` is the gathering in which the request waited last, told by when digging began (unix
        ms); 0 for none.
        Only what this process knows of cooldowns and openings counts.
        """
        gathering = self._gatherings.get(code)
        if gathering is not None:
            return gathering.began != waited_in
        began = self._cooldowns.digging_began(code)
        return began != waited_in and 0 <= self._clock.now_ms() - began < self._gathers_ms

    async def wait(self, code: str, digger: str | None, *, proven: bool = True) -> tuple[int, int]:
        """Wait for this request's place in the order; return the time at which digging began (unix ms), and
        how many people the order was drawn of, as far as this process knows.

        Call it if `must_wait` returned True. All who wait go on in a random order, before anybody who asks
        later. A digger has one place; their further requests, and those of unknown people (None), go on after
        all others. A request that a token proves to be theirs (`proven`) replaces a request with a bare id,
        since others may know that id.
        """
        gathering = self._gatherings.get(code) or self._begin(code)
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        entrant = None if digger is None else gathering.entrants.get(digger)
        if digger is None or gathering.drawn or (entrant is not None and (entrant.proven or not proven)):
            gathering.after_all.append(turn)
        elif entrant is not None:
            gathering.after_all.append(entrant.turn)
            entrant.turn = turn
            entrant.proven = True
        else:
            gathering.entrants[digger] = _Entrant(turn, proven, _chance.getrandbits(PLACE_BITS))
        await turn
        everywhere = 0 if gathering.shared is None else gathering.shared.people
        return gathering.began, max(everywhere, len(gathering.entrants))

    def _begin(self, code: str) -> _Gathering:
        gathering = self._gatherings[code] = _Gathering(self._cooldowns.digging_began(code))
        left_ms = gathering.began + self._window_ms - self._clock.now_ms()
        over = asyncio.get_running_loop().time() + max(0, left_ms) / 1000
        self._background.spawn(self._gather(code, gathering, over))
        return gathering

    async def _gather(self, code: str, gathering: _Gathering, over: float) -> None:
        """Wait until the window is `over` (the loop's time), then let all go on in their order."""
        try:
            with self._hub.hearing(code):
                shared = await self._gathered(code, gathering, over)
                in_order = sorted(gathering.entrants.values(), key=lambda entrant: entrant.place)
                metrics.RANDOM_ORDERS.observe(len(in_order))
                at_once = how_many_go_at_once([entrant.place for entrant in in_order], shared)
                _let_go([entrant.turn for entrant in in_order[:at_once]])
                if at_once < len(in_order):
                    await self._cooldowns.changed(code, gathering.began, OTHERS_SECONDS)
                    _let_go([entrant.turn for entrant in in_order[at_once:]])
            # They go on in the loop's next turn. Gathering lasts until then, so that nobody overtakes them.
            await asyncio.sleep(0)
        finally:
            del self._gatherings[code]
            _let_go([entrant.turn for entrant in gathering.entrants.values()])
            _let_go(gathering.after_all)

    async def _gathered(self, code: str, gathering: _Gathering, over: float) -> SharedOrder | None:
        """Gather until the window is over; return where its people stand among those of all processes.

        None if their places are not known: then this process draws alone.
        """
        await self._tell_until(code, gathering, over)
        gathering.drawn = True
        asking = self._background.spawn(self._tell(code, gathering, again=True))
        # A late call is not cancelled: that would break the connection, and the call has a time limit of its
        # own.
        await asyncio.wait([asking], timeout=PATIENCE_SECONDS if gathering.quick else QUICK_SECONDS)
        return gathering.shared if asking.done() else None

    async def _tell_until(self, code: str, gathering: _Gathering, over: float) -> None:
        """Send new places until the window is over. Until Redis has answered quickly, call Redis even without
        new places."""
        loop = asyncio.get_running_loop()
        while (left := over - loop.time()) > 0:
            if not gathering.quick or any(not entrant.told for entrant in gathering.entrants.values()):
                self._background.spawn(self._tell(code, gathering))
            await asyncio.sleep(min(TELL_SECONDS, left - EARLY_SECONDS if left > EARLY_SECONDS else left))

    async def _tell(self, code: str, gathering: _Gathering, *, again: bool = False) -> None:
        """Send new places, and learn who is first of all. Of a person's places, the first one counts.

        With `again`, also send this process's first place again: a Redis that was killed has forgotten it.
        """
        entrants = gathering.entrants
        untold = {digger: entrant.place for digger, entrant in entrants.items() if not entrant.told}
        told = dict(untold)
        if again and entrants:
            first = min(entrants, key=lambda digger: entrants[digger].place)
            told[first] = entrants[first].place
        for digger in untold:
            entrants[digger].told = True
        asked = asyncio.get_running_loop().time()
        gathering.shared = shared = await self._enter(code, gathering.began, told)
        if shared is None:
            for digger in untold:
                entrants[digger].told = False
            return
        for digger, place in shared.places.items():
            entrants[digger].place = place
        gathering.quick |= asyncio.get_running_loop().time() - asked < QUICK_SECONDS


def how_many_go_at_once(own: list[int], shared: SharedOrder | None) -> int:
    """Return how many of a process's own places, which are in order, go on before a dig is known.

    All go on if nobody has a place elsewhere, or if it is not known whether anybody has. Otherwise only the
    first of all places goes on, if it is here.
    """
    if shared is None or shared.people <= len(own):  # if there are fewer, Redis was killed meanwhile
        return len(own)
    return int(bool(own) and own[0] <= shared.first)


def _let_go(waiting: list[asyncio.Future[None]]) -> None:
    for turn in waiting:
        if not turn.done():  # its caller may have given up
            turn.set_result(None)
