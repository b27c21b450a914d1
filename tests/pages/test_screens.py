"""The pictures of the pages in README.md and docs/.

Each run makes the pictures again in one look (a size and a colour), and with SCREENS_DIR in all looks. So a
test fails if a page can no longer be reached, or if a document shows a picture that no test makes. The moving
picture of a dig is made frame by frame, so it is the same each time. To replace the pictures:
`SCREENS_DIR=docs pytest tests/pages/test_screens.py`.
"""

import io
import math
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageDraw
from playwright.sync_api import Browser, Page, Route, expect

from support import SOURCE
from support.browser import PHONE, Person, Window, choose_picture, open_window
from support.drawings import MODERATION, draw, oranges
from support.screen import LOOKS, take_picture
from support.servers import a_server

TEXTS = [*SOURCE.glob("*.md"), *SOURCE.glob("docs/*.md")]
SHARPNESS = 1.5
LARGEST_BYTES = {"phone": 50_000, "desk": 60_000}
CROWD = ("阿强", "老王", "朵朵", "大熊", "小鹿", "阿杰")
ADDRESSES = (
    ("王朵朵", "13800000001", "深圳市南山区高新南一道 1 号"),
    ("熊大力", "13800000002", "成都市武侯区人民南路 2 号 3 单元"),
)


