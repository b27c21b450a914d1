"""A treasure's page while the random order is drawn."""

import pytest
from playwright.sync_api import expect

from support.browser import Person, run_until, show_all_fields
from support.client import a_picture
from support.servers import Running


@pytest.fixture(scope="module")
def address(strict: Running) -> str:
    return strict.address


def test_a_dig_just_after_a_cooldown_says_that_an_order_is_drawn(window, address, publisher):
    code = publisher.publish(a_picture(), cd=3)
    opened = window(None, "/#/publish")
    page = opened.page
    speed = page.get_by_text("冷却结束后 3 秒内按下的，由抽签决定先后")
    page.get_by_text("大家一起抢，同时按下的抽签").wait_for()
    expect(speed).to_have_count(0)  # who comes first reads no numbers
    opened.log_in("小红", digs=False)
    show_all_fields(page)
    speed.wait_for()
    opened.go(f"/#/task/{code}")
    page.get_by_text("规则、承诺和随机数").click()
    speed.wait_for()
    button = page.locator("button.dig")
    Person.log_in(address, "first").post("/postTask", code=code)
    page.locator("button.dig[data-kind=cooling]").wait_for()
    page.locator("button.dig[data-kind=ready]").wait_for()
    button.click()
    page.locator(".said", has_text="同时按下的一起抽签…").wait_for()
    page.locator("button.dig", has_text="抽签中").wait_for()
    assert button.get_attribute("aria-busy") == "true"
    page.get_by_text("第 2 层，什么也没有").wait_for()
    page.locator("button.dig", has_text="秒后大家可挖").wait_for()


def test_who_lost_to_the_random_order_reads_to_whom_and_nothing_replaces_it(window, address, publisher):
    code = publisher.publish(a_picture(), cd=60)
    page = window("小红", "/#/publish").page
    lost = {"status": 1, "error": "cooling_down", "msg": "", "time": 60, "cd_until": 0, "pressed": 5}
    page.route("**/postTask", lambda route: route.fulfill(json=lost))
    page.goto(f"{address}/#/task/{code}")
    said = page.locator(".shaft .said")
    expect(said).to_have_text("你和另外 4 人同时按下，抽中了别人")
    Person.log_in(address, "石头").post("/postTask", code=code)
    expect(page.locator(".people li", has_text="石头")).to_be_visible()
    expect(said).to_have_text("你和另外 4 人同时按下，抽中了石头")


def test_offline_the_button_waits_for_the_network_and_the_banner_does_not_move_it(window, publisher):
    code = publisher.publish(a_picture(), cd=1)
    opened = window("小红", f"/#/task/{code}", viewport={"width": 740, "height": 360})
    page = opened.page
    button = opened.page.locator("button.dig")
    expect(page.locator(".level b")).to_have_text("1")  # opening the treasure also digs
    page.locator("button.dig[data-kind=ready]").wait_for()
    run_until(page, lambda: page.evaluate("[...document.images].every((picture) => picture.complete)"))
    placed = button.bounding_box()
    assert placed is not None
    assert placed["y"] + placed["height"] <= 360
    opened.context.set_offline(True)
    button.click()
    expect(button).to_contain_text("等网络")
    expect(page.locator("#banner")).to_contain_text("断开")
    assert button.bounding_box() == placed
    opened.context.set_offline(False)
    expect(page.locator("#banner")).to_have_text("")
    opened.wrong.clear()  # Chromium logs that the network was gone


def test_back_focuses_the_card_that_was_left(window, publisher):
    code = publisher.publish(a_picture())
    page = window("小红", "/").page
    card = page.locator(f"[data-code='{code}'] a.card")
    card.click()
    page.locator("button.dig").wait_for()
    page.go_back()
    expect(card).to_be_focused()


def test_beside_the_publishers_name_one_taps_the_card(window, publisher):
    code = publisher.publish(a_picture())
    page = window("小红", "/").page
    row = page.locator(f"[data-code='{code}'] .publisher")
    row.locator("a").wait_for()
    row.click(position={"x": row.bounding_box()["width"] - 4, "y": 8}, force=True)
    page.locator("button.dig").wait_for()


def test_a_task_without_a_cooldown_tells_of_no_random_order(window, publisher):
    code = publisher.publish(a_picture(), cd=0)
    page = window("小红", f"/#/task/{code}").page
    page.get_by_text("第 1 层，什么也没有").wait_for()
    page.get_by_text("规则、承诺和随机数").click()
    page.get_by_text("规则：1 份奖品").wait_for()
    assert page.get_by_text("抽签").count() == 0
