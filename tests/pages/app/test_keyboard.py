"""The game by keyboard alone, by the roles and names that a screen reader reads."""

import re
from typing import Any

from playwright.sync_api import Locator, Page, expect

from support.browser import Person

ADDRESS = {"receiver": "王强", "phone": "13800000001", "address": "深圳市南山区科技路 1 号"}
MOST_TABS = 90


def reach(page: Page, role: Any, name: str | re.Pattern[str]) -> Locator:
    """Press Tab until the element with this role and name has the focus; return the element."""
    wanted = page.get_by_role(role, name=name, exact=True).first
    wanted.wait_for()
    for _ in range(MOST_TABS):
        page.keyboard.press("Tab")
        if wanted.evaluate("each => each === document.activeElement"):
            return wanted
    raise AssertionError(f"Tab does not come to {role} {name}")


def enter(page: Page, role: Any, name: str | re.Pattern[str]) -> None:
    """Go to an element and press Enter."""
    reach(page, role, name)
    page.keyboard.press("Enter")


def write(page: Page, name: str, text: str) -> None:
    """Go to a field and replace its text."""
    reach(page, "textbox", name)
    page.keyboard.press("Control+A")
    page.keyboard.insert_text(text)


def test_a_player_digs_wins_cheers_follows_and_claims_by_keyboard(window, publisher):
    code = publisher.publish(name="一盏铜灯", forecast_num=1)
    page = window(None, f"/#/task/{code}").page
    page.get_by_role("button", name="阿强").wait_for()  # keys are lost before the first paint
    page.keyboard.press("Tab")
    expect(page.locator(".skip")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
    write(page, "你是谁", "阿键")
    page.keyboard.press("Enter")
    enter(page, "button", "挖一锹")
    expect(page.get_by_role("button", name="去领取")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#claim > section")).to_be_focused()
    enter(page, "button", "到期前提醒我")
    enter(page, "button", "允许")
    expect(page.get_by_role("region", name="提醒")).to_contain_text("会在微信里提醒你领奖")
    for label, text in zip(("收货人", "电话", "详细地址"), ADDRESS.values(), strict=True):
        write(page, label, text)
    enter(page, "button", "提交地址")
    expect(page.locator("#claim")).to_contain_text("地址已交给发布者")
    enter(page, "button", "祝你好运")
    expect(page.locator("#claim")).to_contain_text("谢意送到了")
    enter(page, "button", "好运")
    expect(page.get_by_role("group", name="喝彩").get_by_role("status")).to_have_text("你送出了“好运”")
    page.wait_for_function("() => document.querySelector('.cheers b:not(:empty)')?.textContent === '1'")
    enter(page, "link", "小明")
    expect(page.get_by_role("heading", name="小明")).to_be_visible()
    enter(page, "button", "关注")
    expect(page.get_by_role("button", name="取消关注")).to_be_focused()
    publisher.post("/shipPrize", code=code, depth=1, carrier="中通", number="ZT12345678")
    page.reload()
    enter(page, "link", re.compile(r"^我的\s*，1 件事等你来做$"))
    enter(page, "link", "确认收到")
    enter(page, "button", "确认收到")
    expect(page.locator("#claim")).to_contain_text("已经收到")
    enter(page, "link", "我的")
    enter(page, "link", "足迹")
    expect(page.get_by_role("status").filter(has_text="按概率应该挖到 1 次，实际挖到 1 次")).to_be_visible()


def test_a_publisher_hands_in_a_table_and_fills_in_kinds_by_keyboard(window, publisher):
    code = publisher.publish(name="一把铜壶", prize_num=5, interval=1, fluctuation=0)
    page = window("小明", f"/#/task/{code}").page
    winner = Person.log_in(publisher.address, "阿表")
    winner.post("/postTask", code=code)
    winner.claim(code, **ADDRESS)
    enter(page, "link", "中奖者和发奖")
    expect(page.get_by_role("heading", name="中奖者和发奖", level=1)).to_be_focused()
    expect(page.locator(".winners")).to_contain_text(ADDRESS["address"])  # now the focus is on the new page
    chooser = reach(page, "button", "上传填好快递的表格（CSV）")  # Enter opens the browser's file dialog
    table = "深度,中奖者,快递公司,运单号\n1,阿表,中通,ZT12345679\n7,阿表,中通,ZT87654321\n"
    chooser.set_input_files({"name": "a.csv", "mimeType": "text/csv", "buffer": table.encode()})
    said = page.get_by_role("status").filter(has_text="记下了 1 行")
    expect(said).to_contain_text("第 3 行：这一层没有人中奖，可能是别的宝贝的表格")
    enter(page, "link", "再埋一个")
    reach(page, "radio", "实物")
    page.keyboard.press("ArrowLeft")
    expect(page.get_by_role("radio", name="几种、拼手气")).to_be_checked()
    enter(page, "button", "再加一种")
    third = page.get_by_role("group", name="第 3 种")
    expect(third.get_by_label("名称")).to_be_focused()
    page.keyboard.insert_text("三等奖")
    page.keyboard.press("Tab")
    expect(third.get_by_role("combobox", name="是什么")).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(third.get_by_label("每个多少元")).to_be_visible()
    drop = third.get_by_role("button", name="去掉这一种")
    drop.dispatch_event("click", {"detail": 2})  # a double click elsewhere, after which the page scrolled
    drop.focus()
    page.keyboard.press("Enter")
    expect(third).to_have_count(0)
    expect(page.get_by_role("button", name="再加一种")).to_be_focused()
