"""Fixtures of tests of operators."""

import pytest

from handlers.ops import operators


@pytest.fixture
def one_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lengthen the minute in which tries count, so that it does not end during a test."""
    monkeypatch.setattr(operators, "TRIES_SECONDS", 10_000_000)
