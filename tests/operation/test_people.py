"""People whom operators can reach; the timeline of a person, a treasure or a prize."""

from typing import Any, ClassVar

import pytest

from server.context import Context
from server.game.amounts import DAY_MS
from server.operation import counting, timeline
from server.operation.timeline import PAGE, Event, page_of
from support.client import Client, Someone
from support.operators import hide
from support.planner import without_index
from support.purse import rest
from support.reviews import CHECKED, settle

pytestmark = pytest.mark.usefixtures("operating")

REASON = "捣乱"


async def check_reached(client: Client, context: Context, someone: Someone, key: str) -> None:
    """Assert that with this key an operator can open the person's page, log them out, ban and unban them."""
    found = await client.get("/ops/person", key=key)
    assert (found["status"], found["wxname"]) == (0, someone.data["nickName"])
    assert someone.unionid not in key + str(found)
    assert (await client.post("/ops/signout", key=key, reason=REASON))["status"] == 0
    assert (await someone.get("/getMyInfo"))["error"] == "bad_token"
    assert (await client.post("/ops/ban", key=key, days=1, reason=REASON))["status"] == 0
    person = await context.store.people.find(someone.id)
    assert person["banned"]["reason"] == REASON
    assert (await client.get("/ops/person", key=key))["ban"]["reason"] == REASON
    assert (await client.post("/ops/unban", key=key, reason=REASON))["status"] == 0
    log = (await client.get("/ops/log"))["data"]
    assert [(act["act"], act["target"]) for act in log] == [(act, key) for act in ("unban", "ban", "signout")]


async def old(client: Client, context: Context, user: str, code: str) -> Someone:
    """Return somebody who logged in first long ago, and dug."""
    someone = await client.log_in(user)
    assert (await someone.dig(code))["status"] == 0
    long_ago = {"created_at": context.clock.now_ms() - 2 * DAY_MS}
    await context.store.people.collection.update_one({"_id": someone.id}, {"$set": long_ago})
    return someone


async def test_a_reporter_is_reached_by_their_report(client, context, alice):
    code = await alice.publish()
    other = await alice.publish(forecast_num=100_000)
    bob, carol, dave = [await old(client, context, user, other) for user in ("bob", "carol", "dave")]
    for someone, text in ((bob, "假的"), (carol, ""), (dave, "骗人")):
        assert (await someone.post("/report", code=code, reason="fraud", text=text))["status"] == 0
    for someone in await client.log_in_all("eve", "frank", "grace"):  # many reports at once
        assert (await someone.post("/report", code=code, reason="other"))["status"] == 0
    [queued] = (await client.get("/ops/reports"))["data"]
    said = [(each["reason"], each["text"]) for each in queued["reporters"]]
    assert said == [("fraud", "假的"), ("fraud", ""), ("fraud", "骗人")]
    await check_reached(client, context, carol, queued["reporters"][1]["key"])
    assert [(await each.get("/getMyInfo"))["status"] for each in (bob, dave)] == [0, 0]


async def test_operators_see_that_somebody_deletes_their_account(client, alice):
    code = await alice.publish()
    assert (await alice.post("/endTask", code=code))["status"] == 0
    assert (await client.get("/ops/person", code=code, depth=0))["delete_at"] == 0
    asked = await alice.post("/deleteAccount")
    assert (await client.get("/ops/person", code=code, depth=0))["delete_at"] == asked["delete_at"] > 0


BAD: list[tuple[dict[str, Any], str]] = [
    ({}, "code"),
    ({"depth": 1}, "code"),
    ({"code": "A" * 12}, "depth"),
    ({"code": "A" * 12, "depth": 0, "key": f"task:{'A' * 12}"}, "key"),
    ({"key": "task:x"}, "key"),
    ({"key": f"person:{'A' * 15}"}, "key"),
    ({"key": f"task:{'A' * 12}"}, "key"),
    ({"key": f"profile:{'A' * 12}"}, "key"),
    ({"key": f"person:{'A' * 16}"}, "key"),
]


async def test_a_person_named_twice_or_not_at_all_or_who_is_not_there_is_refused(client):
    for who, param in BAD:
        for reply in (
            await client.get("/ops/person", **who),
            await client.post("/ops/ban", **who, days=1, reason=REASON),
            await client.post("/ops/signout", **who, reason=REASON),
        ):
            assert (reply["error"], reply["param"]) == ("bad_request", param)


