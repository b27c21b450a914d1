"""Requests that the server should accept: people and parameters that fit together, by interface.

A generated request seldom fits the server's state, for example a parcel that was just sent or a red packet
that is held. A scene is a request that fits. The server accepts it unless somebody changed the state
meanwhile.
"""

import random
import time
from collections.abc import Callable, Iterable
from itertools import islice
from typing import Any

from parts.cast import OPERATOR, RECENT, Actor, Cast

# A parameter that is None is not sent. The person is None if anybody may send the request.
Scene = tuple[Actor | None, dict[str, Any]]

PUBLISHES = 0.4
HIDES = 0.25
GOODS = {"goods_type": 2, "name": "一只猫", "prize_num": 1, "forecast_num": 3, "draw_type": 2, "cd": 0}
PACKET = {"goods_type": 1, "name": "红包", "money": 2, "prize_num": 1, "forecast_num": 1, "cd": 0}
DRAFTS: tuple[dict[str, Any], ...] = (
    GOODS,
    GOODS | {"forecast_num": 1},
    GOODS | {"forecast_num": 1, "draw_type": 1},
    GOODS | {"forecast_num": 1000, "cd": 60},
    GOODS | {"name": "一只【存疑】的猫"},  # the sandbox's content check is unsure of this name
    GOODS | {"name": "一只【违规】的猫"},
    PACKET,
    PACKET | {"forecast_num": 3},
)
NAMES = ("小明", "【存疑】的小明", "【违规】的小明")
WHY = "有人举报"


