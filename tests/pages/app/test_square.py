"""The square: its first view, how it grows and is narrowed, and the way back to it."""

import random

from playwright.sync_api import Route, expect

from support.browser import PHONE, Person, run_until, scroll_down_to
from support.client import a_picture

FIRST_VIEW_BYTES = 160_000


def test_the_first_view_is_small_and_grows_with_scrolling_and_the_tab_leads_to_its_top(window, address):
    kind = "滚动"  # no treasure of another test, as the square lists only the first 25 pages
    # A page of the square has at most three treasures of each person.
    people = [Person.log_in(address, f"埋宝的{one}") for one in "甲乙丙丁戊己庚"]
    picture = a_picture(960, 720)
    for number in range(21):
        people[number % 7].publish(picture, name=f"{kind}第{number}只猫")
    opened = window("朵朵", "/healthz")
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
    page.get_by_label("搜宝贝或发布者").fill(kind)
    expect(page.locator(".card", has_not_text=kind)).to_have_count(0)
    expect(page.locator(".card").first).to_be_visible()
    scroll_down_to(page, page.get_by_text("就这些了"))
    codes = page.locator(".cards li").evaluate_all("all => all.map(one => one.dataset.code)")
    assert len(codes) == len(set(codes)) == 21
    assert page.evaluate("scrollY > 100")
    with page.expect_response("**/getTaskList*"):
        page.locator("#nav").get_by_role("link", name="广场").click()
    run_until(page, lambda: page.evaluate("scrollY === 0"))
    expect(page.locator(".cards li")).to_have_count(20)  # cards far below the view are dropped


def test_back_on_the_square_it_is_as_narrow_as_before_and_the_card_left_has_the_focus(window, publisher):
    publisher.publish(name="窄红茶")
    wine = publisher.publish(name="窄红酒", draw_type=1)
    opened = window("朵朵", viewport=PHONE)
    page = opened.page
    sought = page.get_by_label("搜宝贝或发布者")
    cards = page.locator("[aria-label=正在进行] li")
    card = page.locator(f"[data-code='{wine}'] a.card")
    expect(card).to_be_visible()
    sought.fill("窄红")
    expect(cards).to_have_count(2)
    page.get_by_label("现场领", exact=True).check()
    expect(cards).to_have_count(1)
    assert opened.overflow() <= 0
    row = page.locator(f"[data-code='{wine}'] .publisher")
    box = row.bounding_box()
    assert box is not None
    row.click(position={"x": box["width"] - 4, "y": 8}, force=True)  # the publisher's name is a link
    page.locator("button.dig").wait_for()
    page.go_back()
    expect(card).to_be_focused()
    expect(sought).to_have_value("窄红")
    expect(cards).to_have_count(1)


def test_a_square_in_sight_renews_what_its_cards_say_and_moves_none(window, publisher):
    name = f"鼓点{random.randrange(10**9)}"
    code = publisher.publish(a_picture(), name=f"{name}甲", forecast_num=40_000, cd=0)
    publisher.publish(a_picture(), name=f"{name}乙")
    opened = window(path="/healthz")
    page = opened.page
    opened.hold_clock()
    opened.begin_as("看着不动的人")
    opened.go("/")
    page.get_by_label("搜宝贝或发布者").fill(name)
    page.clock.fast_forward(300)
    cards = page.locator("[aria-label=正在进行] .card")
    expect(cards).to_have_count(2)
    order = page.locator(".card h2").all_inner_texts()
    Person.log_in(publisher.address, "老王").post("/postTask", code=code)
    page.clock.fast_forward(15_000)
    expect(page.get_by_text("挖到第 1 层")).to_be_visible()
    assert page.locator(".card h2").all_inner_texts() == order


def test_an_empty_square_says_where_to_publish_and_how_to_start_a_crowd(window):
    page = window("小红").page

    def as_on_the_first_day(route: Route) -> None:
        reply = route.fetch()
        route.fulfill(response=reply, json={**reply.json(), "data": [], "featured": [], "more": 0})

    page.route("**/getTaskList*", as_on_the_first_day)
    page.reload()
    expect(page.get_by_text("python -m server crowd")).to_be_visible()
    page.locator("main").get_by_role("link", name="埋一个").click()
    expect(page.get_by_role("heading", name="埋下一个宝贝")).to_be_visible()
