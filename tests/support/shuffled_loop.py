"""An event loop on which a seed decides the order of events. Its time passes without waiting.

Ready callbacks run in a random order, and timers fire a little early or late. The same seed gives the same
run. Work on this loop may wait for nothing real: no socket, no thread.
"""

from __future__ import annotations

import asyncio
import random
import signal
from collections.abc import Callable, Coroutine
from contextvars import Context
from typing import Any

TURNS = 20_000
CPU_SECONDS = 3.0
GRID_SECONDS = 0.25


class Spinning(KeyboardInterrupt):
    """Some code runs forever without letting other code run. No `except Exception` catches this."""


class _NoSelector:
    """Moves the time on instead of waiting for sockets."""

    def __init__(self, loop: ShuffledLoop) -> None:
        self.loop = loop

    def select(self, timeout: float | None) -> list[Any]:
        if timeout is None:
            raise AssertionError("everything waits, and no timer is set")
        self.loop.now += timeout
        return []


class ShuffledLoop(asyncio.BaseEventLoop):
    """The loop of asyncio, with callbacks in a random order and a clock of its own."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self.random = random.Random(seed)
        self.now = 1_000_000.0
        self.turns = 0
        self.failures: list[dict[str, Any]] = []
        self.set_exception_handler(lambda _, failure: self.failures.append(failure))
        self._selector = _NoSelector(self)

    def time(self) -> float:
        return self.now

    def call_at(  # type: ignore[override]
        self, when: float, callback: Callable[..., Any], *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        # Rounded to a coarse grid, so that timers often fire in the same turn.
        late = self.random.choice((-GRID_SECONDS, 0.0, 0.0, GRID_SECONDS))
        when = round((when + late) / GRID_SECONDS) * GRID_SECONDS
        return super().call_at(max(self.now, when), callback, *args, context=context)

    def _run_once(self) -> None:
        self.turns += 1
        if self.turns > TURNS:
            raise Spinning(f"{TURNS} turns and no end")
        self.random.shuffle(self._ready)  # type: ignore[attr-defined]
        super()._run_once()  # type: ignore[misc]

    def _process_events(self, event_list: list[Any]) -> None:
        pass

    def _write_to_self(self) -> None:
        pass


def run_shuffled(seed: int, work: Callable[[ShuffledLoop], Coroutine[Any, Any, None]]) -> None:
    """Run `work` to its end on a loop with this seed. Raises Spinning if it does not end."""

    def spins(*_: object) -> None:
        raise Spinning(f"{CPU_SECONDS:.0f} s without an end")

    loop = ShuffledLoop(seed)
    # Only a signal can end a coroutine that never yields. The timer counts CPU time.
    before = signal.signal(signal.SIGVTALRM, spins)
    signal.setitimer(signal.ITIMER_VIRTUAL, CPU_SECONDS)
    try:
        loop.run_until_complete(work(loop))
        assert not loop.failures, loop.failures
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)
        for task in asyncio.all_tasks(loop):
            task._log_destroy_pending = False  # type: ignore[attr-defined]  # after a failure much is left
        loop.close()
