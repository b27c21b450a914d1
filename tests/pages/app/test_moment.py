"""The moment of a dig: the stroke of the shovel, and the win that opens the ground."""

from functools import partial
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from support.browser import NOTE_SIGNALS, Opener, Person, Window, run_until
from support.client import a_picture

LEAST_MS = 600
# Notes how many elements move in the task of a press, in the frame after it, and after the next one, and when
# the page shows the outcome and the treasure's end.
WATCH_PRESS = """() => {
    const moving = () => [...document.querySelectorAll(".strike, .strike *")]
        .flatMap(each => each.getAnimations()).length;
    document.addEventListener("click", (press) => {
        if (!press.composedPath().some(each => each.matches?.(".dig"))) return;
        const inTask = moving();
        window.moving = new Promise(resolve => requestAnimationFrame(() => {
            const inFrame = moving();
            requestAnimationFrame(() => setTimeout(() => resolve([inTask, inFrame, moving()])));
        }));
        window.said = new Promise(resolve => new MutationObserver(() => {
            if (document.querySelector(".said").textContent) resolve(performance.now() - press.timeStamp);
        }).observe(document.querySelector(".said"), { childList: true }));
        window.ended = new Promise(resolve => new MutationObserver(
            () => resolve(performance.now() - press.timeStamp),
        ).observe(document.querySelector(".ending"), { attributes: true }));
    });
}"""
# Notes all places that the button takes, its kinds, and how much of its ring is missing as a cooldown begins.
NOTE_PLACES = """() => {
    const button = document.querySelector(".dig");
    window.places = new Set();
    window.kinds = new Set();
    const note = () => {
        if (!button.isConnected) return; // another page
        places.add(button.offsetTop + button.offsetParent.offsetTop);
        kinds.add(button.dataset.kind);
        const { strokeDashoffset } = getComputedStyle(button.querySelector(".left"));
        if (button.dataset.kind === "cooling") window.missing ??= parseFloat(strokeDashoffset);
        requestAnimationFrame(note);
    };
    note();
}"""
SEE_FACE = """() => {
    const strike = document.querySelector(".strike");
    window.face = new Promise(resolve => new MutationObserver(() => {
        if (!strike.hidden) resolve(strike.querySelector(".digger img").src);
    }).observe(strike, { attributes: true }));
}"""

# What a cheer writes stands there for a moment only.
NOTE_TEXTS = """element => {
    window.noted = [];
    new MutationObserver(() => window.noted.push(element.textContent))
        .observe(element, { childList: true, characterData: true, subtree: true });
}"""

# Notes the height of the win's dialog right before it opens. As it opens, and again as it is shown, notes
# whether it is visible, and whether the stroke is over: it ends a frame later, so something always moves.
NOTE_OPENING = """() => {
    const { showModal } = HTMLDialogElement.prototype;
    window.noted = [];
    HTMLDialogElement.prototype.showModal = function () {
        const isOver = () => document.querySelector(".strike").hidden;
        const note = () => window.noted.push([getComputedStyle(this).visibility, isOver()]);
        window.height = this.offsetHeight;
        note();
        showModal.call(this);
        new MutationObserver(note).observe(this, { attributes: true, attributeFilter: ["class"] });
    };
}"""


# Notes, in the moment in which the win's dialog is shown, what a press hits: its button, and beside it. The
# dialog takes keys once a test calls `settle`: a slow machine would press them after the 1.2 s.
NOTE_HITS = """() => {
    const later = setTimeout;
    window.setTimeout = (act, ms) => ms === 1200 ? (window.settle = act) : later(act, ms);
    window.hits = new Promise(resolve => new MutationObserver(() => {
        const opened = document.querySelector("dialog.won.shown");
        if (!opened) return;
        const { x, y } = opened.querySelector(".primary").getBoundingClientRect();
        const hit = (...place) => opened.contains(document.elementFromPoint(...place));
        resolve([opened.className, hit(x + 9, y + 9), hit(5, 5)]);
    }).observe(document.body, { subtree: true, attributeFilter: ["class"] }));
}"""

# Notes the properties that transitions change from now on.
NOTE_CHANGED = """() => {
    window.changed = new Set();
    addEventListener("transitionrun", ({ propertyName }) => window.changed.add(propertyName));
}"""


@pytest.fixture
def options() -> dict[str, Any]:
    """Windows in which things move."""
    return {}


def won(opened: Window) -> None:
    expect(opened.page.get_by_role("heading", name="恭喜，你挖到了！")).to_be_visible()
    expect(opened.page.get_by_role("button", name="去领取")).to_be_focused()


