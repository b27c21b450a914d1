"""Turns a generated request into the request of a person, with values that exist."""

import random
from typing import Any

from parts.cast import Actor, Cast
from parts.scenes import Scenes

# Probabilities that an existing value replaces the generated one, that `unionid` is the sender's own, and
# that the token, the operator's cookie and the operator's token are valid.
KNOWN = 0.8
OWN = 0.9
PROVEN = 0.85
RIGHT_COOKIE = 0.9
RIGHT_TOKEN = 0.95
FITTING = 0.4  # probability that all values of a request fit together
PAID = 0.7
FORGIVEN = 0.3
SMALL = {"page": (1, 2), "depth": (0, 0, 1, 2), "money": (2,), "is_share": (0, 1), "prize_num": (1, 2)}


class Sender:
    """`actor` is the person who sent the last request, None if the request had no valid token."""

    def __init__(self, cast: Cast, chance: random.Random) -> None:
        self.actor: Actor | None = None
        self._cast = cast
        self._chance = chance
        self._scenes = Scenes(cast, chance)
        self._proven = False

    def _often(self, probability: float) -> bool:
        return self._chance.random() < probability

    def fill(self, case: Any) -> dict[str, Any]:
        """Turn a case into somebody's request; return options that replace its body, if any."""
        path = case.operation.path
        person, known = self._scenes.of(path) if self._often(FITTING) else (None, {})
        person = person or self._chance.choice(self._cast.people)
        self._prove(case, person)
        if path == "/userLogin":
            self._log_in(case)
        if path == "/uploadFile" and self._often(KNOWN):
            return {"files": {"file": ("a.jpg", self._cast.picture(), "image/jpeg")}}
        for values in (case.query, case.body) if path != "/userLogin" else ():
            if isinstance(values, dict):
                self._replace(values, person)
        # A POST takes its values in the body.
        values = case.query if case.operation.method.lower() == "get" else case.body
        if isinstance(values, dict):
            values |= known
            for name in [name for name in known if known[name] is None]:
                del values[name]
        return {}

    def _prove(self, case: Any, person: Actor) -> None:
        """Set the token and cookie; sometimes the token has ended, is damaged, or is left out."""
        self._proven = self._often(PROVEN)
        self.actor = person if self._proven else None
        token = person.tokens[-1]
        if not self._proven:
            token = self._chance.choice(["", token[:-1], *person.ended])
        case.headers.pop("Authorization", None)
        if token:
            case.headers["Authorization"] = f"Bearer {token}"
        case.cookies = {}
        if case.operation.path.startswith("/ops/"):
            self.actor = None
            case.cookies = {"wabao_operator": self._cast.cookie if self._often(RIGHT_COOKIE) else "0" * 43}

    def _log_in(self, case: Any) -> None:
        """Send one login ticket, or parts of two tickets."""
        self.actor, other = self._chance.sample(self._cast.people, 2)
        ticket = self._cast.ticket(self.actor)
        if not self._often(KNOWN):
            ticket |= {name: self._cast.ticket(other)[name] for name in ("iv", "encryptedData")}
        if isinstance(case.query, dict):
            case.query.update({name: ticket[name] for name in ticket if self._often(0.95)})

    def _replace(self, values: dict[str, Any], person: Actor) -> None:
        pool = self._cast.pool
        for name in list(values):
            if name == "unionid" and self._often(OWN):
                values[name] = person.unionid
            elif name == "token":
                values[name] = self._cast.operator_token if self._often(RIGHT_TOKEN) else values[name]
            elif not self._often(KNOWN):
                continue
            elif name in ("url", "wxheadpic") and person.pictures and self._often(OWN):
                values[name] = self._chance.choice(person.pictures)
            elif pool.get(name):
                values[name] = self._chance.choice(pool[name])
            elif name in SMALL:
                values[name] = self._chance.choice(SMALL[name])

    def may_read_addresses(self, case: Any) -> bool:
        """Return whether the last request asked for the winners of a month, or of the actor's own task."""
        if case.operation.path == "/ops/winners":
            return True
        code = case.query.get("code") if isinstance(case.query, dict) else None
        own = self.actor is not None and self._cast.publishers.get(str(code)) is self.actor
        return own and case.operation.path == "/getWinners"

    def learn(self, case: Any, response: Any) -> None:
        """Remember what a reply returned, for later requests; log in again if the login has ended."""
        try:
            reply = response.json()
        except ValueError:
            return
        cast = self._cast
        path = case.operation.path
        code = str(case.body.get("code")) if isinstance(case.body, dict) else ""
        if path.startswith("/ops/"):
            self._learn_as_operator(case, path, code, reply)
        elif self.actor is not None:
            if reply["status"]:
                cast.note_refusal(code, reply["error"])
                self._set_right(self.actor, path, reply["error"])
            else:
                self._learn(path, self.actor, code, reply)

    def _learn_as_operator(self, case: Any, path: str, code: str, reply: dict[str, Any]) -> None:
        cast = self._cast
        ended = reply.get("error") == "token_required" or path in ("/ops/login", "/ops/logout")
        if ended and case.cookies["wabao_operator"] == cast.cookie:
            cast.log_operator_in()
        if reply.get("status"):
            return
        if path == "/ops/payouts":
            cast.held_payouts = [("prize", each["code"], each["depth"]) for each in reply["data"]]
            cast.frozen = [(each["what"], each["code"], each["depth"]) for each in reply["frozen"]]
        elif path == "/ops/end":
            cast.over.add(code)
        elif path == "/ops/reviews":
            cast.held_reviews = [each["key"] for each in reply["data"]]
            cast.note_all("key", cast.held_reviews)
        elif path == "/ops/reports":
            cast.note_all("key", [one["key"] for each in reply["data"] for one in each["reporters"]])
        elif path == "/ops/person":
            cast.note_all("key", [each["key"] for each in reply["brought_by"]])

    def _set_right(self, actor: Actor, path: str, error: str) -> None:
        """Log the actor in again if their login has ended; sometimes let an operator lift their ban."""
        if error == "bad_token" and path != "/userLogin":
            self._cast.log_in(actor)
        elif error == "banned" and self._often(FORGIVEN):
            self._cast.lift_ban(actor)

    def _learn(self, path: str, actor: Actor, code: str, reply: dict[str, Any]) -> None:
        cast = self._cast
        if path == "/userLogin":
            cast.note_login(actor, reply["data"])
        elif path == "/logout":
            actor.ended = list(actor.tokens)
            cast.log_in(actor)
        elif path == "/endTask":
            cast.over.add(code)
        elif path == "/postTask" and "need_pay" in reply:
            cast.note_task(actor, reply["code"])
            if reply["need_pay"]:
                cast.note_packet(reply["code"])
        elif path == "/postTask":
            cast.note_dig(actor, code, reply)
        elif path == "/getTaskDetails":
            cast.note(reply["share"], "code", "from_unionid")
        elif path == "/uploadFile":
            cast.note_picture(actor, reply["url"])
        elif path == "/payTask" and self._often(PAID):
            cast.pay_order(reply)
        elif path == "/shipPrize":
            cast.note_parcel(code, reply["depth"])
        elif path == "/drawPrize":
            self._claimed(actor, code, reply)

    def _claimed(self, actor: Actor, code: str, reply: dict[str, Any]) -> None:
        """Remember what a winner can do next, or do it."""
        cast = self._cast
        if reply["pickup"]:
            cast.pickups.append((code, reply["pickup"]))
        elif reply["state"] == "given" and reply["receiver"]:
            cast.note_address(actor, code)
        elif reply["package_info"] and self._often(PAID):
            cast.confirm(actor, reply["package_info"])
