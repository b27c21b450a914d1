"""What the mini-program looks like: its icons and colours, and its pages laid out in a browser."""

import json
import os
import re
import signal

import pytest

from devtools.brand import style_sheet
from support.browser import open_window
from support.client import a_picture
from support.phone import ROOT, a_phone

KINDS = [{"name": f"第 {place} 等奖", "prize_num": 1} for place in range(1, 11)]
FARTHEST = 0.45  # of the screen: above it, a thumb does not reach


@pytest.mark.parametrize("size", [(320, 568), (360, 780), (430, 932)])
def test_the_button_that_digs_is_in_reach_of_the_thumb_with_ten_kinds_of_prizes(
    browser, address, publisher, size
):
    half = {"sealed_seed": publisher.get("/commitment")["sealed_seed"], "nonce": "ab" * 16}
    numbers = {"prize_num": 10, "interval": 2, "fluctuation": 0, "forecast_num": 20, "cd": 30}
    words = {"name": "十种奖品，名字也不短", "synopsis": "说明" * 200}
    code = publisher.publish(a_picture(), prizes=KINDS, **words, **numbers, **half)
    width, height = size
    opened = open_window(browser, address, viewport={"width": width, "height": height})
    with a_phone(address, "大拇指") as phone:
        phone.open(f"/pages/treasure/treasure?code={code}")
        opened.page.goto(phone.screen())
        button = opened.page.locator(".dig.ready")
        button.wait_for()
        box = button.bounding_box()
        assert box is not None
        assert FARTHEST * height < box["y"] + box["height"] / 2 < box["y"] + box["height"] <= height
        assert opened.overflow() <= 0
        button.click()  # nothing lies over it
        opened.page.locator(".dig.cooling").wait_for()
        assert opened.page.locator(".stratum").count() == 1
    opened.context.close()
    assert opened.wrong == []


def test_the_line_about_a_lost_connection_moves_nothing_under_the_thumb(browser, shared, publisher):
    code = publisher.publish(a_picture(), name="断线的猫", forecast_num=9)
    opened = open_window(browser, shared.address, viewport={"width": 360, "height": 780})
    with a_phone(shared.address, "断线的人") as phone:
        phone.open(f"/pages/treasure/treasure?code={code}")
        opened.page.goto(phone.screen())
        button = opened.page.locator(".dig.ready")
        button.wait_for()
        before = button.bounding_box()
        for worker in shared.children()["worker"]:
            os.kill(worker, signal.SIGKILL)
        opened.page.get_by_text("连接断开，正在重新连接").wait_for()
        assert button.bounding_box() == before
    opened.context.close()


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
