"""The moving picture of a dig in README.md, made anew on each run, frame by frame and so the same each time.

To replace it: `SCREENS_DIR=docs pytest tests/pages/test_moment_picture.py`.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Page, Route, expect

from support import SOURCE
from support.browser import PHONE, Person, a_server, needs_chromium
from support.drawings import draw, oranges

pytestmark = needs_chromium

NAME = "moment.webp"
FRAME_MS, FIRST_MS, LAST_MS = 60, 900, 2500
STRIKES_MS, OPENS_MS = 600, 1500
LARGEST_BYTES = 1_000_000
SHARPNESS = 1.25
HOLD = """at => document.getAnimations().forEach(each => { each.pause(); each.currentTime = at; })"""


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server for the picture."""
    with a_server(tmp_path_factory.mktemp("moment")) as running:
        yield running.address


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
        """Take what moves, frame by frame, from its beginning."""
        for at_ms in range(0, until_ms, FRAME_MS):
            self.page.evaluate(HOLD, at_ms)
            self.take(FRAME_MS)


def test_the_moment_of_a_dig_is_recorded(window, address, tmp_path):
    publisher = Person.log_in(address, "小明")
    code = publisher.publish(
        draw(oranges), name="一箱赣南脐橙", forecast_num=1, cd=5, synopsis="自家果园，现摘现发。"
    )
    opened = window(None, viewport=PHONE, device_scale_factor=SHARPNESS)
    page = opened.page
    opened.log_in("阿强", digs=False)
    page.clock.install()  # so that nothing that moves is over before its pictures are taken
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
    file = Path(os.environ.get("SCREENS_DIR", tmp_path)) / NAME
    first, *others = film.frames
    first.save(
        file,
        save_all=True,
        append_images=others,
        duration=film.lasts_ms,
        loop=0,
        quality=60,
        method=4,
    )
    assert file.stat().st_size <= LARGEST_BYTES
    for text in ("README.md", "README.zh.md"):
        assert f"docs/{NAME}" in (SOURCE / text).read_text(encoding="utf-8")
