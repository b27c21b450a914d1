"""The client in a real browser, against the server as a person starts it."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from playwright.sync_api import Browser, Page, Route, expect

from support.browser import (
    CONTRASTS,
    DESK,
    PHONE,
    Person,
    Window,
    a_browser,
    a_server,
    needs_chromium,
    open_window,
)
from support.client import a_picture
from support.drawings import draw, oranges
from support.servers import Running

pytestmark = needs_chromium

WITHIN_A_SECOND = 1000
FIRST_VIEW_BYTES = 150_000
HTML_NAME = "<img src=x onerror=alert(1)>"

Opener = Callable[..., Window]


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A running server's address."""
    with a_server(tmp_path_factory.mktemp("pages")) as running:
        yield running.address


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One browser for all."""
    with a_browser() as opened:
        yield opened


@pytest.fixture
def window(browser: Browser, address: str) -> Iterator[Opener]:
    """Opens windows; a test fails where anything went wrong in one, but for what it expects to."""
    opened: list[Window] = []

    def open_one(user: str | None = None, path: str = "/", **options: Any) -> Window:
        made = open_window(browser, address, **options)
        opened.append(made)
        made.go(path)
        if user is not None:
            made.log_in(user)
        return made

    yield open_one
    for each in opened:
        each.context.close()
    assert [wrong for each in opened for wrong in each.wrong] == []


@pytest.fixture(scope="module")
def publisher(address: str) -> Person:
    """Somebody who publishes."""
    return Person.log_in(address, "小明")


def test_one_digs_and_the_other_sees_the_join_and_the_countdown_within_a_second(
    window: Opener, publisher: Person
) -> None:
    code = publisher.publish(a_picture(), cd=60)
    watcher = window("小明", f"/#/task/{code}")
    expect(watcher.page.get_by_text("我的宝贝")).to_be_visible()
    digger = window("阿强")
    digger.go(f"/#/task/{code}")  # opening the page digs
    expect(digger.page.get_by_text(re.compile("第 1 层，什么也没有|第 1 层，挖到了"))).to_be_visible()
    expect(watcher.page.locator(".people li", has_text="阿强")).to_be_visible(timeout=WITHIN_A_SECOND)
    expect(watcher.page.locator(".dig strong")).to_have_text(re.compile(r"^(60|59|58|1:00)$"), timeout=500)
    expect(watcher.page.locator(".level b")).to_have_text("1")


def test_the_countdown_reaches_zero_and_then_the_other_may_dig(window: Opener, publisher: Person) -> None:
    code = publisher.publish(a_picture(), cd=4, forecast_num=500_000)
    first = window("阿强")
    first.go(f"/#/task/{code}")
    expect(first.page.locator(".people li")).to_have_count(1)
    second = window("朵朵")
    second.go(f"/#/task/{code}")
    button = second.page.get_by_role("button", name="挖一锹")
    button.focus()
    second.page.keyboard.press("Enter")
    expect(first.page.locator(".people li")).to_have_count(2, timeout=WITHIN_A_SECOND)
    expect(second.page.get_by_text("第 2 层，什么也没有")).to_be_visible()


def test_a_win_is_celebrated_on_both_screens(window: Opener, publisher: Person) -> None:
    code = publisher.publish(a_picture(), forecast_num=1)
    watcher = window("小明", f"/#/task/{code}")
    expect(watcher.page.get_by_text("我的宝贝")).to_be_visible()
    winner = window("阿强")
    winner.go(f"/#/task/{code}")
    expect(winner.page.get_by_role("heading", name="恭喜，你挖到了！")).to_be_visible()
    expect(watcher.page.locator(".won-line")).to_have_text("阿强 挖到了！", timeout=WITHIN_A_SECOND)
    for each in (winner, watcher):
        expect(each.page.locator("canvas.coins")).to_be_attached()
        expect(each.page.locator(".ending")).to_have_text("奖品全部挖完了")
        expect(each.page.locator(".people li.won", has_text="阿强")).to_be_attached()
    expect(winner.page.locator("dialog")).to_have_count(1)  # the reply and the frame tell of the same win
    watcher.go("/#/")
    expect(watcher.page.locator(".won-line")).to_have_count(0, timeout=500)


def test_whoever_wants_less_motion_gets_no_coins(window: Opener, publisher: Person) -> None:
    code = publisher.publish(a_picture(), forecast_num=1)
    winner = window("阿强", reduced_motion="reduce")
    winner.go(f"/#/task/{code}")
    expect(winner.page.get_by_role("heading", name="恭喜，你挖到了！")).to_be_visible()
    assert winner.page.locator("canvas").count() == 0


def test_a_lost_network_shows_at_once_and_what_was_missed_is_there_afterwards(
    window: Opener, address: str, publisher: Person
) -> None:
    code = publisher.publish(a_picture(), prize_num=2, interval=2, fluctuation=0, forecast_num=300)
    watcher = window("小明", f"/#/task/{code}")
    expect(watcher.page.locator(".watchers")).to_be_visible()
    watcher.page.evaluate("window.unchanged = true")
    watcher.context.set_offline(True)
    expect(watcher.page.locator("#banner")).to_contain_text("断开", timeout=500)
    for user in ("阿强", "朵朵", "大熊"):
        Person.log_in(address, user).post("/postTask", code=code)
    expect(watcher.page.locator(".level b")).to_have_text("0")
    watcher.context.set_offline(False)
    expect(watcher.page.locator(".level b")).to_have_text("3")
    expect(watcher.page.locator("#banner")).to_have_text("")
    expect(watcher.page.locator(".people li > span")).to_have_text(["大熊", "朵朵", "阿强"])
    expect(watcher.page.locator(".people li.won")).to_contain_text("朵朵")
    assert watcher.page.evaluate("window.unchanged")
    watcher.wrong.clear()  # Chromium logs that the network was gone


def test_a_killed_server_shows_at_once_and_is_found_again(
    browser: Browser, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with a_server(tmp_path_factory.mktemp("killed")) as running:
        _kill_and_find_again(browser, running)


def _kill_and_find_again(browser: Browser, running: Running) -> None:
    code = Person.log_in(running.address, "小明").publish(a_picture(), forecast_num=500_000)
    watcher = open_window(browser, running.address)
    watcher.go(f"/#/task/{code}")
    watcher.log_in("小明")
    expect(watcher.page.locator(".watchers")).to_be_visible()
    for worker in running.children()["worker"]:
        os.kill(worker, signal.SIGKILL)
    expect(watcher.page.locator("#banner")).to_contain_text("断开", timeout=WITHIN_A_SECOND)
    expect(watcher.page.locator("#banner")).to_have_text("")
    Person.log_in(running.address, "阿强").post("/postTask", code=code)
    expect(watcher.page.locator(".people li", has_text="阿强")).to_be_visible()
    watcher.context.close()


def test_a_dig_whose_reply_was_lost_is_asked_about_and_not_dug_twice(
    window: Opener, publisher: Person
) -> None:
    code = publisher.publish(a_picture(), forecast_num=500_000)
    digger = window("阿强")
    asked: list[dict[str, Any]] = []

    def lose_the_first_reply(route: Route) -> None:
        asked.append(route.request.post_data_json)
        if len(asked) == 1:
            route.fetch()
            route.abort()
        else:
            route.continue_()

    digger.page.route("**/postTask", lose_the_first_reply)
    digger.go(f"/#/task/{code}")
    expect(digger.page.get_by_text("第 1 层，什么也没有")).to_be_visible()
    assert len(asked) == 2
    assert asked[0] == asked[1]
    assert publisher.get("/getTaskDetails", code=code)["now_depth"] == 1
    digger.wrong.clear()  # Chromium logs the lost reply


def test_publishing_with_a_picture(window: Opener, tmp_path: Path) -> None:
    file = tmp_path / "猫.png"
    file.write_bytes(a_picture(1200, 900, "teal", "PNG"))
    page = window("小明", "/#/publish").page
    expect(page.get_by_label("每个红包多少元")).to_be_hidden()
    expect(page.get_by_label("每隔多少层一份奖品")).to_be_hidden()
    page.set_input_files("#picture", file)
    expect(page.locator(".preview img")).to_be_visible()
    expect(page.get_by_text("图片已上传")).to_be_visible()
    page.get_by_label("物品名").fill("会后空翻的猫")
    page.get_by_label("奖品数量").fill("3")
    page.get_by_label("每隔多少层一份奖品").fill("5")
    page.get_by_label("上下浮动多少层").fill("2")
    expect(page.locator(".summary")).to_contain_text("最深 21 层")
    page.get_by_role("button", name="埋下宝贝").click()
    expect(page.get_by_role("heading", name="会后空翻的猫")).to_be_visible()
    expect(page.get_by_text("剩 3 / 3 份")).to_be_visible()
    cover = page.locator(".cover img:not(.behind)")
    expect(cover).to_have_js_property("complete", True)
    assert cover.evaluate("image => image.naturalWidth") == 1200
    page.get_by_role("link", name="广场").first.click()
    expect(page.locator(".card", has_text="会后空翻的猫")).to_be_visible()


def test_what_is_no_picture_is_refused_before_it_is_published(window: Opener, tmp_path: Path) -> None:
    file = tmp_path / "猫.png"
    file.write_bytes(b"not a picture")
    page = window("小明", "/#/publish").page
    page.set_input_files("#picture", file)
    page.get_by_label("物品名").fill("不该出现的猫")
    page.get_by_role("button", name="埋下宝贝").click()
    expect(page.locator("form > .problem")).to_contain_text("这不是可以识别的图片")
    assert page.url.endswith("#/publish")


def test_a_red_packet_is_paid_dug_and_claimed(window: Opener) -> None:
    publisher = window("小明", "/#/publish")
    page = publisher.page
    page.get_by_role("radio", name="现金红包").check()
    page.get_by_label("物品名").fill("开工大吉")
    page.get_by_label("每个红包多少元").fill("8")
    page.get_by_label("预计挖多少锹").fill("1")
    expect(page.locator(".summary")).to_contain_text("要支付 8 元")
    page.get_by_role("button", name="埋下宝贝").click()
    page.get_by_role("button", name="支付 8 元").click()
    expect(page.get_by_text("我的宝贝")).to_be_visible()
    expect(page.get_by_role("heading", level=1)).to_be_focused()
    code = urlsplit(page.url).fragment.rpartition("/")[2]

    winner = window("阿强")
    expect(winner.page.locator(".card h3", has_text="【现金红包8元】开工大吉")).to_be_visible()
    winner.go(f"/#/task/{code}")
    winner.page.get_by_role("button", name="去领取").click()
    winner.page.get_by_role("button", name="领取红包").click()
    expect(winner.page.get_by_text("红包已到账。")).to_be_visible()
    winner.go("/#/mine/won")
    expect(winner.page.locator("li", has_text="开工大吉").get_by_text("已领取")).to_be_visible()


def test_an_address_reaches_the_publisher_and_nobody_else(window: Opener, publisher: Person) -> None:
    code = publisher.publish(a_picture(), forecast_num=1)
    winner = window("阿强")
    winner.go(f"/#/task/{code}")
    winner.page.get_by_role("button", name="去领取").click()
    winner.page.get_by_label("收货人").fill("强哥")
    winner.page.get_by_label("电话").fill("13800000000")
    winner.page.get_by_label("详细地址").fill("深圳市南山区科技园 1 号")
    winner.page.get_by_role("button", name="提交地址").click()
    expect(winner.page.get_by_text("地址已交给发布者")).to_be_visible()
    expect(winner.page.locator(".claim")).to_be_focused()
    own = window("小明", "/#/mine")
    own.page.locator("li", has_text="一只猫").first.get_by_role("link", name="中奖者和发奖").click()
    own.go(f"/#/winners/{code}")
    expect(own.page.get_by_text("深圳市南山区科技园 1 号")).to_be_visible()
    with own.page.expect_download() as download:
        own.page.get_by_role("button", name="下载表格").click()
    assert "深圳市南山区科技园 1 号" in Path(download.value.path()).read_text(encoding="utf-8-sig")
    other = window("朵朵")
    other.go(f"/#/winners/{code}")
    expect(other.page.get_by_text("只有发布者本人才能这样做")).to_be_visible()


def test_a_pick_up_code_is_shown_to_the_publisher_and_confirmed(window: Opener, publisher: Person) -> None:
    code = publisher.publish(a_picture(), forecast_num=1, draw_type=1)
    winner = window("阿强")
    winner.go(f"/#/task/{code}")
    winner.page.get_by_role("button", name="去领取").click()
    winner.page.get_by_role("button", name="出示取件码").click()
    pickup = winner.page.locator(".pickup").text_content()
    assert pickup is not None
    expect(winner.page.locator("img.code")).to_have_js_property("complete", True)
    own = window("小明")
    own.go(f"/?code={code}&pickup={pickup}")  # what the winner's QR code says
    expect(own.page.get_by_label("中奖者的 6 位取件码")).to_have_value(pickup)
    own.page.get_by_role("button", name="核对").click()
    expect(own.page.get_by_text("取件码正确，可以把奖品交给 阿强")).to_be_visible()
    winner.page.get_by_role("button", name="已经领到了").click()
    expect(winner.page.get_by_text("奖品已经领走了。")).to_be_visible()


def test_a_name_of_html_is_shown_as_it_is_and_does_nothing(window: Opener, publisher: Person) -> None:
    code = publisher.publish(
        a_picture(), name=HTML_NAME, synopsis=HTML_NAME, wxname=HTML_NAME, forecast_num=1
    )
    watcher = window("小明", f"/#/task/{code}")
    expect(watcher.page.get_by_role("heading", name=HTML_NAME)).to_be_visible()
    nasty = window(HTML_NAME)
    nasty.go(f"/#/task/{code}")
    expect(nasty.page.get_by_role("heading", name="恭喜，你挖到了！")).to_be_visible()
    expect(watcher.page.locator(".won-line")).to_contain_text(HTML_NAME)
    expect(watcher.page.locator(".people li", has_text=HTML_NAME)).to_be_attached()
    nasty.go("/#/mine/won")
    expect(nasty.page.get_by_role("heading", name=HTML_NAME).first).to_be_visible()
    nasty.go("/")
    expect(nasty.page.locator(".card h3", has_text=HTML_NAME).first).to_be_visible()
    for each in (watcher, nasty):  # that no alert opened, `window` checks at the end
        assert each.page.locator("img[src=x], [onerror]").count() == 0


def test_the_draw_is_verified_in_the_browser(window: Opener, address: str, publisher: Person) -> None:
    code = publisher.publish(a_picture(), prize_num=3, interval=3, fluctuation=1, forecast_num=1)
    watcher = window("小明", f"/#/task/{code}")
    expect(watcher.page.get_by_text("承诺（SHA-256）")).to_be_visible()
    expect(watcher.page.get_by_role("button", name="验证这次抽奖")).to_be_hidden()
    others = [Person.log_in(address, f"路人{number}") for number in range(4)]
    _dig_until_ended(publisher, others, code)
    watcher.page.get_by_role("button", name="验证这次抽奖").click()
    expect(watcher.page.locator(".verdict")).to_have_text("验证通过：全部相符")
    expect(watcher.page.locator(".checks li.good")).to_have_count(5)
    expect(watcher.page.get_by_text("与你在结束之前看到的承诺一致")).to_be_visible()


@pytest.mark.parametrize("forgery", ["seed", "winning_depths", "digs", "commitment"])
def test_a_forged_proof_is_found_out_in_the_browser(
    window: Opener, address: str, publisher: Person, forgery: str
) -> None:
    code = publisher.publish(a_picture(), forecast_num=2)
    watcher = window("小明", f"/#/task/{code}")
    expect(watcher.page.get_by_text("承诺（SHA-256）")).to_be_visible()
    _dig_until_ended(publisher, [Person.log_in(address, user) for user in ("阿强", "朵朵")], code)
    proof = httpx.get(f"{address}/getProof", params={"code": code}).json()
    proof[forgery] = {
        "seed": "00" * 32,
        "winning_depths": [3 - proof["winning_depths"][0]],
        "digs": [{**dig, "is_prize": 1 - dig["is_prize"]} for dig in proof["digs"]],
        "commitment": "ab" * 32,
    }[forgery]
    watcher.page.route("**/getProof*", lambda route: route.fulfill(json=proof))
    watcher.page.get_by_role("button", name="验证这次抽奖").click()
    expect(watcher.page.locator(".verdict")).to_have_text("验证不通过：有不相符的地方")


def _dig_until_ended(publisher: Person, people: list[Person], code: str) -> None:
    won: set[str] = set()
    while publisher.get("/getTaskDetails", code=code)["data"]["status"] == 0:
        digger = next(person for person in people if person.unionid not in won)
        if digger.post("/postTask", code=code)["is_prize"]:
            won.add(digger.unionid)


def test_the_poster_and_its_link_lead_to_the_task(window: Opener, publisher: Person) -> None:
    code = publisher.publish(a_picture(), name="分享出去的猫")
    sharer = window("小明", f"/#/task/{code}").page
    sharer.get_by_role("button", name="分享").click()
    poster = sharer.locator(".poster img")
    expect(poster).to_have_js_property("complete", True)
    assert poster.evaluate("image => [image.naturalWidth, image.naturalHeight]") == [750, 1334]
    link = urlsplit(sharer.get_by_label("链接").input_value())
    assert publisher.unionid not in link.query
    brought = window("阿强", f"{link.path}?{link.query}").page
    expect(brought.get_by_role("heading", name="分享出去的猫")).to_be_visible()
    assert urlsplit(brought.url).query == ""
    assert brought.url.endswith(f"#/task/{code}")


def test_two_windows_are_two_people_and_each_stays_who_they_are(window: Opener) -> None:
    one, other = window("阿强", "/#/mine"), window("朵朵", "/#/mine")
    for each, name in ((one, "阿强"), (other, "朵朵")):
        each.page.reload()
        expect(each.page.get_by_role("heading", name=name)).to_be_visible()
    one.page.get_by_role("button", name="退出登录").click()
    expect(one.page.get_by_label("你是谁")).to_be_visible()
    expect(other.page.get_by_role("heading", name="朵朵")).to_be_visible()


def test_a_token_that_is_no_longer_good_leads_to_the_login_and_back(
    window: Opener, publisher: Person
) -> None:
    code = publisher.publish(a_picture(), name="登录之后的猫")
    someone = window("阿强")
    someone.page.evaluate("""() => {
        const person = JSON.parse(sessionStorage.getItem("wabao.person"));
        sessionStorage.setItem("wabao.person", JSON.stringify({...person, token: "x"}));
    }""")
    someone.go(f"/?code={code}")
    someone.log_in("阿强")
    expect(someone.page.get_by_role("heading", name="登录之后的猫")).to_be_visible()


def test_until_somebody_is_logged_in_no_address_opens_a_page(window: Opener) -> None:
    someone = window()
    name = someone.page.get_by_label("你是谁")
    someone.page.locator(".brand").click()
    someone.page.wait_for_url("**/#/")
    expect(name).to_be_visible()
    someone.log_in("阿强")
    someone.page.get_by_role("link", name="我的").click()
    someone.page.get_by_role("button", name="退出登录").click()
    expect(name).to_be_visible()
    someone.page.go_back()
    someone.page.wait_for_url("**/#/")
    expect(name).to_be_visible()
    someone.page.evaluate("location.hash = '#/publish'")
    someone.log_in("阿强")
    expect(someone.page.get_by_role("heading", name="埋下一个宝贝")).to_be_visible()


def test_where_the_mini_program_logs_in_no_address_takes_its_code_away(window: Opener) -> None:
    visitor = window()

    def as_with_wechat(route: Route) -> None:
        page = route.fetch()
        route.fulfill(response=page, body=page.text().replace('data-login="sandbox"', 'data-login="wechat"'))

    visitor.page.route(f"{visitor.address}/", as_with_wechat)
    visitor.page.reload()
    code = visitor.page.get_by_alt_text("小程序码")
    expect(code).to_be_visible()
    visitor.page.locator(".brand").click()
    visitor.page.wait_for_url("**/#/")
    expect(code).to_be_visible()


def test_who_has_left_the_page_before_the_picture_was_sent_publishes_nothing(
    window: Opener, tmp_path: Path
) -> None:
    file = tmp_path / "猫.png"
    file.write_bytes(a_picture(200, 200, "teal", "PNG"))
    page = window("小明", "/#/publish").page
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route("**/uploadFile", hold)
    page.evaluate("""() => {
        window.asked = [];
        const [fetched, sent] = [window.fetch, XMLHttpRequest.prototype.send];
        window.fetch = (...given) => { window.asked.push(given[0]); return fetched(...given); };
        window.sent = new Promise((resolve) => {
            XMLHttpRequest.prototype.send = function send(body) {
                this.addEventListener("loadend", () => setTimeout(resolve)); // after all that follows from it
                sent.call(this, body);
            };
        });
    }""")
    page.set_input_files("#picture", file)
    page.get_by_label("物品名").fill("不该埋下的猫")
    page.get_by_role("button", name="埋下宝贝").click()
    page.get_by_role("link", name="我的").click()
    expect(page.get_by_role("heading", name="小明")).to_be_visible()
    held[0].continue_()
    page.evaluate("() => window.sent")
    assert "/postTask" not in page.evaluate("window.asked")


def test_who_gets_no_reply_to_publishing_is_told_to_look_before_trying_again(
    window: Opener, tmp_path: Path
) -> None:
    file = tmp_path / "猫.png"
    file.write_bytes(a_picture(200, 200, "teal", "PNG"))
    opened = window("丢三落四", "/#/publish")
    page = opened.page

    def lose_the_reply(route: Route) -> None:
        route.fetch()
        route.abort()

    page.route("**/postTask", lose_the_reply)
    page.set_input_files("#picture", file)
    page.get_by_label("物品名").fill("埋下了的猫")
    page.get_by_role("button", name="埋下宝贝").click()
    expect(page.locator("form > .problem")).to_contain_text("可能已经埋下了。先到“我的”里看看")
    page.get_by_role("link", name="我的").click()
    expect(page.locator(".card", has_text="埋下了的猫")).to_have_count(1)
    opened.wrong.clear()  # Chromium logs the lost reply


def test_goods_without_a_picture_are_not_sent(window: Opener) -> None:
    page = window("小明", "/#/publish").page
    page.get_by_label("物品名").fill("没有图的猫")
    page.get_by_role("button", name="埋下宝贝").click()
    expect(page.locator("form > .problem")).to_have_text("请先选一张图片")


def test_a_name_and_picture_of_ones_own(window: Opener, tmp_path: Path) -> None:
    file = tmp_path / "face.png"
    file.write_bytes(a_picture(200, 200, "navy", "PNG"))
    page = window("无名氏", "/#/mine").page
    page.get_by_role("button", name="改名字和头像").click()
    page.get_by_role("textbox", name="名字").fill("有名氏")
    page.set_input_files("#face", file)
    page.get_by_role("button", name="保存").click()
    expect(page.get_by_role("heading", name="有名氏")).to_be_visible()
    expect(page.locator(".me .avatar")).to_have_attribute("src", re.compile("/files/"))


def test_the_square_grows_as_one_scrolls_and_shows_what_ended(
    window: Opener, address: str, publisher: Person
) -> None:
    ended = publisher.publish(a_picture(), name="挖完的猫", forecast_num=1)
    Person.log_in(address, "阿强").post("/postTask", code=ended)
    picture = a_picture()
    for number in range(45):
        publisher.publish(picture, name=f"第{number}只猫")
    page = window("朵朵").page
    expect(page.locator(".card").first).to_be_visible()
    while page.get_by_text("就这些了").count() == 0:
        page.mouse.wheel(0, 4000)
        page.evaluate("() => new Promise(requestAnimationFrame)")
    codes = page.locator(".cards li").evaluate_all("all => all.map(one => one.dataset.code)")
    assert len(codes) == len(set(codes)) >= 46
    over = page.locator(".cards[aria-label=已经结束] li", has_text="挖完的猫")
    expect(over.get_by_text("已结束")).to_be_attached()
    page.evaluate("scrollTo(0, 0)")
    renew(page)
    expect(page.locator(".cards li")).to_have_count(20)  # what lies far below is let go


def test_what_has_ended_is_no_longer_among_the_running_however_far_down(
    window: Opener, publisher: Person
) -> None:
    picture = a_picture()
    ended, next_to_it = (publisher.publish(picture, name=name) for name in ("早早结束的猫", "留下的猫"))
    for number in range(20):
        publisher.publish(picture, name=f"后来的第{number}只猫")
    page = window("朵朵").page
    expect(page.locator(".card").first).to_be_visible()
    card = page.locator(f"[aria-label=正在进行] [data-code='{ended}']")
    while card.count() == 0:
        page.mouse.wheel(0, 4000)
        page.evaluate("() => new Promise(requestAnimationFrame)")
    card.scroll_into_view_if_needed()
    publisher.post("/endTask", code=ended)
    renew(page)
    expect(card).to_have_count(0, timeout=WITHIN_A_SECOND)
    expect(page.locator(f"[data-code='{next_to_it}']")).to_be_attached()


def test_a_square_that_is_come_back_to_counts_down_to_the_right_second(
    window: Opener, address: str, publisher: Person
) -> None:
    picture = a_picture()
    digger = Person.log_in(address, "阿强")
    codes = [
        publisher.publish(picture, name=f"冷却的第{number}只猫", cd=60, forecast_num=1000)
        for number in range(20)
    ]
    for code in reversed(codes):
        digger.post("/postTask", code=code)
    page = window("朵朵").page
    state = page.locator(f"[data-code='{code}'] .state")
    expect(state).to_have_text(re.compile("冷却 .* 秒"))
    page.route("**/getTaskList*", lambda route: None)  # nothing fresh comes to the rescue
    before = _seconds(state.text_content())
    page.locator(f".card[href='#/task/{code}']").click()
    expect(page.locator(".dig strong")).to_have_text(str(before - 4))
    page.get_by_role("link", name="广场").first.click()
    expect(state).to_be_visible()
    assert _seconds(state.text_content()) <= before - 4


def _seconds(text: str | None) -> int:
    assert text is not None
    return int(text.split()[1])


def renew(page: Page) -> None:
    """Have the square renewed, as when the network is back."""
    page.evaluate("dispatchEvent(new Event('online'))")


@pytest.mark.parametrize(("path", "nothing"), [("/", "就这些了"), ("/#/mine/published", "还没有发布过宝贝")])
def test_a_page_that_is_shown_again_is_right_at_once(
    window: Opener, address: str, path: str, nothing: str
) -> None:
    name = f"回来看到的猫{len(path)}"
    opened = window(name, path)
    expect(opened.page.get_by_text(nothing).or_(opened.page.locator(".card").first).first).to_be_visible()
    if path == "/":
        with opened.page.expect_response("**/getTaskList*"):
            pass  # it has just renewed itself, and would not for a while
    Person.log_in(address, name).publish(a_picture(), name=name)
    opened.page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(opened.page.locator(".card", has_text=name)).to_be_visible(timeout=WITHIN_A_SECOND)


def pay(publisher: Person, code: str, owed: int) -> None:
    """Pay for a red packet, as the sandbox plays it."""
    order = publisher.post("/payTask", code=code, money=owed)
    signed = {name: order[name] for name in ("package", "timeStamp", "nonceStr", "signType", "paySign")}
    paid = httpx.post(f"{publisher.address}/sandbox/pay", json={"appId": "wxsandbox000000000", **signed})
    paid.raise_for_status()


def test_details_that_a_frame_overtook_are_read_once_more(
    window: Opener, address: str, publisher: Person
) -> None:
    code = publisher.publish(a_picture(), goods_type=1, money=1, forecast_num=1000)
    page = window("小明", f"/#/task/{code}").page
    expect(page.get_by_role("button", name="支付 1 元")).to_be_visible()
    expect(page.locator(".watchers")).to_be_visible()
    overtaken: list[str] = []

    def let_a_dig_pass(route: Route) -> None:
        before = route.fetch()
        if not overtaken:
            overtaken.append(code)
            Person.log_in(address, "阿强").post("/postTask", code=code)
            expect(page.locator(".level b")).to_have_text("1")
        route.fulfill(response=before)

    page.route("**/getTaskDetails*", let_a_dig_pass)
    pay(publisher, code, 1)
    expect(page.get_by_role("button", name="支付 1 元")).to_be_hidden()
    expect(page.get_by_role("heading", name="我发布的")).to_be_visible()
    assert overtaken


def test_details_from_before_an_end_do_not_undo_it(window: Opener, publisher: Person) -> None:
    code = publisher.publish(a_picture(), goods_type=1, money=1, forecast_num=1000)
    page = window("小明", f"/#/task/{code}").page
    expect(page.get_by_role("button", name="支付 1 元")).to_be_visible()
    expect(page.locator(".watchers")).to_be_visible()
    asked: list[str] = []
    ending = page.locator(".ending")

    def let_an_end_pass(route: Route) -> None:
        asked.append(route.request.url)
        before = route.fetch()
        if before.json()["data"]["need_pay"] == 0 and not before.json()["data"]["status"]:
            publisher.post("/endTask", code=code)
            expect(ending).to_have_text("发布者结束了这个宝贝")
            asked.clear()
        route.fulfill(response=before)

    page.route("**/getTaskDetails*", let_an_end_pass)
    pay(publisher, code, 1)
    expect(page.get_by_role("heading", name="我发布的")).to_be_visible()
    expect(ending).to_have_text("发布者结束了这个宝贝")
    expect(page.locator(".dig")).to_have_text("已结束")
    assert asked  # once more, after the reply that the end overtook


def test_a_start_that_was_missed_opens_the_task_once_the_network_is_back(
    window: Opener, publisher: Person
) -> None:
    code = publisher.publish(a_picture(), goods_type=1, money=1, forecast_num=1000)
    visitor = window("阿强", f"/#/task/{code}")
    button = visitor.page.locator(".dig")
    expect(button).to_have_text("待支付")
    expect(visitor.page.locator(".watchers")).to_be_visible()
    visitor.context.set_offline(True)
    expect(visitor.page.locator("#banner")).to_contain_text("断开")
    pay(publisher, code, 1)
    visitor.context.set_offline(False)
    expect(button).to_have_text("挖一锹")
    visitor.wrong.clear()  # Chromium logs that the network was gone


def test_a_task_that_others_have_dug_can_no_longer_be_ended_early(
    window: Opener, address: str, publisher: Person
) -> None:
    code = publisher.publish(a_picture(), forecast_num=500_000)
    page = window("小明", f"/#/task/{code}").page
    expect(page.get_by_role("button", name="提前结束")).to_be_visible()
    expect(page.locator(".watchers")).to_be_visible()
    Person.log_in(address, "阿强").post("/postTask", code=code)
    expect(page.get_by_role("button", name="提前结束")).to_be_hidden()
    expect(page.get_by_role("link", name="中奖者和发奖")).to_be_visible()


def test_what_was_said_of_a_cooldown_goes_when_it_is_over(window: Opener, publisher: Person) -> None:
    code = publisher.publish(a_picture(), cd=2, forecast_num=500_000)
    digger = window("阿强")
    digger.go(f"/#/task/{code}")
    said = digger.page.locator(".said")
    expect(said).to_have_text("第 1 层，什么也没有，冷却后再挖")
    expect(digger.page.get_by_role("button", name="挖一锹")).to_be_visible()
    expect(said).to_have_text("冷却结束，可以挖了")


@pytest.mark.parametrize(("cooldown_seconds", "shown"), [(3600, r"1:00:00|59:\d\d"), (61, r"1:0\d|\d\d")])
def test_a_long_cooldown_fits_into_its_ring(
    window: Opener, address: str, publisher: Person, cooldown_seconds: int, shown: str
) -> None:
    never_at_once = {"prize_num": 2, "interval": 300, "fluctuation": 0}
    code = publisher.publish(a_picture(), cd=cooldown_seconds, **never_at_once)
    page = window("小明", f"/#/task/{code}").page
    expect(page.locator(".watchers")).to_be_visible()
    Person.log_in(address, "阿强").post("/postTask", code=code)
    time = page.locator(".dig strong")
    expect(time).to_have_text(re.compile(f"^({shown})$"))
    ring, inside = page.locator(".dig").bounding_box(), time.bounding_box()
    assert ring is not None
    assert inside is not None
    assert inside["width"] <= ring["width"] - 24


def test_the_newest_people_are_shown_live_and_those_before_them_on_request(
    window: Opener, address: str, publisher: Person
) -> None:
    code = publisher.publish(a_picture(), forecast_num=500_000)
    for number in range(1, 76):
        Person.log_in(address, f"第{number}人").post("/postTask", code=code)
    page = window("小明", f"/#/task/{code}").page
    people = page.locator(".people li > span")
    expect(people).to_have_count(60)
    assert people.all_text_contents() == [f"第{number}人" for number in range(75, 15, -1)]
    Person.log_in(address, "第76人").post("/postTask", code=code)
    expect(people.first).to_have_text("第76人")
    expect(people).to_have_count(60)
    expect(page.locator(".count")).to_have_text("76 人")
    page.get_by_role("button", name="看更早的人（还有 16 人）").click()
    expect(people).to_have_text([f"第{number}人" for number in range(76, 0, -1)])
    expect(page.get_by_role("button", name="看更早的人")).to_be_hidden()


@pytest.mark.parametrize("address_part", ["#/task/%E0%A4%A", "#/nowhere", "#%", "?code=%E0%A4%A"])
def test_an_address_that_names_nothing_shows_the_square(
    window: Opener, publisher: Person, address_part: str
) -> None:
    publisher.publish(a_picture())
    page = window("阿强", f"/{address_part}").page
    expect(page.locator(".card").first).to_be_visible()
    expect(page.get_by_role("link", name="广场")).to_have_attribute("aria-current", "page")


def test_a_browser_that_blocks_storage_still_plays(window: Opener, publisher: Person) -> None:
    code = publisher.publish(a_picture(), forecast_num=1)
    opened = window(None)
    opened.context.add_init_script("""for (const storage of ["localStorage", "sessionStorage"])
        Object.defineProperty(window, storage, {
            get() { throw new DOMException("blocked", "SecurityError"); }
        })""")
    opened.page.reload()
    opened.log_in("阿强")
    opened.page.locator(f".card[href='#/task/{code}']").click()
    opened.page.get_by_role("button", name="去领取").click()
    opened.page.get_by_role("button", name="验证这次抽奖").click()
    expect(opened.page.locator(".verdict")).to_have_text("验证通过：全部相符")
    opened.page.get_by_role("link", name="我的").click()
    opened.page.get_by_role("button", name="退出登录").click()
    expect(opened.page.get_by_label("你是谁")).to_be_visible()


def test_the_focus_goes_to_the_heading_of_each_page(window: Opener, publisher: Person) -> None:
    code = publisher.publish(a_picture(), name="有标题的猫", forecast_num=500_000)
    opened = window("小明")
    for path, heading in (
        ("/#/mine", "小明"),
        (f"/#/task/{code}", "有标题的猫"),
        ("/#/publish", "埋下一个宝贝"),
        (f"/#/winners/{code}", "中奖者和发奖"),
        ("/#/", "广场"),
    ):
        opened.go(path)
        expect(opened.page.get_by_role("heading", name=heading, level=1)).to_be_focused()


def test_skipping_to_the_content_before_logging_in_does_not_hold_up_the_login(window: Opener) -> None:
    page = window(None).page
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
    page.get_by_role("button", name="阿强").click()
    expect(page.get_by_role("heading", name="广场")).to_be_visible()


@pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])
def test_the_first_view_is_small(
    window: Opener, publisher: Person, size: dict[str, int]
) -> None:
    picture = draw(oranges)
    for number in range(20):
        publisher.publish(picture, name=f"第{number}箱脐橙")
    opened = window("阿强")
    fresh = opened.context.browser.new_context(viewport=size)  # type: ignore[union-attr]
    page = fresh.new_page()
    page.goto(opened.address)
    page.evaluate(
        "person => sessionStorage.setItem('wabao.person', person)",
        opened.page.evaluate("sessionStorage.getItem('wabao.person')"),
    )
    network = fresh.new_cdp_session(page)
    network.send("Network.enable")
    network.send("Network.setCacheDisabled", {"cacheDisabled": True})
    received: list[float] = []
    network.on("Network.loadingFinished", lambda event: received.append(event["encodedDataLength"]))
    page.goto(f"{opened.address}/?")
    page.locator(".card").first.wait_for()
    usable_ms = page.evaluate(
        "performance.now() - performance.getEntriesByType('navigation')[0].responseStart"
    )
    page.wait_for_load_state("networkidle")
    transferred = sum(received)
    page.locator(".card").last.scroll_into_view_if_needed()
    expect(page.locator(".card img[data-src]").nth(18)).to_have_js_property("naturalWidth", 300)
    fresh.close()
    print(f"first view: {transferred / 1000:.0f} KB transferred, usable after {usable_ms:.0f} ms")  # noqa: T201
    assert transferred <= FIRST_VIEW_BYTES


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])
def test_every_page_fits_its_window_and_can_be_read(
    window: Opener, address: str, publisher: Person, scheme: str, size: dict[str, int]
) -> None:
    several = publisher.publish(
        a_picture(),
        name="很长很长" * 12,
        wxname="W" * 32,
        prize_num=20,
        interval=4,
        fluctuation=2,
        synopsis="介绍" * 300 + "x" * 300,
    )
    ended = publisher.publish(a_picture(), forecast_num=1)
    Person.log_in(address, "阿强").post("/postTask", code=ended)
    opened = window(None, viewport=size, color_scheme=scheme)
    _is_readable(opened)
    opened.log_in("阿强")
    for path, ready in (
        ("/", ".card"),
        (f"/#/task/{several}", ".people li"),
        (f"/#/task/{ended}", ".claim"),
        ("/#/publish", "form"),
        ("/#/mine/won", ".card"),
        (f"/#/winners/{ended}", ".toolbar"),
    ):
        opened.go(path)
        opened.page.locator(ready).first.wait_for()
        _is_readable(opened)
    opened.page.reload()


def _is_readable(opened: Window) -> None:
    assert opened.overflow() <= 0, opened.page.url
    faint = opened.page.evaluate(CONTRASTS.read_text(encoding="utf-8"))
    assert faint == [], opened.page.url


def test_all_of_it_works_by_keyboard(window: Opener, publisher: Person) -> None:
    code = publisher.publish(a_picture(), name="键盘上的猫", forecast_num=500_000)
    page = window(None).page
    for _ in range(3):  # the link to the content, the brand, the field
        page.keyboard.press("Tab")
    page.keyboard.type("阿强")
    page.keyboard.press("Enter")
    link = page.locator(f".card[href='#/task/{code}']")
    link.wait_for()
    for _ in range(60):
        page.keyboard.press("Tab")
        if link.evaluate("link => link === document.activeElement"):
            break
    page.keyboard.press("Enter")
    expect(page.get_by_text("第 1 层，什么也没有")).to_be_visible()
    for _ in range(20):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.classList.contains('dig')"):
            break
    page.keyboard.press("Space")
    expect(page.get_by_text("第 2 层，什么也没有")).to_be_visible()
