"""Random sequences of acts with money: does the ledger balance after each act, and is every step legal?

    python bench/money.py [--sequences 10000] [--steps 25] [--processes 2] [--seed 1]

Each process has a server, a MongoDB and a Redis of its own, below TMPDIR. All of them end with this process.
Only servers are killed, never stores, so TMPDIR=/dev/shm (memory) tests as much, and is faster. A sequence
that fails is shortened as far as possible and printed. Exits with 1 if a sequence failed.
"""

import argparse
import json
import sys
import tempfile
import time
import traceback
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
sys.path.insert(0, str(Path(__file__).parents[1]))  # comes first: tests/ has handlers/ too

import hypothesis
from hypothesis.stateful import run_state_machine_as_test

from server.running.stores import EmbeddedMongoDB, EmbeddedRedis
from server.runtime.children import start_child
from support.money_machine import MoneyMachine
from support.money_world import World

BATCH = 100


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sequences", type=int, default=10_000)
    parser.add_argument("--steps", type=int, default=25)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--play", nargs=2, metavar=("NUMBER", "DIRECTORY"), help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.play:
        number, directory = asked.play
        seen = play(int(number), Path(directory), asked.sequences, asked.steps, asked.seed)
        (Path(directory) / "seen.json").write_text(json.dumps(seen))
        return 0
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as directory:
        seen = play_beside_each_other(Path(directory), asked)
    for what, count in sorted(seen.items()):
        print(f"{count:8} {what}")
    print(f"{seen['sequences']} sequences in {time.monotonic() - began:.0f} s, {seen['failed']} failed")
    return 1 if seen["failed"] or seen["sequences"] < asked.sequences else 0


def play_beside_each_other(directory: Path, asked: argparse.Namespace) -> Counter[str]:
    """Divide the sequences among child processes, which end with this process; return what they saw."""
    seen: Counter[str] = Counter()
    children = []
    for number in range(asked.processes):
        own = directory / str(number)
        own.mkdir()
        share = asked.sequences // asked.processes + (number < asked.sequences % asked.processes)
        seed = asked.seed + number * 1_000_000
        command = [sys.executable, __file__, "--play", str(number), str(own)]
        for name, value in (("sequences", share), ("steps", asked.steps), ("seed", seed)):
            command += [f"--{name}", str(value)]
        children.append((own, start_child(command)))
    for number, (own, child) in enumerate(children):
        if child.wait() == 0:
            seen.update(json.loads((own / "seen.json").read_text()))
        else:
            seen["failed"] += 1
            print(f"process {number} ended with {child.returncode}", file=sys.stderr)
    return seen


def play(number: int, directory: Path, sequences: int, steps: int, seed: int) -> Counter[str]:
    """Play sequences with stores and servers of this process's own; return what was seen."""
    stores = [EmbeddedMongoDB(directory), EmbeddedRedis(directory)]
    for store in stores:
        store.start()
    world = World(stores[0].uri, stores[1].uri, str(directory))
    MoneyMachine.world = world
    try:
        for batch in range(-(-sequences // BATCH)):
            count = min(BATCH, sequences - batch * BATCH)
            play_batch(world, count, steps, seed + batch)
            print(f"process {number}: {world.seen['sequences']} sequences", file=sys.stderr, flush=True)
    finally:
        world.close()
        for store in stores:
            store.kill()  # nothing in it is needed any more
    return world.seen


def play_batch(world: World, count: int, steps: int, seed: int) -> None:
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
    except Exception as error:  # noqa: BLE001  (any error is a finding, with the sequence that led to it)
        world.seen["failed"] += 1
        print(f"seed {seed}:", file=sys.stderr)
        traceback.print_exception(error)


if __name__ == "__main__":
    sys.exit(main())
