"""Both clients, on a server for goods only: no text mentions red packets."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from support.browser import PHONE
from support.phone import a_phone
from support.servers import a_server


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server for goods only."""
    with a_server(tmp_path_factory.mktemp("goods"), CASH="0") as running:
        yield running.address


def test_where_there_are_goods_only_no_page_names_red_packets(window, address):
    opened = window("小明", "/#/publish", viewport=PHONE)
    page = opened.page
    page.get_by_label("物品名").fill("一只熊猫")
    expect(page.get_by_role("group", name="怎么给")).to_be_visible()
    expect(page.get_by_role("group", name="选一种埋法").get_by_role("radio")).to_have_count(2)
    page.get_by_role("radio", name="更多").check()
    expect(page.get_by_role("group", name="埋什么").get_by_role("radio")).to_have_count(2)
    expect(page.get_by_text("红包").locator("visible=true")).to_have_count(0)
    assert opened.overflow() <= 0
    page.goto(f"{address}/#/")
    expect(page.get_by_text("邮寄", exact=True)).to_be_visible()
    page.get_by_role("radio", name="预告").check()
    expect(page.get_by_text("这一类现在没有宝贝")).to_be_visible()
    expect(page.get_by_text("红包")).to_have_count(0)
    assert opened.overflow() <= 0


@pytest.mark.usefixtures("phones")
def test_where_there_are_goods_only_no_red_packet_can_be_chosen(address):
    with a_phone(address, "老王") as phone:
        phone.open("/pages/publish/publish")
        phone.until("answered", lambda told: told["path"] == "/getMyInfo")
        phone.press("更多")
        phone.shows("奖品：实物，现场领取")
        phone.fire(".kind", "change", value="1")
        phone.shows("奖品：实物，邮寄", "选一张图片")
        phone.fire(".worth", "input", value="801")
        phone.shows("由你这个主办者代扣代缴")
        phone.fire(".kind", "change", value="2")
        assert "红包" not in phone.shows("奖品：几种奖品", "再加一种")
        phone.open("/pages/square/square")
        phone.press("预告")
        phone.shows("这一类现在没有宝贝")
