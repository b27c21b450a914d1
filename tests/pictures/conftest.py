"""Fixtures of tests of pictures."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="module")
def _pictures_made_once() -> None:
    """Have each picture made, also one that was made before."""
