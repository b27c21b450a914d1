"""The client in a real browser: digging by hand, and signals at the end of a cooldown."""

from playwright.sync_api import expect

from support.browser import NOTE_SIGNALS, Person
from support.client import a_picture

# Resolves with what has the focus once the time for the question is over; an answer had it before.
END_ASKING = """async () => {
    const main = document.querySelector("script[type=module]").src;
    const { openingChoice } = await import(main.replace("main", "preferences"));
    const choice = openingChoice();
    document.body.append(choice.element);
    choice.dug();
    choice.ask(20);
    choice.element.lastElementChild.focus();
    choice.ask(1);
    return document.activeElement.textContent;
}"""
# Notes the event during which an audio context was resumed.
NOTE_RESUMED = """
    window.resumed = [];
    const { resume } = AudioContext.prototype;
    AudioContext.prototype.resume = function () {
        resumed.push(event?.type ?? "");
        return resume.call(this);
    };
"""


def test_a_page_digs_by_itself_only_for_those_who_chose_it_when_they_were_asked(window, publisher):
    first, second, third = (
        publisher.publish(a_picture(), forecast_num=forecast, cd=cooldown)
        for forecast, cooldown in ((4000, 600), (1, 0), (1, 0))
    )
    opened = window("谨慎的人", digs=None)
    page = opened.page
    assert page.evaluate(END_ASKING) == "打开宝贝时自己挖 · 改成自动挖一次"
    page.evaluate("localStorage.clear()")
    page.reload()
    opened.go(f"/#/task/{first}")
    asked = page.get_by_role("group", name="打开宝贝时")
    expect(page.locator(".dig[data-kind=ready]")).to_be_visible()
    expect(asked.locator("button")).to_have_count(0)  # who never dug is not asked
    expect(page.locator(".level b")).to_have_text("0")
    page.locator("button.dig").click()
    expect(page.get_by_text("以后一打开宝贝就先帮我挖一锹？")).to_be_visible()
    asked.get_by_role("button", name="我自己挖").press("Enter")
    expect(asked.get_by_role("button", name="打开宝贝时自己挖 · 改成自动挖一次")).to_be_focused()
    opened.go(f"/#/task/{second}")
    page.reload()
    expect(page.locator(".watchers")).to_be_visible()
    expect(page.locator(".level b")).to_have_text("0")
    asked.get_by_role("button").click()
    expect(asked.get_by_role("button", name="打开宝贝时自动挖一次 · 改成自己挖")).to_be_focused()
    expect(page.locator(".level b")).to_have_text("0")  # the choice applies to the next treasure
    opened.go(f"/#/task/{third}")
    expect(page.get_by_role("heading", name="恭喜，你挖到了！")).to_be_visible()


def test_the_end_of_a_cooldown_sounds_and_vibrates_only_if_asked_for(window, publisher):
    code = publisher.publish(a_picture(), cd=2, forecast_num=500_000)
    opened = window("阿强", "/healthz")
    page = opened.page
    for note in (NOTE_SIGNALS, NOTE_RESUMED):
        page.add_init_script(note)
    said = page.locator(".said")
    over = "冷却结束，大家一起抢！"
    opened.go(f"/#/task/{code}")  # opening the treasure also digs
    expect(said).to_have_text(over)
    assert page.evaluate("signals") == []
    opened.choose("冷却结束时响一声", agreed=True)
    opened.choose("冷却结束时震一下", agreed=True)
    assert page.evaluate("signals.splice(0)") == ["sound", "vibration"]  # choosing a signal plays it
    # The first press makes what sounds; if it lasts, it is that press which ends by allowing it.
    assert page.evaluate("resumed[0]") in ("mousedown", "click", "keydown")
    opened.go(f"/#/task/{code}")
    expect(said).to_have_text(over)
    assert page.evaluate("signals") == ["sound", "vibration"]
    Person.log_in(publisher.address, "老王").post("/postTask", code=code)
    expect(said).not_to_have_text(over)  # no line says that one can dig under a running countdown
