"""An operator's login, the guesses of strangers, and the feed."""

from __future__ import annotations

import httpx
from tornado.httpclient import HTTPRequest
from tornado.websocket import WebSocketClientConnection, websocket_connect

from server.settings import Settings
from support.client import Client


async def operator(client: Client) -> httpx.AsyncClient:
    """Log the client in as an operator; return its HTTP client, which holds the cookie."""
    reply = await client.post("/ops/login", name="管理员", token="open sesame")
    assert reply["status"] == 0
    return client.http


async def guess(client: Client, address: str, token: str = "a guess") -> str:  # noqa: S107
    """Try to log in from an address behind a proxy; return the error, "" if there is none."""
    headers = {"X-Forwarded-For": f"203.0.113.9, {address}"}
    return str((await client.post("/ops/login", headers, name="x", token=token)).get("error", ""))


async def open_feed(http: httpx.AsyncClient, settings: Settings) -> WebSocketClientConnection:
    cookie = "; ".join(f"{name}={value}" for name, value in http.cookies.items())
    origin = f"http://127.0.0.1:{settings.port}"
    request = HTTPRequest(
        f"ws://127.0.0.1:{settings.port}/ops/feed", headers={"Cookie": cookie, "Origin": origin}
    )
    return await websocket_connect(request)
