"""The operators' server, their windows, and a login."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import expect

from server.operation.heartbeats import HISTORY_SECONDS
from support.browser import DESK, Opener, Window, checked
from support.heartbeats import a_full_heartbeat, send_heartbeats
from support.screen import TOKEN
from support.servers import Running, a_server


@pytest.fixture(scope="session")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the server keeps its stores."""
    return tmp_path_factory.mktemp("ops")


@pytest.fixture(scope="session")
def running(data_dir: Path) -> Iterator[Running]:
    """A server with 15 minutes of history. One publisher may pay a person 10 yuan a week."""
    with a_server(data_dir, OPS_TOKEN=TOKEN, CASH_PAIR_WEEK_YUAN="10") as started:
        now = int(time.time())
        seconds = range(now - HISTORY_SECONDS, now)
        send_heartbeats(data_dir, [a_full_heartbeat(second) for second in seconds])
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


@pytest.fixture(scope="session")
def let_in(running: Running) -> list[dict[str, Any]]:
    """The cookies of an operator who logged in."""
    with httpx.Client(base_url=running.address) as http:
        checked(http.post("/ops/login", json={"name": "值班员", "token": TOKEN}))
        return [{"name": name, "value": http.cookies[name], "url": running.address} for name in http.cookies]


@pytest.fixture
def operator(window: Opener, let_in: list[dict[str, Any]]) -> Opener:
    """Opens windows of a logged-in operator, with live data."""

    def open_one(**options: Any) -> Window:
        made = window(cookies=let_in, **options)
        expect(made.page.locator(".status.fresh")).to_be_visible()
        return made

    return open_one
