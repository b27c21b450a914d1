"""The client's server, windows and publisher."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser

from support.browser import Opener, Person, Window, a_server, open_window


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A running server's address."""
    with a_server(tmp_path_factory.mktemp("pages")) as running:
        yield running.address


@pytest.fixture
def window(browser: Browser, address: str) -> Iterator[Opener]:
    """Opens windows. A test fails if `wrong` of any is not empty at its end."""
    opened: list[Window] = []

    def open_one(user: str | None = None, path: str = "/", **options: Any) -> Window:
        made = open_window(browser, address, **options)
        opened.append(made)
        made.go(path)
        if user is not None:
            made.log_in(user)
        return made

    yield open_one
    for each in opened:
        each.context.close()
    assert [wrong for each in opened for wrong in each.wrong] == []


@pytest.fixture(scope="module")
def publisher(address: str) -> Person:
    """A person who publishes, without a window."""
    return Person.log_in(address, "小明")
