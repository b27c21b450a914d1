"""An event loop on which a seed decides the order of events. Its time passes without waiting.

Ready callbacks run in a random order. The same seed gives the same run. Work on this loop may wait for
nothing real: no socket, no thread.
"""

import asyncio
import random
from collections.abc import Callable, Coroutine
from typing import Any


class ShuffledLoop(asyncio.BaseEventLoop):
    """The loop of asyncio, with callbacks in a random order and a clock of its own."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self.now = 1_000_000.0
        self._random = random.Random(seed)
        self._selector = self

    def select(self, timeout: float | None) -> list[Any]:
        """Move the time on instead of waiting for sockets, as the loop's own selector."""
        if timeout is None:
            raise AssertionError("everything waits, and no timer is set")
        self.now += timeout
        return []

    def time(self) -> float:
        return self.now

    def _run_once(self) -> None:
        self._random.shuffle(self._ready)  # type: ignore[attr-defined]
        super()._run_once()  # type: ignore[misc]

    def _process_events(self, event_list: list[Any]) -> None:
        pass

    def _write_to_self(self) -> None:
        pass


def on_any_loop(work: Callable[[ShuffledLoop], Coroutine[Any, Any, None]]) -> Callable[[], None]:
    """Make a test of a coroutine function, which runs on the loops of several seeds."""

    def test() -> None:
        for seed in range(10):
            loop = ShuffledLoop(seed)
            try:
                loop.run_until_complete(work(loop))
            finally:
                loop.close()

    return test