def press(opened: Window) -> Any:
    """Press; return how many elements move two frames later: none in the task, one in the next frame."""
    opened.page.evaluate(WATCH_PRESS)
    opened.page.locator(".dig").click()
    in_task, in_frame, later = opened.page.evaluate("moving")
    assert [in_task, in_frame] == [0, 1]
    return later


def test_a_press_strikes_before_the_reply_and_a_win_opens_the_ground(window, publisher):
    first, second = (publisher.publish(a_picture(), forecast_num=1, name="一只猫") for _ in range(2))
    watcher = window("小明", f"/#/task/{first}")
    digger = window("阿强", digs=False)
    expect(watcher.page.locator(".watchers")).to_be_visible()
    watcher.page.evaluate(SEE_FACE)
    digger.page.add_init_script(NOTE_SIGNALS)
    digger.page.reload()
    digger.go(f"/#/task/{first}")
    held: list[Route] = []
    digger.page.route("**/postTask", lambda route: held.append(route), times=1)
    assert digger.page.locator(".strike").evaluate("each => each.offsetHeight") > 100  # before the press
    assert press(digger) > 10  # the blade and the clods
    expect(digger.page.locator(".dig[aria-busy=true]")).to_be_visible()
    assert digger.page.locator(".level b").text_content() == "0"
    held[0].continue_()
    won(digger)
    assert digger.page.evaluate("said") >= LEAST_MS
    expect(digger.page.locator(".strike")).to_have_css("opacity", "0")
    opened = digger.page.get_by_role("dialog")
    expect(opened).to_have_count(1)  # although both the reply and the frame tell of the win
    expect(opened).to_contain_text("一只猫")
    expect(opened).to_contain_text("挖到第 1 层，你是第 1 个来挖的人")
    assert digger.page.evaluate("signals") == ["sound", "vibration"]
    assert watcher.page.evaluate("face") == digger.page.locator(".people li img").get_attribute("src")
    expect(watcher.page.locator(".said")).to_have_text("阿强 挖到了！")
    assert watcher.page.locator(".coins").count() == 0
    digger.page.go_back()
    expect(opened).to_have_count(0)
    expect(digger.page.locator("#claim > section")).to_be_visible()
    digger.choose("挖到时响一声、震一下", agreed=False)
    digger.go(f"/#/task/{second}")
    digger.page.evaluate(NOTE_OPENING)
    digger.page.locator("dialog.won").wait_for(state="attached")  # laid out before the press
    press(digger)
    won(digger)
    assert digger.page.evaluate("height") > 200
    assert digger.page.evaluate("noted.slice(0, 2)") == [["hidden", False], ["visible", False]]
    assert digger.page.evaluate("ended") >= LEAST_MS
    assert digger.page.evaluate("signals") == ["sound", "vibration"]
    digger.page.keyboard.press("Enter")
    expect(digger.page.locator("#claim > section")).to_be_focused()
    expect(digger.page.locator("#claim > section")).to_be_in_viewport()
    assert digger.page.url.endswith(second)


def test_button_and_outcome_stay_in_the_first_screen_of_a_phone_whatever_happens(window, publisher):
    told = {"value": 12888, "synopsis": "一行写不下的简介，" * 4, "forecast_num": 40_000}
    cooling, open_to_all = (publisher.publish(a_picture(), cd=cd, **told) for cd in (60, 0))
    opened = window("新来的", f"/#/task/{cooling}", digs=None)
    page = opened.page
    expect(page.get_by_role("button", name="先练三锹")).to_be_visible()
    page.evaluate(NOTE_PLACES)
    page.locator(".dig").click()
    assert stays(page, "第 1 层，什么也没有") == ["closed", "cooling", "ready"]
    assert page.evaluate("missing") < 34  # a tenth
    page.emulate_media(color_scheme="dark")  # the earth is as dark in both themes
    expect(page.get_by_role("button", name="我自己挖")).to_have_css("background-color", "rgb(253, 238, 214)")
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


def opening(window: Opener, publisher: Person, note: str = "") -> Window:
    """Return a window whose press has just won, unseen; `note` runs before the press."""
    code = publisher.publish(a_picture(), forecast_num=1)
    digger = window("朵朵", f"/#/task/{code}", digs=False)
    digger.page.evaluate(note)
    press(digger)
    digger.page.locator("dialog.won[open]").wait_for(state="attached")
    return digger


