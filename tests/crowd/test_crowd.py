"""`python -m server crowd` as a person runs it, against real servers; it notices a broken promise."""

import asyncio
import contextlib
import os
import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tornado.httpclient import HTTPRequest
from tornado.websocket import websocket_connect

from devtools.crowd import square, treasures
from server.realtime.hub import Hub
from support.browser import Person
from support.servers import Running, assert_all_end, pidfds_of, stopped, until

NEWCOMER_SECONDS = 30  # some seconds on a machine with nothing else to do


ENVIRONMENT = {"WEB_CONCURRENCY": "2"}


def counted(table: str, name: str) -> int:
    found = re.search(rf"^ *{re.escape(name)} +([\d,]+)$", table, re.MULTILINE)
    return int(found[1].replace(",", "")) if found else 0


@contextlib.contextmanager
def a_crowd(directory: Path, url: str, *options: str) -> Iterator[Running]:
    """A crowd as a process, killed if the test fails."""
    running = Running(directory, "crowd", "--url", url, *options)
    try:
        yield running
    finally:
        running.kill()


def test_a_crowd_publishes_digs_reconnects_after_a_kill_and_ends_with_its_table(server, tmp_path):
    everything = str(len(treasures.TREASURES))  # one of these treasures ends within six digs
    with a_crowd(tmp_path, server.address, "--people", "24", "--tasks", everything) as running:
        running.wait_for(rf"24 of 24 watch \| tasks {everything}")
        os.kill(server.children()["worker"][0], signal.SIGKILL)
        running.wait_for(r"ended [1-9]")
        running.wait_for(r"2[1-4] of 24 watch")  # at any moment, some people are away
        with stopped(server.children()["Valkey"]):
            for _ in range(3):
                running.wait_for(r"of 24 watch")
        read = len(running.said)
        code = running.end()
        table = "".join(running.said[read:])
        assert code == 0, table

    assert "24 people (24 logged in)" in table
    made = counted(table, "dug") + counted(table, "won")
    assert counted(table, "won") >= 1
    assert counted(table, "tasks ended") >= 1
    assert counted(table, "violations of what is promised") == 0
    assert counted(table, "1006") >= 1  # the close code of connections to the killed worker
    least_frames = {"snapshot": 24, "cd": made, "join": 1, "prize": 1, "end": 1, "tick": 1, "service": 24}
    for kind, least in least_frames.items():
        assert counted(table, kind) >= least, kind
    for name in ("the server's, to an observer", "to people of this crowd", "a request was not written"):
        assert re.search(rf"{name} +(?!0\.0 )[\d,.]+ +[\d,.]+\n", table), table

    def depths() -> int:
        return sum(card["now_depth"] for card in everyones_tasks(server.address))

    until(lambda: depths() >= made)  # the square may be a second old
    cards = everyones_tasks(server.address)
    # The reply to what was published or dug may have come after the signal.
    assert 0 <= len(cards) - counted(table, "tasks published") <= square.AT_ONCE
    assert depths() <= made + 24
    assert sum(card["status"] for card in cards) >= counted(table, "tasks ended")
    assert {card["name"] for card in cards} == {treasure.name for treasure in treasures.TREASURES}


def everyones_tasks(address: str) -> list[dict[str, Any]]:
    person = Person.log_in(address, "somebody")
    return [card for page in range(1, 10) for card in person.get("/getTaskList", page=page)["data"]]


async def watch_the_first_dig(address: str, person: Person, code: str) -> None:
    url = f"ws{address.removeprefix('http')}/ws?code={code}"
    page = await websocket_connect(HTTPRequest(url, headers={"Authorization": f"Bearer {person.token}"}))
    async with asyncio.timeout(NEWCOMER_SECONDS):
        while '"type":"cd"' not in str(await page.read_message()):
            pass
    page.close()
    while await page.read_message() is not None:
        pass


def test_a_demo_sends_messages_and_has_a_crowd_that_digs_what_a_newcomer_publishes(tmp_path):
    running = Running(tmp_path / "data", "--demo")
    try:
        running.wait_for("A crowd plays there")
        until(lambda: bool(everyones_tasks(running.address)))
        newcomer = Person.log_in(running.address, "新来的人")
        offered = {template["kind"] for template in newcomer.get("/getTemplates")["templates"]}
        assert {"won", "cooldown_over", "ended"} <= offered
        starts_at = int(1000 * time.time()) + 2000
        code = newcomer.publish(name="新来的人埋的", forecast_num=1000, is_public=1, starts_at=starts_at)
        published = time.monotonic()
        until(lambda: newcomer.get("/getTaskDetails", code=code)["now_depth"] > 0)
        assert time.monotonic() - published < NEWCOMER_SECONDS
        code = newcomer.publish(name="只给群里的", forecast_num=1000, is_public=0)
        published = time.monotonic()
        asyncio.run(watch_the_first_dig(running.address, newcomer, code))
        assert time.monotonic() - published < NEWCOMER_SECONDS
        crowds = pidfds_of(running.children()["crowd"])
        assert len(crowds) == 1
    finally:
        code = running.end()
    assert code == 0, "".join(running.said)
    assert_all_end(crowds)


def test_a_demo_without_the_sandbox_is_refused(tmp_path):
    environment = {"WECHAT_APPID": "wx0123456789abcdef", "WECHAT_SECRET": "x"}
    running = Running(tmp_path / "data", "--demo", **environment)
    assert running.wait() == 2
    assert "--demo needs the sandbox" in "".join(running.said)


@pytest.mark.gen_test(timeout=110)
async def test_a_server_that_loses_a_dig_is_caught(http_server, settings, monkeypatch, tmp_path):
    send = Hub._send

    def forgetful(hub: Hub, watched: Any, frames: bytes) -> None:
        if not (b'"cd"' in frames and b'"seq":2,' in frames):
            send(hub, watched, frames)

    monkeypatch.setattr(Hub, "_send", forgetful)

    def watch() -> tuple[int, str]:
        with a_crowd(tmp_path, f"http://127.0.0.1:{settings.port}") as running:
            running.wait_for("VIOLATIONS")
            return running.end(), "".join(running.said)

    code, said = await asyncio.to_thread(watch)
    assert code == 1, said
    assert "dig 3 came after dig 1" in said
