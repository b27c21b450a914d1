"""Fixtures of the tests of pages: browser, windows, phones, and the server that most of these tests share."""

import asyncio
import fcntl
import os
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser

from support.browser import MARKUP, Opener, Person, Window, a_browser, open_window
from support.messages import MESSAGES
from support.phone import WHY_NOT, Phone, PhonesProcess, compile_program
from support.screen import TOKEN
from support.servers import Running, a_server


@pytest.fixture(scope="session")
def phones(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The process of all phones, which takes longer to start than a scene.

    All test processes share a compiled program, since compiling it takes as long as several scenes.
    """
    if WHY_NOT:
        yield
        return
    own = tmp_path_factory.getbasetemp()
    ours = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own
    with (ours / "compiling").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (program := ours / "miniprogram").is_dir():
            compile_program(own / "compiled").rename(program)
    Phone.plays = PhonesProcess(program)
    yield
    Phone.plays.end()


@pytest.fixture(scope="session")
def _chromium() -> Iterator[tuple[Browser, asyncio.AbstractEventLoop]]:
    """One browser with Playwright's loop for the whole run: starting both takes 0.7 s of CPU time."""
    with a_browser() as opened:
        loop = asyncio.get_running_loop()
        yield opened, loop
        asyncio._set_running_loop(loop)


@pytest.fixture(scope="module")
def browser(_chromium: tuple[Browser, asyncio.AbstractEventLoop]) -> Iterator[Browser]:
    """The browser, for the tests of a file.

    Between Playwright's calls, asyncio still takes Playwright's loop for the running loop. So the loop is
    unset at the file's end: other files run loops of their own.
    """
    opened, loop = _chromium
    asyncio._set_running_loop(loop)
    yield opened
    asyncio._set_running_loop(None)


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A server for all files without settings of their own: a start takes as long as several scenes.

    Its random order is short, and its agreement has markup in it.
    """
    texts = tmp_path_factory.mktemp("texts")
    (texts / "agreement.txt").write_text(f"我们的协议\n{MARKUP}", encoding="utf-8")
    (texts / "privacy.txt").write_text("我们的隐私政策\n" + "第一条\n" * 200, encoding="utf-8")
    settings = {"OPS_TOKEN": TOKEN, "FAIR_START_MS": "1000", **MESSAGES}
    settings |= {"TEXTS_DIR": str(texts), "CONTACT": "微信 wabao-help"}
    with a_server(tmp_path_factory.mktemp("pages"), **settings) as running:
        yield running


@pytest.fixture(scope="module")
def address(shared: Running) -> str:
    """The address of the server; files and folders with settings of their own override this fixture."""
    return shared.address


@pytest.fixture(scope="module")
def publisher(address: str) -> Person:
    """A person who publishes, without a client."""
    return Person.log_in(address, "小明")


@pytest.fixture
def options() -> dict[str, Any]:
    """The options of each window; a folder or a file overrides this fixture.

    Nothing moves: a treasure's page that glows all the time takes a tenth of a core.
    """
    return {"reduced_motion": "reduce"}


@pytest.fixture
def window(browser: Browser, address: str, options: dict[str, Any]) -> Iterator[Opener]:
    """Opens windows. A test fails if a window's `wrong` is not empty at the test's end."""
    opened: list[Window] = []

    def open_one(
        user: str | None = None, path: str = "/", digs: bool | None = True, **further: Any
    ) -> Window:
        made = open_window(browser, address, **(options | further))
        opened.append(made)
        if user is not None:
            made.begin_as(user, digs)
        made.go(path)
        return made

    yield open_one
    for each in opened:
        each.close()
    assert [wrong for each in opened for wrong in each.wrong] == []
