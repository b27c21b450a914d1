"""The client in a real browser: digging by hand, and signals at the end of a cooldown."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from support.browser import Opener, Person, needs_chromium
from support.client import a_picture

pytestmark = needs_chromium

NOTE_SIGNALS = """
    window.signals = [];
    const made = AudioContext.prototype.createOscillator;
    AudioContext.prototype.createOscillator = function create() {
        signals.push("sound");
        return made.call(this);
    };
    navigator.vibrate = () => signals.push("vibration");
"""


def choose(page: Page, question: str, *, agreed: bool) -> None:
    """Answer one of the questions of one's own page."""
    page.get_by_role("link", name="我的", exact=True).click()
    if not page.get_by_label(question).is_visible():
        page.get_by_text("设置").click()
    page.get_by_label(question).set_checked(agreed)


def test_the_login_says_that_opening_digs_and_one_may_choose_to_dig_by_hand(
    window: Opener, publisher: Person
) -> None:
    code = publisher.publish(a_picture(), forecast_num=1)
    opened = window(None, f"/#/task/{code}")
    page = opened.page
    expect(page.get_by_text("打开一个宝贝，就先替你挖一锹")).to_be_visible()
    opened.log_in("谨慎的人")
    expect(page.get_by_role("heading", name="恭喜，你挖到了！")).to_be_visible()
    page.keyboard.press("Escape")
    choose(page, "打开一个宝贝，就先挖一锹", agreed=False)
    code = publisher.publish(a_picture(), forecast_num=1)
    opened.go(f"/#/task/{code}")
    expect(page.locator(".watchers")).to_be_visible()
    expect(page.locator(".level b")).to_have_text("0")
    page.reload()
    page.get_by_role("button", name="挖一锹").click()
    expect(page.get_by_role("heading", name="恭喜，你挖到了！")).to_be_visible()


def test_the_end_of_a_cooldown_sounds_and_vibrates_only_if_asked_for(
    window: Opener, publisher: Person
) -> None:
    opened = window(None)
    opened.context.add_init_script(NOTE_SIGNALS)
    opened.page.reload()
    opened.log_in("阿强")
    page = opened.page
    over = page.get_by_text("冷却结束，可以挖了")
    opened.go(f"/#/task/{publisher.publish(a_picture(), cd=2, forecast_num=500_000)}")
    expect(over).to_be_visible()
    assert page.evaluate("signals") == []
    choose(page, "冷却结束时响一声", agreed=True)
    choose(page, "冷却结束时震一下", agreed=True)
    assert page.evaluate("signals.splice(0)") == ["sound", "vibration"]  # one hears what one has chosen
    opened.go(f"/#/task/{publisher.publish(a_picture(), cd=2, forecast_num=500_000)}")
    expect(over).to_be_visible()
    assert page.evaluate("signals") == ["sound", "vibration"]


def test_a_repeated_dig_is_told_with_its_diggers_name(window: Opener, publisher: Person) -> None:
    code = publisher.publish(a_picture(), forecast_num=500_000)
    page = window("小明", f"/#/task/{code}").page
    expect(page.locator(".watchers")).to_be_visible()
    digger = Person.log_in(publisher.address, "阿强")
    for said in ("阿强 来挖了一锹", "阿强 挖了一锹"):
        digger.post("/postTask", code=code)
        expect(page.locator(".said", has_text=said)).to_be_visible()
