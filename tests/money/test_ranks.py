"""Prizes of several kinds in one treasure: published, paid in, drawn, claimed and refunded to the fen."""

import csv
import io
import json
from typing import Any

import msgspec
import pytest

from server.actions.digging.end_task import end_task_as_operator
from server.cash.audit import audit
from server.game import draw
from support.client import Someone, a_picture
from support.invariants import check_history
from support.purse import DAY_MS, expect_balance, find, rest, sweep_until_quiet

NONCE = "00112233445566778899aabbccddeeff"
TEN: list[dict[str, Any]] = [
    {"name": "大奖 iPhone", "prize_num": 1, "value": 8000},
    *({"name": f"红包 {fen}", "prize_num": 1, "money_fen": fen} for fen in range(10, 17)),
    {"name": "两元", "prize_num": 1, "money": 2},
    {"name": "拼手气", "prize_num": 2, "sum_fen": 25},
]
TOTAL_FEN = sum(range(10, 17)) + 200 + 25


async def draft(someone: Someone, kinds: list[dict[str, Any]], **changes: Any) -> dict[str, Any]:
    """Return the parameters of a treasure with several kinds of prizes, in which each dig wins."""
    number = sum(each["prize_num"] for each in kinds)
    asked = {"goods_type": 1, "draw_type": 2, "name": "什么都有", "prize_num": number, "forecast_num": number}
    asked |= {"interval": 1, "fluctuation": 0, "cd": 0, "prizes": kinds, "nonce": NONCE}
    half = await someone.get("/commitment")
    return asked | {"sealed_seed": half["sealed_seed"]} | changes


@pytest.mark.changes_ledger
async def test_ten_kinds_of_prizes_of_which_nine_are_gone_at_the_end_balance_to_the_fen(client, context):
    alice, *crowd = await client.log_in_all("alice", *(f"digger{n}" for n in range(10)))
    published = await alice.post("/postTask", **await draft(alice, TEN, prizes=json.dumps(TEN)))
    assert (published["need_pay"], published["owed"], published["owed_fen"]) == (1, 4, TOTAL_FEN)
    code = published["code"]
    assert (await alice.post("/payTask", code=code, money=3))["error"] == "wrong_amount"
    await alice.pay(code, 4)
    page = await crowd[0].get("/getTaskDetails", code=code)
    assert (page["goods_type"], page["money"], page["rank"]) == (1, 0, 0)
    assert [rank["name"] for rank in page["ranks"]] == [rank["name"] for rank in TEN]
    rules = {rule["title"]: rule["text"] for rule in (await alice.get("/getRules", code=code))["rules"]}
    assert "“大奖 iPhone”，实物，邮寄，发布者说每份值 8000 元，1 份" in rules["奖品"]
    assert "“拼手气”，现金红包，一起分 0.25 元，各份多少由随机数定，2 份" in rules["奖品"]

    won = [await each.dig(code) for each in crowd]
    await rest(context)
    await check_history(context, code)
    shown = await alice.get("/getTaskDetails", code=code)
    assert sorted(rank["prizes_left"] for rank in shown["ranks"]) == [0] * 9 + [1]
    await end_task_as_operator(context, code, "够了")
    proof = msgspec.convert(await alice.get("/getProof", code=code), draw.Proof)
    assert draw.differences(proof, page["commitment"]) == []
    proven = list(zip(proof.winning_ranks, proof.winning_fen, strict=True))
    assert [(dug["rank"], dug["money_fen"]) for dug in won] == proven[:10]
    for each, dug in zip(crowd[1:], won[1:], strict=True):  # the first winner never claims
        [listed] = (await each.get("/getMyPrize"))["data"]
        kind = 2 if dug["rank"] == 1 else 1
        expected = [kind, kind, dug["rank"], dug["money_fen"]]
        assert [listed[of] for of in ("goods_type", "draw_type", "rank", "money_fen")] == expected
        claimed = await each.claim(code, receiver="李", phone="13800001111", address="杭州市文三路 1 号")
        if dug["rank"] > 1:
            assert claimed["money_fen"] == dug["money_fen"]
            assert (await client.confirm(claimed["package_info"])).endswith(":ok")
    response = await alice.fetch("/getWinners", code=code, format="csv")
    rows = list(csv.reader(io.StringIO(response.content.decode("utf-8-sig"))))
    assert [row[-1] for row in rows] == ["奖品", *(TEN[dug["rank"] - 1]["name"] for dug in won)]

    await sweep_until_quiet(context, (context.settings.claim_days + 1) * DAY_MS)
    refunds = sum(refund["amount_fen"] for refund in await find(context, "refunds"))
    paid = sum(bill["amount_fen"] for bill in await find(context, "bills") if bill["state"] == "given")
    assert paid + refunds == TOTAL_FEN
    assert {prize["state"] for prize in await find(context, "prizes")} == {"given", "returned"}
    await expect_balance(context)
    # An audit does not know the single shares, but it compares the won sum with the written prizes.
    await context.store.prizes.collection.update_one({"rank": 10}, {"$inc": {"amount_fen": 1}})
    assert "prizes_sum" in {found.what for found in (await audit(context.store)).differences}


