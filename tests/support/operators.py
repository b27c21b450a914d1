"""An operator's login, the guesses of strangers, and the feed."""

import asyncio
import json
import socket
from typing import Any

import httpx
from tornado.httpclient import HTTPRequest
from tornado.websocket import WebSocketClientConnection, websocket_connect

from server.settings import Settings
from support.client import Client


async def operator(client: Client) -> httpx.AsyncClient:
    """Log the client in by the shared token; return its HTTP client, which holds the cookie."""
    [token] = [each.token for each in client.context.operators if not each.name]
    reply = await client.post("/ops/login", name="管理员", token=token)
    assert reply["status"] == 0
    return client.http


async def hide(client: Client, code: str, hidden: int, reason: str = "违法") -> None:
    """Let an operator who is logged in hide a task, or show it again."""
    reply = await client.post("/ops/hide", code=code, hidden=hidden, reason=reason)
    assert reply["status"] == 0, reply


async def decide(
    client: Client, path: str, code: str, what: str = "task", depth: int = 0, reason: str = "查一查"
) -> dict[str, Any]:
    """Freeze, release or return something as an operator who is logged in; return the reply."""
    return await client.post(f"/ops/{path}", code=code, what=what, depth=depth, reason=reason)


async def guess(client: Client, address: str, token: str = "a guess") -> str:  # noqa: S107
    """Try to log in from an address behind a proxy; return the error, "" if there is none."""
    headers = {"X-Forwarded-For": f"203.0.113.9, {address}"}
    return str((await client.post("/ops/login", headers, name="x", token=token)).get("error", ""))


def _cookie(http: httpx.AsyncClient) -> str:
    return "; ".join(f"{name}={value}" for name, value in http.cookies.items())


async def open_feed(http: httpx.AsyncClient, settings: Settings) -> WebSocketClientConnection:
    origin = f"http://127.0.0.1:{settings.port}"
    request = HTTPRequest(
        f"ws://127.0.0.1:{settings.port}/ops/feed", headers={"Cookie": _cookie(http), "Origin": origin}
    )
    return await websocket_connect(request)


async def begin_and_hang_up(http: httpx.AsyncClient, settings: Settings, path: str, **asked: str) -> None:
    """Ask for a table, take its first bytes, and close the connection."""
    body = json.dumps(asked).encode()
    with socket.socket() as slow:
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(slow, ("127.0.0.1", settings.port))
        head = f"POST {path} HTTP/1.1\r\nHost: x\r\nCookie: {_cookie(http)}\r\n"
        head += f"Content-Length: {len(body)}\r\n\r\n"
        await loop.sock_sendall(slow, head.encode() + body)
        assert (await loop.sock_recv(slow, 4096)).startswith(b"HTTP/1.1 200")
