"""Fixtures of tests of pictures."""

import pytest


@pytest.fixture(scope="module")
def _pictures_made_once() -> None:
    """Make each picture anew, even one that was made before."""
