"""The operators' server, their windows, and a login."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from server.operation.heartbeats import HISTORY_SECONDS
from support.browser import DESK, Opener, Window, open_window
from support.heartbeats import fill_history
from support.screen import TOKEN, enter
from support.servers import Running, a_server


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the server keeps its stores."""
    return tmp_path_factory.mktemp("ops")


@pytest.fixture(scope="module")
def running(data_dir: Path) -> Iterator[Running]:
    """A server with two workers and 15 minutes of history. One publisher may pay a person 10 yuan a week."""
    rules = {"OPS_TOKEN": TOKEN, "WEB_CONCURRENCY": "2", "CASH_PAIR_WEEK_YUAN": "10"}
    with a_server(data_dir, **rules) as started:
        now = int(time.time())
        fill_history(data_dir, range(now - HISTORY_SECONDS, now))
        yield started


@pytest.fixture(scope="module")
def address(running: Running) -> str:
    """The server's address."""
    return running.address


@pytest.fixture
def options() -> dict[str, Any]:
    """The size of the windows: a desktop's screen."""
    return {"viewport": DESK, "reduced_motion": "reduce"}


@pytest.fixture
def window(window: Opener) -> Opener:
    """Opens windows of the operators' page, or of another path."""

    def open_one(path: str = "/ops", **further: Any) -> Window:
        return window(None, path, **further)

    return open_one


@pytest.fixture(scope="module")
def let_in(browser: Browser, running: Running) -> dict[str, Any]:
    """The browser's storage after an operator's login, made once for the tests of a file."""
    opened = open_window(browser, running.address)
    opened.go("/ops")
    enter(opened, "值班员", TOKEN)
    expect(opened.page.locator(".status.fresh")).to_be_visible()
    remembered: dict[str, Any] = dict(opened.context.storage_state())
    opened.context.close()
    return remembered


@pytest.fixture
def operator(window: Opener, let_in: dict[str, Any]) -> Opener:
    """Opens windows of a logged-in operator, with live data."""

    def open_one(**options: Any) -> Window:
        made = window(storage_state=let_in, **options)
        expect(made.page.locator(".status.fresh")).to_be_visible()
        return made

    return open_one
