"""Operators as persons, each with a role and a token: what they find and export, and their log."""

import asyncio
import csv
import io
from collections.abc import AsyncGenerator
from datetime import datetime
from typing import Any

import httpx
import msgspec
import pytest

from handlers.ops import log
from handlers.ops.operators import COOKIE
from handlers.prizes.prizes import ADDRESS_DELETED
from server.actions import operate
from server.actions.people import erase as erasing
from server.context import Context
from server.errors import BadSettings
from server.game.amounts import BEIJING
from server.settings import read_settings
from server.store.people.people import People
from server.store.prizes import prizes as stored_prizes
from server.store.prizes.prizes import GIVEN_AT_ONCE, Prize, Prizes
from support.client import Client
from support.meanwhile import meanwhile
from support.operators import begin_and_hang_up, hide
from support.production import PRODUCTION
from support.stored import everything

LOOK, ACT, MONEY = (f"{role}-{'x' * 24}" for role in ("look", "act", "money"))
OPS_TOKENS = f"小林:look:{LOOK}, 老王:act:{ACT},赵会计:money:{MONEY}"


ENVIRONMENT = {"OPS_TOKEN": "open sesame", "OPS_TOKENS": OPS_TOKENS}


async def enter(client: Client, token: str, **typed: str) -> dict[str, Any]:
    reply: dict[str, Any] = await client.post("/ops/login", token=token, **typed)
    return reply


async def test_the_log_names_whose_token_it_is_and_the_shared_one_asks_for_a_name(client, context):
    for typed in ({}, {"name": "  "}):
        assert (await enter(client, "open sesame", **typed))["error"] == "bad_request"
    assert COOKIE not in client.http.cookies
    code = await (await client.log_in("alice")).publish()
    for token, typed, name, role, hidden in (
        (ACT, "赵会计", "老王", "act", 1),
        ("open sesame", "老王", "老王", "money", 0),
        (LOOK, "", "小林", "look", None),
    ):
        assert (await enter(client, token, name=typed))["status"] == 0
        me = await client.get("/ops/me")
        assert (me["name"], me["role"], me["shared"]) == (name, role, int(token == "open sesame"))
        if hidden is not None:
            await hide(client, code, hidden, "看看")
    log = (await client.get("/ops/log"))["data"]
    assert [(act["operator"], act["shared"]) for act in log] == [("老王", 1), ("老王", 0)]
    # Operators read that real people see what nobody checked.
    assert me["off"] == ["messages"]
    context.settings = msgspec.structs.replace(context.settings, wechat_appid="wx1")
    assert (await client.get("/ops/me"))["off"] == ["messages", "checks"]


ACTS: dict[str, dict[str, Any]] = {
    "/ops/end": {"code": "A" * 12},
    "/ops/hide": {"code": "A" * 12, "hidden": 1},
    "/ops/feature": {"code": "A" * 12, "featured": 1},
    "/ops/daily": {"code": "A" * 12, "daily": 1},
    "/ops/signout": {"code": "A" * 12, "depth": 0},
    "/ops/ban": {"code": "A" * 12, "depth": 0, "days": 1},
    "/ops/unban": {"code": "A" * 12, "depth": 0},
    "/ops/decide": {"key": f"task:{'A' * 12}", "shown": 1},
    "/ops/freeze": {"what": "task", "code": "A" * 12},
    "/ops/release": {"what": "task", "code": "A" * 12},
    "/ops/return": {"what": "task", "code": "A" * 12},
    "/ops/trust": {"code": "A" * 12, "depth": 1, "trusted": 1},
    "/ops/winners": {"month": "2026-11"},
}


# Requests that are not acts: they change only the operator's own session.
READS = {"/ops/login", "/ops/logout", "/ops/search"}


async def test_who_may_only_look_is_refused_every_act_and_nothing_changes(client, context, alice, bob):
    code = await alice.won_goods(bob)
    await enter(client, LOOK)
    assert (await client.post("/ops/search", query="猫咪"))["status"] == 0
    described = (await client.http.get("/openapi.json")).json()["paths"]
    acts = {path for path, methods in described.items() if path.startswith("/ops/") and "post" in methods}
    assert acts - READS == set(ACTS)
    await context.background.finish()
    before = await everything(context)
    for path, body in ACTS.items():
        real = body | ({"code": code} if "code" in body else {})
        for asked in ({**real, "reason": "试试"}, {}):
            reply = await client.post(path, **asked)
            assert (reply["error"], reply["trace_id"] != "") == ("not_allowed", True), path
    await context.background.finish()
    assert await everything(context) == before


