"""The client's server, which most of these files share, and a publisher."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.browser import Person, a_server
from support.screen import TOKEN


@pytest.fixture(scope="session")
def shared_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """The address and the directory of a server for all files that need no settings of their own.

    A start of one takes as much as several scenes.
    """
    data_dir = tmp_path_factory.mktemp("pages")
    with a_server(data_dir, OPS_TOKEN=TOKEN) as running:
        yield running.address, data_dir


@pytest.fixture(scope="module")
def address(request: pytest.FixtureRequest) -> str:
    """The address of the server."""
    found: str = request.getfixturevalue("shared_server")[0]
    return found


@pytest.fixture(scope="module")
def publisher(address: str) -> Person:
    """A person who publishes, without a window."""
    return Person.log_in(address, "小明")
