"""The running cooldowns that this process knows of, so that most refusals need no store. They are in memory
only.

Before the first dig of a task, the time at which the task opened is kept here instead. Nothing here is the
truth: it comes from a read, a dig made here, or news of another process.
"""

import asyncio
import time
from typing import NamedTuple

from cachetools import LRUCache

from server.game.dig import Dig, ToldDig
from server.runtime.deadline import happened

# A task can also be ended by hand during its cooldown. A process that does not watch the task hears nothing
# of the end, so it asks MongoDB again after this time.
TRUSTED_SECONDS = 10.0
# Nor does it hear that a start was moved, perhaps to an earlier time. Whoever presses too early asks MongoDB
# once in this time for all.
OPENING_TRUSTED_SECONDS = 1.0
REMEMBERED_TASKS = 10_000


class Known(NamedTuple):
    """A task's newest dig, None before the first dig, and when digging begins or began after it (unix ms).

    `learned` is when the process heard of it, in monotonic seconds.
    """

    begins: int
    dig: ToldDig | None
    learned: float


class Cooldowns:
    """The newest dig of each task that was dug recently, and the openings of tasks that people wait for."""

    def __init__(self) -> None:
        self._known = LRUCache[str, Known](REMEMBERED_TASKS)
        self._waiting: dict[str, asyncio.Event] = {}

    def learn(self, dig: ToldDig | Dig) -> None:
        """Remember a task's newest dig for TRUSTED_SECONDS each time it is heard of. Ignore older digs.

        A later dig that is not as deep as the known one follows a restored database.
        """
        code = dig["code"]
        known = self._known.get(code)
        last = None if known is None else known.dig
        if last is not None and last["depth"] > dig["depth"] and last["at"] >= dig["at"]:
            return
        self._known[code] = Known(dig["cd_until"], dig, time.monotonic())
        if last is None or last["depth"] != dig["depth"]:
            self._wake(code)

    def learn_opening(self, code: str, opened_at: int) -> None:
        """Remember the time (unix ms) at which an undug task opened, or will open."""
        known = self._known.get(code)
        if known is None or known.dig is None:
            self._known[code] = Known(opened_at, None, time.monotonic())

    def forget(self, code: str) -> None:
        """Forget what is known of a task: it ended without a dig."""
        self._known.pop(code, None)
        self._wake(code)

    def digging_began(self, code: str) -> int:
        """Return the time at which a task's newest known cooldown ends or ended (unix ms), else its opening.

        0 if neither is known. Other processes may have dug since.
        """
        known = self._known.get(code)
        return 0 if known is None else known.begins

    async def changed(self, code: str, began: int, seconds: float) -> None:
        """Wait until the task's end, or a dig made since digging `began`, is known; `seconds` at most.

        Only one caller may wait for a task at a time.
        """
        if self.digging_began(code) != began:
            return
        event = self._waiting[code] = asyncio.Event()
        try:
            await happened(event, seconds)
        finally:
            self._waiting.pop(code, None)

    def _wake(self, code: str) -> None:
        waiting = self._waiting.get(code)
        if waiting is not None:
            waiting.set()

    def awaited(self, code: str, at_ms: int) -> Known | None:
        """Return what is known of a task in which nobody may dig at `at_ms` (unix ms); None if people may."""
        known = self._known.get(code)
        if known is None:
            return None
        trusted = OPENING_TRUSTED_SECONDS if known.dig is None else TRUSTED_SECONDS
        lasts = known.begins > at_ms and time.monotonic() - known.learned <= trusted
        return known if lasts else None
