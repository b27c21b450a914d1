"""The running cooldowns that this process knows of, so that most refusals need no store. They are in memory
only.

It also knows when a task opened, for its first dig. Nothing here is the truth: it comes from a read, a dig
made here, or news of another process.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import NamedTuple

from cachetools import LRUCache

from server.game.dig import Dig

# A task can also be ended by hand during its cooldown. A process that does not watch it hears nothing of
# that, so it asks again now and then.
TRUSTED_SECONDS = 10.0
REMEMBERED_TASKS = 10_000


@dataclass(slots=True)
class Cooldown:
    """A task's newest dig that this process has heard of. `learned` is when it heard, in monotonic
    seconds."""

    dig: Dig
    learned: float


class _Opening(NamedTuple):
    """When a task opened, or will (unix ms), and when that was learned, in monotonic seconds."""

    at: int
    learned: float


class Cooldowns:
    """The newest dig of each task that was dug recently."""

    def __init__(self) -> None:
        self._known = LRUCache[str, Cooldown](REMEMBERED_TASKS)
        self._opened = LRUCache[str, _Opening](REMEMBERED_TASKS)
        self._waiting: dict[str, asyncio.Event] = {}

    def learn(self, dig: Dig) -> None:
        """Remember a task's newest dig for TRUSTED_SECONDS from each time it is heard. Ignore older digs."""
        code = dig["code"]
        known = self._known.get(code)
        if known is not None and known.dig["depth"] > dig["depth"]:
            return
        self._known[code] = Cooldown(dig, time.monotonic())
        if known is None or known.dig["depth"] < dig["depth"]:
            self._wake(code)

    def learn_opening(self, code: str, opened_at: int) -> None:
        """Remember the time (unix ms) at which an undug task opened, or will open."""
        self._opened[code] = _Opening(opened_at, time.monotonic())

    def forget(self, code: str) -> None:
        """Forget what is known of a task: it ended without a dig."""
        self._known.pop(code, None)
        self._opened.pop(code, None)
        self._wake(code)

    def digging_began(self, code: str) -> int:
        """Return the time at which a task's newest known cooldown ends or ended (unix ms), else its opening.

        0 if neither is known. Other processes may have dug since.
        """
        known = self._known.get(code)
        if known is not None:
            return known.dig["cd_until"]
        opening = self._opened.get(code)
        return 0 if opening is None else opening.at

    async def changed(self, code: str, began: int, seconds: float) -> None:
        """Wait until the task's end or a dig after digging `began` is known, or until the time is over.

        Only one caller may wait for a task at a time.
        """
        if self.digging_began(code) != began:
            return
        event = self._waiting[code] = asyncio.Event()
        try:
            async with asyncio.timeout(seconds):
                await event.wait()
        except TimeoutError:
            pass
        finally:
            self._waiting.pop(code, None)

    def _wake(self, code: str) -> None:
        waiting = self._waiting.get(code)
        if waiting is not None:
            waiting.set()

    def running(self, code: str, at_ms: int) -> Dig | None:
        """Return the newest dig known if its cooldown lasts beyond `at_ms` (unix ms), else None."""
        known = self._known.get(code)
        if known is None or time.monotonic() - known.learned > TRUSTED_SECONDS:
            return None
        return known.dig if known.dig["cd_until"] > at_ms else None

    def opens_at(self, code: str, at_ms: int) -> int:
        """Return the time at which an undug task will open, if that is known and after `at_ms` (unix ms)."""
        opening = None if code in self._known else self._opened.get(code)
        if opening is None or time.monotonic() - opening.learned > TRUSTED_SECONDS:
            return 0
        return opening.at if opening.at > at_ms else 0
