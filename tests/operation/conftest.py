"""Fixtures of tests of operators."""

from functools import partial

import pytest

from handlers.ops import operators
from server.store import Store
from support.trips import Trips


@pytest.fixture
def trips(monkeypatch: pytest.MonkeyPatch) -> Trips:
    """The commands of the context under test; a test asks for them before the context."""
    counted = Trips()
    monkeypatch.setattr("server.context.Store", partial(Store, listeners=[counted]))
    return counted


@pytest.fixture
def one_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lengthen the minute in which tries count, so that it does not end during a test."""
    monkeypatch.setattr(operators, "TRIES_SECONDS", 10_000_000)