async def test_only_the_role_money_ends_a_red_packet(client, alice):
    goods = await alice.publish()
    packet = await alice.publish_packet()
    await alice.pay(packet)
    await enter(client, ACT)
    assert (await client.post("/ops/end", code=packet, reason="试试"))["error"] == "not_allowed"
    for path in ("freeze", "release", "return"):
        refused = await client.post(f"/ops/{path}", what="task", code=packet, reason="试试")
        assert refused["error"] == "not_allowed"
    assert (await client.post("/ops/end", code=goods, reason="违规"))["status"] == 0
    await enter(client, MONEY)
    assert (await client.post("/ops/end", code=packet, reason="违规"))["status"] == 0
    log = (await client.get("/ops/log"))["data"]
    assert [(act["operator"], act["target"]) for act in log] == [("赵会计", packet), ("老王", goods)]


async def test_a_token_that_was_taken_away_ends_its_sessions_and_no_others(client, context):
    cookies = []
    for token in (ACT, MONEY):
        await enter(client, token)
        cookies.append({"Cookie": f"{COOKIE}={client.http.cookies[COOKIE]}"})
    client.http.cookies.clear()
    context.settings = read_settings({"OPS_TOKENS": f"赵会计:look:{MONEY}"})
    assert (await client.get("/ops/log", cookies[0]))["error"] == "token_required"
    assert (await client.get("/ops/me", cookies[1]))["role"] == "look"
    assert (await enter(client, "open sesame", name="x"))["error"] == "bad_token"


@pytest.mark.parametrize(
    ("listed", "said"),
    [
        ("小林", "name:role:token"),
        ("小林:look", "name:role:token"),
        ("小林:admin:secret", "name:role:token"),
        (":look:secret", "name:role:token"),
        ("小林:look:a:secret", "name:role:token"),
        (f"{'林' * 33}:look:secret", "32"),
        ("小林:look:secret,小林:act:other", "小林 twice"),
        ("小林:look:secret,老王:act:secret", "nobody else"),
        ("小林:look:shared", "nobody else"),
    ],
)
def test_a_bad_list_is_told_in_one_line_without_a_token(listed, said):
    with pytest.raises(BadSettings) as refused:
        read_settings({"OPS_TOKENS": listed, "OPS_TOKEN": "shared"})
    assert said in str(refused.value)
    assert "OPS_TOKENS" in str(refused.value)
    assert "secret" not in str(refused.value)
    assert "\n" not in str(refused.value)


def test_production_takes_persons_in_place_of_the_shared_token_and_checks_each():
    good = {**PRODUCTION, "OPS_TOKEN": "", "OPS_TOKENS": f"小林:look:{PRODUCTION['OPS_TOKEN']}"}
    assert [(one.name, one.role) for one in read_settings(good).operators] == [("小林", "look")]
    with pytest.raises(BadSettings, match="the token of 老王 in OPS_TOKENS must have at least 24") as refused:
        read_settings({**good, "OPS_TOKENS": f"{good['OPS_TOKENS']},老王:act:{'weak' * 6}"})
    assert "weak" not in str(refused.value)
    assert "weak" not in repr(read_settings({"OPS_TOKENS": "小林:look:weak"}).operators)


HOUR_MS = 3_600_000


def an_act(at: int, **more: Any) -> dict[str, Any]:
    plain = {"operator": "小林", "act": "hide", "target": "x", "reason": "", "outcome": "done", "shared": 0}
    return {"at": at, **plain, **more}


async def read(client: Client, **wanted: Any) -> list[dict[str, Any]]:
    reply = await client.get("/ops/log", **wanted)
    assert reply["status"] == 0, reply
    found: list[dict[str, Any]] = reply["data"]
    return found


