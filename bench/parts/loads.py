"""How many people do what, and what telling the numbers of watchers between processes costs. Pure."""

import math
from dataclasses import dataclass

# Of messages about watchers: a treasure in it on the way to a teller and from there, all else in it, and one
# that says that a process lives. How many processes are tellers (server/realtime/audience.py), and how often
# each process says that it lives.
COUNT_BYTES = 18
SUM_BYTES = 4
MESSAGE_BYTES = 150
LIVING_BYTES = 150
TELLERS = 8
LIVING_SECONDS = 5
# Seconds between two messages with all numbers of watchers.
WHOLE_SECONDS = 30


@dataclass(slots=True, frozen=True)
class Load:
    """Pages, and people's habits in seconds: `presses` is the time between two presses that are too early."""

    pages: int
    pages_each: int  # watchers per treasure
    stay: float = 120.0
    cooldown: float = 10.0
    presses: float = 30.0
    back_within: float = 5.0

    @property
    def treasures(self) -> int:
        return math.ceil(self.pages / self.pages_each)


def known_by_a_process(load: Load, processes: int) -> float:
    """Return how many treasures a process knows if pages are spread over the processes at random."""
    return load.treasures * (1 - (1 - 1 / processes) ** load.pages_each)


def watchers_bytes(load: Load, processes: int) -> float:
    """Return the bytes a second, to Redis and from there, with which processes tell the watchers' numbers."""
    known = known_by_a_process(load, processes)
    heard_by = processes * known / load.treasures
    tellers = min(TELLERS, processes)
    others = 1 - 1 / processes if tellers == processes else 1.0  # a process tells itself for nothing
    pairs = processes * tellers * others
    changes = min(processes * known, 2 * load.pages / load.stay) * others
    changed = load.treasures * (1 - math.exp(-2 * load.pages_each / load.stay)) * heard_by * others
    whole = processes * known * others / WHOLE_SECONDS
    messages = pairs * (2 - math.exp(-changes / pairs) - math.exp(-changed / pairs))
    told = (changes + whole) * COUNT_BYTES + (changed + whole) * SUM_BYTES + messages * MESSAGE_BYTES
    return 2 * told + processes / LIVING_SECONDS * LIVING_BYTES * (1 + processes)
