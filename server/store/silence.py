"""How long a page waits for the store. Digs and money wait for the store's own limit, which is longer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

from server.errors import Unavailable

# A read that is not answered by then is given up, and those who wait for it are refused.
SILENT_SECONDS = 2.0

T = TypeVar("T")


async def answered(read: Awaitable[T]) -> T:
    """Return what the store answers. Raises Unavailable if it is silent, or what the read raises."""
    try:
        async with asyncio.timeout(SILENT_SECONDS):
            return await read
    except TimeoutError:
        raise Unavailable from None
