"""Addresses, pages and lists: what is not there or was not read, and what leads on."""

import re

from playwright.sync_api import Page, expect

from support.browser import Person


def fail(page: Page) -> None:
    """Let each read of the page fail from now on."""
    page.route("**/get*", lambda route: route.abort())


def read_again(page: Page, words: str) -> None:
    """Press the button that reads again what was not read."""
    again = page.get_by_role("button", name="再试一次")
    expect(again).to_be_visible()
    page.unroute("**/get*")
    again.click()
    expect(page.locator("main")).to_contain_text(words)
    expect(again).to_be_hidden()


def test_what_was_not_read_can_be_read_again_unless_it_is_refused(window, publisher):
    code = publisher.publish(name="再读的猫", forecast_num=500_000)
    by = publisher.get("/getTaskDetails", code=code)["data"]["publisher_id"]
    opened = window("小明")
    page = opened.page
    lists = {"follows": "还没有关注谁", f"by/{by}": "再读的猫", "mine/published": "再读的猫"}
    pages = {"edit": "保存", "publish": "埋下一个宝贝", "winners": "还没有人挖到", "task": "再读的猫"}
    for path, words in lists.items():
        fail(page)
        opened.go(f"/#/{path}")
        read_again(page, words)
    expect(page.locator(".numbers dd")).not_to_have_count(0)
    for asked in ("get*", "getMyInfo*"):
        for which in ("published", "digs", "finds"):
            opened.go("/#/follows")
            page.route(f"**/{asked}", lambda route: route.abort())
            opened.go(f"/#/mine/{which}")
            again = page.get_by_role("button", name="再试一次")
            expect(again).to_have_count(1)
            expect(page.get_by_text("网络不通")).to_have_count(1)
            page.unroute(f"**/{asked}")
            again.click()
            expect(page.locator(".numbers dd").first).to_be_visible()
            expect(page.get_by_text("网络不通")).to_have_count(0)
    lists_alone = re.compile("/getMy(Release|Prize)")
    page.route(lists_alone, lambda route: route.abort())
    opened.go("/#/mine")  # which read the numbers by which to choose a list
    again = page.get_by_role("button", name="再试一次")
    expect(again).to_be_visible()
    page.unroute(lists_alone)
    with page.expect_request("**/getMyInfo*", timeout=5_000):  # sooner than the page asks by itself
        again.click()
    for path, words in pages.items():
        fail(page)
        opened.go(f"/#/{path}/{code}")
        read_again(page, words)
        expect(page.locator("h1:focus")).to_have_count(1)
    digs = page.locator("summary", has_text="谁挖了哪一层")
    expect(digs).to_be_hidden()  # nobody dug
    Person.log_in(publisher.address, "老王").post("/postTask", code=code)
    fail(page)
    digs.click()
    read_again(page, "第 1 层")
    expect(page.locator("summary:focus")).to_have_count(1)
    dialog = page.get_by_role("dialog")
    for name, drawn in (("分享", "img"), ("活动规则", "h3")):
        fail(page)
        page.get_by_role("button", name=name, exact=True).click()
        expect(dialog).to_contain_text("网络不通")
        page.unroute("**/get*")
        page.get_by_role("button", name="再试一次").click()
        expect(dialog.locator(drawn).first).to_be_visible()
        expect(dialog.locator(":focus")).to_have_count(1)
        page.keyboard.press("Escape")
    for path, said in (("task/AAAAAAAAAAAA", "没有找到这个宝贝"), ("by/0123456789a", "没有")):
        opened.go(f"/#/{path}")
        expect(page.locator("main")).to_contain_text(said)
        expect(page.get_by_role("link", name="去广场看看")).to_be_visible()
        expect(page.get_by_role("button", name="再试一次")).to_be_hidden()  # it would help nobody
    opened.wrong.clear()  # Chromium logs the requests that failed


def test_empty_lists_lead_on_and_an_address_that_names_nothing_shows_the_square(window, publisher):
    code = publisher.publish(draw_type=1, forecast_num=1)
    opened = window("空手的人", "/#/mine/published")
    page = opened.page
    expect(page.locator("main").get_by_role("link", name="埋一个")).to_have_attribute("href", "#/publish")
    for which in ("dug", "won", "digs"):
        opened.go(f"/#/mine/{which}")
        expect(page.get_by_role("link", name="去广场看看")).to_be_visible()
    opened.go(f"/#/edit/{code}")
    expect(page.get_by_text("只有发布者可以改")).to_be_visible()
    page.get_by_role("link", name="回到宝贝").click()
    expect(page.get_by_role("heading", name="恭喜，你挖到了！")).to_be_visible()
    for path in ("#/task/%E0%A4%A", "#/nowhere", "?code=%E0%A4%A"):
        page.goto("about:blank")  # so that each is opened as by a link
        opened.go(f"/{path}")
        expect(page.locator(".card").first).to_be_visible()
        expect(page.get_by_role("link", name="广场")).to_have_attribute("aria-current", "page")
    pickup = Person.log_in(publisher.address, "空手的人").claim(code)["pickup"]
    owner = window("小明")
    owner.go(f"/?code={code}&pickup={pickup}")  # as a winner's code says
    expect(owner.page.get_by_label("中奖者的 6 位取件码")).to_have_value(pickup)


def test_a_persons_own_page_renews_everything_as_time_passes(window, address):
    user = "埋了又埋的人"
    publisher = Person.log_in(address, user)
    publisher.publish(name="先来的猫")
    opened = window(path="/healthz")
    page = opened.page
    opened.hold_clock()
    opened.begin_as(user)
    opened.go("/#/mine/published")
    expect(page.locator(".card")).to_have_count(1)
    publisher.publish(name="后来的猫")
    page.clock.fast_forward(20_000)
    expect(page.locator(".card h2")).to_have_text(["后来的猫", "先来的猫"])
    expect(page.locator(".numbers dd").last).to_have_text("2个宝贝")