# The moving picture: the duration of each frame, and the elements that move.
MOMENT = "moment.webp"
FRAME_MS, FIRST_MS, LAST_MS = 60, 900, 2500
STRIKES_MS, OPENS_MS = 600, 1500
MOMENT_BYTES, MOMENT_SHARPNESS = 1_000_000, 1.25
HOLD = """at => document.getAnimations().forEach(each => { each.pause(); each.currentTime = at; })"""


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server for the pictures."""
    with a_server(tmp_path_factory.mktemp("screens"), FAIR_START_MS="800") as running:  # the default
        yield running.address


@pytest.fixture(scope="module")
def codes(address: str, browser: Browser) -> dict[str, str]:
    """The codes of published treasures by name; a crowd has begun to dig them."""
    crowd = [Person.log_in(address, user) for user in CROWD]
    ming, hong = Person.log_in(address, "小明"), Person.log_in(address, "小红")
    # With `many`, the first prize is at depth 34 or deeper.
    half = hong.get("/commitment")
    together = {"sealed_seed": half["sealed_seed"], "nonce": "5b1f62c9a4e07d3388c2f19be06a7d54"}
    many = {"prize_num": 5, "interval": 40, "fluctuation": 6, "forecast_num": 230}
    in_turn = {"prize_num": 3, "interval": 1, "fluctuation": 0, "forecast_num": 1}
    used = {"cd": 3, "synopsis": "自用一年，键帽洗过了。挖到的朋友留下地址，三天内寄出。"}
    made = {
        "oranges": ming.publish(draw(oranges), name="一箱赣南脐橙", cd=5, **many),
        "bracelet": hong.publish(draw(bracelet), name="手工银镯", forecast_num=400, draw_type=1, cd=10),
        "won": hong.publish(draw(oranges), name="半箱赣南脐橙", forecast_num=1, cd=5, **together),
        "shared": hong.publish(draw(bracelet), name="三只手工银镯", **in_turn),
        "keyboard": ming.publish(draw(keyboard), name="机械键盘，青轴，九成新", **used, **many),
    }
    crowd[0].post("/postTask", code=made["won"])
    for person in crowd[2:5]:
        person.post("/postTask", code=made["shared"])
    for person, (receiver, phone, street) in zip(crowd[2:4], ADDRESSES, strict=True):
        person.claim(made["shared"], receiver=receiver, phone=phone, address=street)
    publisher = open_window(browser, address)
    publisher.go(f"/#/task/{made['keyboard']}")
    publisher.log_in("小明")
    for person in crowd:
        expect(publisher.page.get_by_text("现在可以挖")).to_be_visible()
        person.post("/postTask", code=made["keyboard"])
        expect(publisher.page.get_by_text("冷却中，还剩")).to_be_visible()
    publisher.context.close()
    crowd[1].post("/postTask", code=made["oranges"])
    crowd[2].post("/postTask", code=made["bracelet"])
    return made


@pytest.fixture
def options(look: str) -> dict[str, Any]:
    """The windows have one size and colour."""
    sharpness = SHARPNESS if look.startswith("phone") else 1
    return {**LOOKS[look], "device_scale_factor": sharpness, "reduced_motion": "reduce"}


def test_every_screen_is_readable_and_its_picture_is_taken(window, codes, look, tmp_path):
    texts = "".join(text.read_text(encoding="utf-8") for text in TEXTS)
    shown = set(re.findall(rf"\b([a-z-]+)-(?:{'|'.join(LOOKS)})\.webp", texts)) - MODERATION
    kept_in = Path(os.environ.get("SCREENS_DIR", tmp_path))
    made: set[str] = set()

    def keep(opened: Window, name: str) -> None:
        # Wait only for visible pictures: a picture in a closed fold is never loaded.
        opened.page.evaluate("""() => Promise.all([...document.images]
            .filter(image => image.checkVisibility())
            .map(image => image.decode().catch(() => {})))""")
        # Wait until messages have faded in.
        opened.page.wait_for_function("""() => !document.querySelector(".strike:not([hidden])")
            && document.getAnimations().every(each => each.effect.getTiming().iterations === Infinity)""")
        made.add(name)
        file = (kept_in if f"{name}-{look}.webp" in texts else tmp_path) / f"{name}-{look}.webp"
        take_picture(opened, file)
        assert file.stat().st_size <= LARGEST_BYTES[look.partition("-")[0]]

    keep(window(), "login")

    visitor = window("阿强")
    expect(visitor.page.locator(".card").nth(2)).to_be_visible()
    keep(visitor, "square")

    visitor.go(f"/#/task/{codes['keyboard']}")
    expect(visitor.page.locator(".people li")).to_have_count(len(CROWD))
    expect(visitor.page.locator(".dig")).not_to_have_attribute("data-kind", "cooling")
    visitor.page.locator(".dig").click()
    expect(visitor.page.locator(".dig[data-kind=cooling]")).to_be_visible()
    keep(visitor, "treasure")

    visitor.go(f"/#/task/{codes['won']}")
    visitor.page.get_by_role("button", name="验证这次抽奖").click()
    expect(visitor.page.locator(".verdict")).to_contain_text("验证通过")
    visitor.page.locator(".verdict").evaluate("verdict => verdict.scrollIntoView({block: 'center'})")
    keep(visitor, "proof")

    prize = Person.log_in(visitor.address, "小红").publish(draw(bracelet), name="手工银镯", forecast_num=1)
    visitor.go(f"/#/task/{prize}")
    expect(visitor.page.get_by_role("heading", name="恭喜，你挖到了！")).to_be_visible()
    keep(visitor, "win")

    visitor.page.get_by_role("button", name="去领取").click()
    for label, said in zip(("收货人", "电话", "详细地址"), ADDRESSES[0], strict=True):
        visitor.page.get_by_label(label).fill(said)
    keep(visitor, "claim-mail")

    prize = Person.log_in(visitor.address, "小红").publish(
        draw(bracelet), name="手工银镯", forecast_num=1, draw_type=1
    )
    visitor.go(f"/#/task/{prize}")
    visitor.page.get_by_role("button", name="去领取").click()
    visitor.page.get_by_role("button", name="出示取件码").click()
    visitor.page.locator("img.code").scroll_into_view_if_needed()
    keep(visitor, "claim-site")

    visitor.go("/#/publish")
    choose_picture(visitor.page, draw(bracelet))
    visitor.page.get_by_label("物品名").fill("手工银镯")
    visitor.page.get_by_label("简介").fill("自己打的，内圈刻字可以改。")
    visitor.page.get_by_label("奖品数量").fill("3")
    visitor.page.evaluate("scrollTo(0, 0)")
    keep(visitor, "publish")

    visitor.go("/#/mine/won")
    expect(visitor.page.locator(".card", has_text="半箱赣南脐橙")).to_be_visible()
    keep(visitor, "mine")

    publisher = window("小红")
    publisher.go(f"/#/winners/{codes['shared']}")
    expect(publisher.page.get_by_text(ADDRESSES[0][2])).to_be_visible()
    keep(publisher, "winners")

    assert shown <= made


class Film:
    """Pictures of a page, each with how long it is shown."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.frames: list[Image.Image] = []
        self.lasts_ms: list[int] = []

    def take(self, lasts_ms: int) -> None:
        self.frames.append(Image.open(io.BytesIO(self.page.screenshot())).convert("RGB"))
        self.lasts_ms.append(lasts_ms)

    def take_moving(self, until_ms: int) -> None:
        """Take the moving elements frame by frame, from the beginning."""
        for at_ms in range(0, until_ms, FRAME_MS):
            self.page.evaluate(HOLD, at_ms)
            self.take(FRAME_MS)


