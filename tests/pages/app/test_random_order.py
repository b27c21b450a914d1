"""A treasure's page while the random order is drawn."""

import pytest

from support.browser import Person
from support.client import a_picture
from support.servers import Running


@pytest.fixture(scope="module")
def address(strict: Running) -> str:
    return strict.address


def test_a_dig_just_after_a_cooldown_says_that_an_order_is_drawn(window, address, publisher):
    code = publisher.publish(a_picture(), cd=4)
    Person.log_in(address, "first").post("/postTask", code=code)
    opened = window(None, "/#/publish")
    page = opened.page
    speed = page.get_by_text("冷却结束后 3 秒内按下的，由抽签决定先后")
    speed.wait_for()
    opened.log_in("小红")
    page.get_by_label("每锹之后冷却几秒").wait_for()
    speed.wait_for()
    opened.go(f"/#/task/{code}")
    page.get_by_text("规则、承诺和随机数").click()
    speed.wait_for()
    button = page.locator("button.dig")
    page.locator("button.dig[data-kind=ready]").wait_for()
    button.click()
    page.locator("button.dig", has_text="抽签中").wait_for()
    assert button.get_attribute("aria-busy") == "true"
    page.get_by_text("第 2 层，什么也没有").wait_for()
    page.locator("button.dig", has_text="秒后可挖").wait_for()


def test_a_task_without_a_cooldown_tells_of_no_random_order(window, publisher):
    code = publisher.publish(a_picture(), cd=0)
    page = window("小红", f"/#/task/{code}").page
    page.get_by_text("第 1 层，什么也没有").wait_for()
    page.get_by_text("规则、承诺和随机数").click()
    page.get_by_text("规则：1 份奖品").wait_for()
    assert page.get_by_text("抽签").count() == 0
