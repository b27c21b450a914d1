"""The server without `devtools/`: production runs, and development names the missing package."""

from pathlib import Path

import httpx
import pytest

from support.production import PRODUCTION
from support.servers import Running


@pytest.fixture
def without_devtools(tmp_path: Path) -> dict[str, str]:
    """An environment whose Pythons cannot import `devtools`."""
    (tmp_path / "sitecustomize.py").write_text('import sys\n\nsys.modules["devtools"] = None\n')
    return {"PYTHONPATH": str(tmp_path)}


def test_production_is_released_and_runs_without_devtools(own_uri, redis_url, tmp_path, without_devtools):
    settings = {**PRODUCTION, **without_devtools, "MONGODB_URI": own_uri, "REDIS_URL": redis_url}
    assert Running(tmp_path / "release", "release", "--unchecked", **settings).wait() == 0
    running = Running(tmp_path / "data", **settings)
    running.wait_for("wabao.worker serving")
    assert httpx.get(f"{running.address}/readyz", timeout=20).status_code == 200
    assert running.end() == 0


@pytest.mark.parametrize("arguments", [(), ("crowd", "--url", "http://127.0.0.1:1")])
def test_what_needs_devtools_says_so_in_one_line(tmp_path, without_devtools, arguments):
    running = Running(tmp_path / "data", *arguments, **without_devtools)
    assert running.wait() == 2
    (line,) = running.said
    assert "devtools/" in line
    assert not (tmp_path / "data").exists()
