"""The operator's screen in a real browser, against the server as a person starts it."""

from __future__ import annotations

import io
import os
import re
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image
from playwright.sync_api import Browser, Locator, Route, WebSocket, expect
from pymongo import MongoClient

from handlers.ops.operators import COOKIE
from server.operation.findings import SENTENCES
from server.operation.pulses import HISTORY_SECONDS
from server.store import DEFAULT_DATABASE
from support.browser import (
    CONTRASTS,
    DESK,
    PHONE,
    Person,
    Window,
    a_browser,
    needs_chromium,
    open_window,
    write_of_old,
)
from support.client import a_picture
from support.pulses import a_pulse, fill_history, send_pulses
from support.servers import Running, a_free_port

pytestmark = needs_chromium

TOKEN = "open sesame"
HTML_NAME = "<img src=x onerror=alert(1)>"
STALE_MS = 6_000
BOARD_STALE_MS = 5_500  # told each 2 s, and old after 3
GREY = "all => getComputedStyle(all).filter.includes('grayscale')"
ALARM_MS = 20_000

Opener = Callable[..., Window]


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the server keeps its stores."""
    return tmp_path_factory.mktemp("ops")


@pytest.fixture(scope="module")
def running(data_dir: Path) -> Iterator[Running]:
    """A server with two workers, and 15 minutes behind it."""
    started = Running(data_dir, a_free_port(), OPS_TOKEN=TOKEN, WEB_CONCURRENCY="2")
    started.wait_for("is ready")
    now = int(time.time())
    fill_history(data_dir, range(now - HISTORY_SECONDS, now))
    yield started
    started.kill()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One browser for all."""
    with a_browser() as opened:
        yield opened


@pytest.fixture
def window(browser: Browser, running: Running) -> Iterator[Opener]:
    """Opens windows; a test fails where anything went wrong in one, but for what it expects to."""
    opened: list[Window] = []

    def open_one(path: str = "/ops", **options: Any) -> Window:
        made = open_window(browser, running.address, **{"viewport": DESK, **options})
        opened.append(made)
        made.go(path)
        return made

    yield open_one
    for each in opened:
        each.context.close()
    assert [wrong for each in opened for wrong in each.wrong] == []


@pytest.fixture(scope="module")
def let_in(browser: Browser, running: Running) -> dict[str, Any]:
    """What a browser remembers of an operator who is logged in: only ten may try a minute."""
    opened = open_window(browser, running.address)
    opened.go("/ops")
    enter(opened, "值班员", TOKEN)
    expect(opened.page.locator(".status.fresh")).to_be_visible()
    remembered: dict[str, Any] = dict(opened.context.storage_state())
    opened.context.close()
    return remembered


@pytest.fixture
def operator(window: Opener, let_in: dict[str, Any]) -> Opener:
    """Opens windows of an operator who is logged in and sees live numbers."""

    def open_one(**options: Any) -> Window:
        made = window(storage_state=let_in, **options)
        expect(made.page.locator(".status.fresh")).to_be_visible()
        return made

    return open_one


def enter(opened: Window, name: str, token: str) -> None:
    opened.page.locator("#login-name").fill(name)
    opened.page.locator("#login-token").fill(token)
    opened.page.keyboard.press("Enter")


@pytest.fixture(scope="module")
def publisher(running: Running) -> Person:
    """Somebody who publishes."""
    return Person.log_in(running.address, "小明")


@contextmanager
def stopped(pids: list[int]) -> Iterator[None]:
    """Let processes stand still, as if they hung."""
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


def chart(opened: Window, name: str) -> Locator:
    return opened.page.locator(f"[data-chart={name}]")


