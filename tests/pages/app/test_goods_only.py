"""The page where there are no red packets: it names none."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from support.browser import PHONE, a_server, needs_chromium

pytestmark = needs_chromium


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server for goods only."""
    with a_server(tmp_path_factory.mktemp("goods"), RED_PACKETS="0") as running:
        yield running.address


def test_where_there_are_goods_only_no_page_names_red_packets(window, address):
    opened = window("小明", "/#/publish", viewport=PHONE)
    page = opened.page
    page.get_by_label("物品名").fill("一只熊猫")
    expect(page.get_by_role("group", name="怎么给")).to_be_visible()
    expect(page.get_by_text("最深 20 层")).to_be_visible()
    expect(page.get_by_role("group", name="埋什么").get_by_role("radio")).to_have_count(2)
    expect(page.get_by_text("红包").locator("visible=true")).to_have_count(0)
    assert opened.overflow() <= 0
    page.goto(f"{address}/#/")
    expect(page.get_by_text("邮寄", exact=True)).to_be_visible()
    expect(page.get_by_text("红包")).to_have_count(0)
    assert opened.overflow() <= 0
