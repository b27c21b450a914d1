"""The client in a real browser, when what comes over its websocket is cut short."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from browser import Person, Window, a_browser, a_server, needs_chromium, open_window
from conftest import a_picture
from playwright.sync_api import WebSocketRoute, expect

pytestmark = needs_chromium

UNAVAILABLE = {"type": "error", "error": "unavailable", "msg": "服务暂时不可用，请稍后再试"}


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with a_server(tmp_path_factory.mktemp("cut")) as running:
        yield running.address


@pytest.fixture
def watcher(address: str) -> Iterator[Window]:
    with a_browser() as browser:
        opened = open_window(browser, address)
        yield opened
        opened.context.close()
        assert opened.wrong == []


def test_a_dig_that_is_cut_in_two_is_whole_once_the_page_is_back(watcher: Window, address: str) -> None:
    code = Person.log_in(address, "小明").publish(a_picture(), forecast_num=500_000)
    cut: list[str] = []

    def cut_before_the_join(route: WebSocketRoute) -> None:
        server = route.connect_to_server()

        def pass_on(message: str | bytes) -> None:
            if json.loads(message)["type"] == "join" and not cut:
                cut.append(code)
                server.close()
                route.close(code=1011)
            else:
                route.send(message)

        server.on_message(pass_on)

    watcher.page.route_web_socket("**/ws*", cut_before_the_join)
    watcher.go(f"/#/task/{code}")
    watcher.log_in("小明")
    expect(watcher.page.locator(".watchers")).to_be_visible()
    Person.log_in(address, "阿强").post("/postTask", code=code)
    expect(watcher.page.locator(".people li", has_text="阿强")).to_be_visible()
    assert cut


def test_a_subscription_that_no_store_could_answer_is_asked_for_again(watcher: Window, address: str) -> None:
    code = Person.log_in(address, "小明").publish(a_picture(), forecast_num=500_000)
    refused: list[str] = []

    def refuse_once(route: WebSocketRoute) -> None:
        server = route.connect_to_server()

        def pass_on(message: str | bytes) -> None:
            if json.loads(message)["action"] == "subscribe" and not refused:
                refused.append(code)
                route.send(json.dumps({**UNAVAILABLE, "code": code}))
            else:
                server.send(message)

        route.on_message(pass_on)

    watcher.page.route_web_socket("**/ws*", refuse_once)
    watcher.go(f"/#/task/{code}")
    watcher.log_in("小明")
    expect(watcher.page.get_by_text(UNAVAILABLE["msg"])).to_be_visible()
    Person.log_in(address, "阿强").post("/postTask", code=code)
    expect(watcher.page.locator(".people li", has_text="阿强")).to_be_visible()
    assert refused
