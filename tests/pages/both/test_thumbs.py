"""What is where on the screen of a phone, in both clients."""

import re
import time

import pytest
from playwright.sync_api import ViewportSize, expect

from support.browser import PHONE, Person, run_until

SMALL: ViewportSize = {"width": 320, "height": 568}
# What can be pressed in a box of the window, but the button that digs.
PRESSABLE = """({ x, y, width, height }) => {
    const tenths = Array.from({ length: 11 }, (_, at) => at / 10);
    const hit = tenths.flatMap(down => tenths.map(
        along => document.elementFromPoint(x + along * width, y + down * height)));
    const takes = "a, button, summary, input, wx-button, [role=button], [aria-role=button]";
    return [...new Set(hit.map(each => each?.closest(takes)).filter(Boolean))].map(each => each.className)
        .filter(name => !/\\bdig\\b/.test(name));
}"""
# Presses the button while it cools down, once for each of these words when they are said.
PRESS_TWICE = """words => {
    window.pressed = 0;
    const button = document.querySelector(".dig");
    setInterval(() => {
        const said = document.querySelector(".shaft .said").innerText;
        if (!button.innerText.includes("秒后") || !said.includes(words[window.pressed])) return;
        window.pressed += 1;
        button.click();
    }, 10);
}"""
# Notes whether a cheer can be pressed as soon as the end shows.
NOTE_CHEERS = """() => {
    const look = () => {
        if (document.querySelector(".dig").innerText.includes("已结束")) {
            const cheers = [...document.querySelectorAll(".cheers button, .signs wx-button")];
            const held = cheers.filter(each => each.matches("[inert] *, [disabled]"));
            window.cheered = held.length !== 6;
        } else requestAnimationFrame(look);
    };
    look();
}"""
# Notes whether the button moves: in the page by a script, in the mini-program by a style sheet.
NOTE_SHAKE = """() => {
    const { animate } = Element.prototype;
    Element.prototype.animate = function (...how) {
        window.shaken ||= this.matches(".dig");
        return animate.apply(this, how);
    };
    document.addEventListener("animationstart", ({ animationName, target }) => {
        window.shaken ||= animationName === "refuse" && target.matches(".dig");
    });
}"""
# Puts what a dig with the longest name brought up in the place of what is said.
LENGTHEN = """said => {
    const texts = document.createTreeWalker(said, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) {
        const text = texts.currentNode;
        if (text.data.startsWith("你挖了"))
            text.data = "你挖了第 123 层，没有奖，小玩意“掌上游戏机”（少见）收进图鉴";
    }
}"""
NAMES = ".digs .name, .dug-levels .name"
NARROWEST = "all => Math.min(...all.map(each => each.getBoundingClientRect().width))"


@pytest.mark.parametrize("size", [PHONE, SMALL], ids=["phone", "small"])
def test_at_the_end_the_button_stays_alone_there_and_no_cooldown_is_told(client, browser, publisher, size):
    publisher.publish(name="接下来的猫")
    code = publisher.publish(name="名字不短也快挖完的一只猫", forecast_num=1, cd=5)
    reader = client("等着挖的人", named=False)  # who digs by hand
    reader.open("treasure", code)
    page = reader.seen(browser)
    page.set_viewport_size(size)
    button = page.locator(".dig", has_text="挖一锹")
    expect(button).to_be_visible()
    cooldown = page.locator(".fact", has_text="冷却 5 秒")
    expect(cooldown).to_be_visible()
    place = button.bounding_box()
    pressable = page.evaluate(PRESSABLE, place)  # on a small screen the tabs lie over its edge
    page.evaluate(NOTE_CHEERS)
    Person.log_in(publisher.address, "老王").post("/postTask", code=code)
    page.wait_for_function("() => window.cheered !== undefined")
    assert page.evaluate("window.cheered") is False
    expect(page.get_by_text("接下来挖哪个")).to_be_attached()
    expect(cooldown).not_to_be_visible()
    assert page.locator(".dig", has_text="已结束").bounding_box() == place
    assert page.evaluate(PRESSABLE, place) == pressable
    page.wait_for_function("""() => document.querySelector(
        ".cheers:not([inert]) button:not([aria-disabled=true]), .signs wx-button:not([disabled])")""")


