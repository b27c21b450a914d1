"""Invented histories of a task, and decoding of the frames that a watcher gets."""

import json
from typing import Any

from server.game.dig import Dig
from server.game.draw import encode_rules, make_rules
from server.game.task import Task
from server.realtime.replay import REPLAYED_DIGS
from server.realtime.watched_task import WatchedTask

CODE = "abcDEF012345"
PARAMS = encode_rules(make_rules(CODE, 50, 400, 6, 2))


def a_task(**fields: Any) -> Task:
    numbers = {"cd_ms": 5000, "max_depth": 400, "money": 3, "goods_type": 1, "open": 1}
    zeros = dict.fromkeys(("now_depth", "cd_until", "participants", "status", "ended_at", "expires_at"), 0)
    texts = {"_id": CODE, "publisher": "publisher", "params": PARAMS, "commitment": "c" * 64}
    prizes = {"prize_num": 50, "prizes_left": 50, "end_reason": ""}
    return {**numbers, **prizes, **zeros, **texts, **fields}  # type: ignore[typeddict-item]


def a_history(people: list[int], wins: set[int], *, ends: bool) -> list[Dig]:
    """Return the digs that these people made in turn."""
    places: dict[int, int] = {}
    digs: list[Dig] = []
    winners: set[int] = set()
    last_won = 0
    for depth, person in enumerate(people, 1):
        prize = depth in wins and person not in winners
        if prize:
            winners.add(person)
            last_won = depth
        first = person not in places
        no = places.setdefault(person, len(places) + 1)
        dig = Dig(
            _id=f"{CODE}:{depth}",
            code=CODE,
            depth=depth,
            person_id=f"u{person}",
            wxname=f"名字{person}",
            wxheadpic="/files/x.jpg",
            is_prize=int(prize),
            prizes_left=50 - len(winners),
            participants=len(places),
            no=no,
            dig_id=f"dig-{depth}",
            at=depth * 10_000,
            cd_until=depth * 10_000 + 5000,
            last_won=last_won,
            was_one_in=0,
            find=depth % 48 + 1,
        )
        if first:
            dig["n"] = no
        digs.append(dig)
    if ends and digs:
        digs[-1]["end"] = "depth_reached"
        digs[-1]["cd_until"] = 0
    return digs


def task_after(digs: list[Dig]) -> Task:
    if not digs:
        return a_task()
    last = digs[-1]
    return a_task(
        now_depth=last["depth"],
        last_dig=last,
        cd_until=last["cd_until"],
        prizes_left=last["prizes_left"],
        participants=last["participants"],
        status=int("end" in last),
        end_reason=last.get("end", ""),
        ended_at=last["at"] if "end" in last else 0,
    )


def loaded(digs: list[Dig], later: list[Dig] | None = None) -> WatchedTask:
    watched = WatchedTask(CODE)
    early = [dig for dig in digs if dig.get("n", 99) <= 50] + [dig for dig in digs if dig["is_prize"]]
    newest = digs[-REPLAYED_DIGS:] + (later or [])
    assert watched.load(task_after(digs), newest, early if len(digs) > REPLAYED_DIGS else [], "http://x")
    return watched


def frames_of(data: bytes) -> list[dict[str, Any]]:
    """Decode websocket frames."""
    found = []
    while data:
        assert data[0] == 0x81
        length = data[1]
        at = 2
        if length == 126:
            length = int.from_bytes(data[2:4], "big")
            at = 4
        found.append(json.loads(data[at : at + length]))
        data = data[at + length :]
    return found
