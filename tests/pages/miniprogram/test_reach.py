"""What the mini-program looks like: its icons and colours, and its pages laid out in a browser."""

import json
import re

import pytest
from playwright.sync_api import expect

from devtools.brand import style_sheet
from support.browser import CUT, Person, open_window
from support.phone import ROOT, a_phone

KINDS = [{"name": f"第 {place} 等奖", "prize_num": 1} for place in range(1, 11)]
FARTHEST = 0.45  # of the screen: above it, a thumb does not reach


def test_the_button_that_digs_is_in_reach_of_the_thumb_with_ten_kinds_of_prizes(browser, address, publisher):
    numbers = {"prize_num": 10, "interval": 2, "fluctuation": 0, "forecast_num": 20, "cd": 30}
    words = {"name": "十种奖品，名字也不短", "synopsis": "说明" * 200}
    code = publisher.publish(prizes=KINDS, **words, **numbers, **publisher.halves())
    opened = open_window(browser, address)
    with a_phone(address, "大拇指") as phone:
        phone.open(f"/pages/treasure/treasure?code={code}")
        opened.page.goto(phone.screen())
        button = opened.page.locator(".dig.ready")
        button.wait_for()
        for width, height in ((320, 568), (360, 780), (430, 932)):
            opened.page.set_viewport_size({"width": width, "height": height})
            box = button.bounding_box()
            assert box is not None
            assert FARTHEST * height < box["y"] + box["height"] / 2 < box["y"] + box["height"] <= height
            assert opened.overflow() <= 0
            chance = opened.page.locator(".chance").bounding_box()
            assert chance is not None
            assert chance["y"] + chance["height"] <= box["y"]
        button.click()  # nothing lies over it
        opened.page.locator(".dig.cooling").wait_for()
        expect(opened.page.locator(".stratum .who")).to_have_text("我")
    opened.close()
    assert opened.wrong == []


def test_a_winners_button_which_nobody_has_to_reach_lies_over_no_words(browser, address, publisher):
    code = publisher.publish(prize_num=2, forecast_num=2, interval=1, fluctuation=0, draw_type=2)
    Person.log_in(address, "挖到的人").post("/postTask", code=code)
    opened = open_window(browser, address, viewport={"width": 360, "height": 780})
    with a_phone(address, "挖到的人") as phone:
        phone.open(f"/pages/treasure/treasure?code={code}")
        opened.page.goto(phone.screen())
        opened.page.locator(".mouth").wait_for()
        level, mouth = [opened.page.locator(part).bounding_box() for part in (".chance", ".mouth")]
        assert level is not None
        assert mouth is not None
        assert mouth["y"] >= level["y"] + level["height"]
        expect(opened.page.locator(".shaft .said")).to_have_css("text-align", "center")  # beside no picture
    opened.close()


def test_taps_alone_lead_from_tab_to_tab_into_a_treasure_and_back(browser, address, publisher):
    publisher.publish(name="点得到的宝贝")
    opened = open_window(browser, address, viewport={"width": 360, "height": 740})
    arrow = opened.page.get_by_label("返回")
    with a_phone(address, "只用手指的人") as phone:
        phone.open("/pages/square/square")
        opened.page.goto(phone.screen())
        opened.page.get_by_text("点得到的宝贝").wait_for()
        tabs = opened.page.locator(".wx-tabs span")
        tabs.get_by_text("我的").click()
        opened.page.get_by_text("我得的奖").wait_for()
        tabs.get_by_text("广场").click()
        opened.page.locator("wx-input input").fill("点得到")
        opened.page.locator(".told", has_text="点得到的宝贝").click()
        opened.page.locator(".dig").wait_for()
        arrow.click()
        expect(opened.page.locator(".tile", has_text="点得到的宝贝")).to_be_visible()
        expect(arrow).to_be_hidden()
    opened.close()
    assert opened.wrong == []


