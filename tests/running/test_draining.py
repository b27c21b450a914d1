"""A worker that is stopped or killed while its connections are busy, or digs wait for a random order."""

import asyncio
import json
import os
import re
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import httpx
import pytest

from support.browser import Person
from support.servers import Running, a_server, assert_all_end, pidfds_of, until

WINDOW_MS = 2000

# Half of the clients never pause, so some are always in the middle of a request. The other half pause after
# each reply.
PAUSES_SECONDS = [0.0] * 15 + [0.5] * 15
REQUEST = b"GET /readyz HTTP/1.1\r\nHost: wabao\r\n\r\n"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A server with one worker, which the last test stops."""
    settings = {"WEB_CONCURRENCY": "1", "FAIR_START_MS": str(WINDOW_MS)}
    with a_server(tmp_path_factory.mktemp("draining"), **settings) as running:
        yield running


def test_a_draining_worker_ends_in_seconds_and_cuts_no_connection_in_use(server):
    (worker,) = server.children()["worker"]
    told, cut, took_seconds = asyncio.run(drain(server.port, worker))
    assert (told, cut) == (len(PAUSES_SECONDS), 0)
    assert took_seconds < 15  # after REQUESTS_SECONDS it would cut them
    server.wait_for(rf"worker 1 \(pid {worker}\) ended with 0")
    server.wait_for("serving")


async def drain(port: int, worker: int) -> tuple[int, int, float]:
    """End a worker whose connections are busy.

    Return how many connections were told of the end, how many were cut, and the seconds that the worker took.
    """
    answered = asyncio.Semaphore(0)
    (death,) = pidfds_of([worker])
    using = [asyncio.create_task(is_told(port, answered, pause)) for pause in PAUSES_SECONDS]
    for _ in range(10 * len(using)):
        await answered.acquire()
    os.kill(worker, signal.SIGTERM)
    began = time.monotonic()
    await asyncio.to_thread(assert_all_end, [death])
    took_seconds = time.monotonic() - began
    told = await asyncio.gather(*using)
    return told.count(True), told.count(False), took_seconds


async def is_told(port: int, answered: asyncio.Semaphore, pause_seconds: float) -> bool:
    """Use a connection until a reply says that it is the last. Return whether such a reply came."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        while True:
            writer.write(REQUEST)
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            length = re.search(rb"content-length: (\d+)", head)
            assert length is not None
            await reader.readexactly(int(length[1]))
            answered.release()
            if b"\r\nconnection: close\r\n" in head:
                writer.write(REQUEST)
                with suppress(ConnectionError):
                    assert await reader.read() == b"", "a reply came after the one that was the last"
                return True
            await asyncio.sleep(pause_seconds)
    except (ConnectionError, asyncio.IncompleteReadError):
        return False
    finally:
        writer.close()


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


def test_a_worker_killed_before_the_order_is_drawn_wrote_nothing_and_the_same_dig_is_made_once(server):
    carol = Person.log_in(server.address, "carol")
    code, _ = let_a_cooldown_pass(server, carol)
    connection = ask_to_dig(server, carol, code, "carols-dig")
    workers = server.children()["worker"]
    (death,) = pidfds_of(workers)
    os.kill(workers[0], signal.SIGKILL)
    assert_all_end([death])
    with suppress(ConnectionResetError):
        assert read_reply(connection) == {}
    server.wait_for(rf"pid {workers[0]}\) ended")
    server.wait_for("serving")
    assert carol.get("/getTaskDetails", code=code)["now_depth"] == 1
    replies = [carol.post("/postTask", code=code, dig_id="carols-dig") for _ in range(2)]
    assert [(reply["now_depth"], reply["repeated"]) for reply in replies] == [(2, 0), (2, 1)]


def test_a_worker_ends_without_an_error_though_the_store_stands_still_in_the_middle_of_its_work(server):
    publisher, digger = (Person.log_in(server.address, user) for user in ("publisher", "dave"))
    code = publisher.publish(cd=1)
    children = server.children()
    (worker,) = children["worker"]
    (store,) = children["SecantusDB"]
    assert digger.post("/postTask", code=code)["status"] == 0
    os.kill(store, signal.SIGSTOP)  # before the dig is noted as written
    try:
        os.kill(worker, signal.SIGTERM)
        assert server.wait_for(rf"worker 1 \(pid {worker}\) ended with (\d+)")[1] == "0"
    finally:
        os.kill(store, signal.SIGCONT)
    server.wait_for("serving")


def test_a_server_that_stops_tries_those_gathered_before_its_end(server):
    carol = Person.log_in(server.address, "carol")
    code, cd_until = let_a_cooldown_pass(server, carol)
    connection = ask_to_dig(server, carol, code, "carols-dig")
    assert server.end() == 0
    reply = read_reply(connection)
    assert (reply["status"], reply["now_depth"], reply["repeated"]) == (0, 2, 0)
    assert reply["cd_until"] >= cd_until + WINDOW_MS + 1000
