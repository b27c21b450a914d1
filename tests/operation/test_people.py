"""People whom operators can reach: those who published, dug, chose a name, reported or shared."""

from __future__ import annotations

from typing import Any, ClassVar

from server.actions.people import whom
from server.context import Context
from server.game.amounts import DAY_MS
from support.client import Client, Someone
from support.operators import operator
from support.reviews import CHECKED, settle

REASON = "捣乱"


async def check_reached(client: Client, context: Context, someone: Someone, key: str) -> None:
    """Assert that with this key an operator can open the person's page, log them out, ban and unban them."""
    found = await client.get("/ops/person", key=key)
    assert (found["status"], found["wxname"]) == (0, someone.data["nickName"])
    assert someone.unionid not in key + str(found)
    assert (await client.post("/ops/signout", key=key, reason=REASON))["status"] == 0
    assert (await someone.get("/getMyInfo"))["error"] == "bad_token"
    assert (await client.post("/ops/ban", key=key, days=1, reason=REASON))["status"] == 0
    person = await context.store.people.find(someone.unionid)
    assert person is not None
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
    await context.store.people.collection.update_one({"_id": someone.unionid}, {"$set": long_ago})
    return someone


async def test_a_reporter_is_reached_by_their_report(client, context, monkeypatch):
    monkeypatch.setattr(whom, "READ_REPORTS", 3)
    await operator(client)
    alice = await client.log_in("alice")
    code, other = await alice.publish(), await alice.publish(forecast_num=100_000)
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


async def test_a_sharer_is_shown_and_reached_even_if_they_only_shared(client, context, alice, bob, carol):
    await operator(client)
    code = await alice.publish(forecast_num=100_000)
    share = (await carol.get("/getTaskDetails", code=code))["share"]
    await bob.get("/getTaskDetails", code=share)
    await bob.dig(code)
    await context.background.finish()
    assert (await client.get("/ops/person", code=code, depth=0))["brought_by"] == []
    [brought] = (await client.get("/ops/person", code=code, depth=1))["brought_by"]
    assert (brought["code"], brought["wxname"]) == (code, carol.data["nickName"])
    await check_reached(client, context, carol, brought["key"])


async def test_operators_see_that_somebody_deletes_their_account(client, alice):
    await operator(client)
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
    ({"key": f"share:{'A' * 21}"}, "key"),
    ({"key": f"task:{'A' * 12}"}, "key"),
    ({"key": f"profile:{'A' * 12}"}, "key"),
    ({"key": f"share:{'A' * 20}"}, "key"),
    ({"key": f"report:{'A' * 12}:{'A' * 12}"}, "key"),
]


async def test_a_person_named_twice_or_not_at_all_or_who_is_not_there_is_refused(client):
    for who, param in BAD:
        await operator(client)
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
        await operator(client)
        assert (await alice.post("/setProfile", wxname="存疑的人"))["review"] == "checking"
        await settle(context)
        [held] = (await client.get("/ops/reviews"))["data"]
        assert held["code"] == ""
        await check_reached(client, context, alice, held["key"])
