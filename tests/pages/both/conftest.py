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
