"""MongoDB's time as this process reckons it. All processes agree on it, whatever their own clocks say."""

from __future__ import annotations

import time

# The clock's offset is believed this long against one that says less.
TRUSTED_SECONDS = 10.0


class Clock:
    """One a process. Times are unix milliseconds."""

    def __init__(self) -> None:
        self._offset_ms = 0
        self._offset_seen = float("-inf")

    def see(self, now_ms: int) -> None:
        """Take MongoDB's clock as a read just brought it.

        A slow answer makes the clock look slow, never fast; and with a slow clock, people would be refused
        after their cooldown is over. So the fastest of the last seconds counts.
        """
        offset_ms = now_ms - time.time_ns() // 1_000_000
        seen = time.monotonic()
        if offset_ms >= self._offset_ms or seen - self._offset_seen > TRUSTED_SECONDS:
            self._offset_ms, self._offset_seen = offset_ms, seen

    def now_ms(self) -> int:
        """Return MongoDB's time, reckoned from our own and the offset last seen."""
        return time.time_ns() // 1_000_000 + self._offset_ms
