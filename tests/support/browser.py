"""A real browser for tests of the pages: Debian's Chromium, driven by Playwright, and people in windows."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Dialog,
    Locator,
    Page,
    ViewportSize,
    expect,
    sync_playwright,
)
from pymongo import MongoClient

from server.running.stores import running_store
from server.settings import read_settings
from support.client import a_picture, goods
from support.login import log_in, person_id_of

# The headless shell is the same engine without windows, and needs a third of the CPU time for a page.
CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium-headless-shell") or shutil.which("chromium")
PATIENCE_MS = 20_000  # a busy machine draws a poster in 10 s
LONGEST_SECONDS = 60
# Contexts whose window was closed, by browser and options.
_free: dict[str, list[BrowserContext]] = {}
CONTRASTS = Path(__file__).with_name("contrasts.js")
CUT = Path(__file__).with_name("cut.js").read_text(encoding="utf-8")
PHONE: ViewportSize = {"width": 360, "height": 740}
DESK: ViewportSize = {"width": 1440, "height": 900}
MARKUP = "<b id='forged'>粗</b><script>document.title = '坏'</script>"
ZONE = "Asia/Shanghai"  # most people live there; times have a second one elsewhere
# An init script: `signals` lists the sounds and vibrations.
NOTE_SIGNALS = """
    window.signals = [];
    const made = AudioContext.prototype.createOscillator;
    AudioContext.prototype.createOscillator = function create() {
        signals.push("sound");
        return made.call(this);
    };
    navigator.vibrate = () => signals.push("vibration");
"""


# An init script: a window that was never here finds somebody logged in.
AS_SOMEBODY = """([origin, kept]) => {
    if (location.origin !== origin || sessionStorage.getItem("wabao.person")) return;
    for (const [storage, key, value] of kept) window[storage].setItem(key, JSON.stringify(value));
}"""


@contextmanager
def a_browser() -> Iterator[Browser]:
    """Chromium without background traffic of its own. Skips the test if Chromium is not installed."""
    if CHROMIUM is None:
        pytest.skip("no Chromium: install chromium-headless-shell, or set CHROMIUM to a binary")
    expect.set_options(timeout=PATIENCE_MS)
    quiet = ("background-networking", "component-update", "sync", "gpu")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=["--no-sandbox", "--no-first-run", *(f"--disable-{name}" for name in quiet)],
        )
        yield browser
        browser.close()


def write_record(data_dir: Path, collection: str, key: str, **values: str | int | None) -> None:
    """Change a document in a running server's store as no interface can."""
    uri = running_store(read_settings({"DATA_DIR": str(data_dir)}))
    client: MongoClient[dict[str, Any]] = MongoClient(uri)
    with client:
        found = client.get_default_database()[collection].update_one({"_id": key}, {"$set": values})
    assert found.matched_count == 1