class Scenes:
    """Makes scenes from the people and tasks of a cast."""

    def __init__(self, cast: Cast, chance: random.Random) -> None:
        self._cast = cast
        self._chance = chance
        self._makers: dict[str, Callable[[], Scene | None]] = {
            **dict.fromkeys(("/endTask", "/getWinners", "/getStatement"), self._own_task),
            "/payTask": self._pay,
            "/postTask": self._dig_or_publish,
            "/drawPrize": self._claim,
            "/confirmDraw": self._hand_over,
            "/shipPrize": self._ship,
            "/receivePrize": self._receive,
            "/subscribed": self._allow_messages,
            "/remind": self._remind,
            "/report": lambda: self._as_stranger(reversed(cast.publishers), {"reason": "fraud"}),
            "/setProfile": lambda: (None, {"wxname": self._chance.choice(NAMES), "wxheadpic": None}),
            "/ops/login": lambda: (None, {"token": cast.operator_token, "name": OPERATOR}),
            "/ops/task": lambda: (None, {"code": self._recent()[0]}),
            "/ops/end": lambda: (None, {"code": self._recent()[0], "reason": WHY}),
            "/ops/hide": lambda: (
                None,
                {"code": self._recent()[0], "reason": WHY, "hidden": int(chance.random() < HIDES)},
            ),
            "/ops/person": lambda: (None, self._somebody()),
            **dict.fromkeys(
                ("/ops/signout", "/ops/unban"), lambda: (None, self._somebody() | {"reason": WHY})
            ),
            "/ops/ban": lambda: (None, self._somebody() | {"reason": WHY, "days": chance.randrange(3)}),
            "/ops/freeze": self._freeze,
            "/ops/release": lambda: self._payout([*cast.held_payouts, *cast.frozen]),
            "/ops/return": lambda: self._payout(cast.held_payouts),
            "/ops/decide": self._decide,
        }

    def of(self, path: str) -> Scene:
        """Return a scene for an interface; an empty scene if nothing fits now."""
        make = self._makers.get(path)
        return (make() if make is not None else None) or (None, {})

    # ---- people

    def _recent(self) -> tuple[str, Actor]:
        """Return one of the newest tasks, and its publisher."""
        return self._chance.choice(list(islice(reversed(self._cast.publishers.items()), RECENT)))

    def _going_on(self, codes: Iterable[str]) -> list[str]:
        """Return at most `RECENT` of these tasks that, as far as the cast knows, have not ended."""
        return list(islice((code for code in codes if code not in self._cast.over), RECENT))

    def _own_task(self) -> Scene:
        code, publisher = self._recent()
        return publisher, {"code": code}

    def _as_stranger(self, codes: Iterable[str], known: dict[str, Any]) -> Scene | None:
        """Return a scene with one of these tasks that has not ended, for somebody who did not publish that
        task."""
        going_on = self._going_on(codes)
        if not going_on:
            return None
        code = self._chance.choice(going_on)
        others = [person for person in self._cast.people if person is not self._cast.publishers[code]]
        return self._chance.choice(others), {"code": code, **known}

    def _pay(self) -> Scene | None:
        unpaid = self._going_on(self._cast.unpaid)
        if not unpaid:
            return None
        code = self._chance.choice(unpaid)
        return self._cast.publishers[code], {"code": code, "money": 2}

    def _dig_or_publish(self) -> Scene | None:
        if self._chance.random() < PUBLISHES:
            publisher = self._chance.choice([person for person in self._cast.people if person.pictures])
            picture = self._chance.choice(publisher.pictures)
            return publisher, self._chance.choice(DRAFTS) | {"code": None, "publish_id": None, "url": picture}
        return self._as_stranger(reversed(self._cast.publishers), {"goods_type": None, "dig_id": None})

    def _claim(self) -> Scene:
        winner, code, _ = self._chance.choice(self._cast.wins)
        return winner, {"code": code, **winner.address}

    def _hand_over(self) -> Scene:
        code, pickup = self._chance.choice(self._cast.pickups)
        return self._cast.publishers[code], {"code": code, "pickup": pickup}

    def _ship(self) -> Scene:
        _, code, depth = self._chance.choice(self._cast.addressed)
        number = f"SF{self._chance.randrange(10**10):010}"
        return self._cast.publishers[code], {
            "code": code,
            "depth": depth,
            "carrier": "顺丰",
            "number": number,
        }

    def _receive(self) -> Scene | None:
        if not self._cast.sent:
            return None
        winner, code = self._chance.choice(self._cast.sent)
        return winner, {"code": code}

    def _allow_messages(self) -> Scene:
        person = self._chance.choice(self._cast.people)
        known = self._cast.templates
        templates = self._chance.sample(known, self._chance.randint(1, 3))
        self._cast.allow_messages(person, templates)
        return person, {"templates": ",".join(templates)}

    def _remind(self) -> Scene | None:
        cooling = [code for code, until_ms in self._cast.cooling.items() if until_ms > time.time() * 1000]
        return self._as_stranger(cooling, {})

    # ---- operators

    def _somebody(self) -> dict[str, Any]:
        """Return parameters that name a person to operators: a dig or task of theirs, or a key of a list."""
        keys = self._cast.pool["key"]
        if keys and self._chance.random() < 0.5:
            return {"key": self._chance.choice(keys), "code": None, "depth": None}
        places = [*self._cast.digs, (self._recent()[0], 0)]
        code, depth = self._chance.choice(places)
        return {"key": None, "code": code, "depth": depth}

    def _freeze(self) -> Scene | None:
        places = [(code, depth) for _, code, depth in self._cast.wins if code in self._cast.packets]
        if not places:
            return None
        what = self._chance.choice(("task", "prize", "person"))
        (code, depth) = self._chance.choice(places)
        return None, {"what": what, "code": code, "depth": 0 if what == "task" else depth, "reason": WHY}

    def _payout(self, known: list[tuple[str, str, int]]) -> Scene | None:
        if not known:
            return None
        what, code, depth = self._chance.choice(known)
        return None, {"what": what, "code": code, "depth": depth, "reason": WHY}

    def _decide(self) -> Scene | None:
        if not self._cast.held_reviews:
            return None
        key = self._chance.choice(self._cast.held_reviews)
        return None, {"key": key, "shown": self._chance.randrange(2), "reason": WHY}
