"""The client in a real browser: the form to publish, the values that it keeps, and its error messages."""

import random
from datetime import datetime, timedelta

import pytest
from playwright.sync_api import Locator, expect

from server.game.amounts import BEIJING
from support.browser import PHONE, Person, choose_picture, run_until, show_all_fields
from support.client import a_picture

SEVERAL = "每隔多少层一份奖品"


def test_a_filled_in_form_is_there_again_until_it_is_published(window):
    page = window("念旧的人", "/#/publish").page
    show_all_fields(page)
    choose_picture(page)
    page.get_by_label("物品名").fill("留得住的猫")
    page.get_by_label("奖品数量").fill("3")
    page.get_by_label(SEVERAL).fill("7")
    page.get_by_role("radio", name="现场领取").check()
    page.get_by_role("link", name="广场").click()
    expect(page.get_by_role("heading", name="广场")).to_be_attached()
    page.go_back()
    for _ in ("after going back", "after a reload"):
        expect(page.get_by_label("物品名")).to_have_value("留得住的猫")
        expect(page.get_by_label(SEVERAL)).to_have_value("7")
        expect(page.get_by_role("radio", name="现场领取")).to_be_checked()
        expect(page.locator(".preview img")).to_be_visible()
        page.reload()
    page.get_by_role("button", name="埋下宝贝").click()
    expect(page.get_by_role("heading", name="留得住的猫")).to_be_visible()
    page.go_back()
    page.get_by_role("radio", name="更多").check()
    expect(page.get_by_label("物品名")).to_have_value("")


def test_a_limit_is_spoken_of_only_where_it_is_set_and_a_picture_is_offered_until_one_is_chosen(window):
    page = window("埋宝人", "/#/publish").page
    page.get_by_role("radio", name="更多").check()
    page.get_by_role("radio", name="现金红包").check()
    expect(page.get_by_text("用零钱或储蓄卡付")).to_be_visible()
    expect(page.get_by_text("每天的限额")).to_have_count(0)
    offered = page.get_by_text("就用画好的红包图")
    expect(offered).to_be_visible()
    choose_picture(page)
    expect(offered).to_be_hidden()


def test_a_treasure_is_announced_for_a_time_in_beijing_also_from_elsewhere(window):
    page = window("卖预告的人", "/#/publish", timezone_id="Europe/Berlin").page
    elsewhere = "北京时间（你那里"
    page.get_by_role("radio", name="更多").check()
    choose_picture(page)
    page.get_by_label("物品名").fill("八点的猫")
    now = datetime.now(BEIJING)
    starts = now + timedelta(days=2)
    page.get_by_label("什么时候开挖").fill(f"{now - timedelta(days=1):%Y-%m-%dT%H:%M}")
    page.get_by_role("button", name="埋下宝贝").click()
    _is_blamed(page.get_by_label("什么时候开挖"), "“什么时候开挖”应在现在之后、30 天之内")
    page.get_by_label("什么时候开挖").fill(f"{starts:%Y-%m-%dT20:00}")
    page.get_by_label("什么时候结束").fill(f"{starts:%Y-%m-%dT21:00}")
    day = f"{starts.month}月{starts.day}日"
    said = page.get_by_text(f"时间按北京时间填；{day} 20:00 {elsewhere}")
    expect(said).to_contain_text(f"；{day} 21:00 {elsewhere}")
    page.get_by_role("button", name="埋下宝贝").click()
    expect(page.locator(".fact").last).to_contain_text(f"{day} 20:00 {elsewhere}")
    expect(page.locator(".heading .publisher")).to_contain_text(f"埋下，{day} 21:00 {elsewhere}")
    page.get_by_role("link", name="改文字和图片").click()
    expect(said).to_be_visible()
    page.get_by_label("什么时候开挖").fill(f"{starts:%Y-%m-%dT20:57}")
    page.get_by_role("button", name="改好了").click()
    _is_blamed(page.get_by_label("什么时候开挖"), "这样开挖太晚了，到结束时挖不完")
    page.get_by_label("什么时候开挖").fill(f"{starts:%Y-%m-%dT20:30}")
    page.get_by_role("button", name="改好了").click()
    expect(page.locator(".fact").last).to_contain_text(f"{day} 20:30 {elsewhere}")


