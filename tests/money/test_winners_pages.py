"""The publisher's list of winners: twenty a page, overdue prizes first, and the upload of its table."""

from __future__ import annotations

import csv
import io
from base64 import b64encode

from server.actions.money import ship_all
from server.context import Context
from server.game.amounts import DAY_MS
from support.client import Client, Someone

ADDRESS = {"receiver": "王小红", "phone": "13800001111", "address": "杭州市西湖区文三路 90 号"}
HEAD = ("深度", "中奖者", "快递公司", "运单号")


async def winners(client: Client, context: Context, number: int) -> tuple[Someone, str]:
    """Return a publisher and a task of which this many people won a prize and gave an address."""
    alice, *people = await client.log_in_all("alice", *(f"p{n}" for n in range(number)))
    code = await alice.publish(prize_num=number, interval=1, fluctuation=0, forecast_num=number)
    for each in people:
        await each.win(code)
        assert (await each.claim(code, **ADDRESS))["is_draw"] == 1
    return alice, code


def a_table(*rows: tuple[str, ...], head: tuple[str, ...] = HEAD, encoding: str = "utf-8-sig") -> str:
    text = io.StringIO()
    csv.writer(text).writerows([head, *rows])
    return b64encode(text.getvalue().encode(encoding)).decode()


async def test_what_is_overdue_is_first_and_a_page_has_twenty_of_what_is_wanted(client, context):
    alice, code = await winners(client, context, 21)
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
    alice, code = await winners(client, context, 7)
    mallory = await client.log_in("mallory")
    rows = (
        ("1", "p0", "顺丰", "SF 1234567890"),
        ("2", "p1", "", ""),
        ("3", "p9", "中通", "ZT12345678"),
        ("4", "p3", "闪电", "ZT12345678"),
        ("5", "p4", "中通", '=HYPERLINK("x")'),
        ("6", "p5", "中通", "1.23E+12"),
        ("99", "p6", "中通", "ZT12345678"),
        ("7", "p6", "圆通", "YT12345678"),
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
    # A second upload changes nothing, and rows that are known are not listed again.
    again = (await alice.post("/shipPrizes", code=code, table=table))["data"]
    assert [row["row"] for row in again] == [4, 5, 6, 7, 8]
    # A spreadsheet saved it in GB 18030.
    saved = a_table(("4", "p3", "德邦", "DB12345678"), encoding="gb18030")
    assert (await alice.post("/shipPrizes", code=code, table=saved))["data"][0]["refused"] == ""
    # Two rows for one prize, a file that is no table, and too many rows at once.
    twice = a_table(("2", "p1", "中通", "ZT11111111"), ("2", "p1", "中通", "ZT22222222"))
    both = (await alice.post("/shipPrizes", code=code, table=twice))["data"]
    assert ["两行" in row["refused"] for row in both] == [True, True]
    short = await alice.post("/shipPrizes", code=code, table=a_table(head=("深度", "中奖者", "运单号")))
    assert (short["error"], "快递公司" in short["msg"]) == ("bad_request", True)
    monkeypatch.setattr(ship_all, "MOST_CHANGES", 1)
    refused = await alice.post("/shipPrizes", code=code, table=table)
    assert (refused["error"], "什么都没有记" in refused["msg"]) == ("bad_request", True)
    # Rows that were not handled in time are reported, too.
    monkeypatch.setattr(ship_all, "SECONDS", -1)
    monkeypatch.setattr(ship_all, "MOST_CHANGES", 100)
    late = await alice.post("/shipPrizes", code=code, table=a_table(("2", "p1", "中通", "ZT11111111")))
    assert "没有轮到" in late["data"][0]["refused"]
