"""A square without treasures says what to do about it."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from support.browser import CONTRASTS, DESK, PHONE, needs_chromium

pytestmark = needs_chromium


@pytest.mark.parametrize(("size", "scheme"), [(PHONE, "dark"), (DESK, "light")], ids=["phone", "desk"])
def test_an_empty_square_says_where_to_publish_and_how_to_start_a_crowd(window, size, scheme):
    opened = window("小红", viewport=size, color_scheme=scheme)
    page = opened.page
    expect(page.get_by_text("python -m server crowd")).to_be_visible()
    assert opened.overflow() <= 0
    assert page.evaluate(CONTRASTS.read_text(encoding="utf-8")) == []
    page.locator("main").get_by_role("link", name="埋一个").click()
    expect(page.get_by_label("物品名")).to_be_visible()
