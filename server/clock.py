"""MongoDB's time, estimated by each process. All processes agree on it, even if their own clocks differ.

Once MongoDB's time is known, the machine's own clock counts no more: the monotonic clock carries on from
MongoDB's time.
"""

import logging
import time
from collections.abc import Callable

# A smaller offset replaces the one in use only after this long.
TRUSTED_SECONDS = 10.0
# What moves the estimate by more than this is a step of MongoDB's clock, and no slow answer.
STEP_MS = 5000

log = logging.getLogger("wabao.clock")


class Clock:
    """One per process. Times are unix milliseconds."""

    def __init__(
        self,
        wall_ns: Callable[[], int] = time.time_ns,
        monotonic_ns: Callable[[], int] = time.monotonic_ns,
        count_step: Callable[[], None] = lambda: None,
    ) -> None:
        """`wall_ns` and `monotonic_ns` are this machine's clocks (ns). `count_step` is called when MongoDB's
        clock stepped."""
        self._monotonic_ns = monotonic_ns
        self._count_step = count_step
        # The machine's own clock, until MongoDB's is seen for the first time.
        self._offset_ms = wall_ns() // 1_000_000 - self._monotonic_ms()
        self._offset_seen = self._seen = float("-inf")

    def see(self, now_ms: int) -> None:
        """Take MongoDB's time, which a read has just returned.

        A slow answer makes MongoDB's clock look behind, never ahead. By a clock that is behind, people would
        be refused after their cooldown is over, so the greatest offset of the last TRUSTED_SECONDS counts.
        The first answer after a long silence may be as old as the silence, so it makes nothing smaller.
        """
        seen = self._monotonic_ns() / 1e9
        offset_ms = now_ms - self._monotonic_ms()
        known = self._offset_seen > float("-inf")
        silent = known and seen - self._seen > TRUSTED_SECONDS
        self._seen = seen
        if offset_ms < self._offset_ms and (silent or seen - self._offset_seen <= TRUSTED_SECONDS):
            return
        step_ms = offset_ms - self._offset_ms
        self._offset_ms = offset_ms
        self._offset_seen = seen
        if known and abs(step_ms) > STEP_MS:
            self._count_step()
            log.warning("MongoDB's clock stepped by %+.1f s", step_ms / 1000)

    def now_ms(self) -> int:
        """Return MongoDB's time: our monotonic clock plus the offset in use."""
        return self._monotonic_ms() + self._offset_ms

    def _monotonic_ms(self) -> int:
        return self._monotonic_ns() // 1_000_000