def test_only_the_token_lets_in(window: Opener) -> None:
    opened = window()
    enter(opened, "值班员", "a guess")
    expect(opened.page.get_by_role("alert").get_by_text("口令不对")).to_be_visible()
    expect(opened.page.locator(".screen")).to_have_count(0)
    enter(opened, "值班员", TOKEN)
    expect(opened.page.locator(".status.fresh")).to_be_visible()
    reloaded = opened.page.reload()
    assert reloaded is not None
    assert "img-src 'self' data:;" in reloaded.headers["content-security-policy"]
    expect(opened.page.locator(".status.fresh")).to_be_visible()
    other = opened.context.new_page()
    other.goto(f"{opened.address}/ops")
    expect(other.locator(".status.fresh")).to_be_visible()
    opened.page.get_by_role("button", name="退出").click()
    expect(opened.page.locator("form.login")).to_be_visible()
    opened.page.reload()
    expect(opened.page.locator("form.login")).to_be_visible()
    expect(other.locator("form.login")).to_contain_text("登录已过期", timeout=ALARM_MS)


def test_a_logout_that_the_server_did_not_hear_is_told(operator: Opener) -> None:
    opened = operator()
    opened.page.route("**/ops/logout", lambda route: route.abort())
    opened.page.get_by_role("button", name="退出").click()
    expect(opened.page.locator("form.login")).to_contain_text("服务器没有响应")
    opened.wrong.clear()  # Chromium logs what was aborted


def test_whoever_presses_enter_twice_has_one_feed(window: Opener) -> None:
    opened = window()
    expect(opened.page.locator("form.login")).to_be_visible()
    asked: list[Route] = []
    posts: list[str] = []
    sockets: list[WebSocket] = []
    opened.page.route("**/ops/me?", lambda route: asked.append(route), times=1)
    opened.page.on("request", lambda sent: posts.append(sent.url))
    opened.page.on("websocket", lambda socket: sockets.append(socket))
    with opened.page.expect_request("**/ops/me?"):
        enter(opened, "值班员", TOKEN)
    opened.page.keyboard.press("Enter")
    asked[0].continue_()
    expect(opened.page.locator(".status.fresh")).to_be_visible()
    logins = [address for address in posts if address.endswith("/ops/login")]
    assert (len(logins), len(sockets)) == (1, 1)


def test_a_feed_that_connects_again_closes_the_one_before(operator: Opener) -> None:
    opened = operator()
    connect = """async () => {
        const root = document.querySelector("script[type=module]").src.replace("main.js", "");
        window.feed ??= new (await import(`${root}feed.js`)).Feed();
        feed.connect();
        await new Promise((told) => feed.addEventListener("history", told, { once: true }));
    }"""
    with opened.page.expect_websocket() as first:
        opened.page.evaluate(connect)
    with first.value.expect_event("close"):
        opened.page.evaluate(connect)
    opened.page.evaluate("feed.close()")


# Whether these words stand in an element as they are written: each character to the right of the one before.
IN_ORDER = """(element, words) => {
    const range = document.createRange();
    const texts = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) {
        const text = texts.currentNode;
        const at = text.data.indexOf(words);
        if (at < 0) continue;
        const lefts = [...words].map((_, place) => {
            range.setStart(text, at + place);
            range.setEnd(text, at + place + 1);
            return range.getBoundingClientRect().left;
        });
        return lefts.every((left, place) => !place || left > lefts[place - 1]);
    }
    return `there is no ${words}`;
}"""


@pytest.mark.parametrize("turned", ["\u202e猫", "\u2069\u202e猫", "\u2067\u202e猫"])
def test_a_name_that_turns_its_direction_turns_none_of_our_words(
    operator: Opener, running: Running, publisher: Person, data_dir: Path, turned: str
) -> None:
    code = publisher.publish(a_picture(), forecast_num=1)
    other = publisher.publish(a_picture(), forecast_num=1000)
    asked = {"name": "红包", "prize_num": 3, "interval": 1, "fluctuation": 0}
    packet = str(publisher.post("/postTask", goods_type=1, money=8, forecast_num=3, cd=0, **asked)["code"])
    digger = Person.log_in(running.address, "阿花")
    write_of_old(data_dir, "people", digger.unionid, nickName=turned)
    for task in (code, other, packet):
        write_of_old(data_dir, "tasks", task, name=turned, wxname=turned)
    opened = operator()
    digger.post("/postTask", code=code)
    line = opened.page.locator(".stream li", has=opened.page.locator(f"[data-code='{code}']"))
    expect(line).to_contain_text("挖到了")
    for words in (" 在第 1 层挖到了！", "结束：奖品挖完"):
        assert line.evaluate(IN_ORDER, words) is True
    opened.go(f"/ops#/task/{other}")
    opened.page.get_by_role("button", name="结束").click()
    assert opened.page.get_by_role("dialog").evaluate(IN_ORDER, "」？") is True
    opened.go(f"/ops#/search/{packet}")
    assert opened.page.locator(".task .by").evaluate(IN_ORDER, "红包 8 元") is True