@pytest.fixture(scope="module")
def narrow(address: str, publisher: Person) -> dict[str, str]:
    """The pages of 窄屏的人, who won in treasures and published, each with a text that it shows."""
    own = Person.log_in(address, "窄屏的人")
    friend = Person.log_in(address, "窄屏的朋友")
    words = {"name": "名字不短的宝贝，一共二十个字上下呢", "synopsis": "说明" * 200}
    numbers = {"prize_num": 10, "interval": 2, "fluctuation": 0, "forecast_num": 20, "cd": 0}
    running = publisher.publish(prizes=KINDS, **words, **numbers, **publisher.halves())
    won = publisher.publish(name="挖完的宝贝", forecast_num=1)
    mine = own.publish(name="自己的宝贝", forecast_num=1)
    fresh = own.publish(name="没人挖的宝贝", forecast_num=99)
    own.post("/postTask", code=running)
    own.post("/postTask", code=won)
    friend.post("/postTask", code=mine)
    where = {"receiver": "名字很长的收货人", "phone": "13800000001", "address": "广东省深圳市高新南一道 1 号"}
    for who, code in ((own, won), (friend, mine)):
        who.claim(code, **where)
    by = own.get("/getTaskDetails", code=running)["data"]["publisher_id"]
    return {
        f"treasure/treasure?code={running}": "挖",
        f"treasure/treasure?code={won}": "地址已交给发布者",
        f"treasure/treasure?code={mine}": "我发布的",
        f"treasure/treasure?code={fresh}": "埋好了",
        f"story/story?code={won}": "挖得最多",
        f"winners/winners?code={mine}": "名字很长的收货人",
        f"edit/edit?code={fresh}": "保存",
        f"fair/fair?code={won}": "位置",
        f"texts/texts?code={won}": "每人最多得一份",
        f"publisher/publisher?by={by}": "关注",
        "square/square": "名字不短的宝贝",
        **{f"mine/mine?which={which}": "我得的奖" for which in ("won", "dug", "published", "digs", "finds")},
        "publish/publish": "群红包",
    }


def test_at_320_pixels_nothing_of_the_mini_program_is_cut_off(browser, address, narrow):
    opened = open_window(browser, address, viewport={"width": 320, "height": 568})
    found: list[str] = []

    def look(name: str) -> None:
        found.extend(f"{name}: {each}" for each in opened.page.evaluate(CUT))
        if opened.overflow() > 0:
            found.append(f"{name}: {opened.overflow()} px too wide")

    with a_phone(address, "窄屏的人") as phone:
        phone.open("/pages/square/square")
        opened.page.goto(phone.screen())
        for page, said in narrow.items():
            phone.open(f"/pages/{page}")
            opened.page.get_by_text(said).first.wait_for()
            expect(opened.page.locator(".wx-title")).not_to_have_text("挖宝")  # it says which page this is
            look(page)
        phone.press("群红包")
        opened.page.locator(".chosen", has_text="群红包").wait_for()
        usual = "不填就写“恭喜发财，大吉大利”"  # no words that look like a value
        expect(opened.page.get_by_placeholder(usual).first).to_be_visible()
        drawn = "field => getComputedStyle(field, '::placeholder').color"
        assert opened.page.locator("wx-input input").first.evaluate(drawn) == "rgb(107, 87, 68)", "--soft"
        line = opened.page.locator(".foot .quiet")
        paid = [each.bounding_box() for each in (line.first, opened.page.locator(".foot > wx-button"))]
        assert all(box and 0 < box["y"] < 568 - 56 for box in paid), "how to pay, and the button"
        for form in ("一件东西", "更多", "自己定"):
            phone.press(form)
            opened.page.locator(".chosen", has_text=form).wait_for()
            look(form)
        phone.fire(".kind", "change", value="3")
        opened.page.get_by_text("再加一种").wait_for()
        look("kinds")
    opened.close()
    assert found == []


def test_what_is_wrong_with_a_form_moves_its_button_nowhere(browser, address):
    opened = open_window(browser, address, viewport={"width": 360, "height": 1000})
    with a_phone(address, "忘了填的人") as phone:
        phone.open("/pages/publish/publish")
        opened.page.goto(phone.screen())
        button = opened.page.locator(".foot > wx-button")
        for form, name, said in (
            ("群红包", "", "请填总金额"),
            ("一件东西", "", "请填写“物品名”"),
            ("一件东西", "一只猫", "请先选一张图片"),
        ):
            opened.page.locator(".choice", has_text=form).click()
            opened.page.locator(".chosen", has_text=form).wait_for()
            if name:
                phone.fill("物品名", name)
                opened.page.get_by_text("请填写“物品名”").wait_for(state="detached")
            place = button.bounding_box()
            button.click()
            expect(opened.page.locator(".problem", has_text=said)).to_be_visible()
            assert button.bounding_box() == place
    opened.close()


def test_icons_and_colours_are_those_of_the_web_page():
    assert (ROOT / "icons.wxss").read_text("utf-8") == style_sheet()
    palette = (ROOT / "shared" / "palette.wxss").read_text("utf-8")
    themes = json.loads((ROOT / "theme.json").read_text("utf-8"))
    for theme, said in zip(("light", "dark"), palette.split("@media"), strict=True):
        known = dict(re.findall(r"--([\w-]+): (#\w{6});", said))
        assert {name: known[name] for name in ("paper", "panel", "soft", "accent")}.items() <= themes[
            theme
        ].items()
        assert known["paper"] in (ROOT.parent / "app" / "index.html").read_text("utf-8")
    app = (ROOT / "app.json").read_text("utf-8")
    for name in re.findall(r'[iI]conPath": "@(\w+)"', app):
        for theme in themes.values():
            assert (ROOT / theme[name]).stat().st_size <= 40_000
