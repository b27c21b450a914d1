"""The client in a real browser: treasures that the person published or won."""

from playwright.sync_api import expect

from support.browser import Person
from support.client import a_picture


def test_no_card_invites_to_dig_what_one_published_or_won(window, publisher):
    several = {"prize_num": 2, "interval": 1, "fluctuation": 0, "forecast_num": 100_000}
    code = publisher.publish(a_picture(), name="有两份的猫", **several)
    Person.log_in(publisher.address, "阿强").post("/postTask", code=code)
    for user, state, *lists in (
        ("朵朵", "可以挖"),
        ("小明", "我发布的", "published"),
        ("阿强", "已挖到", "dug", "won"),
    ):
        opened = window(user)
        for path in ("/", *(f"/#/mine/{each}" for each in lists)):
            opened.go(path)
            expect(opened.page.locator(f"[data-code='{code}'] .state")).to_have_text(state)
