"""The client in a real browser: pages that are shown again, and replies that newer frames overtake."""

import re

import pytest
from playwright.sync_api import Page, Route, expect

from support.browser import Person, run_until, scroll_down_to
from support.client import a_picture

SOONER_MS = 5_000  # than the page's own interval
FIRST_VIEW_BYTES = 160_000
CAT = a_picture()


def publish_many(
    address: str, number: int, picture: bytes = CAT, kind: str = "", **parameters: int
) -> list[str]:
    """Publish as ten people, since a page of the square has at most three of each; return the codes."""
    people = [Person.log_in(address, f"埋宝的{one}") for one in "甲乙丙丁戊己庚辛壬癸"]
    return [people[n % 10].publish(picture, name=f"{kind}第{n}只猫", **parameters) for n in range(number)]


def test_the_square_grows_with_scrolling_and_shows_ended_tasks(window, address, publisher):
    kind = "滚动"  # no treasure of another test, as the square lists only the first 25 pages
    ended = publisher.publish(a_picture(), name=f"{kind}挖完的猫", forecast_num=1)
    Person.log_in(address, "阿强").post("/postTask", code=ended)
    publish_many(address, 21, kind=kind)
    page = window("朵朵").page
    page.get_by_label("搜宝贝或发布者").fill(kind)
    expect(page.locator(".card", has_not_text=kind)).to_have_count(0)
    expect(page.locator(".card").first).to_be_visible()
    scroll_down_to(page, page.get_by_text("就这些了"))
    codes = page.locator(".cards li").evaluate_all("all => all.map(one => one.dataset.code)")
    assert len(codes) == len(set(codes)) == 22
    over = page.locator(".cards[aria-label=已经结束] li", has_text="挖完的猫")
    expect(over.get_by_text("已结束")).to_be_attached()
    page.evaluate("scrollTo(0, 0)")
    renew(page)
    expect(page.locator(".cards li")).to_have_count(20)  # cards far below the view are dropped


def test_an_ended_task_keeps_its_place_under_the_finger_and_leaves_with_the_next_visit(
    window, address, publisher
):
    picture = a_picture()
    kind = "离开"
    ended, next_to_it = (publisher.publish(picture, name=f"{kind}{name}") for name in ("结束的", "留下的"))
    publish_many(address, 8, kind=kind)
    page = window("朵朵").page
    with page.expect_response(re.compile("name=")):
        page.get_by_label("搜宝贝或发布者").fill(kind)
    expect(page.locator(".card", has_not_text=kind)).to_have_count(0)
    expect(page.locator(".card").first).to_be_visible()
    card = page.locator(f"[aria-label=正在进行] [data-code='{ended}']")
    # All is read: while a page is on its way, nothing is renewed.
    scroll_down_to(page, page.get_by_text("就这些了"))
    card.scroll_into_view_if_needed()
    tops = "all => all.map(one => [one.dataset.code, one.getBoundingClientRect().top])"
    before = page.locator(".cards li").evaluate_all(tops)
    publisher.post("/endTask", code=ended)
    publisher.publish(picture, name=f"{kind}后来的")  # it comes last until the next visit
    renew(page)
    expect(card.get_by_text("已结束", exact=True)).to_be_visible(timeout=SOONER_MS)
    after = page.locator(".cards li").evaluate_all(tops)[: len(before)]
    assert [code for code, _ in after] == [code for code, _ in before]
    # Positions are fractions of a pixel.
    assert [top for _, top in after] == pytest.approx([top for _, top in before], abs=2)
    page.get_by_role("link", name="发布", exact=True).click()
    page.get_by_role("link", name="广场", exact=True).click()
    expect(page.locator(f"[data-code='{next_to_it}']")).to_be_attached()
    expect(card).to_have_count(0, timeout=SOONER_MS)


def renew(page: Page) -> None:
    """Make the square renew itself, as when the network comes back."""
    page.evaluate("dispatchEvent(new Event('online'))")


def test_details_from_before_an_end_do_not_undo_it(window, publisher):
    code = publisher.publish(a_picture(), goods_type=1, money=1, forecast_num=100_000)
    page = window("小明", f"/#/task/{code}").page
    expect(page.get_by_role("button", name="支付 1 元")).to_be_visible()
    expect(page.locator(".watchers")).to_be_visible()
    asked: list[str] = []
    ending = page.locator(".ending")

    def let_an_end_pass(route: Route) -> None:
        before = route.fetch()
        opened = before.json()["data"]["need_pay"] == 0 and not before.json()["data"]["status"]
        if opened:
            publisher.post("/endTask", code=code)
            expect(ending).to_have_text("发布者结束了这个宝贝")
        route.fulfill(response=before)
        asked[:] = [] if opened else [route.request.url]

    page.route("**/getTaskDetails*", let_an_end_pass)
    publisher.pay(code, 1)
    expect(page.get_by_role("heading", name="我发布的")).to_be_visible()
    expect(ending).to_have_text("发布者结束了这个宝贝")
    expect(page.locator(".dig")).to_have_text("已结束")
    run_until(page, lambda: bool(asked))  # the page asks again, since the reply was from before the end


