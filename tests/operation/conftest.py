"""Fixtures of tests of operators."""

from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest

from handlers.ops import operators
from server.settings import Settings
from support.client import Client
from support.open_pages import Page
from support.operators import open_feed


@pytest.fixture
def one_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lengthen the minute in which tries count, so that it does not end during a test."""
    monkeypatch.setattr(operators, "TRIES_SECONDS", 10_000_000)


class Feed(Page):
    """A websocket of the feed, whose frames no document declares."""

    check = staticmethod(lambda frame: None)


@pytest.fixture
def feed(io_loop: Any, client: Client, settings: Settings) -> Iterator[Callable[[], Awaitable[Feed]]]:
    """Opens the feed with the client's cookie, as often as it is called. It is closed at the end."""
    opened: list[Feed] = []

    async def open_another() -> Feed:
        opened.append(Feed(await open_feed(client.http, settings)))
        return opened[-1]

    async def close() -> None:
        for each in opened:
            each.connection.close()
            await each.closed()

    yield open_another
    io_loop.run_sync(close)
