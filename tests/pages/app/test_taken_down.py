"""A publisher's open page while an operator takes the treasure down and shows it again."""

from playwright.sync_api import expect

from support.browser import PHONE
from support.screen import take_down

UNPAID = {"goods_type": 1, "money": 1, "forecast_num": 100_000}  # only what is paid can be shared
OFFERED = [(UNPAID, ["支付 1 元"]), ({}, ["分享", "分享给朋友"])]


def test_paying_and_sharing_are_not_offered_for_what_is_taken_down(window, address, publisher):
    opened = window("小明", viewport=PHONE)
    page = opened.page
    review = page.locator(".review")
    for rules, names in OFFERED:
        code = publisher.publish(**rules)
        offers = [page.get_by_role("button", name=name, exact=True) for name in names]
        opened.go(f"/#/task/{code}")
        expect(page.locator(".watchers")).to_be_visible()  # the page gets frames
        for offer in offers:
            expect(offer).to_have_count(1)
        take_down(address, code)
        for said in ("平台下架了它", "违法", "有疑问请联系客服"):
            expect(review).to_contain_text(said)
        for offer in offers:
            expect(offer).to_have_count(0)
        assert opened.overflow() <= 0
        take_down(address, code, hidden=0)
        expect(review).to_be_hidden()
        for offer in offers:
            expect(offer).to_have_count(1)
    opened.context.set_offline(True)
    expect(page.get_by_text("网络已断开")).to_be_visible()
    take_down(address, code)
    opened.context.set_offline(False)
    expect(review).to_contain_text("平台下架了它")
    opened.wrong.clear()  # Chromium logs that the network was gone
