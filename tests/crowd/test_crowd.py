"""`python -m server crowd` as a person runs it, against real servers; it notices a broken promise."""

import asyncio
import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from devtools.crowd import square, treasures
from server.realtime.hub import Hub
from server.running.stores import free_port
from support import SOURCE
from support.browser import Person
from support.screen import stopped
from support.servers import Running, assert_all_end, clean_environment, pidfds_of, until

PATIENCE_SECONDS = 100
NEWCOMER_SECONDS = 30  # some seconds on a machine with nothing else to do


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    running = Running(tmp_path_factory.mktemp("crowded") / "data", free_port(), WEB_CONCURRENCY="2")
    running.wait_for("Wabao is ready at ")
    yield running
    running.kill()


def counted(table: str, name: str) -> int:
    found = re.search(rf"^ *{re.escape(name)} +([\d,]+)$", table, re.MULTILINE)
    return int(found[1].replace(",", "")) if found else 0


@contextlib.contextmanager
def a_crowd(url: str, *options: str) -> Iterator[subprocess.Popen[str]]:
    """A crowd as a process, killed if it takes too long or the test fails."""
    with subprocess.Popen(
        [sys.executable, "-m", "server", "crowd", "--url", url, *options],
        cwd=SOURCE,
        env=clean_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as running:
        patience = threading.Timer(PATIENCE_SECONDS, running.kill)
        patience.start()
        try:
            yield running
        finally:
            patience.cancel()
            running.kill()


def read_until(running: subprocess.Popen[str], pattern: str) -> str:
    """Read up to a line with a pattern; return all that was read."""
    said = ""
    for line in running.stdout or ():
        said += line
        if re.search(pattern, line):
            return said
    pytest.fail(f"it ended before {pattern!r}:\n{said}")


def test_a_crowd_publishes_digs_reconnects_after_a_kill_and_ends_with_its_table(server):
    everything = str(len(treasures.TREASURES))  # one of these treasures ends within six digs
    with a_crowd(server.address, "--people", "24", "--tasks", everything) as running:
        read_until(running, rf"24 of 24 watch \| tasks {everything}")
        os.kill(server.children()["worker"][0], signal.SIGKILL)
        read_until(running, r"ended [1-9]")
        read_until(running, r"2[1-4] of 24 watch")  # at any moment, some people are away
        with stopped(server.children()["Valkey"]):
            for _ in range(3):
                read_until(running, r"of 24 watch")
        running.send_signal(signal.SIGTERM)
        assert running.stdout is not None
        table = running.stdout.read()
        assert running.wait(PATIENCE_SECONDS) == 0, table

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

    cards = everyones_tasks(server.address)
    # The reply to what was published or dug may have come after the signal.
    assert 0 <= len(cards) - counted(table, "tasks published") <= square.AT_ONCE
    assert made <= sum(card["now_depth"] for card in cards) <= made + 24
    assert sum(card["status"] for card in cards) >= counted(table, "tasks ended")
    assert {card["name"] for card in cards} == {treasure.name for treasure in treasures.TREASURES}


def everyones_tasks(address: str) -> list[dict[str, Any]]:
    person = Person.log_in(address, "somebody")
    return [card for page in range(1, 10) for card in person.get("/getTaskList", page=page)["data"]]


def test_a_demo_sends_messages_and_has_a_crowd_that_digs_what_a_newcomer_publishes(tmp_path):
    running = Running(tmp_path / "data", free_port(), ("--demo",))
    try:
        running.wait_for("A crowd plays there")
        until(lambda: bool(everyones_tasks(running.address)))
        newcomer = Person.log_in(running.address, "新来的人")
        offered = {template["kind"] for template in newcomer.get("/getTemplates")["templates"]}
        assert {"won", "cooldown_over", "ended"} <= offered
        code = newcomer.publish(name="新来的人埋的", forecast_num=1000, is_public=1)
        published = time.monotonic()
        until(lambda: newcomer.get("/getTaskDetails", code=code)["now_depth"] > 0)
        assert time.monotonic() - published < NEWCOMER_SECONDS
        crowds = pidfds_of(running.children()["crowd"])
        assert len(crowds) == 1
    finally:
        code = running.end()
    assert code == 0, "".join(running.said)
    assert_all_end(crowds)


def test_a_demo_without_the_sandbox_is_refused(tmp_path):
    environment = {"WECHAT_APPID": "wx0123456789abcdef", "WECHAT_SECRET": "x"}
    running = Running(tmp_path / "data", free_port(), ("--demo",), **environment)
    assert running.wait() == 2
    assert "--demo needs the sandbox" in "".join(running.said)


@pytest.mark.gen_test(timeout=110)
async def test_a_server_that_loses_a_dig_is_caught(http_server, settings, monkeypatch):
    send = Hub._send

    def forgetful(hub: Hub, watched: Any, frames: bytes) -> None:
        if not (b'"cd"' in frames and b'"seq":2,' in frames):
            send(hub, watched, frames)

    monkeypatch.setattr(Hub, "_send", forgetful)

    def watch() -> tuple[int, str]:
        with a_crowd(f"http://127.0.0.1:{settings.port}") as running:
            said = read_until(running, "VIOLATIONS")
            running.send_signal(signal.SIGTERM)
            assert running.stdout is not None
            said += running.stdout.read()
            return running.wait(PATIENCE_SECONDS), said

    code, said = await asyncio.to_thread(watch)
    assert code == 1, said
    assert "dig 3 came after dig 1" in said
