"""The clients in which each scene is played."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from support.browser import needs_chromium
from support.client import a_picture
from support.clients import Client, Clients, InHand, Window
from support.phone import a_phone, needs_node


@pytest.fixture(
    params=[pytest.param("page", marks=needs_chromium), pytest.param("miniprogram", marks=needs_node)]
)
def client(request: pytest.FixtureRequest, address: str, tmp_path: Path) -> Iterator[Clients]:
    """Log somebody in, in the one client or in the other."""
    if request.param == "page":
        window = request.getfixturevalue("window")
        yield lambda user: Window(window(user).page, address)
        return
    request.getfixturevalue("phones")
    album = tmp_path / "a.jpg"
    album.write_bytes(a_picture())
    with ExitStack() as switched_on:

        def open_phone(user: str) -> Client:
            return InHand(switched_on.enter_context(a_phone(address, user, album)))

        yield open_phone
