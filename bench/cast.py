"""People and tasks of each kind on a running server, and the secrets of each person.

`schema.py` sends generated requests as these people.
"""

from __future__ import annotations

import base64
import io
import random
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import pymongo
from PIL import Image
from serving import Server, store_of

from server.keys import Keys
from server.settings import SANDBOX_APPID

USERS = ("alice", "bob", "carol", "dave", "erin", "frank")
PUBLISHERS = USERS[:2]
PAID_SECONDS = 10
NEWEST = 30  # values from replies that are kept per parameter


@dataclass
class Actor:
    """A person, or an operator, as a client knows them."""

    user: str
    unionid: str = ""
    openid: str = ""
    tokens: list[str] = field(default_factory=list)

    @property
    def address(self) -> dict[str, str]:
        """Where to send what they win; it is nobody else's."""
        number = f"1390000{USERS.index(self.user):04}"
        return {"receiver": f"{self.user} 收", "phone": number, "address": f"挖宝路 {number} 号 {self.user}"}

    def secrets(self) -> Iterator[tuple[str, str]]:
        """Yield each text that only this person may see, and what it is."""
        yield self.unionid, "unionid"
        yield base64.b64encode(self.unionid.encode()).decode().rstrip("="), "unionid in base64"
        yield self.openid, "openid"
        for token in self.tokens:
            yield token.rpartition("|")[2], "token"
        for name, text in self.address.items():
            yield text, f"address ({name})"


