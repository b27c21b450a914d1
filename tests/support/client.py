"""People who log in through the sandbox and call interfaces, in the loop of the server under test."""

from __future__ import annotations

import asyncio
import io
from dataclasses import dataclass, field
from typing import Any

import httpx
import msgspec
from PIL import Image

from server.context import Context
from support.counting import count_now
from support.declared import check_reply
from support.login import a_ticket, known_as, person_id_of


def a_rare_prize(cooldown_seconds: int) -> int:
    """Return a forecast so deep that a few digs do not win by chance, but that can be dug within 30 days."""
    return min(100_000, 30 * 86_400 // max(cooldown_seconds, 1))


async def rest(context: Context) -> None:
    """Wait until a process has no work left in the background, including work that such work begins."""
    while context.background.busy:
        await context.background.finish()


def goods(picture: str, /, **parameters: Any) -> dict[str, Any]:
    """Return the parameters that publish goods with a picture."""
    rare = {"prize_num": 1, "forecast_num": a_rare_prize(parameters.get("cd", 0)), "cd": 0}
    return {"goods_type": 2, "url": picture, "name": "一只猫", "draw_type": 2, **rare, **parameters}


ADDRESS = {"receiver": "王小红", "phone": "13800001111", "address": "杭州市西湖区文三路 90 号"}


@dataclass
class Someone:
    """A person with a client, and with the id, the token and the data that a login returns.

    `picture` is the address of the picture with which they publish.
    """

    client: Client
    unionid: str
    token: str
    data: dict[str, Any]
    send_token: bool = True
    picture: str = ""

    @property
    def id(self) -> str:
        """The person's id in the database. A Someone without a token has none."""
        return person_id_of(self.token)

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
        """Return the parameters that publish goods with your picture, which is uploaded the first time."""
        if not self.picture:
            self.picture = str((await self.upload(a_picture()))["url"])
        return goods(self.picture, **parameters)

    async def publish(self, **parameters: Any) -> str:
        """Publish goods with your picture; return the code."""
        reply = await self.post("/postTask", **await self.draft(**parameters))
        assert reply["status"] == 0, reply
        return str(reply["code"])

    async def halves(self, nonce: str = "ab" * 16) -> dict[str, str]:
        """Return the parameters that draw a publication together: a new half of the server, and a nonce."""
        reply = await self.get("/commitment")
        assert reply["status"] == 0, reply
        return {"sealed_seed": reply["sealed_seed"], "nonce": nonce}

    async def lock(self) -> None:
        """Call drawPrize with the token, though without a prize: from then on the bare id is refused."""
        await self.post("/drawPrize", code="A" * 12)

    async def dig(self, code: str, **parameters: Any) -> dict[str, Any]:
        return await self.post("/postTask", code=code, **parameters)

    async def win(self, code: str) -> None:
        """Dig, and win."""
        reply = await self.dig(code)
        assert reply["status"] == 0, reply
        assert reply["is_prize"] == 1
        await self.client.rest()

    async def won_goods(self, *winners: Someone, prizes: int = 0, **parameters: Any) -> str:
        """Publish goods with this many prizes, by default one for each winner, and let them win."""
        number = prizes or len(winners)
        several = {"interval": 1, "fluctuation": 0} if number > 1 else {}
        code = await self.publish(prize_num=number, forecast_num=number, **several, **parameters)
        for winner in winners:
            await winner.win(code)
        return code

    async def claim(self, code: str, **where: Any) -> dict[str, Any]:
        return await self.post("/drawPrize", code=code, **where)

    async def take(self, code: str) -> None:
        """Claim a red packet, and take its money in WeChat."""
        reply = await self.claim(code)
        assert reply["status"] == 0, reply
        assert (await self.client.confirm(reply["package_info"])).endswith(":ok")

    async def publish_packet(self, prizes: int = 1, **parameters: Any) -> str:
        """Publish a red packet in which each dig wins a prize of 2 yuan; return its code."""
        asked = {"goods_type": 1, "name": "一个红包", "money": 2, "cd": 0}
        asked |= {"prize_num": prizes, "forecast_num": prizes}
        asked |= {"interval": 1, "fluctuation": 0} if prizes > 1 else {}
        reply = await self.post("/postTask", **(asked | parameters))
        assert reply["status"] == 0, reply
        return str(reply["code"])

    async def order(self, code: str, money: int = 2) -> dict[str, Any]:
        """Call payTask; return the arguments with which the sandbox's `pay` pays."""
        reply = await self.post("/payTask", code=code, money=money)
        assert reply["status"] == 0, reply
        names = ("package", "timeStamp", "nonceStr", "signType", "paySign")
        return {"appId": self.client.context.settings.appid} | {name: reply[name] for name in names}

    async def pay(self, code: str, money: int = 2) -> None:
        """Order and pay, and wait until WeChat's notice is answered."""
        assert (await self.client.wx("pay", **await self.order(code, money))).endswith(":ok")
        await self.client.rest()

    async def paid_packet(self, **parameters: Any) -> str:
        """Publish and pay a red packet; return its code."""
        code = await self.publish_packet(**parameters)
        await self.pay(code, parameters.get("money", 2))
        return code

    async def won_packet(self, *winners: Someone, **parameters: Any) -> str:
        """Publish and pay a red packet, and let people win it one after the other; return its code."""
        code = await self.paid_packet(**parameters)
        for winner in winners:
            await winner.win(code)
        return code


def session_of(context: Context, who: Someone) -> int:
    """Return the session that a person's token proves."""
    proven = context.keys.read_token(who.token)
    assert proven is not None
    return proven.generation


@dataclass
class Client:
    """A client of the server under test. Checks that each reply is JSON of the declared form.

    `context` is the server's; only steps with money need it. `nickname` is the name that WeChat gives for
    everybody. With None, each person has a name of their own.
    """

    http: httpx.AsyncClient
    people: dict[str, Someone] = field(default_factory=dict)
    nickname: str | None = None
    context: Any = None

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

    async def log_in(self, user: str, *, by_code: bool = False, **authorize: Any) -> Someone:
        """Log a person in: through the sandbox `by_code` or by wishes, otherwise without asking WeChat."""
        if by_code or authorize or self.context is None:
            asked = {"nickname": self.nickname} if self.nickname else {}
            ticket = await a_ticket(self.http, user=user, **(asked | authorize))
            reply = await self.get("/userLogin", None, **ticket)
            assert reply["status"] == 0, reply
            data = reply["data"]
        else:
            data = await known_as(self.context, user, self.nickname or user)
        self.people[user] = Someone(self, data["unionid"], data["token"], data)
        return self.people[user]

    async def log_in_all(self, *users: str) -> list[Someone]:
        """Log several people in at once."""
        return list(await asyncio.gather(*(self.log_in(user) for user in users)))

    async def rest(self) -> None:
        """Wait until the server has no work left in the background."""
        await rest(self.context)

    async def wx(self, function: str, **parameters: Any) -> str:
        """Call a function of the sandbox, as WeChat on a phone or a developer would; return its errMsg."""
        response = await self.http.post(f"/sandbox/{function}", json=parameters)
        return str(response.json()["errMsg"])

    async def misbehave(self, what: str, **wish: Any) -> None:
        """Make the sandbox misbehave once."""
        assert (await self.wx("misbehave", what=what, **wish)).endswith(":ok")

    async def confirm(self, package_info: str) -> str:
        """Take the money in its winner's WeChat, and wait until its notice is answered; return its errMsg."""
        bill = await self.context.sandbox.pay.bill_of_package(package_info)
        of = {person.data["openid"]: user for user, person in self.people.items()}
        said = await self.wx("confirm", user=of[bill["openid"]], package=package_info)
        await self.rest()
        return said

    async def scrape(self) -> str:
        """Return `/metrics`, with what is counted in the database counted anew."""
        await count_now(self.context)
        return (await self.http.get("/metrics")).text


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
