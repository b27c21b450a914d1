"""What operators read of a person, a treasure or a prize: each act and state, by whom and why."""

from __future__ import annotations

from typing import Any

from server.operation.timeline import PAGE, Event, page_of
from support.client import Client
from support.operators import operator
from support.purse import pay, publish_red_packet, rest, win

ENVIRONMENT = {"OPS_TOKEN": "open sesame"}


async def read(client: Client, **who: Any) -> list[dict[str, Any]]:
    reply = await client.get("/ops/timeline", **who)
    assert reply["status"] == 0, reply
    found: list[dict[str, Any]] = reply["data"]
    assert [event["at"] for event in found] == sorted((event["at"] for event in found), reverse=True)
    return found


async def test_won_and_got_nothing_is_answered_by_one_timeline(client, context):
    http = await operator(client)
    alice, bob = await client.log_in_all("alice", "bob")
    code = await publish_red_packet(alice)
    await pay(client, context, alice, code)
    await win(client, context, bob, code)
    prize = {"what": "prize", "code": code, "depth": 1}
    assert (await client.post("/ops/freeze", **prize, reason="先看看"))["status"] == 0
    assert (await bob.post("/drawPrize", code=code))["error"] == "payout_held"
    assert (await client.post("/ops/release", **prize, reason="没有问题"))["status"] == 0
    assert (await bob.post("/drawPrize", code=code))["status"] == 0
    await rest(context)
    by_person = {"code": code, "depth": 1}
    assert (await client.post("/ops/ban", **by_person, days=1, reason="捣乱"))["status"] == 0
    story = await read(client, of="prize", code=code, depth=1)
    told = {event["what"] for event in story}
    assert told >= {"won", "act_freeze_prize", "act_release_prize", "claimed", "bill", "paid", "opened"}
    [released] = [event for event in story if event["what"] == "act_release_prize"]
    assert (released["actor"], released["why"], released["state"]) == ("管理员", "没有问题", "done")
    [bill] = [event for event in story if event["what"] == "bill"]
    assert (bill["amount_fen"], bill["code"], bill["number"] != "") == (200, code, True)
    theirs = await read(client, of="person", **by_person)
    assert {event["what"] for event in theirs} >= {
        *("first_login", "joined", "won", "claimed", "bill", "act_ban", "act_freeze_prize")
    }
    assert {event["what"] for event in await read(client, of="person", code=code, depth=0)} >= {
        *("published", "ordered", "paid", "opened")
    }
    whole = await client.get("/ops/timeline", of="task", code=code)
    assert {event["what"] for event in whole["data"]} >= {"published", "paid", "won", "ended"}
    [lucky] = whole["lucks"]
    assert (lucky["depth"], lucky["digs"], 0 < lucky["p_value"] <= 1) == (1, 1, True)
    for who in ({"of": "task", "code": code}, {"of": "person", **by_person}):
        raw = (await http.get("/ops/timeline", params=who)).text
        for secret in (alice.unionid, bob.unionid, "seed_box"):
            assert secret not in raw


async def test_a_timeline_of_nothing_is_refused(client):
    await operator(client)
    code = await (await client.log_in("alice")).publish()
    for who, error in (
        ({"of": "task"}, "bad_request"),
        ({"of": "prize", "code": code}, "bad_request"),
        ({"of": "person", "code": code}, "bad_request"),
        ({"of": "all", "code": code}, "bad_request"),
        ({"of": "task", "code": "A" * 12}, "no_such_task"),
        ({"of": "person", "key": f"person:{'A' * 16}"}, "bad_request"),
    ):
        assert (await client.get("/ops/timeline", **who))["error"] == error, who


def test_pages_neither_overlap_nor_miss_what_happened_in_one_millisecond():
    events = [Event(at=9_000 - n // 3, what=f"{n}") for n in range(3 * PAGE)]
    read: list[Event] = []
    before, more = 0, True
    while more:
        page, more = page_of(events, before)
        read += page
        before = page[-1].at
    assert read == events
    assert page_of([], 0) == ([], False)
