"""A publisher after the wins: whose addresses they see, what they send, their lists and their statement."""

import asyncio
import csv
import io
from base64 import b64encode
from typing import Any

import pytest

from server.actions.prizes import ship_all
from server.actions.prizes.ship import CARRIERS
from server.errors import NotShippable
from server.leading.sweep import sweep
from support.client import ADDRESS, Client, Someone
from support.meanwhile import failing
from support.operators import hide, operator
from support.purse import DAY_MS, find, let_pass, only, rest, sweep_after, sweep_until_quiet

PARCEL = {"carrier": "顺丰", "number": "SF1234567890"}


async def addressed(client: Client, **parameters: Any) -> tuple[Someone, Someone, str]:
    """Return a publisher, and a winner who has given an address for the only prize of this task."""
    alice, bob = await client.log_in_all("alice", "bob")
    code = await alice.won_goods(bob, **parameters)
    assert (await bob.claim(code, **ADDRESS))["is_draw"] == 1
    return alice, bob, code


async def seen(winner: Someone, publisher: Someone, code: str) -> set[tuple[Any, ...]]:
    """Return the views that winner and publisher have of the prize, each different view once."""
    [card] = (await winner.get("/getMyPrize"))["data"]
    [row] = (await publisher.get("/getWinners", code=code))["data"]
    drawn = await winner.claim(code)
    details = await winner.get("/getTaskDetails", code=code)
    card["state"] = card["prize_state"]
    names = ("is_draw", "state", "carrier", "number", "sent_at", "received_at")
    assert (details["is_draw"], details["prize_state"]) == (card["is_draw"], card["state"])
    return {tuple(view[name] for name in names) for view in (card, row, drawn)}


async def ship(publisher: Someone, code: str, **changes: Any) -> dict[str, Any]:
    return await publisher.post("/shipPrize", **({"code": code, "depth": 1, **PARCEL} | changes))


async def winners(
    client: Client, number: int, owner: str = "alice", **parameters: Any
) -> tuple[Someone, str]:
    """Return a publisher and a task of which this many people won a prize and gave an address."""
    publisher, *people = await client.log_in_all(owner, *(f"p{n}" for n in range(number)))
    code = await publisher.won_goods(*people, **parameters)
    for each in people:
        assert (await each.claim(code, **ADDRESS))["is_draw"] == 1
    return publisher, code


async def table(publisher: Someone, code: str) -> list[dict[str, str]]:
    """Return the winners' table as a spreadsheet reads it."""
    response = await publisher.fetch("/getWinners", code=code, format="csv")
    return list(csv.DictReader(io.StringIO(response.content.decode("utf-8-sig"))))


async def test_a_parcel_may_be_corrected_for_a_day(client, context):
    alice, bob, code = await addressed(client)
    sent = await ship(alice, code, number=" SF 1234 5678 ")
    assert sent["number"] == "SF12345678"
    corrected = await ship(alice, code, carrier="中通", number="ZT0001")
    assert (corrected["carrier"], corrected["number"]) == ("中通", "ZT0001")
    assert corrected["sent_at"] == sent["sent_at"]
    await let_pass(context, DAY_MS + 1000)
    late = await ship(alice, code)
    assert (late["error"], "24 小时" in late["msg"]) == ("not_shippable", True)
    assert (await ship(alice, code, carrier="中通", number="ZT0001"))["status"] == 0
    assert {view[2:4] for view in await seen(bob, alice, code)} == {("中通", "ZT0001")}


async def test_goods_whose_winner_says_nothing_count_as_received_after_15_days(client, context):
    alice, bob, code = await addressed(client)
    await ship(alice, code)
    await sweep_until_quiet(context, 15 * DAY_MS - 60_000)  # the last look is a minute too early
    assert {view[1] for view in await seen(bob, alice, code)} == {"sent"}
    await sweep_after(context, 60_001)
    assert {view[1] for view in await seen(bob, alice, code)} == {"received"}
    assert (await bob.post("/receivePrize", code=code))["state"] == "received"


