"""The client in a real browser, while its websocket or its requests are cut short."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Route, WebSocket, WebSocketRoute, expect

from support.browser import Person, Window, open_window, write_record
from support.client import a_picture
from support.screen import IN_ORDER, operate

REFUSED = {"error": "too_many", "msg": "太频繁了，歇一会儿再来"}
TURNED = "\u2069\u202eevil 12"  # ends an isolate, then reverses the direction of the text after it
SOONER_MS = 5_000  # than the page's own interval


@pytest.fixture
def watcher(browser: Browser, address: str) -> Iterator[Window]:
    opened = open_window(browser, address, reduced_motion="reduce")
    yield opened
    opened.close()
    assert opened.wrong == []


@pytest.fixture
def sockets(watcher: Window) -> list[WebSocketRoute]:
    """The watcher's websockets in the order of their opening, each connected to the server."""
    opened: list[WebSocketRoute] = []

    def connect(route: WebSocketRoute) -> None:
        route.connect_to_server()
        opened.append(route)

    watcher.page.route_web_socket("**/ws*", connect)
    return opened


def test_a_dig_whose_reply_comes_after_the_end_does_not_undo_it(watcher, address):
    code = Person.log_in(address, "小明").publish(a_picture(), prize_num=2, interval=300, fluctuation=0)
    sockets: list[WebSocket] = []

    def keep(opened: WebSocket) -> None:
        sockets.append(opened)

    def let_an_end_pass(route: Route) -> None:
        before = route.fetch()
        with sockets[-1].expect_event("framereceived", lambda frame: '"type":"end"' in frame):
            operate(address, "/ops/end", code=code)
        route.fulfill(response=before)

    watcher.page.on("websocket", keep)
    watcher.page.route("**/postTask", let_an_end_pass)
    watcher.begin_as("阿强")
    watcher.go(f"/#/task/{code}")
    expect(watcher.page.locator(".said")).to_have_text("第 1 层，什么也没有")
    expect(watcher.page.locator(".ending")).to_contain_text("平台结束了这个宝贝：违法")
    expect(watcher.page.locator(".dig")).to_have_text("已结束")


def test_the_square_is_renewed_when_the_channel_is_back(watcher, address, sockets):
    name = "断线时埋下的猫"
    publisher = Person.log_in(address, name)
    publisher.publish(a_picture(), name="早就埋下的猫")
    watcher.begin_as(name)
    watcher.go("/")
    page = watcher.page
    expect(page.locator(".card", has_text="早就埋下的猫").first).to_be_visible()
    publisher.publish(a_picture(), name=name)
    sockets[0].close(code=4008, reason="too slow")
    expect(page.locator(".card h2", has_text=name)).to_be_visible(timeout=SOONER_MS)


def test_the_winners_are_read_anew_when_the_channel_is_back(watcher, address, sockets):
    code = Person.log_in(address, "小明").publish(a_picture(), forecast_num=1)
    watcher.begin_as("小明")
    watcher.go(f"/#/winners/{code}")
    expect(watcher.page.get_by_text("还没有人挖到")).to_be_visible()
    Person.log_in(address, "阿强").post("/postTask", code=code)
    sockets[0].close(code=4008, reason="too slow")
    expect(watcher.page.locator(".winners li", has_text="阿强")).to_be_visible()


def test_a_persons_own_page_renews_everything_as_time_passes(watcher, address):
    publisher = Person.log_in(address, "埋了很多的人")
    picture = a_picture()
    for number in range(21):
        publisher.publish(picture, name=f"第{number}只猫")
    page = watcher.page
    watcher.hold_clock()
    watcher.begin_as("埋了很多的人")
    page.route("**/getMyRelease*", lambda route: route.fulfill(json={"status": 1, **REFUSED}))
    watcher.go("/#/mine/published")
    expect(page.get_by_role("button", name="再试一次")).to_be_visible()
    page.unroute("**/getMyRelease*")
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    page.get_by_role("button", name="更多").click()  # also a list that a renewal read offers what follows
    expect(page.locator(".card")).to_have_count(21)
    publisher.publish(picture, name="后来的猫")
    page.clock.fast_forward(20_000)
    expect(page.locator(".card")).to_have_count(22)
    expect(page.locator(".card h2").first).to_have_text("后来的猫")
    expect(page.locator(".numbers dd").last).to_have_text("22个宝贝")


def test_a_page_says_that_its_numbers_cannot_be_read(watcher):
    page = watcher.page
    problem = page.get_by_text(REFUSED["msg"])

    def after_the_numbers(route: Route) -> None:
        expect(problem).to_be_visible()
        route.continue_()

    page.route("**/getMyInfo*", lambda route: route.fulfill(json={"status": 1, **REFUSED}))
    page.route("**/getMyRelease*", after_the_numbers)
    watcher.begin_as("没埋过的人")
    watcher.go("/#/mine/published")
    expect(page.get_by_text("还没有发布过宝贝")).to_be_visible()
    expect(problem).to_be_visible()


def test_a_name_that_changes_the_direction_of_text_turns_none_of_our_words(watcher, address, shared):
    code = Person.log_in(address, "小明").publish(a_picture(), prize_num=2, interval=2, fluctuation=0)
    watcher.begin_as("小明")
    watcher.go(f"/#/task/{code}")
    page = watcher.page
    expect(page.locator(".watchers")).to_be_visible()
    diggers = [Person.log_in(address, user) for user in ("阿花", "阿强")]
    for digger in diggers:
        write_record(shared.data_dir, "people", digger.id, nickName=TURNED)
    diggers[0].post("/postTask", code=code)
    expect(page.locator(".said")).to_contain_text("来挖了一锹")
    assert page.locator(".said").evaluate(IN_ORDER, "来挖了一锹") is True
    diggers[1].post("/postTask", code=code)
    expect(page.locator(".said")).to_contain_text("挖到了！")
    assert page.locator(".said").evaluate(IN_ORDER, "挖到了！") is True
