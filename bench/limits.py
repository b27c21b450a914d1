"""Do limits hold over two processes while Redis is killed, is away and comes back empty?

    python bench/limits.py [--most 200] [--rounds 5]

Two child processes count against one limit as fast as they can. In each round Redis is killed before the
limit is reached, and started again half a second later. The kill comes later in each further round. Prints
how many of `--most` were admitted, and how long a call takes while Redis runs. Exits with 1 if a round
admitted over 5 % more or fewer than `--most`.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import secrets
import statistics
import sys
import tempfile
import time
from multiprocessing.connection import Connection

from server.errors import TooOften
from server.realtime.bus import Bus
from server.realtime.limits import Count, Limits
from server.running.stores import EmbeddedRedis
from server.runtime.background import Background
from server.security.keys import Keys
from server.settings import read_settings

ALLOWED = 0.05
WINDOW_SECONDS = 600
AWAY_SECONDS = 0.5
ROUND_SECONDS = 7.0


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--most", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args()
    failed = 0
    with tempfile.TemporaryDirectory() as directory:
        redis = EmbeddedRedis(directory)
        redis.start()
        try:
            for turn in range(asked.rounds):
                killed_at = turn / max(1, asked.rounds - 1)
                admitted, call_ms = one_round(redis, asked.most, killed_at)
                off = abs(sum(admitted) - asked.most) / asked.most
                failed |= off > ALLOWED
                print(
                    f"killed at {killed_at:4.0%} of {asked.most}: admitted {sum(admitted)} "
                    f"({admitted[0]} + {admitted[1]}), {off:.1%} off; a call takes {call_ms:.2f} ms (p50)"
                )
        finally:
            redis.stop()
    return int(failed)


def one_round(redis: EmbeddedRedis, most: int, killed_at: float) -> tuple[list[int], float]:
    """Return how many each process admitted, and a call's median time while Redis runs."""
    spawn = multiprocessing.get_context("spawn")
    name = secrets.token_hex(8)
    pipes, processes = [], []
    # Each process stops at its half of `killed_at` and waits, so that Redis is killed before the limit is
    # reached.
    for _ in range(2):
        ours, theirs = spawn.Pipe()
        process = spawn.Process(target=run, args=(redis.uri, name, most, theirs))
        process.start()
        pipes.append(ours)
        processes.append(process)
    for pipe in pipes:
        assert pipe.recv() == "ready"
    for pipe in pipes:
        pipe.send(killed_at)
    for pipe in pipes:  # each process says when it has reached its half
        assert pipe.recv() == "there"
    redis.kill()
    for pipe in pipes:
        pipe.send("go on")
    time.sleep(AWAY_SECONDS)
    redis.start()
    found = [pipe.recv() for pipe in pipes]
    for process in processes:
        process.join()
    return [admitted for admitted, _ in found], statistics.median([t for _, times in found for t in times])


def run(url: str, name: str, most: int, pipe: Connection) -> None:
    """One process: admit its half of `killed_at`, then as many as it can until the round is over."""
    asyncio.run(_run(url, name, most, pipe))


async def _run(url: str, name: str, most: int, pipe: Connection) -> None:
    settings = read_settings({"REDIS_URL": url})
    keys = Keys(b"the bench's secret, of 32 characters")
    bus, background = Bus(settings, "limits-bench", keys), Background()
    bus.start(lambda *_: None, lambda _: None)
    limits = Limits(settings, keys, bus, background)
    await bus.connected.wait()
    count = Count("bench", name, most, WINDOW_SECONDS)
    pipe.send("ready")
    until = await asyncio.to_thread(pipe.recv)
    # From this call the process learns how many processes there are.
    await limits.take([Count("bench", "another", most, WINDOW_SECONDS)])
    admitted, times = 0, []
    while admitted < int(until * most / 2):
        began = time.perf_counter()
        try:
            await limits.take([count])
        except TooOften:
            break
        times.append((time.perf_counter() - began) * 1000)
        admitted += 1
    await background.finish()
    pipe.send("there")
    assert await asyncio.to_thread(pipe.recv) == "go on"
    ends = time.monotonic() + ROUND_SECONDS
    while time.monotonic() < ends:
        try:
            await limits.take([count])
            admitted += 1
        except TooOften:
            await asyncio.sleep(0.01)
    await background.end()
    await bus.close()
    pipe.send((admitted, times or [0.0]))


if __name__ == "__main__":
    sys.exit(main())
