"""Who is about to press as a treasure ends presses nothing else."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import TypeAlias

import pytest
from playwright.sync_api import Page, expect

from support.browser import PHONE, Person, open_window
from support.client import a_picture
from support.phone import a_phone

Looks: TypeAlias = Callable[[str], Page]
# What can be pressed in a box of the window, but the button that digs.
PRESSABLE = """({ x, y, width, height }) => {
    const tenths = Array.from({ length: 11 }, (_, at) => at / 10);
    const hit = tenths.flatMap(down => tenths.map(
        along => document.elementFromPoint(x + along * width, y + down * height)));
    const takes = "a, button, summary, input, wx-button, [role=button], [aria-role=button]";
    return [...new Set(hit.map(each => each?.closest(takes)).filter(Boolean))].map(each => each.className)
        .filter(name => !/\\bdig\\b/.test(name));
}"""


@pytest.fixture(params=["page", "miniprogram"])
def look_at(request: pytest.FixtureRequest, address: str) -> Iterator[Looks]:
    """Opens a treasure in one of the two clients, for somebody who digs by hand."""
    if request.param == "page":
        window = request.getfixturevalue("window")
        yield lambda code: window("阿强", f"/#/task/{code}", digs=False, viewport=PHONE).page
        return
    request.getfixturevalue("phones")
    with ExitStack() as opened:

        def open_phone(code: str) -> Page:
            phone = opened.enter_context(a_phone(address, "阿强", storage={"wabao.opens": "waits"}))
            phone.open(f"/pages/treasure/treasure?code={code}")
            window = open_window(request.getfixturevalue("browser"), address, viewport=PHONE)
            opened.callback(window.close)
            window.page.goto(phone.screen())
            return window.page

        yield open_phone


def test_nothing_that_can_be_pressed_comes_where_the_button_was(look_at, publisher):
    publisher.publish(a_picture(), name="接下来的猫")
    code = publisher.publish(a_picture(), name="快挖完的猫", forecast_num=1)
    page = look_at(code)
    button = page.locator(".dig", has_text="挖一锹")
    expect(button).to_be_visible()
    place = button.bounding_box()
    Person.log_in(publisher.address, "老王").post("/postTask", code=code)
    expect(page.get_by_text("奖品全部挖完了")).to_be_attached()
    expect(page.get_by_text("接下来挖哪个")).to_be_attached()
    assert page.evaluate(PRESSABLE, place) == []