async def test_goods_of_several_kinds_need_no_payment_and_old_clients_see_one(context, alice, bob):
    url = (await alice.upload(a_picture()))["url"]
    prizes = [{"name": "一等奖", "prize_num": 1}, {"name": "二等奖", "prize_num": 1}]
    asked = await draft(alice, prizes, goods_type=2, draw_type=1, url=url, value=9, money=9)
    published = await alice.post("/postTask", **asked)
    assert (published["status"], published["need_pay"]) == (0, 0), published
    code = published["code"]
    [card] = [each for each in (await bob.get("/getTaskList"))["data"] if each["code"] == code]
    assert (card["goods_type"], card["draw_type"], card["money"], card["prize_num"]) == (2, 1, 0, 2)
    assert [rank["name"] for rank in card["ranks"]] == ["一等奖", "二等奖"]
    dug = await bob.dig(code)
    await rest(context)
    claimed = await bob.claim(code)
    assert (claimed["rank"], len(claimed["pickup"])) == (dug["rank"], 6)
    handed = await alice.post("/confirmDraw", code=code, pickup=claimed["pickup"])
    assert (handed["status"], handed["rank"], handed["money_fen"]) == (0, dug["rank"], 0)
    digs = (await alice.get("/getDigs", code=code))["data"]
    assert [(dig["is_prize"], dig["rank"]) for dig in digs] == [(1, dug["rank"])]


GOODS = {"name": "实物", "prize_num": 1}
PACKET = {"name": "红包", "prize_num": 1, "money_fen": 10}


BAD: list[tuple[dict[str, Any], str, str]] = [
    ({"prize_num": 3}, "prize_num", "各种奖品加起来是 2 份"),
    ({"prizes": [PACKET] * 11, "prize_num": 11}, "prizes", "最多 10 种"),
    ({"prizes": []}, "prizes", "最少 1 种"),
    ({"prizes": "[{]"}, "prizes", "JSON"),
    ({"prizes": [GOODS, {**PACKET, "money": 1}]}, "prizes", "第 2 种奖品“红包”的金额只能填一种"),
    ({"prizes": [GOODS, {**PACKET, "money_fen": 9}]}, "prizes", "第 2 种奖品：“每份多少分”"),
    ({"prizes": [GOODS, {**PACKET, "money_fen": 20_001}]}, "prizes", "0.10 元到 200 元"),
    ({"prizes": [{"name": "拼手气", "prize_num": 3, "sum_fen": 29}], "prize_num": 3}, "prizes", "0.30 元到"),
    ({"prizes": [{"name": "拼", "prize_num": 2, "sum_fen": 20_001}]}, "prizes", "到 200 元"),
    ({"prizes": [GOODS, {**PACKET, "sum_fen": 5.5, "money_fen": None}]}, "prizes", "一起分多少分"),
    ({"prizes": [GOODS, {**PACKET, "name": "\u202e\u200b"}]}, "prizes", "第 2 种奖品：“名称”"),
    ({"prizes": [GOODS, {**PACKET, "prize_num": 0}]}, "prizes", "第 2 种奖品：“份数”"),
    ({"goods_type": 2}, "goods_type", "1（红包）"),
    ({"prizes": [GOODS, GOODS]}, "goods_type", "2（实物）"),
    ({"draw_type": None}, "draw_type", "怎么给"),
    ({"sealed_seed": None, "nonce": None}, "sealed_seed", "一起抽"),
]


async def test_ranks_that_cannot_be_are_refused_in_words_and_change_nothing(context, alice):
    good = await draft(alice, [GOODS, PACKET])
    for changes, param, said in BAD:
        reply = await alice.post("/postTask", **(good | changes))
        assert (reply.get("error"), reply.get("param")) == ("bad_request", param), (changes, reply)
        assert said in reply["msg"], reply
    assert await find(context, "tasks") == []


async def test_the_least_sum_is_shared_evenly_and_names_lose_what_turns_the_text_around(alice, bob):
    prizes = [{"name": "拼\u202e手\n气 ", "prize_num": 2, "sum_fen": 20}]
    published = await alice.post("/postTask", **await draft(alice, prizes))
    assert published["owed_fen"] == 20
    await alice.pay(published["code"], 1)
    dug = await bob.dig(published["code"])
    assert (dug["rank"], dug["money_fen"]) == (1, 10)
    page = await bob.get("/getTaskDetails", code=published["code"])
    assert (page["ranks"][0]["name"], page["ranks"][0]["sum_fen"]) == ("拼手 气", 20)