# How many pixels of a chart's oldest quarter, below its labels, are neither empty nor of its grid.
COLOURED = """canvas => {
    const { width, height } = canvas;
    const { data } = canvas.getContext("2d").getImageData(0, height * 0.2, width / 4, height * 0.8);
    let coloured = 0;
    for (let at = 0; at < data.length; at += 4) {
        const [red, green, blue, alpha] = data.slice(at, at + 4);
        if (alpha > 128 && Math.max(red, green, blue) - Math.min(red, green, blue) > 40) coloured += 1;
    }
    return coloured;
}"""


def test_the_charts_are_full_from_the_first_moment(operator: Opener) -> None:
    opened = operator()
    names = opened.page.locator(".chart").evaluate_all("all => all.map(one => one.dataset.chart)")
    assert len(names) == 15
    empty = [name for name in names if chart(opened, name).locator("canvas").evaluate(COLOURED) < 10]
    assert empty == []


def test_a_chart_says_what_was_at_any_second_by_keyboard(operator: Opener) -> None:
    opened = operator()
    watchers = chart(opened, "watchers")
    expect(watchers.locator("b")).to_have_text("0")  # now: nobody but us
    watchers.locator(".plot").focus()
    for _ in range(20):
        opened.page.keyboard.press("PageUp")
    expect(watchers.locator("b")).to_have_text(re.compile(r"^[1-4]\d\d$"))
    expect(chart(opened, "deliveries").locator("b")).to_have_text(re.compile(r"^\d{2,3}$"))
    for _ in range(20):  # it stops where the chart does
        opened.page.keyboard.press("PageUp")
    expect(watchers.locator("b")).to_have_text(re.compile(r"^[1-4]\d\d$"))
    assert watchers.locator(".cursor").evaluate("mark => mark.getBoundingClientRect().left") > 0
    opened.page.keyboard.press("Escape")
    expect(watchers.locator("b")).to_have_text("0")


def test_digs_wins_and_endings_appear_as_they_happen(
    operator: Opener, running: Running, publisher: Person
) -> None:
    opened = operator()
    code = publisher.publish(a_picture(), name="看得见的猫", forecast_num=1)
    Person.log_in(running.address, "阿强").post("/postTask", code=code)
    line = opened.page.locator(".stream li.won", has_text="阿强")
    expect(line).to_contain_text("在第 1 层挖到了！ · 结束：奖品挖完")
    expect(line.get_by_role("link", name="看得见的猫")).to_be_visible()
    row = opened.page.locator(f".tasks [data-code='{code}']")
    expect(row).to_contain_text("奖品余 0/1")
    expect(row).to_contain_text("奖品挖完")


def test_the_depth_and_the_countdown_of_a_task_are_live(
    operator: Opener, running: Running, publisher: Person
) -> None:
    opened = operator()
    code = publisher.publish(a_picture(), cd=20)
    Person.log_in(running.address, "阿强").post("/postTask", code=code)
    row = opened.page.locator(f".tasks-panel [data-code='{code}']")
    expect(row.locator(".depth")).to_have_text("1 / 50")
    for left in ("0:17", "0:16"):
        expect(row.locator(".state")).to_have_text(left)


