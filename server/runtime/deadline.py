"""How long a wait and a request may take. A request's limit stands still during waits that have their own."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from types import TracebackType

_running: ContextVar[within | None] = ContextVar("running", default=None)


async def happened(event: asyncio.Event, seconds: float) -> bool:
    """Wait for an event, `seconds` at most; return whether it happened."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
    return event.is_set()


def loop_time() -> float:
    """Return the event loop's time, in seconds."""
    return asyncio.get_running_loop().time()


class TookTooLong(Exception):
    """A request reached its limit. What it was doing may still happen."""


class within:  # noqa: N801  (used like `asyncio.timeout`)
    """Limit the body of the `with` statement to this many seconds, `paused` time not counted. Raises
    TookTooLong.

    It is a class, because each request makes one, and a generator would cost three times as much.
    """

    def __init__(self, seconds: float) -> None:
        self.limit = asyncio.timeout(seconds)

    async def __aenter__(self) -> None:
        await self.limit.__aenter__()
        self.task = asyncio.current_task()
        self._before = _running.set(self)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _running.reset(self._before)
        try:
            await self.limit.__aexit__(kind, error, trace)
        except TimeoutError:
            raise TookTooLong from None


@contextmanager
def paused() -> Iterator[None]:
    """Let the limit stand still. Use it for calls to WeChat, pictures and slow readers, which have their own
    limits.

    Does nothing outside of `within`, or in another task than the one that has the limit.
    """
    running = _running.get()
    if running is None or running.task is not asyncio.current_task() or running.limit.expired():
        yield
        return
    loop = asyncio.get_running_loop()
    ends_at = running.limit.when()
    began = loop.time()
    running.limit.reschedule(None)
    try:
        yield
    finally:
        running.limit.reschedule(None if ends_at is None else ends_at + loop.time() - began)
