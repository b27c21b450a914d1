"""A worker is killed as a treasure opens: its pages come back and dig, in one random order with others."""

import os
import signal
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from itertools import pairwise
from typing import Any

import httpx
import pytest
from playwright.sync_api import WebSocket, expect

from support.browser import Opener, Person, Window
from support.client import a_picture
from support.servers import Running, a_server, until, websockets

WINDOW_MS, COOLDOWN_SECONDS = 2000, 3
# Milliseconds from publication to opening. The test takes the first that is long enough for both pages to
# load.
AHEAD_MS = (5_000, 20_000, 80_000)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    environment = {"WEB_CONCURRENCY": "2", "FAIR_START_MS": str(WINDOW_MS)}
    with a_server(tmp_path_factory.mktemp("opening"), **environment) as running:
        yield running


@pytest.fixture(scope="module")
def address(server: Running) -> str:
    return server.address


def a_page_of_each_worker(server: Running, window: Opener, users: list[str], code: str) -> dict[int, Window]:
    """Let each person open a page at another worker; return the pages by the workers' pids."""
    pages: dict[int, Window] = {}
    for user in users:
        opened = window(None, f"/#/task/{code}")
        opened.log_in(user, digs=False)
        while len(pages) < users.index(user) + 1:
            expect(opened.page.locator(".watchers")).to_be_visible()
            until(lambda: sum(websockets(server).values()) == len(pages) + 1)
            new = [pid for pid, number in websockets(server).items() if number and pid not in pages]
            if new:
                pages[new[0]] = opened
            else:
                opened.page.reload()
    return pages


def dig_until_answered(person: Person, code: str) -> dict[str, Any]:
    """Dig as a client does: after a lost connection, send the same dig again."""
    asked = {"unionid": person.unionid, "code": code, "dig_id": f"of-{person.unionid}"}
    headers = {"Authorization": f"Bearer {person.token}"}
    while True:
        with suppress(httpx.TransportError):
            return dict(
                httpx.post(f"{person.address}/postTask", json=asked, headers=headers, timeout=20).json()
            )


def test_a_worker_killed_as_a_treasure_opens_costs_no_page_its_dig_and_one_order_decides(server, window):
    publisher, *others = (Person.log_in(server.address, user) for user in ("小明", "甲", "乙", "丙", "丁"))
    users = ["小红", "小刚"]
    (victim, lost), (_, kept) = a_page_of_each_worker(
        server, window, users, publisher.publish(a_picture())
    ).items()
    for ahead_ms in AHEAD_MS:
        starts_at = int(time.time() * 1000) + ahead_ms
        code = publisher.publish(a_picture(), cd=COOLDOWN_SECONDS, starts_at=starts_at)
        for each in (lost, kept):
            each.go(f"/#/task/{code}")
            expect(each.page.locator("button.dig[data-kind=cooling]")).to_be_visible()
        if time.time() * 1000 < starts_at - 1000:
            break
    reopened: list[Window] = []

    def note(each: Window, _: WebSocket) -> None:
        reopened.append(each)

    for each in (lost, kept):
        each.page.on("websocket", partial(note, each))

    expect(lost.page.locator("button.dig[data-kind=ready]")).to_be_visible(timeout=2 * ahead_ms)
    with ThreadPoolExecutor() as threads:
        asked = [threads.submit(dig_until_answered, each, code) for each in others]
        os.kill(victim, signal.SIGKILL)
        for each in (lost, kept):
            each.page.locator("button.dig").click()
        outcomes = {each.result().get("error", "dug") for each in asked}
    assert outcomes <= {"dug", "cooling_down"}

    def dug() -> list[dict[str, Any]]:
        """Return the digs, the first dig first."""
        return list(reversed(publisher.get("/getDigs", code=code)["data"]))

    for user, each in zip(users, (lost, kept), strict=True):
        while user not in {dig["wxname"] for dig in dug()}:
            each.page.locator("button.dig[data-kind=ready]").click()
            expect(each.page.locator("button.dig[data-kind=cooling]")).to_be_visible()
    assert reopened == [lost]
    digs = dug()
    assert [dig["depth"] for dig in digs] == list(range(1, len(digs) + 1))
    assert set(Counter(dig["wxname"] for dig in digs).values()) == {1}
    assert digs[0]["at"] >= starts_at + WINDOW_MS
    for before, after in pairwise(digs):
        assert after["at"] >= before["at"] + 1000 * COOLDOWN_SECONDS
    for each in (lost, kept):
        expect(each.page.locator("#banner")).to_have_text("")
        expect(each.page.locator(".level b")).to_have_text(f"{len(digs)}")
