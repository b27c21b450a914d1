"""A store that is down, as a player sees it: a banner, gone when the store is back."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from support.browser import Person, Window, open_window
from support.client import a_picture
from support.screen import is_readable, stopped

BANNER_MS = 12_000  # 3 s where the machine is not busy


@pytest.fixture
def player(browser: Browser, address: str, publisher: Person) -> Iterator[Window]:
    """A window that shows a treasure."""
    code = publisher.publish(a_picture(), cd=60)
    opened = open_window(browser, address, reduced_motion="reduce")
    opened.begin_as("小红")
    opened.go(f"/#/task/{code}")
    expect(opened.page.get_by_text("规则、承诺和随机数")).to_be_visible()
    yield opened
    opened.close()
    assert opened.wrong == []


@pytest.mark.parametrize(
    ("store", "said"), [("SecantusDB", "服务器暂时没有响应"), ("Valkey", "画面可能晚一两秒")]
)
def test_a_silent_store_shows_a_banner_until_it_answers(player, shared, store, said):
    banner = player.page.locator("#banner")
    expect(banner).to_have_text("")
    with stopped(shared.children()[store]):
        expect(banner).to_contain_text(said, timeout=BANNER_MS)
        is_readable(player)
        if store == "Valkey":  # a page that connects during the outage is told, too
            player.page.reload()
            expect(banner).to_contain_text(said)
    expect(banner).to_have_text("")