def test_a_press_in_a_cooldown_is_answered_in_its_place_without_a_request(client, browser, publisher):
    code = publisher.publish(name="还在冷却的猫", forecast_num=40_000, cd=60, **publisher.halves())
    eager = client("等不及的人", named=False)  # who digs by hand
    eager.open("treasure", code)
    page = eager.seen(browser)
    page.set_viewport_size(PHONE)
    said = page.locator(".shaft .said")
    own = re.compile(r"^你挖了第 1 层，没有奖，小玩意“.+”.*收进图鉴")
    page.locator(".dig", has_text="挖一锹").click()
    button = page.locator(".dig", has_text="秒后大家可挖")
    expect(said).to_have_text(own)
    expect(button).to_be_visible()
    place = button.bounding_box()
    page.evaluate(NOTE_SHAKE)
    button.click(force=True)  # the page says that it is disabled
    eager.says("还要等 ")
    page.wait_for_function("() => window.shaken")  # a phone's screen is drawn after what it says
    expect(said).to_have_text(own)
    said.evaluate(LENGTHEN)
    assert button.bounding_box() == place
    assert eager.asked.count("/postTask") == 1


def test_what_is_said_during_an_answer_to_a_press_outlasts_a_further_answer(client, browser, publisher):
    code = publisher.publish(name="按个不停的猫", cd=60)
    eager = client("按个不停的人", named=False)
    eager.open("treasure", code)
    page = eager.seen(browser)
    until_ms = int(1000 * time.time()) + 60_000
    lost = {"status": 1, "error": "cooling_down", "msg": "", "time": 60, "cd_until": until_ms, "pressed": 5}
    eager.is_answered("/postTask", lost)
    page.locator(".dig", has_text="挖一锹").click()
    page.evaluate(PRESS_TWICE, ["抽中了别人", "抽中了小满"])
    page.wait_for_function("() => window.pressed === 1")
    Person.log_in(publisher.address, "小满").post("/postTask", code=code)
    page.wait_for_function("() => window.pressed === 2")
    said = page.locator(".shaft .said")
    expect(said).to_contain_text("还要等 ")
    expect(said).to_have_text("你和另外 4 人同时按下，抽中了小满")


def test_a_winners_name_keeps_its_room_beside_a_long_prize(client, browser, publisher):
    kinds = [{"name": f"第 {place} 等奖，一只会唱歌的猫", "prize_num": 1} for place in (1, 2)]
    numbers = {"prize_num": 2, "interval": 1, "fluctuation": 0, "forecast_num": 2, "cd": 0}
    code = publisher.publish(prizes=kinds, **numbers, **publisher.halves())
    for name in ("爱放风筝的松鼠 79", "爱坐火车的骆驼 17"):
        Person.log_in(publisher.address, name).post("/postTask", code=code)
    reader = client("看名字的人")
    reader.open("treasure", code)
    page = reader.seen(browser)
    reader.press("谁挖了哪一层")
    for shown in ("treasure", "story"):
        if shown == "story":
            reader.open(shown, code)
            page.get_by_text("挖得最多").wait_for()
        page.locator(NAMES).nth(1).wait_for()
        run_until(page, lambda: page.locator(NAMES).evaluate_all(NARROWEST) >= 70)
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


def test_a_win_says_what_else_came_up_and_fits_into_a_small_screen(client, browser, publisher):
    name = "名字不短的一箱脐橙，一共二十个字上下呢"
    code = publisher.publish(name=name, forecast_num=1, **publisher.halves())
    winner = client("挖到脐橙的人", named=False)
    winner.open("treasure", code)
    page = winner.seen(browser)
    page.set_viewport_size(SMALL)
    page.locator(".dig", has_text="挖一锹").click()
    opened = page.locator(".won.settled, .ground:not(.left, .right)")
    expect(opened.get_by_text("还挖出小玩意“")).to_be_visible()
    expect(opened.get_by_role("button", name="去领取").or_(opened.locator(".go"))).to_be_in_viewport(ratio=1)
    assert opened.evaluate("each => each.scrollHeight - each.clientHeight") <= 0