async def test_only_the_publisher_sends_and_only_what_has_an_address(client, context, carol):
    alice, bob, code = await addressed(client)
    site = await alice.publish(forecast_num=1, draw_type=1)
    unclaimed = await alice.publish(forecast_num=1)
    for won in (site, unclaimed):
        await carol.win(won)
    before = await find(context, "prizes")
    refused = [
        (await ship(bob, code), "not_yours"),
        (await ship(alice, "0" * 12), "no_such_task"),
        (await ship(alice, code, depth=2), "not_shippable"),
        (await ship(alice, site), "not_shippable"),
        (await ship(alice, unclaimed), "not_shippable"),
        (await ship(alice, code, number="SF"), "bad_request"),
        (await ship(alice, code, number="SF-12345"), "bad_request"),
        (await ship(alice, code, carrier="加微信 abc"), "bad_request"),
        (await ship(alice, code, depth=0), "bad_request"),
        (await ship(Someone(client, alice.unionid, "", {}, send_token=False), code), "token_required"),
        (await carol.post("/receivePrize", code=code), "not_won"),
        (await alice.post("/receivePrize", code=code), "not_won"),
        (await carol.post("/receivePrize", code=site), "not_sent"),
    ]
    assert [reply.get("error") for reply, _ in refused] == [error for _, error in refused]
    assert await find(context, "prizes") == before
    typed = ({"carrier": "顺风"}, {"number": "1-2-3"})
    wrong = [(await ship(alice, code, **each))["msg"] for each in typed]
    assert wrong == [f"“快递公司”应为{'、'.join(CARRIERS)}之一", "“运单号”应为 5 到 40 位字母或数字"]
    assert (await ship(alice, code))["status"] == 0
    paths = ("/getTaskDetails", "/getWinners", "/getTaskUser")
    others = [await carol.get(path, code=code, page=1) for path in paths]
    assert PARCEL["number"] not in repr(others)


async def test_address_and_parcel_are_deleted_90_days_after_the_prize_was_given_or_received(client, context):
    alice, code = await winners(client, 2)

    async def shown() -> list[tuple[str, str, int]]:
        rows = (await alice.get("/getWinners", code=code))["data"]
        return [(row["address"], row["number"], row["address_deleted"]) for row in rows]

    unsent = (ADDRESS["address"], "", 0)
    sent = (ADDRESS["address"], PARCEL["number"], 0)
    deleted = ("", "", 1)
    await let_pass(context, 89 * DAY_MS)
    await ship(alice, code, depth=2)
    await sweep_after(context, DAY_MS - 60_000)
    assert await shown() == [unsent, sent]
    await sweep_after(context, 60_001)
    assert await shown() == [deleted, sent]
    assert [row["地址"] for row in await table(alice, code)] == ["（已删除）", ADDRESS["address"]]
    assert (await client.people["p0"].claim(code, **ADDRESS))["error"] == "claim_over"
    await client.people["p1"].post("/receivePrize", code=code)
    await sweep_after(context, 90 * DAY_MS - 60_000)
    assert await shown() == [deleted, sent]
    await sweep_after(context, 60_001)
    assert await shown() == [deleted, deleted]
    prizes = [(prize["state"], "address_box" in prize) for prize in await find(context, "prizes")]
    assert prizes == [("given", False), ("received", False)]


ENVIRONMENT = {"REPORTS_TO_HOLD": "3"}


async def read(owner: Someone, code: str) -> list[int]:
    """Return the depths of the addresses that the publisher can read."""
    rows = (await owner.get("/getWinners", code=code))["data"]
    assert all(bool(row["address"]) == bool(row["phone"]) == bool(row["receiver"]) for row in rows)
    return [row["depth"] for row in rows if row["address"]]