def test_an_operator_ends_a_task_and_the_open_page_shows_why(
    operator: Opener, window: Opener, publisher: Person
) -> None:
    code = publisher.publish(a_picture(), name="要结束的猫", forecast_num=1000, cd=60)
    visitor = window(f"/#/task/{code}", viewport=PHONE)
    visitor.log_in("朵朵")
    expect(visitor.page.get_by_text("承诺（SHA-256）")).to_be_visible()
    opened = operator()
    search = opened.page.get_by_role("searchbox")
    search.fill(code)
    search.press("Enter")
    opened.page.locator(".page-list").get_by_role("link", name="要结束的猫").click()
    opened.page.get_by_role("button", name="结束").click()
    dialog = opened.page.get_by_role("dialog", name="结束「\u2068要结束的猫\u2069」？")
    dialog.get_by_role("button", name="取消").click()
    expect(dialog).to_have_count(0)
    expect(visitor.page.get_by_role("button", name="秒后可挖")).to_be_visible()
    opened.page.get_by_role("button", name="结束").click()
    dialog.get_by_label("理由").fill("图片违规")
    dialog.get_by_role("button", name="确认结束").click()
    expect(dialog.get_by_text("已结束，并写入操作记录。")).to_be_visible()
    expect(visitor.page.get_by_text("图片违规")).to_be_visible()
    dialog.get_by_role("button", name="关闭").click()
    expect(opened.page.get_by_text("图片违规")).to_be_visible()
    expect(opened.page.get_by_role("button", name="结束")).to_have_count(0)
    opened.page.get_by_role("link", name="操作记录").click()
    expect(opened.page.locator(".log li").first).to_contain_text(f"值班员结束{code}图片违规")


def test_a_task_leaves_the_square_and_comes_back(operator: Opener, publisher: Person) -> None:
    code = publisher.publish(a_picture(), name="要隐藏的猫")
    opened = operator()
    opened.go(f"/ops#/task/{code}")
    for act, listed in (("隐藏", False), ("恢复显示", True)):
        opened.page.get_by_role("button", name=act).click()
        opened.page.get_by_label("理由").fill("看看")
        opened.page.get_by_role("button", name=f"确认{act}").click()
        expect(opened.page.get_by_text("并写入操作记录")).to_be_visible()
        opened.page.keyboard.press("Escape")
        # The other process may show its own page of the square for a second more.
        while (code in {card["code"] for card in publisher.get("/getTaskList")["data"]}) != listed:
            pass


def test_a_refused_act_says_so_and_can_be_tried_again(operator: Opener, publisher: Person) -> None:
    code = publisher.publish(a_picture(), name="早就结束的猫")
    opened = operator()
    opened.go(f"/ops#/task/{code}")
    opened.page.get_by_role("button", name="结束").click()
    publisher.post("/endTask", code=code)
    opened.page.get_by_label("理由").fill("太晚了")
    confirm = opened.page.get_by_role("button", name="确认结束")
    confirm.click()
    expect(opened.page.get_by_role("dialog").get_by_text("它已经结束了")).to_be_visible()
    expect(confirm).to_be_enabled()
    opened.go("/ops#/log")
    expect(opened.page.locator(".log li").first).to_contain_text("太晚了没有执行：已结束")
    expect(opened.page.get_by_role("dialog")).to_have_count(0)


def test_a_tasks_money_is_shown(operator: Opener, running: Running, publisher: Person) -> None:
    code, winner = a_red_packet(publisher, running.address)
    opened = operator()
    opened.go(f"/ops#/task/{code}")
    for name, sum_ in (("收到", "¥24.00"), ("代管", "¥24.00"), ("其中欠中奖者", "¥8.00")):
        expect(opened.page.locator(".numbers div", has_text=name).locator("dd").first).to_have_text(sum_)
    expect(opened.page.locator(".payments")).to_contain_text("已开挖")
    expect(opened.page.get_by_text("账目相符")).to_be_visible()
    winner.post("/drawPrize", code=code)
    expect(opened.page.locator(".payments li", has_text="转账")).to_contain_text("¥8.00")
    expect(opened.page.locator(".payments li", has_text="转账")).to_contain_text("等用户确认")


