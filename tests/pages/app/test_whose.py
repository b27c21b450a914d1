"""The client in a real browser: what it shows of treasures that the person published or won."""

from __future__ import annotations

from playwright.sync_api import expect

from support.browser import Person, needs_chromium
from support.client import a_picture

pytestmark = needs_chromium


def test_a_publisher_still_finds_the_winners_of_an_ended_treasure_after_a_reload(window, publisher):
    code = publisher.publish(a_picture(), forecast_num=1)
    Person.log_in(publisher.address, "阿强").post("/postTask", code=code)
    page = window("小明", f"/#/task/{code}").page
    expect(page.locator(".ending")).to_have_text("奖品全部挖完了")
    expect(page.get_by_role("heading", name="我发布的")).to_be_visible()
    page.get_by_role("link", name="中奖者和发奖").click()
    expect(page.locator(".winners li", has_text="阿强")).to_be_visible()
    other = window("朵朵")
    other.go(f"/#/task/{code}")
    expect(other.page.locator(".ending")).to_be_visible()
    expect(other.page.get_by_role("heading", name="我发布的")).to_have_count(0)


def test_no_card_invites_to_dig_what_one_published_or_won(window, publisher):
    several = {"prize_num": 2, "interval": 1, "fluctuation": 0, "forecast_num": 100_000}
    code = publisher.publish(a_picture(), name="有两份的猫", **several)
    Person.log_in(publisher.address, "阿强").post("/postTask", code=code)
    for user, path, state in (
        ("朵朵", "/", "可以挖"),
        ("小明", "/", "我发布的"),
        ("小明", "/#/mine/published", "我发布的"),
        ("阿强", "/", "已挖到"),
        ("阿强", "/#/mine/dug", "已挖到"),
        ("阿强", "/#/mine/won", "已挖到"),
    ):
        page = window(user, path).page
        expect(page.locator(f"[data-code='{code}'] .state")).to_have_text(state)
