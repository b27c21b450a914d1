"""The browser of the tests of pages."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from support.browser import a_browser


@pytest.fixture(scope="session")
def _chromium() -> Iterator[tuple[Browser, asyncio.AbstractEventLoop]]:
    """One browser for the whole run, and Playwright's loop: a start of both takes 0.7 s of CPU time."""
    with a_browser() as opened:
        loop = asyncio.get_running_loop()
        yield opened, loop
        asyncio._set_running_loop(loop)


@pytest.fixture(scope="module")
def browser(_chromium: tuple[Browser, asyncio.AbstractEventLoop]) -> Iterator[Browser]:
    """The browser, for the tests of a file.

    Playwright's loop counts as running while no call of it does. Other files run loops of their own.
    """
    opened, loop = _chromium
    asyncio._set_running_loop(loop)
    yield opened
    asyncio._set_running_loop(None)