async def test_the_log_names_people_and_treasures_and_is_found_by_each_field(client, context, alice, bob):
    code = await alice.publish(name="机械键盘", forecast_num=100_000)
    await bob.dig(code)
    await client.post("/ops/login", token=ACT)
    await hide(client, code, 1, "看看")
    await hide(client, code, 0, "好了")
    await client.post("/ops/ban", code=code, depth=1, days=1, reason="捣乱")
    ban, shown, hidden = await read(client)
    named = [(act["name"], act["depth"], act["wxname"]) for act in (ban, shown, hidden)]
    assert named == [("机械键盘", 1, "bob"), *[("机械键盘", 0, "")] * 2]
    number = ban["key"].removeprefix("person:")
    assert (await client.get("/ops/person", key=ban["key"]))["wxname"] == "bob"
    other = an_act(1, operator="小林", act="unban", target=f"person:{number}", person=number)
    await context.store.audit_log.rows.insert_one(other)
    for wanted, acts in (
        ({"operator": "老王"}, ["ban", "show", "hide"]),
        ({"operator": "小林"}, ["unban"]),
        ({"act": "ban"}, ["ban"]),
        ({"about": code}, ["ban", "show", "hide"]),
        ({"about": number}, ["ban", "unban"]),
        ({"since": hidden["at"], "until": ban["at"]}, ["show", "hide"]),
        ({"operator": "老王", "act": "hide", "about": code, "since": 1}, ["hide"]),
        ({"operator": ".*"}, []),
        ({"about": "C" * 11}, []),
    ):
        assert [act["act"] for act in await read(client, **wanted)] == acts, wanted
    for wrong in (
        {"about": "x"},
        {"act": "$ne"},
        {"since": -1},
        {"since": 2, "until": 2},
        {"operator": "长" * 65},
    ):
        assert (await client.get("/ops/log", **wrong))["error"] == "bad_request", wrong


