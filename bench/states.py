"""The ten states that matter most, as pictures, in both clients, light and dark.

    python bench/states.py [directory] [--only web|mini]

Needs the `test` extra, Chromium, and the packages that run the mini-program (`tests/pages/miniprogram`).
Plays the states on a phone's screen and writes STATE-CLIENT-THEME.webp into the directory (docs/states/ if
none is given). What moves is shown at a fixed time, so that a picture changes only if its page does. Exits
with 1 if one is too large.
"""

import argparse
import io
import itertools
import sys
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
sys.path.insert(0, str(Path(__file__).parents[1]))  # comes first: tests/ has handlers/ too

from PIL import Image
from playwright.sync_api import Page, Route

from parts.drawings import draw, oranges
from support.browser import Person, Window, a_browser, open_window
from support.phone import Phone, PhonesProcess, a_phone, compile_program
from support.servers import Running, a_server

ROOT = Path(__file__).parents[1]
SCREEN: Any = {"width": 360, "height": 780}
SHARPNESS = 1.25
QUALITY = 50
MOST_BYTES = 28_000
CROWD = ("阿强", "老王", "朵朵", "大熊", "小鹿")
HOME = {"receiver": "王朵朵", "phone": "13800000001", "address": "深圳市南山区高新南一道 1 号"}
NONCE = "5b1f62c9a4e07d3388c2f19be06a7d54"
MANY = {
    "prize_num": 5,
    "interval": 40,
    "fluctuation": 6,
    "forecast_num": 230,
    "synopsis": "自家果园，现摘现发。",
}
# What moves is shown as so many milliseconds after it began. A cooldown's ring lasts longer, and runs on.
HOLD = """at => document.getAnimations().filter(each => each.effect.getTiming().duration < 3000)
    .forEach(each => { each.pause(); each.currentTime = at; })"""
LOADED = """() => Promise.all([...document.images]
    .filter(image => image.checkVisibility()).map(image => image.decode().catch(() => {})))"""
OVER_MS = 10_000
SKIP = "跳过"


class Web:
    """The web page of somebody who is logged in."""

    def __init__(self, window: Window, user: str) -> None:
        self.page: Page = window.page
        self._window = window
        self._held: list[Route] = []
        window.go("/")
        window.log_in(user, digs=False)

    def open(self, page: str, code: str = "") -> None:
        self._window.go("/#/" + {"square": "", "publish": "publish"}.get(page, f"task/{code}"))
        self.page.reload()

    def wait_for_layers(self, number: int) -> None:
        """Wait for the people who dug: the page does not show in the shaft who dug which layer."""
        self.page.locator(".people li").nth(number - 1).wait_for()

    def hold(self) -> None:
        """Let the next dig wait on its way."""
        self._held.clear()
        self.page.route("**/postTask", lambda route: self._held.append(route), times=1)

    def let_go(self) -> None:
        self._held[0].continue_()


class Mini:
    """The mini-program of somebody who is logged in, and the window that shows it."""

    def __init__(self, window: Window, phone: Phone) -> None:
        self.page: Page = window.page
        self._phone = phone
        self.open("square")
        self.page.goto(phone.screen())

    def open(self, page: str, code: str = "") -> None:
        self._phone.open(f"/pages/{page}/{page}?code={code}")

    def wait_for_layers(self, number: int) -> None:
        """Wait for the layers in the shaft."""
        self.page.locator(".stratum").nth(number - 1).wait_for()

    def hold(self) -> None:
        """Let the next dig wait on its way."""
        self._phone.live(holds=True)

    def let_go(self) -> None:
        self._phone.live(holds=False)


def publish(by: Person, **asked: object) -> str:
    half = by.get("/commitment")
    return by.publish(draw(oranges), sealed_seed=half["sealed_seed"], nonce=NONCE, **asked)


