"""Random sequences of all that can happen to money: do the books balance after each, and is every step legal?

    python bench/money.py [--sequences 10000] [--steps 25] [--processes 2] [--seed 1]

Each process has a server, a MongoDB and a Redis of its own, below TMPDIR. A sequence that fails is made as
short as it can be and printed. Exits with 1 when one failed.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

import hypothesis
from hypothesis.stateful import run_state_machine_as_test
from money_machine import MoneyMachine, World

from server.embedded import EmbeddedMongoDB, EmbeddedRedis

BATCH = 100


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sequences", type=int, default=10_000)
    parser.add_argument("--steps", type=int, default=25)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    began = time.monotonic()
    shares = [
        (number, asked.sequences // asked.processes, asked.steps, asked.seed + number * 1_000_000)
        for number in range(asked.processes)
    ]
    with multiprocessing.get_context("spawn").Pool(asked.processes) as pool:
        tallies = pool.starmap(play, shares)
    seen: Counter[str] = sum(tallies, Counter())
    for what, number in sorted(seen.items()):
        print(f"{number:8} {what}")
    print(f"{seen['sequences']} sequences in {time.monotonic() - began:.0f} s, {seen['failed']} failed")
    return 1 if seen["failed"] else 0


def play(number: int, sequences: int, steps: int, seed: int) -> Counter[str]:
    """Play so many sequences in a world of one's own; return what was seen."""
    with tempfile.TemporaryDirectory() as directory:
        stores = [EmbeddedMongoDB(directory), EmbeddedRedis(directory)]
        for store in stores:
            store.start()
        world = World(stores[0].uri, stores[1].uri, directory)
        MoneyMachine.world = world
        try:
            for batch in range(-(-sequences // BATCH)):
                count = min(BATCH, sequences - batch * BATCH)
                _play_batch(world, count, steps, seed + batch)
                print(f"process {number}: {world.seen['sequences']} sequences", file=sys.stderr, flush=True)
        finally:
            world.close()
            for store in stores:
                store.stop()
    return world.seen


def _play_batch(world: World, count: int, steps: int, seed: int) -> None:
    chosen = hypothesis.settings(
        max_examples=count,
        stateful_step_count=steps,
        deadline=None,
        database=None,
        print_blob=True,
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    try:
        run_state_machine_as_test(hypothesis.seed(seed)(MoneyMachine), settings=chosen)
    except Exception as error:  # noqa: BLE001  (whatever it is, the sequence that led there is the finding)
        world.seen["failed"] += 1
        print(f"seed {seed}: {error!r}", *getattr(error, "__notes__", []), sep="\n", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