def test_the_moment_of_a_dig_is_recorded(window, address, look, tmp_path):
    publisher = Person.log_in(address, "小明")
    code = publisher.publish(
        draw(oranges), name="一箱赣南脐橙", forecast_num=1, cd=5, synopsis="自家果园，现摘现发。"
    )
    moving = {"reduced_motion": "no-preference", "color_scheme": "light"}
    opened = window(None, viewport=PHONE, device_scale_factor=MOMENT_SHARPNESS, **moving)
    page = opened.page
    opened.log_in(f"小禾{look}", digs=False)  # somebody for whom no other prize waits
    page.clock.install()  # so that no movement is over before its pictures are taken
    opened.go(f"/#/task/{code}")
    page.reload()
    expect(page.locator(".dig[data-kind=ready]")).to_be_visible()
    page.evaluate("() => Promise.all([...document.images].map(each => each.decode().catch(() => {})))")
    film = Film(page)
    film.take(FIRST_MS)
    held: list[Route] = []
    page.route("**/postTask", lambda route: held.append(route), times=1)
    page.locator(".dig").click()
    expect(page.locator(".strike")).to_be_visible()
    film.take_moving(STRIKES_MS)
    with page.expect_response("**/postTask"):
        held[0].continue_()
    page.clock.run_for(STRIKES_MS)
    expect(page.get_by_role("button", name="去领取")).to_be_visible()
    page.locator(".prize img").evaluate("image => image.decode()")
    film.take_moving(OPENS_MS)
    page.evaluate("() => document.getAnimations().forEach(each => each.finish())")
    film.take(LAST_MS)
    file = Path(os.environ.get("SCREENS_DIR", tmp_path)) / MOMENT
    first, *others = film.frames
    first.save(
        file, save_all=True, append_images=others, duration=film.lasts_ms, loop=0, quality=60, method=4
    )
    assert file.stat().st_size <= MOMENT_BYTES
    for text in ("README.md", "README.zh.md"):
        assert f"docs/{MOMENT}" in (SOURCE / text).read_text(encoding="utf-8")


# Drawings of the goods.


def bracelet(pen: ImageDraw.ImageDraw) -> None:
    pen.rectangle((0, 0, 960, 720), fill="#4a3b56")
    pen.ellipse((170, 470, 790, 650), fill="#3b2f46")
    pen.ellipse((250, 120, 710, 580), outline="#dfe3ea", width=54)
    pen.arc((262, 132, 698, 568), 190, 300, fill="#ffffff", width=16)
    for angle in range(0, 360, 30):
        x, y = 480 + 203 * math.cos(math.radians(angle)), 350 + 203 * math.sin(math.radians(angle))
        pen.ellipse((x - 9, y - 9, x + 9, y + 9), fill="#9aa3b5")


def keyboard(pen: ImageDraw.ImageDraw) -> None:
    pen.rectangle((0, 0, 960, 720), fill="#cfd8dc")
    pen.rounded_rectangle((70, 190, 890, 540), 30, fill="#263238")
    for row in range(4):
        for column in range(12):
            x, y = 95 + column * 65, 215 + row * 65
            colour = "#ff8f5a" if (row, column) in ((0, 0), (2, 11)) else "#eceff1"
            pen.rounded_rectangle((x, y, x + 55, y + 53), 9, fill=colour)
    pen.rounded_rectangle((290, 477, 680, 524), 9, fill="#eceff1")
