"""What this process knows of running cooldowns, so that most refusals cost no store. In memory only.

Nothing here is truth: what is learned comes from a read, a dig of ours, or a frame of another process.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from dataclasses import dataclass

from server.game.dig import Dig

# A task can also be ended by hand during its cooldown. A process that does not watch it hears nothing of
# that, so it asks again now and then.
TRUSTED_SECONDS = 10.0
REMEMBERED_TASKS = 10_000


@dataclass(slots=True)
class Cooldown:
    """The newest dig that this process has heard of, and until when it lets nobody dig."""

    dig: Dig
    learned: float


class Cooldowns:
    """The newest dig a task, and MongoDB's clock as this process reckons it."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, Cooldown] = OrderedDict()
        self._offset_ms = 0
        self._offset_seen = float("-inf")

    def see_clock(self, now_ms: int) -> None:
        """Take MongoDB's clock as a read just brought it.

        What a read waits on its way back makes the clock look slow, never fast; and with a slow one, people
        would be refused after their cooldown is over. So the fastest of the last seconds counts.
        """
        offset_ms = now_ms - time.time_ns() // 1_000_000
        seen = time.monotonic()
        if offset_ms >= self._offset_ms or seen - self._offset_seen > TRUSTED_SECONDS:
            self._offset_ms, self._offset_seen = offset_ms, seen

    def now_ms(self) -> int:
        """Return MongoDB's clock, reckoned from our own and the offset last seen."""
        return time.time_ns() // 1_000_000 + self._offset_ms

    def learn(self, dig: Dig) -> None:
        """Remember a task's newest dig; an older one than is known changes nothing but the trust."""
        code = dig["code"]
        known = self._known.get(code)
        if known is not None and known.dig["depth"] > dig["depth"]:
            return
        self._known[code] = Cooldown(dig, time.monotonic())
        self._known.move_to_end(code)
        if len(self._known) > REMEMBERED_TASKS:
            self._known.popitem(last=False)

    def forget(self, code: str) -> None:
        """Trust nothing of this task: it ended, or something else happened that digs do not tell."""
        self._known.pop(code, None)

    def running(self, code: str) -> Dig | None:
        """Return the dig whose cooldown is known to run at this moment, None where none is known to."""
        known = self._known.get(code)
        if known is None or time.monotonic() - known.learned > TRUSTED_SECONDS:
            return None
        return known.dig if known.dig["cd_until"] > self.now_ms() else None