class Cast:
    """All that exists. `pool` has values by the name of the parameter that takes them."""

    def __init__(self, http: httpx.Client, operator_token: str, chance: random.Random) -> None:
        self.http = http
        self.people = [Actor(user) for user in USERS]
        self.operator_token = operator_token
        self.cookie = ""
        self.publishers: dict[str, Actor] = {}  # by a task's code
        self.wins: list[tuple[Actor, str]] = []  # who won in which task
        self.pickups: list[tuple[str, str]] = []  # a task's code, and a code for what was won in it
        self.pool: dict[str, list[Any]] = defaultdict(list)
        self._chance = chance

    def prepare(self) -> None:
        """Log people in; let them publish, pay, dig, win and claim."""
        for actor in self.people:
            self.log_in(actor)
        self.log_operator_in()
        alice, bob, carol, dave, erin, _ = self.people
        for actor in (alice, bob):
            picture = self.upload(actor)
            for name in ("url", "wxheadpic"):
                self.pool[name].append(picture)
        running = [self.publish(alice), self.publish(bob, cd=1), self.publish(alice, draw_type=1, cd=0)]
        for digger in (carol, dave, bob):
            self.post(digger, "/postTask", code=running[0])
        mailed, pickup = self.publish(alice, forecast_num=1), self.publish(bob, forecast_num=1, draw_type=1)
        for code in (mailed, pickup):
            self.win(carol, code)
        self.fine(self.post(carol, "/drawPrize", code=mailed, **carol.address))
        self.pickups.append((pickup, self.fine(self.post(carol, "/drawPrize", code=pickup))["pickup"]))
        self.publish_packet(alice)  # nobody pays it
        self.pay(bob, self.publish_packet(bob, forecast_num=100, interval=10))
        packet = self.publish_packet(alice)
        self.pay(alice, packet)
        self.win(dave, packet)
        self.confirm(self.fine(self.post(dave, "/drawPrize", code=packet))["package_info"])
        self.fine(self.post(bob, "/endTask", code=self.publish(bob)))
        for actor in (bob, erin):
            page = self.get(actor, "/getTaskDetails", code=running[0])
            self.note(page["share"], "code", "from_unionid")

    # ---- what one person does

    def get(self, actor: Actor, path: str, **query: Any) -> dict[str, Any]:
        """Ask as somebody."""
        query = {"unionid": actor.unionid, **query}
        reply: dict[str, Any] = self.http.get(path, params=query, headers=self.headers(actor)).json()
        return reply

    def post(self, actor: Actor, path: str, **body: Any) -> dict[str, Any]:
        """Do something as somebody."""
        body = {"unionid": actor.unionid, **body}
        reply: dict[str, Any] = self.http.post(path, json=body, headers=self.headers(actor)).json()
        return reply

    @staticmethod
    def fine(reply: dict[str, Any]) -> dict[str, Any]:
        """Return a reply that is no refusal."""
        if reply["status"]:
            raise SystemExit(f"the scene cannot be made: {reply}")
        return reply

    @staticmethod
    def headers(actor: Actor) -> dict[str, str]:
        """Return what proves who asks."""
        return {"Authorization": f"Bearer {actor.tokens[-1]}"}

    def ticket(self, actor: Actor) -> dict[str, str]:
        """Return what WeChat gives a person for one login."""
        asked = {"user": actor.user, "nickname": f"{actor.user} 的昵称"}
        given = self.http.get("/sandbox/authorize", params=asked).json()
        return {name: given[name] for name in ("code", "iv", "encryptedData")}

    def log_in(self, actor: Actor) -> None:
        """Get a token, if one was ended a new one."""
        self.note_login(
            actor, self.fine(self.http.get("/userLogin", params=self.ticket(actor)).json())["data"]
        )

    def note_login(self, actor: Actor, data: dict[str, Any]) -> None:
        """Remember what a login returned."""
        actor.unionid, actor.openid = data["unionid"], data["openid"]
        if data["token"] not in actor.tokens:
            actor.tokens.append(data["token"])
        if actor.unionid not in self.pool["unionid"]:
            for name in ("unionid", "from_unionid", "query"):
                self.pool[name].append(actor.unionid)

    def log_operator_in(self) -> None:
        """Get an operator's cookie, unless wrong tries have locked this address out for a minute."""
        asked = {"name": "值班员", "token": self.operator_token}
        reply = self.http.post("/ops/login", json=asked)
        if reply.json().get("error") != "too_many":
            self.fine(reply.json())
            self.cookie = reply.cookies["wabao_operator"]
            self.http.cookies.clear()

    def picture(self) -> bytes:
        """Return a new picture."""
        buffer = io.BytesIO()
        colour = tuple(self._chance.randrange(256) for _ in range(3))
        Image.new("RGB", (48, 32), colour).save(buffer, "JPEG")
        return buffer.getvalue()

    def upload(self, actor: Actor) -> str:
        """Upload a picture; return its address."""
        form = {"unionid": actor.unionid}
        sent = self.http.post(
            "/uploadFile", files={"file": self.picture()}, data=form, headers=self.headers(actor)
        )
        return str(self.fine(sent.json())["url"])

    def publish(self, actor: Actor, **parameters: Any) -> str:
        """Publish goods; return the code."""
        asked = {"goods_type": 2, "name": "一只猫", "prize_num": 1, "forecast_num": 1000, "draw_type": 2}
        asked |= {"cd": 0, "is_public": 1, "url": self._chance.choice(self.pool["url"]), **parameters}
        return self.note_task(actor, self.fine(self.post(actor, "/postTask", **asked))["code"])

    def win(self, actor: Actor, code: str) -> None:
        """Dig, and win."""
        self.fine(self.post(actor, "/postTask", code=code))
        self.wins.append((actor, code))

    def publish_packet(self, actor: Actor, **parameters: Any) -> str:
        """Publish a red packet of 2 yuan; return the code."""
        asked = {"goods_type": 1, "name": "红包", "money": 2, "prize_num": 1, "forecast_num": 1, "cd": 0}
        return self.note_task(actor, self.fine(self.post(actor, "/postTask", **asked | parameters))["code"])

    def note_task(self, actor: Actor, code: str) -> str:
        """Remember a new task."""
        self.publishers[code] = actor
        self.note(code, "code", "query")
        return code

    def note(self, value: Any, *names: str) -> None:
        """Remember a value from a reply."""
        for name in names:
            values = self.pool[name]
            values.append(value)
            del values[len(USERS) : -NEWEST]

    # ---- what a person's WeChat does

    def pay(self, actor: Actor, code: str) -> None:
        """Order and pay, and wait until the task can be dug."""
        self.pay_order(self.fine(self.post(actor, "/payTask", code=code, money=2)))
        deadline = time.monotonic() + PAID_SECONDS
        while self.get(actor, "/getTaskDetails", code=code)["why"] == "not_paid":
            if time.monotonic() > deadline:
                raise SystemExit("a payment did not arrive")
            time.sleep(0.05)

    def pay_order(self, order: dict[str, Any]) -> None:
        """Pay what payTask ordered."""
        names = ("package", "timeStamp", "nonceStr", "signType", "paySign")
        self.http.post("/sandbox/pay", json={"appId": SANDBOX_APPID} | {name: order[name] for name in names})

    def confirm(self, package: str) -> None:
        """Take a red packet's money."""
        self.http.post("/sandbox/confirm", json={"package": package})


@dataclass
class Kept:
    """What the database alone knows: seeds by task, which tasks run, and WeChat's session keys."""

    seeds: dict[str, bytes]
    running: set[str]
    session_keys: set[str]


def kept_by(server: Server, secret: str) -> Kept:
    """Read it."""
    keys = Keys(secret.encode())
    with _database(server) as database:
        tasks = list(database["tasks"].find({}, {"seed_box": 1, "status": 1}))
        codes = [code["session_key"] for code in database["sandbox_codes"].find({}, {"session_key": 1})]
    seeds = {task["_id"]: keys.open("seed", bytes(task["seed_box"]), task["_id"]) for task in tasks}
    return Kept(seeds, {task["_id"] for task in tasks if not task["status"]}, set(codes))


@contextmanager
def _database(server: Server) -> Iterator[Any]:
    _, port = store_of(server)
    with pymongo.MongoClient[dict[str, Any]](
        f"mongodb://127.0.0.1:{port}/wabao?directConnection=true"
    ) as client:
        yield client.get_default_database()
