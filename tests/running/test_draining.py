"""A worker that gets SIGTERM while clients keep its connections busy."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import time
from contextlib import suppress

from server.running.stores import free_port
from support.servers import Running, assert_all_end, pidfds_of

# Half of the clients never pause, so some are always in the middle of a request; the others pause in between.
PAUSES_SECONDS = [0.0] * 15 + [0.5] * 15
REQUEST = b"GET /readyz HTTP/1.1\r\nHost: wabao\r\n\r\n"


def test_a_draining_worker_ends_in_seconds_and_cuts_no_connection_in_use(tmp_path):
    running = Running(tmp_path / "data", free_port(), WEB_CONCURRENCY="1")
    try:
        running.wait_for("is ready")
        (worker,) = running.children()["worker"]
        told, cut, took_seconds = asyncio.run(drain(running.port, worker))
        assert (told, cut) == (len(PAUSES_SECONDS), 0)
        assert took_seconds < 10
        running.wait_for(rf"worker 1 \(pid {worker}\) ended with 0")
    finally:
        running.kill()


async def drain(port: int, worker: int) -> tuple[int, int, float]:
    """End a worker whose connections are busy.

    Return how many were told that they end, how many were cut, and how many seconds the worker took.
    """
    answered = asyncio.Semaphore(0)
    (death,) = pidfds_of([worker])
    using = [asyncio.create_task(is_told(port, answered, pause)) for pause in PAUSES_SECONDS]
    for _ in range(10 * len(using)):
        await answered.acquire()
    os.kill(worker, signal.SIGTERM)
    began = time.monotonic()
    await asyncio.to_thread(assert_all_end, [death])
    took_seconds = time.monotonic() - began
    told = await asyncio.gather(*using)
    return told.count(True), told.count(False), took_seconds


async def is_told(port: int, answered: asyncio.Semaphore, pause_seconds: float) -> bool:
    """Use a connection until a reply says that it is the last; return False if it is cut before."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        while True:
            writer.write(REQUEST)
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            length = re.search(rb"content-length: (\d+)", head)
            assert length is not None
            await reader.readexactly(int(length[1]))
            answered.release()
            if b"\r\nconnection: close\r\n" in head:
                writer.write(REQUEST)
                with suppress(ConnectionError):
                    assert await reader.read() == b"", "a reply came after the one that was the last"
                return True
            await asyncio.sleep(pause_seconds)
    except (ConnectionError, asyncio.IncompleteReadError):
        return False
    finally:
        writer.close()
