"""The faults that `failover.py` causes, chosen at random."""

import random
import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

from support.wire.faulty import (
    FaultyWire,
    cut_in_reply,
    delay,
    interrupt,
    leave_uncommitted,
    lose_reply,
    lose_request,
    refuse,
)

NO_PRIMARY = (10107, 11602, 91, 189)
NOT_COMMITTED = (64, 91, 100, 11602)
WRITES = ("findAndModify", "insert", "update")


class Trouble:
    """Chooses a fault at random and causes it. `counts` says how often each was caused."""

    def __init__(self, wire: FaultyWire, chance: random.Random, longest_seconds: float) -> None:
        self.wire = wire
        self.chance = chance
        self.longest_seconds = longest_seconds
        self.counts: Counter[str] = Counter()
        self.rolled_back = 0
        self._faults: dict[str, Callable[[], None]] = {
            "stepped down": self._step_down,
            "cut off, rolled back": self._cut_off,
            "elected unaware": self._fall_behind,
            "write not committed": lambda: self._meet(leave_uncommitted(self.chance.choice(NOT_COMMITTED))),
            "reply lost": lambda: self._meet(lose_reply),
            "cut in mid-reply": lambda: self._meet(cut_in_reply),
            "interrupted after the work": lambda: self._meet(interrupt(self.chance.choice(NO_PRIMARY))),
            "refused": lambda: self._meet(refuse(self.chance.choice(NO_PRIMARY))),
            "request lost": lambda: self._meet(lose_request),
            "late": lambda: self.wire.next(
                "", delay(self._seconds(0.05, 3.0)), times=self.chance.randint(1, 5)
            ),
            "connections cut": self.wire.cut_all,
        }

    def begin(self) -> None:
        """Cause one fault."""
        name = self.chance.choice(list(self._faults))
        self.counts[name] += 1
        self._faults[name]()

    def _seconds(self, least: float, most: float) -> float:
        return min(self.longest_seconds, self.chance.uniform(least, most))

    def _meet(self, fault: Any) -> None:
        """Apply a fault to the next commands that record digs: to one, two or three of them."""
        command = self.chance.choice(WRITES)
        self.wire.next(command, fault, times=self.chance.randint(1, 3))

    def _step_down(self) -> None:
        self.wire.step_down(self._seconds(0.3, 3.0))
        self.wire.next("", refuse(self.chance.choice(NO_PRIMARY)), times=2)

    def _cut_off(self) -> None:
        self.wire.cut_off()
        if self.chance.random() < 0.5:  # the client gets no answer, and asks again
            self.wire.next("findAndModify", lose_reply)
        threading.Timer(self._seconds(0.3, 3.0), self._heal).start()

    def _fall_behind(self) -> None:
        """Elect a member that lacks the newest writes and does not know it, as before MongoDB 8."""
        self.wire.fall_behind()
        threading.Timer(self._seconds(0.0, 0.5), self._elect_unaware).start()

    def _elect_unaware(self) -> None:
        self.wire.elect_unaware(commits=self.chance.random() < 0.5)
        threading.Timer(self._seconds(0.3, 3.0), self.wire.become_aware).start()

    def _heal(self) -> None:
        self.rolled_back += self.wire.heal(self._seconds(0.0, 1.0))
