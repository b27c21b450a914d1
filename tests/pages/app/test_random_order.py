"""A treasure's page while the random order is drawn."""

from playwright.sync_api import expect

from support.browser import Person, show_all_fields
from support.client import a_picture


def test_a_dig_just_after_a_cooldown_says_that_an_order_is_drawn_and_who_lost_to_whom(
    window, address, publisher
):
    code = publisher.publish(a_picture(), cd=2)
    opened = window(None, "/#/publish")
    page = opened.page
    speed = page.get_by_text("冷却结束后 1 秒内按下的，由抽签决定先后")
    page.get_by_text("大家一起抢，同时按下的抽签").wait_for()
    expect(speed).to_have_count(0)  # who comes first reads no numbers
    opened.log_in("小红", digs=False)
    show_all_fields(page)
    speed.wait_for()
    opened.go(f"/#/task/{code}")
    page.get_by_text("规则、承诺和随机数").click()
    speed.wait_for()
    button = page.locator("button.dig")
    said = page.locator(".shaft .said")
    others = [Person.log_in(address, user) for user in ("石头", "小满")]
    others[0].post("/postTask", code=code)
    page.locator("button.dig[data-kind=cooling]").wait_for()
    page.locator("button.dig[data-kind=ready]").wait_for()
    button.click()
    expect(said).to_have_text("同时按下的一起抽签…")
    page.locator("button.dig[aria-busy=true]", has_text="抽签中").wait_for()
    expect(said).to_have_text("第 2 层，什么也没有")
    page.locator("button.dig[data-kind=cooling]").wait_for()
    page.locator("button.dig[data-kind=ready]").wait_for()
    lost = {"status": 1, "error": "cooling_down", "msg": "", "time": 60, "cd_until": 0, "pressed": 5}
    page.route("**/postTask", lambda route: route.fulfill(json=lost))
    button.click()
    expect(said).to_have_text("你和另外 4 人同时按下，抽中了别人")
    others[1].post("/postTask", code=code)
    expect(page.locator(".people li", has_text="小满")).to_be_visible()
    expect(said).to_have_text("你和另外 4 人同时按下，抽中了小满")
