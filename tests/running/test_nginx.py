"""`deploy/nginx.conf`, by a real nginx: it reads the file, and people play through it."""

import asyncio
import json
import re
import socket
import ssl
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from http.client import HTTPResponse
from pathlib import Path

import httpx
import pytest

from bench.parts.nginx import FOUND, nginx, write_conf
from handlers.bodies import BODY_BYTES, LARGEST_BYTES
from handlers.prizes.shipping import ShipPrizes
from server.running.port import HEAD_BYTES, IDLE_SECONDS
from server.running.stores import free_port
from support.browser import Person
from support.open_pages import watch
from support.servers import Running, a_server

pytestmark = pytest.mark.skipif(FOUND is None, reason="there is no nginx")
UNCHECKED = ssl.create_default_context()
UNCHECKED.check_hostname = False
UNCHECKED.verify_mode = ssl.CERT_NONE


class Behind:
    """A server and the nginx in front of it."""

    def __init__(self, server: Running, port: int, directory: Path) -> None:
        self.server = server
        self.port = port
        self.directory = directory
        self.http = httpx.Client(base_url=f"https://127.0.0.1:{port}", verify=UNCHECKED, timeout=20)


@pytest.fixture(scope="module")
def behind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Behind]:
    directory = tmp_path_factory.mktemp("nginx")
    environment = {"TRUSTED_PROXIES": "127.0.0.1", "REQUIRE_TOKEN": "1"}
    with (
        a_server(tmp_path_factory.mktemp("behind"), **environment) as server,
        nginx(directory, server.port) as port,
    ):
        found = Behind(server, port, directory)
        yield found
        found.http.close()


