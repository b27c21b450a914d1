"""The operator's screen in a real browser: old data, lost connections, alarms, and how it looks."""

import re
import time
from contextlib import suppress
from datetime import datetime
from typing import Any

from playwright.sync_api import expect
from pymongo import MongoClient

from server.game.amounts import BEIJING
from server.store import DEFAULT_DATABASE
from server.store.alarms import new_alarm
from support.browser import DESK, PHONE, Person
from support.client import a_picture
from support.heartbeats import a_heartbeat, send_heartbeats
from support.screen import (
    ALARM_MS,
    GREY,
    STALE_MS,
    TOKEN,
    a_red_packet,
    chart,
    enter,
    is_readable,
    stopped,
)

# The bar's red on a light screen and on a dark one.
REDS = ("rgb(165, 29, 19)", "rgb(168, 40, 29)")

# Returns the text of each element, and over how many lines it goes.
LINES = """all => all.map(each => {
    const range = document.createRange();
    range.selectNodeContents(each);
    return [each.textContent, new Set([...range.getClientRects()].map(box => Math.round(box.top))).size];
})"""


def test_old_data_of_the_screen_and_of_a_page_is_grey_under_a_red_bar_until_the_server_answers_again(
    operator, running, publisher
):
    code = publisher.publish(a_picture(), cd=0)
    digger = Person.log_in(running.address, "阿强")
    screen = operator()
    page = operator()
    page.go(f"/ops#/task/{code}")
    depth = page.page.locator(".tasks .depth")
    for dug in ("0 / 100K", "1 / 100K"):
        expect(depth).to_have_text(dug)
        digger.post("/postTask", code=code)
    with stopped(running.children()["worker"]):
        for opened, shown in ((screen, ".screen"), (page, ".page-task")):
            expect(opened.page.locator("#alarms")).to_contain_text("没有新数据", timeout=STALE_MS)
            expect(opened.page.locator(".status")).to_have_text(re.compile(r"已停更 \d+ 秒"))
            assert opened.page.locator(shown).evaluate(GREY)
    expect(screen.page.locator("#alarms")).to_be_hidden()
    expect(screen.page.locator(".screen")).to_have_css("filter", "none")
    expect(page.page.locator(".status.fresh")).to_be_visible()
    expect(depth).to_have_text("2 / 100K")


def test_a_page_that_cannot_be_read_turns_grey_although_the_feed_lives(operator, publisher):
    code = publisher.publish(a_picture())
    opened = operator()
    opened.go(f"/ops#/search/{code}")
    expect(opened.page.locator(".tasks .depth")).to_have_text("0 / 100K")
    opened.page.route("**/ops/search", lambda route: route.abort())
    expect(opened.page.locator("#alarms")).to_contain_text("没有新数据", timeout=STALE_MS)
    expect(opened.page.get_by_role("alert").get_by_text("服务器没有响应")).to_be_visible()
    assert opened.page.locator(".page-list").evaluate(GREY)
    opened.page.unroute_all()
    expect(opened.page.locator(".status.fresh")).to_be_visible()
    opened.wrong.clear()  # Chromium logs the aborted requests


def test_a_new_page_has_the_focus_and_a_malformed_address_is_taken_literally(operator):
    opened = operator()
    opened.page.get_by_role("link", name="操作记录").click()
    expect(opened.page.locator("#page")).to_be_focused()
    opened.go("/ops#/search/%E0%A4%A")
    expect(opened.page.get_by_role("heading", name="搜索：\u2068%E0%A4%A\u2069")).to_be_visible()
    expect(opened.page.get_by_text("没有找到")).to_be_visible()
    expect(opened.page.locator("#page")).to_be_focused()


def test_a_selection_on_a_tasks_page_stays_while_it_is_read_again(operator, window, publisher):
    code = publisher.publish(a_picture())
    opened = operator()
    opened.go(f"/ops#/task/{code}")
    expect(opened.page.locator(".task .watching")).to_have_text("0 人在看")
    opened.page.wait_for_load_state("networkidle")
    opened.page.locator(".facts code").first.dblclick()
    assert opened.page.evaluate("String(getSelection())").strip() == code
    window(f"/#/task/{code}", viewport=PHONE).log_in("朵朵")
    # After the tests above, in which Redis was away, it takes processes some seconds to send their watchers
    # again.
    expect(opened.page.locator(".task .watching")).to_have_text("1 人在看", timeout=ALARM_MS)
    assert opened.page.evaluate("String(getSelection())").strip() == code


