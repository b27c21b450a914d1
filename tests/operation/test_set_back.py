"""The operator's feed when the clock jumps back by an hour."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

from server.runtime.background import Background
from support.operators import open_feed, operator

HOUR_MS = 3_600_000


async def frames(feed: Any) -> AsyncIterator[dict[str, Any]]:
    while (message := await feed.read_message()) is not None:
        yield json.loads(message)


async def test_a_clock_that_jumps_back_does_not_silence_the_feed(client, context, settings):
    await context.bus.connected.wait()
    pulsing = Background()
    pulsing.spawn(context.heartbeats.run())
    feed = await open_feed(await operator(client), settings)
    async for frame in frames(feed):
        if frame["type"] == "heartbeat" and frame["seconds"]:
            break
    context.clock._offset_ms -= HOUR_MS
    async for frame in frames(feed):
        seconds = frame["seconds"] if frame["type"] == "heartbeat" else []
        if any(second[0] * 1000 < frame["now"] for second in seconds):
            assert [row["process"] for row in frame["processes"]] == [context.bus.process]
            break
    await pulsing.end()
    feed.close()