@dataclass
class Window:
    """A browser window of its own; `wrong` collects its errors."""

    page: Page
    context: BrowserContext
    address: str
    free: list[BrowserContext]
    wrong: list[str] = field(default_factory=list)
    aged: bool = False

    def close(self) -> None:
        """Close the window, and leave its context to later windows, unless it opened further ones."""
        if self.aged or len(self.context.pages) != 1:
            self.context.close()
            return
        self.page.close()
        self.context.set_offline(False)
        self.free.append(self.context)

    def hold_clock(self) -> None:
        """Let the test move the time. This holds for the context, so no later window gets it."""
        self.aged = True
        self.page.clock.install()

    def go(self, path: str) -> None:
        """Open a path, as typed into the address bar."""
        self.page.goto(self.address + path)

    def begin_as(self, user: str, digs: bool | None = True) -> None:
        """Let the first page find somebody logged in, which saves a fifth of the CPU time of a window.

        `digs` is the person's setting whether opening a treasure digs.
        """
        person = log_in(self.address, user, nickname=user)
        kept = [
            ("sessionStorage", "wabao.person", person),
            ("sessionStorage", "wabao.user", user),
            ("localStorage", "wabao.preferences", {_kept_as(person["unionid"]): {"digOnOpening": digs}}),
        ]
        self.page.add_init_script(f"({AS_SOMEBODY})({json.dumps([self.address, kept])})")

    def log_in(self, user: str, digs: bool | None = True) -> None:
        """Log in through the page's form."""
        if digs is not None:
            who = _kept_as(Person.log_in(self.address, user).unionid)
            self.page.evaluate(
                """([who, digOnOpening]) => {
                    const all = JSON.parse(localStorage.getItem("wabao.preferences") ?? "{}");
                    localStorage.setItem("wabao.preferences", JSON.stringify({...all, [who]: {digOnOpening}}))
                }""",
                [who, digs],
            )
        self.page.get_by_label("你是谁").fill(user)
        self.page.get_by_role("button", name="进入").click()
        self.page.get_by_role("link", name="我的").wait_for()

    def log_out(self) -> None:
        """Log out with a key: what loads above the button moves it, so that a click could miss it."""
        self.page.get_by_role("button", name="退出登录").press("Enter")

    def choose(self, question: str, *, agreed: bool) -> None:
        """Tick or clear a setting on the page 我的."""
        self.page.locator("#nav").get_by_role("link", name="我的").click()
        if not self.page.get_by_label(question).is_visible():
            self.page.get_by_text("设置").click()
        self.page.get_by_label(question).set_checked(agreed)

    def overflow(self) -> int:
        """Return by how many pixels the page is wider than the window."""
        width: int = self.page.evaluate("document.documentElement.scrollWidth - innerWidth")
        return width


def _kept_as(unionid: str) -> str:
    """Return the key of a person's preferences in a browser."""
    return hashlib.sha256(unionid.encode()).hexdigest()[:16]


def choose_picture(page: Page, picture: bytes | None = None, field: str = "#picture") -> None:
    """Choose a picture in a form, and wait until it is uploaded."""
    chosen = {"name": "猫.jpg", "mimeType": "image/jpeg", "buffer": picture or a_picture()}
    page.set_input_files(field, chosen)  # type: ignore[arg-type]
    uploaded = page.locator(".field", has=page.locator(field)).get_by_text("图片已上传")
    expect(uploaded).to_be_visible()


def show_all_fields(page: Page) -> None:
    """On the page that publishes, choose to fill in more, and numbers of one's own in place of a tempo."""
    for choice in ("更多", "自己定"):
        page.get_by_role("radio", name=choice).check()


def run_until(page: Page, holds: Callable[[], bool]) -> None:
    """Let the page run until a condition holds."""
    deadline = time.monotonic() + LONGEST_SECONDS
    while not holds():
        assert time.monotonic() < deadline, f"does not hold on {page.url}"
        page.evaluate("() => new Promise(requestAnimationFrame)")


def scroll_down_to(page: Page, sought: Locator) -> None:
    """Scroll down a page, which grows at its end, until it has this element, perhaps in a closed fold."""

    def is_there() -> bool:
        if missing := sought.count() == 0:
            page.mouse.wheel(0, 4000)
        return not missing

    run_until(page, is_there)


def open_window(browser: Browser, address: str, *, cookies: Any = (), **options: Any) -> Window:
    """Open a window that collects errors, dialogs and violations of the page's policy in `wrong`.

    It may be in the context of an earlier window, emptied: a quarter of a window's CPU time goes into loading
    the page's modules anew.
    """
    options = {"viewport": PHONE, "locale": "zh-CN", "timezone_id": ZONE, **options}
    free = _free.setdefault(repr([id(browser), options]), [])
    context = free.pop() if free else browser.new_context(**options)
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    context.clear_cookies()
    context.add_cookies(cookies)
    everything = {"origin": address, "storageTypes": "local_storage,indexeddb,cache_storage,service_workers"}
    context.new_cdp_session(page).send("Storage.clearDataForOrigin", everything)
    window = Window(page, context, address, free)

    def dismiss(dialog: Dialog) -> None:
        window.wrong.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    busy: set[str] = set()

    def note(said: ConsoleMessage) -> None:
        if said.type != "error":
            return
        # A server on a busy machine is unavailable for a moment; the page asks again, and is answered.
        address = said.location["url"]
        if "a status of 503 " in said.text and address not in busy:
            busy.add(address)
        else:
            window.wrong.append(said.text)

    page.on("pageerror", lambda error: window.wrong.append(f"{error}"))
    page.on("dialog", dismiss)
    page.on("console", note)
    return window


