"""The client in a real browser: digging by hand, and signals at the end of a cooldown."""

from playwright.sync_api import expect

from support.browser import NOTE_SIGNALS, Person
from support.client import a_picture


def test_a_page_digs_by_itself_only_for_those_who_chose_it_when_they_were_asked(window, publisher):
    synopsis = "自用一年，键帽洗过了。\n" * 20
    first, quick, second, third = (
        publisher.publish(a_picture(), synopsis=synopsis, forecast_num=forecast, cd=cooldown)
        for forecast, cooldown in ((4000, 600), (200_000, 9), (1, 0), (1, 0))
    )
    opened = window("谨慎的人", f"/#/task/{first}", digs=None)
    page = opened.page
    asked = page.get_by_role("group", name="打开宝贝时")
    expect(page.locator(".dig[data-kind=ready]")).to_be_visible()
    expect(asked.locator("button")).to_have_count(0)  # who never dug is not asked
    expect(page.locator(".level b")).to_have_text("0")
    above, button, below = (page.locator(each).bounding_box() for each in (".synopsis", "button.dig", "#nav"))
    assert above
    assert button
    assert below
    assert above["y"] + above["height"] <= button["y"]
    assert button["y"] + button["height"] <= below["y"]
    page.get_by_role("button", name="简介全文").click()
    expect(page.get_by_role("button", name="简介全文")).to_have_count(0)
    question = page.get_by_text("以后一打开宝贝就先帮我挖一锹？")
    opened.go(f"/#/task/{quick}")
    page.locator("button.dig").click()
    expect(page.locator(".level b")).to_have_text("1")
    expect(page.locator(".dig[data-kind=cooling]")).to_be_visible()
    expect(question).to_have_count(0)  # amid a race nothing is asked
    opened.go(f"/#/task/{first}")
    page.locator("button.dig").click()
    expect(question).to_be_visible()
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


def test_a_focused_answer_hands_its_focus_on_when_the_time_for_the_question_is_over(window):
    page = window("谨慎的人", digs=None).page
    assert page.evaluate(END_ASKING) == "打开宝贝时自己挖 · 改成自动挖一次"


def test_the_end_of_a_cooldown_sounds_and_vibrates_only_if_asked_for(window, publisher):
    opened = window("阿强")
    opened.page.add_init_script(NOTE_SIGNALS)
    opened.page.reload()
    page = opened.page
    over = page.get_by_text("冷却结束，大家一起抢！")
    opened.go(f"/#/task/{publisher.publish(a_picture(), cd=2, forecast_num=500_000)}")
    expect(over).to_be_visible()
    assert page.evaluate("signals") == []
    opened.choose("冷却结束时响一声", agreed=True)
    opened.choose("冷却结束时震一下", agreed=True)
    assert page.evaluate("signals.splice(0)") == ["sound", "vibration"]  # choosing a signal plays it
    opened.go(f"/#/task/{publisher.publish(a_picture(), cd=2, forecast_num=500_000)}")
    expect(over).to_be_visible()
    assert page.evaluate("signals") == ["sound", "vibration"]


# Notes the event during which an audio context was resumed.
NOTE_RESUMED = """
    window.resumed = [];
    const { resume } = AudioContext.prototype;
    AudioContext.prototype.resume = function () {
        resumed.push(event?.type ?? "");
        return resume.call(this);
    };
"""


def test_what_sounds_is_allowed_by_a_touch_long_before_it_does(window):
    opened = window("阿强")
    opened.page.add_init_script(NOTE_RESUMED)
    opened.page.reload()
    opened.page.get_by_role("link", name="我的").click()
    opened.page.get_by_role("link", name="广场").first.click()
    assert opened.page.evaluate("resumed.length") == 1
    # The first press makes what sounds; if it lasts, it is that press which ends by allowing it.
    assert opened.page.evaluate("resumed[0]") in ("mousedown", "click", "keydown")


def test_a_repeated_dig_is_told_with_its_diggers_name(window, publisher):
    code = publisher.publish(a_picture(), forecast_num=500_000)
    page = window("小明", f"/#/task/{code}").page
    expect(page.locator(".watchers")).to_be_visible()
    digger = Person.log_in(publisher.address, "阿强")
    for said in ("阿强 来挖了一锹", "阿强 挖了一锹"):
        digger.post("/postTask", code=code)
        expect(page.locator(".said", has_text=said)).to_be_visible()
