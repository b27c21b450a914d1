"""The pages of winner and publisher after a win, the search for treasures, and the list of diggers."""

import re
import time
from typing import Any

import pytest
from playwright.sync_api import expect

from support.browser import PHONE, Person, Window, come_in, run_until, write_record
from support.client import a_picture
from support.login import log_in

ADDRESS = {"receiver": "王朵朵", "phone": "13800000001", "address": "深圳市南山区高新南一道 1 号"}


def fits(window: Window) -> None:
    assert window.overflow() <= 0


@pytest.fixture
def mailed(address: str, publisher: Person) -> dict[str, Any]:
    """Goods that 朵朵 won, with her address."""
    code = publisher.publish(a_picture(), name="三只银镯", forecast_num=1)
    winner = Person.log_in(address, "朵朵")
    winner.post("/postTask", code=code)
    winner.claim(code, **ADDRESS)
    return {"code": code, "winner": winner}


def test_text_typed_about_a_parcel_stays_when_the_page_is_renewed(window, mailed):
    page = window("小明").page
    page.goto(page.url.partition("#")[0] + f"#/winners/{mailed['code']}")
    number = page.get_by_label("运单号")
    number.fill("SF1234")
    with page.expect_response("**/getWinners*"):
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(number).to_have_value("SF1234")


def test_a_treasure_that_ends_before_its_cooldown_counts_down_to_its_end(window, address, publisher, shared):
    code = publisher.publish(a_picture(), name="一只银盘", cd=3600)
    Person.log_in(address, "朵朵").post("/postTask", code=code)
    write_record(shared.data_dir, "tasks", code, expires_at=int(time.time() * 1000) + 7000)
    button = window("阿强", f"/#/task/{code}").page.locator("button.dig")
    expect(button).to_contain_text(re.compile("后截止|已结束"))
    expect(button).to_contain_text("已结束")


def test_a_winner_who_comes_to_claim_finds_the_form_first(window, address, publisher):
    code = publisher.publish(a_picture(), name="一只银碗", forecast_num=1)
    winner = Person.log_in(address, "小满")
    winner.post("/postTask", code=code)
    page = window("小满", "/#/mine", viewport=PHONE).page
    page.locator(".waiting").get_by_role("link", name="去领奖").click()
    expect(page.get_by_label("收货人")).to_be_in_viewport()
    wrong = {"收货人": "小满", "电话": "12345", "详细地址": "北京"}
    right = {"电话": "+852 2345 6789", "详细地址": "香港九龙弥敦道 100 号"}
    for label, text in wrong.items():
        page.get_by_label(label).fill(text)
    for label, text in right.items():
        field = page.get_by_label(label)
        page.get_by_role("button", name="提交地址").click()
        expect(field).to_be_focused()
        expect(page.locator(".field", has=field).get_by_role("alert")).to_contain_text(f"“{label}”请")
        expect(page.get_by_role("alert").filter(visible=True)).to_have_count(1)
        field.fill(text)
        expect(page.get_by_text(f"“{label}”请")).to_have_count(0)
    page.get_by_role("button", name="提交地址").click()
    expect(page.locator(".claim")).to_contain_text("香港九龙弥敦道 100 号")


def test_the_shaft_of_an_ended_treasure_makes_room_for_what_came_of_it(window, mailed):
    page = window("阿强", f"/#/task/{mailed['code']}", viewport=PHONE).page
    expect(page.locator(".ending")).to_be_in_viewport(ratio=1)
    expect(page.get_by_role("link", name="这次的故事")).to_be_in_viewport(ratio=1)


@pytest.fixture
def unnamed(address: str) -> dict[str, Any]:
    """Somebody who logged in with only a code, and so has no name."""
    return log_in(address, "无名", ("code",))


def test_somebody_without_a_name_is_asked_for_one_where_others_will_see_it(window, publisher, unnamed):
    code = publisher.publish(a_picture(), name="无名者的猫", forecast_num=1)
    page = come_in(window, unnamed).page
    root = page.url.partition("#")[0]
    page.goto(root + "#/publish")
    expect(page.locator(".unnamed")).to_contain_text(re.compile(r"你是：.+的.+ \d\d"))
    page.get_by_label("祝福语").fill("打好的字")
    page.get_by_role("button", name="起个名字").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_label("名字")).to_have_value("")
    dialog.get_by_role("button", name="关闭").click()
    page.goto(root + f"#/task/{code}")
    page.get_by_role("button", name="挖一锹").click()
    page.get_by_role("button", name="去领取").click()
    expect(page.locator("#claim > section")).to_be_focused()  # so the dialog's place in the history is gone
    expect(page.locator(".claim .unnamed")).to_be_visible()
    page.goto(root + "#/publish")
    page.get_by_label("祝福语").fill("打好的字")
    page.get_by_role("button", name="起个名字").click()
    dialog.get_by_label("名字").fill("有名")
    dialog.locator("input[type=file]").set_input_files(
        {"name": "a.jpg", "mimeType": "image/jpeg", "buffer": a_picture()}
    )
    expect(dialog.get_by_text("图片已上传")).to_be_visible()
    dialog.get_by_role("button", name="保存").click()
    expect(page.locator(".unnamed")).to_be_hidden()
    expect(page.get_by_label("祝福语")).to_have_value("打好的字")