class TestChecked:
    """On a server where WeChat checks contents."""

    ENVIRONMENT: ClassVar = {**CHECKED}

    async def test_a_chosen_name_leads_to_its_person(self, client, context, alice):
        assert (await alice.post("/setProfile", wxname="【存疑】的人"))["review"] == "checking"
        await settle(context)
        [held] = (await client.get("/ops/reviews"))["data"]
        assert held["code"] == ""
        await check_reached(client, context, alice, held["key"])


async def read(client: Client, **who: Any) -> list[dict[str, Any]]:
    reply = await client.get("/ops/timeline", **who)
    assert reply["status"] == 0, reply
    found: list[dict[str, Any]] = reply["data"]
    assert [event["at"] for event in found] == sorted((event["at"] for event in found), reverse=True)
    return found


async def test_won_and_got_nothing_is_answered_by_one_timeline(client, context, alice, bob):
    code = await alice.won_packet(bob)
    prize = {"what": "prize", "code": code, "depth": 1}
    assert (await client.post("/ops/freeze", **prize, reason="先看看"))["status"] == 0
    assert (await bob.claim(code))["error"] == "payout_held"
    assert (await client.post("/ops/release", **prize, reason="没有问题"))["status"] == 0
    assert (await bob.claim(code))["status"] == 0
    await rest(context)
    by_person = {"code": code, "depth": 1}
    assert (await client.post("/ops/ban", **by_person, days=1, reason="捣乱"))["status"] == 0
    moved = {"prize_made", "prize_claimed", "bill_made", "act_freeze_prize"}
    paid = {"order_paid", "opened"}
    for who, told in (
        ({"of": "prize", **by_person}, moved | paid | {"act_release_prize", "task_opened_by_payment"}),
        ({"of": "person", **by_person}, moved | {"first_login", "joined", "act_ban"}),
        ({"of": "person", "code": code, "depth": 0}, paid | {"task_made", "order_made"}),
        ({"of": "task", "code": code}, paid | {"task_made", "prize_made", "task_ended"}),
    ):
        story = await read(client, **who)
        assert {event["what"] for event in story} >= told, who
        for each in (event for event in story if event["what"] == "act_release_prize"):
            assert (each["by"], each["why"], each["state"]) == ("operator:管理员", "没有问题", "done")
        for bill in (event for event in story if event["what"] == "bill_made"):
            assert (bill["amount_fen"], bill["code"], bill["number"] != "") == (200, code, True)
        for secret in (alice.id, bob.id, "seed_box"):
            assert secret not in str(story)
    double = await alice.publish_packet(prize_num=2, forecast_num=20, interval=10, fluctuation=0)
    [published] = [each for each in await read(client, of="task", code=double) if each["what"] == "task_made"]
    assert published["amount_fen"] == 400  # for both prizes


async def test_a_timeline_reads_the_newest_and_says_since_when(trips, client, context, monkeypatch, alice):
    code = await alice.publish(forecast_num=100_000)
    for hidden in (1, 0, 1):
        await hide(client, code, hidden, "看看")
    _, second, _ = (await client.get("/ops/log"))["data"]
    for read, since in ((timeline.READ, 0), (3, 0), (2, second["at"])):
        monkeypatch.setattr(timeline, "READ", read)
        for who in ({"of": "task"}, {"of": "person", "depth": 0}):
            trips.commands.clear()
            reply = await client.get("/ops/timeline", code=code, **who)
            assert reply["whole_since"] == since, who
            assert sum(event["what"].startswith("act_") for event in reply["data"]) == min(read, 3)
            reads = [each for each in trips.commands if next(iter(each)) in ("find", "aggregate")]
            assert {each["find"] for each in reads if "find" in each} >= {"audit_log", "reports"}
            assert [lack for each in reads for lack in without_index(each, context.store.indexes())] == []


async def test_a_timeline_of_nothing_is_refused(client):
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


