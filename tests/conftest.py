"""What tests stand on: real stores, a real server in this loop, and people who log in through the sandbox.

The stores are the embedded ones, or those of MONGODB_URI and REDIS_URL where they are set; each test has a
database of its own.
"""

from __future__ import annotations

import asyncio
import io
import os
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import httpx
import msgspec
import pytest
from PIL import Image
from tornado.httpserver import HTTPServer
from tornado.testing import bind_unused_port
from tornado.web import Application

from server.app import make_app
from server.context import Context
from server.running.stores import EmbeddedMongoDB, EmbeddedRedis
from server.settings import Settings, read_settings
from server.store import Store
from server.store.sandbox.keys import SandboxKeyPairs
from server.wechat.pay.merchant import make_key_pairs


@pytest.fixture(scope="session")
def mongodb_uri(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A MongoDB for the whole run."""
    given = os.environ.get("MONGODB_URI")
    if given:
        yield given
        return
    store = EmbeddedMongoDB(tmp_path_factory.mktemp("mongodb"))
    store.start()
    yield store.uri
    store.kill()  # there is nothing to keep


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Redis for the whole run."""
    given = os.environ.get("REDIS_URL")
    if given:
        yield given
        return
    store = EmbeddedRedis(tmp_path_factory.mktemp("redis"))
    store.start()
    yield store.uri
    store.kill()  # there is nothing to keep


@pytest.fixture
def _unused_port() -> Iterator[tuple[Any, int]]:
    """Replace pytest-tornado's, which leaves the socket open where a test starts no server."""
    sock, port = bind_unused_port()
    yield sock, port
    sock.close()


@pytest.fixture
def environment() -> dict[str, str]:
    """Settings a test module or class overrides by a fixture of the same name."""
    return {}


@pytest.fixture
def settings(
    mongodb_uri: str,
    redis_url: str,
    environment: dict[str, str],
    tmp_path: Any,
    _unused_port: tuple[Any, int],
) -> Settings:
    """Settings with a database of the test's own."""
    parts = urlsplit(mongodb_uri)
    own_uri = urlunsplit(parts._replace(path=f"/test_{secrets.token_hex(6)}"))
    values = {
        "MONGODB_URI": own_uri,
        "REDIS_URL": redis_url,
        "DATA_DIR": str(tmp_path / "data"),
        "PORT": str(_unused_port[1]),
        "SECRET_KEY": "a secret that only the tests know, 32+",
    }
    return read_settings(values | environment)


@pytest.fixture(scope="session")
def key_pairs() -> SandboxKeyPairs:
    """What the stand-in signs with, for all tests: making such keys takes longer than most of them."""
    return make_key_pairs()


@pytest.fixture
def context(io_loop: Any, settings: Settings, key_pairs: SandboxKeyPairs) -> Iterator[Context]:
    """An open context. Its database is dropped afterwards where it would stay; that takes seconds."""

    async def open_with_keys() -> Context:
        store = Store(settings.mongodb_uri)
        await store.sandbox_keys.add(key_pairs)
        store.close()
        return await Context.open(settings)

    opened = io_loop.run_sync(open_with_keys)
    yield opened

    async def close() -> None:
        if "MONGODB_URI" in os.environ:
            await opened.store.client.drop_database(opened.store.database.name)
        await opened.close()

    io_loop.run_sync(close)


@pytest.fixture
def app(context: Context) -> Application:
    """The application that pytest-tornado's `http_server` serves."""
    return make_app(context)


@dataclass
class Someone:
    """A person with a client: what a mini-program holds after its login."""

    client: Client
    unionid: str
    token: str
    data: dict[str, Any]
    send_token: bool = True

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"} if self.send_token else {}

    async def get(self, path: str, **parameters: Any) -> dict[str, Any]:
        """GET an interface as this person."""
        return await self.client.get(path, headers=self._headers(), unionid=self.unionid, **parameters)

    async def post(self, path: str, **parameters: Any) -> dict[str, Any]:
        """POST JSON to an interface as this person."""
        return await self.client.post(path, headers=self._headers(), unionid=self.unionid, **parameters)

    async def upload(self, data: bytes, name: str = "picture.jpg") -> dict[str, Any]:
        """Upload a file as this person."""
        found = await self.client.http.post(
            "/uploadFile",
            files={"file": (name, data)},
            data={"unionid": self.unionid},
            headers=self._headers(),
        )
        reply: dict[str, Any] = found.json()
        return reply

    async def publish(self, **parameters: Any) -> str:
        """Publish goods with a picture of one's own; return the code."""
        url = (await self.upload(a_picture()))["url"]
        asked = {
            "goods_type": 2,
            "url": url,
            "name": "一只猫",
            "prize_num": 1,
            "forecast_num": 10,
            "draw_type": 2,
            "cd": 0,
        }
        reply = await self.post("/postTask", **(asked | parameters))
        assert reply["status"] == 0, reply
        return str(reply["code"])

    async def dig(self, code: str, **parameters: Any) -> dict[str, Any]:
        """Dig."""
        return await self.post("/postTask", code=code, **parameters)


@dataclass
class Client:
    """A client of the server under test. Every reply of an interface is checked to be an envelope."""

    http: httpx.AsyncClient
    people: dict[str, Someone] = field(default_factory=dict)

    async def get(
        self, path: str, headers: dict[str, str] | None = None, **parameters: Any
    ) -> dict[str, Any]:
        """GET an interface."""
        return _envelope(await self.http.get(path, params=parameters, headers=headers))

    async def post(
        self, path: str, headers: dict[str, str] | None = None, **parameters: Any
    ) -> dict[str, Any]:
        """POST JSON to an interface."""
        return _envelope(await self.http.post(path, json=parameters, headers=headers))

    async def log_in(self, user: str, **authorize: Any) -> Someone:
        """Log a person in through the sandbox."""
        given = (await self.http.get("/sandbox/authorize", params={"user": user, **authorize})).json()
        reply = await self.get(
            "/userLogin", code=given["code"], iv=given["iv"], encryptedData=given["encryptedData"]
        )
        assert reply["status"] == 0, reply
        data = reply["data"]
        self.people[user] = Someone(self, data["unionid"], data["token"], data)
        return self.people[user]

    async def log_in_all(self, *users: str) -> list[Someone]:
        """Log several people in at once."""
        return list(await asyncio.gather(*(self.log_in(user) for user in users)))


def _envelope(response: httpx.Response) -> dict[str, Any]:
    assert response.headers["Content-Type"].startswith("application/json")
    reply: dict[str, Any] = msgspec.json.decode(response.content)
    if reply["status"] == 0:
        assert reply["msg"] == ""
        assert response.status_code == 200
    else:
        assert reply["msg"]
        assert reply["error"]
        assert reply["trace_id"]
    return reply


@pytest.fixture
def client(io_loop: Any, http_server: HTTPServer, settings: Settings) -> Iterator[Client]:
    """A client of the running server."""
    http = httpx.AsyncClient(
        base_url=f"http://127.0.0.1:{settings.port}", timeout=20, limits=httpx.Limits(max_connections=300)
    )
    yield Client(http)
    io_loop.run_sync(http.aclose)


def a_picture(width: int = 64, height: int = 48, colour: str = "orange", kind: str = "JPEG") -> bytes:
    """Return a small picture."""
    buffer = io.BytesIO()
    Image.new("RGB", (width, height), colour).save(buffer, kind)
    return buffer.getvalue()
