"""What this process knows of running cooldowns, so that most refusals cost no store. In memory only.

Nothing here is truth: what is learned comes from a read, a dig of ours, or a frame of another process.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from dataclasses import dataclass

from server.clock import Clock
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
    """The newest dig of each task, for those dug of late."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._known: OrderedDict[str, Cooldown] = OrderedDict()

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
        return known.dig if known.dig["cd_until"] > self._clock.now_ms() else None
