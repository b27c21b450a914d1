"""The people on a running server with their secrets, and its tasks of each kind.

`schema.py` sends generated requests as these people.
"""

import base64
import io
import random
import time
from collections import defaultdict, deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import pymongo
from PIL import Image

from parts.login import a_ticket, log_in
from parts.serving import Server, store_of
from server.security.keys import Keys
from server.settings import SANDBOX_APPID

USERS = ("alice", "bob", "carol", "dave", "erin", "frank")
OPEN_SECONDS = 30
NEWEST = 30  # how many values from replies are kept per parameter
RECENT = 20  # how many values that fit together are kept
OPERATOR = "值班员"
# Generated requests with wrong tokens lock their own address out, so operators log in from another address.
OPERATORS_ADDRESS = "127.0.0.2"
DAY_MS = 86_400_000


@dataclass
class Actor:
    """A person or an operator, with what their client knows."""

    user: str
    unionid: str = ""
    openid: str = ""
    tokens: list[str] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)  # the tokens that a logout ended
    pictures: list[str] = field(default_factory=list)  # addresses of the pictures that they uploaded

    @property
    def address(self) -> dict[str, str]:
        """The address to which their prizes are sent; each person has a different address."""
        number = f"1390000{USERS.index(self.user):04}"
        address = f"杭州市挖宝路 {number} 号 {self.user}"
        return {"receiver": f"{self.user} 收", "phone": number, "address": address}

    def secrets(self) -> Iterator[tuple[str, str]]:
        """Yield each text that only this person may see, with a name for it."""
        yield self.unionid, "unionid"
        yield base64.b64encode(self.unionid.encode()).decode().rstrip("="), "unionid in base64"
        yield self.openid, "openid"
        for token in self.tokens:
            yield token.rpartition("|")[2], "token"
        for name, text in self.address.items():
            yield text, f"address ({name})"


