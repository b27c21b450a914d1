"""What the strict wire costs the suite: the same tests through it and straight at the store, by turns.

    python bench/strict_wire.py [--rounds 4] [TESTS ...]

Unless others are named, the tests are directories that ask the store much; beside browsers one would hardly
see the wire. They run one by one (`-n 0`), each round in the other order. The CPU time is that of all that
runs: pytest, servers, stores, the wire. The suite keeps all cores busy, so that is what has the bar; beside
other work the wall time says little. Exits with 1 above 15 %.
"""

from __future__ import annotations

import argparse
import ctypes
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

from parts.table import spread

ROOT = Path(__file__).parents[1]
TESTS = ["tests/handlers", "tests/memory"]
BAR_PERCENT = 15.0
_PR_SET_CHILD_SUBREAPER = 36


class Cost(NamedTuple):
    """What a run of the tests took, in seconds."""

    cpu: float
    wall: float


def run_tests(tests: list[str], *, wired: bool) -> Cost:
    """Run them once. Processes that outlive their parents count too, since they become our children."""
    environment = os.environ | {"WITHOUT_STRICT_WIRE": "" if wired else f"bench/strict_wire.py {os.getpid()}"}
    environment.pop("MONGODB_URI", None)  # the wire stands before the embedded one alone
    command = [sys.executable, "-m", "pytest", "-q", "-n", "0", "-p", "no:cacheprovider", *tests]
    cpu, began = _cpu_of_children(), time.monotonic()
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False)
    wall = time.monotonic() - began
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{done.stdout[-4000:]}{done.stderr[-1000:]}")
    while True:
        try:
            os.wait()
        except ChildProcessError:
            return Cost(_cpu_of_children() - cpu, wall)


def _cpu_of_children() -> float:
    times = os.times()
    return times.children_user + times.children_system


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("tests", nargs="*", default=TESTS)
    asked = parser.parse_args()
    if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_CHILD_SUBREAPER)")
    costs: dict[bool, list[Cost]] = {True: [], False: []}
    for number in range(asked.rounds):
        for wired in (True, False) if number % 2 else (False, True):
            cost = run_tests(asked.tests, wired=wired)
            costs[wired].append(cost)
            way = "through the wire" if wired else "straight"
            print(f"round {number + 1}, {way}: {cost}", file=sys.stderr, flush=True)
    print(f"{os.cpu_count()} cores, Python {sys.version.split()[0]}, {' '.join(asked.tests)}")
    rows = [
        spread("CPU time, straight at the store", [cost.cpu for cost in costs[False]], "s"),
        spread("CPU time, through the wire", [cost.cpu for cost in costs[True]], "s"),
        spread("the wire costs, CPU time", _more(costs, "cpu"), "%", BAR_PERCENT),
        spread("the wire costs, wall time", _more(costs, "wall"), "%"),
    ]
    for row in rows:
        print(row)
    return int(any(row.missed for row in rows))


def _more(costs: dict[bool, list[Cost]], what: str) -> list[float]:
    """Return by how many percent each round took longer through the wire."""
    both = zip(costs[True], costs[False], strict=True)
    return [100 * (getattr(wired, what) / getattr(straight, what) - 1) for wired, straight in both]


if __name__ == "__main__":
    sys.exit(main())
