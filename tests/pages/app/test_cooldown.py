"""The end of a cooldown: signals, and presses just after it, whose order is drawn."""

from playwright.sync_api import expect

from support.browser import NOTE_SIGNALS, Person

# Notes the event during which an audio context was resumed.
NOTE_RESUMED = """
    window.resumed = [];
    const { resume } = AudioContext.prototype;
    AudioContext.prototype.resume = function () {
        resumed.push(event?.type ?? "");
        return resume.call(this);
    };
"""


def test_a_cooldowns_end_signals_if_asked_and_a_press_just_after_it_is_drawn(window, address, publisher):
    code = publisher.publish(cd=2, forecast_num=500_000)
    opened = window("小红", "/healthz")
    page = opened.page
    for note in (NOTE_SIGNALS, NOTE_RESUMED):
        page.add_init_script(note)
    button = page.locator("button.dig")
    said = page.locator(".said")
    over = "冷却结束，大家一起抢！"
    opened.go(f"/#/task/{code}")  # opening the treasure also digs
    expect(said).to_have_text(over)
    assert page.evaluate("signals") == []
    expect(page.get_by_text("冷却结束后 1 秒内按下的，由抽签决定先后")).to_be_attached()
    opened.choose("冷却结束时响一声", agreed=True)
    opened.choose("冷却结束时震一下", agreed=True)
    assert page.evaluate("signals.splice(0)") == ["sound", "vibration"]  # choosing a signal plays it
    # The first press makes what sounds; if it lasts, it is that press which ends by allowing it.
    assert page.evaluate("resumed[0]") in ("mousedown", "click", "keydown")
    opened.go(f"/#/task/{code}")
    expect(said).to_have_text(over)
    assert page.evaluate("signals") == ["sound", "vibration"]
    button.click()
    expect(said).to_have_text("同时按下的一起抽签…")
    expect(page.locator("button.dig[aria-busy=true]")).to_contain_text("抽签中")
    expect(said).to_have_text("你挖了第 3 层，什么也没有")
    expect(button).to_have_attribute("data-kind", "cooling")
    expect(button).to_have_attribute("data-kind", "ready")
    lost = {"status": 1, "error": "cooling_down", "msg": "", "time": 60, "cd_until": 0, "pressed": 5}
    page.route("**/postTask", lambda route: route.fulfill(json=lost))
    button.click()
    expect(said).to_have_text("你和另外 4 人同时按下，抽中了别人")
    Person.log_in(address, "小满").post("/postTask", code=code)
    expect(said).to_have_text("你和另外 4 人同时按下，抽中了小满")