async def test_a_parcels_number_counts_once_for_a_publisher(client, context):
    (_, first_code), (alice, second_code) = [await winners(client, 2) for _ in range(2)]
    codes = [first_code, second_code]
    amy, others = await winners(client, 1, "amy")
    at_once = await asyncio.gather(*(ship(alice, codes[0], depth=depth) for depth in (1, 2)))
    assert sorted(reply.get("error", "") for reply in at_once) == ["", "not_shippable"]
    [first] = [prize["depth"] for prize in await find(context, "prizes", state="sent")]
    replies = [
        await ship(alice, codes[0], depth=first),  # the same again
        await ship(alice, codes[1], depth=first),  # another prize of this winner, in the same parcel
        await ship(alice, codes[1], depth=3 - first),
        await ship(alice, codes[1], depth=3 - first, carrier="其他"),
        await ship(alice, codes[0], depth=3 - first, number="SF0000002"),
        await ship(alice, codes[0], depth=3 - first),  # corrected to a number that is taken
        await ship(amy, others),  # she may be right, and who uses a number first need not be
    ]
    refused = "这个运单号已经记给了另一位中奖者，请核对"
    assert [reply.get("msg", "") for reply in replies] == ["", "", refused, refused, "", refused, ""]


async def test_a_reported_taken_down_or_frozen_treasure_shows_no_addresses(client, context):
    alice, code = await winners(client, 3, prizes=4)
    people = [client.people[f"p{k}"] for k in range(3)]
    await operator(client)

    async def closed(why: str) -> None:
        shown = await alice.get("/getWinners", code=code)
        assert why in shown["addresses_closed"]
        assert [row["wxname"] for row in shown["data"]] == [each.data["nickName"] for each in people]
        assert not any(row["receiver"] or row["phone"] or row["address"] for row in shown["data"])
        refused = (await alice.fetch("/getWinners", code=code, format="csv")).json()
        assert (refused["error"], why in refused["msg"]) == ("addresses_closed", True)
        assert ADDRESS["phone"] not in str(refused)

    for what in ("task", "person"):
        assert await read(alice, code) == [1, 2, 3]
        await client.post("/ops/freeze", what=what, code=code, depth=0, reason="看一看")
        await closed("冻结")
        await client.post("/ops/release", what=what, code=code, depth=0, reason="没有问题")
    one = {"what": "prize", "code": code, "depth": 1, "reason": "看一看"}
    await client.post("/ops/freeze", **one)
    assert await read(alice, code) == [2, 3]
    await client.post("/ops/release", **one)
    await hide(client, code, 1)
    await closed("下架")
    await hide(client, code, 0, "没有问题")
    assert await read(alice, code) == [1, 2, 3]
    long_ago = {"$set": {"created_at": context.clock.now_ms() - DAY_MS - 1}}
    await context.store.people.collection.update_many({}, long_ago)
    for each in people:
        await each.get("/getTaskDetails", code=code)
        await each.post("/report", code=code, reason="fraud")
    await closed("举报")
    assert (await ship(alice, code, depth=1))["status"] == 0  # the parcel is on its way already
    await let_pass(context, DAY_MS + 1)
    await sweep(context)
    assert await read(alice, code) == [1, 2, 3]


async def test_the_table_of_what_nobody_sends_is_given_also_under_report(client, context, alice, bob):
    code = await alice.publish(draw_type=1, forecast_num=1)
    await bob.dig(code)
    await rest(context)
    await operator(client)
    await hide(client, code, 1)
    assert (await alice.fetch("/getWinners", code=code, format="csv")).status_code == 200
    assert (await alice.get("/getWinners", code=code))["addresses_closed"] == ""


HEAD = ("深度", "中奖者", "快递公司", "运单号")


def a_table(*rows: tuple[str, ...], head: tuple[str, ...] = HEAD, encoding: str = "utf-8-sig") -> str:
    text = io.StringIO()
    csv.writer(text).writerows([head, *rows])
    return b64encode(text.getvalue().encode(encoding)).decode()