def a_red_packet(publisher: Person, address: str) -> tuple[str, Person]:
    """Publish a red packet of three prizes of 8 yuan, and let it be paid and won once."""
    asked = {"name": "开工大吉", "money": 8, "prize_num": 3, "interval": 1, "fluctuation": 0}
    code = str(publisher.post("/postTask", goods_type=1, forecast_num=3, cd=0, **asked)["code"])
    order = publisher.post("/payTask", code=code, money=24)
    paid = {name: order[name] for name in ("package", "timeStamp", "nonceStr", "signType", "paySign")}
    paying = {"appId": "wxsandbox000000000", **paid}
    assert httpx.post(f"{address}/sandbox/pay", json=paying).json()["errMsg"] == "requestPayment:ok"
    publisher.get("/getTaskDetails", code=code)  # looking asks WeChat, should its notice be late
    winner = Person.log_in(address, "阿强")
    assert winner.post("/postTask", code=code)["is_prize"] == 1
    return code, winner


def test_a_name_of_html_does_nothing(window: Opener, running: Running, publisher: Person) -> None:
    named = {"name": HTML_NAME, "wxname": HTML_NAME, "synopsis": HTML_NAME}
    code = publisher.publish(a_picture(), **named)
    Person.log_in(running.address, HTML_NAME).post("/postTask", code=code)
    opened = window()
    enter(opened, HTML_NAME, TOKEN)
    row = opened.page.locator(f".tasks-panel [data-code='{code}']")
    expect(row.locator(".name")).to_have_text(HTML_NAME)
    expect(opened.page.locator(".stream li").first).to_contain_text(HTML_NAME)
    row.get_by_role("link").click()
    expect(opened.page.get_by_role("heading", name=HTML_NAME)).to_be_visible()
    expect(opened.page.locator(".digs li").first).to_contain_text(HTML_NAME)
    opened.page.get_by_role("button", name="隐藏").click()
    opened.page.get_by_label("理由").fill(HTML_NAME)
    opened.page.get_by_role("button", name="确认隐藏").click()
    opened.page.get_by_role("button", name="关闭").click()
    opened.go("/ops#/log")
    expect(opened.page.locator(".log li").first).to_contain_text(HTML_NAME)
    opened.go(f"/ops#/search/{HTML_NAME}")
    expect(opened.page.locator(".tasks .name").first).to_have_text(HTML_NAME)
    # That no alert opened, `window` checks at the end.
    assert opened.page.locator("img, [onerror]").count() == 0


def test_old_numbers_are_grey_under_a_red_bar_until_the_server_answers_again(
    operator: Opener, running: Running
) -> None:
    opened = operator()
    bar = opened.page.locator("#alarms")
    expect(bar).to_be_hidden()
    with stopped(running.children()["worker"]):
        expect(bar).to_contain_text("没有新数据", timeout=STALE_MS)
        expect(opened.page.locator(".status")).to_have_text(re.compile(r"已停更 \d+ 秒"))
        assert opened.page.locator(".screen").evaluate(GREY)
    expect(bar).to_be_hidden()
    expect(opened.page.locator(".screen")).to_have_css("filter", "none")


@pytest.mark.parametrize("page", ["task", "search"])
def test_a_page_is_read_again_and_again_and_what_is_old_is_grey_on_it_too(
    operator: Opener, running: Running, publisher: Person, page: str
) -> None:
    code = publisher.publish(a_picture(), cd=0)
    digger = Person.log_in(running.address, "阿强")
    opened = operator()
    opened.go(f"/ops#/{page}/{code}")
    depth = opened.page.locator(".tasks .depth")
    for dug in ("0 / 50", "1 / 50"):
        expect(depth).to_have_text(dug)
        digger.post("/postTask", code=code)
    with stopped(running.children()["worker"]):
        expect(opened.page.locator(".status")).to_have_text(re.compile(r"已停更 \d+ 秒"), timeout=STALE_MS)
        expect(opened.page.locator("#alarms")).to_contain_text("没有新数据")
        assert opened.page.locator(f".page-{'list' if page == 'search' else page}").evaluate(GREY)
    expect(opened.page.locator(".status.fresh")).to_be_visible()
    expect(depth).to_have_text("2 / 50")


