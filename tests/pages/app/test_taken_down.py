"""A publisher's open page while an operator takes the treasure down and shows it again."""

from playwright.sync_api import Page, Route, expect

from support.browser import PHONE
from support.client import a_picture
from support.screen import take_down

UNPAID = {"goods_type": 1, "money": 1, "forecast_num": 100_000}  # only what is paid can be shared
OFFERED = [(UNPAID, ["支付 1 元"]), ({}, ["分享", "分享给朋友"])]


def offers(page: Page, number: int, *names: str) -> None:
    for name in names:
        expect(page.get_by_role("button", name=name, exact=True)).to_have_count(number)


def test_paying_and_sharing_are_not_offered_for_what_is_taken_down(window, address, publisher):
    opened = window("小明", viewport=PHONE)
    for rules, names in OFFERED:
        code = publisher.publish(a_picture(), **rules)
        opened.go(f"/#/task/{code}")
        expect(opened.page.locator(".watchers")).to_be_visible()  # the page gets frames
        offers(opened.page, 1, *names)
        take_down(address, code)
        expect(opened.page.locator(".review")).to_contain_text("平台下架了它")
        expect(opened.page.locator(".review")).to_contain_text("违法")
        expect(opened.page.locator(".review")).to_contain_text("有疑问请联系客服")
        offers(opened.page, 0, *names)
        assert opened.overflow() <= 0
        take_down(address, code, hidden=0)
        expect(opened.page.locator(".review")).to_be_hidden()
        offers(opened.page, 1, *names)


def test_a_page_of_a_process_that_does_not_know_it_yet_is_read_again(window, address, publisher):
    code = publisher.publish(a_picture(), **UNPAID)
    page = window("小明", f"/#/task/{code}").page
    expect(page.locator(".watchers")).to_be_visible()
    old: list[str] = []

    def answer_as_before(route: Route) -> None:
        reply = route.fetch()
        details = reply.json()
        if not old:
            old.append(code)
            details["data"] |= {"review": "shown", "review_note": ""}
        route.fulfill(response=reply, json=details)

    page.route("**/getTaskDetails*", answer_as_before)
    take_down(address, code)
    expect(page.locator(".review")).to_contain_text("平台下架了它")
    offers(page, 0, "支付 1 元")
    assert old


def test_a_page_that_was_offline_meanwhile_reads_it_when_it_is_back(window, address, publisher):
    code = publisher.publish(a_picture())
    opened = window("小明", f"/#/task/{code}")
    expect(opened.page.locator(".watchers")).to_be_visible()
    opened.context.set_offline(True)
    expect(opened.page.get_by_text("网络已断开")).to_be_visible()
    take_down(address, code)
    opened.context.set_offline(False)
    expect(opened.page.locator(".review")).to_contain_text("平台下架了它")
    expect(opened.page.get_by_role("button", name="分享")).to_have_count(0)
    opened.wrong.clear()  # Chromium logs that the network was gone