@pytest.mark.changes_ledger
async def test_what_is_overdue_is_first_and_a_page_has_twenty_of_what_is_wanted(client, context):
    alice, code = await winners(client, 2)
    prize = await only(context, "prizes", depth=2)
    del prize["address_box"]  # it opens for this prize alone
    others = [{"_id": f"{code}:{n}", "depth": n, "person_id": f"{n}", "beside": f"{n}"} for n in range(3, 22)]
    await context.store.prizes.rows.insert_many([prize | other for other in others])
    long_ago = {"$set": {"given_at": context.clock.now_ms() - 4 * DAY_MS}}
    await context.store.prizes.collection.update_one({"code": code, "depth": 5}, long_ago)
    await alice.post("/shipPrize", code=code, depth=1, carrier="顺丰", number="SF12345678")

    async def depths(**asked: str | int) -> tuple[list[int], int]:
        reply = await alice.get("/getWinners", code=code, **asked)
        return [row["depth"] for row in reply["data"]], reply["number"]

    assert await depths() == (list(range(1, 22)), 21)
    assert await depths(page=1) == ([5, 1, 2, 3, 4, *range(6, 21)], 21)
    assert await depths(page=2) == ([21], 21)
    assert await depths(page=1, wanted="done") == ([1], 1)
    assert await depths(page=1, wanted="to_send") == ([5, 2, 3, 4, *range(6, 22)], 20)
    assert await depths(page=1, wanted="gone") == ([], 0)
    [row, *_] = (await alice.get("/getWinners", code=code, page=1))["data"]
    assert row["overdue"] == 1


async def test_a_table_is_checked_row_by_row_and_what_is_refused_is_said(client, context, monkeypatch):
    alice, code = await winners(client, 7)
    mallory = await client.log_in("mallory")
    rows = (
        ("1", "p0", "顺丰", "SF 1234567890"),
        ("2", "p1", "", ""),
        ("3", "p9", "中通", "ZT12345678"),
        ("4", "p3", "闪电", "ZT12345678"),
        ("5", "p4", "中通", '=HYPERLINK("x")'),
        ("6", "p5", "中通", "1.23E+12"),
        ("99", "p6", "中通", "ZT12345678"),
        ("7", "p6", "圆通速递", "YT12345678"),
    )
    table = a_table(*rows)
    assert (await mallory.post("/shipPrizes", code=code, table=table))["error"] == "not_yours"
    found = (await alice.post("/shipPrizes", code=code, table=table))["data"]
    said = {row["row"]: row["refused"] for row in found}
    assert (said.pop(2), said.pop(9)) == ("", "")
    words = {4: "中奖者不是他", 5: "不认识这个快递公司", 6: "公式", 7: "科学记数", 8: "没有人中奖"}
    assert said.keys() == words.keys()
    assert all(word in said[row] for row, word in words.items())
    sent = [row["number"] for row in (await alice.get("/getWinners", code=code))["data"]]
    assert sent == ["SF1234567890", "", "", "", "", "", "YT12345678"]
    # A second upload changes nothing. Rows that were taken the first time are not listed again.
    again = (await alice.post("/shipPrizes", code=code, table=table))["data"]
    assert [row["row"] for row in again] == [4, 5, 6, 7, 8]
    # A table that a spreadsheet saved in GB 18030 is read, too.
    saved = a_table(("4", "p3", "德邦", "DB12345678"), encoding="gb18030")
    assert (await alice.post("/shipPrizes", code=code, table=saved))["data"][0]["refused"] == ""
    # Refused are two rows for one prize, a file that is no table, and too many rows at once.
    twice = a_table(("2", "p1", "中通", "ZT11111111"), ("2", "p1", "中通", "ZT22222222"))
    both = (await alice.post("/shipPrizes", code=code, table=twice))["data"]
    assert ["两行" in row["refused"] for row in both] == [True, True]
    short = await alice.post("/shipPrizes", code=code, table=a_table(head=("深度", "中奖者", "运单号")))
    assert (short["error"], "快递公司" in short["msg"]) == ("bad_request", True)
    saved = a_table(("4", "p3", "德邦", "DB12345678"), encoding="utf-16")
    unread = await alice.post("/shipPrizes", code=code, table=saved)
    assert (unread["error"], "逗号分隔" in unread["msg"]) == ("bad_request", True)
    monkeypatch.setattr(ship_all, "MOST_CHANGES", 1)
    refused = await alice.post("/shipPrizes", code=code, table=table)
    assert (refused["error"], "什么都没有记" in refused["msg"]) == ("bad_request", True)
    # Rows that were not handled in time are reported, too.
    monkeypatch.setattr(ship_all, "SECONDS", -1)
    monkeypatch.setattr(ship_all, "MOST_CHANGES", 100)
    late = await alice.post("/shipPrizes", code=code, table=a_table(("2", "p1", "中通", "ZT11111111")))
    assert "没有轮到" in late["data"][0]["refused"]


