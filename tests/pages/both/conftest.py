"""The two clients. Each scene is played in both."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from support.browser import come_in
from support.client import a_picture
from support.clients import Client, Clients, InHand, Window
from support.login import log_in
from support.phone import a_phone
from support.screen import TOKEN
from support.servers import a_server

MARKUP = "<b id='forged'>粗</b><script>document.title = '坏'</script>"


@pytest.fixture(scope="session")
def limited(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server that limits unlisted red packets, and whose texts have markup in them."""
    texts = tmp_path_factory.mktemp("texts")
    (texts / "agreement.txt").write_text(f"我们的协议\n{MARKUP}", encoding="utf-8")
    (texts / "privacy.txt").write_text("我们的隐私政策\n" + "第一条\n" * 200, encoding="utf-8")
    settings = {"CASH_PRIVATE_DAY_YUAN": "50", "OPS_TOKEN": TOKEN}
    settings |= {"TEXTS_DIR": str(texts), "CONTACT": "微信 wabao-help"}
    with a_server(tmp_path_factory.mktemp("both"), **settings) as running:
        yield running.address


@pytest.fixture(scope="module")
def address(limited: str) -> str:
    """The address of the server of `limited`."""
    return limited


@pytest.fixture
def markup() -> str:
    """The line of markup in the agreement."""
    return MARKUP


@pytest.fixture(params=["page", "miniprogram"])
def client(request: pytest.FixtureRequest, address: str, tmp_path: Path) -> Iterator[Clients]:
    """Opens one of the two clients, with somebody logged in, who has no name yet unless they are `named`."""
    if request.param == "page":
        window = request.getfixturevalue("window")

        def open_window(user: str, *, named: bool = True) -> Client:
            opened = window(user) if named else come_in(window, log_in(address, user, ("code",)))
            return Window(opened.page, address)

        yield open_window
        return
    request.getfixturevalue("phones")
    album = tmp_path / "a.jpg"
    album.write_bytes(a_picture())
    with ExitStack() as switched_on:

        def open_phone(user: str, *, named: bool = True) -> Client:
            return InHand(switched_on.enter_context(a_phone(address, user, album, named=named)))

        yield open_phone
