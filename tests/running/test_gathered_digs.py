"""A worker that is stopped or killed while digs wait for a random order."""

from __future__ import annotations

import json
import os
import signal
import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from server.running.stores import free_port
from support.browser import Person
from support.client import a_picture
from support.servers import Running, assert_all_end, pidfds_of, until

WINDOW_MS = 2000


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Running]:
    running = Running(tmp_path / "data", free_port(), WEB_CONCURRENCY="1", FAIR_START_MS=str(WINDOW_MS))
    try:
        running.wait_for("is ready")
        yield running
    finally:
        if running.process.poll() is None:
            running.kill()


def let_a_cooldown_pass(server: Running, digger: Person) -> tuple[str, int]:
    """Publish a task and dig it; return its code and when its cooldown was over, which is now (unix ms)."""
    publisher, first = (Person.log_in(server.address, user) for user in ("publisher", "first"))
    code = publisher.publish(a_picture(), cd=1)
    cd_until = first.post("/postTask", code=code)["cd_until"]
    until(lambda: digger.get("/getTaskDetails", code=code)["can_dig"] == 1)
    return code, cd_until


def ask_to_dig(server: Running, digger: Person, code: str, dig_id: str) -> socket.socket:
    """Send a dig and return when the worker has it, which it has not answered yet."""
    body = json.dumps({"unionid": digger.unionid, "code": code, "dig_id": dig_id})
    connection = socket.create_connection(("127.0.0.1", server.port), timeout=20)
    head = (
        f"POST /postTask HTTP/1.1\r\nHost: wabao\r\nAuthorization: Bearer {digger.token}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    connection.sendall(f"{head}{body}".encode())
    for _ in range(3):  # the loop takes what came first
        assert httpx.get(f"{server.address}/healthz", timeout=10).status_code == 200
    connection.setblocking(False)
    with pytest.raises(BlockingIOError):
        connection.recv(1)
    connection.settimeout(20)
    return connection


def read_reply(connection: socket.socket) -> dict[str, Any]:
    """Read to the end of the connection; return the reply, {} if there is none."""
    received = b""
    while chunk := connection.recv(1 << 16):
        received += chunk
    connection.close()
    return dict(json.loads(received.partition(b"\r\n\r\n")[2] or b"{}"))


def test_a_server_that_stops_tries_those_gathered_before_its_end(server):
    carol = Person.log_in(server.address, "carol")
    code, cd_until = let_a_cooldown_pass(server, carol)
    connection = ask_to_dig(server, carol, code, "carols-dig")
    assert server.end() == 0
    reply = read_reply(connection)
    assert (reply["status"], reply["now_depth"], reply["repeated"]) == (0, 2, 0)
    assert reply["cd_until"] >= cd_until + WINDOW_MS + 1000


def test_a_worker_killed_before_the_lots_wrote_nothing_and_the_same_dig_is_made_once(server):
    carol = Person.log_in(server.address, "carol")
    code, _ = let_a_cooldown_pass(server, carol)
    connection = ask_to_dig(server, carol, code, "carols-dig")
    workers = server.children()["worker"]
    (death,) = pidfds_of(workers)
    os.kill(workers[0], signal.SIGKILL)
    assert_all_end([death])
    with suppress(ConnectionResetError):
        assert read_reply(connection) == {}
    server.wait_for("serving")
    assert carol.get("/getTaskDetails", code=code)["now_depth"] == 1
    replies = [carol.post("/postTask", code=code, dig_id="carols-dig") for _ in range(2)]
    assert [(reply["now_depth"], reply["repeated"]) for reply in replies] == [(2, 0), (2, 1)]