def test_one_persons_draft_is_not_shown_to_another(window):
    opened = window("念旧的人", "/#/publish")
    opened.page.get_by_role("radio", name="更多").check()
    opened.page.get_by_label("物品名").fill("私房猫")
    opened.page.get_by_role("link", name="我的").click()
    opened.log_out()
    opened.log_in("别人")
    opened.page.get_by_role("link", name="发布", exact=True).click()
    opened.page.get_by_role("radio", name="更多").check()
    expect(opened.page.get_by_label("物品名")).to_have_value("")


def test_the_first_problem_is_said_beneath_its_field_which_has_the_focus(window):
    page = window("小明", "/#/publish", viewport=PHONE).page
    submit = page.get_by_role("button", name="埋下宝贝")
    show_all_fields(page)
    submit.click()
    _is_blamed(page.locator("#picture"), "请先选一张图片")
    choose_picture(page)
    submit.click()
    _is_blamed(page.get_by_label("物品名"), "请填写“物品名”")
    page.get_by_label("物品名").fill("  ")  # only the server notices that this is no name
    page.get_by_label("预计挖多少锹").fill("0")
    submit.click()
    _is_blamed(page.get_by_label("预计挖多少锹"), "“预计挖多少锹”应为 1 到 1000000 的整数")
    page.get_by_label("预计挖多少锹").fill("20")
    expect(page.get_by_text("应为 1 到 1000000 的整数")).to_have_count(0)
    submit.click()
    _is_blamed(page.get_by_label("物品名"), "“物品名”应为 1 到 50 个字")


def _is_blamed(field: Locator, text: str) -> None:
    expect(field).to_be_focused()
    expect(field).to_have_attribute("aria-invalid", "true")
    beneath = field.locator("xpath=ancestor::*[contains(@class, 'field')][1]").locator(".problem")
    expect(beneath).to_have_text(text)
    expect(beneath).to_be_in_viewport()


def test_in_the_sandbox_a_publisher_plays_a_friend_whom_nobody_else_can_be(window, publisher):
    user = f"大方{random.randrange(10**9)}"
    code = Person.log_in(publisher.address, user).publish(a_picture(), name="给朋友的猫", is_public=0)
    opened = window()
    opened.log_in(user)
    opened.go(f"/#/task/{code}")
    page = opened.page
    expect(page.get_by_text("没有别人拿得到链接：点“分享给朋友”")).to_be_visible()
    page.get_by_role("button", name="分享给朋友").click()
    with opened.context.expect_page() as friends:
        page.get_by_role("link", name="在新窗口里扮演一个朋友").click()
    friend = friends.value
    expect(friend.get_by_role("heading", name="给朋友的猫")).to_be_visible()
    expect(friend.get_by_role("button", name="挖一锹")).to_be_enabled()
    expect(friend.get_by_text("我发布的")).to_have_count(0)


@pytest.mark.parametrize(
    ("user", "words", "allowed", "said"),
    [
        ("小明", "来挖我埋的宝：发给朋友的猫 http://", True, "已复制"),
        ("分享的人", "来挖「发给朋友的猫」 http://", False, "已选中，长按复制"),
    ],
)
def test_who_copies_a_link_has_words_with_it_and_the_poster_moves_nothing(
    window, publisher, user, words, allowed, said
):
    code = publisher.publish(a_picture(), name="发给朋友的猫")
    opened = window(user, f"/#/task/{code}", digs=False, viewport={"width": 360, "height": 780})
    page = opened.page
    answer = "resolve()" if allowed else "reject(new DOMException('no', 'NotAllowedError'))"
    copy_to = f"(text) => {{ window.copied = text; return Promise.{answer}; }}"
    page.evaluate(f"() => {{ navigator.clipboard.writeText = {copy_to}; }}")
    drawn = []
    page.route("**/getSharePic", lambda route: drawn.append(route))
    page.get_by_role("button", name="分享", exact=True).click()
    copy = page.get_by_role("button", name="复制")
    expect(page.get_by_text("正在画海报")).to_be_visible()
    copy.click()
    expect(page.get_by_role("dialog").get_by_text(said)).to_be_visible()
    assert page.evaluate("copied").startswith(words)
    before = copy.bounding_box()
    run_until(page, lambda: bool(drawn))
    drawn[0].continue_()
    expect(page.locator(".poster img")).to_be_visible()
    assert copy.bounding_box() == before
