"""Reporting a treasure takes two taps."""

from __future__ import annotations

from support.browser import Opener, Person, needs_chromium
from support.client import a_picture

pytestmark = needs_chromium


def test_a_treasure_is_reported_in_two_taps(window: Opener, publisher: Person) -> None:
    code = publisher.publish(a_picture())
    page = window("小红", f"/#/task/{code}").page
    page.get_by_role("button", name="举报").click()
    with page.expect_response("**/report") as answered:
        page.get_by_role("button", name="色情低俗").click()
    assert answered.value.json()["status"] == 0
    page.get_by_text("已收到举报").wait_for()
    assert page.get_by_role("dialog").count() == 0
