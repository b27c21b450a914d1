"""The moment of a dig: the stroke of the shovel, and the win that opens the ground."""

import re
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from support.browser import NOTE_SIGNALS, Person, Window, run_until

LEAST_MS = 600
# Notes how long after a press the page says the outcome. How soon it strikes, bench/moment.py measures.
NOTE_SAID = """() => document.querySelector(".dig").addEventListener("click", (press) => {
    const said = document.querySelector(".said");
    window.said = new Promise(resolve => new MutationObserver(() => {
        if (said.textContent) resolve(performance.now() - press.timeStamp);
    }).observe(said, { childList: true }));
})"""
# Notes all places that the button takes, and its kinds.
NOTE_PLACES = """() => {
    const button = document.querySelector(".dig");
    window.places = new Set();
    window.kinds = new Set();
    const note = () => {
        if (!button.isConnected) return; // another page
        places.add(button.offsetTop + button.offsetParent.offsetTop);
        kinds.add(button.dataset.kind);
        requestAnimationFrame(note);
    };
    note();
}"""
# The dialog takes keys once a test calls `settle`: a slow machine would press them after the 1.2 s.
NOTE_SETTLE = """() => {
    const later = setTimeout;
    window.setTimeout = (act, ms) => ms === 1200 ? (window.settle = act) : later(act, ms);
}"""

# What the notice lies over: the bar and its name are all it may cover.
COVERED = """() => {
    const { left, right, top, bottom } = document.querySelector(".notice").getBoundingClientRect();
    return [...document.querySelectorAll("#page *, #nav a")].filter(each => {
        const box = each.getBoundingClientRect();
        return box.left < right && box.right > left && box.top < bottom && box.bottom > top;
    }).map(each => each.outerHTML);
}"""


@pytest.fixture
def options() -> dict[str, Any]:
    """Windows in which things move."""
    return {}


def won(opened: Window) -> None:
    expect(opened.page.get_by_role("heading", name="恭喜，你挖到了！")).to_be_visible()
    expect(opened.page.get_by_role("button", name="去领取")).to_be_focused()


def test_a_press_strikes_before_the_reply_and_a_win_opens_the_ground(window, publisher):
    first, second = (publisher.publish(forecast_num=1, name="一只猫") for _ in range(2))
    watcher = window("小明", f"/#/task/{first}")
    digger = window("阿强", "/healthz", digs=False)
    digger.page.add_init_script(NOTE_SIGNALS)
    digger.go(f"/#/task/{first}")
    expect(digger.page.locator(".watchers")).to_have_text("2 人在看")
    held: list[Route] = []
    digger.page.route("**/postTask", lambda route: held.append(route), times=1)
    assert digger.page.locator(".strike").evaluate("each => each.offsetHeight") > 100  # before the press
    digger.page.evaluate(NOTE_SAID)
    digger.page.locator(".dig").click()
    expect(digger.page.locator(".dig[aria-busy=true]")).to_be_visible()
    assert digger.page.locator(".level b").text_content() == "地面"
    held[0].continue_()
    won(digger)
    assert digger.page.evaluate("said") >= LEAST_MS
    expect(digger.page.locator(".strike")).to_have_css("opacity", "0")
    opened = digger.page.get_by_role("dialog")
    expect(opened).to_have_count(1)  # although both the reply and the frame tell of the win
    expect(opened).to_contain_text("一只猫")
    expect(opened).to_contain_text("挖到第 1 层，你是第 1 个来挖的人")
    assert digger.page.evaluate("signals") == ["sound", "vibration"]
    expect(watcher.page.locator(".said")).to_have_text("阿强 挖到了！")
    assert watcher.page.locator(".coins").count() == 0
    digger.page.go_back()
    expect(opened).to_have_count(0)
    expect(digger.page.locator("#claim > section")).to_be_visible()
    digger.choose("挖到时响一声、震一下", agreed=False)
    digger.go(f"/#/task/{second}")
    late: list[Route] = []
    digger.page.route("**/claim.js", lambda route: late.append(route), times=1)
    digger.page.reload()
    digger.page.evaluate(NOTE_SETTLE)
    digger.page.locator("dialog.won").wait_for(state="attached")  # laid out before the press
    digger.page.locator(".dig").click()
    digger.page.locator("dialog.won[open]").wait_for(state="attached")
    for key in ("Enter", "Space", "Escape"):
        digger.page.keyboard.press(key)  # before it is shown, it takes no key
    run_until(digger.page, lambda: digger.page.evaluate("!!window.settle"))
    expect(digger.page.locator("dialog.won.shown")).to_have_css("pointer-events", "none")
    digger.page.evaluate("settle()")
    won(digger)
    assert digger.page.evaluate("scrollY") == 0
    assert digger.page.evaluate("signals") == []
    digger.page.keyboard.press("Enter")
    expect(digger.page.locator("dialog")).to_have_count(0)
    late[0].continue_()  # the code of the claim comes after the press that leads to it
    expect(digger.page.locator("#claim > section")).to_be_focused()
    expect(digger.page.locator("#claim > section")).to_be_in_viewport()
    assert digger.page.url.endswith(second)


