"""The client's server and a publisher."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from support.browser import Person, a_server


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A running server's address."""
    with a_server(tmp_path_factory.mktemp("pages")) as running:
        yield running.address


@pytest.fixture(scope="module")
def publisher(address: str) -> Person:
    """A person who publishes, without a window."""
    return Person.log_in(address, "小明")
