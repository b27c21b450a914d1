"""The running cooldowns that this process knows of, so that most refusals need no store. In memory only.

Nothing here is the truth. It comes from a read, a dig made here, or news of another process.
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
    """A task's newest dig that this process has heard of. `learned` is when, in monotonic seconds."""

    dig: Dig
    learned: float


class Cooldowns:
    """The newest dig of each task that was dug recently."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, Cooldown] = OrderedDict()

    def learn(self, dig: Dig) -> None:
        """Remember a task's newest dig for TRUSTED_SECONDS from each time it is heard. Ignore older digs."""
        code = dig["code"]
        known = self._known.get(code)
        if known is not None and known.dig["depth"] > dig["depth"]:
            return
        self._known[code] = Cooldown(dig, time.monotonic())
        self._known.move_to_end(code)
        if len(self._known) > REMEMBERED_TASKS:
            self._known.popitem(last=False)

    def forget(self, code: str) -> None:
        """Forget a task's newest dig: the task ended without a dig."""
        self._known.pop(code, None)

    def newest_end(self, code: str) -> int:
        """Return when the newest cooldown known of a task ends or ended (unix ms); 0 if none is known.

        Other processes may have dug since.
        """
        known = self._known.get(code)
        return 0 if known is None else known.dig["cd_until"]

    def running(self, code: str, at_ms: int) -> Dig | None:
        """Return the newest dig known if its cooldown lasts beyond `at_ms` (unix ms), else None."""
        known = self._known.get(code)
        if known is None or time.monotonic() - known.learned > TRUSTED_SECONDS:
            return None
        return known.dig if known.dig["cd_until"] > at_ms else None