def test_nginx_takes_the_file_and_its_limits_fit_the_servers(tmp_path):
    conf = write_conf(tmp_path, free_port(), free_port())
    done = subprocess.run(
        [str(FOUND), "-t", "-p", str(tmp_path), "-c", str(conf), "-e", str(tmp_path / "error.log")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    text = conf.read_text()
    assert f"client_max_body_size {BODY_BYTES >> 10}k;" in text
    assert f"client_max_body_size {LARGEST_BYTES >> 10}k;" in text
    assert f"client_max_body_size {ShipPrizes.body_limit_bytes >> 20}m;" in text
    assert HEAD_BYTES > (4 + 3) << 10
    assert max(int(seconds) for seconds in re.findall(r"keepalive_timeout (\d+)s", text)) < IDLE_SECONDS


async def test_a_dig_and_a_websocket_go_through_nginx_and_the_server_knows_no_other_address(behind):
    alice, bob = (Person.log_in(behind.server.address, user) for user in ("alice", "bob"))
    code = alice.publish(cd=1)
    page = await watch(f"https://127.0.0.1:{behind.port}", bob.token, code)
    assert (await page.next() or {})["type"] == "snapshot"
    headers = {"Authorization": f"Bearer {bob.token}", "X-Forwarded-For": "203.0.113.9"}
    body = {"unionid": bob.unionid, "code": code}
    dug = await asyncio.to_thread(behind.http.post, "/postTask", json=body, headers=headers)
    assert (dug.json()["status"], dug.json()["now_depth"]) == (0, 1)
    await page.until("join")
    page.connection.close()
    log = (behind.directory / "access.log").read_text()
    assert " /ws " not in log.replace("GET /ws 101", "")
    assert "127.0.0.1" not in log
    assert "token" not in log
    assert code not in log


def test_pages_come_by_http2_over_tls(behind):
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(["h2", "http/1.1"])
    with (
        socket.create_connection(("127.0.0.1", behind.port)) as plain,
        context.wrap_socket(plain) as line,
    ):
        assert line.selected_alpn_protocol() == "h2"
    page = behind.http.get("/")
    assert page.status_code == 200
    assert page.headers["Content-Type"].startswith("text/html")


def test_a_group_of_500_may_tap_a_link_at_once_from_one_address(behind):
    replies = Counter(behind.http.get("/healthz").status_code for _ in range(500))
    assert replies == {200: 500}


def test_what_nginx_refuses_it_refuses_in_the_servers_words(behind):
    large = behind.http.post("/postTask", content=bytes(BODY_BYTES + 1))
    assert (large.status_code, large.json()["status"], large.json()["error"]) == (413, 1, "bad_request")
    strangers = behind.http.post("/postTask", content=b"{}".ljust(BODY_BYTES))
    assert strangers.json()["error"] == "token_required"
    for long in ({"X-Long": "a" * (8 << 10)}, {f"X-{number}": "a" * 1000 for number in range(9)}):
        head = behind.http.get("/healthz", headers=long)
        assert (head.status_code, head.json()["error"]) == (431, "bad_request")
    for path in ("/" + "a" * (8 << 10), "/healthz?a=" + "a" * (8 << 10)):
        address = behind.http.get(path)
        assert (address.status_code, address.json()["error"]) == (431, "bad_request")
    assert behind.http.get("/healthz", headers={"X-Long": "a" * (2 << 10)}).status_code == 200


class Silent:
    """A listener in the server's place, which answers nothing, and the nginx in front of it."""

    def __init__(self, stack: ExitStack, directory: Path, changes: dict[str, str]) -> None:
        self._stack = stack
        self._plain = free_port()
        self._listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        self._listener.settimeout(20)
        stack.enter_context(nginx(directory, self._listener.getsockname()[1], self._plain, changes))

    def send(self, sent: bytes) -> socket.socket:
        """Send to nginx over a line of its own."""
        address = ("127.0.0.1", self._plain)
        line = self._stack.enter_context(socket.create_connection(address, timeout=20))
        line.sendall(sent)
        return line

    def passed(self) -> bytes:
        """Return what nginx passes on over its next line."""
        return self._stack.enter_context(self._listener.accept()[0]).recv(4096)


@pytest.mark.parametrize(
    "changes",
    [{"connections 1000": "connections 2"}, {"rate=100r/s": "rate=1r/m", "burst=500": "burst=1"}],
    ids=["at once", "a minute"],
)
def test_an_address_has_so_many_requests_and_the_server_is_told_of_no_other_address(tmp_path, changes):
    with ExitStack() as stack:
        silent = Silent(stack, tmp_path, changes)
        for number in range(2):
            silent.send(b"GET / HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 203.0.113.%d\r\n\r\n" % number)
            assert b"\r\nX-Forwarded-For: 127.0.0.1\r\n" in silent.passed()
        third = silent.send(b"GET / HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 203.0.113.2\r\n\r\n")
        reply = HTTPResponse(third)
        reply.begin()
        assert (reply.status, reply.headers["Retry-After"]) == (429, "5")
        assert json.load(reply)["error"] == "too_many"


def test_the_server_gets_whole_bodies(tmp_path):
    with ExitStack() as stack:
        silent = Silent(stack, tmp_path, {"worker_processes auto": "worker_processes 1"})
        head = b"POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n"
        line = silent.send(head + b"{")
        assert line.recv(12) == b"HTTP/1.1 100"
        silent.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert silent.passed().startswith(b"GET")
        line.sendall(b"}")
        assert silent.passed().startswith(b"POST")


def test_who_sends_no_whole_head_is_cut_off(tmp_path):
    with ExitStack() as stack:
        silent = Silent(stack, tmp_path, {"client_header_timeout 10s": "client_header_timeout 100ms"})
        stack.enter_context(suppress(ConnectionResetError, BrokenPipeError))
        assert silent.send(b"GET / HTTP/1.1\r\nHost: x\r\n").recv(1) == b""


def test_without_the_server_nginx_says_so_and_whether_something_may_have_changed(tmp_path):
    plain = free_port()
    listens = {r"listen 127\.0\.0\.1:\d+;": f"listen 127.0.0.1:{plain};"}
    with nginx(tmp_path, free_port(), changes=listens) as port:
        moved = httpx.get(f"http://127.0.0.1:{plain}/?code=1", timeout=20)
        assert moved.headers["Location"] == "https://127.0.0.1/?code=1"
        http = httpx.Client(base_url=f"https://127.0.0.1:{port}", verify=UNCHECKED, timeout=20)
        read = http.get("/getTaskList")
        written = http.post("/postTask", json={})
        assert (read.status_code, read.json()["error"]) == (503, "unavailable")
        assert (written.status_code, written.json()["error"]) == (503, "outcome_unknown")
        http.close()
    assert "getTaskList" not in (tmp_path / "error.log").read_text()
