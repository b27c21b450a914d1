"""What tests of operators share."""

from __future__ import annotations

import pytest

from handlers.ops import operators


@pytest.fixture
def one_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no minute end while a test counts its tries."""
    monkeypatch.setattr(operators, "TRIES_SECONDS", 10_000_000)