def test_a_store_that_does_not_answer_is_an_alarm(operator, running):
    opened = operator()
    expect(opened.page.locator(".tasks-panel .note")).to_have_text(re.compile("个在挖"))
    with stopped(running.children()["SecantusDB"]):
        expect(opened.page.locator(".tasks.stale")).to_be_visible(timeout=STALE_MS)
        expect(opened.page.locator(".tasks-panel .note")).to_have_text(re.compile(r"已停更 \d+ 秒"))
        expect(opened.page.locator(".status.fresh")).to_be_visible()  # the rest of the screen goes on
        expect(opened.page.locator("#alarms")).to_contain_text("MongoDB 没有响应", timeout=ALARM_MS)
        workers = opened.page.locator(".processes li:not([data-process=evening]) .state")
        expect(workers).to_have_text(["连不上 MongoDB"] * 2, timeout=ALARM_MS)
    expect(opened.page.locator("#alarms")).not_to_contain_text("MongoDB 没有响应", timeout=ALARM_MS)
    with stopped(running.children()["Valkey"]):
        expect(opened.page.locator("#alarms")).to_contain_text("Redis 没有响应", timeout=ALARM_MS)
        expect(workers).to_have_text([re.compile(r"\d+ 秒没有消息")] * 2, timeout=ALARM_MS)
    expect(opened.page.locator("#alarms")).not_to_contain_text("Redis 没有响应", timeout=ALARM_MS)
    expect(workers).to_have_text(["服务中"] * 2, timeout=ALARM_MS)


def test_each_alarm_stands_in_the_red_bar_with_what_it_says(operator, data_dir):
    said = {
        ("bill", "NOT_ENOUGH", "3"): "转账等你处理3 笔：运营账户余额不足",
        ("calls", "pay_transfer_make", "75"): "很多调用失败商家转账：一分钟内 75% 的调用没有结果",
        ("held", "", "2"): "有奖品等你处理2 个，见「暂扣奖品」",
        ("queue", "reports", "1"): "有内容等你处理1 份等了十多分钟",
        ("message", "47003", "4"): "微信不收通知消息4 条：模板的字段不对",
        ("message", "45047", "4"): "微信不收通知消息4 条：微信答 45047",
        ("disk", "", "1"): "磁盘快满了，不能发布和上传",
    }
    rows = [new_alarm(f"{kind}:{what}", kind, "", what, [value], 1) for kind, what, value in said]
    bar = operator().page.locator("#alarms")
    with MongoClient[dict[str, Any]]((data_dir / "secantusdb.uri").read_text()) as mongodb:
        alarms = mongodb[DEFAULT_DATABASE]["alarms"]
        alarms.update_one({"_id": "now"}, {"$set": {"rows": rows}}, upsert=True)
        for text in said.values():  # the leader may compare at any moment, and end what does not hold
            with suppress(AssertionError):
                expect(bar).to_contain_text(text, timeout=2 * ALARM_MS)
                continue
            alarms.update_one({"_id": "now"}, {"$set": {"rows": rows}}, upsert=True)
            expect(bar).to_contain_text(text)
        assert bar.evaluate("bar => getComputedStyle(bar).backgroundColor") in REDS
        alarms.update_one({"_id": "now"}, {"$set": {"rows": []}})
    expect(bar).to_be_hidden(timeout=ALARM_MS)


def test_replaced_workers_are_told_above_the_processes(operator, data_dir):
    opened = operator()
    note = opened.page.locator(".processes-panel .note")
    expect(note).to_have_text("")
    at = int(time.time())
    hung = [a_heartbeat("hung", at - ago, **{"replaced.hung": number}) for ago, number in ((100, 1), (3, 2))]
    send_heartbeats(data_dir, hung)
    opened = operator(viewport=PHONE)
    told = f"{datetime.fromtimestamp(at - 3, BEIJING):%H:%M:%S}"
    note = opened.page.locator(".processes-panel .note")
    expect(note).to_have_text(f"15 分钟内 3 个中途结束后重启，最近一次 {told}")
    is_readable(opened)


def test_an_english_browser_gets_an_english_screen(window):
    opened = window(locale="en-GB")
    expect(opened.page.get_by_role("heading", name="Operator login")).to_be_visible()
    enter(opened, "Ann", TOKEN)
    expect(opened.page.locator(".status.fresh")).to_have_text("Live")
    expect(opened.page.get_by_role("heading", name="Tasks that matter now")).to_be_visible()
    assert opened.page.locator("html").get_attribute("lang") == "en"
    assert not re.search("[一-鿿]", chart(opened, "closes").inner_text())


def test_charts_leave_no_hole_and_no_name_or_button_is_broken(operator, running, publisher):
    code, _ = a_red_packet(publisher, running.address)
    opened = operator(viewport=DESK)
    page = opened.page
    expect(page.locator(".chart").last).to_be_attached()
    tops: list[int] = page.locator(".chart").evaluate_all("all => all.map(each => each.offsetTop)")
    assert {tops.count(top) for top in tops} == {4}
    opened.go(f"/ops#/task/{code}")
    for width in (360, 1000):
        page.set_viewport_size({"width": width, "height": 760})
        expect(page.locator(".digs button").first).to_be_visible()
        broken = page.locator(".digs .name, .acts .name, .acts button").evaluate_all(LINES)
        assert [lines for lines in broken if lines[1] != 1] == [], width
        assert opened.overflow() <= 0
    brand = page.locator(".brand").bounding_box()
    search = page.locator(".search").bounding_box()
    assert brand is not None
    assert search is not None
    assert search["y"] < brand["y"] + brand["height"]
