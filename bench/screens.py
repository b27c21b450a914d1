"""The pictures of the pages in README.md and docs/, taken anew.

    python bench/screens.py [directory]

Needs the `test` extra and Chromium. Starts a server for players, one that checks contents, and one for
operators, plays what the pictures show, and writes each picture into the directory (docs/ if none is given).
`git diff --stat docs` then shows which pages look different. The moving picture of a dig is made frame by
frame, so it is the same each time. Exits with 1 if a picture has become too large, or if a document shows a
picture that was not made.
"""

import argparse
import io
import math
import re
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
sys.path.insert(0, str(Path(__file__).parents[1]))  # comes first: tests/ has handlers/ too

from PIL import Image, ImageDraw
from playwright.sync_api import Browser, Page, Route, expect

from parts.drawings import draw, oranges
from parts.evening import fill_history
from server.operation.heartbeats import HISTORY_SECONDS
from support.browser import DESK, PHONE, Person, Window, a_browser, open_window, write_record
from support.client import a_picture
from support.messages import MESSAGES
from support.reviews import CHECKED
from support.screen import TOKEN, a_red_packet, chart, enter, operate
from support.servers import Running, a_server, until

ROOT = Path(__file__).parents[1]
LOOKS: dict[str, dict[str, Any]] = {
    "phone-light": {"viewport": PHONE, "color_scheme": "light"},
    "phone-dark": {"viewport": PHONE, "color_scheme": "dark"},
    "desk-light": {"viewport": DESK, "color_scheme": "light"},
}
SHARPNESS = 1.5
LARGEST_BYTES = 60_000
OPERATORS_BYTES = 100_000
CROWD = ("阿强", "老王", "朵朵", "大熊", "小鹿", "阿杰")
ADDRESSES = (
    ("王朵朵", "13800000001", "深圳市南山区高新南一道 1 号"),
    ("熊大力", "13800000002", "成都市武侯区人民南路 2 号 3 单元"),
)
DOUBTFUL = "存疑的茶壶"
REPORTED = "名牌手表，全新"
STOLEN = "一箱橙子"
# The moving picture: the duration of each frame, and the elements that move.
MOMENT = "moment.webp"
FRAME_MS = 60
FIRST_MS = 900
LAST_MS = 2500
STRIKES_MS = 600
OPENS_MS = 1500
MOMENT_BYTES = 1_000_000
MOMENT_SHARPNESS = 1.25
HOLD = """at => document.getAnimations().forEach(each => { each.pause(); each.currentTime = at; })"""
SETTLED = """() => !document.querySelector(".strike:not([hidden])")
    && document.getAnimations().every(each => each.effect.getTiming().iterations === Infinity)"""
LOADED = """() => Promise.all([...document.images]
    .filter(image => image.checkVisibility()).map(image => image.decode().catch(() => {})))"""


class Album:
    """Takes the pictures of one server's pages."""

    def __init__(self, browser: Browser, address: str, directory: Path, sharpness: float = 1) -> None:
        self.browser = browser
        self.address = address
        self.directory = directory
        self.sharpness = sharpness  # of a phone's screen

    @contextmanager
    def window(
        self, path: str, user: str = "", look: str = "phone-light", **further: Any
    ) -> Iterator[Window]:
        """Open a page in a window of this look, logged in if a user is named."""
        sharpness = self.sharpness if look.startswith("phone") else 1
        options = {**LOOKS[look], "device_scale_factor": sharpness, "reduced_motion": "reduce", **further}
        opened = open_window(self.browser, self.address, **options)
        opened.go(path)
        if user:
            opened.log_in(user)
        yield opened
        opened.context.close()

    def keep(self, opened: Window, name: str, quality: int = 64) -> None:
        """Write what the window shows into the file of this name."""
        # Pictures in a closed fold are never loaded. Messages fade in.
        opened.page.evaluate(LOADED)
        opened.page.wait_for_function(SETTLED)
        with Image.open(io.BytesIO(opened.page.screenshot())) as picture:
            picture.save(self.directory / f"{name}.webp", quality=quality, method=6)


