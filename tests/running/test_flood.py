"""A worker that runs out of descriptors: real processes are flooded with connections, and still serve."""

from __future__ import annotations

import os
import re
import resource
import select
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from server.running.stores import free_port
from support.login import log_in
from support.servers import PATIENCE_SECONDS, Running, until

DESCRIPTORS, FEW_DESCRIPTORS = 1024, 256
# A worker itself has more open descriptors than this, so it can open none.
ALL_TAKEN = 3  # stdin, stdout and stderr
CALM_SECONDS = 1.0
FLOOD_SECONDS = 2.0
HALF = "GET / HTTP/1.1\r\nHost: wab"
TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One server; the tests change its worker's limit."""
    data_dir = tmp_path_factory.mktemp("flooded") / "data"
    running = Running(data_dir, free_port(), SOCKETS_AN_ADDRESS="0", SOCKETS_A_PERSON="1000")
    running.wait_for("Wabao is ready at ")
    yield running
    running.end()


@contextmanager
def limited(server: Running, descriptors: int) -> Iterator[int]:
    """Limit the worker's descriptors for a while; yield its pid."""
    (pid,) = server.children()["worker"]
    before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (descriptors, before[1]))
    yield pid
    resource.prlimit(pid, resource.RLIMIT_NOFILE, before)


# Opens some 2,000 connections per second up to a number, and prints a line. Then it stops, or goes on and
# keeps the newest ones open.
FLOOD = """
import socket, sys, time
port, held, first, goes_on = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3].encode(), sys.argv[4] == "True"
lines, opened = [], 0
while True:
    try:
        line = socket.create_connection(("127.0.0.1", port), timeout=1)
        lines.append(line)
        line.sendall(first)
    except OSError:
        continue
    opened += 1
    if opened == held:
        print("flooded", flush=True)
        while not goes_on:
            time.sleep(60)
    if len(lines) > held:
        lines.pop(0).close()
    if opened % 20 == 0:
        time.sleep(0.01)
"""


@contextmanager
def flooding(port: int, held: int, first: str, goes_on: bool) -> Iterator[None]:
    """Flood a port from another process; each connection sends `first`."""
    flood = subprocess.Popen(
        [sys.executable, "-c", FLOOD, str(port), str(held), first, str(goes_on)], stdout=subprocess.PIPE
    )
    assert flood.stdout is not None
    try:
        assert flood.stdout.readline() == b"flooded\n"
        yield
    finally:
        flood.kill()
        flood.wait()
        flood.stdout.close()


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_A_SECOND


def open_descriptors(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def turned_away(server: Running, why: str) -> float:
    text = httpx.get(f"{server.address}/metrics", timeout=PATIENCE_SECONDS).text
    found = re.search(rf'wabao_turned_away_total{{why="{why}"}} (\S+)', text)
    return float(found[1]) if found else 0.0


def open_websocket(server: Running, person: dict[str, Any]) -> tuple[socket.socket, bytes]:
    """Ask for a websocket; return the connection and the reply's status line."""
    line = socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE_SECONDS)
    line.sendall(
        f"GET /ws?unionid={person['unionid']}&token={person['token']} HTTP/1.1\r\nHost: wabao\r\n"
        "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n".encode()
    )
    return line, line.recv(4096).partition(b"\r\n")[0]


def ask_for_a_while(server: Running, pid: int, for_seconds: float) -> tuple[float, float, list[float]]:
    """Send requests one after the other; return CPU seconds, the whole time, and the wait of each request."""
    began, spent, seconds = time.monotonic(), cpu_seconds(pid), list[float]()
    while time.monotonic() - began < for_seconds:
        for path in ("/healthz", "/getTaskList"):
            asked = time.monotonic()
            assert httpx.get(server.address + path, timeout=PATIENCE_SECONDS).status_code == 200
            seconds.append(time.monotonic() - asked)
    return cpu_seconds(pid) - spent, time.monotonic() - began, seconds


