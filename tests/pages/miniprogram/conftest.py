"""The fixture of phones for the tests here."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="session", autouse=True)
def _phones(phones: None) -> None:
    """Let all tests here use the process of phones."""