async def test_a_table_older_than_an_address_is_not_noted_for_its_winner(client, context, monkeypatch):
    alice, code = await winners(client, 2)
    moved = client.people["p0"]

    async def upload(rows: list[dict[str, str]]) -> list[str]:
        filled = [{**row, "快递公司": "顺丰", "运单号": f"SF1234567{row['深度']}"} for row in rows]
        sent = a_table(*(tuple(row.values()) for row in filled), head=tuple(filled[0]))
        return [row["refused"] for row in (await alice.post("/shipPrizes", code=code, table=sent))["data"]]

    taken = await table(alice, code)
    assert (await moved.claim(code, **{**ADDRESS, "address": "-杭州市 上城区清泰街 1 号"}))["is_draw"] == 1
    first, second = await upload(taken)
    assert ("改过地址" in first, second) == (True, "")
    unread = [row | {"收货人": "", "地址": ""} for row in taken]
    monkeypatch.setattr(ship_all, "ship", failing(NotShippable("记到这一步了")))
    assert await upload(unread[:1]) == ["记到这一步了"]
    await moved.claim(code, **{**ADDRESS, "address": "'杭州市上城区清泰街 2 号"})
    assert await upload(await table(alice, code)) == ["记到这一步了"]
    monkeypatch.undo()
    await moved.claim(code, **{**ADDRESS, "address": "-杭州市 上城区清泰街 1 号"})
    assert [row["状态"] for row in await table(alice, code)] == ["待寄出", "已寄出"]
    assert await upload(await table(alice, code)) == [""]


async def test_a_red_packets_statement_follows_its_money(context, alice, bob, carol, dave):
    code = await alice.publish_packet(prizes=3)

    async def said() -> dict[str, Any]:
        return await alice.get("/getStatement", code=code)

    assert (await bob.get("/getStatement", code=code))["error"] == "not_yours"
    money = ("paid_fen", "given_fen", "refunded_fen", "held_fen")
    assert [(await said())[name] for name in money] == [0, 0, 0, 0]
    await alice.pay(code, 6)
    assert [(await said())[name] for name in money] == [600, 0, 0, 600]
    shared = await bob.get("/getTaskDetails", code=code)
    for newcomer in (carol, dave):
        await newcomer.get("/getTaskDetails", code=shared["share"])
    for winner in (bob, carol):
        await winner.win(code)
    await bob.take(code)
    statement = await said()
    assert [statement[name] for name in money] == [600, 200, 0, 400]
    assert [statement[name] for name in ("participants", "digs", "max_depth")] == [2, 2, 3]
    assert [statement[name] for name in ("opened", "sharers", "brought")] == [3, 1, 2]
    assert [statement[name] for name in ("prize_num", "prizes_won", "prizes_given")] == [3, 2, 1]
    for _ in range(2):
        await sweep_until_quiet(context, 31 * DAY_MS)
    assert [(await said())[name] for name in money] == [600, 200, 400, 0]
