"""The web page and the mini-program, driven by the words on them, so that one scene serves for both."""

import re
from base64 import b64encode
from collections.abc import Callable
from typing import TypeAlias
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, FilePayload, Locator, Page, Route, expect

from support.browser import choose_picture, open_window, run_until
from support.phone import Phone

# Marks scenes that tests of the web page alone play there.
MINI_PROGRAM = pytest.mark.parametrize("client", ["miniprogram"], indirect=True)
PICTURES_ARE_SHOWN = """() => [...document.images].every(
    each => each.complete || !each.checkVisibility() || each.getBoundingClientRect().top > innerHeight)"""


class Window:
    """The web page in a browser's window."""

    def __init__(self, page: Page, address: str) -> None:
        self._page = page
        self._address = address
        self.asked: list[str] = []  # the paths of all requests
        page.on("request", lambda request: self.asked.append(urlsplit(request.url).path))

    def seen(self, _: Browser) -> Page:
        """Return the page as the browser shows it."""
        return self._page

    def open(self, page: str, of: str = "") -> None:
        """Open `treasure` or `winners` of a treasure, `mine` with one of its lists, `square` or `publish`."""
        named = {"treasure": "task/", "square": "", "publish": "publish", "publisher": "by/"}
        begin = named.get(page, f"{page}/" if of else page)
        address = f"{self._address}/#/{begin}{of}"
        if self._page.url == address:
            self._page.reload()
        else:
            self._page.goto(address)

    def goes_on_to(self, code: str) -> None:
        """Open a treasure without a new load: only the address changes; the page keeps its memory."""
        self._page.evaluate("code => { location.hash = `/task/${code}` }", code)

    def says(self, *texts: str) -> None:
        """Wait until the page shows its pictures and these texts, which may go over several elements."""
        for text in texts:
            expect(self._page.locator("main")).to_contain_text(text, use_inner_text=True)
        self._page.wait_for_function(PICTURES_ARE_SHOWN)  # one that is hidden soon could not be read any more

    def keeps_silent(self, *texts: str) -> None:
        """Assert that the page shows none of these texts. Wait for another text first."""
        for text in texts:
            expect(self._page.locator("main")).not_to_contain_text(text, use_inner_text=True)

    def press(self, label: str) -> None:
        """Press the button, link, summary or choice with exactly this text."""
        by_role = [self._page.get_by_role(role, name=label, exact=True) for role in ("button", "link")]
        folded = self._page.locator("summary", has_text=re.compile(f"^{re.escape(label)}$"))
        radio = self._page.locator("label", has_text=re.compile(f"^{re.escape(label)}$"))
        by_role[0].or_(by_role[1]).or_(folded).or_(radio).last.click()

    agree = press

    def digs_late(self, code: str, before: Callable[[], object]) -> None:
        """Open a treasure, which digs; the request waits on its way until `before` has returned."""
        held: list[Route] = []
        self._page.route("**/postTask", lambda route: held.append(route), times=1)
        self.open("treasure", code)
        run_until(self._page, lambda: bool(held))
        before()
        held[0].continue_()

    def is_answered(self, path: str, reply: dict[str, object]) -> None:
        """From now on requests of a path get this reply, not the server's."""
        self._page.route(f"**{path}", lambda route: route.fulfill(json=reply))

    def goes_to_fairness(self) -> None:
        """Go from a treasure to the text on why its draw is fair: on the web, both are on one page."""

    def fill(self, label: str, text: str) -> None:
        """Fill in a field."""
        self._field(label).fill(text)

    def choose(self, label: str, option: str) -> None:
        """Choose from a select, or from a group of buttons."""
        group = self._page.get_by_role("group", name=label)
        if group.count():
            group.get_by_role("radio", name=option).check()
        else:
            self._field(label).select_option(option)

    def chooses_a_start(self, day: str, clock: str) -> None:
        """Choose when digging begins, in Beijing's time."""
        self.fill("什么时候开挖", f"{day}T{clock}")

    def picks_a_picture(self) -> None:
        """On the page that publishes, choose a picture from the device."""
        choose_picture(self._page)

    def cannot_pay(self) -> None:
        """From now on WeChat, which is busy, says that a payment failed."""
        failed = {"errMsg": "requestPayment:fail"}
        self._page.route("**/sandbox/pay", lambda route: route.fulfill(status=503, json=failed))

    def can_pay(self) -> None:
        """Payments succeed again."""
        self._page.unroute("**/sandbox/pay")

    def hands_in(self, table: bytes) -> None:
        """On the page of the winners, choose a table from the device."""
        file = FilePayload(name="a.csv", mimeType="text/csv", buffer=table)
        self._page.get_by_label("上传填好快递的表格").set_input_files(file)

    def _field(self, label: str) -> Locator:
        named = self._page.get_by_label(label).or_(self._page.get_by_placeholder(label))
        return named.and_(self._page.locator("input, textarea, select")).first

    def main_button_is(self, label: str) -> None:
        """Wait until this, alone of the page's buttons, is drawn as the main one."""
        expect(self._page.locator("main .primary").filter(visible=True)).to_have_text(label)

    def is_told(self, text: str) -> None:
        """Wait until a short notice, and no other one, shows this text."""
        expect(self._page.locator(".notice")).to_contain_text(text)

    def counts_waiting(self, number: str) -> None:
        """Wait until the tab 我的 shows how many things wait for the person; "" if none."""
        name = re.compile(rf"^我的\s*，{number} 件事等你来做$" if number else "^我的$")
        expect(self._page.locator("#nav").get_by_role("link", name=name)).to_be_visible()


