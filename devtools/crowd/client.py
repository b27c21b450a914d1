"""The server over HTTP: logging in through its sandbox, and calling its interfaces."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

import httpx
import msgspec
from tornado.httpclient import HTTPClientError, HTTPRequest
from tornado.websocket import WebSocketError, websocket_connect

from devtools.crowd.tally import Tally
from server.settings import SANDBOX_APPID

REQUEST_SECONDS = 15
CONNECTIONS = 200
SHOWN_BYTES = 100

Reply = dict[str, Any]


class NoCrowd(Exception):
    """No server answers, or it has no sandbox. The message is one line."""


class Unanswered(Exception):
    """A request got no usable answer. The caller may ask again."""


@dataclass(frozen=True, slots=True)
class Login:
    """A person who has logged in."""

    unionid: str
    token: str

    @property
    def headers(self) -> dict[str, str]:
        """The headers that prove to an interface who the person is."""
        return {"Authorization": f"Bearer {self.token}"}


class Client:
    """A client of one server. Use it as an asynchronous context manager."""

    def __init__(self, url: str, tally: Tally) -> None:
        self.url = url.rstrip("/")
        if urlsplit(self.url).scheme not in ("http", "https") or not urlsplit(self.url).netloc:
            raise NoCrowd(f"{url} is no address: --url must begin with http:// or https://")
        self.socket_url = f"ws{self.url.removeprefix('http')}/ws"
        self._tally = tally
        # Tornado's websockets ignore a proxy that the environment names, so requests must ignore it too.
        self._http = httpx.AsyncClient(
            base_url=self.url,
            timeout=httpx.Timeout(REQUEST_SECONDS),
            limits=httpx.Limits(max_connections=CONNECTIONS, max_keepalive_connections=CONNECTIONS),
            trust_env=False,
        )

    async def __aenter__(self) -> Client:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.aclose()

    async def check(self) -> None:
        """Raise NoCrowd if nobody could log in."""
        try:
            found = await self._http.get("/sandbox/authorize", params={"user": "crowd"})
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise NoCrowd(
                f"no server answers at {self.url} ({type(error).__name__}): start one with `python -m server`"
            ) from None
        if found.status_code != 200 or b"encryptedData" not in found.content:
            raise NoCrowd(
                f"the server at {self.url} has no WeChat sandbox, and a crowd can log in nowhere else: "
                "a server has one if WECHAT_APPID is not set"
            )

    async def log_in(self, user: str, nickname: str) -> Login:
        """Log somebody in as a mini-program would. Raises Unanswered."""
        given = await self._ask("GET", "/sandbox/authorize", params={"user": user, "nickname": nickname})
        login = {name: given.get(name, "") for name in ("code", "iv", "encryptedData")}
        reply = await self._ask("GET", "/userLogin", params=login)
        if reply.get("status") != 0:
            self._tally.failures[str(reply.get("error"))] += 1
            raise Unanswered
        return Login(reply["data"]["unionid"], reply["data"]["token"])

    async def get(self, path: str, login: Login, **parameters: Any) -> Reply:
        """GET an interface as this person. The reply may be a refusal. Raises Unanswered."""
        asked = {"unionid": login.unionid, **parameters}
        return await self._ask("GET", path, params=asked, headers=login.headers)

    async def post(self, path: str, login: Login, **parameters: Any) -> Reply:
        """POST to an interface as this person. The reply may be a refusal. Raises Unanswered."""
        return (await self.post_timed(path, login, **parameters))[0]

    async def post_timed(self, path: str, login: Login, **parameters: Any) -> tuple[Reply, float]:
        """Do what `post` does, and return the reply with the monotonic time at which the request was
        written."""
        asked = {"unionid": login.unionid, **parameters}
        return await self._ask_timed("POST", path, json=asked, headers=login.headers)

    async def upload(self, login: Login, picture: bytes) -> Reply:
        """Upload a WebP as this person. The reply may be a refusal. Raises Unanswered."""
        return await self._ask(
            "POST",
            "/uploadFile",
            files={"file": ("treasure.webp", picture)},
            data={"unionid": login.unionid},
            headers=login.headers,
        )

    async def pay(self, order: Reply) -> None:
        """Pay what `payTask` ordered, as `wx.requestPayment` would. Raises Unanswered."""
        names = ("package", "timeStamp", "nonceStr", "signType", "paySign")
        asked = {"appId": SANDBOX_APPID, **{name: order[name] for name in names}}
        await self._ask("POST", "/sandbox/pay", json=asked)

    async def boards(self, token: str) -> AsyncIterator[list[Reply]]:
        """Yield the tasks that matter now, every two seconds, as an operator with this token sees them: what
        is watched most, and what was dug last. Raises Unanswered."""
        reply = await self._ask("POST", "/ops/login", json={"name": "crowd", "token": token})
        if reply.get("status") != 0:
            self._tally.failures[f"ops/login {reply.get('error')}"] += 1
            raise Unanswered
        cookie = "; ".join(f"{name}={value}" for name, value in self._http.cookies.items())
        headers = {"Cookie": cookie, "Origin": self.url}
        try:
            feed = await websocket_connect(
                HTTPRequest(f"ws{self.url.removeprefix('http')}/ops/feed", headers=headers)
            )
        except (OSError, HTTPClientError, WebSocketError) as error:
            raise Unanswered from error
        try:
            while (message := await feed.read_message()) is not None:
                frame = msgspec.json.decode(message, type=Reply)
                if frame["type"] == "board":
                    yield frame["tasks"]
        finally:
            feed.close()

    async def _ask(self, method: str, path: str, **request: Any) -> Reply:
        return (await self._ask_timed(method, path, **request))[0]

    async def _ask_timed(self, method: str, path: str, **request: Any) -> tuple[Reply, float]:
        asked_at = written_at = time.monotonic()

        async def trace(event: str, _: Any) -> None:
            nonlocal written_at
            if event.endswith(".send_request_body.complete"):
                written_at = time.monotonic()

        try:
            found = await self._http.request(method, path, extensions={"trace": trace}, **request)
        except httpx.HTTPError as error:
            self._tally.failures[type(error).__name__] += 1
            raise Unanswered from error
        try:
            reply = msgspec.json.decode(found.content, type=dict[str, Any])
        except msgspec.MsgspecError:
            reply = {"error": f"a body that is no JSON object: {found.content[:SHOWN_BYTES]!r}"}
        self._tally.unwritten.add(written_at - asked_at)
        if found.status_code == 200:
            return reply, written_at
        self._tally.failures[f"{found.status_code} {reply.get('error', '')}"] += 1
        if found.status_code == 500:
            self._tally.violations[f"{path} replied 500, {reply.get('error')}"] += 1
        raise Unanswered
