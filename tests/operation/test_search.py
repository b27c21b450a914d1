"""The operators' search: people who never won too, treasures and prizes, by names and numbers."""

from __future__ import annotations

from typing import Any

import pytest

from server.store.digging.tasks import Tasks
from server.store.digging.terms import asked_terms
from server.store.people.people import People
from server.store.pipelines import newest_with
from support.client import Client
from support.planner import without_index
from support.stored import everything

LOOK, ACT = "look-" + "x" * 24, "act-" + "x" * 24
PHONE = "+86 138-0013-8000"


ENVIRONMENT = {"OPS_TOKENS": f"小林:look:{LOOK},老王:act:{ACT}"}


async def enter(client: Client, token: str) -> None:
    assert (await client.post("/ops/login", token=token))["status"] == 0


async def search(client: Client, query: str) -> dict[str, Any]:
    reply = await client.post("/ops/search", query=query)
    assert reply["status"] == 0, reply
    return reply


async def names(client: Client, query: str) -> list[str]:
    return [person["wxname"] for person in (await search(client, query))["people"]]


async def test_a_person_who_never_won_is_found_by_any_part_of_the_name_that_others_see(client, context):
    await enter(client, LOOK)
    strong = await client.log_in("strong", nickname="挖宝高手小强")
    await client.log_in("other", nickname="另一个人")
    for query in ("挖宝高手小强", "高手", "小强", "手 强", "  手小\n"):
        assert await names(client, query) == ["挖宝高手小强"], query
    for query in ("强小", ".*", "^挖", "$gt", "\U0010ffff" * 2):
        found = await search(client, query)
        assert (found["people"], found["data"], found["prizes"]) == ([], [], []), query
    assert (await strong.post("/setProfile", wxname="Lazy Bear"))["status"] == 0
    assert await names(client, "lazy") == await names(client, "EAR") == ["Lazy Bear"]
    assert await names(client, "高手") == []
    await client.log_in("strong", nickname="挖宝高手小强")  # others do not see WeChat's name
    assert (await names(client, "高手"), await names(client, "bear")) == ([], ["Lazy Bear"])
    [found] = (await search(client, "bear"))["people"]
    assert await names(client, found["key"].removeprefix("person:")) == ["Lazy Bear"]
    assert (await client.get("/ops/person", key=found["key"]))["wxname"] == "Lazy Bear"
    assert strong.unionid not in str(found)


async def test_a_treasure_is_found_by_the_middle_of_its_title_and_by_its_orders(client, context):
    await enter(client, LOOK)
    alice, bob = await client.log_in_all("alice", "bob")
    older = await alice.publish(name="机械键盘")
    newer = await alice.publish(name="青轴机械键盘，九成新")
    for query in ("机械键盘", "键盘"):
        assert [task["code"] for task in (await search(client, query))["data"]] == [newer, older]
    assert [task["code"] for task in (await search(client, "轴机"))["data"]] == [newer]
    assert (await alice.post("/endTask", code=newer))["status"] == 0
    found = await search(client, "键盘")
    assert [task["code"] for task in found["data"]] == [older, newer], "running ones come first"
    code = await alice.won_packet(bob)
    await bob.claim(code)
    order = await context.store.orders.collection.find_one({"code": code})
    bill = await context.store.bills.collection.find_one({"code": code})
    assert order is not None
    assert bill is not None
    for number in (order["_id"], order["transaction_id"]):
        found = await search(client, number)
        assert [task["code"] for task in found["data"]] == [code]
        assert [person["wxname"] for person in found["people"]] == [alice.data["nickName"]]
    found = await search(client, bill["_id"])
    assert [(prize["code"], prize["depth"], prize["by"]) for prize in found["prizes"]] == [(code, 1, "bill")]
    assert [person["wxname"] for person in found["people"]] == [bob.data["nickName"]]


async def test_goods_are_found_by_parcel_and_by_phone_but_not_by_who_may_only_look(client, context):
    alice, bob = await client.log_in_all("alice", "bob")
    code = await alice.publish(forecast_num=1, draw_type=2, cd=0)
    assert (await bob.dig(code))["is_prize"] == 1
    where = {"receiver": "小波", "phone": PHONE, "address": "北京"}
    assert (await bob.claim(code, **where))["status"] == 0
    await alice.get("/getWinners", code=code)
    sent = await alice.post("/shipPrize", code=code, depth=1, carrier="其他", number="SF12345678")
    assert sent["status"] == 0, sent
    await enter(client, LOOK)
    assert [prize["by"] for prize in (await search(client, "SF12345678"))["prizes"]] == ["parcel"]
    assert (await search(client, "13800138000"))["prizes"] == []
    await client.post("/ops/logout")
    await enter(client, ACT)
    for query in ("13800138000", "138 0013 8000", PHONE):
        found = await search(client, query)
        assert [(prize["by"], prize["depth"]) for prize in found["prizes"]] == [("phone", 1)]
        assert [person["wxname"] for person in found["people"]] == [bob.data["nickName"]]
        assert "8000" not in str(found)
    prize = await context.store.prizes.find(f"{code}:1")
    assert "8000" not in str(prize)
    arrived = {"state": "received", "received_at": 1, "given_at": 1}
    await context.store.prizes.collection.update_many({}, {"$set": arrived})
    await context.store.prizes.delete_old_addresses(2, 1)
    assert (await search(client, PHONE))["prizes"] == (await search(client, "SF12345678"))["prizes"] == []


async def test_what_is_no_search_is_refused_and_a_token_is_answered_like_any_text_and_not_looked_for(
    client, context, monkeypatch, caplog
):
    caplog.set_level("DEBUG")
    await enter(client, LOOK)
    for query in ("", "强", " 强 ", " \n ", "\u200d", "长" * 65, "长" * 10_000, ["a"], {"$gt": ""}):
        assert (await client.post("/ops/search", query=query))["error"] == "bad_request", query
    searched, search_people = list[str](), People.search

    async def noted(people: People, text: str, *rest: int) -> Any:
        searched.append(text)
        return await search_people(people, text, *rest)

    monkeypatch.setattr(People, "search", noted)
    assert await search(client, ACT) == await search(client, "b" + ACT[1:])
    assert [len(text) for text in searched] == [len(ACT)] * 2
    assert "/ops/search" in caplog.text
    for kept in (str(searched), caplog.text, str(await everything(context))):
        assert ACT not in kept
    assert (await client.get("/ops/search", query="a"))["error"] != ""


@pytest.mark.parametrize("text", ["红", "挖宝高手", ".*", "🎁🎀" * 16])
@pytest.mark.parametrize(
    ("kind", "index", "at", "among"),
    [(People, "named", "created_at", {}), (Tasks, "by_term", "opened_at", {"status": 1})],
)
def test_each_search_by_name_reads_one_index_in_its_order(text, kind, index, at, among):
    named = [each for each in kind.INDEXES if each.document["name"] == index]
    for since_ms, fields in ((0, ["terms", *among]), (1, ["terms", *among, at])):
        pipeline = newest_with(asked_terms(text), 50, since_ms, at, **among)
        assert list(pipeline[0]["$match"]) == fields
        query: dict[str, Any] = {"aggregate": kind.NAME, "pipeline": pipeline}
        assert list(without_index(query, {kind.NAME: named})) == []
