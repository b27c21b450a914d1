"""What is where on the screen of a phone, in both clients."""

from playwright.sync_api import ViewportSize, expect

from support.browser import Person, run_until
from support.client import a_picture

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
NAMES = ".digs .name, .dug-levels .name"
NARROWEST = "all => Math.min(...all.map(each => each.getBoundingClientRect().width))"


def test_nothing_that_can_be_pressed_comes_where_the_button_was(client, browser, publisher):
    publisher.publish(a_picture(), name="接下来的猫")
    code = publisher.publish(a_picture(), name="快挖完的猫", forecast_num=1)
    reader = client("等着挖的人", named=False)  # who digs by hand
    reader.open("treasure", code)
    page = reader.seen(browser)
    button = page.locator(".dig", has_text="挖一锹")
    expect(button).to_be_visible()
    place = button.bounding_box()
    Person.log_in(publisher.address, "老王").post("/postTask", code=code)
    expect(page.get_by_text("奖品全部挖完了")).to_be_attached()
    expect(page.get_by_text("接下来挖哪个")).to_be_attached()
    assert page.evaluate(PRESSABLE, place) == []


def test_a_winners_name_keeps_its_room_beside_a_long_prize(client, browser, publisher):
    half = {"sealed_seed": publisher.get("/commitment")["sealed_seed"], "nonce": "ab" * 16}
    kinds = [{"name": f"第 {place} 等奖，一只会唱歌的猫", "prize_num": 1} for place in (1, 2)]
    numbers = {"prize_num": 2, "interval": 1, "fluctuation": 0, "forecast_num": 2, "cd": 0}
    code = publisher.publish(a_picture(), prizes=kinds, **numbers, **half)
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
    half = {"sealed_seed": publisher.get("/commitment")["sealed_seed"], "nonce": "ab" * 16}
    name = "名字不短的一箱脐橙，一共二十个字上下呢"
    code = publisher.publish(a_picture(), name=name, forecast_num=1, **half)
    winner = client("挖到脐橙的人", named=False)
    winner.open("treasure", code)
    page = winner.seen(browser)
    page.set_viewport_size(SMALL)
    page.locator(".dig", has_text="挖一锹").click()
    opened = page.locator(".won.settled, .ground:not(.left, .right)")
    expect(opened.get_by_text("还挖出小玩意")).to_be_visible()
    expect(opened.get_by_role("button", name="去领取").or_(opened.locator(".go"))).to_be_in_viewport(ratio=1)
    assert opened.evaluate("each => each.scrollHeight - each.clientHeight") <= 0
