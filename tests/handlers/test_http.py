"""Requests that are refused before any parameter is read: bodies, addresses, methods, headers."""

import asyncio
from typing import Any, ClassVar

import pytest

from devtools.sandbox.base import SandboxHandler
from handlers.base import BODY_BYTES, uploads_of
from server.app import make_app
from server.pictures.uploads import LARGEST_BYTES
from support.open_pages import SHAKE
from support.replies import raw_reply, refusal_of
from support.stored import everything


async def test_a_body_above_the_limit_is_refused_in_json_however_it_is_sent(client, settings, context):
    before = await everything(context)
    too_long = BODY_BYTES + 1

    async def parts() -> Any:
        for _ in range(too_long // 65536 + 2):
            yield bytes(65536)

    responses = [
        await client.http.post("/postTask", content=bytes(too_long)),
        await client.http.post("/postTask", content=parts()),
        await client.http.post("/getTaskList", content=bytes(20 * too_long)),
        await client.http.post("/nowhere", content=bytes(20 * too_long)),
        await client.http.put("/postTask", content=bytes(too_long)),
    ]
    for response in responses:
        assert response.status_code == 413
        assert response.json()["error"] == "bad_request"
        assert response.json()["msg"] == "请求的内容太大，应在 128 KB 以内"
    exactly = await client.http.post("/postTask", content=b"{}" + b" " * (BODY_BYTES - 2))
    assert refusal_of(exactly)["msg"] == "请选一个宝贝来挖，或选“埋什么”来发布，只能二选一"
    # A client that waits for a reply in the middle of its body gets a reply.
    for head, body in (
        (f"Content-Length: {1 << 50}", b"x"),
        ("Transfer-Encoding: chunked", b"%x\r\n" % too_long + bytes(too_long)),
    ):
        reader, writer = await asyncio.open_connection("127.0.0.1", settings.port)
        writer.write(f"POST /postTask HTTP/1.1\r\nHost: x\r\n{head}\r\n\r\n".encode() + body)
        status, reply = await raw_reply(reader)
        assert (status, reply["status"], reply["error"]) == (413, 1, "bad_request")
        writer.write(b"and more")
        writer.close()
    assert await everything(context) == before


@pytest.mark.parametrize("path", ["/ws", "/ops/feed"])
async def test_a_websockets_address_takes_no_body(client, settings, path):
    for method, headers in (("GET", SHAKE), ("GET", ""), ("POST", SHAKE), ("HEAD", ""), ("PROPFIND", "")):
        for length in ("Content-Length: 50000000", "Transfer-Encoding: chunked"):
            reader, writer = await asyncio.open_connection("127.0.0.1", settings.port)
            writer.write(f"{method} {path} HTTP/1.1\r\nHost: x\r\n{headers}{length}\r\n\r\n".encode())
            async with asyncio.timeout(5):  # it is refused before the body comes
                head = await reader.readuntil(b"\r\n\r\n")
            writer.close()
            assert head.startswith(b"HTTP/1.1 426 "), (method, headers, length)
            assert b"Server:" not in head
    assert (await client.http.get("/healthz")).status_code == 200


async def test_an_origin_that_is_no_address_is_no_bug(client, settings):
    for path in ("/ws?unionid=a", "/ops/feed"):
        for origin in ("http://[", "http://[::1", "http://a]", "http://[x]"):
            reader, writer = await asyncio.open_connection("127.0.0.1", settings.port)
            writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\n{SHAKE}Origin: {origin}\r\n\r\n".encode())
            status, reply = await raw_reply(reader)
            writer.close()
            assert (status, reply["error"]) == (426, "bad_request"), origin


def test_no_address_collects_a_body_before_it_is_known_who_sends_it(context):
    """Tornado would keep up to 100 MB of each body, even a stranger's. Only the sandbox's handlers let it."""
    app = make_app(context)
    routes = [*app.interfaces.values(), *(rule.target for rule in app.wildcard_router.rules)]
    collecting = {target for target in routes if not target._stream_request_body}
    assert {target for target in collecting if not issubclass(target, SandboxHandler)} == set()


async def test_a_request_to_no_interface_is_refused_in_json_too(client, settings):
    paths = [
        "/", "/nowhere", "/getTaskList/", "/GETTASKLIST", "/files/", "/files/%ff", "/files/..%2fhandlers",
    ]  # fmt: skip
    paths += ["/files/../../etc/passwd", "/files/%2e%2e/%2e%2e/etc/passwd", "/files/a\\..\\b", "//etc/passwd"]
    for path in paths:
        for method in ("GET", "POST"):
            reader, writer = await asyncio.open_connection("127.0.0.1", settings.port)
            writer.write(f"{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n".encode())
            if path == "/" and method == "GET":
                writer.close()
                continue
            status, reply = await raw_reply(reader)
            writer.close()
            assert status in (404, 405), (method, path)
            assert (reply["status"], reply["error"]) == (1, "bad_request")
            assert reply["msg"]
            assert reply["trace_id"]
    for method, path, allowed in [
        ("POST", "/getTaskList", "GET"),
        ("GET", "/postTask", "POST"),
        ("PUT", "/postTask", "POST"),
        ("DELETE", "/getMyInfo", "GET"),
        ("OPTIONS", "/postTask", "POST"),
        ("PATCH", "/userLogin", "GET"),
        ("PROPFIND", "/getTaskList", "GET"),
        ("POST", "/healthz", "GET"),
    ]:
        response = await client.http.request(method, path)
        assert (response.status_code, response.headers["Allow"]) == (405, allowed)
        assert response.json()["msg"] == "这个接口不支持这种请求方式，请检查是 GET 还是 POST"
    head = await client.http.head("/getTaskList")
    assert (head.status_code, head.content) == (405, b"")
    assert head.headers["Content-Type"].startswith("application/json")


async def test_a_reply_is_whole_whatever_headers_the_client_sends(client, alice):
    headers = {"Authorization": f"Bearer {alice.token}", "If-None-Match": "*", "Range": "bytes=0-1"}
    headers |= {"Accept": "text/html", "X-Http-Method-Override": "POST"}
    for path in ("/getMyInfo", "/healthz"):
        response = await client.http.get(path, params={"unionid": alice.unionid}, headers=headers)
        assert response.status_code == 200
        assert isinstance(response.json(), dict)
        assert "Etag" not in response.headers


async def test_without_https_browsers_are_not_told_to_use_it(client):
    assert "Strict-Transport-Security" not in (await client.http.get("/healthz")).headers


class TestUnderHttps:
    """Behind a proxy that speaks https to clients."""

    ENVIRONMENT: ClassVar = {"PUBLIC_URL": "https://wabao.example.com"}

    async def test_browsers_are_told_to_use_https_only(self, client):
        paths = ["/", "/ops", "/healthz", "/nowhere", "/getTaskList", "/miniProgramCode", "/ws", "/ops/feed"]
        for path in paths:
            headers = (await client.http.get(path)).headers
            assert headers["Strict-Transport-Security"] == "max-age=31536000", path


class TestStrangersBodies:
    """Bodies of senders who are not known yet, in a process that may hold 16 MB."""

    ENVIRONMENT: ClassVar = {"UPLOAD_MEMORY_MB": "16"}

    async def test_bodies_of_strangers_leave_room_for_uploads(self, client, settings, context):
        head = f"POST /getTaskList HTTP/1.1\r\nHost: a\r\nContent-Length: {BODY_BYTES}\r\n\r\n".encode()
        strangers = [await asyncio.open_connection("127.0.0.1", settings.port) for _ in range(40)]
        for _, writer in strangers:
            writer.write(head + bytes(BODY_BYTES - 1))
        async with asyncio.timeout(10):
            while True:  # until the server has read the bodies of all strangers
                refused = await client.http.post("/getTaskList", content=bytes(BODY_BYTES))
                if refused.status_code != 405:
                    break
        assert (refused.status_code, refused.json()["error"]) == (429, "too_many")
        uploads_of(context).begin("somebody", LARGEST_BYTES).close()  # strangers take at most a quarter
        for _, writer in strangers:
            writer.transport.abort()
            await asyncio.wait([asyncio.ensure_future(writer.wait_closed())])
        async with asyncio.timeout(10):
            while uploads_of(context).held_bytes:  # noqa: ASYNC110
                await asyncio.sleep(0)
        answered = await client.http.post("/getTaskList", content=bytes(BODY_BYTES))
        assert answered.json()["error"] == "bad_request"
