"""An empty square, an empty list, and a page of something that is not there say where to go on."""

from playwright.sync_api import Route, expect

from support.browser import Person
from support.client import a_picture
from support.screen import is_readable


def test_an_empty_square_says_where_to_publish_and_how_to_start_a_crowd(window):
    opened = window("小红", color_scheme="dark")
    page = opened.page

    def as_on_the_first_day(route: Route) -> None:
        reply = route.fetch()
        route.fulfill(response=reply, json={**reply.json(), "data": [], "featured": [], "more": 0})

    page.route("**/getTaskList*", as_on_the_first_day)
    page.reload()
    expect(page.get_by_text("python -m server crowd")).to_be_visible()
    is_readable(opened)
    page.get_by_role("button", name="跳过").click()
    page.get_by_role("button", name="先练三锹").click()
    expect(page.get_by_role("heading", name="先练三锹")).to_be_visible()
    page.locator("main").get_by_role("link", name="埋一个").click()
    expect(page.get_by_role("heading", name="埋下一个宝贝")).to_be_visible()


def test_lists_that_are_empty_and_pages_of_others_say_where_to_go_on(window, publisher):
    code = publisher.publish(a_picture())
    opened = window("空手的人", "/#/mine/published")
    page = opened.page
    expect(page.locator("main").get_by_role("link", name="埋一个")).to_have_attribute("href", "#/publish")
    for which in ("dug", "won", "digs"):
        opened.go(f"/#/mine/{which}")
        expect(page.get_by_role("link", name="去广场看看")).to_be_visible()
    opened.go(f"/#/edit/{code}")
    expect(page.get_by_text("只有发布者可以改")).to_be_visible()
    page.get_by_role("link", name="回到宝贝").click()
    expect(page.get_by_text("一起挖的人")).to_be_visible()
    Person.log_in(publisher.address, "空手的人").post("/postTask", code=code)
    opened.go("/#/mine/dug")
    expect(page.locator("main").get_by_role("link", name="一只猫")).to_be_visible()
    expect(page.get_by_role("link", name="去广场看看")).to_be_hidden()


def test_the_page_of_a_publisher_whom_nobody_knows_leads_on_and_has_no_empty_panel(window):
    page = window("路过的人", "/#/by/0123456789a").page
    expect(page.locator("main .blank")).to_contain_text("没有")
    expect(page.locator("main .panel")).to_be_hidden()
    expect(page.get_by_role("button", name="再试一次")).to_be_hidden()  # it would help nobody
    expect(page.get_by_role("link", name="去广场看看")).to_be_visible()


def test_a_list_that_was_not_read_can_be_read_again(window, publisher):
    code = publisher.publish(a_picture(), name="读两次的猫")
    by = publisher.get("/getTaskDetails", code=code)["data"]["publisher_id"]
    opened = window("读两次的人")
    page = opened.page
    again = page.get_by_role("button", name="再试一次")
    lists = {f"by/{by}": "读两次的猫", "follows": "还没有关注谁", "mine/digs": "还没有"}

    def fail(route: Route) -> None:
        route.abort()

    for path, words in lists.items():
        page.route("**/get*", fail)
        opened.go(f"/#/{path}")
        expect(again).to_be_visible()
        page.unroute("**/get*")
        again.click()
        expect(page.locator("main")).to_contain_text(words)
        expect(again).to_be_hidden()
    opened.wrong.clear()  # Chromium logs the requests that failed


def test_a_page_that_was_not_read_can_be_read_again_unless_it_is_refused(window, publisher):
    code = publisher.publish(a_picture(), name="再读的猫", forecast_num=500_000)
    opened = window("小明")
    page = opened.page
    again = page.get_by_role("button", name="再试一次")
    pages = {"task": "再读的猫", "edit": "改好了", "publish": "埋下一个宝贝", "winners": "还没有人挖到"}

    def fail(route: Route) -> None:
        route.abort()

    for path, words in pages.items():
        page.route("**/getTaskDetails*", fail)
        opened.go(f"/#/{path}/{code}")
        expect(page.get_by_text("网络不通")).to_be_visible()
        page.unroute("**/getTaskDetails*")
        again.click()
        expect(page.locator("main")).to_contain_text(words)
        expect(again).to_be_hidden()
        expect(page.get_by_text("网络不通")).to_be_hidden()
        expect(page.locator("h1:focus")).to_have_count(1)
    expect(page.locator("summary", has_text="谁挖了哪一层")).to_be_hidden()  # nobody dug
    Person.log_in(publisher.address, "老王").post("/postTask", code=code)
    page.route("**/getDigs*", fail)
    opened.go(f"/#/task/{code}")
    page.locator("summary", has_text="谁挖了哪一层").click()
    expect(page.locator(".problem", has_text="网络不通")).to_be_visible()
    page.unroute("**/getDigs*")
    again.click()
    expect(page.locator("details.panel", has_text="谁挖了哪一层")).to_contain_text("第 1 层")
    expect(again).to_be_hidden()
    expect(page.locator("summary:focus")).to_have_count(1)
    for name, path, drawn in (("分享", "getSharePic", "img"), ("活动规则", "getRules", "h3")):
        page.route(f"**/{path}*", fail)
        page.get_by_role("button", name=name, exact=True).click()
        dialog = page.get_by_role("dialog")
        expect(dialog).to_contain_text("网络不通")
        page.unroute(f"**/{path}*")
        again.click()
        expect(dialog.locator(drawn).first).to_be_visible()
        expect(dialog.locator(":focus")).to_have_count(1)
        expect(again).to_be_hidden()
        page.keyboard.press("Escape")
    opened.go("/#/task/AAAAAAAAAAAA")
    expect(page.get_by_text("没有找到这个宝贝")).to_be_visible()
    expect(page.get_by_role("link", name="去广场看看")).to_be_visible()
    expect(again).to_be_hidden()
    other = window("朵朵", f"/#/winners/{code}")
    expect(other.page.get_by_text("只有发布者本人才能这样做")).to_be_visible()
    expect(other.page.get_by_role("button", name="再试一次")).to_be_hidden()
    opened.wrong.clear()  # Chromium logs the requests that failed