class TestLimits:
    ENVIRONMENT: ClassVar = {"CASH_PAIR_WEEK_YUAN": "3"}

    async def test_each_move_is_told_with_who_made_it_however_often(self, client, context, alice, bob):
        codes = []
        for _ in range(2):
            codes.append(await alice.won_packet(bob))
            claimed = await bob.claim(codes[-1])
        assert claimed["error"] == "payout_held"
        elsewhere, code = codes
        winner = {"what": "person", "code": elsewhere, "depth": 1}
        one = {"what": "prize", "code": code, "depth": 1}
        for _ in range(2):
            assert (await client.post("/ops/freeze", **winner, reason="是小号"))["status"] == 0
            await rest(context)
            assert (await client.post("/ops/release", **one, reason="太早"))["status"] != 0
            assert (await client.post("/ops/release", **winner, reason="不是小号"))["status"] == 0
            await rest(context)
        assert (await client.post("/ops/release", **one, reason="查清了"))["status"] == 0
        await bob.take(code)
        of_prize = {"of": "prize", "code": code, "depth": 1}
        for who in (of_prize, {"of": "task", "code": code}, {"of": "person", "code": code, "depth": 1}):
            story = (await read(client, **who))[::-1]
            moves = [each for each in story if each["code"] == code and each["what"].startswith("prize_")]
            assert [(each["what"].removeprefix("prize_"), each["by"]) for each in moves] == [
                *(("made", ""), ("claimed", "person"), ("held", "limit:pair")),
                *(("frozen", "operator:管理员"), ("released", "operator:管理员")) * 2,
                *(("released_alone", "operator:管理员"), ("claimed", "person"), ("approved", "server")),
                ("given_by_bill", "wechat"),
            ], who
            reasons = {each["why"] for each in story if each["what"].startswith("act_")}
            assert reasons >= {"是小号", "不是小号", "查清了"}


async def test_what_ended_a_treasure_is_told_to_its_publisher_and_winner(client, context, alice, bob):
    code = await alice.publish(prize_num=2, interval=1, fluctuation=0, forecast_num=2, cd=0)
    await bob.dig(code)
    assert (await client.post("/ops/end", code=code, reason="是假的", fraud=1))["status"] == 0
    await rest(context)
    for depth, what in ((0, "task_ended"), (1, "prize_frozen")):
        story = await read(client, of="person", code=code, depth=depth)
        [told] = [each for each in story if each["what"] == what]
        assert told["by"] == "operator:管理员"
        assert "是假的" in {each["why"] for each in story}


async def test_the_verdict_finds_what_contradicts_the_record(client, context, monkeypatch, alice, bob, carol):
    code = await alice.publish(prize_num=2, interval=1, fluctuation=0, forecast_num=2, cd=0)
    await bob.dig(code)

    async def judged():
        await context.background.finish()
        return (await client.get("/ops/timeline", of="task", code=code))["verdict"]

    verdict = await judged()
    assert (verdict["ended"], verdict["differences"]) == (0, [])
    await carol.dig(code)
    verdict = await judged()
    page = await alice.get("/getTaskDetails", code=code)
    assert verdict == {"commitment": page["data"]["commitment"], "ended": 1, "compared": 1, "differences": []}
    digs = context.store.digs.rows
    won = await digs.find_one({"_id": f"{code}:1"})
    await digs.update_one({"_id": f"{code}:1"}, {"$unset": {"won_by": ""}, "$set": {"is_prize": 0}})
    found = (await judged())["differences"]
    assert {"what": "draw", "values": ["2"]} in found
    assert {"what": "wins", "values": ["2", "1"]} in found
    await digs.replace_one({"_id": f"{code}:1"}, won)
    assert (await judged())["differences"] == []
    await context.store.tasks.rows.update_one({"_id": code}, {"$set": {"commitment": "0" * 64}})
    assert [each["what"] for each in (await judged())["differences"]] == ["draw"]
    monkeypatch.setattr(counting, "CHECKED_DIGS", 1)
    assert (await judged())["compared"] == 0
    await context.store.tasks.rows.update_one({"_id": code}, {"$set": {"seed_box.box": b"damaged"}})
    assert (await judged())["differences"] == [{"what": "seed", "values": []}]


async def test_reports_are_events_of_the_task_and_of_the_person(client, context, alice, bob):
    code = await alice.publish(forecast_num=100_000)
    await bob.dig(code)
    await context.store.people.rows.update_one({"_id": bob.id}, {"$set": {"created_at": 1}})
    assert (await bob.post("/report", code=code, reason="fraud", text="图是假的"))["status"] == 0
    await hide(client, code, 1, "是假的")
    [reported] = [each for each in await read(client, of="task", code=code) if each["what"] == "reported"]
    assert (reported["wxname"], reported["why"], reported["state"]) == ("bob", "fraud: 图是假的", "upheld")
    theirs = await read(client, of="person", code=code, depth=1)
    assert {each["code"] for each in theirs if each["what"] == "joined"} == {code}
    assert [each["why"] for each in theirs if each["what"] == "reported"] == ["fraud: 图是假的"]


def test_pages_neither_overlap_nor_miss_what_happened_in_one_millisecond():
    events = [Event(at=9_000 - n // 3, what=f"{n}") for n in range(3 * PAGE)]
    read: list[Event] = []
    before = 0
    more = True
    while more:
        page, more = page_of(events, before)
        read += page
        before = page[-1].at
    assert read == events
    assert page_of([], 0) == ([], False)
