"""A square without treasures says what to do about it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from support.browser import a_server, needs_chromium
from support.screen import is_readable

pytestmark = needs_chromium


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server that nobody has used."""
    with a_server(tmp_path_factory.mktemp("empty")) as running:
        yield running.address


def test_an_empty_square_says_where_to_publish_and_how_to_start_a_crowd(window):
    opened = window("小红", color_scheme="dark")
    page = opened.page
    expect(page.get_by_text("python -m server crowd")).to_be_visible()
    is_readable(opened)
    page.locator("main").get_by_role("link", name="埋一个").click()
    expect(page.get_by_label("物品名")).to_be_visible()
