"""People who log in through the sandbox and call interfaces, in the loop of the server under test."""

from __future__ import annotations

import asyncio
import io
from dataclasses import dataclass, field
from typing import Any

import httpx
import msgspec
from PIL import Image

from support.declared import check_reply
from support.login import a_ticket


def a_rare_prize(cooldown_seconds: int) -> int:
    """Return a forecast so deep that a few digs do not win by chance, but that can be dug within 30 days."""
    return min(100_000, 30 * 86_400 // max(cooldown_seconds, 1))


async def admit(person: Any) -> Any:
    """Let everybody dig."""
    return person


@dataclass
class Someone:
    """A person with a client, and what a mini-program has after the login."""

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

    async def fetch(self, path: str, **parameters: Any) -> httpx.Response:
        """GET an interface as this person; return the response unchecked."""
        asked = {"unionid": self.unionid, **parameters}
        return await self.client.http.get(path, params=asked, headers=self._headers())

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

    async def draft(self, **parameters: Any) -> dict[str, Any]:
        """Upload a picture; return the parameters that publish goods with it."""
        asked = {
            "goods_type": 2,
            "url": (await self.upload(a_picture()))["url"],
            "name": "一只猫",
            "prize_num": 1,
            "forecast_num": a_rare_prize(parameters.get("cd", 0)),
            "draw_type": 2,
            "cd": 0,
        }
        return asked | parameters

    async def publish(self, **parameters: Any) -> str:
        """Publish goods with your picture; return the code."""
        reply = await self.post("/postTask", **await self.draft(**parameters))
        assert reply["status"] == 0, reply
        return str(reply["code"])

    async def lock(self) -> None:
        """Lock the account by a claim, though there is no prize. From now on the bare id is refused."""
        await self.post("/drawPrize", code="A" * 12)

    async def dig(self, code: str, **parameters: Any) -> dict[str, Any]:
        return await self.post("/postTask", code=code, **parameters)


@dataclass
class Client:
    """A client of the server under test. Checks that each reply is an envelope and is as declared.

    `nickname` is the name that WeChat gives for everybody. With None, each person has a name of their own.
    """

    http: httpx.AsyncClient
    people: dict[str, Someone] = field(default_factory=dict)
    nickname: str | None = None

    async def get(
        self, path: str, headers: dict[str, str] | None = None, **parameters: Any
    ) -> dict[str, Any]:
        """GET an interface."""
        return _envelope(path, await self.http.get(path, params=parameters, headers=headers))

    async def post(
        self, path: str, headers: dict[str, str] | None = None, **parameters: Any
    ) -> dict[str, Any]:
        """POST JSON to an interface."""
        return _envelope(path, await self.http.post(path, json=parameters, headers=headers))

    async def log_in(self, user: str, **authorize: Any) -> Someone:
        """Log a person in through the sandbox."""
        if self.nickname is not None:
            authorize.setdefault("nickname", self.nickname)
        reply = await self.get("/userLogin", **await a_ticket(self.http, user=user, **authorize))
        assert reply["status"] == 0, reply
        data = reply["data"]
        self.people[user] = Someone(self, data["unionid"], data["token"], data)
        return self.people[user]

    async def log_in_all(self, *users: str) -> list[Someone]:
        """Log several people in at once."""
        return list(await asyncio.gather(*(self.log_in(user) for user in users)))


def _envelope(path: str, response: httpx.Response) -> dict[str, Any]:
    assert response.headers["Content-Type"].startswith("application/json")
    reply: dict[str, Any] = msgspec.json.decode(response.content)
    if reply["status"] == 0:
        assert reply["msg"] == ""
        assert response.status_code == 200
    else:
        assert reply["msg"]
        assert reply["error"]
        assert reply["trace_id"]
    check_reply(path, reply)
    return reply


def a_picture(width: int = 64, height: int = 48, colour: str = "orange", kind: str = "JPEG") -> bytes:
    """Return a small picture."""
    buffer = io.BytesIO()
    Image.new("RGB", (width, height), colour).save(buffer, kind)
    return buffer.getvalue()