@dataclass
class Person:
    """Somebody without a window, who acts over HTTP."""

    address: str
    unionid: str
    token: str
    openid: str = ""
    verify: bool = True  # whether the server's certificate must be signed by somebody

    @property
    def id(self) -> str:
        """The person's id in the database."""
        return person_id_of(self.token)

    @classmethod
    def log_in(cls, address: str, user: str, *, verify: bool = True) -> Person:
        """Log in through the sandbox."""
        data = log_in(address, user, nickname=user, verify=verify)
        return cls(address, data["unionid"], data["token"], data["openid"], verify)

    def send(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Send a request."""
        sent = {"headers": {"Authorization": f"Bearer {self.token}"}, "timeout": 20, **options}
        return httpx.request(method, self.address + path, verify=self.verify, **sent)

    def ask(self, method: str, path: str, **options: Any) -> dict[str, Any]:
        """Send a request; return its reply, which must not be a refusal."""
        return checked(self.send(method, path, **options))

    def error_of(self, path: str, **parameters: Any) -> str:
        """POST to an interface; return the code of its refusal, "" if there is none."""
        reply = self.send("POST", path, json={"unionid": self.unionid, **parameters}).json()
        return str(reply.get("error", ""))

    def post(self, path: str, **parameters: Any) -> dict[str, Any]:
        """POST to an interface."""
        return self.ask("POST", path, json={"unionid": self.unionid, **parameters})

    def get(self, path: str, **parameters: Any) -> dict[str, Any]:
        """GET an interface."""
        return self.ask("GET", path, params={"unionid": self.unionid, **parameters})

    def halves(self) -> dict[str, str]:
        """Return the parameters that draw a publication together: a half of the server, and a nonce."""
        return {"sealed_seed": self.get("/commitment")["sealed_seed"], "nonce": "ab" * 16}

    def claim(self, code: str, **where: str) -> dict[str, Any]:
        """Claim a prize; with mailed goods, `where` is the address."""
        return self.post("/drawPrize", code=code, **where)

    def pay(self, code: str, yuan: int) -> None:
        """Pay for a red packet through the sandbox."""
        order = self.post("/payTask", code=code, money=yuan)
        signed = {name: order[name] for name in ("package", "timeStamp", "nonceStr", "signType", "paySign")}
        paid = httpx.post(f"{self.address}/sandbox/pay", json={"appId": "wxsandbox000000000", **signed})
        assert paid.json()["errMsg"] == "requestPayment:ok"
        self.get("/getTaskDetails", code=code)  # makes the server ask WeChat if the notice is late

    def upload(self, picture: bytes) -> str:
        """Upload a picture; return its address."""
        form = {"unionid": self.unionid}
        files = {"file": ("a.jpg", picture)}
        return str(self.ask("POST", "/uploadFile", files=files, data=form)["url"])

    def publish(self, picture: bytes | None = None, /, **parameters: Any) -> str:
        """Publish goods, by default with a small picture; return the code."""
        return str(self.post("/postTask", **goods(self.upload(picture or a_picture()), **parameters))["code"])


def checked(response: httpx.Response) -> dict[str, Any]:
    """Return the reply, which must not be a refusal."""
    reply: dict[str, Any] = response.json()
    assert reply["status"] == 0, reply
    return reply


Opener = Callable[..., Window]


def come_in(window: Opener, data: dict[str, Any]) -> Window:
    """Open the page for somebody who is logged in already; `data` is the login."""
    opened = window()
    opened.page.evaluate("data => sessionStorage.setItem('wabao.person', data)", json.dumps(data))
    opened.page.reload()
    opened.page.get_by_role("link", name="我的").wait_for()
    return opened