def treasures(address: str) -> dict[str, str]:
    """Publish treasures, which a crowd begins to dig; return their codes by name."""
    crowd = [Person.log_in(address, user) for user in CROWD]
    ming = Person.log_in(address, "小明")
    hong = Person.log_in(address, "小红")
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
    for person in crowd:
        until(partial(_can_dig, person, made["keyboard"]))
        person.post("/postTask", code=made["keyboard"])
    crowd[1].post("/postTask", code=made["oranges"])
    crowd[2].post("/postTask", code=made["bracelet"])
    return made


def _can_dig(person: Person, code: str) -> bool:
    return bool(person.get("/getTaskDetails", code=code)["why"] == "")


def take_players(album: Album) -> None:
    """Take the pages on which people play."""
    codes = treasures(album.address)
    hong = Person.log_in(album.address, "小红")
    with album.window("/") as login:
        album.keep(login, "login-phone-light")
    with album.window("/", "阿强") as visitor:
        page = visitor.page
        expect(page.locator(".card").nth(2)).to_be_visible()
        page.get_by_role("button", name="跳过").click()  # the practice of a first visit
        album.keep(visitor, "square-phone-light")
        _dig(visitor, codes["keyboard"])
        album.keep(visitor, "treasure-phone-light")

        prize = hong.publish(draw(bracelet), name="手工银镯", forecast_num=1)
        visitor.go(f"/#/task/{prize}")
        expect(page.get_by_role("heading", name="恭喜，你挖到了！")).to_be_visible()
        album.keep(visitor, "win-phone-light")
        page.get_by_role("button", name="去领取").click()
        for label, said in zip(("收货人", "电话", "详细地址"), ADDRESSES[0], strict=True):
            page.get_by_label(label).fill(said)
        album.keep(visitor, "claim-mail-phone-light")

        prize = hong.publish(draw(bracelet), name="手工银镯", forecast_num=1, draw_type=1)
        visitor.go(f"/#/task/{prize}")
        page.get_by_role("button", name="去领取").click()
        page.get_by_role("button", name="出示取件码").click()
        page.locator("img.code").scroll_into_view_if_needed()
        album.keep(visitor, "claim-site-phone-light")

        visitor.go("/#/publish")
        page.get_by_role("radio", name="群红包").check()
        for label, text in (("总金额", "66"), ("红包个数", "8")):
            page.get_by_label(label).fill(text)
        page.evaluate("scrollTo(0, 0)")
        album.keep(visitor, "publish-phone-light")

        visitor.go("/#/mine/won")
        expect(page.locator(".card", has_text="半箱赣南脐橙")).to_be_visible()
        album.keep(visitor, "mine-phone-light")
    with album.window("/", "老王", "desk-light") as wide:
        _dig(wide, codes["keyboard"])
        album.keep(wide, "treasure-desk-light")
    with album.window("/", "阿强", "phone-dark") as checking:
        checking.go(f"/#/task/{codes['won']}")
        checking.page.get_by_role("button", name="验证这次抽奖").click()
        verdict = checking.page.locator(".verdict")
        expect(verdict).to_contain_text("验证通过")
        verdict.evaluate("verdict => verdict.scrollIntoView({block: 'center'})")
        album.keep(checking, "proof-phone-dark")
    with album.window(f"/#/winners/{codes['shared']}", "小红") as publisher:
        expect(publisher.page.get_by_text(ADDRESSES[0][2])).to_be_visible()
        album.keep(publisher, "winners-phone-light")
    record_moment(album)


def _dig(opened: Window, code: str) -> None:
    opened.go(f"/#/task/{code}")
    dig = opened.page.locator(".dig")
    expect(opened.page.locator(".people li")).to_have_count(len(CROWD))
    expect(dig).not_to_have_attribute("data-kind", "cooling")
    dig.click()
    expect(opened.page.locator(".dig[data-kind=cooling]")).to_be_visible()