def test_a_win_that_only_fades_is_left_at_any_moment(window, publisher):
    first, second, third = (publisher.publish(name="一只陶罐", forecast_num=1) for _ in range(3))
    digger = window("朵朵", "/#/mine", digs=False, reduced_motion="reduce")
    page = digger.page
    mine = page.get_by_role("heading", name="朵朵")
    expect(mine).to_be_visible()
    held: list[Route] = []
    page.route("**/postTask", lambda route: held.append(route), times=2)
    digger.go(f"/#/task/{first}")
    page.locator(".dig").click()
    run_until(page, lambda: len(held) == 1)
    held[0].continue_()
    won(digger)
    assert page.locator(".coins:visible").count() == 0
    assert digger.overflow() <= 0
    page.reload()
    expect(page.locator("#claim > section")).to_be_visible()
    page.go_back()
    expect(page).to_have_url(f"{digger.address}/#/mine")
    digger.go(f"/#/task/{second}")
    page.locator(".dig").click()
    run_until(page, lambda: len(held) == 2)
    digger.go("/#/mine")
    expect(mine).to_be_visible()
    held[1].continue_()
    late = page.locator(".notice")
    expect(late).to_have_text("一只陶罐：你在第 1 层挖到了！")
    for width in (360, 1440):
        page.set_viewport_size({"width": width, "height": 740})
        assert page.evaluate(COVERED) == []
    expect(page.locator("dialog")).to_have_count(0)
    page.emulate_media(reduced_motion="no-preference")
    digger.go(f"/#/task/{third}")
    page.locator(".dig").click()
    page.locator("dialog.won[open]").wait_for(state="attached")  # during the stroke
    digger.go("/#/mine")
    expect(page.locator("dialog")).to_have_count(0)
    page.locator("#nav").get_by_role("link", name="广场").click()
    expect(page.get_by_role("heading", name="广场")).to_be_visible()


def test_button_and_outcome_stay_in_the_first_screen_of_a_phone_whatever_happens(window, publisher):
    told = {"value": 12888, "synopsis": "一行写不下的简介，" * 4}
    cooling = publisher.publish(cd=3600, forecast_num=700, **told)
    open_to_all = publisher.publish(cd=0, forecast_num=40_000, **told)
    opened = window("新来的", "/healthz", digs=None)
    page = opened.page
    opened.go(f"/#/task/{cooling}")
    expect(page.get_by_role("button", name="先练三锹")).to_be_visible()
    page.evaluate(NOTE_PLACES)
    page.locator(".dig").click()
    assert stays(page, "你挖了第 1 层，什么也没有") == ["closed", "cooling", "ready"]
    expect(page.locator(".dig strong")).to_have_text(re.compile(r"^(1:00:00|59:\d\d)$"))
    page.emulate_media(color_scheme="dark")  # the earth is as dark in both themes
    answer = page.get_by_role("button", name="我自己挖")
    expect(answer).to_have_css("background-color", "rgb(253, 238, 214)")
    answer.press("Enter")
    expect(page.get_by_role("button", name="改成自动挖")).to_be_focused()
    opened.go(f"/#/task/{open_to_all}")
    expect(page.locator(".watchers")).to_be_visible()
    page.evaluate(NOTE_PLACES)
    Person.log_in(publisher.address, "阿强").post("/postTask", code=open_to_all)
    assert stays(page, "阿强 来挖了一锹") == ["ready"]


def stays(page: Page, words: str) -> Any:
    """Wait for a line, in sight as the unmoved button; return the kinds that the button had meanwhile."""
    expect(page.locator(".said")).to_have_text(words)
    for height in (740, 780):
        page.set_viewport_size({"width": 360, "height": height})
        bar = page.locator("#nav").bounding_box()
        for each in (".said", ".dig"):
            placed = page.locator(each).bounding_box()
            assert placed
            assert bar
            assert placed["y"] + placed["height"] <= bar["y"]
    places, kinds = page.evaluate("[[...places], [...kinds].sort()]")
    assert len(places) == 1
    return kinds