@pytest.mark.parametrize(("first", "goes_on"), [("", True), (HALF, False)], ids=["silent", "half a header"])
def test_a_flood_of_connections_costs_little_and_health_and_people_are_served(server, first, goes_on):
    before = turned_away(server, "descriptors")
    with limited(server, DESCRIPTORS) as pid:
        calm_cpu, _, calm = ask_for_a_while(server, pid, CALM_SECONDS)
        with flooding(server.port, 2 * DESCRIPTORS, first, goes_on):
            cpu, lasted, seconds = ask_for_a_while(server, pid, FLOOD_SECONDS)
    assert statistics.median(seconds) < 1
    # The test's own requests cost CPU, too: the faster the machine, the more of them there are.
    share = (cpu - len(seconds) * calm_cpu / len(calm)) / lasted
    assert share < 0.4
    until(lambda: open_descriptors(pid) < 50)
    assert turned_away(server, "descriptors") - before > DESCRIPTORS
    assert httpx.get(f"{server.address}/readyz", timeout=1).status_code == 200


def test_when_websockets_fill_the_process_only_health_and_operators_get_in(server):
    alice = log_in(server.address, "alice")
    with limited(server, FEW_DESCRIPTORS) as pid, ExitStack() as stack:
        watching = []
        while True:
            line, status = open_websocket(server, alice)
            stack.enter_context(line)
            if b"101" not in status:
                break
            watching.append(line)
        assert b" 503 " in status
        assert 50 < len(watching) < FEW_DESCRIPTORS
        for path, http_status in (("/healthz", 200), ("/readyz", 200), ("/metrics", 200), ("/ops/me", 200)):
            assert httpx.get(server.address + path, timeout=PATIENCE_SECONDS).status_code == http_status
        refused = httpx.get(f"{server.address}/getTaskList", timeout=PATIENCE_SECONDS)
        assert (refused.status_code, refused.json()["error"]) == (503, "unavailable")
        assert refused.headers["Connection"] == "close"
        silent = [
            stack.enter_context(socket.create_connection(("127.0.0.1", server.port))) for _ in range(200)
        ]
        assert httpx.get(f"{server.address}/healthz", timeout=PATIENCE_SECONDS).status_code == 200
        assert open_descriptors(pid) < FEW_DESCRIPTORS
        assert select.select(silent, [], [], 0)[0]  # some silent connections had to give way
        watching[0].sendall(b"\x89\x80\0\0\0\0")  # a ping
        assert watching[0].recv(100)[-2:] == b"\x8a\0"
    until(lambda: open_descriptors(pid) < 50)
    assert httpx.get(f"{server.address}/getTaskList", timeout=PATIENCE_SECONDS).status_code == 200


def test_with_no_descriptor_left_the_worker_waits_without_using_cpu(server):
    with ExitStack() as stack:
        with limited(server, ALL_TAKEN) as pid:
            waiting = stack.enter_context(socket.create_connection(("127.0.0.1", server.port)))
            waiting.sendall(b"GET /healthz HTTP/1.1\r\nHost: wabao\r\nConnection: close\r\n\r\n")
            began, spent = time.monotonic(), cpu_seconds(pid)
            assert not select.select([waiting], [], [], FLOOD_SECONDS)[0]
            assert cpu_seconds(pid) - spent < 0.2 * (time.monotonic() - began)
        waiting.settimeout(PATIENCE_SECONDS)
        assert waiting.recv(1000).startswith(b"HTTP/1.1 200 ")
    assert turned_away(server, "accept") > 1


def test_the_log_of_these_floods_is_short(server):
    """The tests above had thousands of connections refused."""
    assert server.process.poll() is None
    server.end()
    told = [line for line in server.said if "wabao.access" not in line]
    assert any("connections turned away" in line for line in told)
    assert sum(map(len, told)) < 4096, told