class Cast:
    """All people, tasks and values that exist. `pool` has values by the parameter that takes them."""

    def __init__(self, http: httpx.Client, operator_token: str, chance: random.Random) -> None:
        self.http = http
        transport = httpx.HTTPTransport(local_address=OPERATORS_ADDRESS)
        self._operators_http = httpx.Client(base_url=http.base_url, timeout=http.timeout, transport=transport)
        self.people = [Actor(user) for user in USERS]
        self.operator_token = operator_token
        self.cookie = ""
        self.publishers: dict[str, Actor] = {}  # by a task's code
        self.over: set[str] = set()  # codes of tasks that ended or are hidden
        self.packets: set[str] = set()  # codes of tasks that hold red packets
        self.unpaid: deque[str] = deque(maxlen=RECENT)
        self.cooling: dict[str, int] = {}  # by a task's code: when the cooldown ends (unix ms)
        self.digs: deque[tuple[str, int]] = deque(maxlen=RECENT)  # task, depth
        self.wins: deque[tuple[Actor, str, int]] = deque(maxlen=RECENT)  # winner, task, depth
        self.addressed: deque[tuple[Actor, str, int]] = deque(maxlen=RECENT)  # wins whose address was given
        self.sent: deque[tuple[Actor, str]] = deque(maxlen=RECENT)  # winners whose prize was sent
        self.pickups: deque[tuple[str, str]] = deque(maxlen=RECENT)  # a task's code, and the pick-up code
        self.templates: list[str] = []  # ids of messages' templates
        # Entries of the operators' lists that an operator can decide, as the interfaces name them.
        self.held_payouts: list[tuple[str, str, int]] = []
        self.frozen: list[tuple[str, str, int]] = []
        self.held_reviews: list[str] = []
        self.pool: dict[str, list[Any]] = defaultdict(list)
        self._chance = chance

    def prepare(self) -> None:
        """Log people in; let them publish, pay, dig, win and claim."""
        for actor in self.people:
            self.log_in(actor)
        self.log_operator_in()
        alice, bob, carol, dave, erin, frank = self.people
        for actor in (alice, bob):
            self.upload(actor)
        self.templates += [each["template_id"] for each in self.get(alice, "/getTemplates")["templates"]]
        running = self.publish(alice)
        for digger in (carol, dave, bob, erin, frank):
            self.dig(digger, running)
        self.dig(carol, self.publish(bob, cd=3600, forecast_num=700))
        self.publish(alice, draw_type=1)
        self._let_goods_be_won()
        self._let_packets_be_won()
        self.publish(bob, shown=False, name="一只【存疑】的猫")
        ended = self.publish(bob)
        self.fine(self.post(bob, "/endTask", code=ended))
        self.over.add(ended)
        for actor in (bob, erin):
            page = self.get(actor, "/getTaskDetails", code=running)
            self.note(page["share"], "code", "from_unionid")

    def _let_goods_be_won(self) -> None:
        alice, bob, carol = self.people[:3]
        mailed = self.publish(alice, forecast_num=1)
        pickup = self.publish(bob, forecast_num=1, draw_type=1)
        for code in (mailed, pickup):
            self.dig(carol, code)
        self.fine(self.post(carol, "/drawPrize", code=mailed, **carol.address))
        self.addressed.append((carol, mailed, 1))
        self.pickups.append((pickup, self.fine(self.post(carol, "/drawPrize", code=pickup))["pickup"]))

    def _let_packets_be_won(self) -> None:
        """Leave one packet unpaid and one running, let one be given, and one be held for its risky winner."""
        alice, bob, _, dave, erin, _ = self.people
        risky = {"what": "rank", "call": "risk", "number": erin.openid, "code": "4", "times": 1000}
        self.http.post("/sandbox/misbehave", json=risky).raise_for_status()
        self.publish_packet(alice)
        self.pay(bob, self.publish_packet(bob, forecast_num=100, interval=10))
        packets = self.publish_packet(alice), self.publish_packet(alice)
        for winner, code in zip((dave, erin), packets, strict=True):
            self.pay(alice, code)
            self.dig(winner, code)
        self.confirm(dave, self.fine(self.post(dave, "/drawPrize", code=packets[0]))["package_info"])
        until = time.monotonic() + OPEN_SECONDS
        while self.post(erin, "/drawPrize", code=packets[1]).get("error") != "payout_held":
            self._wait_until(until, "no payout limit held a red packet")

    # ---- acts of one person

    def get(self, actor: Actor, path: str, **query: Any) -> dict[str, Any]:
        """Ask as somebody."""
        query = {"unionid": actor.unionid, **query}
        reply: dict[str, Any] = self.http.get(path, params=query, headers=self.headers(actor)).json()
        return reply

    def post(self, actor: Actor, path: str, **body: Any) -> dict[str, Any]:
        """Post as somebody."""
        body = {"unionid": actor.unionid, **body}
        reply: dict[str, Any] = self.http.post(path, json=body, headers=self.headers(actor)).json()
        return reply

    @staticmethod
    def fine(reply: dict[str, Any]) -> dict[str, Any]:
        """Return the reply's data; it must not be a refusal."""
        if reply["status"]:
            raise SystemExit(f"the scene cannot be made: {reply}")
        return reply

    @staticmethod
    def headers(actor: Actor) -> dict[str, str]:
        """Return the headers that prove who asks."""
        return {"Authorization": f"Bearer {actor.tokens[-1]}"}

    def ticket(self, actor: Actor) -> dict[str, str]:
        """Return the values that WeChat gives a person for one login."""
        return a_ticket(self.http, actor.user, f"{actor.user} 的昵称")

    def log_in(self, actor: Actor) -> None:
        """Log a person in. Tokens of earlier logins stay valid until a logout."""
        self.note_login(actor, log_in(self.http, actor.user, f"{actor.user} 的昵称"))

    def note_login(self, actor: Actor, data: dict[str, Any]) -> None:
        """Remember what a login returned."""
        actor.unionid = data["unionid"]
        actor.openid = data["openid"]
        if data["token"] not in actor.tokens:
            actor.tokens.append(data["token"])
        if actor.unionid not in self.pool["unionid"]:
            for name in ("unionid", "from_unionid", "query"):
                self.pool[name].append(actor.unionid)

    def log_operator_in(self) -> None:
        """Get an operator's cookie."""
        reply = self._operators_http.post("/ops/login", json={"name": OPERATOR, "token": self.operator_token})
        self.fine(reply.json())
        self.cookie = reply.cookies["wabao_operator"]
        self._operators_http.cookies.clear()

    def lift_ban(self, actor: Actor) -> None:
        """Let an operator lift somebody's ban. The request names them as the publisher of one of their tasks;
        without a task it names nobody."""
        code = next((code for code, publisher in self.publishers.items() if publisher is actor), None)
        self._operators_http.post(
            "/ops/unban",
            json={"code": code, "depth": 0, "reason": "解除"},
            headers={"Cookie": f"wabao_operator={self.cookie}"},
        )

    def picture(self) -> bytes:
        """Return a new picture."""
        buffer = io.BytesIO()
        colour = tuple(self._chance.randrange(256) for _ in range(3))
        Image.new("RGB", (48, 32), colour).save(buffer, "JPEG")
        return buffer.getvalue()

    def upload(self, actor: Actor) -> None:
        """Upload a picture."""
        form = {"unionid": actor.unionid}
        sent = self.http.post(
            "/uploadFile", files={"file": self.picture()}, data=form, headers=self.headers(actor)
        )
        self.note_picture(actor, self.fine(sent.json())["url"])

    def note_picture(self, actor: Actor, url: str) -> None:
        """Remember what a person uploaded, which nobody else can publish."""
        actor.pictures.append(url)
        del actor.pictures[:-NEWEST]
        self.note(url, "url", "wxheadpic")

    def publish(self, actor: Actor, *, shown: bool = True, **parameters: Any) -> str:
        """Publish goods, wait until WeChat has checked them if they are to be `shown`; return the code."""
        asked = {"goods_type": 2, "name": "一只猫", "prize_num": 1, "forecast_num": 1000, "draw_type": 2}
        asked |= {"cd": 0, "is_public": 1, "url": self._chance.choice(actor.pictures), **parameters}
        code = self.note_task(actor, self.fine(self.post(actor, "/postTask", **asked))["code"])
        if shown:
            self._wait_until_open(actor, code)
        return code

    def dig(self, actor: Actor, code: str) -> None:
        """Dig."""
        self.note_dig(actor, code, self.fine(self.post(actor, "/postTask", code=code)))

    def note_dig(self, actor: Actor, code: str, reply: dict[str, Any]) -> None:
        """Remember what a dig found, and the cooldown that it began."""
        if reply["task_status"]:
            self.over.add(code)
        if code not in self.publishers:  # the dig named its task by a share token
            return
        self.digs.append((code, reply["seq"]))
        if reply["cd_until"]:
            self.cooling[code] = reply["cd_until"]
        if reply["is_prize"]:
            self.wins.append((actor, code, reply["seq"]))

    def publish_packet(self, actor: Actor, **parameters: Any) -> str:
        """Publish a red packet of 2 yuan; return the code."""
        asked = {"goods_type": 1, "name": "红包", "money": 2, "prize_num": 1, "forecast_num": 1, "cd": 0}
        code = self.note_task(actor, self.fine(self.post(actor, "/postTask", **asked | parameters))["code"])
        self.note_packet(code)
        return code

    def note_task(self, actor: Actor, code: str) -> str:
        """Remember a new task."""
        self.publishers[code] = actor
        self.note(code, "code", "query")
        return code

    def note_refusal(self, code: str, error: str) -> None:
        """Remember a refusal, so that hopeless requests are not repeated."""
        if error in ("ended", "no_such_task"):
            self.over.add(code)
        elif error in ("nothing_to_pay", "already_paid") and code in self.unpaid:
            self.unpaid.remove(code)

    def note_packet(self, code: str) -> None:
        """Remember that a new task holds red packets, and waits to be paid."""
        self.packets.add(code)
        self.unpaid.append(code)

    def note_address(self, actor: Actor, code: str) -> None:
        """Remember that a winner said where to send what they won."""
        self.addressed.extend(win for win in self.wins if win[:2] == (actor, code))

    def note_parcel(self, code: str, depth: int) -> None:
        """Remember that a winner's prize was sent."""
        self.sent.extend((actor, code) for actor, *won in self.addressed if won == [code, depth])

    def note_all(self, name: str, values: list[Any]) -> None:
        """Remember the newest values from a list."""
        for value in values[-NEWEST:]:
            if value not in self.pool[name]:
                self.note(value, name)

    def note(self, value: Any, *names: str) -> None:
        """Remember a value from a reply."""
        for name in names:
            values = self.pool[name]
            values.append(value)
            del values[len(USERS) : -NEWEST]

    # ---- acts of a person's WeChat

    def pay(self, actor: Actor, code: str) -> None:
        """Order and pay, and wait until the task can be dug."""
        self.pay_order(self.fine(self.post(actor, "/payTask", code=code, money=2)))
        self._wait_until_open(actor, code)

    def _wait_until_open(self, actor: Actor, code: str) -> None:
        until = time.monotonic() + OPEN_SECONDS
        while (page := self.get(actor, "/getTaskDetails", code=code))["review"] != "shown" or (
            page["why"] == "not_paid"
        ):
            self._wait_until(until, "a check did not end, or a payment did not arrive")

    @staticmethod
    def _wait_until(until: float, otherwise: str) -> None:
        if time.monotonic() > until:
            raise SystemExit(otherwise)
        time.sleep(0.05)

    def pay_order(self, order: dict[str, Any]) -> None:
        """Pay what payTask ordered."""
        names = ("package", "timeStamp", "nonceStr", "signType", "paySign")
        self.http.post("/sandbox/pay", json={"appId": SANDBOX_APPID} | {name: order[name] for name in names})

    def allow_messages(self, actor: Actor, templates: list[str]) -> None:
        """Allow one message of each template, when the mini-program asks."""
        self.http.post("/sandbox/subscribe", json={"user": actor.user, "tmplIds": templates})

    def confirm(self, actor: Actor, package: str) -> None:
        """Accept a red packet's money."""
        self.http.post("/sandbox/confirm", json={"user": actor.user, "package": package})


@dataclass
class Kept:
    """Values that only the database has: seeds by task, which tasks run, and WeChat's session keys."""

    seeds: dict[str, bytes]
    running: set[str]
    session_keys: set[str]


def kept_by(server: Server, secret: str) -> Kept:
    """Read it."""
    keys = Keys(secret.encode())
    with _database(server) as database:
        tasks = list(database["tasks"].find({}, {"seed_box": 1, "status": 1}))
        codes = [code["session_key"] for code in database["sandbox_codes"].find({}, {"session_key": 1})]
    seeds = {task["_id"]: keys.open("seed", task["seed_box"], task["_id"]) for task in tasks}
    return Kept(seeds, {task["_id"] for task in tasks if not task["status"]}, set(codes))


def make_older(server: Server) -> None:
    """Move everybody's first login two days back, because reports of new accounts do not count."""
    with _database(server) as database:
        database["people"].update_many({}, {"$inc": {"created_at": -2 * DAY_MS}})


@contextmanager
def _database(server: Server) -> Iterator[Any]:
    _, port = store_of(server)
    with pymongo.MongoClient[dict[str, Any]](
        f"mongodb://127.0.0.1:{port}/wabao?directConnection=true"
    ) as client:
        yield client.get_default_database()