def test_a_page_that_cannot_be_read_is_old_although_the_feed_lives(
    operator: Opener, publisher: Person
) -> None:
    code = publisher.publish(a_picture())
    opened = operator()
    opened.go(f"/ops#/search/{code}")
    expect(opened.page.locator(".tasks .depth")).to_have_text("0 / 50")
    opened.page.route("**/ops/tasks?*", lambda route: route.abort())
    expect(opened.page.locator("#alarms")).to_contain_text("没有新数据", timeout=STALE_MS)
    expect(opened.page.get_by_role("alert").get_by_text("服务器没有响应")).to_be_visible()
    assert opened.page.locator(".page-list").evaluate(GREY)
    opened.page.unroute_all()
    expect(opened.page.locator(".status.fresh")).to_be_visible()
    opened.wrong.clear()  # Chromium logs what was aborted


def test_an_open_screen_asks_to_log_in_again_when_its_session_is_over(
    window: Opener, running: Running, data_dir: Path
) -> None:
    opened = window()
    reply = httpx.post(f"{running.address}/ops/login", json={"name": "夜班", "token": TOKEN})
    store: MongoClient[dict[str, Any]] = MongoClient((data_dir / "secantusdb.uri").read_text())
    soon = {"$set": {"ends_at": int(time.time() * 1000) + 6000}}
    store[DEFAULT_DATABASE]["operator_sessions"].update_one({"name": "夜班"}, soon)
    store.close()
    opened.context.add_cookies(
        [{"name": COOKIE, "value": reply.cookies[COOKIE], "url": f"{running.address}/ops"}]
    )
    opened.go("/ops")
    expect(opened.page.locator(".status.fresh")).to_be_visible()
    expect(opened.page.locator("form.login")).to_contain_text("登录已过期", timeout=ALARM_MS)


def test_a_new_page_has_the_focus_and_an_address_that_is_spelled_wrongly_is_taken_as_it_is(
    operator: Opener,
) -> None:
    opened = operator()
    opened.page.get_by_role("link", name="操作记录").click()
    expect(opened.page.locator("#page")).to_be_focused()
    opened.go("/ops#/search/%E0%A4%A")
    expect(opened.page.get_by_role("heading", name="搜索：\u2068%E0%A4%A\u2069")).to_be_visible()
    expect(opened.page.get_by_text("没有找到")).to_be_visible()
    expect(opened.page.locator("#page")).to_be_focused()


def test_what_is_selected_on_a_tasks_page_stays_while_it_is_read_again(
    operator: Opener, window: Opener, publisher: Person
) -> None:
    code = publisher.publish(a_picture())
    opened = operator()
    opened.go(f"/ops#/task/{code}")
    opened.page.locator(".facts code").first.dblclick()
    window(f"/#/task/{code}", viewport=PHONE).log_in("朵朵")
    expect(opened.page.locator(".task .watching")).to_have_text("1 人在看")
    assert opened.page.evaluate("String(getSelection())").strip() == code


@pytest.mark.parametrize("locale", ["zh-CN", "en-GB"])
def test_whatever_is_wrong_is_said_in_the_operators_language(window: Opener, locale: str) -> None:
    opened = window(locale=locale)
    alarms = [
        {"kind": "books", "what": what, "values": ["won", "", "3", "4"]}
        for what in SENTENCES
        if what != "waits"
    ]
    alarms += [
        {"kind": "bill", "what": "waits", "values": ["A1", code]} for code in ("NOT_ENOUGH", "NO_AUTH")
    ]
    alarms += [
        {"kind": "unchecked", "what": what, "values": [at]}
        for what in ("books", "statements")
        for at in ("", "1795000000000")
    ]
    said = opened.page.evaluate(
        """async (alarms) => {
            const root = document.querySelector("script[type=module]").src.replace("main.js", "");
            const { say } = await import(`${root}sayings.js`);
            return alarms.map(say);
        }""",
        alarms,
    )
    assert len(said) == len(alarms)
    for text in said:
        assert bool(re.search("[一-鿿]", text)) == (locale == "zh-CN"), text
        assert "undefined" not in text
        assert "{" not in text


def test_a_cut_connection_shows_and_is_mended(operator: Opener) -> None:
    opened = operator()
    opened.page.evaluate("window.unchanged = true")
    opened.context.set_offline(True)
    expect(opened.page.locator("#alarms")).to_contain_text("没有新数据", timeout=STALE_MS)
    opened.context.set_offline(False)
    expect(opened.page.locator(".status.fresh")).to_be_visible()
    assert opened.page.evaluate("window.unchanged")
    opened.wrong.clear()  # Chromium logs that the network was gone


