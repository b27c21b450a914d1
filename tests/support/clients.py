"""Both clients as people use them, by the words they read: a scene is written once and played in each."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Callable
from typing import Protocol

from playwright.sync_api import Locator, Page, expect

from support.client import a_picture
from support.phone import Phone


class Client(Protocol):
    """A client with somebody logged in."""

    def open(self, page: str, of: str = "") -> None:
        """Open `treasure` or `winners` of a treasure, `mine` with one of its lists, `square` or `publish`."""

    def goes_on_to(self, code: str) -> None:
        """Open a treasure from the page that is open."""

    def says(self, *texts: str) -> None:
        """Wait until the page shows all of these."""

    def keeps_silent(self, *texts: str) -> None:
        """None of these is shown. Wait for something else before."""

    def press(self, label: str) -> None:
        """Press what says just this; a form's button submits it."""

    def agree(self, label: str) -> None:
        """Agree to what was just asked."""

    def goes_to_fairness(self) -> None:
        """Go from a treasure to what says why its draw is fair, where that has a page of its own."""

    def fill(self, label: str, text: str) -> None:
        """Type into a field."""

    def choose(self, label: str, option: str) -> None:
        """Choose one of several."""

    def picks_a_picture(self) -> None:
        """Choose one from what the device holds, where a treasure is published."""

    def hands_in(self, table: bytes) -> None:
        """Choose a table from what the device holds, where the winners are."""

    def look_for(self, kind: str) -> None:
        """Narrow the square to what is of one kind."""

    def is_told(self, text: str) -> None:
        """Wait until it is shown for a moment, beside the page."""

    def counts_waiting(self, number: str) -> None:
        """Wait until the tab 我的 shows how many things wait for the person; "" for nothing."""


Clients = Callable[[str], Client]


class Window:
    """The web page in a browser's window."""

    def __init__(self, page: Page, address: str) -> None:
        self._page, self._address = page, address

    def open(self, page: str, of: str = "") -> None:
        """Open a page by its address."""
        named = {"treasure": "task/", "square": "", "publish": "publish", "publisher": "by/"}
        begin = named.get(page, f"{page}/")
        address = f"{self._address}/#/{begin}{of}"
        if self._page.url == address:
            self._page.reload()
        else:
            self._page.goto(address)

    def goes_on_to(self, code: str) -> None:
        """What the page keeps in memory stays."""
        self._page.evaluate("code => { location.hash = `/task/${code}` }", code)

    def says(self, *texts: str) -> None:
        """Wait for texts, of several elements too."""
        for text in texts:
            expect(self._page.locator("main")).to_contain_text(text, use_inner_text=True)

    def keeps_silent(self, *texts: str) -> None:
        """Look for texts."""
        for text in texts:
            expect(self._page.locator("main")).not_to_contain_text(text, use_inner_text=True)

    def press(self, label: str) -> None:
        """Click a button, a link or a summary."""
        by_role = [self._page.get_by_role(role, name=label, exact=True) for role in ("button", "link")]
        folded = self._page.locator("summary", has_text=re.compile(f"^{re.escape(label)}$"))
        radio = self._page.locator("label", has_text=re.compile(f"^{re.escape(label)}$"))
        by_role[0].or_(by_role[1]).or_(folded).or_(radio).last.click()

    agree = press

    def look_for(self, kind: str) -> None:
        """Choose a segment."""
        self._page.get_by_role("radio", name=kind).check()

    def goes_to_fairness(self) -> None:
        """It stands beside the treasure."""

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

    def picks_a_picture(self) -> None:
        """Give a file to the form."""
        self._page.set_input_files("#picture", {"name": "a", "mimeType": "image/jpeg", "buffer": a_picture()})
        expect(self._page.get_by_text("图片已上传")).to_be_visible()

    def hands_in(self, table: bytes) -> None:
        """Give a file to the page."""
        file = {"name": "a.csv", "mimeType": "text/csv", "buffer": table}
        self._page.get_by_label("上传填好快递的表格").set_input_files(file)

    def _field(self, label: str) -> Locator:
        return self._page.get_by_label(label).or_(self._page.get_by_placeholder(label)).first

    def is_told(self, text: str) -> None:
        """Wait for a notice."""
        expect(self._page.locator("#notices")).to_contain_text(text)

    def counts_waiting(self, number: str) -> None:
        """Read it as a screen reader does."""
        name = re.compile(rf"^我的\s*，{number} 件事等你来做$" if number else "^我的$")
        expect(self._page.locator("#nav").get_by_role("link", name=name)).to_be_visible()


class InHand:
    """The mini-program on a phone."""

    def __init__(self, phone: Phone) -> None:
        self._phone = phone
        self.fill, self.choose, self.press = phone.fill, phone.choose, phone.press
        self.look_for = phone.press

    def open(self, page: str, of: str = "") -> None:
        """Open a page by its path."""
        name = {"mine": "which", "publisher": "by"}.get(page, "code")
        self._phone.open(f"/pages/{page}/{page}?{name}={of}")

    def goes_on_to(self, code: str) -> None:
        """Modules stay from page to page."""
        self.open("treasure", code)

    def says(self, *texts: str) -> None:
        """Wait for texts."""
        self._phone.until_it_says(*texts)

    def keeps_silent(self, *texts: str) -> None:
        """Wait until the page has none of them."""
        self._phone.until_it_lacks(*texts)

    def picks_a_picture(self) -> None:
        """Tap where the picture will be; WeChat gives the one that the album holds."""
        self._phone.tap(".picture")
        self._phone.until("uploaded")

    def hands_in(self, table: bytes) -> None:
        """Tap the button; WeChat gives the file that a chat holds."""
        self._phone.live(table=b64encode(table).decode())
        self.press("上传填好快递的表格（CSV）")

    def goes_to_fairness(self) -> None:
        """It is a page of its own."""
        self.press("公平")
        self._phone.until("opened")

    def agree(self, label: str) -> None:
        """WeChat's own dialog asked, and its person agrees to everything."""
        assert self._phone.until("modal")["confirmText"] == label

    def is_told(self, text: str) -> None:
        """Wait for a toast."""
        self._phone.until("toast", lambda told: text in told["title"])

    def counts_waiting(self, number: str) -> None:
        """WeChat was told last."""
        told = [each["text"] for each in self._phone.said if each["type"] == "badge"]
        if told[-1:] != [number]:
            self._phone.until("badge", lambda each: each["text"] == number)