def test_no_line_says_that_one_can_dig_under_a_running_countdown(window, address, publisher):
    code = publisher.publish(a_picture(), cd=2, forecast_num=500_000)
    page = window("阿强", f"/#/task/{code}").page
    said = page.locator(".said")
    expect(said).to_have_text("第 1 层，什么也没有")
    expect(said).to_have_text("冷却结束，大家一起抢！")
    Person.log_in(address, "阿强").post("/postTask", code=code)  # an earlier participant digs again
    expect(page.locator(".dig")).to_have_attribute("data-kind", "cooling")
    expect(said).not_to_have_text("冷却结束，大家一起抢！", timeout=SOONER_MS)


def test_a_long_cooldown_fits_into_its_ring(window, publisher):
    never_at_once = {"prize_num": 2, "interval": 300, "fluctuation": 0}
    code = publisher.publish(a_picture(), cd=3600, **never_at_once)
    page = window("朵朵", f"/#/task/{code}").page  # opening the treasure also digs
    time = page.locator(".dig strong")
    expect(time).to_have_text(re.compile(r"^(1:00:00|59:\d\d)$"))
    ring = page.locator(".dig").bounding_box()
    inside = time.bounding_box()
    assert ring is not None
    assert inside is not None
    assert inside["width"] <= ring["width"] - 24


def test_the_newest_people_are_shown_live_and_earlier_ones_on_request(window, address, publisher):
    code = publisher.publish(a_picture(), forecast_num=500_000)
    for number in range(1, 63):
        Person.log_in(address, f"第{number}人").post("/postTask", code=code)
    page = window("小明", f"/#/task/{code}").page
    people = page.locator(".people li > span")
    expect(people).to_have_count(60)
    assert people.all_text_contents() == [f"第{number}人" for number in range(62, 2, -1)]
    Person.log_in(address, "第63人").post("/postTask", code=code)
    expect(people.first).to_have_text("第63人")
    expect(people).to_have_count(60)
    expect(page.locator(".count")).to_have_text("63 人")
    page.get_by_role("button", name="看更早的人（还有 3 人）").click()
    expect(people).to_have_text([f"第{number}人" for number in range(63, 0, -1)])
    expect(page.get_by_role("button", name="看更早的人")).to_be_hidden()


def test_an_address_that_names_nothing_shows_the_square(window, publisher):
    publisher.publish(a_picture())
    opened = window("阿强", "/healthz")
    for address_part in ("#/task/%E0%A4%A", "#/nowhere", "?code=%E0%A4%A"):
        opened.page.goto("about:blank")  # so that each is opened as by a link
        opened.go(f"/{address_part}")
        expect(opened.page.locator(".card").first).to_be_visible()
        expect(opened.page.get_by_role("link", name="广场")).to_have_attribute("aria-current", "page")


def test_a_browser_that_blocks_storage_still_plays(window, publisher):
    code = publisher.publish(a_picture(), forecast_num=1)
    opened = window(None)
    opened.page.add_init_script("""for (const storage of ["localStorage", "sessionStorage"])
        Object.defineProperty(window, storage, {
            get() { throw new DOMException("blocked", "SecurityError"); }
        })""")
    opened.page.reload()
    opened.log_in("阿强", digs=None)
    opened.page.locator(f".card[href='#/task/{code}']").click()
    opened.page.locator("button.dig").click()
    opened.page.get_by_role("button", name="去领取").click()
    opened.page.get_by_role("button", name="验证这次抽奖").click()
    expect(opened.page.locator(".verdict")).to_have_text("验证通过：全部相符")
    opened.page.get_by_role("link", name="我的").click()
    opened.log_out()
    expect(opened.page.get_by_label("你是谁")).to_be_visible()


def test_the_focus_goes_to_the_heading_of_each_page(window, publisher):
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


def test_skipping_to_the_content_before_logging_in_does_not_hold_up_the_login(window):
    page = window(None).page
    page.get_by_role("button", name="阿强").wait_for()  # keys are lost before the first paint
    page.keyboard.press("Tab")
    expect(page.locator(".skip")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
    page.get_by_role("button", name="阿强").click()
    expect(page.get_by_role("heading", name="广场")).to_be_visible()


def test_the_first_view_is_small(window, address):
    publish_many(address, 20, a_picture(960, 720))
    opened = window("阿强", "/healthz")
    page = opened.page
    network = opened.context.new_cdp_session(page)
    network.send("Network.enable")
    network.send("Network.setCacheDisabled", {"cacheDisabled": True})
    received: list[float] = []
    network.on("Network.loadingFinished", lambda event: received.append(event["encodedDataLength"]))
    opened.go("/")
    page.locator(".card").first.wait_for()
    page.wait_for_load_state("networkidle")
    transferred = sum(received)
    page.locator(".card").last.scroll_into_view_if_needed()
    expect(page.locator(".card img[data-src]").nth(18)).to_have_js_property("naturalWidth", 300)
    assert transferred <= FIRST_VIEW_BYTES
