"""The table of a month's winners for a tax return: who may get it, its contents, and its entry in the log."""

from __future__ import annotations

import asyncio
import csv
import io
from collections.abc import AsyncGenerator
from datetime import datetime
from typing import Any

import httpx
import pytest

from handlers.money.prizes import ADDRESS_DELETED
from handlers.tables import BEIJING
from server.actions import operate
from server.actions.people import erase as erasing
from server.context import Context
from server.store.money.prizes import GIVEN_AT_ONCE, Prize, Prizes
from support.client import Client
from support.operators import begin_and_hang_up

MONEY, ACT = "zhao's own token", "wang's own token"
ASKED = {"month": "2026-11", "reason": "报税"}
WHERE = {"receiver": "=HYPERLINK(1)", "phone": "13800001111", "address": "杭州市西湖区文三路 90 号"}


ENVIRONMENT = {"OPS_TOKENS": f"老王:act:{ACT},赵会计:money:{MONEY}"}


def ms(*moment: int) -> int:
    return int(datetime(*moment, tzinfo=BEIJING).timestamp() * 1000)  # type: ignore[misc, arg-type]


async def won(client: Client, context: Context) -> dict[str, str]:
    """Let three prizes be won and two given: goods by mail of 2,999 yuan, and a red packet of 2."""
    alice, bob = await client.log_in_all("alice", "bob")
    codes = {"mailed": await alice.publish(name="@电视", forecast_num=1, value=2999)}
    await bob.win(codes["mailed"])
    assert (await bob.claim(codes["mailed"], **WHERE))["is_draw"] == 1
    codes["packet"] = await alice.won_packet(bob)
    await bob.take(codes["packet"])
    codes["unclaimed"] = await alice.publish(forecast_num=1)
    await bob.win(codes["unclaimed"])
    return codes


async def given_at(context: Context, code: str, at_ms: int) -> None:
    await context.store.prizes.rows.update_one({"code": code}, {"$set": {"given_at": at_ms}})


async def table(client: Client, **asked: str) -> list[dict[str, str]]:
    found = await client.http.post("/ops/winners", json=ASKED | asked)
    assert found.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert found.headers["Content-Disposition"].endswith(f'"winners-{(ASKED | asked)["month"]}.csv"')
    return list(csv.DictReader(io.StringIO(found.content.decode("utf-8-sig"))))


async def test_a_months_winners_are_exported_by_the_role_money_alone_and_logged(client, context, monkeypatch):
    monkeypatch.setattr(operate, "EXPORTED_AT_ONCE", 1)
    codes = await won(client, context)
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


async def test_erased_winners_are_told_apart_by_their_pseudonyms(client, context, monkeypatch):
    monkeypatch.setattr(erasing, "UNDER_WAY_SECONDS", 0.0)
    monkeypatch.setattr(erasing, "REMEMBERED_SECONDS", 0.0)
    codes = await won(client, context)
    for code in (codes["mailed"], codes["packet"]):
        await given_at(context, code, ms(2026, 11, 2))
    await erasing.erase(context.store, client.people["bob"].unionid, "forgotten:" + "0" * 32)
    await client.post("/ops/login", token=MONEY)
    rows = await table(client)
    assert [(row["中奖者"], row["电话"]) for row in rows] == [(f"已注销 forgotten:{'0' * 32}", "")] * 2
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
    monkeypatch.setattr(operate, "EXPORTED_AT_ONCE", 1)
    codes = await won(client, context)
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


async def test_an_export_whose_client_hangs_up_reads_no_further_and_ends_its_cursor(
    trips, client, context, settings, monkeypatch
):
    codes = await won(client, context)
    prize = await context.store.prizes.find(f"{codes['packet']}:1")
    assert prize is not None
    given, prizes = {"given_at": ms(2026, 11, 2), "wxname": "长" * 3_000}, 1_000
    for first in range(0, prizes, 100):
        batch = [{**prize, **given, "_id": f"{n}", "unionid": f"{n}"} for n in range(first, first + 100)]
        await context.store.prizes.rows.insert_many(batch)
    read, ended, given_between = list[str](), asyncio.Event(), Prizes.given_between

    async def watched(self: Prizes, from_ms: int, until_ms: int) -> AsyncGenerator[Prize]:
        found = given_between(self, from_ms, until_ms)
        try:
            async for prize in found:
                read.append(prize["_id"])
                yield prize
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
