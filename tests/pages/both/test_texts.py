"""Agreement, privacy policy, contact and rules in both clients: readable without a login, never as markup."""

import pytest
from playwright.sync_api import expect

from support.browser import PHONE
from support.client import a_picture
from support.phone import a_phone


def test_the_texts_are_read_before_a_login_and_markup_in_them_is_text(window, markup):
    opened = window(None, "/", viewport=PHONE)
    page = opened.page
    for link, said in (("用户协议", markup), ("隐私政策", "第一条"), ("联系客服", "微信 wabao-help")):
        page.get_by_role("button", name=link).click()
        expect(page.get_by_role("dialog", name=link)).to_contain_text(said)
        assert opened.overflow() <= 0
        page.get_by_role("button", name="关闭").click()
    assert page.locator("#forged").count() == 0
    assert page.title() != "坏"


def test_what_goods_are_worth_may_be_left_out_and_is_not_asked_of_red_packets(window):
    page = window("小红", "/#/publish").page
    page.get_by_role("radio", name="更多").check()
    worth = page.get_by_role("spinbutton", name="每份值多少元")
    expect(worth).to_be_visible()
    assert worth.evaluate("input => input.validity.valid")
    worth.fill("50001")
    assert not worth.evaluate("input => input.validity.valid")
    tax = page.get_by_text("由你这个主办者代扣代缴")
    for yuan, told in (("800", 0), ("801", 1)):
        worth.fill(yuan)
        expect(tax).to_have_count(told)
    page.get_by_role("radio", name="现金红包").check()
    expect(worth).to_be_hidden()
    expect(tax).to_have_count(0)
    page.get_by_role("radio", name="几种").check()
    worth.first.fill("2999")
    expect(tax).to_contain_text("一份值 2999 元")


@pytest.mark.usefixtures("phones")
def test_the_texts_and_a_treasures_rules_are_read_in_the_mini_program_as_they_are(address, publisher, markup):
    with a_phone(address, "小红") as phone:
        phone.open("/pages/mine/mine")
        phone.shows("用户协议隐私政策", "联系客服")
        phone.press("用户协议")
        assert phone.until("entitled")["title"] == "用户协议"
        phone.shows("我们的协议", markup)
        phone.open("/pages/texts/texts?which=privacy")
        phone.shows("我们的隐私政策", "用户隐私保护指引")
        phone.tap(".guide")
        phone.until("guide")
        code = publisher.publish(a_picture(), name="一只猫", prize_num=1)
        phone.open(f"/pages/treasure/treasure?code={code}")
        phone.shows("活动规则")
        phone.tap(".rules")
        phone.shows("主办者", "发布者“小明”", "微信 wabao-help", "1 份，每人最多得一份", "18 周岁")
