"""A worker that runs out of descriptors still serves. `bench/hostile.py` floods a worker with connections."""

import os
import resource
import select
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx

from support.login import log_in
from support.open_pages import handshake
from support.servers import PATIENCE_SECONDS, Running, until

FEW_DESCRIPTORS = 256
# As many as stdin, stdout and stderr. A worker has more open descriptors already, so it can open no other.
ALL_TAKEN = 3
WAIT_SECONDS = 2.0
TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")


ENVIRONMENT = {"SOCKETS_A_PERSON": "1000"}


@contextmanager
def limited(server: Running, descriptors: int) -> Iterator[int]:
    """Limit the worker's descriptors for a while; yield its pid."""
    (pid,) = server.children()["worker"]
    before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (descriptors, before[1]))
    yield pid
    resource.prlimit(pid, resource.RLIMIT_NOFILE, before)


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_A_SECOND


def open_descriptors(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def open_websocket(server: Running, person: dict[str, Any]) -> tuple[socket.socket, bytes]:
    """Ask for a websocket; return the connection and the reply's status line."""
    line = socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE_SECONDS)
    line.sendall(handshake(f"/ws?unionid={person['unionid']}&token={person['token']}"))
    try:
        return line, line.recv(4096).partition(b"\r\n")[0]
    except ConnectionResetError:
        return line, b""


def test_a_full_process_closes_new_connections_serves_the_others_and_then_takes_new_ones_again(server):
    alice = log_in(server.address, "alice")
    with limited(server, FEW_DESCRIPTORS) as pid, ExitStack() as stack:
        kept = stack.enter_context(httpx.Client(base_url=server.address, timeout=PATIENCE_SECONDS))
        assert kept.get("/healthz").status_code == 200
        watching = []
        while True:
            line, status = open_websocket(server, alice)
            stack.enter_context(line)
            if b"101" not in status:
                break
            watching.append(line)
        assert status == b""
        assert 50 < len(watching) < FEW_DESCRIPTORS
        assert open_descriptors(pid) <= FEW_DESCRIPTORS * 3 // 4 + 1, "the rest is for files and the stores"
        assert kept.get("/readyz").status_code == 200
        watching[0].sendall(b"\x89\x80\0\0\0\0")  # a ping
        assert watching[0].recv(100)[-2:] == b"\x8a\0"
    until(lambda: open_descriptors(pid) < 50)
    assert httpx.get(f"{server.address}/getTaskList", timeout=PATIENCE_SECONDS).status_code == 200
    assert server.metric('wabao_turned_away_total{.*why="descriptors"') > 0


def test_with_no_descriptor_left_the_worker_waits_without_using_cpu(server):
    with ExitStack() as stack:
        with limited(server, ALL_TAKEN) as pid:
            waiting = stack.enter_context(socket.create_connection(("127.0.0.1", server.port)))
            waiting.sendall(b"GET /healthz HTTP/1.1\r\nHost: wabao\r\nConnection: close\r\n\r\n")
            began = time.monotonic()
            spent = cpu_seconds(pid)
            assert not select.select([waiting], [], [], WAIT_SECONDS)[0]
            assert cpu_seconds(pid) - spent < 0.2 * (time.monotonic() - began)
        waiting.settimeout(PATIENCE_SECONDS)
        assert waiting.recv(1000).startswith(b"HTTP/1.1 200 ")
    assert server.metric('wabao_turned_away_total{.*why="accept"') > 1


def test_the_log_is_short_though_connections_were_turned_away(server):
    """In the tests above, hundreds of connections were refused."""
    assert server.process.poll() is None
    server.end()
    told = [line for line in server.said if "wabao.access" not in line]
    assert any("connections are turned away" in line for line in told)
    assert sum(map(len, told)) < 4096, told
