"""Shared by the tests of the operator's screen."""


import httpx
from playwright.sync_api import Locator

from support.browser import CONTRASTS, DESK, PHONE, Person, Window, checked
from support.servers import until

TOKEN = "open sesame"
# What is old turns grey after 3 s, and a board comes every 2 s; a busy machine takes longer.
STALE_MS = 15_000
GREY = "all => getComputedStyle(all).filter.includes('grayscale')"
ALARM_MS = 20_000
# Whether an element shows these words in order: each character is to the right of the previous character.
IN_ORDER = """(element, words) => {
    const range = document.createRange();
    const texts = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) {
        const text = texts.currentNode;
        const at = text.data.indexOf(words);
        if (at < 0) continue;
        const lefts = [...words].map((_, place) => {
            range.setStart(text, at + place);
            range.setEnd(text, at + place + 1);
            return range.getBoundingClientRect().left;
        });
        return lefts.every((left, place) => !place || left > lefts[place - 1]);
    }
    return `there is no ${words}`;
}"""


def enter(opened: Window, name: str, token: str) -> None:
    opened.page.locator("#login-name").fill(name)
    opened.page.locator("#login-token").fill(token)
    opened.page.keyboard.press("Enter")


def chart(opened: Window, name: str) -> Locator:
    return opened.page.locator(f"[data-chart={name}]")


def a_red_packet(publisher: Person, address: str) -> tuple[str, Person]:
    """Publish a red packet with three prizes of 8 yuan, pay it, and let 阿强 win once."""
    asked = {"name": "开工大吉", "money": 8, "prize_num": 3, "interval": 1, "fluctuation": 0}
    code = str(publisher.post("/postTask", goods_type=1, forecast_num=3, cd=0, **asked)["code"])
    publisher.pay(code, 24)
    winner = Person.log_in(address, "阿强")
    # Until its text has been checked, nobody else sees it.
    asked = {"unionid": winner.unionid, "code": code}
    until(lambda: winner.send("GET", "/getTaskDetails", params=asked).json().get("why") == "")
    assert winner.post("/postTask", code=code)["is_prize"] == 1
    return code, winner


def is_readable(opened: Window) -> None:
    """Assert that a page fits a phone and a desktop, and that all its texts can be read."""
    size = opened.page.viewport_size
    assert size is not None
    for other in (PHONE, DESK, size):
        opened.page.set_viewport_size(other)
        assert opened.overflow() <= 0, (opened.page.url, other)
    faint = opened.page.evaluate(CONTRASTS.read_text(encoding="utf-8"))
    assert faint == [], opened.page.url


def operate(address: str, path: str, **asked: int | str) -> None:
    """Do an act as an operator who logs in for it."""
    with httpx.Client(base_url=address) as http:
        checked(http.post("/ops/login", json={"name": "值班员", "token": TOKEN}))
        checked(http.post(path, json={"reason": "违法", **asked}))


def take_down(address: str, code: str, hidden: int = 1) -> None:
    """Hide a treasure, or with 0 show it again."""
    operate(address, "/ops/hide", code=code, hidden=hidden)
