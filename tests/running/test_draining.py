"""A worker that is stopped or killed while its connections are busy, or digs wait for a random order."""

import json
import os
import signal
import socket
from typing import Any

import httpx
import pytest

from support.browser import Person
from support.servers import Running, stopped, until

WINDOW_MS = 2000


ENVIRONMENT = {"WEB_CONCURRENCY": "1", "FAIR_START_MS": str(WINDOW_MS)}


def let_a_cooldown_pass(server: Running, digger: Person) -> tuple[str, int]:
    """Publish a task, dig it, and wait for its cooldown; return the code and the cooldown's end (unix ms)."""
    publisher, first = (Person.log_in(server.address, user) for user in ("publisher", "first"))
    code = publisher.publish(cd=1)
    cd_until = first.post("/postTask", code=code)["cd_until"]
    until(lambda: digger.get("/getTaskDetails", code=code)["can_dig"] == 1)
    return code, cd_until


def ask_to_dig(server: Running, digger: Person, code: str, dig_id: str) -> socket.socket:
    """Send a dig; return when the worker has the dig but has not answered it."""
    body = json.dumps({"unionid": digger.unionid, "code": code, "dig_id": dig_id})
    connection = socket.create_connection(("127.0.0.1", server.port), timeout=20)
    head = (
        f"POST /postTask HTTP/1.1\r\nHost: wabao\r\nAuthorization: Bearer {digger.token}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    connection.sendall(f"{head}{body}".encode())
    for _ in range(3):  # the worker's loop handles earlier events, such as the dig, first
        assert httpx.get(f"{server.address}/healthz", timeout=10).status_code == 200
    connection.setblocking(False)
    with pytest.raises(BlockingIOError):
        connection.recv(1)
    connection.settimeout(20)
    return connection


def read_reply(connection: socket.socket) -> dict[str, Any]:
    """Read to the end of the connection, and close it; return the reply, or {}."""
    received = b""
    with connection:
        while chunk := connection.recv(1 << 16):
            received += chunk
    return dict(json.loads(received.partition(b"\r\n\r\n")[2] or b"{}"))


def test_a_worker_ends_without_an_error_though_the_store_stands_still_in_the_middle_of_its_work(server):
    publisher, digger = (Person.log_in(server.address, user) for user in ("publisher", "dave"))
    code = publisher.publish(cd=1)
    children = server.children()
    (worker,) = children["worker"]
    (store,) = children["SecantusDB"]
    assert digger.post("/postTask", code=code)["status"] == 0
    with stopped([store]):  # before the dig is noted as written
        os.kill(worker, signal.SIGTERM)
        assert server.wait_for(rf"worker 1 \(pid {worker}\) ended with (\d+)")[1] == "0"
    server.wait_for("serving")


def test_a_server_that_stops_tries_those_gathered_before_its_end(server):
    carol = Person.log_in(server.address, "carol")
    code, cd_until = let_a_cooldown_pass(server, carol)
    connection = ask_to_dig(server, carol, code, "carols-dig")
    assert server.end() == 0
    reply = read_reply(connection)
    assert (reply["status"], reply["now_depth"], reply["repeated"]) == (0, 2, 0)
    assert reply["cd_until"] >= cd_until + WINDOW_MS + 1000
