"""Reporting a treasure takes two taps; one that was taken down has no name or picture, and cannot be paid."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from support.browser import Person, a_server, needs_chromium
from support.client import a_picture
from support.screen import TOKEN, take_down

pytestmark = needs_chromium


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a running server that has operators."""
    with a_server(tmp_path_factory.mktemp("pages"), OPS_TOKEN=TOKEN) as running:
        yield running.address


def test_a_treasure_is_reported_in_two_taps(window, publisher):
    code = publisher.publish(a_picture())
    page = window("小红", f"/#/task/{code}").page
    page.get_by_role("button", name="举报").click()
    with page.expect_response("**/report") as answered:
        page.get_by_role("button", name="色情低俗").click()
    assert answered.value.json()["status"] == 0
    page.get_by_text("已收到举报").wait_for()
    assert page.get_by_role("dialog").count() == 0


def test_a_digger_sees_in_their_list_that_a_task_was_taken_down(window, publisher, address):
    code = publisher.publish(a_picture(), name="违法的猫")
    Person.log_in(address, "大熊").post("/postTask", code=code)
    take_down(address, code)
    page = window("大熊", "/#/mine/dug").page
    card = page.locator(f"[data-code='{code}']")
    expect(card.locator("h2")).to_have_text("看不到的宝贝")
    expect(card.locator(".state")).to_have_text("看不到了")
    expect(card.locator("img").first).to_be_hidden()


def test_a_task_that_was_taken_down_offers_its_publisher_no_payment(window, publisher, address):
    code = publisher.publish(a_picture(), goods_type=1, money=1, forecast_num=100_000)
    page = window("小明", f"/#/task/{code}").page
    pay = page.get_by_role("button", name="支付 1 元")
    expect(pay).to_be_visible()
    take_down(address, code)
    page.reload()
    expect(page.get_by_text("平台下架了它")).to_be_visible()
    expect(pay).to_have_count(0)
