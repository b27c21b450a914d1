"""Honest people: they watch tasks and dig at a steady pace.

Each dig uses a new connection and is sent at its time, even if the dig before is not answered yet.
"""

import asyncio
import itertools
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from parts.lines import Line, Lost
from parts.watchers import Watchers


@dataclass(slots=True)
class Digs:
    """Milliseconds from the time at which each dig was due to its reply, and the refusals by error."""

    took_ms: list[float] = field(default_factory=list)
    refused: Counter[str] = field(default_factory=Counter)


def dig(port: int, requests: list[bytes], a_second: int, seconds: float) -> Digs:
    """Send these requests in turn, `a_second` per second, for `seconds`."""
    return asyncio.run(dig_all(port, requests, a_second, seconds))


async def dig_all(port: int, requests: list[bytes], a_second: int, seconds: float) -> Digs:
    """Do the same as `dig`, on the running loop."""
    found = Digs()
    began = time.perf_counter()
    async with asyncio.TaskGroup() as digging:
        for number, request in zip(range(int(a_second * seconds)), itertools.cycle(requests), strict=False):
            due = began + number / a_second
            await asyncio.sleep(max(0, due - time.perf_counter()))
            digging.create_task(_dig_once(port, request, due, found))
    return found


async def _dig_once(port: int, request: bytes, due: float, found: Digs) -> None:
    line = Line(port)
    try:
        await line.connect()
        line.send(request)
        reply = await line.reply()
        if reply["status"]:
            found.refused[reply["error"]] += 1
    except Lost:
        found.refused["no reply"] += 1
    finally:
        line.close()
        found.took_ms.append(1000 * (time.perf_counter() - due))


class Guests(Watchers):
    """Watchers of several tasks."""

    def delays(self) -> Callable[[], Any]:
        """Answer with the milliseconds from each dig to each of its frames, since the last call."""
        found = [delay for each in self.delays_ms.values() for delay in each]
        self.delays_ms.clear()
        return lambda: found
