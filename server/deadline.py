"""How long a request may take. The limit stands still while what has a limit of its own is waited for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from typing import Any, NamedTuple


class _Running(NamedTuple):
    limit: asyncio.Timeout
    task: asyncio.Task[Any] | None


_running: ContextVar[_Running | None] = ContextVar("running", default=None)


class TookTooLong(Exception):
    """A request reached its limit. What it was at may still happen."""


@asynccontextmanager
async def within(seconds: float) -> AsyncIterator[None]:
    """Do something within so many seconds, `paused` time not counted. Raises TookTooLong."""
    try:
        async with asyncio.timeout(seconds) as limit:
            before = _running.set(_Running(limit, asyncio.current_task()))
            try:
                yield
            finally:
                _running.reset(before)
    except TimeoutError:
        if not limit.expired():
            raise
        raise TookTooLong from None


@contextmanager
def paused() -> Iterator[None]:
    """Let the limit stand still: for calls to WeChat, pictures, slow readers, which are bounded otherwise.

    Does nothing outside of `within`, or in another task than the one that has the limit.
    """
    running = _running.get()
    if running is None or running.task is not asyncio.current_task() or running.limit.expired():
        yield
        return
    loop = asyncio.get_running_loop()
    ends_at, began = running.limit.when(), loop.time()
    running.limit.reschedule(None)
    try:
        yield
    finally:
        running.limit.reschedule(None if ends_at is None else ends_at + loop.time() - began)