def test_a_win_of_somebody_without_a_name_can_be_claimed_on_a_page_just_opened(window, publisher, unnamed):
    code = publisher.publish(a_picture(), forecast_num=1)
    opened = come_in(window, unnamed)
    opened.go(f"/#/task/{code}")
    expect(opened.page.locator(".watchers")).to_be_visible()
    Person(publisher.address, unnamed["unionid"], unnamed["token"]).post("/postTask", code=code)
    expect(opened.page.locator("#claim > section")).to_be_visible()


def test_a_publisher_watches_the_shaft_and_unfolds_the_numbers(window, address, publisher):
    code = publisher.publish(a_picture(), name="有账的猫", forecast_num=90_000)
    opened = window("小明", viewport=PHONE)
    opened.go(f"/#/task/{code}")
    statement = opened.page.locator(".statement")
    expect(opened.page.locator(".shaft")).to_be_visible()
    statement.locator("summary").click()
    first, second = (Person.log_in(address, name) for name in ("阿强", "老王"))
    share = first.get("/getTaskDetails", code=code)["share"]
    second.get("/getTaskDetails", code=share)
    for digger in (first, second, first):
        digger.post("/postTask", code=code)
    expect(statement.locator("dl > div", has_text="挖到第")).to_contain_text("3层")
    expect(statement.locator("dl > div", has_text="挖的人")).to_contain_text("2")
    # The page reads the other numbers at most every 5 s.
    expect(statement.locator("dl > div", has_text="被分享带来")).to_contain_text("1", timeout=15_000)
    fits(opened)
    visitor = window("朵朵", viewport=PHONE)
    visitor.go(f"/#/task/{code}")
    expect(visitor.page.locator(".shaft")).to_be_visible()
    expect(visitor.page.locator(".statement")).to_be_hidden()


def test_what_the_square_was_narrowed_to_is_kept_for_the_way_back(window, publisher):
    mark = "窄"
    publisher.publish(a_picture(), name=f"{mark}红茶")
    wine = publisher.publish(a_picture(), name=f"{mark}红酒", draw_type=1)
    opened = window("朵朵", viewport=PHONE)
    page = opened.page
    cards = opened.page.locator("[aria-label=正在进行] li")
    expect(page.locator(f"[data-code='{wine}']")).to_be_visible()
    page.get_by_label("搜宝贝或发布者").fill(f"{mark}红")
    expect(cards).to_have_count(2)
    page.get_by_label("现场领", exact=True).check()
    expect(cards).to_have_count(1)
    fits(opened)
    page.locator(f"[data-code='{wine}'] a.card").click()
    page.get_by_role("link", name="广场").first.click()
    expect(page.get_by_label("搜宝贝或发布者")).to_have_value(f"{mark}红")
    expect(cards).to_have_count(1)


def test_the_list_of_digs_unfolds_grows_and_goes_back(window, address, publisher):
    code = publisher.publish(a_picture(), name="人人挖的猫", forecast_num=100_000)
    diggers = [Person.log_in(address, name) for name in ("阿强", "老王")]
    for number in range(60):
        diggers[number % 2].post("/postTask", code=code)
    opened = window("小明")
    opened.go(f"/#/task/{code}")
    page = opened.page
    rows = page.locator(".digs li")
    expect(rows).to_have_count(0)
    page.locator("summary", has_text="谁挖了哪一层").click()
    expect(rows).to_have_count(50)
    expect(rows.first).to_contain_text("第 60 层")
    diggers[0].post("/postTask", code=code)
    expect(rows.first).to_contain_text("第 61 层")
    expect(rows.first).to_contain_text("阿强")
    page.get_by_role("button", name="更早的").click()
    expect(rows).to_have_count(61)
    expect(rows.last).to_contain_text("第 1 层")
    expect(page.get_by_role("button", name="更早的")).to_be_hidden()
    fits(opened)


def test_the_tab_of_the_square_reads_it_anew_from_its_top(window, publisher):
    for number in range(6):
        publisher.publish(a_picture(), name=f"第 {number} 只猫")
    opened = window("回到顶上的人", "/#/", viewport={"width": 360, "height": 480})
    page = opened.page
    expect(page.locator("a.card").nth(1)).to_be_visible()
    page.locator("a.card").last.scroll_into_view_if_needed()
    run_until(page, lambda: page.evaluate("scrollY > 100"))
    with page.expect_response("**/getTaskList*"):
        page.locator("#nav").get_by_role("link", name="广场").click()
    run_until(page, lambda: page.evaluate("scrollY === 0"))


def test_on_a_narrow_phone_the_share_sheet_and_the_line_about_the_publisher_are_whole(window, publisher):
    code = publisher.publish(a_picture(), name="一箱橙子", forecast_num=90)
    page = window("阿强", f"/#/task/{code}", digs=False, viewport=PHONE).page
    line = page.locator(".publisher > span:last-child")
    expect(line).to_contain_text("免费挖")
    assert line.evaluate("each => each.offsetHeight") < 30  # one line
    page.get_by_role("button", name="分享", exact=True).click()
    page.locator(".poster img").wait_for()
    assert page.locator("dialog[open]").evaluate("each => each.scrollHeight - each.clientHeight") <= 0