def play(client: Web | Mini, address: str, user: str, keep: Callable[[str, int], None]) -> None:
    """Play the states one after the other; `keep` takes a picture."""
    page = client.page
    ming = Person.log_in(address, "小明")
    hong = Person.log_in(address, "小红")
    crowd = [Person.log_in(address, name) for name in CROWD]
    deep = publish(ming, name="一箱赣南脐橙", cd=1, **MANY)
    slow, again = (publish(hong, name="半箱赣南脐橙", cd=40, **MANY) for _ in range(2))
    one = publish(hong, name="一袋赣南脐橙", forecast_num=1, cd=5)
    over = publish(ming, name="三只脐橙", prize_num=3, forecast_num=9, interval=3, fluctuation=0, cd=0)
    digs = itertools.cycle(crowd)
    while next(digs).error_of("/postTask", code=over) != "ended":
        pass
    for person in crowd[:3]:
        while person.error_of("/postTask", code=deep):
            pass

    def shows(text: str) -> None:
        page.get_by_text(text).first.wait_for()

    def opens(name: str, code: str, text: str) -> None:
        client.open(name, code)
        shows(text)

    opens("square", "", "半箱赣南脐橙")
    shows(SKIP)
    keep("practice", OVER_MS)
    page.get_by_text(SKIP).click()
    page.get_by_text(SKIP).wait_for(state="hidden")
    keep("square", OVER_MS)
    opens("treasure", deep, "第 3 层")
    page.locator(".dig:is(.ready, [data-kind=ready])").wait_for()
    client.wait_for_layers(3)
    keep("ready", OVER_MS)
    opens("treasure", slow, "挖一锹")
    client.hold()
    page.locator(".dig").click()
    page.locator(".strike:not([hidden], wx-view), .flying").first.wait_for()
    keep("strike", 170)
    crowd[0].post("/postTask", code=slow)
    client.let_go()
    shows("慢了一步")
    keep("missed", OVER_MS)
    opens("treasure", again, "挖一锹")
    page.locator(".dig").click()
    shows("进图鉴")
    keep("found", OVER_MS)
    opens("treasure", one, "挖一锹")
    page.locator(".dig").click()
    shows("恭喜")
    keep("won", 700)
    Person.log_in(address, user).claim(one, **HOME)
    opens("treasure", one, "深圳市")
    keep("claimed", OVER_MS)
    opens("treasure", over, "挖完")
    client.wait_for_layers(5)
    keep("end", OVER_MS)
    opens("publish", "", "群红包")
    page.get_by_text("群红包", exact=True).click(force=True)  # on the page its input lies over it
    shows("红包个数")
    keep("publish", OVER_MS)


def main() -> int:
    arguments = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    arguments.add_argument("directory", nargs="?", type=Path, default=ROOT / "docs" / "states")
    arguments.add_argument("--only", choices=("web", "mini"), default="")
    asked = arguments.parse_args()
    asked.directory.mkdir(exist_ok=True)
    large = list[str]()
    with ExitStack() as opened:
        folder = Path(opened.enter_context(tempfile.TemporaryDirectory()))
        browser = opened.enter_context(a_browser())
        Phone.plays = PhonesProcess(compile_program(folder / "miniprogram"))
        opened.callback(Phone.plays.end)
        server = opened.enter_context(a_server(folder))
        for client, theme in itertools.product(("web", "mini"), ("light", "dark")):
            if asked.only in ("", client):
                large += take(browser, server, asked.directory, client, theme)
    print(*(f"{name} is too large" for name in large), sep="\n")
    return int(bool(large))


def take(browser: Any, server: Running, directory: Path, client: str, theme: str) -> list[str]:
    """Take the pictures of one client in one theme; return which are too large."""
    look: Any = {"viewport": SCREEN, "device_scale_factor": SHARPNESS, "color_scheme": theme}
    window = open_window(browser, server.address, **look)
    large = list[str]()

    def keep(name: str, at_ms: int) -> None:
        window.page.evaluate(LOADED)
        window.page.evaluate(HOLD, at_ms)
        file = directory / f"{name}-{client}-{theme}.webp"
        with Image.open(io.BytesIO(window.page.screenshot())) as picture:
            picture.save(file, quality=QUALITY, method=6)
        if file.stat().st_size > MOST_BYTES:
            large.append(file.name)

    if client == "web":
        play(Web(window, "小燕"), server.address, "小燕", keep)
    else:
        with a_phone(server.address, "小燕", storage={"wabao.opens": "waits"}) as phone:
            play(Mini(window, phone), server.address, "小燕", keep)
    window.context.close()
    return large


if __name__ == "__main__":
    sys.exit(main())