async def test_pages_of_the_log_miss_nothing_and_cost_no_trip_per_act(trips, client, context, monkeypatch):
    monkeypatch.setattr(log, "SHOWN_ACTS", 20)
    now_ms = context.clock.now_ms()
    times = [now_ms - n // 3 for n in range(50)]
    times += [now_ms - n * n * HOUR_MS for n in range(10, 20)] + [5] * 30
    await context.store.audit_log.rows.insert_many([an_act(at, target=f"{n}") for n, at in enumerate(times)])
    await client.post("/ops/login", token=LOOK)
    found: list[dict[str, Any]] = []
    more = 1
    until = 0
    while more:
        reply = await client.get("/ops/log", until=until)
        found = found + reply["data"]
        more = reply["more"]
        until = reply["data"][-1]["at"]
    assert sorted(int(act["target"]) for act in found) == list(range(90))
    assert [act["at"] for act in found] == sorted(times, reverse=True)
    monkeypatch.undo()
    code = "A" * 12
    named = [an_act(now_ms, code=code, target=code, person=f"{n:016}") for n in range(200)]
    await context.store.audit_log.rows.insert_many(named)
    trips.sent.clear()
    assert len(await read(client)) >= 200
    assert len(trips.sent) < 10, trips.sent


ASKED = {"month": "2026-11", "reason": "报税"}
WHERE = {"receiver": "=HYPERLINK(1)", "phone": "13800001111", "address": "杭州市西湖区文三路 90 号"}


def ms(*moment: int) -> int:
    return int(datetime(*moment, tzinfo=BEIJING).timestamp() * 1000)  # type: ignore[misc, arg-type]


async def won(client: Client) -> dict[str, str]:
    """Let three prizes be won and two given: goods by mail of 2,999 yuan, and 2 yuan of a red packet."""
    alice, bob = await client.log_in_all("alice", "bob")
    codes = {"mailed": await alice.publish(name="@电视", forecast_num=1, value=2999)}
    await bob.win(codes["mailed"])
    assert (await bob.claim(codes["mailed"], **WHERE))["is_draw"] == 1
    codes["packet"] = await alice.won_packet(bob)
    await bob.take(codes["packet"])
    codes["unclaimed"] = await alice.won_goods(bob)
    return codes


async def given_at(context: Context, code: str, at_ms: int) -> None:
    await context.store.prizes.rows.update_one({"code": code}, {"$set": {"given_at": at_ms}})


async def table(client: Client, **asked: str) -> list[dict[str, str]]:
    found = await client.http.post("/ops/winners", json=ASKED | asked)
    assert found.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert found.headers["Content-Disposition"].endswith(f'"winners-{(ASKED | asked)["month"]}.csv"')
    return list(csv.DictReader(io.StringIO(found.content.decode("utf-8-sig"))))


async def test_a_months_winners_are_exported_by_the_role_money_alone_and_logged(client, context, monkeypatch):
    monkeypatch.setattr(stored_prizes, "GIVEN_AT_ONCE", 1)
    codes = await won(client)
    await given_at(context, codes["mailed"], ms(2026, 11, 1))
    await given_at(context, codes["packet"], ms(2026, 12, 1) - 1)
    await client.post("/ops/login", token=ACT)
    assert (await client.post("/ops/winners", **ASKED))["error"] == "not_allowed"
    await client.post("/ops/login", token=MONEY)
    for wrong in ({"month": "2026-13"}, {"month": "2026-1"}, {"month": ""}, {"reason": ""}):
        assert (await client.post("/ops/winners", **ASKED | wrong))["error"] == "bad_request"
    assert (await client.get("/ops/log"))["data"] == []
    rows = await table(client)
    assert [row["宝贝编号"] for row in rows] == [codes["mailed"], codes["packet"]]
    assert [row["价值（元）"] for row in rows] == ["2999.00", "2.00"]
    assert [row["领取时间"] for row in rows] == ["2026-11-01 00:00:00", "2026-11-30 23:59:59"]
    assert [(row["中奖者"], row["发布者"]) for row in rows] == [("bob", "alice")] * 2
    # A cell that a spreadsheet would take for a formula is made a text.
    assert (rows[0]["宝贝"], rows[0]["姓名"], rows[0]["电话"]) == ("'@电视", "'=HYPERLINK(1)", "13800001111")
    assert (rows[1]["姓名"], rows[1]["电话"], rows[1]["种类"]) == ("", "", "红包")
    assert await table(client, month="2026-10") == await table(client, month="2026-12") == []
    log = (await client.get("/ops/log"))["data"]
    assert [(act["operator"], act["act"], act["target"], act["reason"], act["outcome"]) for act in log] == [
        ("赵会计", "export_prizes", month, "报税", "done") for month in ("2026-12", "2026-10", "2026-11")
    ]
    # Erased winners are told apart by their ids.
    bob = client.people["bob"].id
    await erasing.erase(context.store, bob)
    rows = await table(client)
    assert [(row["中奖者"], row["电话"]) for row in rows] == [(f"已注销 {bob}", "")] * 2
    assert {row["姓名"] for row in rows} == {"", ADDRESS_DELETED}


async def test_of_prizes_of_several_kinds_each_has_its_own_name_and_value(client, context, alice, bob, carol):
    kinds = [{"name": "电视", "prize_num": 1, "value": 2999}, {"name": "毛巾", "prize_num": 1}]
    several = {"interval": 1, "fluctuation": 0, "prize_num": 2, "forecast_num": 2}
    half = {"sealed_seed": (await alice.get("/commitment"))["sealed_seed"], "nonce": "0" * 32}
    code = await alice.publish(prizes=kinds, draw_type=1, **several, **half)
    for winner in (bob, carol):
        await winner.win(code)
        pickup = (await winner.claim(code))["pickup"]
        assert (await alice.post("/confirmDraw", code=code, pickup=pickup))["status"] == 0
    await context.store.prizes.rows.update_many({}, {"$set": {"given_at": ms(2026, 11, 2)}})
    await client.post("/ops/login", token=MONEY)
    found = {(row["奖品"], row["价值（元）"], row["宝贝"]) for row in await table(client)}
    assert found == {("电视", "2999.00", "一只猫"), ("毛巾", "", "一只猫")}


async def test_an_export_that_fails_is_cut_off_and_stays_begun_in_the_log(client, context, monkeypatch):
    monkeypatch.setattr(stored_prizes, "GIVEN_AT_ONCE", 1)
    codes = await won(client)
    for number, code in enumerate((codes["mailed"], codes["packet"])):
        await given_at(context, code, ms(2026, 11, 2) + number)
    opened: list[Any] = []
    open_address = operate.open_address

    def fail(*arguments: Any) -> Any:
        opened.append(arguments)
        if len(opened) == 2:
            raise ConnectionError
        return open_address(*arguments)

    monkeypatch.setattr(operate, "open_address", fail)
    await client.post("/ops/login", token=MONEY)
    with pytest.raises(httpx.RemoteProtocolError):
        await client.http.post("/ops/winners", json=ASKED)
    (act,) = (await client.get("/ops/log"))["data"]
    assert (act["act"], act["outcome"]) == ("export_prizes", "begun")


async def test_an_export_ends_when_its_client_hangs_up(trips, client, context, settings, monkeypatch):
    codes = await won(client)
    prize = await context.store.prizes.find(f"{codes['packet']}:1")
    given = {"given_at": ms(2026, 11, 2), "wxname": "长" * 3_000}
    prizes = 600
    for first in range(0, prizes, 100):
        batch = [{**prize, **given, "_id": f"{n}", "person_id": f"{n}"} for n in range(first, first + 100)]
        await context.store.prizes.rows.insert_many(batch)
    read = list[str]()
    ended = asyncio.Event()
    given_between = Prizes.given_between

    async def watched(self: Prizes, from_ms: int, until_ms: int) -> AsyncGenerator[list[Prize]]:
        found = given_between(self, from_ms, until_ms)
        try:
            async for some in found:
                read.extend(prize["_id"] for prize in some)
                yield some
        finally:
            await found.aclose()
            ended.set()

    monkeypatch.setattr(Prizes, "given_between", watched)
    await client.post("/ops/login", token=MONEY)
    await begin_and_hang_up(client.http, settings, "/ops/winners", **ASKED)
    async with asyncio.timeout(10):
        await ended.wait()
    assert 0 < len(read) < prizes
    # A part is read only after the part before was sent, so a million rows need no more memory.
    assert sum(each.startswith("getMore") for each in trips.sent) <= len(read) // GIVEN_AT_ONCE
    assert "killCursors prizes" in trips.sent
    [act] = [each for each in (await client.get("/ops/log"))["data"] if each["act"] == "export_prizes"]
    assert act["outcome"] == "begun"


PHONE = "+86 138-0013-8000"


async def search(client: Client, query: str) -> dict[str, Any]:
    reply = await client.post("/ops/search", query=query)
    assert reply["status"] == 0, reply
    return reply


async def names(client: Client, query: str) -> list[str]:
    return [person["wxname"] for person in (await search(client, query))["people"]]


async def test_a_person_who_never_won_is_found_by_any_part_of_the_name_that_others_see(client):
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


async def test_a_treasure_is_found_by_the_middle_of_its_title_and_by_its_orders(client, context, alice, bob):
    await enter(client, LOOK)
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
    order = await context.books.orders.collection.find_one({"code": code})
    bill = await context.books.bills.collection.find_one({"code": code})
    for number in (order["_id"], order["transaction_id"]):
        found = await search(client, number)
        assert [task["code"] for task in found["data"]] == [code]
        assert [person["wxname"] for person in found["people"]] == [alice.data["nickName"]]
    letters = {"_id": "abcdefghijkl" * 2, "transaction_id": "0"}
    await context.books.orders.rows.insert_one({**order, **letters, "code": older})
    assert [task["code"] for task in (await search(client, letters["_id"]))["data"]] == [older]
    found = await search(client, bill["_id"])
    assert [(prize["code"], prize["depth"], prize["by"]) for prize in found["prizes"]] == [(code, 1, "bill")]
    assert [person["wxname"] for person in found["people"]] == [bob.data["nickName"]]


async def test_what_one_prize_alone_has_is_found_before_the_many_of_a_parcel(client, context, alice, bob):
    await enter(client, LOOK)
    code = await alice.won_packet(bob)
    await bob.claim(code)
    [bill] = await context.books.bills.collection.find({"code": code}).to_list(2)
    prize = await context.store.prizes.find(f"{code}:1")
    other = await alice.publish(name="一车杂物")
    named = [{"_id": f"{other}:{n}", "person_id": f"{n}", "beside": f"{n}"} for n in range(1, 61)]
    many = [{**prize, **each, "code": other, "number": bill["_id"]} for each in named]
    await context.store.prizes.collection.insert_many(many)
    found = await search(client, bill["_id"])
    assert [prize["by"] for prize in found["prizes"]] == ["bill", *["parcel"] * 49]
    assert [person["wxname"] for person in found["people"]] == [bob.data["nickName"]]
    assert [task["code"] for task in found["data"]] == [code, other]


async def test_goods_are_found_by_parcel_and_phone_but_not_by_who_may_only_look(client, context, alice, bob):
    code = await alice.won_goods(bob, draw_type=2, cd=0)
    where = {"receiver": "小波", "phone": PHONE, "address": "北京市望京街 1 号"}
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


async def test_a_bad_search_is_refused_and_a_token_is_not_looked_for(client, context, monkeypatch, caplog):
    caplog.set_level("DEBUG")
    await enter(client, LOOK)
    for query in ("", "强", " 强 ", " \n ", "\u200d", "长" * 65, "长" * 10_000, ["a"], {"$gt": ""}):
        assert (await client.post("/ops/search", query=query))["error"] == "bad_request", query
    searched = meanwhile(monkeypatch, People, "search")
    assert await search(client, ACT) == await search(client, "b" + ACT[1:])
    assert [len(text) for _, text, *_ in searched] == [len(ACT)] * 2
    assert "/ops/search" in caplog.text
    for kept in (str(searched), caplog.text, str(await everything(context))):
        assert ACT not in kept
    assert (await client.get("/ops/search", query="a"))["error"] != ""
