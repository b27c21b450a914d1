"""The fixture of phones for the tests here."""

import pytest


@pytest.fixture(scope="session", autouse=True)
def _phones(phones: None) -> None:
    """Let all tests here use the process of phones."""