def test_a_store_that_does_not_answer_is_an_alarm(operator: Opener, running: Running) -> None:
    opened = operator()
    expect(opened.page.locator(".tasks-panel .note")).to_have_text(re.compile("个在挖"))
    with stopped(running.children()["SecantusDB"]):
        expect(opened.page.locator(".tasks.stale")).to_be_visible(timeout=BOARD_STALE_MS)
        expect(opened.page.locator(".tasks-panel .note")).to_have_text(re.compile(r"已停更 \d+ 秒"))
        expect(opened.page.locator(".status.fresh")).to_be_visible()  # the rest goes on
        expect(opened.page.locator("#alarms")).to_contain_text("MongoDB 没有响应", timeout=ALARM_MS)
    expect(opened.page.locator("#alarms")).to_be_hidden(timeout=ALARM_MS)
    with stopped(running.children()["Valkey"]):
        expect(opened.page.locator("#alarms")).to_contain_text("Redis 没有响应", timeout=ALARM_MS)
    expect(opened.page.locator("#alarms")).to_be_hidden(timeout=ALARM_MS)


def test_workers_that_stood_still_and_were_replaced_are_told_beside_the_processes(
    operator: Opener, data_dir: Path
) -> None:
    opened = operator()
    note = opened.page.locator(".processes-panel .note")
    expect(note).to_have_text("")
    at = int(time.time())
    send_pulses(data_dir, [a_pulse("hung", at - 100, replaced=1), a_pulse("hung", at - 3, replaced=2)])
    opened = operator(viewport=PHONE)
    told = time.strftime("%H:%M:%S", time.localtime(at - 3))
    note = opened.page.locator(".processes-panel .note")
    expect(note).to_have_text(f"15 分钟内 3 个卡死后重启，最近一次 {told}")
    is_readable(opened)


def test_english_for_whoever_reads_that(window: Opener) -> None:
    opened = window(locale="en-GB")
    expect(opened.page.get_by_role("heading", name="Operator login")).to_be_visible()
    enter(opened, "Ann", TOKEN)
    expect(opened.page.locator(".status.fresh")).to_have_text("Live")
    expect(opened.page.get_by_role("heading", name="Tasks that matter now")).to_be_visible()
    assert opened.page.locator("html").get_attribute("lang") == "en"
    assert not re.search("[一-鿿]", chart(opened, "closes").inner_text())


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])
def test_every_page_fits_its_window_and_can_be_read(
    window: Opener,
    let_in: dict[str, Any],
    running: Running,
    publisher: Person,
    scheme: str,
    size: dict[str, int],
) -> None:
    long = {"name": "很长很长" * 12, "wxname": "W" * 32, "synopsis": "x" * 400}
    code = publisher.publish(a_picture(), **long)
    Person.log_in(running.address, "W" * 32).post("/postTask", code=code)
    opened = window(viewport=size, color_scheme=scheme)
    expect(opened.page.locator("form.login")).to_be_visible()
    is_readable(opened)
    opened = window(viewport=size, color_scheme=scheme, storage_state=let_in)
    for path, ready in (
        ("/ops", f".tasks-panel [data-code='{code}']"),
        (f"/ops#/task/{code}", ".digs li"),
        (f"/ops#/search/{code}", ".task"),
        ("/ops#/log", ".log"),
    ):
        opened.go(path)
        expect(opened.page.locator(ready).first).to_be_visible()
        is_readable(opened)
    opened.go(f"/ops#/task/{code}")
    opened.page.get_by_role("button", name="结束").click()
    expect(opened.page.get_by_role("dialog")).to_be_visible()
    is_readable(opened)


def is_readable(opened: Window) -> None:
    assert opened.overflow() <= 0, opened.page.url
    faint = opened.page.evaluate(CONTRASTS.read_text(encoding="utf-8"))
    assert faint == [], opened.page.url