def test_the_dialog_of_a_win_takes_no_key_and_no_press_before_it_is_shown(window, publisher):
    digger = opening(window, publisher, NOTE_HITS)
    for key in ("Enter", "Space", "Escape"):
        digger.page.keyboard.press(key)
    run_until(digger.page, lambda: digger.page.evaluate("!!window.settle"))
    digger.page.evaluate("settle()")
    won(digger)
    assert digger.page.evaluate("scrollY") == 0
    assert digger.page.evaluate("hits") == ["won shown", False, False]
    expect(digger.page.get_by_role("dialog").get_by_role("banner")).to_have_count(0)
    digger.page.keyboard.press("Escape")
    expect(digger.page.get_by_role("dialog")).to_have_count(0)


def test_what_moves_during_a_win_is_not_painted_anew(window, publisher):
    digger = opening(window, publisher, NOTE_CHANGED)
    won(digger)
    expect(digger.page.locator(".level b")).to_have_text("1")
    digger.page.evaluate("() => new Promise(resolve => requestAnimationFrame(() => setTimeout(resolve)))")
    changed = set(digger.page.evaluate("[...changed]"))
    assert "transform" in changed  # of the gauge
    assert changed <= {"transform", "opacity"}


def test_a_page_loaded_anew_over_a_win_is_left_by_one_step_back(window, publisher):
    code = publisher.publish(a_picture(), forecast_num=1)
    digger = window("朵朵", "/#/mine", digs=False)
    digger.go(f"/#/task/{code}")
    press(digger)
    won(digger)
    digger.page.reload()
    expect(digger.page.locator("#claim > section")).to_be_visible()
    digger.page.go_back()
    expect(digger.page).to_have_url(f"{digger.address}/#/mine")


def test_who_leaves_during_the_stroke_of_a_win_finds_a_page_that_works(window, publisher):
    digger = opening(window, publisher)
    digger.go("/#/mine")
    expect(digger.page.locator("dialog")).to_have_count(0)
    digger.page.get_by_role("link", name="广场").click()
    expect(digger.page.get_by_role("heading", name="广场")).to_be_visible()


def test_a_win_whose_reply_comes_after_its_page_was_left_is_told(window, publisher):
    code = publisher.publish(a_picture(), name="一只陶罐", forecast_num=1)
    digger = window("朵朵", f"/#/task/{code}", digs=False)
    held: list[Route] = []
    digger.page.route("**/postTask", lambda route: held.append(route), times=1)
    press(digger)
    run_until(digger.page, lambda: bool(held))
    digger.go("/#/mine")
    expect(digger.page.get_by_role("heading", name="朵朵")).to_be_visible()
    held[0].continue_()
    expect(digger.page.locator(".notice")).to_have_text("一只陶罐：第 1 层，挖到了！")
    expect(digger.page.locator("dialog")).to_have_count(0)


def test_with_reduced_motion_a_dig_and_a_win_only_fade(window, publisher):
    code = publisher.publish(a_picture(), forecast_num=1)
    digger = window("朵朵", f"/#/task/{code}", digs=False, reduced_motion="reduce")
    held: list[Route] = []
    digger.page.route("**/postTask", lambda route: held.append(route), times=1)
    assert press(digger) == 1
    run_until(digger.page, lambda: bool(held))
    held[0].continue_()
    won(digger)
    assert digger.page.locator(".coins:visible").count() == 0
    assert digger.overflow() <= 0


def test_a_cheer_is_seen_by_everybody_and_rests_a_second(window, publisher):
    code = publisher.publish(a_picture())
    watcher, fan = (window(name, f"/#/task/{code}") for name in ("小明", "朵朵"))
    signs = fan.page.get_by_role("group", name="喝彩")
    expect(signs.get_by_role("button")).to_have_count(6)
    for each in (fan, watcher):
        expect(each.page.locator(".watchers")).to_have_text("2 人在看")  # by now both hear of cheers
        each.page.get_by_role("button", name="好运").locator("b").evaluate(NOTE_TEXTS)
    signs.get_by_role("button", name="好运").press("Enter")
    expect(signs.get_by_role("status")).to_have_text("你送出了“好运”")
    for each in (fan, watcher):
        run_until(each.page, partial(each.page.evaluate, "window.noted.includes('1')"))
    expect(signs.get_by_role("button", name="好运")).to_have_attribute("aria-disabled", "false")
    expect(signs.get_by_role("button", name="好运")).to_be_focused()


def test_the_cheers_and_the_shaft_keep_to_their_column_at_320_pixels(window, publisher):
    code = publisher.publish(a_picture())
    page = window("朵朵", f"/#/task/{code}", digs=False, viewport={"width": 320, "height": 568}).page
    expect(page.get_by_role("group", name="喝彩")).to_be_visible()
    edges = "all => all.map(each => each.getBoundingClientRect().right)"
    assert page.locator(".shaft, .cheers").evaluate_all(edges) == [304, 304]
