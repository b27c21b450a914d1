"""A bus of the test's own, beside that of a context."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from server.realtime.bus import Bus
from server.security.keys import Keys
from server.settings import Settings

KEYS = Keys(b"the secret of the tests: 32 characters")
PREFIX = "test_bus"
CONNECTED_SECONDS = 10


def _nothing(*_: Any) -> None:
    """Hear nothing."""


@asynccontextmanager
async def a_bus(
    settings: Settings,
    keys: Keys = KEYS,
    on_message: Callable[[str, bytes], None] = _nothing,
    on_subscribed: Callable[[str], None] = _nothing,
) -> AsyncIterator[Bus]:
    """A bus that is connected to Redis. The callbacks are those of `Bus.start`."""
    bus = Bus(settings, PREFIX, keys)
    bus.start(on_message, on_subscribed)
    try:
        await asyncio.wait_for(bus.connected.wait(), CONNECTED_SECONDS)
        yield bus
    finally:
        await bus.close()