class Film:
    """Pictures of a page, each with how long it is shown."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.frames: list[Image.Image] = []
        self.lasts_ms: list[int] = []

    def take(self, lasts_ms: int) -> None:
        """Take one picture."""
        self.frames.append(Image.open(io.BytesIO(self.page.screenshot())).convert("RGB"))
        self.lasts_ms.append(lasts_ms)

    def take_moving(self, until_ms: int) -> None:
        """Take the moving elements frame by frame, from the beginning."""
        for at_ms in range(0, until_ms, FRAME_MS):
            self.page.evaluate(HOLD, at_ms)
            self.take(FRAME_MS)


def record_moment(album: Album) -> None:
    """Record a dig that wins."""
    publisher = Person.log_in(album.address, "小明")
    told = {"name": "一箱赣南脐橙", "synopsis": "自家果园，现摘现发。"}
    code = publisher.publish(draw(oranges), forecast_num=1, cd=5, **told)
    moving: dict[str, Any] = {"reduced_motion": "no-preference", "device_scale_factor": MOMENT_SHARPNESS}
    with album.window("/", **moving) as opened:
        page = opened.page
        opened.log_in("小禾", digs=False)  # somebody for whom no other prize waits
        page.clock.install()  # so that no movement is over before its pictures are taken
        opened.go(f"/#/task/{code}")
        page.reload()
        expect(page.locator(".dig[data-kind=ready]")).to_be_visible()
        page.evaluate(LOADED)
        film = Film(page)
        film.take(FIRST_MS)
        held: list[Route] = []
        page.route("**/postTask", lambda route: held.append(route), times=1)
        page.locator(".dig").click()
        expect(page.locator(".strike:not([hidden])")).to_be_visible()
        film.take_moving(STRIKES_MS)
        with page.expect_response("**/postTask"):
            held[0].continue_()
        page.clock.run_for(STRIKES_MS)
        expect(page.get_by_role("button", name="去领取")).to_be_visible()
        page.locator(".prize img").evaluate("image => image.decode()")
        film.take_moving(OPENS_MS)
        page.evaluate("() => document.getAnimations().forEach(each => each.finish())")
        film.take(LAST_MS)
    first, *others = film.frames
    into: dict[str, Any] = {
        "append_images": others,
        "duration": film.lasts_ms,
        "loop": 0,
        "quality": 60,
        "method": 4,
    }
    first.save(album.directory / MOMENT, save_all=True, **into)


def contents(address: str, data_dir: Path) -> dict[str, str]:
    """Publish what is checked, reported and frozen; return the codes by name."""
    hong, ming, xiong = (Person.log_in(address, user) for user in ("小红", "小明", "大熊"))
    made = {
        DOUBTFUL: hong.publish(draw(teapot), name=DOUBTFUL, synopsis="【存疑】加微信 abc123 领取"),
        REPORTED: ming.publish(draw(oranges), name=REPORTED, synopsis="加群领取，先到先得。"),
        STOLEN: hong.publish(draw(oranges), name=STOLEN, forecast_num=1),
    }
    for name, who, review in ((REPORTED, ming, "shown"), (STOLEN, hong, "shown"), (DOUBTFUL, hong, "held")):
        until(partial(_is_reviewed_as, review, who, made[name]))
    xiong.post("/postTask", code=made[REPORTED])
    xiong.post("/postTask", code=made[STOLEN])
    receiver, phone, street = ADDRESSES[1]
    xiong.claim(made[STOLEN], receiver=receiver, phone=phone, address=street)
    for user, reason in (("朵朵", "fraud"), ("阿强", "fraud"), ("小鹿", "illegal")):
        reporter = Person.log_in(address, user)
        write_record(data_dir, "people", reporter.id, created_at=1)  # new people's reports do not count
        reporter.post("/postTask", code=made[REPORTED])
        reporter.post("/report", code=made[REPORTED], reason=reason, text="留的地址都不回")
    packet, _ = a_red_packet(ming, address)
    operate(address, "/ops/ban", code=made[REPORTED], depth=1, days=7, reason="用脚本挖宝")
    operate(address, "/ops/freeze", what="task", code=packet, reason="像是刷奖")
    operate(address, "/ops/freeze", what="person", code=made[STOLEN], depth=1, reason="用脚本挖到的")
    return made


def _is_reviewed_as(review: str, who: Person, code: str) -> bool:
    return bool(who.get("/getTaskDetails", code=code)["review"] == review)


def take_contents(album: Album, data_dir: Path) -> None:
    """Take the pages about checks, reports, bans and frozen goods."""
    codes = contents(album.address, data_dir)
    task = {name: f"/#/task/{code}" for name, code in codes.items()}
    with album.window(task[DOUBTFUL], "小红") as publisher:
        expect(publisher.page.get_by_text("正在等平台的人看一看")).to_be_visible()
        album.keep(publisher, "held-phone-light")
    with album.window(task[DOUBTFUL], "路人", "phone-dark") as stranger:
        expect(stranger.page.get_by_role("alert")).to_be_visible()
        album.keep(stranger, "not-shown-phone-dark")
    with album.window(task[REPORTED], "小芳") as reporter:
        reporter.page.get_by_role("button", name="举报").click()
        expect(reporter.page.get_by_role("button", name="色情低俗")).to_be_visible()
        album.keep(reporter, "report-phone-light")
    with album.window(task[REPORTED], "大熊") as banned:
        expect(banned.page.locator("main").get_by_text("停用").first).to_be_visible()
        album.keep(banned, "banned-phone-light")
        banned.go(task[STOLEN])
        claim = banned.page.locator(".claim")
        expect(claim).to_contain_text("这个奖品被运营者冻结了")
        claim.scroll_into_view_if_needed()
        album.keep(banned, "frozen-phone-light")
    with album.window(f"/#/winners/{codes[STOLEN]}", "小红", "phone-dark") as publisher:
        expect(publisher.page.locator(".winners li")).to_contain_text("已冻结")
        album.keep(publisher, "frozen-winners-phone-dark")
    keeper = Person.log_in(album.address, "掌柜")
    code = keeper.publish(draw(oranges), name="一箱赣南脐橙")
    until(partial(_is_reviewed_as, "shown", keeper, code))
    with album.window(f"/#/task/{code}", "掌柜") as publisher:
        publisher.page.get_by_role("region", name="提醒").scroll_into_view_if_needed()
        album.keep(publisher, "consent-phone-light")
    for path, said, look in (
        ("reviews", DOUBTFUL, "desk-light"),
        ("reports", REPORTED, "phone-light"),
        ("payouts", "8.00", "desk-light"),
        (f"person/{codes[REPORTED]}/1", "用脚本挖宝", "phone-dark"),
    ):
        with album.window("/ops", look=look) as operator:
            enter(operator, "值班员", TOKEN)
            expect(operator.page.locator(".status.fresh")).to_be_visible()
            operator.go(f"/ops#/{path}")
            expect(operator.page.locator("main")).to_contain_text(said)
            album.keep(operator, f"ops-{path.partition('/')[0]}-{look}")


def take_operators(album: Album, data_dir: Path) -> None:
    """Take the operators' screen, a task's page and the log."""
    publisher = Person.log_in(album.address, "小明")
    crowd = [Person.log_in(album.address, name) for name in ("老王", "大熊", "小鹿", "阿杰", "朵朵")]
    for name, cooldown_seconds in (("机械键盘，青轴", 45), ("手工银镯", 90), ("一箱赣南脐橙", 60)):
        code = publisher.publish(a_picture(), name=name, cd=0, forecast_num=100_000)
        for person in crowd:
            person.post("/postTask", code=code)
        code = publisher.publish(a_picture(), name=f"又一个{name}", cd=cooldown_seconds, forecast_num=9999)
        crowd[0].post("/postTask", code=code)
    code, winner = a_red_packet(publisher, album.address)
    winner.claim(code)
    now = int(time.time())
    fill_history(data_dir, range(now, now + 20))  # the feed sends each second when it comes
    with album.window("/ops", look="desk-light", color_scheme="dark") as opened:
        enter(opened, "值班员", TOKEN)
        expect(chart(opened, "watchers").locator("b")).to_have_text(re.compile(r"^[1-4]\d\d$"))
        expect(opened.page.locator(".tasks-panel .state.cools").nth(2)).to_be_visible()
        album.keep(opened, "ops-desk-dark", quality=82)
    size = {"width": 1000, "height": 760}
    with album.window("/ops", look="desk-light", viewport=size) as opened:
        enter(opened, "值班员", TOKEN)
        expect(opened.page.locator(".status.fresh")).to_be_visible()
        opened.go(f"/ops#/task/{code}")
        expect(opened.page.locator(".payments")).to_contain_text("等用户确认")
        album.keep(opened, "ops-task", quality=82)
        for act, reason in (
            ("下架", "有人举报，先看看"),
            ("恢复显示", "没有问题"),
            ("结束", "发布者要求结束"),
        ):
            opened.page.get_by_role("button", name=act, exact=True).click()
            opened.page.get_by_label("理由").fill(reason)
            opened.page.get_by_role("button", name=f"确认{act}").click()
            expect(opened.page.get_by_text("并写入操作记录")).to_be_visible()
            opened.page.keyboard.press("Escape")
        opened.go("/ops#/log")
        expect(opened.page.locator(".log li").first).to_contain_text("发布者要求结束")
        opened.page.set_viewport_size({"width": 1000, "height": 390})
        album.keep(opened, "ops-log", quality=82)


# Drawings of the goods.


def bracelet(pen: ImageDraw.ImageDraw) -> None:
    pen.rectangle((0, 0, 960, 720), fill="#4a3b56")
    pen.ellipse((170, 470, 790, 650), fill="#3b2f46")
    pen.ellipse((250, 120, 710, 580), outline="#dfe3ea", width=54)
    pen.arc((262, 132, 698, 568), 190, 300, fill="#ffffff", width=16)
    for angle in range(0, 360, 30):
        x = 480 + 203 * math.cos(math.radians(angle))
        y = 350 + 203 * math.sin(math.radians(angle))
        pen.ellipse((x - 9, y - 9, x + 9, y + 9), fill="#9aa3b5")


def keyboard(pen: ImageDraw.ImageDraw) -> None:
    pen.rectangle((0, 0, 960, 720), fill="#cfd8dc")
    pen.rounded_rectangle((70, 190, 890, 540), 30, fill="#263238")
    for row in range(4):
        for column in range(12):
            x = 95 + column * 65
            y = 215 + row * 65
            colour = "#ff8f5a" if (row, column) in ((0, 0), (2, 11)) else "#eceff1"
            pen.rounded_rectangle((x, y, x + 55, y + 53), 9, fill=colour)
    pen.rounded_rectangle((290, 477, 680, 524), 9, fill="#eceff1")


def teapot(pen: ImageDraw.ImageDraw) -> None:
    pen.rectangle((0, 0, 960, 720), fill="#d7ccc8")
    pen.ellipse((300, 260, 680, 580), fill="#6d4c41")
    pen.rectangle((440, 210, 540, 270), fill="#5d4037")
    pen.ellipse((465, 170, 515, 220), fill="#8d6e63")
    pen.arc((620, 300, 800, 520), 260, 100, fill="#6d4c41", width=34)
    pen.polygon(((310, 380), (170, 290), (150, 330), (310, 470)), fill="#6d4c41")


def main() -> int:
    arguments = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    arguments.add_argument("directory", nargs="?", type=Path, default=ROOT / "docs")
    directory: Path = arguments.parse_args().directory
    with a_browser() as browser:
        with serving(FAIR_START_MS="800") as server:  # the default
            take_players(Album(browser, server.address, directory, SHARPNESS))
        with serving(OPS_TOKEN=TOKEN, **CHECKED, **MESSAGES) as server:
            take_contents(Album(browser, server.address, directory), server.data_dir)
        with serving(OPS_TOKEN=TOKEN, WEB_CONCURRENCY="2") as server:
            now = int(time.time())
            fill_history(server.data_dir, range(now - HISTORY_SECONDS, now))
            take_operators(Album(browser, server.address, directory), server.data_dir)
    texts = "".join(
        text.read_text(encoding="utf-8") for text in (*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"))
    )
    shown = {name for other, name in re.findall(r"(states/)?([\w-]+\.webp)", texts) if not other}
    missing = sorted(name for name in shown if not (directory / name).is_file())
    large = [name for name in sorted(shown - {*missing}) if (directory / name).stat().st_size > most(name)]
    print(
        *(f"{name} was not made" for name in missing), *(f"{name} is too large" for name in large), sep="\n"
    )
    return int(bool(missing or large))


@contextmanager
def serving(**settings: str) -> Iterator[Running]:
    with tempfile.TemporaryDirectory() as directory, a_server(Path(directory), **settings) as server:
        yield server


def most(name: str) -> int:
    """Return how many bytes a picture may have."""
    return {MOMENT: MOMENT_BYTES, "ops-desk-dark.webp": OPERATORS_BYTES}.get(name, LARGEST_BYTES)


if __name__ == "__main__":
    sys.exit(main())
