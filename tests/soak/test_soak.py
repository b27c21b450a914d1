"""The benches that check a promise, with fewer rounds: `pytest -n 0 tests/soak`.

They take both cores, so they run one after another, and only when they are named.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SECONDS = 1_200
BENCHES = {
    "checks": ["--treasures", "200"],
    "failover": ["--windows", "40", "--sequences", "200"],
    "fair_start": ["--windows", "10", "--cheats", "60"],
    "faults": [],
    "hostile": ["--only", "connections"],
    "kills": [],
    "limits": [],
    "money": ["--sequences", "500"],
    "race": ["--windows", "20"],
    "rings": ["--days", "2", "--sizes", "1", "10"],
}


@pytest.mark.timeout(0)  # the bench has a limit of its own
@pytest.mark.parametrize("name", BENCHES)
def test_it_holds(name, tmp_path):
    bench = subprocess.run(
        [sys.executable, f"bench/{name}.py", *BENCHES[name]],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert bench.returncode == 0, bench.stdout[-8000:] + bench.stderr[-4000:]
