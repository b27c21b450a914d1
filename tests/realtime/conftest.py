"""A Redis for tests that kill it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from server.running.stores import EmbeddedRedis


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[EmbeddedRedis]:
    """A Redis of the test's own, to be killed."""
    store = EmbeddedRedis(tmp_path / "redis")
    store.start()
    yield store
    store.kill()
