"""The benches, with fewer rounds: `pytest -n 0 tests/soak`.

Those that check a promise must keep it. Those that print what something costs need only work; whether a bar
is missed depends on the machine. The benches take both cores, so they run one after another, and only when
they are named.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from support.browser import CHROMIUM

ROOT = Path(__file__).parents[2]
SECONDS = 1_200
PROMISES = {
    "checks": ["--treasures", "200"],
    "failover": ["--windows", "40", "--sequences", "200"],
    "fair_start": ["--windows", "10", "--cheats", "60"],
    "faults": [],
    "hostile": ["--only", "connections"],
    "kills": [],
    "money": ["--sequences", "500"],
    "race": ["--windows", "20"],
    "rings": ["--days", "2", "--sizes", "1", "10", "--ages", "0", "8"],
}


# `soak.yml` runs bench/schema.py itself.
COSTS = {
    "autobahn": ["--cases", "1.*"],
    "capacity": ["--only", "costs,one,tables"],
    "fanout": [],
    "first_view": ["--rounds", "1"],
    "followers": ["--followers", "5000", "--willing", "50"],
    "growth": ["--tasks", "2000", "--digs", "10000", "--rounds", "3"],
    "hostile": ["--only", "slashes,uploads,chunks,pictures,proofs,heads,stalled,flat,campus"],
    "idle": ["--seconds", "3"],
    "moment": ["--rounds", "1"],
    "notices": ["--rounds", "2"],
    "ops": [],
    "rest": ["--rounds", "1", "--participants", "5000"],
    "screens": [],
    "search": ["--people", "2000", "--tasks", "500", "--rounds", "1"],
    "slow_wechat": ["--rounds", "1"],
    "states": [],
    "taps": [],
    "uploads": ["--pictures", "2"],
}


def run(name: str, arguments: list[str], directory: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, f"bench/{name}.py", *arguments],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(directory)},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


@pytest.mark.timeout(0)  # the bench has a limit of its own
@pytest.mark.parametrize("name", PROMISES)
def test_it_holds(name, tmp_path):
    bench = run(name, PROMISES[name], tmp_path)
    assert bench.returncode == 0, bench.stdout[-8000:] + bench.stderr[-4000:]


@pytest.mark.timeout(0)
@pytest.mark.parametrize("name", COSTS)
def test_it_works(name, tmp_path):
    if name in ("first_view", "moment", "screens", "states") and CHROMIUM is None:
        pytest.skip("no Chromium")
    bench = run(name, COSTS[name], tmp_path)
    said = bench.stdout[-8000:] + bench.stderr[-4000:]
    assert bench.returncode in (0, 1), said
    assert "Traceback" not in bench.stderr, said


def test_no_bench_is_left_out():
    assert {path.stem for path in (ROOT / "bench").glob("*.py")} == {*PROMISES, *COSTS, "schema"}