def test_picture_of_the_screen(
    operator: Opener, running: Running, publisher: Person, data_dir: Path, tmp_path: Path
) -> None:
    """To replace the one shown: `SCREENS_DIR=docs pytest tests/pages/test_pages_ops.py -k picture`."""
    crowd = [Person.log_in(running.address, name) for name in ("老王", "大熊", "小鹿", "阿杰", "朵朵")]
    for name, cooldown_seconds in (("机械键盘，青轴", 45), ("手工银镯", 90), ("一箱赣南脐橙", 20)):
        code = publisher.publish(a_picture(), name=name, cd=0, forecast_num=5000)
        for person in crowd:
            person.post("/postTask", code=code)
        code = publisher.publish(a_picture(), name=f"又一个{name}", cd=cooldown_seconds, forecast_num=40)
        crowd[0].post("/postTask", code=code)
    fill_history(
        data_dir, range(int(time.time()), int(time.time()) + 20)
    )  # what comes is told when it is due
    opened = operator(color_scheme="dark")
    expect(chart(opened, "watchers").locator("b")).to_have_text(re.compile(r"^[1-4]\d\d$"))
    expect(opened.page.locator(".tasks-panel .state.cools").nth(2)).to_be_visible()
    directory = Path(os.environ.get("SCREENS_DIR", tmp_path))
    take_picture(opened, directory / "ops-desk-dark.webp")


def take_picture(opened: Window, path: Path) -> None:
    with Image.open(io.BytesIO(opened.page.screenshot())) as picture:
        picture.save(path, quality=82, method=6)


def test_pictures_of_a_tasks_page_and_of_the_audit_log(
    operator: Opener, running: Running, publisher: Person, tmp_path: Path
) -> None:
    directory = Path(os.environ.get("SCREENS_DIR", tmp_path))
    code, winner = a_red_packet(publisher, running.address)
    winner.post("/drawPrize", code=code)
    opened = operator(viewport={"width": 1000, "height": 760})
    opened.go(f"/ops#/task/{code}")
    expect(opened.page.locator(".payments")).to_contain_text("等用户确认")
    take_picture(opened, directory / "ops-task.webp")
    for act, reason in (("隐藏", "有人举报，先看看"), ("恢复显示", "没有问题"), ("结束", "发布者要求结束")):
        opened.page.get_by_role("button", name=act).click()
        opened.page.get_by_label("理由").fill(reason)
        opened.page.get_by_role("button", name=f"确认{act}").click()
        expect(opened.page.get_by_text("并写入操作记录")).to_be_visible()
        opened.page.keyboard.press("Escape")
    opened.go("/ops#/log")
    expect(opened.page.locator(".log li").first).to_contain_text("发布者要求结束")
    opened.page.set_viewport_size({"width": 1000, "height": 260})
    take_picture(opened, directory / "ops-log.webp")


def test_a_processs_watchers_go_to_the_others(operator: Opener, window: Opener, publisher: Person) -> None:
    code = publisher.publish(a_picture(), forecast_num=1000)
    visitors = [window(f"/#/task/{code}", viewport=PHONE) for _ in range(2)]
    for number, visitor in enumerate(visitors):
        visitor.log_in(f"客{number}")
        expect(visitor.page.get_by_text("承诺（SHA-256）")).to_be_visible()
    opened = operator()
    processes = opened.page.locator(".processes li:not([data-process=evening])")
    expect(processes).to_have_count(2)
    watchers = processes.locator("dl div:first-child dd")
    expect(
        processes.filter(has=opened.page.locator("dd", has_text=re.compile("^[12]$"))).first
    ).to_be_visible()
    busiest = 0 if int(watchers.nth(0).inner_text()) >= int(watchers.nth(1).inner_text()) else 1
    process = processes.nth(busiest)
    process.get_by_role("button", name="断开观众").click()
    opened.page.get_by_label("理由").fill("换机器")
    opened.page.get_by_role("button", name="确认断开观众").click()
    expect(opened.page.get_by_text("指令已发出")).to_be_visible()
    expect(process.locator(".state")).to_have_text("正在送走观众")
    expect(watchers.nth(busiest)).to_have_text("0")
    expect(watchers.nth(1 - busiest)).to_have_text("2", timeout=ALARM_MS)
