"""Pictures that are being drawn: all who ask for one meanwhile wait for the same drawing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any


class Drawing:
    """One per process."""

    def __init__(self) -> None:
        self._under_way: dict[str, asyncio.Task[str]] = {}

    def has(self, name: str) -> bool:
        """Whether this picture is being drawn."""
        return name in self._under_way

    async def path(self, name: str, draw: Callable[[], Coroutine[Any, Any, str]]) -> str:
        """Return the path of a picture, drawn now unless it is being drawn. Raises what `draw` raises."""
        drawing = self._under_way.get(name)
        if drawing is None:
            drawing = self._under_way[name] = asyncio.get_running_loop().create_task(draw())
            drawing.add_done_callback(partial(self._done, name))
        return await asyncio.shield(drawing)  # if this caller is cancelled, others still wait for it

    def _done(self, name: str, drawing: asyncio.Task[str]) -> None:
        del self._under_way[name]
        if not drawing.cancelled():
            drawing.exception()  # those who wait get it; asyncio would log it if nobody did
