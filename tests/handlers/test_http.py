"""Requests that are refused before any parameter is read: bodies, addresses, methods, headers."""

import asyncio
from typing import ClassVar

import pytest

from support.open_pages import SHAKE
from support.replies import raw_request


@pytest.mark.parametrize("path", ["/ws", "/ops/feed"])
async def test_a_websockets_address_takes_no_body(client, settings, path):
    for method, headers in (("GET", SHAKE), ("GET", ""), ("POST", SHAKE), ("HEAD", ""), ("PROPFIND", "")):
        for length in ("Content-Length: 50000000", "Transfer-Encoding: chunked"):
            reader, writer = await asyncio.open_connection("127.0.0.1", settings.port)
            writer.write(f"{method} {path} HTTP/1.1\r\nHost: x\r\n{headers}{length}\r\n\r\n".encode())
            async with asyncio.timeout(5):  # it is refused before the body comes
                head = await reader.readuntil(b"\r\n\r\n")
            writer.close()
            assert head.split()[1] in (b"405", b"413", b"426"), (method, headers, length)
            assert b"Server:" not in head
    assert (await client.http.get("/healthz")).status_code == 200


async def test_an_origin_that_is_no_address_is_no_bug(client, settings):
    for path in ("/ws?unionid=a", "/ops/feed"):
        for origin in ("http://[", "http://[::1", "http://a]", "http://[x]"):
            request = f"GET {path} HTTP/1.1\r\nHost: x\r\n{SHAKE}Origin: {origin}\r\n\r\n"
            status, reply = await raw_request(settings, request.encode())
            assert (status, reply["error"]) == (426, "bad_request"), origin


async def test_a_request_to_no_interface_is_refused_in_json_too(client, settings):
    paths = [
        "/", "/nowhere", "/getTaskList/", "/GETTASKLIST", "/files/", "/files/%ff", "/files/..%2fhandlers",
    ]  # fmt: skip
    paths += ["/files/../../etc/passwd", "/files/%2e%2e/%2e%2e/etc/passwd", "/files/a\\..\\b", "//etc/passwd"]
    for path in paths:
        for method in ("GET", "POST"):
            if (method, path) == ("GET", "/"):  # the page
                continue
            request = f"{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"
            status, reply = await raw_request(settings, request.encode())
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
