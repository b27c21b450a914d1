"""The random order of those who wait to dig, over all processes: their places, in Redis.

Redis gets no ids, but keyed hashes: each of a person, a task, and the time at which digging began.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from server.realtime.bus import Bus
from server.security.keys import Keys


@dataclass(frozen=True, slots=True)
class Standing:
    """The places of the people who were entered, the first place of all, and how many people have one."""

    places: Mapping[str, int]
    first: int
    people: int


class SharedOrder:
    """One per process."""

    def __init__(self, bus: Bus, keys: Keys) -> None:
        self._bus = bus
        self._keys = keys

    async def enter(self, code: str, began: int, places: Mapping[str, int]) -> Standing | None:
        """Enter people's places. A person keeps the place that was entered first, by whichever process.

        `began` (unix ms) is when digging began; each beginning has its own order. None if Redis does not
        answer in time.
        """
        names = {self._keys.limit_name(f"place:{code}:{began}:{each}"): each for each in places}
        entered = {name: places[person_id] for name, person_id in names.items()}
        found = await self._bus.enter_places(code, began, entered)
        if found is None:
            return None
        stand, first, people = found
        return Standing({names[name]: place for name, place in stand.items()}, first, people)
