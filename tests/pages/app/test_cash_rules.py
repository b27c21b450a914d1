"""Rules for red packets that their publisher reads in the form, and before paying."""

import pytest
from playwright.sync_api import expect

from support.browser import PHONE, show_all_fields
from support.servers import Running


@pytest.fixture(scope="module")
def address(strict: Running) -> str:
    return strict.address


def test_the_form_and_the_payment_say_the_rules(window):
    opened = window("小明", "/#/publish", viewport=PHONE)
    page = opened.page
    show_all_fields(page)
    page.get_by_label("奖品数量").fill("3")
    page.get_by_label("预计挖多少锹").fill("30")
    page.get_by_label("物品名").fill("三个红包")
    rules = "不公开的红包，一天发出的钱最多 200 元"
    expect(page.get_by_text(rules)).to_be_hidden()
    page.get_by_role("radio", name="现金红包").check()
    page.get_by_label("每个红包多少元").fill("1")
    expect(page.get_by_text(rules)).to_be_visible()
    assert opened.overflow() <= 0
    for label, wrong, said in (
        ("每锹之后冷却几秒", "2", "应为 3 到 3600 的整数"),
        ("上下浮动多少层", "9", "应为 0 到 8 的整数"),
    ):
        page.get_by_label(label).fill(wrong)
        page.get_by_role("button", name="埋下宝贝").click()
        expect(page.get_by_text(said)).to_be_visible()
        page.get_by_label(label).fill("")
    page.get_by_role("button", name="埋下宝贝").click()
    expect(page.get_by_role("heading", name="支付后开挖")).to_be_visible()
    expect(page.get_by_text("刚来的人，一天领到的钱最多 100 元")).to_be_visible()
    expect(page.get_by_text("不能用信用卡付")).to_be_visible()
    assert opened.overflow() <= 0