class InHand:
    """The mini-program on a phone."""

    def __init__(self, phone: Phone) -> None:
        self._phone = phone
        self.fill = phone.fill
        self.choose = phone.choose
        self.press = phone.press

    def seen(self, browser: Browser) -> Page:
        """Return the phone's screen in a window of this browser."""
        window = open_window(browser, "")
        window.page.goto(self._phone.screen())
        return window.page

    @property
    def asked(self) -> list[str]:
        """The paths of all requests until now."""
        self._phone.screen()  # by its answer, all that the phone said before is read
        return [told["path"] for told in self._phone.said if told["type"] == "asking"]

    def open(self, page: str, of: str = "") -> None:
        """Open a page by its path."""
        name = {"mine": "which", "publisher": "by"}.get(page, "code")
        self._phone.open(f"/pages/{page}/{page}?{name}={of}")

    def goes_on_to(self, code: str) -> None:
        """Open a treasure; a mini-program's modules keep their memory from page to page."""
        self.open("treasure", code)

    def says(self, *texts: str) -> None:
        """Wait for texts."""
        self._phone.until_it_says(*texts)

    def keeps_silent(self, *texts: str) -> None:
        """Wait until the page has none of these texts."""
        self._phone.until_it_lacks(*texts)

    def chooses_a_start(self, day: str, clock: str) -> None:
        """Choose a day, then in place of eight o'clock in the evening another time."""
        self.choose("什么时候开挖", day)
        self.choose("20:00", clock)
        self.says(f"什么时候开挖：{day}", clock)

    def picks_a_picture(self) -> None:
        """Tap the picture's place; WeChat gives the picture from the phone's album."""
        self._phone.tap(".picture")
        self._phone.until("uploaded")

    def cannot_pay(self) -> None:
        """From now on WeChat says that a payment failed."""
        self._phone.live(payment="lost")

    def can_pay(self) -> None:
        """Payments succeed again."""
        self._phone.live(payment="paid")

    def digs_late(self, code: str, before: Callable[[], object]) -> None:
        """Open a treasure and dig; the request waits on its way until `before` has returned."""
        self.open("treasure", code)
        self._phone.live(holds=True)
        self.press("挖一锹")
        self._phone.until("asking", lambda told: told["path"] == "/postTask")
        before()
        self._phone.live(holds=False)

    def is_answered(self, path: str, reply: dict[str, object]) -> None:
        """From now on requests of a path get this reply, not the server's."""
        self._phone.live(given={path: reply})

    def hands_in(self, table: bytes) -> None:
        """Tap the button; WeChat gives the file from a chat."""
        self._phone.live(table=b64encode(table).decode())
        self.press("上传填好快递的表格（CSV）")

    def goes_to_fairness(self) -> None:
        """Open the page that explains the draw."""
        self.press("怎样保证公平")
        self._phone.until("opened")

    def agree(self, label: str) -> None:
        """Wait for WeChat's dialog: on this phone the person agrees to everything."""
        assert self._phone.until("modal")["confirmText"] == label

    def main_button_is(self, label: str) -> None:
        """Wait until this is drawn as a main button."""
        self._phone.finds_primary(label)

    def is_told(self, text: str) -> None:
        """Wait for a toast."""
        self._phone.until("toast", lambda told: text in told["title"])

    def counts_waiting(self, number: str) -> None:
        """Look at the badge that was last set through WeChat."""
        told = [each["text"] for each in self._phone.said if each["type"] == "badge"]
        if told[-1:] != [number]:
            self._phone.until("badge", lambda each: each["text"] == number)


Client: TypeAlias = Window | InHand
Clients: TypeAlias = Callable[..., Client]
