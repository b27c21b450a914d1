"""`deploy/nginx.conf`, by a real nginx: it reads the file, and people play through it."""

import asyncio
import json
import socket
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tornado.httpclient import HTTPRequest
from tornado.websocket import websocket_connect

from bench.parts.nginx import FOUND, nginx, write_conf
from handlers.bodies import BODY_BYTES, LARGEST_BYTES
from server.running.port import HEAD_BYTES, IDLE_SECONDS
from server.running.stores import free_port
from support.browser import Person
from support.client import a_picture
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
    environment = {"TRUSTED_PROXIES": "127.0.0.1", "NEW_SOCKETS_AN_ADDRESS": "0", "REQUIRE_TOKEN": "1"}
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
    assert HEAD_BYTES > (4 + 3) << 10
    assert IDLE_SECONDS > 60


async def test_a_dig_and_a_websocket_go_through_nginx_and_the_server_knows_no_other_address(behind):
    alice, bob = (Person.log_in(behind.server.address, user) for user in ("alice", "bob"))
    code = alice.publish(a_picture(), cd=1)
    page = await websocket_connect(
        HTTPRequest(
            f"wss://127.0.0.1:{behind.port}/ws?code={code}",
            headers={"Authorization": f"Bearer {bob.token}"},
            validate_cert=False,
        )
    )
    frames: list[dict[str, Any]] = [json.loads(await page.read_message() or "{}")]
    headers = {"Authorization": f"Bearer {bob.token}", "X-Forwarded-For": "203.0.113.9"}
    body = {"unionid": bob.unionid, "code": code}
    dug = await asyncio.to_thread(behind.http.post, "/postTask", json=body, headers=headers)
    assert (dug.json()["status"], dug.json()["now_depth"]) == (0, 1)
    async with asyncio.timeout(20):
        while frames[-1]["type"] != "join":
            frames.append(json.loads(await page.read_message() or "{}"))
    assert frames[0]["type"] == "snapshot"
    page.close()
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


def test_what_nginx_refuses_it_refuses_in_the_servers_words(behind):
    large = behind.http.post("/postTask", content=bytes(BODY_BYTES + 1))
    assert (large.status_code, large.json()["status"], large.json()["error"]) == (413, 1, "bad_request")
    strangers = behind.http.post("/postTask", content=b"{}".ljust(BODY_BYTES))
    assert strangers.json()["error"] == "token_required"
    for long in ({"X-Long": "a" * (8 << 10)}, {f"X-{number}": "a" * 1000 for number in range(9)}):
        head = behind.http.get("/healthz", headers=long)
        assert (head.status_code, head.json()["error"]) == (431, "bad_request")
    assert behind.http.get("/healthz", headers={"X-Long": "a" * (2 << 10)}).status_code == 200
    crowded = [behind.http.get("/healthz") for _ in range(400)]
    assert {reply.status_code for reply in crowded} <= {200, 429}
    for refused in (reply for reply in crowded if reply.status_code == 429):
        assert (refused.json()["error"], refused.headers["Retry-After"]) == ("too_many", "5")


def test_without_the_server_nginx_says_so_and_whether_something_may_have_changed(tmp_path):
    with nginx(tmp_path, free_port()) as port:
        http = httpx.Client(base_url=f"https://127.0.0.1:{port}", verify=UNCHECKED, timeout=20)
        read = http.get("/getTaskList")
        written = http.post("/postTask", json={})
        assert (read.status_code, read.json()["error"]) == (503, "unavailable")
        assert (written.status_code, written.json()["error"]) == (503, "outcome_unknown")
        http.close()
