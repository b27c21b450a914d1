"""The operator's screen in a real browser: old data, lost connections, alarms, and how it looks."""

import re
from contextlib import suppress
from typing import Any

from playwright.sync_api import expect
from pymongo import MongoClient

from server.store import DEFAULT_DATABASE
from server.store.alarms import new_alarm
from support.browser import Person
from support.screen import ALARM_MS, GREY, STALE_MS
from support.servers import stopped

# The bar's red on a light screen and on a dark one.
REDS = ("rgb(165, 29, 19)", "rgb(168, 40, 29)")


def test_old_data_is_grey_under_a_red_bar_until_the_server_answers_again(operator, running, publisher):
    code = publisher.publish(cd=0)
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
    expect(screen.page.locator("#alarms")).not_to_contain_text("没有新数据")
    expect(screen.page.locator(".screen")).to_have_css("filter", "none")
    expect(page.page.locator(".status.fresh")).to_be_visible()
    expect(depth).to_have_text("2 / 100K")
    # A page that cannot be read turns grey although the feed lives; what one selected stays selected.
    page.page.locator(".facts code").first.dblclick()
    page.page.route("**/ops/task**", lambda route: route.abort())
    expect(page.page.locator("#alarms")).to_contain_text("没有新数据", timeout=STALE_MS)
    assert page.page.locator(".page-task").evaluate(GREY)
    page.page.unroute_all()
    digger.post("/postTask", code=code)
    expect(depth).to_have_text("3 / 100K")
    assert page.page.evaluate("String(getSelection())").strip() == code
    page.wrong.clear()  # Chromium logs the aborted requests


def test_a_store_that_does_not_answer_is_an_alarm(operator, running):
    opened = operator()
    expect(opened.page.locator(".tasks-panel .note")).to_have_text(re.compile("个在挖"))
    with stopped(running.children()["SecantusDB"]):
        expect(opened.page.locator(".tasks.stale")).to_be_visible(timeout=STALE_MS)
        expect(opened.page.locator(".tasks-panel .note")).to_have_text(re.compile(r"已停更 \d+ 秒"))
        expect(opened.page.locator(".status.fresh")).to_be_visible()  # the rest of the screen goes on
        expect(opened.page.locator("#alarms")).to_contain_text("MongoDB 没有响应", timeout=ALARM_MS)
        workers = opened.page.locator(".processes li:not([data-process=evening]) .state")
        expect(workers).to_have_text("连不上 MongoDB", timeout=ALARM_MS)
    expect(opened.page.locator("#alarms")).not_to_contain_text("MongoDB 没有响应", timeout=ALARM_MS)
    with stopped(running.children()["Valkey"]):
        expect(opened.page.locator("#alarms")).to_contain_text("Redis 没有响应", timeout=ALARM_MS)
        expect(workers).to_have_text(re.compile(r"\d+ 秒没有消息"), timeout=ALARM_MS)
    expect(opened.page.locator("#alarms")).not_to_contain_text("Redis 没有响应", timeout=ALARM_MS)
    expect(workers).to_have_text("服务中", timeout=ALARM_MS)


def test_alarms_stand_in_the_red_bar_with_what_they_say(operator, data_dir):
    said = {
        ("bill", "NOT_ENOUGH", "3"): "转账等你处理3 笔：运营账户余额不足",
        ("calls", "pay_transfer_make", "75"): "很多调用失败商家转账：一分钟内 75% 的调用没有结果",
        ("message", "45047", "4"): "微信不收通知消息4 条：微信答 45047",
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
    for text in said.values():
        expect(bar).not_to_contain_text(text, timeout=ALARM_MS)
