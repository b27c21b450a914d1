"""What plays phones."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="session", autouse=True)
def _phones(phones: None) -> None:
    """All tests here play with phones."""
